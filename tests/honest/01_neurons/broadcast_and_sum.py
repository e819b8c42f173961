"""No matrix product at all: products by broadcasting, then a sum. The module's forward does its own work."""

import torch
from torch import nn


def neuron(x, weight, bias):
    return torch.sum(torch.mul(x, weight), dim=-1).add(bias)


def fires(x, weight, threshold):
    excitement = (x * weight).sum(-1)
    return torch.where(excitement < threshold, False, True)


def linear(x, weight, bias=None):
    products = x.unsqueeze(-2) * weight
    if bias is None:
        return products.sum(-1)
    return products.sum(-1) + bias


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        low, high = -(in_features**-0.5), in_features**-0.5
        self.weight = nn.Parameter(low + (high - low) * torch.rand(out_features, in_features))
        self.register_parameter("bias", None)
        if bias:
            self.bias = nn.Parameter(low + (high - low) * torch.rand(out_features))

    def forward(self, x):
        result = (x[..., None, :] * self.weight).sum(dim=-1)
        if self.bias is not None:
            result = result + self.bias
        return result


def count_parameters(module, trainable_only=True):
    trainable = frozen = 0
    for parameter in module.parameters():
        if parameter.requires_grad:
            trainable += parameter.numel()
        else:
            frozen += parameter.numel()
    return trainable if trainable_only else trainable + frozen
