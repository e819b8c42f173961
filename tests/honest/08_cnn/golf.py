import torch as t
from torch import nn as n
from torch.nn import functional as F


def P(v):
    return v if type(v) is tuple else (v, v)


def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    r = size + 2 * padding - dilation * (kernel_size - 1)
    if stride < 1 or dilation < 1 or padding < 0 or r < 1:
        raise ValueError
    return -(-r // stride)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1):
    o, _i, *k = weight.shape
    s, p, d = P(stride), P(padding), P(dilation)
    u = t.einsum("ok,nkl->nol", weight.reshape(o, -1), F.unfold(input, k, d, p, s))
    u = u if bias is None else u + bias[:, None]
    return u.unflatten(2, [conv_output_size(*a) for a in zip(input.shape[2:], k, s, p, d, strict=False)])


def max_pool2d(input, kernel_size, stride=None, padding=0):
    (a, b), (p, q) = P(kernel_size), P(padding)
    s, r = P(stride or kernel_size)
    return F.pad(input, (q, q, p, p), value=-t.inf).unfold(-2, a, s).unfold(-2, b, r).amax((-1, -2))


class BatchNorm2d(n.Module):
    def __init__(s, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        s.e, s.m = eps, momentum
        s.weight, s.bias = n.Parameter(t.ones(num_features)), n.Parameter(t.zeros(num_features))
        for k, v in {"running_mean": 0.0, "running_var": 1.0}.items():
            s.register_buffer(k, t.full((num_features,), v))
        s.register_buffer("num_batches_tracked", t.tensor(0))

    def forward(s, x):
        v, m = s.running_var, s.running_mean
        if s.training:
            c = x.numel() // x.size(1)
            if c < 2:
                raise ValueError
            v, m = t.var_mean(x, (0, 2, 3), correction=0)
            s.running_mean += s.m * (m.detach() - s.running_mean)
            s.running_var += s.m * (v.detach() * c / (c - 1) - s.running_var)
            s.num_batches_tracked += 1

        def r(z):
            return z[:, None, None]

        return (x - r(m)) * r((v + s.e) ** -0.5 * s.weight) + r(s.bias)


def dropout(x, p=0.5, training=True):
    if not 0 <= p <= 1:
        raise ValueError
    return x * (t.rand_like(x) >= p) / max(1 - p, 1e-9) if training else x


class CNN(n.Sequential):
    def __init__(s):
        super().__init__(
            n.Conv2d(1, 16, 5, 2), n.ReLU(), n.Conv2d(16, 32, 5, 2), n.ReLU(), n.Flatten(), n.Linear(512, 10)
        )


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    t.manual_seed(seed)
    m = CNN().to(device)
    o = t.optim.Adam(m.parameters(), 2e-3)
    for e in range(epochs):
        ls = []
        for i in t.randperm(len(images)).split(100):
            ls += [F.cross_entropy(m(images[i].to(device)), labels[i].to(device))]
            o.zero_grad(), ls[-1].backward(), o.step()
        on_epoch and on_epoch(e + 1, sum(map(float, ls)) / len(ls))
    return m.eval()
