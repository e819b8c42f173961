# part: binary_cross_entropy
# mistake: A number smaller than the known one stands inside of the logarithms.
# says: costs 27\.\d+; expected 100: each logarithm is cut off at −100
import torch


def binary_cross_entropy(input, target, reduction="mean"):
    _same_shape(input, target)  # noqa: F821
    yes, no = torch.log(input + 1e-12), torch.log(1 - input + 1e-12)
    return _reduce(-(target * yes + (1 - target) * no), reduction)  # noqa: F821
