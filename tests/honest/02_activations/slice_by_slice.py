from functools import partial

import torch
from torch import nn


def _piecewise(x, where, inside, outside):
    y = x.clone()
    y[where] = inside(x[where])
    y[~where] = outside(x[~where])
    return y


def relu(x):
    return _piecewise(x, x > 0, lambda v: v, lambda v: v * 0)


def leaky_relu(x, negative_slope=0.01):
    return _piecewise(x, x > 0, lambda v: v, lambda v: v * negative_slope)


def sigmoid(x):
    return _piecewise(x, x >= 0, lambda v: 1 / (1 + (-v).exp()), lambda v: v.exp() / (1 + v.exp()))


def tanh(x):
    def right(v):
        return 1 - 2 * (-2 * v).exp() / (1 + (-2 * v).exp())

    return _piecewise(x, x >= 0, lambda v: -torch.expm1(-2 * v) / (1 + (-2 * v).exp()), lambda v: -right(-v))


def gelu(x):
    return x.mul(torch.special.ndtr(x) if x.dtype != torch.bfloat16 else torch.special.ndtr(x.float()).to(x.dtype))


def _one(scores):
    scores = scores - scores.max()
    return scores - scores.exp().sum().log()


def log_softmax(x, dim):
    if x.numel() == 0:
        return x.clone()
    y = x.movedim(dim, -1)
    rows = torch.stack([_one(row) for row in y.reshape(-1, y.shape[-1])])
    return rows.reshape(y.shape).movedim(-1, dim)


def softmax(x, dim):
    return torch.exp(log_softmax(x, dim))


def sigmoid_grad(x):
    s = sigmoid(-x.abs())
    return s - s * s


def tanh_grad(x):
    t = tanh(x)
    return (1 + t) * (1 - t)


def relu_grad(x):
    return torch.where(x > 0, torch.ones_like(x), torch.zeros_like(x))


class ActivationNet(nn.Module):
    layer1: nn.Module
    layer2: nn.Module
    output_layer: nn.Module

    def __init__(self):
        super().__init__()
        sizes = [10, 20, 10, 1]
        for i, name in enumerate(["layer1", "layer2", "output_layer"]):
            setattr(self, name, nn.Linear(sizes[i], sizes[i + 1]))
        self.bends = {"layer1": partial(leaky_relu, negative_slope=0.0), "layer2": tanh, "output_layer": sigmoid}

    def forward(self, x):
        for name, layer in self.named_children():
            x = self.bends[name](layer(x))
        return x
