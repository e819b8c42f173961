"""Everything spelt out, one thing after the other; no decorator, no shared code."""

import torch


class SGD(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
        }
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = None
        if closure is not None:
            loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                learning_rate = group["lr"]
                momentum = group["momentum"]
                dampening = group["dampening"]
                weight_decay = group["weight_decay"]
                nesterov = group["nesterov"]
                for parameter in group["params"]:
                    if parameter.grad is None:
                        continue
                    gradient = parameter.grad
                    if weight_decay != 0:
                        gradient = gradient + weight_decay * parameter
                    if momentum == 0:
                        direction = gradient
                    else:
                        state = self.state[parameter]
                        if "velocity" in state:
                            velocity = momentum * state["velocity"] + (1 - dampening) * gradient
                        else:
                            velocity = torch.clone(gradient)
                        state["velocity"] = velocity
                        direction = velocity
                        if nesterov:
                            direction = gradient + momentum * velocity
                    new_value = parameter - learning_rate * direction
                    parameter.copy_(new_value)
        return loss


class RMSprop(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
        }
        super().__init__(params, defaults)

    def step(self, closure=None):
        loss = None
        if closure is not None:
            loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is None:
                        continue
                    gradient = parameter.grad + group["weight_decay"] * parameter
                    state = self.state[parameter]
                    if "mean_square" not in state:
                        state["mean_square"] = torch.zeros_like(parameter)
                        if group["centered"]:
                            state["mean"] = torch.zeros_like(parameter)
                        if group["momentum"] > 0:
                            state["velocity"] = torch.zeros_like(parameter)
                    alpha = group["alpha"]
                    state["mean_square"] = alpha * state["mean_square"] + (1 - alpha) * gradient * gradient
                    if group["centered"]:
                        state["mean"] = alpha * state["mean"] + (1 - alpha) * gradient
                        variance = state["mean_square"] - state["mean"] * state["mean"]
                        denominator = torch.sqrt(variance) + group["eps"]
                    else:
                        denominator = torch.sqrt(state["mean_square"]) + group["eps"]
                    scaled = gradient / denominator
                    if group["momentum"] > 0:
                        state["velocity"] = group["momentum"] * state["velocity"] + scaled
                        scaled = state["velocity"]
                    parameter.copy_(parameter - group["lr"] * scaled)
        return loss


class Adam(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def step(self, closure=None):
        loss = None
        if closure is not None:
            loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                beta1 = group["betas"][0]
                beta2 = group["betas"][1]
                for parameter in group["params"]:
                    if parameter.grad is None:
                        continue
                    gradient = parameter.grad + group["weight_decay"] * parameter
                    state = self.state[parameter]
                    if len(state) == 0:
                        state["t"] = 0
                        state["m"] = torch.zeros_like(parameter)
                        state["v"] = torch.zeros_like(parameter)
                    state["t"] += 1
                    state["m"] = beta1 * state["m"] + (1 - beta1) * gradient
                    state["v"] = beta2 * state["v"] + (1 - beta2) * gradient * gradient
                    m_hat = state["m"] / (1 - beta1 ** state["t"])
                    v_hat = state["v"] / (1 - beta2 ** state["t"])
                    parameter.copy_(parameter - group["lr"] * m_hat / (torch.sqrt(v_hat) + group["eps"]))
        return loss


class AdamW(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def step(self, closure=None):
        loss = None
        if closure is not None:
            loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                beta1 = group["betas"][0]
                beta2 = group["betas"][1]
                for parameter in group["params"]:
                    if parameter.grad is None:
                        continue
                    gradient = parameter.grad
                    state = self.state[parameter]
                    if len(state) == 0:
                        state["t"] = 0
                        state["m"] = torch.zeros_like(parameter)
                        state["v"] = torch.zeros_like(parameter)
                    state["t"] += 1
                    state["m"] = beta1 * state["m"] + (1 - beta1) * gradient
                    state["v"] = beta2 * state["v"] + (1 - beta2) * gradient * gradient
                    m_hat = state["m"] / (1 - beta1 ** state["t"])
                    v_hat = state["v"] / (1 - beta2 ** state["t"])
                    decay = group["lr"] * group["weight_decay"] * parameter
                    adam = group["lr"] * m_hat / (torch.sqrt(v_hat) + group["eps"])
                    parameter.copy_(parameter - decay - adam)
        return loss


def clip_grad_norm_(parameters, max_norm):
    if isinstance(parameters, torch.Tensor):
        parameters = [parameters]
    parameters_with_gradient = []
    for parameter in parameters:
        if parameter.grad is not None:
            parameters_with_gradient.append(parameter)
    if len(parameters_with_gradient) == 0:
        return torch.tensor(0.0)
    total = 0
    for parameter in parameters_with_gradient:
        total = total + (parameter.grad**2).sum()
    norm = torch.sqrt(total)
    if norm > max_norm:
        factor = max_norm / (norm + 1e-6)
        for parameter in parameters_with_gradient:
            parameter.grad *= factor
    return norm
