"""Exercise 04: autograd. How does `backward` know where the parameters are? You build the machine that does.

First gradients without any machine (nudge and look), then the two rules that every backward pass consists of, then a
whole engine for single numbers, and last the two places where training code touches it: finding the parameters and
filling their `.grad`.

May not be called: `torch.autograd.functional`, `gradcheck`, `torch.func`, `sum_to_size`, `F.linear`; in
`numerical_gradient` no autograd at all; in `named_parameters` not `module.named_parameters`, `parameters`,
`state_dict` or `_named_members`. Allowed: everything else, such as `@`, `sum`, `torch.autograd.Function`,
`backward`, `zero_grad`, `module.named_children`, `module._parameters`, `module._modules`, …
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def numerical_gradient(f: Callable[[Tensor], Tensor], x: Tensor, eps: float = 1e-6) -> Tensor:
    """Gradient by central differences: each element is nudged by eps both ways, the others stay where they are.

    Args:
        f: maps a tensor of x's shape and dtype to a 0-d tensor.
        x: float64, any shape. It is the same afterwards, to the last bit.
        eps: how far an element is nudged up, and down.

    Returns:
        (f(x + eps·eᵢ) − f(x − eps·eᵢ)) / (2·eps) for each element i, in the shape and dtype of x.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def unbroadcast(grad: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sum a gradient back to the shape that a tensor had before it was broadcast.

    Broadcasting copies: an element that was used five times gets the sum of five gradients.

    Args:
        grad: float, of a shape that `shape` broadcasts to.
        shape: the shape before broadcasting (a tuple or a `torch.Size`; `()` for a single number).

    Returns:
        The sums, of that shape, in the dtype of grad.
    """
    # YOUR CODE HERE
    raise NotImplementedError


class LinearFunction(torch.autograd.Function):
    """x · weightᵀ + bias with a backward written by hand, used as `LinearFunction.apply(x, weight, bias)`.

    PyTorch calls `forward` once, keeps ctx in the graph, and hands the same ctx to `backward` later.
    See https://docs.pytorch.org/docs/stable/notes/extending.html.
    """

    # ctx is PyTorch's own object, to which anything may be attached: hence Any

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer's output.

        Args:
            ctx: where to leave what `backward` will need.
            x: inputs `(N, in_features)`.
            weight: `(out_features, in_features)`.
            bias: `(out_features,)`, or None.

        Returns:
            `(N, out_features)`.
        """
        # YOUR CODE HERE
        raise NotImplementedError

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """The chain rule: from the gradient of the output to the gradients of the inputs.

        Args:
            ctx: what `forward` left; `ctx.needs_input_grad` holds one bool for each input.
            grad_output: gradient of the loss with respect to the output, `(N, out_features)`.

        Returns:
            Gradients of x, weight and bias, each of its input's shape; None for an input that needs none.
        """
        # YOUR CODE HERE
        raise NotImplementedError


class Value:
    """One number that remembers where it came from, so that `backward` can find its way back.

    The operators take a Value or a float on either side and return a new Value. They change nothing of what they
    are given; `backward` changes `grad`; and whoever trains with Values assigns to both `data` and `grad`.

    Attributes:
        data: the number, a float.
        grad: the derivatives that `backward` added up here, a float, 0 at first.
    """

    def __init__(self, data: float) -> None:
        """A number that was computed from nothing: a leaf of the graph."""
        self.data = float(data)
        self.grad = 0.0
        # YOUR CODE HERE
        raise NotImplementedError

    def __add__(self, other: "Value | float") -> "Value":
        """self + other."""
        # YOUR CODE HERE
        raise NotImplementedError

    def __radd__(self, other: float) -> "Value":
        """other + self, where other is a float."""
        # YOUR CODE HERE
        raise NotImplementedError

    def __mul__(self, other: "Value | float") -> "Value":
        """self · other."""
        # YOUR CODE HERE
        raise NotImplementedError

    def __rmul__(self, other: float) -> "Value":
        """other · self, where other is a float."""
        # YOUR CODE HERE
        raise NotImplementedError

    def __neg__(self) -> "Value":
        """−self."""
        # YOUR CODE HERE
        raise NotImplementedError

    def __sub__(self, other: "Value | float") -> "Value":
        """self − other."""
        # YOUR CODE HERE
        raise NotImplementedError

    def __rsub__(self, other: float) -> "Value":
        """other − self, where other is a float."""
        # YOUR CODE HERE
        raise NotImplementedError

    def __pow__(self, exponent: float) -> "Value":
        """self to the power of a float; a negative or zero base is fine where the result and its slope are numbers."""
        # YOUR CODE HERE
        raise NotImplementedError

    def __truediv__(self, other: "Value | float") -> "Value":
        """self / other."""
        # YOUR CODE HERE
        raise NotImplementedError

    def __rtruediv__(self, other: float) -> "Value":
        """other / self, where other is a float."""
        # YOUR CODE HERE
        raise NotImplementedError

    def exp(self) -> "Value":
        """e to the power of self."""
        # YOUR CODE HERE
        raise NotImplementedError

    def log(self) -> "Value":
        """The natural logarithm of self, which is above 0."""
        # YOUR CODE HERE
        raise NotImplementedError

    def tanh(self) -> "Value":
        """The hyperbolic tangent of self, however large self is."""
        # YOUR CODE HERE
        raise NotImplementedError

    def relu(self) -> "Value":
        """self where it is above 0, else 0; its slope at 0 is 0."""
        # YOUR CODE HERE
        raise NotImplementedError

    def backward(self) -> None:
        """Add the derivative of self with respect to each Value that it was computed from to that Value's `grad`.

        The value itself counts among them, with the derivative 1. What a `grad` held before stays in the sum and has
        no influence on what is added. Takes time in proportion to the size of the graph, however many paths lead
        through it, and copes with a chain of 10,000 Values.
        """
        # YOUR CODE HERE
        raise NotImplementedError


def named_parameters(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Every parameter that is registered in a module or anywhere below it, with its name.

    Args:
        module: its own parameters come first, in the order of their registration; then each child's, in the same way.

    Returns:
        Pairs of name and parameter (the object itself, no copy), as `module.named_parameters()` gives them: names
        joined by dots (`"encoder.0.weight"`); a parameter that is reached twice only under its first name; those
        that are registered as None not at all.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def accumulate_gradients(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    micro_batches: list[tuple[Tensor, Tensor]],
) -> float:
    """Fill every `.grad` as one large batch would, from small batches that fit into memory one at a time.

    Args:
        model: its parameters and its mode (train or eval) stay as they are; only `.grad` changes.
        loss_fn: called as `loss_fn(model(x), y)`, gives the mean loss over the samples of its batch, a 0-d tensor.
        micro_batches: pairs `(x, y)`. The first dimension counts samples; one batch may hold more than another.

    Returns:
        The mean loss over all samples, as a float. Every parameter's `.grad` is then the gradient of that mean,
        whatever it was before; a parameter that the loss does not depend on has None or zeros.
    """
    # YOUR CODE HERE
    raise NotImplementedError
