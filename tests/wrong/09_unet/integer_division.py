# ruff: noqa
# part: iou
# mistake: The overlap is divided by the union with integers, so every class but a perfect one gets 0.
# expects: divided-as-integers
import torch


def iou(prediction, target, num_classes):
    pairs = target.flatten() * num_classes + prediction.flatten()
    counts = torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    both = counts.diagonal()
    union = counts.sum(dim=0) + counts.sum(dim=1) - both
    return torch.where(union > 0, (both // union.clamp(min=1)).float(), torch.tensor(float("nan")))
