"""Plain SGD without momentum, larger batches, averaged weights, kaiming init; forward written with functions only."""

import copy
import itertools

import torch
import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        self.layers = nn.ModuleDict({str(i): nn.Linear(a, b) for i, (a, b) in enumerate(itertools.pairwise(sizes))})
        self.drops = nn.ModuleList(nn.Dropout(dropout) for _ in sizes[2:])
        for layer in self.layers.values():
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, images):
        x = images.unflatten(0, (-1, 1)).flatten(1)
        *hidden, last = self.layers.values()
        for layer, drop in zip(hidden, self.drops, strict=False):
            x = drop(F.relu(layer(x)))
        return last(x)


class LogSoftmaxMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)
        self.activation = F.relu

    def forward(self, images):
        x = images.reshape(-1, 784)
        x = self.activation(self.fc1(x))
        x = self.activation(self.fc2(x))
        return nn.LogSoftmax(1)(self.fc3(x))


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    model = MLP((784, 300, 10)).to(device)
    average = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    steps = 0
    for epoch in range(1, epochs + 1):
        total = 0.0
        for at in torch.randperm(len(images)).split(64):
            loss = F.cross_entropy(model(images[at].to(device)), labels[at].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
            with torch.no_grad():
                for mean, new in zip(average.parameters(), model.parameters(), strict=False):
                    mean.lerp_(new, max(0.1, 1 / steps))
            total += loss.item() * len(at)
        if on_epoch:
            on_epoch(epoch, total / len(images))
    return average.eval()
