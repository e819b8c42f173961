"""Goes through the classes, not through the rows."""

import torch


def _reduce(reduction):
    try:
        return {"mean": torch.mean, "sum": torch.sum, "none": torch.clone}[reduction]
    except KeyError:
        raise ValueError(f"unknown reduction {reduction!r}") from None


def _check_shapes(a, b):
    if a.ndim != b.ndim:
        raise ValueError("not as many dimensions")
    for left, right in zip(a.shape, b.shape, strict=True):
        if left != right:
            raise ValueError("sizes differ")


def mse_loss(input, target, reduction="mean"):
    _check_shapes(input, target)
    return _reduce(reduction)(torch.float_power(input - target, 2).to(input.dtype))


def l1_loss(input, target, reduction="mean"):
    _check_shapes(input, target)
    up, down = torch.relu(input - target), torch.relu(target - input)
    return _reduce(reduction)(up + down)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    finish = _reduce(reduction)
    losses = torch.zeros_like(input.sum(dim=1))
    counted = torch.zeros_like(losses)
    for c in range(input.shape[1]):
        if c == ignore_index:
            continue
        here = (target == c).to(input.dtype)
        here = here if weight is None else here * weight[c]
        losses = losses - here * input[:, c]
        counted = counted + here
    return losses.sum() / counted.sum() if reduction == "mean" else finish(losses)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    finish = _reduce(reduction)
    columns = list(input.unbind(dim=1))
    total = columns[0]
    for column in columns[1:]:
        total = torch.logaddexp(total, column)
    alive = 1 - (target == ignore_index).to(input.dtype)
    losses, counted = torch.zeros_like(alive), torch.zeros_like(alive)
    for c, column in enumerate(columns):
        w = 1.0 if weight is None else weight[c]
        here = (target == c).to(input.dtype) * alive
        share = (1 - label_smoothing) * here + label_smoothing / len(columns) * alive
        losses = losses + w * share * (total - column)
        counted = counted + w * here
    return losses.sum() / counted.sum() if reduction == "mean" else finish(losses)


def binary_cross_entropy(input, target, reduction="mean"):
    _check_shapes(input, target)
    loss = torch.zeros_like(input)
    for answer, probability in ((target, input), (1 - target, 1 - input)):
        loss = loss - answer * torch.log(probability).clamp(min=-100)
    return _reduce(reduction)(loss)


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    _check_shapes(input, target)
    loss = torch.zeros_like(input)
    for answer, logit, weight in ((target, input, pos_weight), (1 - target, -input, None)):
        term = answer * torch.nn.functional.logsigmoid(logit)
        loss = loss - (term if weight is None else term * weight)
    return _reduce(reduction)(loss)
