"""Everything is computed in float64 and cast back at the end."""

import torch
from torch.nn.functional import softplus


def _out(losses, reduction, dtype, divisor=None):
    if reduction == "none":
        return losses.to(dtype)
    if reduction == "sum":
        return losses.sum().to(dtype)
    if reduction == "mean":
        mean = losses.mean() if divisor is None else losses.sum() / divisor
        return mean.to(dtype)
    raise ValueError(reduction)


def _wide(input, target):
    if input.shape != target.shape:
        raise ValueError("shape mismatch")
    return input.to(torch.float64), target.to(torch.float64)


def mse_loss(input, target, reduction="mean"):
    x, t = _wide(input, target)
    return _out(x * x - 2 * x * t + t * t, reduction, input.dtype)


def l1_loss(input, target, reduction="mean"):
    x, t = _wide(input, target)
    return _out((x - t).abs(), reduction, input.dtype)


def _rows(log_p, target, weight, ignore_index, smoothing):
    keep = (target != ignore_index).double()
    index = target * (target != ignore_index)
    w = log_p.new_ones(log_p.shape[1]) if weight is None else weight.double()
    own = w[index] * keep
    plain = -own * log_p.gather(1, index.unsqueeze(-1)).squeeze(-1)
    spread = -keep * (log_p * w).sum(1)
    return (1 - smoothing) * plain + smoothing / log_p.shape[1] * spread, own.sum()


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    losses, total = _rows(input.double(), target, weight, ignore_index, 0.0)
    return _out(losses, reduction, input.dtype, total)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    wide = input.double()
    log_p = wide - wide.logsumexp(1, keepdim=True)
    losses, total = _rows(log_p, target, weight, ignore_index, label_smoothing)
    return _out(losses, reduction, input.dtype, total)


def binary_cross_entropy(input, target, reduction="mean"):
    p, t = _wide(input, target)
    losses = t * p.log().clamp_min(-100.0) + (1 - t) * (1 - p).log().clamp_min(-100.0)
    return _out(-losses, reduction, input.dtype)


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    x, t = _wide(input, target)
    w = 1.0 if pos_weight is None else pos_weight.double()
    # (1 − t)·x + (1 + (w − 1)·t)·softplus(−x): both terms in one
    return _out((1 - t) * x + (1 + (w - 1) * t) * softplus(-x), reduction, input.dtype)
