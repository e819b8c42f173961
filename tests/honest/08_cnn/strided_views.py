"""Views instead of copies (as_strided, Tensor.unfold), tensordot, aminmax; GroupNorm in the network."""

import torch
from torch import nn
from torch.nn import functional as F


def _two(v):
    return tuple(v) if isinstance(v, (tuple, list)) else (v, v)


def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    if stride <= 0 or dilation <= 0 or padding <= -1:
        raise ValueError("bad settings")
    free = size + padding + padding - dilation * (kernel_size - 1) - 1
    if free < 0:
        raise ValueError("too small")
    return free // stride + 1


def _windows(x, kernel, stride, dilation=(1, 1)):
    n, c, h, w = x.shape
    a, b, s, t = x.stride()
    oh = conv_output_size(h, kernel[0], stride[0], 0, dilation[0])
    ow = conv_output_size(w, kernel[1], stride[1], 0, dilation[1])
    return x.as_strided(
        (n, c, oh, ow, *kernel),
        (a, b, s * stride[0], t * stride[1], s * dilation[0], t * dilation[1]),
        x.storage_offset(),
    )


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1):
    p = _two(padding)
    x = F.pad(input, (p[1], p[1], p[0], p[0])).contiguous()
    out = torch.tensordot(
        _windows(x, tuple(weight.shape[2:]), _two(stride), _two(dilation)),
        weight,
        dims=([1, 4, 5], [1, 2, 3]),
    )
    if bias is not None:
        out = out + bias
    return out.movedim(-1, 1)


def max_pool2d(input, kernel_size, stride=None, padding=0):
    k, p = _two(kernel_size), _two(padding)
    s = k if stride is None else _two(stride)
    x = F.pad(input, (p[1], p[1], p[0], p[0]), value=-torch.inf)
    x = x.unfold(-2, k[0], s[0]).unfold(-2, k[1], s[1])
    return x.flatten(-2).max(-1)[0]


class BatchNorm2d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight, self.bias = (
            nn.Parameter(torch.ones(num_features)),
            nn.Parameter(torch.zeros(num_features)),
        )
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    @torch.no_grad()
    def _track(self, mean, unbiased):
        for running, new in ((self.running_mean, mean), (self.running_var, unbiased)):
            running.mul_(1 - self.momentum).add_(new, alpha=self.momentum)
        self.num_batches_tracked.add_(1)

    def forward(self, input):
        if not self.training:
            mean, var = self.running_mean, self.running_var
        else:
            if input.shape[0] * input.shape[2] * input.shape[3] < 2:
                raise ValueError(f"only one value per channel: {tuple(input.shape)}")
            var, mean = torch.var_mean(input, (0, 2, 3), correction=0)
            self._track(mean, torch.var(input, (0, 2, 3)))
        shape = (1, self.num_features, 1, 1)
        return (
            (input - mean.reshape(shape))
            .div((var + self.eps).sqrt().reshape(shape))
            .mul(self.weight.reshape(shape))
            .add(self.bias.reshape(shape))
        )


def dropout(x, p=0.5, training=True):
    if p > 1 or p < 0:
        raise ValueError("p")
    if training and p > 0:
        mask = torch.rand(x.shape, device=x.device) < p
        x = x.masked_fill(mask, 0) * (1 / (1 - p)) if p < 1 else x.masked_fill(torch.ones_like(mask), 0)
    return x


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 16, 5, padding=2), nn.Conv2d(16, 32, 5, padding=2)
        self.na, self.nb = nn.GroupNorm(4, 16), nn.GroupNorm(4, 32)
        self.out = nn.Linear(32 * 49, 10)

    def forward(self, images):
        x = F.gelu(self.na(F.max_pool2d(self.a(images), 2)))
        x = F.gelu(self.nb(F.max_pool2d(self.b(x), 2)))
        return self.out(x.flatten(1))


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    model, images, labels = CNN().to(device), images.to(device), labels.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(1, epochs + 1):
        total = 0
        for at in torch.randperm(len(images)).split(50):
            loss = F.cross_entropy(model(images[at]), labels[at])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(at)
        if on_epoch:
            on_epoch(epoch, total / len(images))
    return model.eval()
