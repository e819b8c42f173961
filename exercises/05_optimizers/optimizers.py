"""Exercise 05: optimizers. The gradient says which way is down, the optimizer how far, and what to remember.

Each class extends `torch.optim.Optimizer`, which keeps the books: `self.param_groups` is a list of dicts,
each with its parameters under "params" and its options ("lr", "momentum", …) beside them; `self.state[p]` is
a dict of your own for the parameter p. You write `step()`. In all four: read the options from the group at
each step (schedulers change them there), skip a parameter whose `.grad` is None, update parameters in place,
and leave the gradients as they are.

May not be called: the optimizers of `torch.optim` (`SGD`, `Adam` and all others, and their functional forms),
`torch.nn.utils.clip_grad_norm_` and its relatives, `get_total_norm`. Allowed: `torch.optim.Optimizer` itself,
every tensor operation (`add_`, `mul_`, `lerp_`, `addcmul_`, `sqrt`, …), `torch.linalg.vector_norm`,
`torch._foreach_*`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum, Nesterov momentum and weight decay if they are wanted.

    At each step, for a parameter p with gradient g:

        g = g + weight_decay · p
        b = g                                      the first time that this parameter has a gradient
        b = momentum · b + (1 − dampening) · g     afterwards
        g = g + momentum · b if nesterov, else b
        p = p − lr · g

    Without momentum (0) there is no buffer b, the gradient is the step, and dampening means nothing.
    `nesterov` comes with a momentum and without dampening. After Sutskever et al., "On the importance of
    initialization and momentum in deep learning" (2013), as PyTorch has it.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, once.

        Args:
            closure: evaluates the model anew (zeroes gradients, computes the loss, calls `backward`) and
                returns the loss. It is called once, with gradients enabled, before anything is updated.

        Returns:
            What the closure returned; None without one.
        """
        # YOUR CODE HERE
        raise NotImplementedError


class RMSprop(Optimizer):
    """Divides each gradient by the root of a running mean of its squares, so that all move at one pace.

    At each step, for a parameter p with gradient g (v, m and b begin at 0):

        g = g + weight_decay · p
        v = alpha · v + (1 − alpha) · g²
        d = √v + eps
        d = √(v − m²) + eps instead if centered, where m = alpha · m + (1 − alpha) · g
        p = p − lr · g / d
        p = p − lr · b instead with momentum, where b = momentum · b + g / d

    After Tieleman and Hinton's lecture 6.5 (2012); centered: Graves, "Generating Sequences With Recurrent
    Neural Networks" (2013), with eps outside of the root, as PyTorch has it.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, once.

        Args:
            closure: as for `SGD.step`.

        Returns:
            What the closure returned; None without one.
        """
        # YOUR CODE HERE
        raise NotImplementedError


class Adam(Optimizer):
    """Momentum and adaptive rates together, both corrected for having begun at zero.

    At the t-th step of a parameter p with gradient g (each p counts its own t, from 1; m and v begin at 0):

        g = g + weight_decay · p
        m = β₁ · m + (1 − β₁) · g
        v = β₂ · v + (1 − β₂) · g²
        p = p − lr · [m / (1 − β₁ᵗ)] / (√[v / (1 − β₂ᵗ)] + eps)

    After Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015), algorithm 1.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, once.

        Args:
            closure: as for `SGD.step`.

        Returns:
            What the closure returned; None without one.
        """
        # YOUR CODE HERE
        raise NotImplementedError


class AdamW(Optimizer):
    """Adam whose weight decay shrinks the parameter itself and never enters the running means.

    At each step, for a parameter p that has a gradient:

        p = p − lr · weight_decay · p
        then Adam's step, with the gradient alone

    After Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2; the decay is
    multiplied by lr, as PyTorch has it.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, once.

        Args:
            closure: as for `SGD.step`.

        Returns:
            What the closure returned; None without one.
        """
        # YOUR CODE HERE
        raise NotImplementedError


@torch.no_grad()
def clip_grad_norm_(parameters: Iterable[Tensor] | Tensor, max_norm: float) -> Tensor:
    """Scales all gradients down by one factor, in place, if together they are longer than `max_norm`.

    Args:
        parameters: an iterable of tensors (a list, or a generator such as `model.parameters()`), or one
            tensor of any shape. Those whose `.grad` is None do not count.
        max_norm: the greatest 2-norm that is left as it is.

    Returns:
        The 2-norm of all gradients together before clipping, 0-d; 0 if there are none.

    After Pascanu et al., "On the difficulty of training recurrent neural networks" (2013).
    """
    # YOUR CODE HERE
    raise NotImplementedError
