"""Products of indices: einsum and matrix products wherever a sum is."""

import torch

KINDS = ("mean", "sum", "none")


def _known(reduction):
    if reduction not in KINDS:
        raise ValueError(f"{reduction!r} is none of {KINDS}")


def _total(losses):
    flat = losses.reshape(-1)
    return torch.einsum("i,i->", flat, torch.ones_like(flat))


def _pairwise(losses, reduction):
    _known(reduction)
    if reduction == "none":
        return losses
    return _total(losses) if reduction == "sum" else _total(losses) / losses.numel()


def _alike(input, target):
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError("input and target must have one shape")


def mse_loss(input, target, reduction="mean"):
    _alike(input, target)
    difference = input - target
    return _pairwise(torch.einsum("...,...->...", difference, difference), reduction)


def l1_loss(input, target, reduction="mean"):
    _alike(input, target)
    return _pairwise(torch.abs(target - input), reduction)


def _table(input, target, ignore_index):
    """(N, C): 1 where the column is the row's class and the row counts."""
    columns = torch.arange(input.shape[1], device=target.device)
    hits = (columns[None, :] == target[:, None]) & (target != ignore_index)[:, None]
    return hits.to(input.dtype)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    _known(reduction)
    table = _table(input, target, ignore_index)
    weights = input.new_full((input.shape[1],), 1.0) if weight is None else weight
    losses = -torch.einsum("nc,nc,c->n", table, input, weights)
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / torch.einsum("nc,c->", table, weights)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    _known(reduction)
    table = _table(input, target, ignore_index)
    weights = input.new_full((input.shape[1],), 1.0) if weight is None else weight
    rows = (target != ignore_index).to(input.dtype)
    shares = (1 - label_smoothing) * table + label_smoothing / input.shape[1] * rows[:, None]
    log_p = input - torch.logsumexp(input, 1)[:, None]
    losses = -torch.einsum("nc,nc,c->n", shares, log_p, weights)
    if reduction == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / (table @ weights).sum()


def binary_cross_entropy(input, target, reduction="mean"):
    _alike(input, target)
    logs = torch.stack([input, 1 - input]).log().clamp(min=-100.0)
    answers = torch.stack([target, 1 - target])
    return _pairwise(-torch.einsum("k...,k...->...", answers, logs), reduction)


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    _alike(input, target)
    yes = target if pos_weight is None else target * pos_weight
    logs = torch.nn.functional.logsigmoid(torch.stack([input, -input]))
    return _pairwise(-torch.einsum("k...,k...->...", torch.stack([yes, 1 - target]), logs), reduction)
