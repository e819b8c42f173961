"""Boolean masks: the rows that count are taken out, worked on and put back."""

import torch
from torch import nn


def _named(losses, reduction):
    if reduction not in {"none", "mean", "sum"}:
        raise ValueError("reduction is one of none, mean, sum")
    if reduction == "none":
        return losses
    return torch.sum(losses) if reduction == "sum" else torch.mean(losses)


def mse_loss(input, target, reduction="mean"):
    if input.dim() != target.dim() or any(a != b for a, b in zip(input.shape, target.shape, strict=True)):
        raise ValueError("shapes")
    return _named(torch.pow(torch.abs(torch.sub(input, target)), 2), reduction)


def l1_loss(input, target, reduction="mean"):
    if input.dim() != target.dim() or any(a != b for a, b in zip(input.shape, target.shape, strict=True)):
        raise ValueError("shapes")
    difference = input - target
    return _named(difference * torch.sign(difference), reduction)


def _masked(rows, target, weight, ignore_index, reduction, smoothing):
    """`rows` are log-probabilities."""
    if reduction not in {"none", "mean", "sum"}:
        raise ValueError("reduction is one of none, mean, sum")
    mask = target != ignore_index
    kept, classes = rows[mask], target[mask]
    if weight is None:
        weight = torch.ones(rows.size(1), dtype=rows.dtype, device=rows.device)
    own = weight[classes]
    losses = (1 - smoothing) * own * kept[torch.arange(len(kept), device=rows.device), classes]
    losses = losses + smoothing / rows.size(1) * (kept * weight).sum(-1)
    if reduction == "sum":
        return -losses.sum()
    if reduction == "mean":
        return -losses.sum() / own.sum()
    return torch.zeros_like(rows[:, 0]).masked_scatter(mask, -losses)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    return _masked(input, target, weight, ignore_index, reduction, 0.0)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    top = input.amax(dim=1, keepdim=True).detach()
    rows = input - (torch.exp(input - top).sum(dim=1, keepdim=True).log() + top)
    return _masked(rows, target, weight, ignore_index, reduction, label_smoothing)


def binary_cross_entropy(input, target, reduction="mean"):
    if input.shape != target.shape:
        raise ValueError("shapes")
    smallest = torch.full_like(input, -100.0)
    yes, no = torch.log(input), torch.log1p(-input)
    yes = torch.where(yes < -100, smallest, yes)
    no = torch.where(no < -100, smallest, no)
    return _named(torch.lerp(no, yes, target).neg(), reduction)


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    if input.shape != target.shape:
        raise ValueError("shapes")
    softplus = nn.Softplus()
    yes = softplus(-input) * (pos_weight if pos_weight is not None else 1.0)
    return _named(target * yes + (1.0 - target) * softplus(input), reduction)
