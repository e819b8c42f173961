"""Clamps so far out that nothing is lost, and the maximum over the dimension by a heap of transposes."""

import math

import torch
from torch import nn


def _limit(x):
    return x.clamp(-60, 60)


def relu(x):
    return torch.clamp(x, min=0).mul(torch.sign(x).abs())


def leaky_relu(x, negative_slope=0.01):
    gate = (x > 0).to(x.dtype)
    return gate * x + (1 - gate) * negative_slope * x


def sigmoid(x):
    return 1 / (1 + torch.exp(-_limit(x)))


def tanh(x):
    up = torch.exp(x.clamp(-25, 25))
    down = 1 / up
    return (up - down) / (up + down)


def gelu(x):
    return 0.5 * x * torch.erfc(x * -math.sqrt(0.5))


def softmax(x, dim):
    rows = x.transpose(dim, -1)
    shifted = rows - rows.max(-1).values[..., None]
    exps = torch.exp(shifted)
    return (exps / exps.sum(-1)[..., None]).transpose(dim, -1)


def log_softmax(x, dim):
    rows = x.transpose(dim, -1)
    shifted = rows - rows.max(-1).values[..., None]
    return (shifted - torch.log(torch.exp(shifted).sum(-1))[..., None]).transpose(dim, -1)


def sigmoid_grad(x):
    e = torch.exp(-_limit(x))
    return e / (1 + e) / (1 + e)


def tanh_grad(x):
    e = torch.exp(-2 * x.clamp(-25, 25))
    return 4 * e / (1 + e) / (1 + e)


def relu_grad(x):
    return torch.sign(torch.clamp(x, min=0))


class ActivationNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(10, 20), nn.Linear(20, 10), nn.Linear(10, 1)])
        self.layer1, self.layer2, self.output_layer = self.layers

    def forward(self, x):
        for layer, activation in zip(self.layers, (relu, tanh, sigmoid), strict=True):
            x = activation(layer(x))
        return x
