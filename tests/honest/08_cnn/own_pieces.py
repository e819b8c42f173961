"""The network and the training use the hand-made pieces: nothing of torch.nn but Module, Parameter and Linear."""

import torch
from torch import nn
from torch.nn import functional as F


def _pair(value):
    try:
        first, second = value
    except TypeError:
        first = second = value
    return first, second


def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError("stride and dilation at least 1, padding at least 0")
    last = size + 2 * padding - 1 - dilation * (kernel_size - 1)
    result, rest = divmod(last, stride)
    if last < 0:
        raise ValueError(f"does not fit ({rest})")
    return result + 1


class _Convolution(torch.autograd.Function):
    """Forward by unfolding, backward by hand."""

    @staticmethod
    def forward(ctx, input, weight, stride, padding, dilation):
        kernel = tuple(weight.shape[2:])
        patches = F.unfold(input, kernel, dilation, padding, stride)
        ctx.save_for_backward(patches, weight)
        ctx.fold = (tuple(input.shape[2:]), kernel, dilation, padding, stride)
        settings = zip(input.shape[2:], kernel, stride, padding, dilation, strict=True)
        sizes = [conv_output_size(*each) for each in settings]
        return (weight.flatten(1) @ patches).reshape(input.shape[0], weight.shape[0], *sizes)

    @staticmethod
    def backward(ctx, grad):
        patches, weight = ctx.saved_tensors
        grad = grad.flatten(2)
        grad_input = F.fold(weight.flatten(1).t() @ grad, *ctx.fold)
        grad_weight = torch.einsum("nol,nkl->ok", grad, patches).reshape(weight.shape)
        return grad_input, grad_weight, None, None, None


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1):
    result = _Convolution.apply(input, weight, _pair(stride), _pair(padding), _pair(dilation))
    return result if bias is None else result + bias.reshape(1, -1, 1, 1)


def max_pool2d(input, kernel_size, stride=None, padding=0):
    kernel, padding = _pair(kernel_size), _pair(padding)
    stride = kernel if stride is None else _pair(stride)
    x = F.pad(input, (padding[1],) * 2 + (padding[0],) * 2, value=float("-inf"))
    for dim, k, s in ((-2, kernel[0], stride[0]), (-1, kernel[1], stride[1])):
        starts = torch.arange(0, x.shape[dim] - k + 1, s, device=x.device)
        x = torch.stack([x.index_select(dim, starts + i) for i in range(k)]).amax(0)
    return x


class BatchNorm2d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.register_parameter("weight", nn.Parameter(torch.ones(num_features)))
        self.register_parameter("bias", nn.Parameter(torch.zeros(num_features)))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))
        self.settings = {"eps": eps, "momentum": momentum}

    def forward(self, input):
        flat = input.movedim(1, -1).reshape(-1, input.shape[1])
        if self.training and len(flat) == 1:
            raise ValueError("one value")
        if self.training:
            mean = flat.mean(0)
            centered = flat - mean
            var = (centered * centered).mean(0)
            with torch.no_grad():
                self.running_mean[:] = torch.lerp(self.running_mean, mean, self.settings["momentum"])
                self.running_var[:] = torch.lerp(
                    self.running_var, var * len(flat) / (len(flat) - 1), self.settings["momentum"]
                )
                self.num_batches_tracked[...] = self.num_batches_tracked + 1
        else:
            mean, var = self.running_mean, self.running_var
            centered = flat - mean
        normal = centered / (var + self.settings["eps"]).pow(0.5) * self.weight + self.bias
        n, c, h, w = input.shape
        return normal.reshape(n, h, w, c).permute(0, 3, 1, 2)


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, p):
        mask = torch.empty_like(x).uniform_() > p if p < 1 else torch.zeros_like(x)
        ctx.mask = mask.to(x.dtype) * (1 / (1 - p) if p < 1 else 0.0)
        return x * ctx.mask

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.mask, None


def dropout(x, p=0.5, training=True):
    if not (p >= 0 and p <= 1):
        raise ValueError("p")
    return _Dropout.apply(x, p) if training and p != 0 else x


class _Conv(nn.Module):
    def __init__(self, c_in, c_out, kernel, stride):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, kernel, kernel) / (c_in * kernel * kernel) ** 0.5)
        self.norm, self.stride = BatchNorm2d(c_out), stride

    def forward(self, x):
        return torch.relu(self.norm(conv2d(x, self.weight, stride=self.stride)))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = _Conv(1, 8, 5, 1), _Conv(8, 16, 3, 2), nn.Linear(16 * 25, 10)

    def forward(self, images):
        x = self.second(max_pool2d(self.first(images), 2))
        return self.last(dropout(x.reshape(len(x), -1), 0.1, self.training))


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    model = CNN().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(epochs):
        order, sums = torch.randperm(len(images)), []
        for start in range(0, len(images), 40):
            at = order[start : start + 40]
            loss = F.cross_entropy(model(images[at].to(device)), labels[at].to(device), reduction="sum")
            optimizer.zero_grad()
            (loss / len(at)).backward()
            optimizer.step()
            sums.append(loss.item())
        if on_epoch:
            on_epoch(epoch + 1, sum(sums) / len(images))
    return model.eval()
