"""Value is a thin coat over a float64 tensor and PyTorch's own graph; matrices of nudges; einsum."""

import torch


def numerical_gradient(f, x, eps=1e-6):
    n = x.numel()
    nudges = eps * torch.eye(n, dtype=x.dtype, device=x.device)
    flat = x.reshape(n)
    up = torch.stack([f(row.reshape(x.shape)) for row in flat + nudges])
    down = torch.stack([f(row.reshape(x.shape)) for row in flat - nudges])
    return ((up - down) / (2 * eps)).reshape(x.shape)


def unbroadcast(grad, shape):
    padded = (1,) * (grad.dim() - len(shape)) + tuple(shape)
    axes = tuple(i for i, (big, small) in enumerate(zip(grad.shape, padded, strict=True)) if big != small)
    summed = grad.sum(dim=axes, keepdim=True) if axes else grad
    return summed.reshape(shape)


class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight, bias)
        result = torch.einsum("ni,oi->no", x, weight)
        return result + bias if bias is not None else result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_output):
        x, weight, bias = ctx.saved_tensors
        return (
            torch.einsum("no,oi->ni", grad_output, weight) if ctx.needs_input_grad[0] else None,
            torch.einsum("no,ni->oi", grad_output, x) if ctx.needs_input_grad[1] else None,
            torch.einsum("no->o", grad_output) if bias is not None and ctx.needs_input_grad[2] else None,
        )


class Value:
    def __init__(self, data, tensor=None):
        if tensor is None:
            tensor = torch.tensor(data, dtype=torch.float64, requires_grad=True)
        tensor.retain_grad()
        self.tensor = tensor

    @property
    def data(self):
        return self.tensor.item()

    @data.setter
    def data(self, number):
        self.tensor.data.fill_(number)

    @property
    def grad(self):
        return 0.0 if self.tensor.grad is None else self.tensor.grad.item()

    @grad.setter
    def grad(self, number):
        self.tensor.grad = torch.tensor(number, dtype=torch.float64)

    def backward(self):
        self.tensor.backward(retain_graph=True)

    def __neg__(self):
        return Value(None, -self.tensor)

    def __pow__(self, k):
        return Value(None, self.tensor**k)

    def exp(self):
        return Value(None, self.tensor.exp())

    def log(self):
        return Value(None, self.tensor.log())

    def tanh(self):
        return Value(None, self.tensor.tanh())

    def relu(self):
        return Value(None, self.tensor.relu())


def _operator(name):
    def method(self, other):
        return Value(None, getattr(self.tensor, name)(other.tensor if isinstance(other, Value) else other))

    return method


for _name in ("add", "mul", "sub", "truediv"):
    setattr(Value, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(Value, f"__r{_name}__", _operator(f"__r{_name}__"))


def named_parameters(module):
    found = {}
    for path, part in module.named_modules():
        for name, p in part._parameters.items():
            if p is not None:
                found.setdefault(p, f"{path}.{name}" if path else name)
    return [(name, p) for p, name in found.items()]


def accumulate_gradients(model, loss_fn, micro_batches):
    for p in model.parameters():
        p.grad = None
    n = sum(len(y) for _, y in micro_batches)
    total = sum(loss_fn(model(x), y) * len(y) for x, y in micro_batches) / n
    total.backward()
    return total.item()
