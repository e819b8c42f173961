"""Exercise 02: activations. Without a bend between them, a hundred layers can do no more than one.

Every function here takes a tensor of any shape and returns a new one of the same shape and dtype, and (but for the
three `…_grad`) the gradient must flow through it, at exactly 0 too. Empty tensors and every device will do. All
inputs are finite; values and gradients must be finite too.

May not be called: every activation that PyTorch has, in `torch.nn.functional`, `torch.nn`, `torch` and as a method of
a tensor (`relu`, `sigmoid`, `tanh`, `gelu`, `softmax`, `logsumexp`, `expit`, `softplus` and all the others); in the
three `…_grad` also autograd. Allowed: `exp`, `log`, `log1p`, `expm1`, `erf`, `logaddexp`, `clamp`, `where`, `maximum`,
`amax`, your own functions of this exercise, and `nn.Linear` in `ActivationNet`.
"""

import math

import torch
from torch import Tensor, nn


def relu(x: Tensor) -> Tensor:
    """Rectified linear unit: x where x is positive, else 0 (Nair & Hinton 2010).

    Args:
        x: float, any shape.

    Returns:
        Shape and dtype of x. The gradient is 1 where x > 0, else 0; it is 0 at exactly 0 too.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Leaky ReLU: x where x is positive, else negative_slope · x (Maas, Hannun & Ng 2013).

    Args:
        x: float, any shape.
        negative_slope: the slope for x ≤ 0; any number, also 0, negative or above 1.

    Returns:
        Shape and dtype of x. The gradient is 1 where x > 0, else negative_slope, at exactly 0 too.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def sigmoid(x: Tensor) -> Tensor:
    """Logistic function: 1 / (1 + e^−x), between 0 and 1.

    Args:
        x: float, any shape.

    Returns:
        Shape and dtype of x. Value and gradient are finite for every finite x, however large; the gradient at 0 is 1/4.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent: (e^x − e^−x) / (e^x + e^−x), between −1 and 1.

    Args:
        x: float, any shape.

    Returns:
        Shape and dtype of x. Value and gradient are finite for every finite x, however large; the gradient at 0 is 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def gelu(x: Tensor) -> Tensor:
    """Gaussian error linear unit, exact form: x · Φ(x) (Hendrycks & Gimpel 2016, arXiv:1606.08415).

    Φ is the cumulative distribution function of the standard normal distribution, (1 + erf(x / √2)) / 2.
    The tanh formula of the paper is an approximation; it is not asked for here.

    Args:
        x: float, any shape.

    Returns:
        Shape and dtype of x.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def softmax(x: Tensor, dim: int) -> Tensor:
    """Scores to probabilities: e^x divided by the sum of e^x along one dimension.

    Args:
        x: float, any shape with at least one dimension.
        dim: the dimension along which the results sum to 1; negative ones count from the last.

    Returns:
        Shape and dtype of x. Value and gradient are finite for values up to ±1e4, in every slice along `dim`,
        however much the slices differ in size.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def log_softmax(x: Tensor, dim: int) -> Tensor:
    """The logarithm of the softmax: x − log Σ e^x along one dimension, without ever taking the logarithm of 0.

    Args:
        x: float, any shape with at least one dimension.
        dim: the dimension along which the probabilities sum to 1; negative ones count from the last.

    Returns:
        Shape and dtype of x, never above 0. Value and gradient are finite for values up to ±1e4, in every slice
        along `dim`, however much the slices differ in size.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def sigmoid_grad(x: Tensor) -> Tensor:
    """The derivative of the sigmoid at x, in closed form, without autograd.

    Args:
        x: float, any shape: what goes into the sigmoid, not what comes out of it.

    Returns:
        Shape and dtype of x, finite for values up to ±1e4.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def tanh_grad(x: Tensor) -> Tensor:
    """The derivative of tanh at x, in closed form, without autograd.

    Args:
        x: float, any shape: what goes into tanh, not what comes out of it.

    Returns:
        Shape and dtype of x, finite for values up to ±1e4.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def relu_grad(x: Tensor) -> Tensor:
    """The derivative of ReLU at x, in closed form, without autograd.

    Args:
        x: float, any shape: what goes into ReLU.

    Returns:
        Shape and dtype of x (floats, not bools): 1 where x > 0, else 0; 0 at exactly 0 too.
    """
    # YOUR CODE HERE
    raise NotImplementedError


class ActivationNet(nn.Module):
    """A small network for yes-or-no questions: 10 → 20 ReLU → 10 Tanh → 1 Sigmoid.

    Attributes:
        layer1: as `nn.Linear(10, 20)`; ReLU follows.
        layer2: as `nn.Linear(20, 10)`; tanh follows.
        output_layer: as `nn.Linear(10, 1)`; the sigmoid follows.
    """

    def __init__(self) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """The network's answer to each row.

        Args:
            x: float `(N, 10)`.

        Returns:
            Probabilities `(N, 1)`.
        """
        # YOUR CODE HERE
        raise NotImplementedError
