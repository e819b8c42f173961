"""A convolution as one matrix product; pooling by sorting; LeNet with tanh and average pooling."""

import torch
from torch import nn
from torch.nn import functional as F


def as_pair(v):
    return tuple(v) if not isinstance(v, int) else (v, v)


def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    if not (stride >= 1 and dilation >= 1 and padding >= 0):
        raise ValueError("impossible settings")
    output = (size + 2 * padding - (dilation * (kernel_size - 1) + 1)) // stride + 1
    if output <= 0:
        raise ValueError("empty output")
    return output


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1):
    s, p, d = as_pair(stride), as_pair(padding), as_pair(dilation)
    x = F.pad(input, [p[1], p[1], p[0], p[0]])
    reach = [d[i] * (weight.shape[2 + i] - 1) + 1 for i in (0, 1)]
    x = x.unfold(2, reach[0], s[0]).unfold(3, reach[1], s[1])[..., :: d[0], :: d[1]]
    n, c, h, w, kh, kw = x.shape
    columns = x.permute(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * kh * kw)
    out = torch.mm(columns, weight.reshape(weight.shape[0], -1).t())
    if bias is not None:
        out = out + bias
    return out.reshape(n, h, w, -1).permute(0, 3, 1, 2).contiguous()


def max_pool2d(input, kernel_size, stride=None, padding=0):
    k = as_pair(kernel_size)
    s = as_pair(stride) if stride is not None else k
    p = as_pair(padding)
    filled = F.pad(input, [p[1], p[1], p[0], p[0]], value=torch.finfo(input.dtype).min)
    windows = filled.unfold(-2, k[0], s[0]).unfold(-2, k[1], s[1]).flatten(-2)
    return windows.sort(dim=-1).values[..., -1]


class BatchNorm2d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.int64))
        self.eps = eps
        self.momentum = momentum

    def forward(self, input):
        def spread(v):
            return v.reshape(1, -1, 1, 1).expand_as(input)

        if self.training:
            per_channel = [channel.flatten() for channel in input.unbind(1)]
            if len(per_channel[0]) < 2:
                raise ValueError("more than one value per channel")
            mean = torch.stack([channel.mean() for channel in per_channel])
            biased = torch.stack([channel.var(unbiased=False) for channel in per_channel])
            with torch.no_grad():
                unbiased = torch.stack([channel.var() for channel in per_channel])
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (unbiased - self.running_var)
                self.num_batches_tracked += 1
        else:
            mean, biased = self.running_mean, self.running_var
        return spread(self.weight) * ((input - spread(mean)) / torch.sqrt(spread(biased) + self.eps)) + spread(
            self.bias
        )


def dropout(x, p=0.5, training=True):
    if not 0 <= p <= 1:
        raise ValueError("p must lie in [0, 1]")
    if not training or p == 0:
        return x
    if p == 1:
        return x.new_zeros(x.shape) + 0 * x
    result = x / (1 - p)
    result[torch.rand(result.shape, device=x.device) < p] = 0
    return result


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, padding=2)
        self.c2 = nn.Conv2d(6, 16, 5)
        self.f1, self.f2, self.f3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, images):
        x = F.avg_pool2d(torch.tanh(self.c1(images)), 2)
        x = F.avg_pool2d(torch.tanh(self.c2(x)), 2)
        x = torch.tanh(self.f1(x.reshape(-1, 400)))
        return self.f3(torch.tanh(self.f2(x)))


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    generator = torch.Generator()
    generator.manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CNN().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(1, epochs + 1):
        losses = []
        for at in torch.randperm(len(images), generator=generator).split(64):
            loss = F.cross_entropy(model(images[at].to(device)), labels[at].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if on_epoch:
            on_epoch(epoch, sum(losses) / len(losses))
    return model.eval()
