"""A beginner's way: one number after another, one slice after another."""

import torch
from torch import nn


def each(function, x):
    results = [function(number) for number in x.reshape(-1)]
    if not results:
        return torch.zeros_like(x)
    return torch.stack(results).reshape(x.shape)


def relu(x):
    def one(number):
        if number > 0:
            return number
        return number * 0

    return each(one, x)


def leaky_relu(x, negative_slope=0.01):
    def one(number):
        if number > 0:
            return number
        return number * negative_slope

    return each(one, x)


def sigmoid(x):
    def one(number):
        if number > 0:
            return 1 / (1 + torch.exp(-number))
        return torch.exp(number) / (1 + torch.exp(number))

    return each(one, x)


def tanh(x):
    def one(number):
        if number > 0:
            shrunk = torch.exp(-2 * number)
            return (1 - shrunk) / (1 + shrunk)
        return (torch.exp(2 * number) - 1) / (torch.exp(2 * number) + 1)

    return each(one, x)


def gelu(x):
    def one(number):
        probability = (1 + torch.erf(number / 2**0.5)) / 2
        return number * probability

    return each(one, x)


def softmax(x, dim):
    moved = x.movedim(dim, 0)
    biggest = moved[0]
    for score in moved[1:]:
        biggest = torch.where(score > biggest, score, biggest)
    exps = [torch.exp(score - biggest) for score in moved]
    total = exps[0]
    for number in exps[1:]:
        total = total + number
    return torch.stack([number / total for number in exps]).movedim(0, dim)


def log_softmax(x, dim):
    moved = x.movedim(dim, 0)
    biggest = moved[0]
    for score in moved[1:]:
        biggest = torch.where(score > biggest, score, biggest)
    total = 0
    for score in moved:
        total = total + torch.exp(score - biggest)
    return torch.stack([score - biggest - torch.log(total) for score in moved]).movedim(0, dim)


def sigmoid_grad(x):
    s = sigmoid(x)
    return s - s**2


def tanh_grad(x):
    t = tanh(x)
    return (1 - t) * (1 + t)


def relu_grad(x):
    def one(number):
        if number > 0:
            return torch.ones_like(number)
        return torch.zeros_like(number)

    return each(one, x)


class ActivationNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(in_features=10, out_features=20, bias=True)
        self.layer2 = nn.Linear(in_features=20, out_features=10, bias=True)
        self.output_layer = nn.Linear(in_features=10, out_features=1, bias=True)

    def forward(self, x):
        hidden1 = leaky_relu(self.layer1(x), negative_slope=0.0)
        hidden2 = 2 * sigmoid(2 * self.layer2(hidden1)) - 1
        return sigmoid(self.output_layer(hidden2))
