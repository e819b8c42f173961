"""Many small named steps, every case spelled out."""

import math

import torch
import torch.nn as nn


def neuron(x, weight, bias):
    # 1. weigh
    weighted_inputs = x * weight
    # 2. add up
    last_dimension = x.dim() - 1
    weighted_sum = torch.sum(weighted_inputs, dim=last_dimension)
    # 3. shift
    result = weighted_sum + bias
    return result  # noqa: RET504


def fires(x, weight, threshold):
    zero = torch.zeros((), dtype=x.dtype, device=x.device)
    weighted_sum = neuron(x, weight, zero)
    is_greater = weighted_sum > threshold
    is_equal = weighted_sum == threshold
    return torch.logical_or(is_greater, is_equal)


def linear(x, weight, bias=None):
    number_of_dimensions = x.dim()
    weight_turned = torch.transpose(weight, 0, 1)
    if number_of_dimensions == 1:
        x_as_batch = x.unsqueeze(0)
        result = torch.matmul(x_as_batch, weight_turned)
        result = result.squeeze(0)
    else:
        result = torch.matmul(x, weight_turned)
    if bias is not None:
        result += bias
    return result


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super(Linear, self).__init__()  # noqa: UP008
        self.in_features = in_features
        self.out_features = out_features
        self.has_bias = bias
        k = 1 / in_features
        lower = -math.sqrt(k)
        upper = math.sqrt(k)
        weight = torch.zeros(out_features, in_features)
        weight.uniform_(lower, upper)
        self.weight = torch.nn.Parameter(weight, requires_grad=True)
        if self.has_bias == True:  # noqa: E712
            bias_values = torch.zeros(out_features)
            bias_values.uniform_(lower, upper)
            self.bias = torch.nn.Parameter(bias_values, requires_grad=True)
        else:
            self.register_parameter("bias", None)

    def forward(self, x):
        if self.has_bias:
            return linear(x, self.weight, bias=self.bias)
        else:
            return linear(x, self.weight, bias=None)


def count_parameters(module, trainable_only=True):
    number_of_parameters = 0
    for _name, parameter in module.named_parameters():
        if trainable_only == True:  # noqa: E712
            if parameter.requires_grad == True:  # noqa: E712
                number_of_parameters += parameter.numel()
        else:
            number_of_parameters += parameter.numel()
    return number_of_parameters
