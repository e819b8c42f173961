"""No nn.Linear: bare parameters, matrix products, a hand-made mask, and descent without torch.optim."""

import itertools
import math

import torch
from torch import nn


class MLP(nn.Module):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        self.p, self.depth = dropout, len(sizes) - 1
        for k, (a, b) in enumerate(itertools.pairwise(sizes)):
            self.register_parameter(f"w{k}", nn.Parameter(torch.randn(b, a) * math.sqrt(2 / a)))
            self.register_parameter(f"b{k}", nn.Parameter(torch.zeros(b)))

    def forward(self, images):
        h = images.reshape(len(images), -1)
        for k in range(self.depth):
            h = torch.einsum("ni,oi->no", h, getattr(self, f"w{k}")) + getattr(self, f"b{k}")
            if k == self.depth - 1:
                break
            h = torch.where(h > 0, h, torch.zeros_like(h))
            if self.training and self.p > 0:
                keep = torch.empty_like(h).bernoulli_(1 - self.p)
                h = h * keep / (1 - self.p)
        return h


class LogSoftmaxMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc3, self.fc2, self.fc1 = nn.Linear(64, 10), nn.Linear(128, 64), nn.Linear(784, 128)

    def forward(self, images):
        h = images.reshape(len(images), 784)
        for layer in (self.fc1, self.fc2):
            h = layer(h).clamp(min=0)
        z = self.fc3(h)
        return z - torch.logsumexp(z, dim=1, keepdim=True)


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed + 1)
    model = LogSoftmaxMLP().to(device).train()
    images, labels = images.to(device), labels.to(device)
    velocity = [torch.zeros_like(p) for p in model.parameters()]
    for epoch in range(1, epochs + 1):
        seen, total = 0, 0.0
        for at in torch.randperm(len(images), generator=generator).split(50):
            at = at.to(device)
            loss = -model(images[at]).gather(1, labels[at, None]).mean()
            grads = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():
                for p, v, g in zip(model.parameters(), velocity, grads, strict=False):
                    v.mul_(0.9).add_(g)
                    p.sub_(0.02 * v)
            total += float(loss) * len(at)
            seen += len(at)
        if on_epoch:
            on_epoch(epoch, total / seen)
    model.train(False)
    return model
