"""A heap by time of creation: whatever uses a value was made after it. Gradients gathered by torch.autograd.grad."""

import heapq
import itertools
import math

import torch

_clock = itertools.count()


def numerical_gradient(f, x, eps=1e-6):
    def slope(i):
        e = torch.zeros_like(x)
        e[i] = eps
        return (f(x + e) - f(x + -e)) / (eps + eps)

    places = itertools.product(*map(range, x.shape))
    return torch.tensor([slope(i).item() for i in places], dtype=x.dtype, device=x.device).reshape(x.shape)


def unbroadcast(grad, shape):
    if len(grad.shape) > len(shape):
        return unbroadcast(grad.sum(dim=0), shape)
    for i, size in enumerate(shape):
        if size != grad.shape[i]:
            return unbroadcast(grad.sum(dim=i, keepdim=True), shape)
    return grad


class LinearFunction(torch.autograd.Function):
    @classmethod
    def forward(cls, ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        products = (x.unsqueeze(1) * weight.unsqueeze(0)).sum(dim=-1)
        return products if bias is None else products.add(bias)

    @classmethod
    def backward(cls, ctx, grad_output):
        x, weight = ctx.saved_tensors
        wanted = iter(ctx.needs_input_grad)
        dx = (grad_output.unsqueeze(2) * weight.unsqueeze(0)).sum(1) if next(wanted) else None
        dw = (grad_output.unsqueeze(2) * x.unsqueeze(1)).sum(0) if next(wanted) else None
        db = unbroadcast(grad_output, grad_output.shape[1:]) if next(wanted) else None
        return dx, dw, db


class Value:
    def __init__(self, data):
        self.data = float(data)
        self.grad = 0.0
        self.born = next(_clock)
        self.past = []

    @classmethod
    def _from(cls, data, *past):
        new = cls(data)
        new.past.extend(past)
        return new

    @classmethod
    def _of(cls, thing):
        return thing if type(thing) is cls else cls(thing)

    def __add__(self, other):
        other = self._of(other)
        return self._from(self.data + other.data, (self, 1.0), (other, 1.0))

    __radd__ = __add__

    def __neg__(self):
        return self._from(-self.data, (self, -1.0))

    def __sub__(self, other):
        return self + -self._of(other)

    def __rsub__(self, other):
        return Value(other) - self

    def __mul__(self, other):
        other = self._of(other)
        return self._from(self.data * other.data, (self, other.data), (other, self.data))

    __rmul__ = __mul__

    def _inverse(self):
        return self._from(1 / self.data, (self, -1 / self.data**2))

    def __truediv__(self, other):
        return self * self._of(other)._inverse()

    def __rtruediv__(self, other):
        return other * self._inverse()

    def __pow__(self, power):
        return self._from(pow(self.data, power), (self, power * pow(self.data, power - 1)))

    def exp(self):
        return self._from(math.exp(self.data), (self, math.exp(self.data)))

    def log(self):
        return self._from(math.log(self.data), (self, self.data**-1))

    def tanh(self):
        t = math.tanh(self.data)
        return self._from(t, (self, (1 - t) * (1 + t)))

    def relu(self):
        if self.data > 0:
            return self._from(self.data, (self, 1.0))
        return self._from(0.0, (self, 0.0))

    def backward(self):
        heap, arrived = [(-self.born, self)], {self: 1.0}
        while heap:
            _, v = heapq.heappop(heap)
            amount = arrived[v]
            v.grad += amount
            for parent, slope in v.past:
                if parent not in arrived:
                    arrived[parent] = 0.0
                    heapq.heappush(heap, (-parent.born, parent))
                arrived[parent] += slope * amount


def named_parameters(module):
    def everything(part, path):
        yield from ((".".join([*path, name]), p) for name, p in part._parameters.items() if p is not None)
        for name, child in part._modules.items():
            if child is not None:
                yield from everything(child, [*path, name])

    first = {}
    for name, p in everything(module, []):
        first.setdefault(id(p), (name, p))
    return list(first.values())


def accumulate_gradients(model, loss_fn, micro_batches):
    parameters = list(model.parameters())
    for p in parameters:
        p.grad = torch.zeros_like(p)
    seen, mean = 0, 0.0
    for x, y in micro_batches:
        loss = loss_fn(model(x), y)
        grads = torch.autograd.grad(loss, parameters, allow_unused=True)
        seen += len(x)
        share = len(x) / seen  # a running mean: never needs to know how many are to come
        mean += share * (loss.item() - mean)
        for p, g in zip(parameters, grads, strict=True):
            if g is not None:
                p.grad += share * (g - p.grad)
    return mean
