"""Everything from log(e^a + e^b), which never overflows."""

import math

import torch
from torch import nn


def relu(x):
    return x * (x > 0)


def leaky_relu(x, negative_slope=0.01):
    slopes = torch.where(x > 0, torch.ones_like(x), torch.full_like(x, negative_slope))
    return slopes * x


def sigmoid(x):
    return torch.exp(-torch.logaddexp(torch.zeros_like(x), -x))


def tanh(x):
    return 2 * sigmoid(2 * x) - 1


def gelu(x):
    return x * torch.erfc(-x / math.sqrt(2)) / 2


def log_softmax(x, dim):
    slices = x.unbind(dim)
    total = slices[0]
    for one in slices[1:]:
        total = torch.logaddexp(total, one)
    return x - total.unsqueeze(dim)


def softmax(x, dim):
    return log_softmax(x, dim).exp()


def sigmoid_grad(x):
    zero = torch.zeros_like(x)
    return torch.exp(-torch.logaddexp(zero, -x) - torch.logaddexp(zero, x))


def tanh_grad(x):
    return 4 * sigmoid_grad(2 * x)


def relu_grad(x):
    return torch.where(x > 0, torch.ones_like(x), torch.zeros_like(x))


class ActivationNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.output_layer = nn.Linear(10, 1)
        self.layer2 = nn.Linear(20, 10)
        self.layer1 = nn.Linear(10, 20)

    def forward(self, x):
        return sigmoid(self.output_layer(tanh(self.layer2(relu(self.layer1(x))))))
