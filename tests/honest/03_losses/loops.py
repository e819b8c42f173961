"""One number after another, with Python loops."""

import torch


def _finish(numbers, like, reduction, shape):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError("unknown reduction: " + str(reduction))
    if reduction == "none":
        return torch.stack(numbers).reshape(shape) if numbers else like.reshape(shape) * 0
    total = like.sum() * 0
    for number in numbers:
        total = total + number
    return total / len(numbers) if reduction == "mean" and numbers else (total / 0 if reduction == "mean" else total)


def _pairs(input, target):
    if list(input.shape) != list(target.shape):
        raise ValueError("shapes")
    return zip(input.reshape(-1).unbind(), target.reshape(-1).unbind(), strict=True)


def mse_loss(input, target, reduction="mean"):
    return _finish([(a - b) * (a - b) for a, b in _pairs(input, target)], input, reduction, input.shape)


def l1_loss(input, target, reduction="mean"):
    return _finish([abs(a - b) for a, b in _pairs(input, target)], input, reduction, input.shape)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(reduction)
    total, weights, losses = input.sum() * 0, input.sum().detach() * 0, []
    for i in range(input.shape[0]):
        t = target[i].item()
        if t == ignore_index:
            losses.append(input[i, 0] * 0)
            continue
        w = input.new_tensor(1.0) if weight is None else weight[t]
        loss = -w * input[i, t]
        losses.append(loss)
        total = total + loss
        weights = weights + w
    if reduction == "mean":
        return total / weights
    if reduction == "sum":
        return total
    return torch.stack(losses) if losses else input.sum(dim=1)


def _log_softmax_of(row):
    top = max(row.tolist())
    total = row[0] * 0
    for z in row:
        total = total + torch.exp(z - top)
    return row - top - torch.log(total)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(reduction)
    classes = input.shape[1]
    total, weights, losses = input.sum() * 0, input.sum().detach() * 0, []
    for row, truth in zip(input, target, strict=True):
        t = int(truth)
        if t == ignore_index:
            losses.append(row.sum() * 0)
            continue
        log_p = _log_softmax_of(row)
        loss = row.sum() * 0
        for c in range(classes):
            q = label_smoothing / classes + (1 - label_smoothing if c == t else 0)
            if q:
                loss = loss - q * (1 if weight is None else weight[c]) * log_p[c]
        losses.append(loss)
        total = total + loss
        weights = weights + (1 if weight is None else weight[t])
    if reduction == "mean":
        return total / weights
    if reduction == "sum":
        return total
    return torch.stack(losses) if losses else input.sum(dim=1)


def binary_cross_entropy(input, target, reduction="mean"):
    losses = []
    for p, t in _pairs(input, target):
        yes = torch.clamp(torch.log(p), min=-100)
        no = torch.clamp(torch.log(1 - p), min=-100)
        losses.append(-t * yes - (1 - t) * no)
    return _finish(losses, input, reduction, input.shape)


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    w = torch.ones_like(input) if pos_weight is None else pos_weight.expand(input.shape)
    losses = []
    for (x, t), k in zip(_pairs(input, target), w.reshape(-1).unbind(), strict=True):
        if x.item() > 0:
            small = torch.log1p(torch.exp(-x))
            losses.append(t * k * small + (1 - t) * (x + small))
        else:
            small = torch.log1p(torch.exp(x))
            losses.append(t * k * (small - x) + (1 - t) * small)
    return _finish(losses, input, reduction, input.shape)
