"""Other structure: blocks, batch normalisation and noise in the trained network, loss measured after each epoch."""

import itertools
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F


class MLP(nn.Module):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        *hidden, last = list(itertools.pairwise(sizes))
        blocks = [
            (
                f"block{i}",
                nn.Sequential(
                    OrderedDict(linear=nn.Linear(a, b), relu=nn.ReLU(inplace=True), drop=nn.Dropout(dropout))
                ),
            )
            for i, (a, b) in enumerate(hidden)
        ]
        self.body = nn.Sequential(OrderedDict(blocks))
        self.head = nn.Linear(*last)

    def forward(self, images):
        return self.head(self.body(images.flatten(1)))


class LogSoftmaxMLP(MLP):
    def __init__(self):
        nn.Module.__init__(self)
        self.fc1, self.fc2, self.fc3 = (nn.Linear(a, b) for a, b in [(784, 128), (128, 64), (64, 10)])

    def forward(self, images):
        x = images.contiguous().view(images.shape[0], -1)
        return F.log_softmax(self.fc3(F.relu(self.fc2(F.relu(self.fc1(x))))), dim=1)


class _Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(784, 300), nn.BatchNorm1d(300), nn.Linear(300, 10)

    def forward(self, x):
        if self.training:
            x = x + 0.1 * torch.randn_like(x)
        return self.last(F.relu(self.norm(self.first(x.flatten(1))))).softmax(dim=1)


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    model, images, labels = _Net().to(device), images.to(device), labels.to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, epochs + 1):
        model.train()
        for at in torch.randperm(len(images), device=images.device).split(32):
            loss = F.nll_loss(model(images[at]).clamp_min(1e-8).log(), labels[at])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if on_epoch:
            model.eval()
            with torch.no_grad():
                each = [
                    F.nll_loss(model(x).clamp_min(1e-8).log(), y, reduction="sum")
                    for x, y in zip(images.split(500), labels.split(500), strict=False)
                ]
            on_epoch(epoch, float(sum(each)) / len(images))
    return model.eval()
