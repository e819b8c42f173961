"""The double `where`: unsafe inputs are replaced before the formula, unsafe results after it."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def relu(x: Tensor) -> Tensor:
    positive = x.gt(0)
    return torch.where(positive, x, torch.zeros((), dtype=x.dtype, device=x.device))


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    return relu(x) + negative_slope * (x - relu(x))


def sigmoid(x: Tensor) -> Tensor:
    positive = x >= 0
    right = torch.where(positive, x, torch.zeros_like(x))
    left = torch.where(positive, torch.zeros_like(x), x)
    rising = torch.exp(left)
    return torch.where(positive, 1 / (1 + torch.exp(-right)), rising / (1 + rising))


def tanh(x: Tensor) -> Tensor:
    positive = x >= 0
    right = torch.where(positive, x, torch.zeros_like(x))
    left = torch.where(positive, torch.zeros_like(x), x)
    down, up = torch.expm1(-2 * right), torch.expm1(2 * left)
    return torch.where(positive, -down / (down + 2), up / (up + 2))


def gelu(x: Tensor) -> Tensor:
    phi = torch.add(0.5, torch.erf(x.div(math.sqrt(2.0))), alpha=0.5)
    return torch.mul(x, phi)


def softmax(x: Tensor, dim: int) -> Tensor:
    with torch.no_grad():
        top = x.sort(dim, descending=True).values.narrow(dim, 0, 1)
    exps = (x - top).exp()
    return exps * exps.sum(dim, keepdim=True).reciprocal()


def log_softmax(x: Tensor, dim: int) -> Tensor:
    with torch.no_grad():
        top = x.sort(dim, descending=True).values.narrow(dim, 0, 1)
    others = (x - top).exp().sum(dim, keepdim=True) - 1
    return (x - top) - torch.log1p(others)


def sigmoid_grad(x: Tensor) -> Tensor:
    with torch.no_grad():
        s = sigmoid(x)
        return s.mul(1 - s)


def tanh_grad(x: Tensor) -> Tensor:
    return torch.no_grad()(lambda: 1 - tanh(x).pow(2))()


def relu_grad(x: Tensor) -> Tensor:
    return torch.gt(x, 0).to(dtype=x.dtype)


class ActivationNet(nn.Module):
    layer1: nn.Linear
    layer2: nn.Linear
    output_layer: nn.Linear

    def __init__(self) -> None:
        super().__init__()
        self.add_module("layer1", nn.Linear(10, 20))
        self.add_module("layer2", nn.Linear(20, 10))
        self.add_module("output_layer", nn.Linear(10, 1))

    def forward(self, x: Tensor) -> Tensor:
        hidden = relu(F.linear(x, self.layer1.weight, self.layer1.bias))
        hidden = tanh(hidden @ self.layer2.weight.T + self.layer2.bias)
        score = (hidden * self.output_layer.weight).sum(-1, keepdim=True) + self.output_layer.bias
        return sigmoid(score)
