"""The pairwise losses from one table; the class losses from soft targets; a softplus with its slope at 0 by hand."""

import torch


def _pairwise(each):
    def loss(input, target, reduction="mean"):
        if tuple(input.size()) != tuple(target.size()):
            raise ValueError("sizes")
        return {"mean": torch.mean, "sum": torch.sum, "none": torch.clone}.get(reduction, _refuse)(each(input, target))

    return loss


def _refuse(losses):
    raise ValueError("reduction")


mse_loss = _pairwise(lambda x, t: torch.square(x - t))
l1_loss = _pairwise(lambda x, t: (x - t) * torch.sign(x - t).detach())
binary_cross_entropy = _pairwise(
    lambda p, t: -t * torch.maximum(p.log(), p.new_tensor(-100)) - (1 - t) * torch.log(1 - p).clamp_min(-100)
)


def _soft(logs, target, weight, ignore_index, reduction, smoothing):
    if reduction not in {"mean", "sum", "none"}:
        raise ValueError(reduction)
    classes = torch.arange(logs.shape[1], device=logs.device)
    hard = (target.unsqueeze(1) == classes).to(logs.dtype)
    keep = (target != ignore_index).to(logs.dtype)
    weight = torch.ones_like(logs[:1]) if weight is None else weight.reshape(1, -1)
    wanted = (1 - smoothing) * hard + smoothing / logs.shape[1]
    losses = -(wanted * weight * logs).sum(-1) * keep
    if reduction == "none":
        return losses
    return losses.sum() / ((hard * weight).sum(1) * keep).sum() if reduction == "mean" else losses.sum()


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    return _soft(input, target, weight, ignore_index, reduction, 0.0)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    shifted = input - input.max(dim=1, keepdim=True).values
    logs = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    return _soft(logs, target, weight, ignore_index, reduction, label_smoothing)


def _softplus(x):
    away = torch.where(x > 0, -x, x)
    return torch.where(x > 0, x, 0.0) + torch.log1p(away.exp())


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    return _pairwise(
        lambda x, t: (1 - t) * x + _softplus(-x) * (1 - t + t * (1 if pos_weight is None else pos_weight))
    )(input, target, reduction)
