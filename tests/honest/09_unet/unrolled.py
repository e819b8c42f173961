"""Convolutions by unfolding and matrix products, features kept in a dictionary, sums by masks."""

import torch
from torch import nn
from torch.nn import functional as F


class _Convolution(nn.Conv2d):
    """A convolution whose forward pass is a matrix product of unfolded patches."""

    def __init__(self, i, o):
        super().__init__(i, o, 3, padding=1)

    def forward(self, x):
        n, _, h, w = x.shape
        patches = F.unfold(x, 3, padding=1)
        return (self.weight.flatten(1) @ patches + self.bias[:, None]).reshape(n, -1, h, w)


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.steps = nn.ModuleDict(
            {
                "conv_a": _Convolution(in_channels, out_channels), "conv_b": _Convolution(out_channels, out_channels),
                "norm_a": nn.BatchNorm2d(out_channels), "norm_b": nn.BatchNorm2d(out_channels),
            }
        )  # fmt: skip

    def forward(self, x):
        for turn in "ab":
            x = self.steps[f"conv_{turn}"](x)
            x = self.steps[f"norm_{turn}"](x)
            x = torch.where(x > 0, x, torch.zeros_like(x))
        return x


class Down(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.pool, self.conv = nn.AdaptiveMaxPool2d, DoubleConv(in_channels, out_channels)

    def forward(self, x):
        corners = [x[:, :, i : x.shape[2] - 1 + i : 2, j : x.shape[3] - 1 + j : 2] for i in (0, 1) for j in (0, 1)]
        return self.conv(torch.stack(corners).amax(0))


class Up(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.spread = nn.ConvTranspose2d(in_channels, in_channels // 2, 2, 2)
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x, skip):
        large = self.spread(x)
        below, beside = skip.shape[-2] - large.shape[-2], skip.shape[-1] - large.shape[-1]
        large = nn.ConstantPad2d((0, beside, 0, below), 0.0)(large)
        return self.conv(torch.concatenate((skip, large), axis=1))


class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, base_channels=16, depth=3):
        super().__init__()
        assert depth >= 1
        widths = {level: base_channels * 2**level for level in range(depth + 1)}
        self.begin = DoubleConv(in_channels, widths[0])
        self.down = nn.ModuleDict({str(k): Down(widths[k], widths[k + 1]) for k in range(depth)})
        self.up = nn.ModuleDict({str(k): Up(widths[k + 1], widths[k]) for k in reversed(range(depth))})
        self.end = nn.Conv2d(widths[0], out_channels, 1)

    def forward(self, x):
        features = {0: self.begin(x)}
        for key, down in self.down.items():
            features[int(key) + 1] = down(features[int(key)])
        x = features[len(self.down)]
        for key, up in self.up.items():
            x = up(x=x, skip=features[int(key)])
        return self.end(x)


def dice_loss(logits, target, eps=1.0):
    p = F.log_softmax(logits, dim=1).exp()
    overlaps = []
    for c in range(p.size(1)):
        mask = target == c
        size = mask.sum() + p[:, c].sum()
        overlaps.append((2 * p[:, c].masked_fill(~mask, 0).sum() + eps) / (size + eps))
    return sum(1 - overlap for overlap in overlaps) / len(overlaps)


def iou(prediction, target, num_classes):
    values = []
    for c in range(num_classes):
        p, t = (prediction == c).float(), (target == c).float()
        values.append(torch.minimum(p, t).sum() / torch.maximum(p, t).sum())
    return torch.stack(values)


def train_segmenter(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    shuffle = torch.Generator()
    shuffle.manual_seed(seed)
    model = UNet(1, num_classes, 8, 3).to(device)
    averaged = []
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(1, epochs + 1):
        model.train(True)
        averaged.clear()
        for batch in torch.randperm(len(images), generator=shuffle).split(16):
            logits = model(images[batch].to(device))
            loss = dice_loss(logits, masks[batch].to(device)) + F.cross_entropy(logits, masks[batch].to(device))
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            for parameter, gradient in zip(model.parameters(), gradients, strict=False):
                parameter.grad = gradient
            optimizer.step()
            averaged.append(loss.item())
        if callable(on_epoch):
            on_epoch(epoch, sum(averaged) / len(averaged))
    return model.train(False)
