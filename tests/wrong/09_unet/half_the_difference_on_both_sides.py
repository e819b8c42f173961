# ruff: noqa
# part: Up
# mistake: Both sides get the difference // 2, so an odd difference of one pixel is lost and cat fails.
# expects: one-pixel-too-small-for-odd-skips
import torch
import torch.nn.functional as F
from torch import nn


class Up(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, 2, stride=2)
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x, skip):
        x = self.up(x)
        dh, dw = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        x = F.pad(x, (dw // 2, dw // 2, dh // 2, dh // 2))
        return self.conv(torch.cat([skip, x], dim=1))
