"""Kahn's order: a value's turn comes when its uses have been counted down; in-place nudges that are written back."""

import math
from collections import Counter

import torch


def numerical_gradient(f, x, eps=1e-6):
    point = x.detach().clone().contiguous()
    flat = point.view(-1)
    slopes = torch.empty_like(flat)
    for i in range(flat.numel()):
        old = flat[i].item()
        flat[i] = old + eps
        high = float(f(point))
        flat[i] = old - eps
        low = float(f(point))
        flat[i] = old
        slopes[i] = (high - low) / eps / 2
    return slopes.view(x.shape)


def unbroadcast(grad, shape):
    k = len(grad.shape) - len(shape)
    grad = grad.reshape((-1 if grad.numel() else math.prod(grad.shape[:k]), *grad.shape[k:])).sum(0)
    stretched = [i for i, (a, b) in enumerate(zip(grad.shape, shape, strict=True)) if a != b]
    return grad.sum(stretched, keepdim=True) if stretched else grad


class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        need_x, need_weight, _ = ctx.needs_input_grad
        ctx.save_for_backward(x if need_weight else None, weight if need_x else None)
        if bias is None:
            return torch.matmul(x, weight.transpose(0, 1))
        return torch.addmm(bias, x, weight.transpose(0, 1))

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        answer = [None, None, None]
        if weight is not None:
            answer[0] = torch.matmul(grad_output, weight)
        if x is not None:
            answer[1] = torch.matmul(x.transpose(0, 1), grad_output).transpose(0, 1)
        if ctx.needs_input_grad[2]:
            answer[2] = grad_output.new_ones(len(grad_output)) @ grad_output
        return tuple(answer)


class Value:
    __slots__ = ("data", "grad", "parents", "slopes")

    def __init__(self, data):
        self.data, self.grad, self.parents, self.slopes = data, 0.0, (), ()

    def _new(self, data, parents, slopes):
        v = Value(data)
        v.parents, v.slopes = parents, slopes
        return v

    def __add__(self, o):
        if isinstance(o, Value):
            return self._new(self.data + o.data, (self, o), (1.0, 1.0))
        return self._new(self.data + o, (self,), (1.0,))

    def __sub__(self, o):
        if isinstance(o, Value):
            return self._new(self.data - o.data, (self, o), (1.0, -1.0))
        return self._new(self.data - o, (self,), (1.0,))

    def __rsub__(self, o):
        return self._new(o - self.data, (self,), (-1.0,))

    def __mul__(self, o):
        if isinstance(o, Value):
            return self._new(self.data * o.data, (self, o), (o.data, self.data))
        return self._new(self.data * o, (self,), (o,))

    def __truediv__(self, o):
        if isinstance(o, Value):
            return self._new(self.data / o.data, (self, o), (1 / o.data, -self.data / (o.data * o.data)))
        return self._new(self.data / o, (self,), (1 / o,))

    def __rtruediv__(self, o):
        return self._new(o / self.data, (self,), (-o / self.data**2,))

    def __neg__(self):
        return self._new(-self.data, (self,), (-1.0,))

    def __pow__(self, n):
        return self._new(self.data**n, (self,), (n * self.data ** (n - 1),))

    __radd__, __rmul__ = __add__, __mul__

    def exp(self):
        return self._new(math.exp(self.data), (self,), (math.exp(self.data),))

    def log(self):
        return self._new(math.log(self.data), (self,), (1 / self.data,))

    def tanh(self):
        return self._new(math.tanh(self.data), (self,), (1 / math.cosh(min(abs(self.data), 300.0)) ** 2,))

    def relu(self):
        return self._new(max(0, self.data), (self,), (1 if self.data > 0 else 0,))

    def backward(self):
        uses, seen, todo = Counter(), {id(self)}, [self]
        while todo:
            for p in todo.pop().parents:
                uses[id(p)] += 1
                if id(p) not in seen:
                    seen.add(id(p))
                    todo.append(p)
        amount = {id(self): 1.0}
        ready = [self]
        while ready:
            v = ready.pop()
            a = amount.pop(id(v))
            v.grad += a
            for p, s in zip(v.parents, v.slopes, strict=True):
                amount[id(p)] = amount.get(id(p), 0.0) + a * s
                uses[id(p)] -= 1
                if uses[id(p)] == 0:
                    ready.append(p)


def named_parameters(module):
    found, ids, stack = [], [], [("", module)]
    while stack:
        prefix, part = stack.pop()
        for name in part._parameters:
            p = part._parameters[name]
            if p is not None and not any(p is q for q in ids):
                ids.append(p)
                found.append((prefix + name, p))
        stack.extend((f"{prefix}{name}.", child) for name, child in reversed(list(part.named_children())))
    return found


def accumulate_gradients(model, loss_fn, micro_batches):
    x = torch.cat([a for a, _ in micro_batches])
    y = torch.cat([b for _, b in micro_batches])
    model.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    return loss.item()
