"""Whole lists of tensors at once, with torch._foreach_*."""

import torch
from torch.optim import Optimizer


def run(closure):
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def ready(group):
    ps = [p for p in group["params"] if p.grad is not None]
    return ps, [p.grad for p in ps]


def decayed(ps, gs, wd):
    return torch._foreach_add(gs, ps, alpha=wd) if wd else list(gs)


class SGD(Optimizer):
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

    @torch.no_grad()
    def step(self, closure=None):
        loss = run(closure)
        for group in self.param_groups:
            ps, gs = ready(group)
            if not ps:
                continue
            gs = decayed(ps, gs, group["weight_decay"])
            if group["momentum"]:
                new = [i for i, p in enumerate(ps) if "momentum_buffer" not in self.state[p]]
                old = [i for i in range(len(ps)) if i not in new]
                if old:
                    bufs = [self.state[ps[i]]["momentum_buffer"] for i in old]
                    torch._foreach_mul_(bufs, group["momentum"])
                    torch._foreach_add_(bufs, [gs[i] for i in old], alpha=1 - group["dampening"])
                for i in new:
                    self.state[ps[i]]["momentum_buffer"] = gs[i].clone()
                bufs = [self.state[p]["momentum_buffer"] for p in ps]
                gs = torch._foreach_add(gs, bufs, alpha=group["momentum"]) if group["nesterov"] else bufs
            torch._foreach_add_(ps, gs, alpha=-group["lr"])
        return loss


class RMSprop(Optimizer):
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

    @torch.no_grad()
    def step(self, closure=None):
        loss = run(closure)
        for group in self.param_groups:
            ps, gs = ready(group)
            if not ps:
                continue
            for p in ps:
                if not self.state[p]:
                    self.state[p].update({k: torch.zeros_like(p) for k in ("v", "m", "b")})
            gs = decayed(ps, gs, group["weight_decay"])
            v, m, b = ([self.state[p][k] for p in ps] for k in ("v", "m", "b"))
            torch._foreach_mul_(v, group["alpha"])
            torch._foreach_addcmul_(v, gs, gs, value=1 - group["alpha"])
            if group["centered"]:
                torch._foreach_lerp_(m, gs, 1 - group["alpha"])
                v = torch._foreach_addcmul(v, m, m, value=-1)
            d = torch._foreach_sqrt(v)
            torch._foreach_add_(d, group["eps"])
            u = torch._foreach_div(gs, d)
            if group["momentum"]:
                torch._foreach_mul_(b, group["momentum"])
                torch._foreach_add_(b, u)
                u = b
            torch._foreach_add_(ps, u, alpha=-group["lr"])
        return loss


class Adam(Optimizer):
    decoupled = False

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        loss = run(closure)
        for group in self.param_groups:
            ps, gs = ready(group)
            if not ps:
                continue
            if self.decoupled:
                torch._foreach_mul_(ps, 1 - group["lr"] * group["weight_decay"])
            else:
                gs = decayed(ps, gs, group["weight_decay"])
            b1, b2 = group["betas"]
            for p in ps:
                if not self.state[p]:
                    self.state[p].update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                self.state[p]["step"] += 1
            m, v = ([self.state[p][k] for p in ps] for k in "mv")
            torch._foreach_lerp_(m, gs, 1 - b1)
            torch._foreach_mul_(v, b2)
            torch._foreach_addcmul_(v, gs, gs, value=1 - b2)
            steps = [self.state[p]["step"] for p in ps]
            d = torch._foreach_sqrt(v)
            torch._foreach_div_(d, [(1 - b2**t) ** 0.5 for t in steps])
            torch._foreach_add_(d, group["eps"])
            torch._foreach_addcdiv_(ps, m, d, [-group["lr"] / (1 - b1**t) for t in steps])
        return loss


class AdamW(Adam):
    decoupled = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


@torch.no_grad()
def clip_grad_norm_(parameters, max_norm):
    if isinstance(parameters, torch.Tensor):
        parameters = (parameters,)
    grads = [g for g in (p.grad for p in parameters) if g is not None]
    if not grads:
        return torch.zeros(())
    norm = torch.stack(torch._foreach_norm(grads)).norm()
    torch._foreach_mul_(grads, torch.clamp(max_norm / (norm + 1e-6), max=1.0))
    return norm
