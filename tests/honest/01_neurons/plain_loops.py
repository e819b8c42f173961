"""Loops over samples, neurons and inputs; nothing but products and sums of single numbers."""

import math

import torch
from torch import nn


def neuron(x, weight, bias):
    if x.dim() > 1:
        answers = [neuron(sample, weight, bias) for sample in x]
        if not answers:
            return x.new_zeros(x.shape[:-1])
        return torch.stack(answers)
    total = bias
    for i in range(len(weight)):
        total = total + x[i] * weight[i]
    return total


def fires(x, weight, threshold):
    if x.dim() > 1:
        answers = [fires(sample, weight, threshold) for sample in x]
        if not answers:
            return torch.zeros(x.shape[:-1], dtype=torch.bool, device=x.device)
        return torch.stack(answers)
    total = x[0] * weight[0]
    for i in range(1, len(weight)):
        total = total + x[i] * weight[i]
    return total >= threshold


def linear(x, weight, bias=None):
    answers = []
    for j in range(weight.shape[0]):
        answer = (x * weight[j]).sum(dim=-1)
        if bias is not None:
            answer = answer + bias[j]
        answers.append(answer)
    return torch.stack(answers, dim=-1)


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        bound = 1.0 / math.sqrt(in_features)
        rows = []
        for _ in range(out_features):
            rows.append(torch.rand(in_features) * 2 * bound - bound)
        self.weight = nn.Parameter(torch.stack(rows))
        if bias:
            self.bias = nn.Parameter(torch.rand(out_features) * 2 * bound - bound)
        else:
            self.register_parameter("bias", None)

    def forward(self, x):
        return linear(x, self.weight, self.bias)


def count_parameters(module, trainable_only=True):
    total = 0
    for parameter in module.parameters():
        if trainable_only and not parameter.requires_grad:
            continue
        count = 1
        for size in parameter.shape:
            count = count * size
        total = total + count
    return total
