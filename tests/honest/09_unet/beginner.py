"""Everything by name, step by step; padding above and to the left."""

import torch
from torch import nn
from torch.nn import functional as F


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=True)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, 1, 1, bias=False)

    def forward(self, x):
        a = self.conv1(x)
        b = self.bn1(a)
        c = torch.relu(b)
        d = self.conv2(c)
        e = self.bn2(d)
        return torch.relu(e)


class Down(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.double_conv = DoubleConv(in_channels, out_channels)

    def forward(self, x):
        smaller = F.max_pool2d(x, kernel_size=2, stride=2)
        return self.double_conv(smaller)


class Up(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        half = in_channels // 2
        self.double_conv = DoubleConv(half + half, out_channels)
        self.transposed = nn.ConvTranspose2d(in_channels, half, 2, 2, bias=False)

    def forward(self, x, skip):
        bigger = self.transposed(x)
        while bigger.shape[2] < skip.shape[2]:
            row = torch.zeros_like(bigger[:, :, :1, :])
            bigger = torch.cat([row, bigger], dim=2)
        while bigger.shape[3] < skip.shape[3]:
            column = torch.zeros_like(bigger[:, :, :, :1])
            bigger = torch.cat([column, bigger], dim=3)
        joined = torch.cat((skip, bigger), 1)
        return self.double_conv(joined)


class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, base_channels=16, depth=3):
        super().__init__()
        self.depth = depth
        self.final = nn.Conv2d(base_channels, out_channels, 1)
        self.start = DoubleConv(in_channels, base_channels)
        channels = base_channels
        for i in range(depth):
            setattr(self, "down" + str(i), Down(channels, channels * 2))
            setattr(self, "up" + str(i), Up(channels * 2, channels))
            channels = channels * 2

    def forward(self, x):
        maps = []
        x = self.start(x)
        for i in range(self.depth):
            maps.append(x)
            x = getattr(self, "down" + str(i))(x)
        for i in range(self.depth - 1, -1, -1):
            x = getattr(self, "up" + str(i))(x, maps[i])
        return self.final(x)


def dice_loss(logits, target, eps=1.0):
    number_of_classes = logits.shape[1]
    probabilities = F.softmax(logits, dim=1)
    losses = []
    for k in range(number_of_classes):
        p = probabilities[:, k, :, :]
        inside = p[target == k]
        numerator = 2 * inside.sum() + eps
        denominator = p.sum() + (target == k).sum() + eps
        losses.append(1 - numerator / denominator)
    return torch.stack(losses).mean()


def iou(prediction, target, num_classes):
    result = torch.full((num_classes,), float("nan"), device=prediction.device)
    for k in range(num_classes):
        intersection = torch.logical_and(prediction == k, target == k).sum().item()
        union = torch.logical_or(prediction == k, target == k).sum().item()
        if union > 0:
            result[k] = intersection / union
    return result


def train_segmenter(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    model = UNet(1, num_classes, base_channels=8)
    model = model.to(device)
    model.train()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(1, epochs + 1):
        losses = []
        permutation = torch.randperm(images.shape[0])
        start = 0
        while start < images.shape[0]:
            index = permutation[start : start + 8]
            batch_images = images[index].to(device)
            batch_masks = masks[index].to(device)
            prediction = model(batch_images)
            loss = criterion(prediction, batch_masks)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            start = start + 8
        if on_epoch is not None:
            on_epoch(epoch, sum(losses) / len(losses))
    model.eval()
    return model
