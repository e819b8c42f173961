"""ReLU as a custom autograd.Function, parameters in a ParameterList, dropout guarded by the mode, NumPy shuffling."""

import itertools

import numpy
import torch
from torch import nn
from torch.nn import functional as F


class _ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x > 0)
        return x.clamp_min(0)

    @staticmethod
    def backward(ctx, grad):
        (mask,) = ctx.saved_tensors
        return grad * mask


class MLP(nn.Module):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        self.rate = dropout
        self.all = nn.ParameterList()
        for n_in, n_out in itertools.pairwise(sizes):
            w = nn.Parameter(torch.empty(n_out, n_in))
            nn.init.xavier_uniform_(w)
            self.all.append(w)
            self.all.append(nn.Parameter(torch.zeros(n_out)))

    def forward(self, images):
        x = images.flatten(1)
        pairs = list(zip(self.all[::2], self.all[1::2], strict=False))
        for w, b in pairs[:-1]:
            x = _ReLU.apply(F.linear(x, w, b))
            if self.training:
                x = nn.functional.dropout(x, p=self.rate, training=True)
        return F.linear(x, *pairs[-1])


class LogSoftmaxMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 128, bias=True)
        self.fc2 = nn.Linear(128, 64, bias=True)
        self.fc3 = nn.Linear(64, 10, bias=True)

    def forward(self, images):
        x = _ReLU.apply(self.fc1(nn.Flatten()(images)))
        x = _ReLU.apply(self.fc2(x))
        return torch.log_softmax(self.fc3(x), 1)


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    chance = numpy.random.default_rng(seed)
    model = MLP(dropout=0.3).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    count, size = len(images), 200
    for epoch in range(1, epochs + 1):
        order = torch.from_numpy(chance.permutation(count))
        total = 0.0
        for start in range(0, count, size):
            at = order[start : start + size]
            x, y = images[at].to(device), labels[at].to(device)
            optimizer.zero_grad(set_to_none=True)
            loss = F.nll_loss(F.log_softmax(model(x), 1), y, reduction="sum")
            (loss / len(at)).backward()
            optimizer.step()
            total += loss.item()
        if on_epoch:
            on_epoch(epoch, total / count)
    model.eval()
    return model
