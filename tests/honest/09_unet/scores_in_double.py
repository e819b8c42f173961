"""Scores of a confusion matrix in float64, losses by one-hot masks, a U-Net of lists."""

from itertools import pairwise

import torch
import torchvision  # noqa: F401
from PIL import Image  # noqa: F401
from torch import nn
from torch.nn import functional as F
from tqdm.auto import trange


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.first = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.first_norm = nn.BatchNorm2d(out_channels)
        self.second = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        x = self.first_norm(self.first(x)).relu()
        return self.second_norm(self.second(x)).relu()


class Down(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x):
        return self.conv(F.max_pool2d(x, kernel_size=2))


class Up(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.grow = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x, skip):
        x = self.grow(x)
        missing_rows, missing_columns = skip.shape[-2] - x.shape[-2], skip.shape[-1] - x.shape[-1]
        x = F.pad(x, (missing_columns // 2, missing_columns - missing_columns // 2, 0, missing_rows))
        return self.conv(torch.cat((skip, x), dim=1))


class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, base_channels=16, depth=3):
        super().__init__()
        widths = [base_channels * 2**level for level in range(depth + 1)]
        self.enter = DoubleConv(in_channels, widths[0])
        self.downs = nn.ModuleList([Down(a, b) for a, b in pairwise(widths)])
        self.ups = nn.ModuleList([Up(b, a) for a, b in pairwise(widths)][::-1])
        self.leave = nn.Conv2d(widths[0], out_channels, kernel_size=1)

    def forward(self, x):
        features = [self.enter(x)]
        for down in self.downs:
            features.append(down(features[-1]))
        x = features.pop()
        for up in self.ups:
            x = up(x, features.pop())
        return self.leave(x)


def dice_loss(logits, target, eps=1.0):
    probabilities = torch.softmax(logits, dim=1)
    truth = F.one_hot(target, logits.size(1)).movedim(-1, 1).to(logits.dtype)
    both = torch.einsum("nchw,nchw->c", probabilities, truth)
    total = torch.einsum("nchw->c", probabilities) + torch.einsum("nchw->c", truth)
    return torch.mean(1 - (2 * both + eps) / (total + eps))


def iou(prediction, target, num_classes):
    scores = []
    for label in range(num_classes):
        predicted, true = prediction == label, target == label
        union = torch.logical_or(predicted, true).sum().double()
        scores.append(torch.logical_and(predicted, true).sum().double() / union)
    return torch.stack(scores)


def train_segmenter(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    network = UNet(images.shape[1], num_classes).to(device).train()
    images, masks = images.to(device), masks.to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)
    for epoch in trange(1, epochs + 1):
        total = 0.0
        for batch in torch.randperm(len(images)).to(device).split(16):
            logits = network(images[batch])
            loss = F.cross_entropy(logits, masks[batch]) + dice_loss(logits, masks[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        if on_epoch is not None:
            on_epoch(epoch, total / len(images))
    network.eval()
    return network
