# ruff: noqa
# part: Down
# mistake: A convolution of stride 2 takes the place of the max pool.
# expects: strided-convolution-for-the-pool
from torch import nn


class Down(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.shrink = nn.Conv2d(in_channels, in_channels, 2, stride=2)
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x):
        return self.conv(self.shrink(x))
