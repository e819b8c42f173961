"""Each parameter as one flat vector, updated and written back; the state is flat too, and float64 counts the steps."""

import torch
from torch.optim import Optimizer


def flat(tensor):
    return tensor.detach().reshape(-1).clone()


def unflatten_into(p, vector):
    p.copy_(vector.view(p.shape))


class Flat(Optimizer):
    def moved(self, x, g, state, o):
        raise TypeError

    def step(self, closure=None):
        with torch.enable_grad():
            loss = closure() if closure is not None else None
        with torch.no_grad():
            for o in self.param_groups:
                for p in o["params"]:
                    if p.grad is None:
                        continue
                    unflatten_into(p, self.moved(flat(p), flat(p.grad), self.state[p], o))
        return loss


class SGD(Flat):
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

    def moved(self, x, g, state, o):
        g += o["weight_decay"] * x
        if o["momentum"]:
            try:
                b = state["b"]
                b *= o["momentum"]
                b += (1 - o["dampening"]) * g
            except KeyError:
                b = state["b"] = g.clone()
            g = b if not o["nesterov"] else g + o["momentum"] * b
        return x - o["lr"] * g


class RMSprop(Flat):
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

    def moved(self, x, g, state, o):
        g += o["weight_decay"] * x
        table = state.setdefault("table", g.new_zeros(3, len(g)))
        a = o["alpha"]
        table[0] = a * table[0] + (1 - a) * g**2
        table[1] = a * table[1] + (1 - a) * g
        spread = table[0] - table[1] ** 2 if o["centered"] else table[0]
        table[2] = o["momentum"] * table[2] + g / (spread**0.5 + o["eps"])
        return x - o["lr"] * table[2]


class Adam(Flat):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def moved(self, x, g, state, o):
        return x - o["lr"] * self.direction(g + o["weight_decay"] * x, state, o)

    @staticmethod
    def direction(g, state, o):
        betas = torch.tensor(o["betas"], dtype=torch.float64)
        table = state.setdefault("table", g.new_zeros(2, len(g)))
        state["age"] = state.get("age", 0) + 1
        samples = (g, g * g)
        corrected = []
        for row, sample, beta, power in zip(
            table, samples, betas.tolist(), (betas ** state["age"]).tolist(), strict=True
        ):
            row.mul_(beta).add_(sample, alpha=1 - beta)
            corrected.append(row / (1 - power))
        return corrected[0] / (corrected[1].sqrt() + o["eps"])


class AdamW(Flat):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def moved(self, x, g, state, o):
        return x * (1 - o["lr"] * o["weight_decay"]) - o["lr"] * Adam.direction(g, state, o)


def clip_grad_norm_(parameters, max_norm):
    parameters = [parameters] if isinstance(parameters, torch.Tensor) else [*parameters]
    grads = [p.grad for p in parameters if p.grad is not None]
    if not grads:
        return torch.zeros(())
    norm = torch.cat([flat(g) for g in grads]).norm()
    if norm.item() <= max_norm:
        return norm
    for g in grads:
        g *= max_norm / norm
    return norm
