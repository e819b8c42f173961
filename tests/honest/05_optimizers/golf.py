"""As little as possible."""

import torch
from torch.optim import Optimizer as O


class Z(O):
    @torch.no_grad()
    def step(s, closure=None):
        r = torch.enable_grad()(closure)() if closure else None
        for g in s.param_groups:
            for p in g["params"]:
                if p.grad is not None:
                    s.u(p, p.grad, s.state[p], **{k: v for k, v in g.items() if k != "params"})
        return r


class SGD(Z):
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

    def u(s, p, g, t, lr, momentum, dampening, weight_decay, nesterov, **_):
        g = g + weight_decay * p
        if momentum:
            t["b"] = momentum * t["b"] + (1 - dampening) * g if t else g
            g = g + momentum * t["b"] if nesterov else t["b"]
        p -= lr * g


class RMSprop(Z):
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

    def u(s, p, g, t, lr, alpha, eps, weight_decay, momentum, centered, **_):
        g = g + weight_decay * p
        t["v"] = alpha * t.get("v", 0) + (1 - alpha) * g * g
        t["m"] = alpha * t.get("m", 0) + (1 - alpha) * g
        t["b"] = momentum * t.get("b", 0) + g / ((t["v"] - centered * t["m"] ** 2) ** 0.5 + eps)
        p -= lr * t["b"]


class Adam(Z):
    d = 0

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def u(s, p, g, t, lr, betas, eps, weight_decay, **_):
        a, b = betas
        p *= 1 - s.d * lr * weight_decay
        g = g + (1 - s.d) * weight_decay * p
        n = t["n"] = t.get("n", 0) + 1
        t["m"] = a * t.get("m", 0) + (1 - a) * g
        t["v"] = b * t.get("v", 0) + (1 - b) * g * g
        p -= lr * t["m"] / (1 - a**n) / ((t["v"] / (1 - b**n)) ** 0.5 + eps)


class AdamW(Adam):
    d = 1

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, lr, betas, eps, weight_decay)


def clip_grad_norm_(parameters, max_norm):
    g = [p.grad for p in ([parameters] if torch.is_tensor(parameters) else parameters) if p.grad is not None]
    n = sum((x.square().sum() for x in g), torch.zeros(())) ** 0.5 if not g else sum(x.square().sum() for x in g) ** 0.5
    [x.mul_(max_norm / n) for x in g if n > max_norm]
    return n
