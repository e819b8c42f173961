import math

import torch
from torch import nn


def relu(x):
    return x * torch.heaviside(x.detach(), x.new_zeros(()))


def leaky_relu(x, negative_slope=0.01):
    factor = torch.full_like(x, negative_slope)
    factor[x > 0] = 1
    return factor * x


def tanh(x):
    positive = x > 0
    twice = torch.where(positive, -x, x) * 2
    t = torch.expm1(twice) / (torch.exp(twice) + 1)
    return torch.where(positive, -t, t)


def sigmoid(x):
    return 0.5 + 0.5 * tanh(0.5 * x) if x.dtype == torch.float64 else torch.exp(-_softplus(-x))


def _softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x))


def gelu(x):
    return x * torch.erfc(-x * math.sqrt(0.5)) / 2


def log_softmax(x, dim):
    top = x.max(dim=dim, keepdim=True).values if x.numel() else x.sum(dim, keepdim=True)
    return x - (top + (x - top).exp().sum(dim, keepdim=True).log())


def softmax(x, dim):
    top, _ = x.detach().sort(dim=dim, descending=True)
    e = (x - top.narrow(dim, 0, 1)).exp()
    return e * e.sum(dim, keepdim=True).reciprocal()


def sigmoid_grad(x):
    e = torch.exp(-x.abs())
    return e / (1 + e).square()


def tanh_grad(x):
    return 4 * sigmoid_grad(2 * x)


def relu_grad(x):
    return torch.clamp(torch.sign(x), min=0)


class ActivationNet(nn.Sequential):
    def __init__(self):
        super().__init__()
        sizes = {"layer1": (10, 20), "layer2": (20, 10), "output_layer": (10, 1)}
        for name, size in sizes.items():
            self.add_module(name, nn.Linear(*size))

    def forward(self, x):
        for layer, bend in zip(self, (relu, tanh, sigmoid), strict=True):
            x = bend(layer(x))
        return x
