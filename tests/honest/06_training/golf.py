# ruff: noqa: B905, E741
import torch
from torch import no_grad, randperm


def normalize(i):
    return i.reshape(-1, 1, 28, 28) / 127.5 - 1


def iterate_batches(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    n = len(x)
    p = randperm(n, generator=generator) if shuffle else range(n)
    p = torch.as_tensor(p)[: n - n % batch_size if drop_last else n]
    return ((x[i], y[i]) for i in p.split(batch_size) if len(i))


def train_step(m, o, f, x, y):
    o.zero_grad(), (l := f(m(x), y)).backward(), o.step()
    return l.item()


def train_epoch(m, o, f, b):
    m.train()
    r = [(train_step(m, o, f, x, y) * len(x), len(x)) for x, y in b]
    return sum(a for a, _ in r) / sum(n for _, n in r)


@no_grad()
def evaluate(m, f, b):
    t = [(s, s.training) for s in m.modules()]
    m.eval()
    r = [[f(z := m(x), y).item() * len(x), (z.max(1)[1] == y).sum().item(), len(x)] for x, y in b]
    for s, v in t:
        s.training = v
    l, c, n = map(sum, zip(*r))
    return l / n, c / n


def fit(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    h = {k: [] for k in ("train_loss", "val_loss", "val_accuracy")}
    for e in range(epochs):
        a = train_epoch(model, optimizer, loss_fn, iterate_batches(*train, batch_size, generator=generator))
        d = dict(zip(h, (a, *evaluate(model, loss_fn, iterate_batches(*val, 9, 0)))))
        [h[k].append(d[k]) for k in h]
        on_epoch and on_epoch(e + 1, d)
    return h
