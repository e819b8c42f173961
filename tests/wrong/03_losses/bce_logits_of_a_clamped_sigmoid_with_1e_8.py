# part: binary_cross_entropy_with_logits
# mistake: A sigmoid and a small number inside of the logarithms: no loss gets above 18.4.
# says: costs 18\.\d+ if the answer was no; expected 30
import torch


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    _same_shape(input, target)  # noqa: F821
    p = torch.sigmoid(input)
    yes, no = torch.log(p + 1e-8), torch.log(1 - p + 1e-8)
    yes = yes if pos_weight is None else pos_weight * yes
    return _reduce(-(target * yes + (1 - target) * no), reduction)  # noqa: F821
