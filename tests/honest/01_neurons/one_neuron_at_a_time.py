"""A layer is literally a row of neurons; a normal draw is made uniform; the count walks a queue of modules."""

from collections import deque

import torch
from torch import nn


def neuron(x, weight, bias):
    return torch.inner(x, weight) + bias


def fires(x, weight, threshold):
    return torch.logical_not(torch.lt(torch.inner(x, weight), threshold))


def linear(x, weight, bias=None):
    biases = weight.new_zeros(len(weight)) if bias is None else bias
    return torch.stack([neuron(x, row, b) for row, b in zip(weight.unbind(), biases.unbind(), strict=True)], dim=-1)


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        shapes = {"bias": (out_features,) if bias else None, "weight": (out_features, in_features)}
        for name, shape in shapes.items():
            values = None
            if shape is not None:
                uniform = (1 + torch.erf(torch.randn(shape) / 2**0.5)) / 2
                values = nn.Parameter((2 * uniform - 1) / in_features**0.5)
            self.register_parameter(name, values)

    def forward(self, x):
        return linear(x, self.weight, self.bias)


def count_parameters(module, trainable_only=True):
    queue, parameters = deque([module]), []
    while queue:
        part = queue.popleft()
        queue.extend(part.children())
        parameters.extend(p for p in part._parameters.values() if p is not None)
    once = {id(p): p for p in parameters}.values()
    return sum(p.numel() if p.requires_grad or not trainable_only else 0 for p in once)
