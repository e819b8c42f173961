"""Each activation as an autograd.Function of its own, with the backward pass written by hand."""

import math

import torch
from torch import nn


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (x > 0)


class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, slope):
        ctx.save_for_backward(x)
        ctx.slope = slope
        return torch.where(x > 0, x, slope * x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, grad, ctx.slope * grad), None


class Sigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        small = torch.exp(-x.abs())
        out = torch.where(x >= 0, 1 / (1 + small), small / (1 + small))
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        (out,) = ctx.saved_tensors
        return grad * out * (1 - out)


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        small = torch.exp(-2 * x.abs())
        out = torch.sign(x) * (1 - small) / (1 + small)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        (out,) = ctx.saved_tensors
        return grad * (1 - out * out)


class Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 0.5 * (1 + torch.erf(x * math.sqrt(0.5)))

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        area = 0.5 * (1 + torch.erf(x * math.sqrt(0.5)))
        height = torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        return grad * (area + x * height)


class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim):
        exps = torch.exp(x - torch.amax(x, dim, keepdim=True))
        out = exps / exps.sum(dim, keepdim=True)
        ctx.save_for_backward(out)
        ctx.dim = dim
        return out

    @staticmethod
    def backward(ctx, grad):
        (out,) = ctx.saved_tensors
        return out * (grad - (out * grad).sum(ctx.dim, keepdim=True)), None


class LogSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim):
        top = torch.amax(x, dim, keepdim=True)
        out = x - top - torch.log(torch.exp(x - top).sum(dim, keepdim=True))
        ctx.save_for_backward(out)
        ctx.dim = dim
        return out

    @staticmethod
    def backward(ctx, grad):
        (out,) = ctx.saved_tensors
        return grad - out.exp() * grad.sum(ctx.dim, keepdim=True), None


def relu(x):
    return Relu.apply(x)


def leaky_relu(x, negative_slope=0.01):
    return Leaky.apply(x, negative_slope)


def sigmoid(x):
    return Sigmoid.apply(x)


def tanh(x):
    return Tanh.apply(x)


def gelu(x):
    return Gelu.apply(x)


def softmax(x, dim):
    return Softmax.apply(x, dim)


def log_softmax(x, dim):
    return LogSoftmax.apply(x, dim)


def sigmoid_grad(x):
    s = sigmoid(x)
    return s * (1 - s)


def tanh_grad(x):
    return 1 - tanh(x).square()


def relu_grad(x):
    return (x > 0).type_as(x)


class Activation(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class ActivationNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(10, 20)
        self.bend1 = Activation(relu)
        self.layer2 = nn.Linear(20, 10)
        self.bend2 = Activation(tanh)
        self.output_layer = nn.Linear(10, 1)
        self.bend3 = Activation(sigmoid)

    def forward(self, x):
        for step in self.children():
            x = step(x)
        return x
