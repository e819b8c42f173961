"""A U-Net that uses neither Down nor Up, He initialisation, norms with another eps, counting by one-hot vectors."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F


def _conv(i, o):
    conv = nn.Conv2d(i, o, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return conv


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.convs = nn.ModuleList([_conv(in_channels, out_channels), _conv(out_channels, out_channels)])
        self.norms = nn.ModuleList([nn.BatchNorm2d(out_channels, eps=1e-4, momentum=0.05) for _ in range(2)])

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms, strict=False):
            x = F.relu(norm(conv(x)))
        return x


class Down(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.body = DoubleConv(in_channels, out_channels)

    def forward(self, x):
        h, w = x.shape[2] // 2, x.shape[3] // 2
        x = x[:, :, : 2 * h, : 2 * w]
        blocks = x.unflatten(2, (h, 2)).unflatten(4, (w, 2))
        return self.body(blocks.amax(dim=(3, 5)))


class Up(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(in_channels, in_channels // 2, 2, stride=2)
        self.body = DoubleConv(in_channels, out_channels)

    def forward(self, x, skip):
        large = self.enlarge(x)
        n, c, h, w = skip.shape
        room = large.new_zeros(n, c, h, w)
        room[:, :, : large.shape[2], : large.shape[3]] = large
        return self.body(torch.cat([skip, room], dim=1))


class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, base_channels=16, depth=3):
        super().__init__()
        sizes = [in_channels] + [base_channels << level for level in range(depth + 1)]
        self.encoder = nn.ModuleList([DoubleConv(a, b) for a, b in itertools.pairwise(sizes)])
        self.decoder = nn.ModuleDict()
        self.enlarge = nn.ModuleDict()
        for level in range(depth):
            c = base_channels << level
            self.enlarge[str(level)] = nn.ConvTranspose2d(2 * c, c, 2, stride=2)
            self.decoder[str(level)] = DoubleConv(2 * c, c)
        self.head = nn.Conv2d(base_channels, out_channels, 3, padding=1)
        self.dropout = nn.Dropout2d(0.2)

    def forward(self, x):
        kept = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        x = self.dropout(kept.pop())
        for level in reversed(range(len(kept))):
            skip = kept[level]
            x = self.enlarge[str(level)](x)
            x = F.pad(x, (0, skip.shape[-1] - x.shape[-1], 0, skip.shape[-2] - x.shape[-2]))
            x = self.decoder[str(level)](torch.cat([skip, x], dim=1))
        return self.head(x)


def dice_loss(logits, target, eps=1.0):
    p = (logits - logits.logsumexp(dim=1, keepdim=True)).exp()
    t = torch.zeros_like(p).scatter_(1, target.unsqueeze(1), 1.0)
    p, t = p.transpose(0, 1).flatten(1), t.transpose(0, 1).flatten(1)
    overlap = (2 * (p * t).sum(1) + eps) / (p.sum(1) + t.sum(1) + eps)
    return (1 - overlap).mean()


def iou(prediction, target, num_classes):
    p, t = F.one_hot(prediction, num_classes).flatten(0, -2), F.one_hot(target, num_classes).flatten(0, -2)
    both = (p * t).sum(0)
    return both.float() / (p.sum(0) + t.sum(0) - both).float()


def train_segmenter(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model = UNet(1, num_classes).to(device)
    pairs = torch.utils.data.TensorDataset(images, masks)
    batches = torch.utils.data.DataLoader(pairs, batch_size=16, shuffle=True, generator=generator)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    for epoch in range(1, epochs + 1):
        model.train()
        total, seen = 0.0, 0
        for x, y in batches:
            logits = model(x.to(device))
            loss = 0.5 * F.cross_entropy(logits, y.to(device)) + 0.5 * dice_loss(logits, y.to(device))
            model.zero_grad()
            loss.backward()
            optimizer.step()
            total, seen = total + float(loss.detach()) * len(x), seen + len(x)
        if on_epoch is not None:
            on_epoch(epoch, total / seen)
    return model.eval()
