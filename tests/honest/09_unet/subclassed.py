"""Blocks that extend one another, cumulative norms, reflecting pads, and a model that wraps the U-Net."""

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F


class _Round(nn.Sequential):
    def __init__(self, i: int, o: int) -> None:
        super().__init__(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o, momentum=None), nn.ReLU(True))


class DoubleConv(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.second = _Round(out_channels, out_channels)
        self.first = _Round(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


class Down(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, : x.shape[2] & ~1, : x.shape[3] & ~1]
        rows = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
        return self.conv(torch.maximum(rows[..., ::2], rows[..., 1::2]))


class Up(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = DoubleConv(in_channels, out_channels)
        self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, 2, stride=2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = nn.ZeroPad2d((0, skip.size(-1) % 2, 0, skip.size(-2) % 2))(self.up(x))
        both = torch.empty(x.shape[0], 2 * x.shape[1], *x.shape[2:], dtype=x.dtype, device=x.device)
        both[:, : x.shape[1]], both[:, x.shape[1] :] = skip, x
        return self.conv(both)


class UNet(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, base_channels: int = 16, depth: int = 3) -> None:
        super().__init__()
        self.path = nn.ModuleList()
        width = base_channels
        self.path.append(DoubleConv(in_channels, width))
        for _ in range(depth):
            self.path.append(Down(width, 2 * width))
            width *= 2
        self.back = nn.ModuleList([Up(base_channels * 2 ** (k + 1), base_channels * 2**k) for k in range(depth)])
        self.score = nn.Conv2d(base_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        seen = []
        for step in self.path:
            x = step(x)
            seen.append(x)
        result = seen[-1]
        for k in range(len(self.back) - 1, -1, -1):
            result = self.back[k](result, seen[k])
        return self.score(result)


def dice_loss(logits: Tensor, target: Tensor, eps: float = 1.0) -> Tensor:
    c = logits.size(1)
    p = logits.movedim(1, -1).reshape(-1, c).softmax(-1)
    y = target.reshape(-1)
    both = torch.zeros(c, dtype=p.dtype, device=p.device).index_add(0, y, p.gather(1, y[:, None])[:, 0])
    size = p.sum(0) + torch.bincount(y, minlength=c)
    return 1 - ((both * 2 + eps) / (size + eps)).sum() / c


def iou(prediction: Tensor, target: Tensor, num_classes: int) -> Tensor:
    count = torch.zeros(num_classes, num_classes, device=target.device)
    pairs = (target.flatten(), prediction.flatten())
    count = count.index_put(pairs, torch.ones(pairs[0].shape, device=target.device), accumulate=True)
    right = count.diagonal()
    return right / (count.sum(0) + count.sum(1) - right)


class _Segmenter(nn.Module):
    def __init__(self, net: nn.Module, mean: float, spread: float) -> None:
        super().__init__()
        self.net, self.mean, self.spread = net, mean, spread

    def forward(self, x: Tensor) -> Tensor:
        return self.net((x - self.mean) / self.spread)


def train_segmenter(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    model = _Segmenter(UNet(1, num_classes, 12, 3), float(images.mean()), float(images.std()) + 1e-6).to(device)
    optimizer = optim.NAdam(model.parameters(), lr=2e-3)
    for epoch in range(epochs):
        model.train()
        total, count = 0.0, 0
        for at in torch.utils.data.BatchSampler(torch.utils.data.RandomSampler(images), 16, drop_last=False):
            x, y = images[at].to(device), masks[at].to(device)
            if torch.rand(()) < 0.5:
                x, y = x.flip(-1), y.flip(-1)
            scores = model(x)
            loss = F.nll_loss(scores.log_softmax(1), y) + dice_loss(scores, y)
            for parameter in model.parameters():
                parameter.grad = None
            loss.backward()
            optimizer.step()
            total, count = total + loss.item() * len(at), count + len(at)
        if on_epoch is not None:
            on_epoch(1 + epoch, total / count)
    model.eval()
    return model
