"""Everything through one autograd function that is told value and slope."""

import math

import torch
from torch import nn


class Elementwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, value, slope):
        ctx.save_for_backward(slope)
        return value.clone()

    @staticmethod
    def backward(ctx, upstream):
        return upstream * ctx.saved_tensors[0], None, None


def relu_grad(x):
    return x.gt(0).type_as(x)


def relu(x):
    with torch.no_grad():
        value, slope = x * relu_grad(x), relu_grad(x)
    return Elementwise.apply(x, value, slope)


def leaky_relu(x, negative_slope=0.01):
    with torch.no_grad():
        slope = relu_grad(x) + negative_slope * (1 - relu_grad(x))
    return Elementwise.apply(x, slope * x, slope)


@torch.no_grad()
def _sigmoid(x):
    small = torch.exp(-torch.abs(x))
    return torch.where(x < 0, small, 1.0) / (1 + small)


@torch.no_grad()
def sigmoid_grad(x):
    small = torch.exp(-torch.abs(x))
    return small / (1 + small) ** 2


def sigmoid(x):
    return Elementwise.apply(x, _sigmoid(x), sigmoid_grad(x))


@torch.no_grad()
def tanh_grad(x):
    return 4 * sigmoid_grad(x + x)


def tanh(x):
    with torch.no_grad():
        small = torch.expm1(-2 * torch.abs(x))
        value = torch.sign(x) * -small / (2 + small)
    return Elementwise.apply(x, value, tanh_grad(x))


def gelu(x):
    with torch.no_grad():
        phi = 0.5 + 0.5 * torch.erf(x * 2**-0.5)
        bell = torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return Elementwise.apply(x, x * phi, phi + x * bell)


class Slices(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim, take_log):
        shifted = x - x.amax(dim, keepdim=True)
        logs = shifted - shifted.exp().sum(dim, keepdim=True).log()
        ctx.save_for_backward(logs.exp())
        ctx.dim, ctx.take_log = dim, take_log
        return logs if take_log else logs.exp()

    @staticmethod
    def backward(ctx, upstream):
        (p,) = ctx.saved_tensors
        if ctx.take_log:
            return upstream - p * upstream.sum(ctx.dim, keepdim=True), None, None
        return p * (upstream - (p * upstream).sum(ctx.dim, keepdim=True)), None, None


def softmax(x, dim):
    return Slices.apply(x, dim, False)


def log_softmax(x, dim):
    return Slices.apply(x, dim, True)


class ActivationNet(nn.Module):
    def __init__(self):
        super().__init__()
        (self.layer1, self.layer2, self.output_layer) = map(nn.Linear, (10, 20, 10), (20, 10, 1))

    def forward(self, x):
        return sigmoid(self.output_layer(tanh(self.layer2(relu(self.layer1(x))))))
