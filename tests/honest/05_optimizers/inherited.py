"""One base class and mixins: everything is a chain of small transformations of the gradient."""

import torch
from torch.optim import Optimizer


class Chain(Optimizer):
    links = ()

    @torch.no_grad()
    def step(self, closure=None):
        loss = closure and self.called(closure)
        pairs = [(p, g) for g in self.param_groups for p in g["params"]]
        for p, group in pairs:
            if p.grad is None:
                continue
            update = p.grad
            for link in self.links:
                update = link(self, p, update, group, self.state[p])
            p.sub_(update, alpha=group["lr"])
        return loss

    @torch.enable_grad()
    def called(self, closure):
        return closure()

    def l2(self, p, g, group, state):
        return g if group["weight_decay"] == 0 else g + p * group["weight_decay"]

    def shrink(self, p, g, group, state):
        p.sub_(p * (group["lr"] * group["weight_decay"]))
        return g

    def heavy_ball(self, p, g, group, state):
        if group["momentum"] == 0.0:
            return g
        buffer = state.get("buffer")
        state["buffer"] = g.clone() if buffer is None else buffer * group["momentum"] + g * (1.0 - group["dampening"])
        return torch.add(g, state["buffer"], alpha=group["momentum"]) if group["nesterov"] else state["buffer"]

    def normalised(self, p, g, group, state):
        zero = torch.zeros_like(p)
        a = group["alpha"]
        state["second"] = torch.lerp(g * g, state.get("second", zero), a)
        if group["centered"]:
            state["first"] = torch.lerp(g, state.get("first", zero), a)
            return g / ((state["second"] - state["first"].pow(2)).pow(0.5) + group["eps"])
        return g / (state["second"].pow(0.5) + group["eps"])

    def rolling(self, p, g, group, state):
        state["sum"] = g.clone() if "sum" not in state else state["sum"] * group["momentum"] + g
        return state["sum"]

    def adaptive(self, p, g, group, state):
        means = state.setdefault("means", {"first": torch.zeros_like(p), "second": torch.zeros_like(p)})
        state["age"] = 1 + state.get("age", 0)
        result = []
        for key, beta, sample in zip(("first", "second"), group["betas"], (g, g.pow(2)), strict=True):
            means[key].mul_(beta).add_(sample.mul(1 - beta))
            result.append(means[key].div(1 - beta ** state["age"]))
        return result[0].div(result[1].sqrt().add(group["eps"]))


class SGD(Chain):
    links = (Chain.l2, Chain.heavy_ball)

    def __init__(self, params, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
        options = dict(locals())
        super().__init__(params, {k: v for k, v in options.items() if k not in ("self", "params", "__class__")})


class RMSprop(Chain):
    links = (Chain.l2, Chain.normalised, Chain.rolling)

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
        options = dict(locals())
        super().__init__(params, {k: v for k, v in options.items() if k not in ("self", "params", "__class__")})


class Adam(Chain):
    links = (Chain.l2, Chain.adaptive)

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})


class AdamW(Chain):
    links = (Chain.shrink, Chain.adaptive)

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})


def clip_grad_norm_(parameters, max_norm):
    match parameters:
        case torch.Tensor():
            grads = [parameters.grad]
        case _:
            grads = [p.grad for p in parameters]
    grads = [grad for grad in grads if grad is not None]
    norm = (
        torch.tensor(0.0)
        if not grads
        else torch.linalg.norm(torch.stack([torch.linalg.norm(g.reshape(-1)) for g in grads]))
    )
    factor = torch.where(norm > max_norm, max_norm / norm, torch.ones_like(norm))
    for grad in grads:
        grad.copy_(grad * factor)
    return norm
