"""Boolean masks: each half of the numbers is computed by the formula that suits it, and put in its place."""

import torch
from torch import nn


def relu(x):
    out = x.clone()
    out[x <= 0] = 0
    return out


def leaky_relu(x, negative_slope=0.01):
    out = x.clone()
    below = x <= 0
    out[below] = x[below] * negative_slope
    return out


def sigmoid(x):
    out = torch.empty_like(x)
    below = x < 0
    e = torch.exp(x[below])
    out[below] = e / (1 + e)
    out[~below] = 1 / (1 + torch.exp(-x[~below]))
    return out


def tanh(x):
    out = torch.zeros_like(x)
    right = x >= 0
    left = ~right
    e = torch.exp(-2 * x[right])
    out[right] = (1 - e) / (1 + e)
    e = torch.exp(2 * x[left])
    out[left] = (e - 1) / (e + 1)
    return out


def gelu(x):
    root = torch.tensor(2.0).sqrt().item()
    return (x + x * torch.erf(x / root)) / 2


def softmax(x, dim):
    biggest, _ = torch.max(x, dim=dim, keepdim=True)
    e = torch.exp(x - biggest)
    return torch.div(e, torch.sum(e, dim=dim, keepdim=True))


def log_softmax(x, dim):
    biggest, _ = torch.max(x, dim=dim, keepdim=True)
    e = torch.exp(x - biggest)
    return x - (biggest + torch.log(torch.sum(e, dim=dim, keepdim=True)))


def sigmoid_grad(x):
    e = torch.exp(-torch.abs(x))
    return e / (1 + e) ** 2


def tanh_grad(x):
    e = torch.exp(-2 * torch.abs(x))
    return 4 * e / (1 + e) ** 2


def relu_grad(x):
    out = torch.zeros_like(x)
    out[x > 0] = 1
    return out


class ActivationNet(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = {"layer1": (10, 20), "layer2": (20, 10), "output_layer": (10, 1)}
        for name, (before, after) in sizes.items():
            setattr(self, name, nn.Linear(before, after))

    def forward(self, x):
        first = self.layer1(x)
        first = relu(first)
        second = self.layer2(first)
        second = tanh(second)
        last = self.output_layer(second)
        return sigmoid(last)
