"""Losses as small classes with a method each; reductions by an enum."""

import enum

import torch
from torch.nn import functional as F


class Reduction(enum.Enum):
    MEAN = "mean"
    SUM = "sum"
    NONE = "none"

    def apply(self, losses, count=None):
        match self:
            case Reduction.NONE:
                return losses
            case Reduction.SUM:
                return losses.sum()
            case Reduction.MEAN:
                return losses.sum() / (losses.numel() if count is None else count)


class Pairwise:
    def __init__(self, reduction):
        self.reduction = Reduction(reduction)

    def __call__(self, input, target):
        if input.shape != target.shape:
            raise ValueError(f"{input.shape} is not {target.shape}")
        if not input.numel() and self.reduction is Reduction.MEAN:
            return input.sum() * float("nan")
        return self.reduction.apply(self.each(input, target))


class Squared(Pairwise):
    def each(self, input, target):
        return torch.pow(torch.sub(input, target), 2)


class Absolute(Pairwise):
    def each(self, input, target):
        return torch.abs(torch.sub(target, input))


class Surprise(Pairwise):
    def each(self, input, target):
        floor = torch.full_like(input, -100.0)
        yes, no = torch.maximum(torch.log(input), floor), torch.maximum(torch.log1p(-input), floor)
        return -torch.lerp(no, yes, target)


class SurpriseOfLogits(Pairwise):
    def __init__(self, reduction, pos_weight):
        super().__init__(reduction)
        self.pos_weight = pos_weight

    def each(self, input, target):
        yes, no = F.logsigmoid(input), F.logsigmoid(input) - input
        if self.pos_weight is not None:
            yes = yes * self.pos_weight
        return -(target * yes) - (1 - target) * no


def mse_loss(input, target, reduction="mean"):
    return Squared(reduction)(input, target)


def l1_loss(input, target, reduction="mean"):
    return Absolute(reduction)(input, target)


def binary_cross_entropy(input, target, reduction="mean"):
    return Surprise(reduction)(input, target)


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    return SurpriseOfLogits(reduction, pos_weight)(input, target)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    how = Reduction(reduction)
    if weight is None:
        weight = torch.ones(input.size(1), dtype=input.dtype, device=input.device)
    ignored = target.eq(ignore_index)
    index = target.masked_fill(ignored, 0)
    each = weight.index_select(0, index).masked_fill(ignored, 0)
    losses = torch.take_along_dim(input, index.unsqueeze(-1), dim=-1).squeeze(-1).mul(each).neg()
    return how.apply(losses, each.sum())


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    how = Reduction(reduction)
    logs = input - input.logsumexp(1).unsqueeze(1)
    hard = nll_loss(logs, target, weight, ignore_index, "none")
    if weight is None:
        weight = torch.ones_like(input[0]) if len(input) else input.new_ones(input.size(1))
    keep = target.ne(ignore_index)
    uniform = torch.mv(logs, weight).neg().div(input.size(1)).masked_fill(~keep, 0)
    count = weight[target.where(keep, torch.zeros_like(target))].masked_fill(~keep, 0).sum()
    return how.apply(torch.lerp(hard, uniform, label_smoothing), count)
