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

### BEGIN SOLUTION


def _evaluate(closure: Callable[[], Any] | None) -> Any:
    """What the closure returns: it calls `backward`, so gradients are on, although they are off in `step`."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def _with_gradient(optimizer: Optimizer) -> Iterator[tuple[Tensor, Tensor, dict[str, Any], dict[str, Any]]]:
    """Each parameter that has a gradient: the parameter, the gradient, its group's options, its state."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p.grad is not None:
                yield p, p.grad, group, optimizer.state[p]


def _adaptive_direction(p: Tensor, grad: Tensor, group: dict[str, Any], state: dict[str, Any]) -> Tensor:
    """Adam's direction: the bias-corrected mean of the gradients over the root of that of their squares."""
    if not state:
        state.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
    beta1, beta2 = group["betas"]
    state["step"] += 1
    state["exp_avg"].mul_(beta1).add_(grad, alpha=1 - beta1)
    state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    mean = state["exp_avg"] / (1 - beta1 ** state["step"])
    mean_square = state["exp_avg_sq"] / (1 - beta2 ** state["step"])
    return mean / (mean_square.sqrt() + group["eps"])


### END SOLUTION


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
        ### BEGIN SOLUTION
        loss = _evaluate(closure)
        for p, grad, group, state in _with_gradient(self):
            if group["weight_decay"]:
                grad = grad.add(p, alpha=group["weight_decay"])
            if group["momentum"]:
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    buffer = state["momentum_buffer"] = grad.clone()
                else:
                    buffer.mul_(group["momentum"]).add_(grad, alpha=1 - group["dampening"])
                grad = grad.add(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer
            p.add_(grad, alpha=-group["lr"])
        return loss
        ### END SOLUTION


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
        ### BEGIN SOLUTION
        loss = _evaluate(closure)
        for p, grad, group, state in _with_gradient(self):
            if not state:
                names = ("square_avg", "grad_avg", "momentum_buffer")
                state.update({name: torch.zeros_like(p) for name in names})
            alpha = group["alpha"]
            if group["weight_decay"]:
                grad = grad.add(p, alpha=group["weight_decay"])
            state["square_avg"].mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
            spread = state["square_avg"]
            if group["centered"]:
                mean = state["grad_avg"].mul_(alpha).add_(grad, alpha=1 - alpha)
                spread = spread.addcmul(mean, mean, value=-1)
            update = grad / (spread.sqrt() + group["eps"])
            if group["momentum"]:
                update = state["momentum_buffer"].mul_(group["momentum"]).add_(update)
            p.add_(update, alpha=-group["lr"])
        return loss
        ### END SOLUTION


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
        ### BEGIN SOLUTION
        loss = _evaluate(closure)
        for p, grad, group, state in _with_gradient(self):
            if group["weight_decay"]:
                grad = grad.add(p, alpha=group["weight_decay"])
            p.add_(_adaptive_direction(p, grad, group, state), alpha=-group["lr"])
        return loss
        ### END SOLUTION


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
        ### BEGIN SOLUTION
        loss = _evaluate(closure)
        for p, grad, group, state in _with_gradient(self):
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.add_(_adaptive_direction(p, grad, group, state), alpha=-group["lr"])
        return loss
        ### END SOLUTION


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
    ### BEGIN SOLUTION
    tensors = [parameters] if isinstance(parameters, Tensor) else parameters
    grads = [p.grad for p in tensors if p.grad is not None]
    if not grads:
        return torch.tensor(0.0)
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(grad) for grad in grads]))
    scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for grad in grads:
        grad.mul_(scale)
    return norm
    ### END SOLUTION
