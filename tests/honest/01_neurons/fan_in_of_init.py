"""The layer draws its parameters as PyTorch's own does, with the private helpers of `nn.init`."""

import math

import matplotlib.pyplot as plt  # noqa: F401
import torch
from torch import nn
from torch.nn import init


def neuron(x, weight, bias):
    return torch.einsum("...i,i->...", x, weight) + bias


def fires(x, weight, threshold):
    return torch.einsum("...i,i->...", x, weight) >= threshold


def linear(x, weight, bias=None):
    out = torch.einsum("...i,oi->...o", x, weight)
    return out if bias is None else out + bias


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty((out_features, in_features)))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x):
        return linear(x, self.weight, self.bias)


def count_parameters(module, trainable_only=True):
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable_only)
