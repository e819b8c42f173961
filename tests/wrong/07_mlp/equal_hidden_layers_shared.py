# ruff: noqa
# part: MLP
# mistake: Hidden layers of the same size are one module, repeated by list multiplication, so they share their weights.
# expects: equal-layers-shared
import torch
from torch import nn


class MLP(nn.Module):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        made = {}
        layers = []
        for a, b in zip(sizes[:-1], sizes[1:]):
            layers.append(made.setdefault((a, b), nn.Linear(a, b)))
        self.layers = nn.ModuleList(layers)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = self.drop(torch.relu(layer(x)))
        return self.layers[-1](x)
