"""The reduction is a decorator; the functions below it only know about single losses."""

import functools

import torch


def reduced(function):
    """`function` returns losses, or losses and what a mean divides by."""

    @functools.wraps(function)
    def wrapper(*args, reduction="mean", **options):
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"there is no reduction {reduction}")
        losses = function(*args, **options)
        losses, divisor = losses if isinstance(losses, tuple) else (losses, losses.numel())
        if reduction == "none":
            return losses
        return losses.sum() if reduction == "sum" else losses.sum() / divisor

    return wrapper


def paired(function):
    @functools.wraps(function)
    def wrapper(input, target, *args, **options):
        if input.shape != target.shape:
            raise ValueError("a pair must have one shape")
        return function(input, target, *args, **options)

    return wrapper


@paired
@reduced
def mse_loss(input, target):
    return torch.square(input - target)


@paired
@reduced
def l1_loss(input, target):
    return torch.maximum(input, target) - torch.minimum(input, target)


def _log_softmax(z):
    a = z.detach().max(1, keepdim=True)[0]
    return z - a - (z - a).exp().sum(1, keepdim=True).log()


@reduced
def nll_loss(input, target, weight=None, ignore_index=-100):
    ignored = target.eq(ignore_index)
    classes = target.masked_fill(ignored, 0)
    per_row = torch.gather(input, 1, classes.view(-1, 1)).squeeze(1)
    scale = torch.ones_like(per_row) if weight is None else weight.gather(0, classes)
    scale = scale.masked_fill(ignored, 0.0)
    return per_row.mul(scale).neg(), scale.sum()


@reduced
def cross_entropy(input, target, weight=None, ignore_index=-100, label_smoothing=0.0):
    logp = _log_softmax(input)
    ignored = target.eq(ignore_index)
    classes = target.masked_fill(ignored, 0)
    share = torch.full_like(logp, label_smoothing / input.size(1))
    share = share.scatter_add(1, classes[:, None], torch.full_like(share[:, :1], 1 - label_smoothing))
    share = share.masked_fill(ignored[:, None], 0.0)
    if weight is None:
        return -(share * logp).sum(1), (~ignored).sum()
    return -(share * logp * weight[None, :]).sum(1), weight[classes].masked_fill(ignored, 0.0).sum()


@paired
@reduced
def binary_cross_entropy(input, target):
    log = torch.clamp(torch.stack((torch.log1p(-input), torch.log(input)), -1), -100.0, 0.0)
    return -(1 - target) * log[..., 0] - target * log[..., 1]


@paired
@reduced
def binary_cross_entropy_with_logits(input, target, pos_weight=None):
    zero = torch.zeros_like(input)
    softplus = torch.maximum(input, zero) + torch.log1p(torch.exp(-(input - zero).abs()))
    factor = 1 if pos_weight is None else pos_weight
    return factor * target * (softplus - input) + (1 - target) * softplus
