"""Clever but right: convolution by Fourier transform, pooling by comparing, moments by einsum; a narrow network."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F


def _pair(v):
    return (v, v) if isinstance(v, int) else v


def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    if stride < 1 or dilation < 1 or padding < 0 or size + 2 * padding <= dilation * (kernel_size - 1):
        raise ValueError(f"no convolution for {size=} {kernel_size=} {stride=} {padding=} {dilation=}")
    return 1 + (size + 2 * padding - 1 - dilation * (kernel_size - 1)) // stride


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1):
    (sh, sw), (ph, pw), (dh, dw) = _pair(stride), _pair(padding), _pair(dilation)
    kind = torch.float64
    x = F.pad(input, (pw, pw, ph, ph)).to(kind)
    kernel = torch.zeros(
        *weight.shape[:2],
        dh * (weight.shape[2] - 1) + 1,
        dw * (weight.shape[3] - 1) + 1,
        dtype=kind,
        device=weight.device,
    )
    kernel[:, :, ::dh, ::dw] = weight.to(kind)
    size = x.shape[2:]
    spectrum = torch.einsum("ncyx,ocyx->noyx", torch.fft.rfft2(x), torch.fft.rfft2(kernel, s=size).conj())
    full = torch.fft.irfft2(spectrum, s=size)
    out = full[:, :, : size[0] - kernel.shape[2] + 1 : sh, : size[1] - kernel.shape[3] + 1 : sw].to(input.dtype)
    return out if bias is None else out + bias[:, None, None]


def max_pool2d(input, kernel_size, stride=None, padding=0):
    (kh, kw), (ph, pw) = _pair(kernel_size), _pair(padding)
    sh, sw = (kh, kw) if stride is None else _pair(stride)
    edge = torch.full(
        (*input.shape[:-2], input.shape[-2] + 2 * ph, input.shape[-1] + 2 * pw),
        float("-inf"),
        dtype=input.dtype,
        device=input.device,
    )
    edge[..., ph : ph + input.shape[-2], pw : pw + input.shape[-1]] = input
    windows = edge.unfold(-2, kh, sh).unfold(-2, kw, sw).flatten(-2)
    best = windows.argmax(-1, keepdim=True)
    return windows.gather(-1, best).squeeze(-1)


class BatchNorm2d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def train(self, mode=True):
        return super().train(mode)

    def forward(self, input):
        return self._of_batch(input) if self.training else self._scaled(input, self.running_mean, self.running_var)

    def _of_batch(self, input):
        count = input.numel() / self.weight.numel()
        if count == 1:
            raise ValueError("one value per channel")
        mean = torch.einsum("nchw->c", input) / count
        centred = input - mean[:, None, None]
        var = torch.einsum("nchw,nchw->c", centred, centred) / count
        for buffer, new in [(self.running_mean, mean), (self.running_var, var * (count / (count - 1)))]:
            buffer.copy_(buffer + self.momentum * (new.detach() - buffer))
        self.num_batches_tracked.add_(1)
        return self._scaled(input, mean, var)

    def _scaled(self, input, mean, var):
        mean, var, weight, bias = (v[None, :, None, None] for v in (mean, var, self.weight, self.bias))
        return bias + weight * (input - mean) / (var + self.eps) ** 0.5


def dropout(x, p=0.5, training=True):
    if p != min(max(p, 0), 1):
        raise ValueError("p")
    if training and p:
        stays = torch.distributions.Bernoulli(1 - p).sample(x.shape).to(x) if 0 < p < 1 else torch.zeros_like(x)
        return x * stays / (1 - p or 1)
    return x


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        channels = [1, 12, 16, 24, 32]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in itertools.pairwise(channels))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in channels[1:])
        self.out = nn.Conv2d(32, 10, 1)

    def forward(self, images):
        x = images
        for conv, norm in zip(self.convs, self.norms, strict=False):
            x = F.max_pool2d(F.relu(norm(conv(x))), 2, ceil_mode=True)
        return self.out(x).mean((2, 3))


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    model = CNN().to(device)
    optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3)
    for epoch in range(1, epochs + 1):
        losses = []
        for at in torch.randperm(len(images)).chunk(max(1, len(images) // 48)):
            loss = F.cross_entropy(model(images[at].to(device)), labels[at].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss)
        if on_epoch:
            on_epoch(epoch, torch.stack(losses).mean().item())
    return model.eval()
