"""Everything is a cross-entropy: a yes-or-no logit is a row of two logits, and the first losses are norms."""

import torch


def reduced(losses, reduction, weights=None):
    """Weighted mean, sum, or the losses."""
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction != "mean":
        raise ValueError("reduction: " + repr(reduction))
    weights = torch.ones_like(losses) if weights is None else weights
    return losses.sum().div(weights.sum())


def guard(input, target):
    if input.shape == target.shape:
        return
    raise ValueError(f"expected the shape {input.shape}, found {target.shape}")


def mse_loss(input, target, reduction="mean"):
    guard(input, target)
    return reduced((target - input).square(), reduction)


def l1_loss(input, target, reduction="mean"):
    guard(input, target)
    size = torch.linalg.vector_norm((input - target).unsqueeze(-1), ord=1, dim=-1)
    return reduced(size, reduction)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    n, c = input.shape
    padded = torch.cat([input, input.new_zeros(n, 1)], dim=1)  # the extra class is where ignored rows go
    classes = target.masked_fill(target == ignore_index, c)
    weights = input.new_ones(c) if weight is None else weight
    weights = torch.cat([weights, weights.new_zeros(1)])
    row_weights = weights.index_select(0, classes)
    losses = padded.take_along_dim(classes.unsqueeze(1), dim=1).squeeze(1).neg() * row_weights
    return reduced(losses, reduction, row_weights)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    c = input.shape[1]
    log_p = input.sub(input.logsumexp(dim=-1, keepdim=True))
    smoothed = 0.0
    for k in range(c):  # a mixture: each class is the truth with the share ε/C
        everywhere = torch.full_like(target, k).masked_fill(target == ignore_index, -100)
        smoothed = smoothed + nll_loss(log_p, everywhere, weight, -100, "none") / c
    plain = nll_loss(log_p, target, weight, ignore_index, "none")
    losses = torch.lerp(plain, smoothed, label_smoothing)
    minus_ones = -torch.ones_like(input)
    row_weights = nll_loss(minus_ones, target, weight, ignore_index, "none")
    return reduced(losses, reduction, row_weights)


def binary_cross_entropy(input, target, reduction="mean"):
    guard(input, target)
    both = torch.stack([1 - input, input], dim=-1).log().clamp(min=-100)
    return reduced(-(both * torch.stack([1 - target, target], dim=-1)).sum(dim=-1), reduction)


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    guard(input, target)
    both = torch.stack([torch.zeros_like(input), input], dim=-1)
    logs = both - both.logsumexp(dim=-1, keepdim=True)
    yes = logs[..., 1] if pos_weight is None else pos_weight * logs[..., 1]
    return reduced(-(target * yes + (1 - target) * logs[..., 0]), reduction)
