# part: SGD
# mistake: A velocity in the textbook's way: the learning rate is in the buffer.
# expects: learning-rate-in-the-buffer
import torch
from torch.optim import Optimizer


class SGD(Optimizer):
    def __init__(self, params, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
        options = {"momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, {"lr": lr, **options})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                g = p.grad + group["weight_decay"] * p
                state = self.state[p]
                first = "velocity" not in state
                dampened = g if first else (1 - group["dampening"]) * g
                velocity = torch.zeros_like(p) if first else state["velocity"]
                state["velocity"] = velocity = group["momentum"] * velocity - group["lr"] * dampened
                if not group["momentum"]:
                    p -= group["lr"] * g
                else:
                    p += group["momentum"] * velocity - group["lr"] * g if group["nesterov"] else velocity
        return loss
