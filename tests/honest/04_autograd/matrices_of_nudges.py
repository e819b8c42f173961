"""A row of nudges for each element; an engine whose nodes carry a tape number; products by einsum."""

import heapq
import itertools
import math

import torch


def numerical_gradient(f, x, eps=1e-6):
    n = x.numel()
    nudges = eps * torch.eye(n, dtype=x.dtype, device=x.device).reshape(n, *x.shape)
    with torch.no_grad():
        rises = [f(x + nudge) - f(x - nudge) for nudge in nudges]
    return (torch.stack(rises) / (eps + eps)).reshape(x.shape) if rises else torch.zeros_like(x)


def unbroadcast(grad, shape):
    padded = [1] * (grad.dim() - len(shape)) + list(shape)
    stretched = [axis for axis, (now, then) in enumerate(zip(grad.shape, padded, strict=True)) if now != then]
    for axis in stretched:
        grad = grad.sum(axis, keepdim=True)
    return grad.reshape(tuple(shape))


class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.kept = x, weight
        y = torch.einsum("ni,oi->no", x, weight)
        return y.add_(bias) if bias is not None else y

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.kept
        asked = zip(
            ctx.needs_input_grad,
            (
                lambda: torch.einsum("no,oi->ni", grad_output, weight),
                lambda: torch.einsum("no,ni->oi", grad_output, x),
                lambda: torch.einsum("no->o", grad_output),
            ),
            strict=True,
        )
        return tuple(make() if needed else None for needed, make in asked)


class Value:
    numbers = itertools.count()

    def __init__(self, data, sources=()):
        self.data = float(data)
        self.grad = 0.0
        self.sources = sources
        self.number = next(Value.numbers)

    def _with(self, other, compute):
        other = other if isinstance(other, Value) else Value(other)
        data, mine, theirs = compute(self.data, other.data)
        return Value(data, [(self, mine), (other, theirs)])

    def __add__(self, other):
        return self._with(other, lambda a, b: (a + b, 1.0, 1.0))

    def __sub__(self, other):
        return self._with(other, lambda a, b: (a - b, 1.0, -1.0))

    def __mul__(self, other):
        return self._with(other, lambda a, b: (a * b, b, a))

    def __truediv__(self, other):
        return self._with(other, lambda a, b: (a / b, 1 / b, -a / b / b))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other):
        return Value(other) - self

    def __rtruediv__(self, other):
        return Value(other) / self

    def __neg__(self):
        return Value(-self.data, [(self, -1.0)])

    def __pow__(self, exponent):
        return Value(self.data**exponent, [(self, exponent * self.data ** (exponent - 1))])

    def exp(self):
        e = math.exp(self.data)
        return Value(e, [(self, e)])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, [(self, (1 - t) * (1 + t))])

    def relu(self):
        return Value(self.data * (self.data > 0), [(self, 1.0 * (self.data > 0))])

    def backward(self):
        arrived = {self.number: 1.0}
        waiting = [(-self.number, self)]
        while waiting:
            _, node = heapq.heappop(waiting)
            amount = arrived.pop(node.number)
            node.grad += amount
            for source, slope in node.sources:
                if source.number not in arrived:
                    arrived[source.number] = 0.0
                    heapq.heappush(waiting, (-source.number, source))
                arrived[source.number] += slope * amount


def named_parameters(module):
    found = {}
    stack = [("", module)]
    while stack:
        path, part = stack.pop()
        for name, parameter in part._parameters.items():
            if parameter is not None:
                found.setdefault(id(parameter), (path + name, parameter))
        children = [(f"{path}{name}.", child) for name, child in part._modules.items() if child is not None]
        stack.extend(reversed(children))
    return list(found.values())


def accumulate_gradients(model, loss_fn, micro_batches):
    sizes = [y.shape[0] for _, y in micro_batches]
    total = 0.0
    for parameter in model.parameters():
        parameter.grad = None
    for (x, y), size in zip(micro_batches, sizes, strict=True):
        loss = loss_fn(model(x), y)
        loss.backward(torch.full_like(loss, size / sum(sizes)))
        total += size * float(loss.detach())
    return total / sum(sizes)
