"""Flatten to a matrix, addmm, and give the leading dimensions back."""

import torch
from torch import Tensor, nn


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    *leading, in_features = x.shape
    rows = x.reshape(-1, in_features) if x.numel() else x.new_zeros(x[..., 0].numel(), in_features)
    flat = torch.mm(rows, weight.t()) if bias is None else torch.addmm(bias, rows, weight.t())
    return flat.view(*leading, weight.size(0))


def neuron(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    *leading, in_features = x.shape
    count = 1
    for size in leading:
        count *= size
    return torch.addmv(bias.expand(count), x.reshape(count, in_features), weight).reshape(leading)


def fires(x: Tensor, weight: Tensor, threshold: float | Tensor) -> Tensor:
    return ~(torch.tensordot(x, weight, dims=1) < threshold)


class _Drawn(nn.Module):
    """A module whose parameters are drawn from U(-bound, bound)."""

    def draw(self, name: str, bound: float, *shape: int) -> None:
        values = torch.distributions.Uniform(-bound, bound).sample(shape)
        self.register_parameter(name, nn.Parameter(values))


class Linear(_Drawn):
    weight: Tensor
    bias: Tensor | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = in_features ** (-1 / 2)
        self.draw("weight", bound, out_features, in_features)
        self.register_parameter("bias", None)
        if bias:
            self.draw("bias", bound, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def count_parameters(module: nn.Module, trainable_only: bool = True) -> int:
    parameters = list(module.parameters())
    if trainable_only:
        parameters = list(filter(lambda p: p.requires_grad, parameters))
    return sum(map(torch.Tensor.numel, parameters))
