"""Layers written out with nn.Parameter: convolutions by F.conv2d, a batch norm of its own, pooling by unfolding."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class _Conv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(o, i, 3, 3) * math.sqrt(2 / (9 * i)))

    def forward(self, x):
        return F.conv2d(F.pad(x, (1, 1, 1, 1)), self.kernel)


class _Norm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.momentum, self.eps = 0.1, 1e-5

    def forward(self, x):
        if self.training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            with torch.no_grad():
                n = x.numel() / x.shape[1]
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * n / (n - 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        scale = self.weight / torch.sqrt(var + self.eps)
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.a, self.na = _Conv(in_channels, out_channels), _Norm(out_channels)
        self.b, self.nb = _Conv(out_channels, out_channels), _Norm(out_channels)

    def forward(self, x):
        return self.nb(self.b(self.na(self.a(x)).clamp(min=0))).clamp(min=0)


class Down(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x):
        n, c, h, w = x.shape
        windows = F.unfold(x, 2, stride=2).reshape(n, c, 4, h // 2, w // 2)
        return self.conv(windows.max(dim=2).values)


class Up(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        half = in_channels // 2
        self.weight = nn.Parameter(torch.randn(in_channels, half, 2, 2) / math.sqrt(in_channels))
        self.bias = nn.Parameter(torch.zeros(half))
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x, skip):
        x = torch.einsum("nchw,cdij->ndhiwj", x, self.weight).flatten(2, 3).flatten(3, 4) + self.bias[:, None, None]
        rows, columns = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        return self.conv(torch.cat([skip, F.pad(x, (columns, 0, rows, 0))], dim=1))


class UNet(nn.Module):
    def __init__(self, in_channels, out_channels, base_channels=16, depth=3):
        super().__init__()
        c = [base_channels * 2**i for i in range(depth + 1)]
        self.ups = nn.ModuleList(Up(2 * a, a) for a in c[:-1])
        self.downs = nn.ModuleList(Down(a, 2 * a) for a in c[:-1])
        self.first = DoubleConv(in_channels, c[0])
        self.last = nn.Linear(c[0], out_channels)

    def forward(self, x):
        x, skips = self.first(x), {}
        for level, down in enumerate(self.downs):
            skips[level], x = x, down(x)
        for level in sorted(skips, reverse=True):
            x = self.ups[level](x, skip=skips[level])
        return self.last(x.movedim(1, -1)).movedim(-1, 1)


def dice_loss(logits, target, eps=1.0):
    shifted = (logits - logits.amax(dim=1, keepdim=True)).exp()
    p = shifted / shifted.sum(dim=1, keepdim=True)
    classes = torch.arange(logits.shape[1], device=logits.device)
    t = (target[:, None] == classes[:, None, None]).type_as(p)
    inter = torch.einsum("nchw,nchw->c", p, t)
    sizes = torch.einsum("nchw->c", p) + torch.einsum("nchw->c", t)
    return ((sizes - 2 * inter) / (sizes + eps)).mean()


def iou(prediction, target, num_classes):
    hits = prediction[prediction == target]
    inter, p, t = (torch.bincount(m.reshape(-1), minlength=num_classes) for m in (hits, prediction, target))
    union = p + t - inter
    return torch.where(union > 0, inter / union.clamp(min=1), float("nan"))


def train_segmenter(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = UNet(in_channels=1, out_channels=num_classes).to(device)
        orders = [torch.randperm(len(images)) for _ in range(epochs)]
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch, order in enumerate(orders, 1):
        losses = torch.zeros(0)
        for chosen in order.split(12):
            x, y = images[chosen].to(device), masks[chosen].to(device)
            loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses = torch.cat([losses, loss.detach().cpu().expand(len(chosen))])
        if on_epoch is not None:
            on_epoch(epoch, losses.mean().item())
    return net.eval()
