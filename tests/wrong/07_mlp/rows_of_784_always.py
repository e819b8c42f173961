# ruff: noqa
# part: MLP
# mistake: The images are reshaped to rows of 784 numbers whatever sizes says.
# expects: rows-of-784-always
import torch
from torch import nn


class MLP(nn.Module):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        x = x.reshape(-1, 28 * 28)
        for layer in self.layers[:-1]:
            x = self.drop(torch.relu(layer(x)))
        return self.layers[-1](x)
