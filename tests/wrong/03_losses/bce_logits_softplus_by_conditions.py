# part: binary_cross_entropy_with_logits
# mistake: A softplus by hand whose two halves both have the slope 0 at 0.
# expects: flat-where-the-logit-is-zero
import torch


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    def softplus(x):
        return torch.where(x > 0, x, 0.0) + torch.log1p(torch.exp(-x.abs()))

    _same_shape(input, target)  # noqa: F821
    yes = softplus(-input) if pos_weight is None else pos_weight * softplus(-input)
    return _reduce(target * yes + (1 - target) * softplus(input), reduction)  # noqa: F821
