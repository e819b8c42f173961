"""Operations are objects that know their derivative, as in a small framework; Value and graph are apart."""

import functools
import math
from collections import deque
from dataclasses import dataclass, field

import torch


def numerical_gradient(f, x, eps=1e-6):
    basis = torch.eye(x.numel(), dtype=x.dtype, device=x.device).unbind()

    def along(direction):
        step = direction.view(x.shape) * eps
        return torch.sub(f(torch.add(x, step)), f(torch.sub(x, step))).div(2.0 * eps)

    return torch.stack(list(map(along, basis))).view(x.shape)


def unbroadcast(grad, shape):
    front = grad.dim() - len(shape)
    grad = functools.reduce(lambda g, _: g.sum(0), range(front), grad)
    keep = [i for i, size in enumerate(shape) if size == 1]
    return functools.reduce(lambda g, i: g.sum(i, keepdim=True), keep, grad)


class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias=None):
        ctx.save_for_backward(x, weight)
        ctx.set_materialize_grads(False)
        out = torch.tensordot(x, weight, dims=([1], [1]))
        return out if bias is None else torch.add(out, bias)

    @staticmethod
    def backward(ctx, grad_output):
        if grad_output is None:
            return None, None, None
        x, weight = ctx.saved_tensors
        jobs = (
            lambda: torch.tensordot(grad_output, weight, dims=([1], [0])),
            lambda: torch.tensordot(grad_output, x, dims=([0], [0])),
            lambda: grad_output,  # the engine itself sums what was broadcast
        )
        return tuple(job() if need else None for job, need in zip(jobs, ctx.needs_input_grad, strict=True))


class Add:
    @staticmethod
    def value(a, b):
        return a + b

    @staticmethod
    def slopes(out, a, b):
        return 1.0, 1.0


class Multiply:
    @staticmethod
    def value(a, b):
        return a * b

    @staticmethod
    def slopes(out, a, b):
        return b, a


class Divide:
    @staticmethod
    def value(a, b):
        return a / b

    @staticmethod
    def slopes(out, a, b):
        return 1.0 / b, -out / b


class Negate:
    @staticmethod
    def value(a):
        return -a

    @staticmethod
    def slopes(out, a):
        return (-1.0,)


class Power:
    def __init__(self, exponent):
        self.exponent = exponent

    def value(self, a):
        return math.pow(a, self.exponent)

    def slopes(self, out, a):
        return (self.exponent * math.pow(a, self.exponent - 1.0),)


class Exp:
    value = staticmethod(math.exp)

    @staticmethod
    def slopes(out, a):
        return (out,)


class Log:
    value = staticmethod(math.log)

    @staticmethod
    def slopes(out, a):
        return (1.0 / a,)


class Tanh:
    value = staticmethod(math.tanh)

    @staticmethod
    def slopes(out, a):
        return (1.0 - out * out,)


class Relu:
    @staticmethod
    def value(a):
        return a if a > 0 else 0.0

    @staticmethod
    def slopes(out, a):
        return (math.copysign(1.0, a) if a > 0 else 0.0,)


@dataclass(eq=False)
class Value:
    data: float
    grad: float = 0.0
    operation: object = field(default=None, repr=False)
    inputs: tuple = field(default=(), repr=False)

    @staticmethod
    def apply(operation, *inputs):
        inputs = tuple(v if isinstance(v, Value) else Value(float(v)) for v in inputs)
        return Value(operation.value(*(v.data for v in inputs)), 0.0, operation, inputs)

    def __add__(self, other):
        return Value.apply(Add, self, other)

    def __radd__(self, other):
        return Value.apply(Add, other, self)

    def __mul__(self, other):
        return Value.apply(Multiply, self, other)

    def __rmul__(self, other):
        return Value.apply(Multiply, other, self)

    def __neg__(self):
        return Value.apply(Negate, self)

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return Value.apply(Add, other, -self)

    def __truediv__(self, other):
        return Value.apply(Divide, self, other)

    def __rtruediv__(self, other):
        return Value.apply(Divide, other, self)

    def __pow__(self, exponent):
        return Value.apply(Power(exponent), self)

    def exp(self):
        return Value.apply(Exp, self)

    def log(self):
        return Value.apply(Log, self)

    def tanh(self):
        return Value.apply(Tanh, self)

    def relu(self):
        return Value.apply(Relu, self)

    def backward(self):
        users = {self: 0}
        found = deque([self])
        while found:
            for parent in found.popleft().inputs:
                if parent not in users:
                    users[parent] = 0
                    found.append(parent)
                users[parent] += 1
        incoming = dict.fromkeys(users, 0.0)
        incoming[self] = 1.0
        ready = deque([self])
        while ready:
            node = ready.popleft()
            node.grad += incoming[node]
            if node.operation is None:
                continue
            slopes = node.operation.slopes(node.data, *(v.data for v in node.inputs))
            for parent, slope in zip(node.inputs, slopes, strict=True):
                incoming[parent] += incoming[node] * slope
                users[parent] -= 1
                if not users[parent]:
                    ready.append(parent)


def named_parameters(module):
    memo = {}
    for path, part in module.named_modules(remove_duplicate=True):
        dot = "." if path else ""
        for name, p in part._parameters.items():
            if p is not None and id(p) not in memo:
                memo[id(p)] = (path + dot + name, p)
    return [*memo.values()]


def accumulate_gradients(model, loss_fn, micro_batches):
    sizes = torch.tensor([len(x) for x, _ in micro_batches], dtype=torch.float64)
    shares = (sizes / sizes.sum()).tolist()
    for p in model.parameters():
        p.grad = None
    losses = []
    for share, (x, y) in zip(shares, micro_batches, strict=True):
        loss = loss_fn(model(x), y)
        loss.backward(torch.full_like(loss, share))
        losses.append(share * loss.detach().item())
    return math.fsum(losses)
