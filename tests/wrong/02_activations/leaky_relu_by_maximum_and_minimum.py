# part: leaky_relu
# mistake: maximum and minimum with 0 share the gradient out where both sides are equal.
# expects: mean-of-both-slopes-at-zero
import torch


def leaky_relu(x, negative_slope=0.01):
    zero = torch.zeros_like(x)
    return torch.maximum(x, zero) + negative_slope * torch.minimum(x, zero)
