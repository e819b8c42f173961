"""As it stands in many repositories: in-place ReLUs, padding shared over both sides, per-class loops."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(in_channels, out_channels))

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x, skip):
        x = self.up(x)
        diff_y = skip.size(2) - x.size(2)
        diff_x = skip.size(3) - x.size(3)
        x = F.pad(x, [diff_x // 2, diff_x - diff_x // 2, diff_y // 2, diff_y - diff_y // 2])
        return self.conv(torch.cat([skip, x], dim=1))


class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, base_channels=16, depth=3):
        super().__init__()
        self.inc = DoubleConv(in_channels, base_channels)
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        c = base_channels
        for _ in range(depth):
            self.downs.append(Down(c, c * 2))
            c *= 2
        for _ in range(depth):
            self.ups.append(Up(c, c // 2))
            c //= 2
        self.outc = nn.Conv2d(c, out_channels, kernel_size=1)

    def forward(self, x):
        features = [self.inc(x)]
        for down in self.downs:
            features.append(down(features[-1]))
        x = features.pop()
        for up, skip in zip(self.ups, reversed(features), strict=False):
            x = up(x, skip)
        return self.outc(x)


def dice_loss(logits, target, eps=1.0):
    p = torch.softmax(logits, dim=1)
    total = 0.0
    for c in range(logits.shape[1]):
        t = (target == c).to(p.dtype)
        total = total + (2 * (p[:, c] * t).sum() + eps) / (p[:, c].sum() + t.sum() + eps)
    return 1 - total / logits.shape[1]


def iou(prediction, target, num_classes):
    ious = []
    for c in range(num_classes):
        p, t = prediction == c, target == c
        union = (p | t).sum()
        if union == 0:
            ious.append(torch.tensor(float("nan"), device=target.device))
        else:
            ious.append((p & t).sum().float() / union.float())
    return torch.stack(ious)


def train_segmenter(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    net = UNet(1, num_classes).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(epochs):
        net.train()
        running = 0.0
        order = torch.randperm(len(images))
        for i in range(0, len(images), 8):
            x, y = images[order[i : i + 8]].to(device), masks[order[i : i + 8]].to(device)
            optimizer.zero_grad()
            out = net(x)
            loss = F.cross_entropy(out, y) + dice_loss(out, y)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(x)
        if on_epoch:
            on_epoch(epoch + 1, running / len(images))
    net.eval()
    return net
