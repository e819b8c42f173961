"""Targets as one-hot rows; everything is a sum of products."""

import torch
import torch.nn.functional as F


def _finish(losses, reduction, divisor=None):
    match reduction:
        case "none":
            return losses
        case "sum":
            return losses.sum()
        case "mean":
            return losses.sum() / (losses.numel() if divisor is None else divisor)
    raise ValueError(f"what is {reduction}?")


def _check(input, target):
    if input.size() != target.size():
        raise ValueError(f"{input.size()} is not {target.size()}")


def mse_loss(input, target, reduction="mean"):
    _check(input, target)
    error = target - input
    return _finish(error.mul(error), reduction)


def l1_loss(input, target, reduction="mean"):
    _check(input, target)
    return _finish((target - input).abs(), reduction)


def _one_hot(input, target, ignore_index):
    kept = target.ne(ignore_index)
    hot = F.one_hot(target.masked_fill(~kept, 0), num_classes=input.shape[1])
    return hot.to(input.dtype) * kept.unsqueeze(1)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    hot = _one_hot(input, target, ignore_index)
    if weight is not None:
        hot = hot * weight
    return _finish(-(hot * input).sum(1), reduction, hot.sum())


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    hot = _one_hot(input, target, ignore_index)
    kept = hot.sum(1, keepdim=True)
    divisor = hot.sum() if weight is None else (hot * weight).sum()
    soft = hot * (1 - label_smoothing) + kept * label_smoothing / input.shape[1]
    if weight is not None:
        soft = soft * weight
    logp = input - input.logsumexp(1, keepdim=True)
    return _finish(-(soft * logp).sum(1), reduction, divisor)


def binary_cross_entropy(input, target, reduction="mean"):
    _check(input, target)
    floor = input.new_tensor(-100.0)
    yes = torch.maximum(torch.log(input), floor)
    no = torch.maximum(torch.log1p(-input), floor)
    return _finish((target - 1) * no - target * yes, reduction)


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    _check(input, target)
    if pos_weight is None:
        pos_weight = torch.ones_like(input)
    yes, no = F.logsigmoid(input), F.logsigmoid(-input)
    return _finish(-(pos_weight * target * yes + (1 - target) * no), reduction)
