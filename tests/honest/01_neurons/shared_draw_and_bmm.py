"""Batched matrix products, parameters drawn in one go with `torch.nn.init`, views of `Parameter.data`."""

import torch
from torch import nn


def linear(x, weight, bias=None):
    lead = x.shape[:-1]
    flat = x.flatten(0, -2) if x.dim() > 1 else x[None]
    y = torch.bmm(flat[None], weight.t()[None])[0]
    if bias is not None:
        y = torch.add(y, bias.expand_as(y))
    return y.unflatten(0, lead) if x.dim() > 2 else y.reshape(*lead, weight.shape[0])


def neuron(x, weight, bias):
    return (x.unsqueeze(-2) @ weight.unsqueeze(-1)).squeeze(-1).squeeze(-1) + bias


def fires(x, weight, threshold):
    gap = (x.unsqueeze(-2) @ weight.unsqueeze(-1))[..., 0, 0].sub(threshold)
    return torch.heaviside(gap, torch.ones_like(gap)).bool()


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        for parameter in (self.weight, self.bias):
            parameter.data = nn.init.uniform_(torch.empty_like(parameter.data), -1, 1).div_(in_features**0.5)
        if not bias:
            del self.bias
            self.register_parameter("bias", None)

    def forward(self, x):
        return linear(x, self.weight, self.bias)


def count_parameters(module, trainable_only=True):
    wanted = [p for p in module.parameters() if not (trainable_only and not p.requires_grad)]
    return torch.cat([torch.zeros(0), *(p.detach().float().flatten() for p in wanted)]).numel()
