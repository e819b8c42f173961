# ruff: noqa
# part: Up
# mistake: x is convolved first, and the skip joins only before the second convolution.
# expects: skip-joins-before-the-second-convolution
import torch
import torch.nn.functional as F
from torch import nn


class Up(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        half = in_channels // 2
        self.up = nn.ConvTranspose2d(in_channels, half, 2, stride=2)
        self.first = nn.Sequential(nn.Conv2d(half, half, 3, padding=1), nn.BatchNorm2d(half), nn.ReLU())
        self.second = nn.Sequential(
            nn.Conv2d(2 * half, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU()
        )

    def forward(self, x, skip):
        x = self.up(x)
        dh, dw = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        x = self.first(F.pad(x, (dw // 2, dw - dw // 2, dh // 2, dh - dh // 2)))
        return self.second(torch.cat([skip, x], dim=1))
