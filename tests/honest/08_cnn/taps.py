"""Loops over the kernel's taps with shifted slices, sums instead of mean and var, bernoulli masks, pooled head."""

import torch
from torch import nn
from torch.nn import functional as F


def two(v):
    return (v, v) if isinstance(v, int) else v


def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    if min(stride, dilation) < 1 or padding < 0:
        raise ValueError
    places = len(range(0, size + 2 * padding - dilation * (kernel_size - 1), stride))
    if places == 0:
        raise ValueError("no place for the kernel")
    return places


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1):
    (sh, sw), (ph, pw), (dh, dw) = map(two, (stride, padding, dilation))
    n, c, h, w = input.shape
    padded = input.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    padded[:, :, ph : ph + h, pw : pw + w] = input
    kh, kw = weight.shape[2:]
    oh, ow = conv_output_size(h, kh, sh, ph, dh), conv_output_size(w, kw, sw, pw, dw)
    out = 0
    for i in range(kh):
        for j in range(kw):
            part = padded[:, :, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
            out = out + torch.einsum("nchw,oc->nohw", part, weight[:, :, i, j])
    return out if bias is None else out + bias[None, :, None, None]


def max_pool2d(input, kernel_size, stride=None, padding=0):
    kh, kw = two(kernel_size)
    sh, sw = (kh, kw) if stride is None else two(stride)
    ph, pw = two(padding)
    x = F.pad(input, (pw, pw, ph, ph), "constant", float("-inf"))
    oh, ow = (x.shape[-2] - kh) // sh + 1, (x.shape[-1] - kw) // sw + 1
    best = None
    for i in range(kh):
        for j in range(kw):
            part = x[..., i : i + (oh - 1) * sh + 1 : sh, j : j + (ow - 1) * sw + 1 : sw]
            best = part if best is None else torch.maximum(best, part)
    return best


class BatchNorm2d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.weight = nn.Parameter(torch.ones(num_features))
        for name, start in [
            ("num_batches_tracked", torch.zeros((), dtype=torch.int64)),
            ("running_var", torch.ones(num_features)),
            ("running_mean", torch.zeros(num_features)),
        ]:
            self.register_buffer(name, start)

    def forward(self, input):
        x = input.transpose(0, 1).flatten(1)
        n = x.shape[1]
        if not self.training:
            mean, var = self.running_mean, self.running_var
        elif n < 2:
            raise ValueError("too few values")
        else:
            mean = x.sum(1) / n
            squares = ((x - mean[:, None]) ** 2).sum(1)
            var = squares / n
            m = self.momentum
            self.running_mean = ((1 - m) * self.running_mean + m * mean).detach()
            self.running_var = ((1 - m) * self.running_var + m * squares / (n - 1)).detach()
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(var + self.eps)
        shift = self.bias - mean * scale
        return torch.addcmul(shift[:, None, None], input, scale[:, None, None])


def dropout(x, p=0.5, training=True):
    if not 0.0 <= p <= 1.0:
        raise ValueError(p)
    if not training or p == 0.0:
        return x
    keep = torch.full_like(x, 1 - p).bernoulli()
    return x * keep.div(1 - p if p < 1 else 1)


class CNN(nn.Sequential):
    def __init__(self):
        def block(i, o, s):
            return [nn.Conv2d(i, o, 3, s, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU()]

        super().__init__(
            *block(1, 16, 2),
            *block(16, 32, 2),
            *block(32, 64, 1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(64, 10),
        )


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    net = CNN().to(device)
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    steps = epochs * ((len(images) + 63) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(opt, 0.1, steps)
    for epoch in range(1, epochs + 1):
        losses = []
        for at in torch.randperm(len(images)).split(64):
            loss = F.cross_entropy(net(images[at].to(device)), labels[at].to(device))
            opt.zero_grad()
            loss.backward()
            opt.step()
            schedule.step()
            losses.append(loss.item())
        if on_epoch:
            on_epoch(epoch, sum(losses) / len(losses))
    return net.eval()
