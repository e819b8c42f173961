"""As few lines as possible."""

# ruff: noqa: E731, E741
import math

import torch


def numerical_gradient(f, x, eps=1e-6):
    E = torch.eye(x.numel(), dtype=x.dtype, device=x.device).reshape(-1, *x.shape) * eps
    return torch.stack([f(x + e) - f(x - e) for e in E]).reshape(x.shape) / (2 * eps)


def unbroadcast(grad, shape):
    n = grad.dim() - len(shape)
    d = [*range(n), *(n + i for i, s in enumerate(shape) if s == 1)]
    return (grad.sum(d) if d else grad).reshape(shape)


class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(c, x, w, b):
        c.save_for_backward(x, w)
        return x @ w.mT + (0 if b is None else b)

    @staticmethod
    def backward(c, g):
        (x, w), n = c.saved_tensors, c.needs_input_grad
        return g @ w if n[0] else None, g.mT @ x if n[1] else None, g.sum(0) if n[2] else None


class Value:
    def __init__(s, data, e=()):
        s.data, s.grad, s.e = data, 0, e

    def f(s, y, d):
        return Value(y, [(s, d)])

    def __add__(s, o):
        return Value(s.data + o.data, [(s, 1), (o, 1)]) if isinstance(o, Value) else s.f(s.data + o, 1)

    def __mul__(s, o):
        return Value(s.data * o.data, [(s, o.data), (o, s.data)]) if isinstance(o, Value) else s.f(s.data * o, o)

    __radd__ = __add__
    __rmul__ = __mul__
    __neg__ = lambda s: s * -1
    __sub__ = lambda s, o: s + -o
    __rsub__ = lambda s, o: -s + o
    __pow__ = lambda s, n: s.f(s.data**n, n * s.data ** (n - 1))
    __truediv__ = lambda s, o: s * o**-1
    __rtruediv__ = lambda s, o: s**-1 * o
    exp = lambda s: s.f(y := math.exp(s.data), y)
    log = lambda s: s.f(math.log(s.data), 1 / s.data)
    tanh = lambda s: s.f(y := math.tanh(s.data), 1 - y * y)
    relu = lambda s: s.f(max(s.data, 0), s.data > 0)

    def backward(s):
        k, t = [s], {}
        while k:
            v = k[-1]
            if v in t:
                k.pop()
                if t[v] is None:
                    t[v] = 0
                    t[v] = t.pop(v)
            else:
                t[v] = None
                k += [p for p, _ in v.e if p not in t]
        t[s] = 1
        for v in reversed(t):
            v.grad += t[v]
            for p, d in v.e:
                t[p] += d * t[v]


def named_parameters(module):
    w = lambda m, a: (
        [(a + n, p) for n, p in m._parameters.items() if p is not None]
        + [q for n, c in m.named_children() for q in w(c, a + n + ".")]
    )
    d = {}
    return [d.setdefault(id(p), (n, p)) for n, p in w(module, "") if id(p) not in d]


def accumulate_gradients(model, loss_fn, micro_batches):
    model.zero_grad()
    N = sum(len(x) for x, _ in micro_batches)
    return sum((l.backward(), l.item())[1] for x, y in micro_batches for l in [loss_fn(model(x), y) * len(x) / N])
