# part: cross_entropy
# mistake: The logits are clamped to ±50.
# says: costs 50; expected 1000: a clamp
import torch


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    input = input.clamp(-50, 50)
    return torch.nn.functional.cross_entropy(
        input, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
    )
