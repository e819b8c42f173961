"""State laid out as PyTorch has it, the step as a float64 tensor, einsum for the squares."""

from collections import OrderedDict

import torch
from torch import Tensor
from torch.optim import Optimizer


def enabled(closure):
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    try:
        return closure()
    finally:
        torch.set_grad_enabled(before)


def each(optimizer):
    for group in optimizer.param_groups:
        for p in group["params"]:
            if isinstance(p.grad, Tensor):
                yield group, p, optimizer.state[p]


class SGD(Optimizer):
    def __init__(
        self,
        params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        if lr < 0:
            raise ValueError("lr")
        defaults = OrderedDict(
            lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )
        super().__init__(params, defaults)

    @torch.inference_mode(False)
    @torch.no_grad()
    def step(self, closure=None):
        loss = enabled(closure) if closure else None
        for group, p, state in each(self):
            g = torch.clone(p.grad).add_(p, alpha=group["weight_decay"])
            mu, d = group["momentum"], group["dampening"]
            if mu:
                # with a first buffer of g·d/mu the usual update gives g, unless mu is 0
                b = state.setdefault("momentum_buffer", g * (d / mu))
                b.mul_(mu).add_(g - d * g)
                g = mu * b + g if group["nesterov"] else b
            p.sub_(g.mul(group["lr"]))
        return loss


class RMSprop(Optimizer):
    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
        defaults = OrderedDict(
            lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered
        )
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        loss = enabled(closure) if closure else None
        for group, p, state in each(self):
            g = torch.clone(p.grad).add_(p, alpha=group["weight_decay"])
            a = group["alpha"]
            v = state.setdefault("square_avg", torch.zeros_like(p))
            v.copy_(a * v + (1 - a) * torch.einsum("...,...->...", g, g))
            m = state.setdefault("grad_avg", torch.zeros_like(p))
            m.copy_(a * m + (1 - a) * g)
            d = torch.rsqrt(v - m * m) if group["centered"] else torch.rsqrt(v)
            # 1 / (1 / d + eps); where v is 0, d is infinite and 1 / d is 0
            u = g / (1 / d + group["eps"])
            if group["momentum"]:
                b = state.setdefault("momentum_buffer", torch.zeros_like(p))
                b.copy_(group["momentum"] * b + u)
                u = b
            p.sub_(group["lr"] * u)
        return loss


class Adam(Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, OrderedDict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    def gradient(self, p, group):
        return p.grad + group["weight_decay"] * p

    @torch.no_grad()
    def step(self, closure=None):
        loss = enabled(closure) if closure else None
        for group, p, state in each(self):
            g = self.gradient(p, group)
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float64)
                state["exp_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                state["exp_avg_sq"] = torch.zeros_like(p, memory_format=torch.preserve_format)
            state["step"] += 1
            (b1, b2), t = group["betas"], state["step"].double()
            state["exp_avg"].lerp_(g, 1 - b1)
            state["exp_avg_sq"].lerp_(g.square(), 1 - b2)
            c1, c2 = float(1 - b1**t), float(1 - b2**t)
            p.addcdiv_(
                state["exp_avg"] / c1,
                (state["exp_avg_sq"] / c2).sqrt_().add_(group["eps"]),
                value=-group["lr"],
            )
        return loss


class AdamW(Adam):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, lr, betas, eps, weight_decay)

    def gradient(self, p, group):
        p.mul_(1 - group["lr"] * group["weight_decay"])
        return p.grad


def clip_grad_norm_(parameters: Tensor | list[Tensor], max_norm: float) -> Tensor:
    single = isinstance(parameters, Tensor)
    grads = []
    for p in (parameters,) if single else parameters:
        if p.grad is None:
            continue
        grads.append(p.grad)
    if len(grads) == 0:
        return torch.tensor(0.0)
    squares = torch.stack([torch.sum(grad * grad) for grad in grads])
    norm = squares.sum().sqrt()
    over = torch.clamp(norm / max(max_norm, 1e-30), min=1.0)
    for grad in grads:
        torch.div(grad, over, out=grad)
    return norm
