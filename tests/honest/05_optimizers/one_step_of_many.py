"""One class makes all steps; each optimizer only says by what a parameter changes."""

import math

import torch
from torch.optim import Optimizer


class Mover(Optimizer):
    def __init__(self, params, **options):
        super().__init__(params, options)
        self.names = tuple(options)

    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            moves = [
                (p, self.change(p.detach(), p.grad.detach(), self.state[p], **self.wanted(group)))
                for group in self.param_groups
                for p in group["params"]
                if p.grad is not None
            ]
            for p, change in moves:
                p.add_(change)
        return loss

    def wanted(self, group):
        return {name: group[name] for name in self.names}

    def remember(self, state, name, like):
        if name not in state:
            state[name] = torch.zeros_like(like, memory_format=torch.preserve_format)
        return state[name]


class SGD(Mover):
    def __init__(self, params, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
        options = {"momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, lr=lr, **options)

    def change(self, p, g, state, lr, momentum, dampening, weight_decay, nesterov):
        g = torch.add(g, p, alpha=weight_decay)
        if momentum == 0:
            return g * -lr
        old = state.get("velocity")
        state["velocity"] = g.clone() if old is None else torch.add(old * momentum, g, alpha=1 - dampening)
        return -lr * (g + momentum * state["velocity"] if nesterov else state["velocity"])


class RMSprop(Mover):
    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
        options = {"eps": eps, "weight_decay": weight_decay, "momentum": momentum, "centered": centered}
        super().__init__(params, lr=lr, alpha=alpha, **options)

    def change(self, p, g, state, lr, alpha, eps, weight_decay, momentum, centered):
        g = g + weight_decay * p
        v = self.remember(state, "v", p).lerp_(g.square(), 1 - alpha)
        if centered:
            m = self.remember(state, "m", p).lerp_(g, 1 - alpha)
            v = v.sub(m.square())
        scaled = torch.div(g, v.sqrt().add_(eps))
        if not momentum:
            return scaled.mul_(-lr)
        return self.remember(state, "b", p).mul_(momentum).add_(scaled).mul(-lr)


class Adam(Mover):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay)

    def change(self, p, g, state, lr, betas, eps, weight_decay):
        return self.adaptive(p, torch.add(g, p, alpha=weight_decay), state, lr, betas, eps)

    def adaptive(self, p, g, state, lr, betas, eps):
        t = state["t"] = state.get("t", 0) + 1
        m = self.remember(state, "m", p).lerp_(g, 1 - betas[0])
        v = self.remember(state, "v", p).lerp_(g * g, 1 - betas[1])
        late = math.sqrt(1 - betas[1] ** t)
        return -(lr * late / (1 - betas[0] ** t)) * m / (v.sqrt() + eps * late)


class AdamW(Adam):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, lr, betas, eps, weight_decay)

    def change(self, p, g, state, lr, betas, eps, weight_decay):
        return self.adaptive(p, g, state, lr, betas, eps) - lr * weight_decay * p


def clip_grad_norm_(parameters, max_norm):
    whose = (parameters,) if torch.is_tensor(parameters) else parameters
    grads = [p.grad.detach() for p in whose if p.grad is not None]
    total = torch.zeros(())
    for grad in grads:
        total = torch.hypot(total.to(grad.device, grad.dtype), grad.norm(p=2))
    if grads and bool(total > max_norm):
        for grad in grads:
            grad.copy_(grad * (float(max_norm) / total))
    return total
