"""The same numbers by other formulas: folded corrections, increments, running products of the betas."""

import math

import torch
from torch.optim import Optimizer


class _Stepper(Optimizer):
    """Calls `change(p, grad, state, **options)`, which returns what is added to p."""

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in filter(lambda p: p.grad is not None, group["params"]):
                p.add_(self.change(p, p.grad.detach(), group, self.state[p]))
        return loss


class SGD(_Stepper):
    def __init__(self, params, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
            },
        )

    def change(self, p, grad, o, state):
        g = torch.add(grad, p, alpha=o["weight_decay"])
        mu = o["momentum"]
        if mu == 0:
            return -o["lr"] * g
        # from zeros; the first gradient has the weight 1, later ones 1 − dampening
        weight = 1 - o["dampening"] if "speed" in state else 1.0
        speed = state.setdefault("speed", torch.zeros_like(p))
        speed += (mu - 1) * speed + weight * g
        return -o["lr"] * (torch.lerp(speed, g + (1 + mu) * speed - speed, 1.0) if o["nesterov"] else speed)


class RMSprop(_Stepper):
    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
            },
        )

    def change(self, p, grad, o, state):
        g = torch.add(grad, p, alpha=o["weight_decay"])
        rate = 1 - o["alpha"]
        if not state:
            state["moments"] = [torch.zeros_like(p) for _ in range(3)]
        mean, square, sum_ = state["moments"]
        square += rate * (g.square() - square)
        mean += rate * (g - mean)
        spread = square - mean.square() if o["centered"] else square
        sum_ -= (1 - o["momentum"]) * sum_
        sum_ += g * (spread.sqrt() + o["eps"]).reciprocal()
        return sum_.mul(-o["lr"])


class Adam(_Stepper):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def change(self, p, grad, o, state):
        return self.adaptive(torch.add(grad, p, alpha=o["weight_decay"]), o, state)

    @staticmethod
    def adaptive(g, o, state):
        b1, b2 = o["betas"]
        if not state:
            state.update(m=torch.zeros_like(g), v=torch.zeros_like(g), p1=1.0, p2=1.0)
        state["p1"] *= b1
        state["p2"] *= b2
        state["m"] += (1 - b1) * (g - state["m"])
        state["v"] += (1 - b2) * (g * g - state["v"])
        root = math.sqrt(1 - state["p2"])
        return (state["m"] * (-o["lr"] * root / (1 - state["p1"]))).div_(state["v"].sqrt() + o["eps"] * root)


class AdamW(_Stepper):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def change(self, p, grad, o, state):
        return Adam.adaptive(grad, o, state) - o["lr"] * o["weight_decay"] * p


def clip_grad_norm_(parameters, max_norm):
    tensors = list([parameters] if isinstance(parameters, torch.Tensor) else parameters)
    with torch.no_grad():
        flat = [p.grad.flatten() for p in tensors if p.grad is not None]
        everything = torch.cat(flat) if flat else torch.zeros(0)
        norm = (everything @ everything).sqrt()
        divisor = torch.maximum(norm / max_norm, torch.ones_like(norm)) if max_norm else None
        for p in tensors:
            if p.grad is not None:
                p.grad.zero_() if divisor is None else p.grad.div_(divisor)
    return norm
