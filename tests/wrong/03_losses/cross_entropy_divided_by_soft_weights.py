# part: cross_entropy
# mistake: Soft targets throughout, and the mean is divided by the weights of the soft targets.
# expects: mean-divided-by-the-smoothed-weights
import torch
from torch.nn import functional as F


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    logs, classes = input - torch.logsumexp(input, 1, keepdim=True), input.shape[1]
    counts = target != ignore_index
    soft = F.one_hot(torch.where(counts, target, 0), classes).to(input.dtype)
    soft = soft * (1 - label_smoothing) + label_smoothing / classes
    weight = input.new_ones(classes) if weight is None else weight
    losses = -(soft * logs * weight).sum(1) * counts
    if reduction == "mean":
        return losses.sum() / ((soft * weight).sum(1) * counts).sum()
    return _reduce(losses, reduction)  # noqa: F821
