"""Initialised as PyTorch's own layer is; the rest by less usual products."""

import math
from itertools import chain

import torch
from torch import nn


def neuron(x, weight, bias):
    return torch.tensordot(x, weight, dims=([-1], [0])) + bias


def fires(x, weight, threshold):
    return ~torch.lt(torch.matmul(x, weight.unsqueeze(-1)).squeeze(-1), threshold)


def linear(x, weight, bias=None):
    y = torch.matmul(weight, x.unsqueeze(-1)).squeeze(-1)
    return y if bias is None else torch.add(y, bias)


class Linear(nn.Module):
    __constants__ = ("in_features", "out_features")

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty((out_features, in_features)))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            nn.init.uniform_(self.bias, -1 / math.sqrt(self.in_features), 1 / math.sqrt(self.in_features))

    def forward(self, x):
        return linear(x, self.weight, self.bias)

    def extra_repr(self):
        return f"{self.in_features} -> {self.out_features}"


def count_parameters(module, trainable_only=True):
    every = chain.from_iterable(part.parameters(recurse=False) for part in module.modules())
    distinct = {id(parameter): parameter for parameter in every}
    return sum(math.prod(p.shape) for p in distinct.values() if not trainable_only or p.requires_grad)
