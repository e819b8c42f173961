"""As short as it gets."""

import torch as T

R = {"mean": T.mean, "sum": T.sum, "none": lambda z: z}


def _r(z, k, d=None):
    if k not in R:
        raise ValueError(k)
    return z.sum() / d if k == "mean" and d is not None else R[k](z)


def _s(f, x, y, k):
    if x.shape != y.shape:
        raise ValueError
    return _r(f(x, y), k)


def mse_loss(input, target, reduction="mean"):
    return _s(lambda x, y: (x - y) ** 2, input, target, reduction)


def l1_loss(input, target, reduction="mean"):
    return _s(lambda x, y: T.maximum(x - y, y - x), input, target, reduction)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    k = target != ignore_index
    t = target * k
    w = (T.ones_like(input[0, 0]) if weight is None else weight[t]) * k if len(t) else input.sum(1)
    return _r(-w * input[T.arange(len(t), device=t.device), t], reduction, w.sum())


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    z, e, k = input - input.logsumexp(1, True), label_smoothing, target != ignore_index
    n = nll_loss(z, target, weight, ignore_index, reduction)
    if not e:
        return n
    w = T.ones_like(input[0]) if weight is None else weight
    s = (z @ w / -len(w)) * k
    return (1 - e) * n + e * _r(s, reduction, (w[target * k] * k).sum())


def binary_cross_entropy(input, target, reduction="mean"):
    return _s(
        lambda p, t: -(t * p.log().clamp(-100) + (1 - t) * (1 - p).log().clamp(-100)),
        input,
        target,
        reduction,
    )


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    w = 1 if pos_weight is None else pos_weight
    o = T.zeros_like(input)
    return _s(
        lambda x, t: t * w * T.logaddexp(o, -x) + (1 - t) * T.logaddexp(o, x),
        input,
        target,
        reduction,
    )
