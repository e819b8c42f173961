"""einsum throughout; first values from torch.nn.init; the bias is drawn and registered before the weight."""

import torch
from torch import nn


def neuron(x, weight, bias):
    return torch.einsum("...i,i->...", x, weight) + bias


def fires(x, weight, threshold):
    return torch.einsum("...i,i->...", x, weight).ge(threshold)


def linear(x, weight, bias=None):
    y = torch.einsum("...i,oi->...o", x, weight)
    if bias is not None:
        y = y + bias
    return y


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.bias = nn.Parameter(torch.empty(out_features))
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        if not bias:
            self.bias = None
        self.reset_parameters()

    def reset_parameters(self):
        bound = self.in_features**-0.5
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x):
        return linear(x, self.weight, self.bias)

    def extra_repr(self):
        return f"{self.in_features}, {self.out_features}"


def count_parameters(module, trainable_only=True):
    seen = {}
    for _, parameter in module.named_parameters(remove_duplicate=False):
        seen[id(parameter)] = parameter
    return sum(p.numel() for p in seen.values() if not trainable_only or p.requires_grad)
