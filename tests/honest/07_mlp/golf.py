import itertools

import torch as t
from torch import nn as n
from torch.nn import functional as F


class MLP(n.Sequential):
    def __init__(s, sizes=(784, 512, 128, 10), dropout=0.0):
        b = [m for i, o in itertools.pairwise(sizes) for m in (n.Linear(i, o), n.ReLU(), n.Dropout(dropout))]
        super().__init__(n.Flatten(), *b[:-2])


class LogSoftmaxMLP(n.Module):
    def __init__(s):
        super().__init__()
        s.fc1, s.fc2, s.fc3 = n.Linear(784, 128), n.Linear(128, 64), n.Linear(64, 10)

    def forward(s, x):
        return s.fc3(s.fc2(s.fc1(x.flatten(1)).relu()).relu()).log_softmax(-1)


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    g = t.manual_seed(seed)
    m = MLP().to(device)
    o = t.optim.AdamW(m.parameters())
    for e in range(epochs):
        ls = []
        for i in t.randperm(len(images), generator=g).split(100):
            ls += [F.cross_entropy(m(images[i].to(device)), labels[i].to(device))]
            o.zero_grad(), ls[-1].backward(), o.step()
        on_epoch and on_epoch(e + 1, sum(map(float, ls)) / len(ls))
    return m.eval()
