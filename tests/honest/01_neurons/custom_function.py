"""The layer as a torch.autograd.Function with a backward by hand; everything else is built on it."""

import torch
from torch import nn


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        ctx.biased = bias is not None
        y = torch.matmul(x, weight.t())
        return y + bias if ctx.biased else y

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        flat_x, flat_grad = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
        grad_bias = flat_grad.sum(0) if ctx.biased else None
        return grad @ weight, flat_grad.t() @ flat_x, grad_bias


def linear(x, weight, bias=None):
    return _Affine.apply(x, weight, bias)


def neuron(x, weight, bias):
    return linear(x, weight.unsqueeze(0), bias.unsqueeze(0)).squeeze(-1)


def fires(x, weight, threshold):
    return torch.ge(linear(x, weight[None])[..., 0], threshold)


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.register_parameter("bias", nn.Parameter(torch.empty(out_features)) if bias else None)
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.dim() == 1:
                    parameter.uniform_(-(in_features**-0.5), in_features**-0.5)

    def forward(self, x):
        return linear(x, self.weight, self.bias)


def count_parameters(module, trainable_only=True):
    met = set()

    def count(part):
        here = 0
        for parameter in part._parameters.values():
            if parameter is None or parameter in met:
                continue
            met.add(parameter)
            if parameter.requires_grad or not trainable_only:
                here += parameter.nelement()
        return here + sum(count(child) for child in part.children())

    return count(module)
