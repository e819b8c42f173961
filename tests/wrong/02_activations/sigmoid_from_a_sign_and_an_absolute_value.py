# part: sigmoid
# mistake: Stable, with x reaching exp through abs and sign alone: the gradient at exactly 0 is 0.
# expects: flat-at-zero
import torch


def sigmoid(x):
    small = torch.exp(-torch.abs(x))
    return 0.5 * (1 + torch.sign(x) * (1 - small) / (1 + small))
