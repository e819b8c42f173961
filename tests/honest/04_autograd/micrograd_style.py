"""Closures that hand what has arrived to the parents; what flows is kept apart from grad."""

import math

import torch


def numerical_gradient(f, x, eps=1e-6):
    grad = torch.zeros_like(x)
    it = torch.ones(x.shape).nonzero()
    for index in it:
        place = tuple(index.tolist())
        up, down = x.clone(), x.clone()
        up[place] += eps
        down[place] -= eps
        grad[place] = (f(up).item() - f(down).item()) / (2 * eps)
    return grad


def unbroadcast(grad, shape):
    while grad.dim() > len(shape):
        grad = grad.sum(0)
    for i in range(len(shape)):
        if shape[i] == 1:
            grad = grad.sum(i, keepdim=True)
    return grad


class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.x = x
        ctx.weight = weight
        out = x.mm(weight.t())
        if bias is not None:
            out += bias
        return out

    @staticmethod
    def backward(ctx, grad_output):
        gx = gw = gb = None
        if ctx.needs_input_grad[0]:
            gx = grad_output.mm(ctx.weight)
        if ctx.needs_input_grad[1]:
            gw = grad_output.t().mm(ctx.x)
        if ctx.needs_input_grad[2]:
            gb = grad_output.sum(0)
        return gx, gw, gb


class Value:
    def __init__(self, data, _children=()):
        self.data = data
        self.grad = 0
        self._flow = 0
        self._prev = set(_children)
        self._backward = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def _backward():
            self._flow += out._flow
            other._flow += out._flow

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def _backward():
            self._flow += other.data * out._flow
            other._flow += self.data * out._flow

        out._backward = _backward
        return out

    def __pow__(self, k):
        out = Value(self.data**k, (self,))

        def _backward():
            self._flow += k * self.data ** (k - 1) * out._flow

        out._backward = _backward
        return out

    def relu(self):
        out = Value(0 if self.data < 0 else self.data, (self,))

        def _backward():
            self._flow += (out.data > 0) * out._flow

        out._backward = _backward
        return out

    def tanh(self):
        out = Value(math.tanh(self.data), (self,))

        def _backward():
            self._flow += (1 - out.data**2) * out._flow

        out._backward = _backward
        return out

    def exp(self):
        out = Value(math.exp(self.data), (self,))

        def _backward():
            self._flow += out.data * out._flow

        out._backward = _backward
        return out

    def log(self):
        out = Value(math.log(self.data), (self,))

        def _backward():
            self._flow += out._flow / self.data

        out._backward = _backward
        return out

    def backward(self):
        topo, visited, todo = [], {self}, [(self, iter(self._prev))]
        while todo:
            v, children = todo[-1]
            for child in children:
                if child not in visited:
                    visited.add(child)
                    todo.append((child, iter(child._prev)))
                    break
            else:
                topo.append(v)
                todo.pop()
        for v in topo:
            v._flow = 0
        self._flow = 1
        for v in reversed(topo):
            v._backward()
            v.grad += v._flow

    def __neg__(self):
        return self * -1

    def __radd__(self, other):
        return self + other

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return other + (-self)

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, other):
        return other * self**-1


def named_parameters(module, prefix="", seen=None):
    seen = set() if seen is None else seen
    result = []
    for name, p in module._parameters.items():
        if p is None or p in seen:
            continue
        seen.add(p)
        result.append((prefix + name, p))
    for name, child in module.named_children():
        result += named_parameters(child, prefix + name + ".", seen)
    return result


def accumulate_gradients(model, loss_fn, micro_batches):
    model.zero_grad(set_to_none=False)
    total = sum([x.shape[0] for x, y in micro_batches])
    result = 0.0
    for x, y in micro_batches:
        loss = loss_fn(model(x), y)
        loss = loss * x.shape[0] / total
        loss.backward()
        result += float(loss)
    return result
