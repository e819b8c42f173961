"""Exercise 01: neurons. A neuron weighs what it hears, adds it up, and says how far that lies from its threshold.

Here you write one neuron, a whole layer of them as one matrix product, the module that owns a layer's numbers,
and the count of these numbers. `(...)` in a shape means any number of leading dimensions, none included.

May not be called: `F.linear`, `F.bilinear`, `nn.Linear` and its kin (`nn.LazyLinear`, `nn.Bilinear`, …).
Allowed: matrix products of every kind (`@`, `matmul`, `mv`, `dot`, `einsum`, `addmm`, …), `nn.Module`,
`nn.Parameter`, `nn.init`.
"""

import torch
from torch import Tensor, nn


def neuron(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """One neuron: the weighted sum of its inputs plus its bias, Σᵢ xᵢ·wᵢ + b.

    Args:
        x: inputs `(..., in_features)`, float: a sample lies along the last dimension.
        weight: the strength of each connection, `(in_features,)`, same dtype.
        bias: how ready the neuron is without any input, 0-d, same dtype.

    Returns:
        One number a sample, `(...)`: the shape of x without its last dimension. Gradients flow to all three arguments.
    """
    ### BEGIN SOLUTION
    return x @ weight + bias
    ### END SOLUTION


def fires(x: Tensor, weight: Tensor, threshold: float | Tensor) -> Tensor:
    """Whether the weighted sum Σᵢ xᵢ·wᵢ reaches the threshold: the neuron of McCulloch and Pitts (1943).

    Args:
        x: inputs `(..., in_features)`, float.
        weight: the strength of each connection, `(in_features,)`, same dtype.
        threshold: what the weighted sum must reach, a float or a 0-d tensor. A sum that equals it does reach it.

    Returns:
        bool `(...)`: one True or False a sample, a 0-d tensor for a single one.
    """
    ### BEGIN SOLUTION
    return x @ weight >= threshold
    ### END SOLUTION


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A layer: `out_features` neurons that all hear the same inputs, y = x·Wᵀ + b.

    Args:
        x: inputs `(..., in_features)`, float.
        weight: one row of weights a neuron, `(out_features, in_features)`, same dtype.
        bias: one bias a neuron, `(out_features,)`; None: no bias is added.

    Returns:
        `(..., out_features)`: number j of a sample is what neuron j answers. Gradients flow to every tensor given.
    """
    ### BEGIN SOLUTION
    answers = x @ weight.T
    return answers if bias is None else answers + bias
    ### END SOLUTION


class Linear(nn.Module):
    """A layer that owns its weight and bias, as `nn.Linear` does: each can load the other's `state_dict`.

    Attributes:
        weight: parameter `(out_features, in_features)`, drawn from U(−1/√in_features, 1/√in_features).
        bias: parameter `(out_features,)`, drawn from the same U; with `bias=False` the name is registered with None.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        """Make the parameters and draw their first values from PyTorch's random numbers.

        Args:
            in_features: how many numbers a sample has.
            out_features: how many neurons the layer has.
            bias: whether the neurons have a bias.
        """
        super().__init__()
        ### BEGIN SOLUTION
        bound = in_features**-0.5
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound))
        else:
            self.register_parameter("bias", None)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """The layer's answers to x `(..., in_features)`, of the shape `(..., out_features)`."""
        ### BEGIN SOLUTION
        return linear(x, self.weight, self.bias)
        ### END SOLUTION


def count_parameters(module: nn.Module, trainable_only: bool = True) -> int:
    """How many numbers the parameters of a module hold, those of the modules inside of it included.

    Args:
        module: any module. Its buffers (such as the running mean of a batch norm) are no parameters.
        trainable_only: leave out parameters that are frozen (`requires_grad` is False).

    Returns:
        A Python int. A parameter that is registered in two places counts once.
    """
    ### BEGIN SOLUTION
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable_only)
    ### END SOLUTION
