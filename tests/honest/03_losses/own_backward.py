"""Each loss is an autograd.Function with its derivative written down."""

import torch


def _shared(input, target):
    if input.shape != target.shape:
        raise ValueError("input and target differ in shape")


def _reduce(losses, reduction):
    if reduction == "mean":
        return losses.mean()
    elif reduction == "sum":
        return losses.sum()
    elif reduction == "none":
        return losses
    else:
        raise ValueError(reduction)


class _Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, target):
        ctx.save_for_backward(input, target)
        return (input - target).square()

    @staticmethod
    def backward(ctx, grad):
        input, target = ctx.saved_tensors
        slope = 2 * (input - target) * grad
        return slope, -slope


class _Absolute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, target):
        ctx.save_for_backward(input, target)
        return (input - target).abs()

    @staticmethod
    def backward(ctx, grad):
        input, target = ctx.saved_tensors
        slope = torch.sign(input - target) * grad
        return slope, -slope


def mse_loss(input, target, reduction="mean"):
    _shared(input, target)
    return _reduce(_Squared.apply(input, target), reduction)


def l1_loss(input, target, reduction="mean"):
    _shared(input, target)
    return _reduce(_Absolute.apply(input, target), reduction)


class _Picked(torch.autograd.Function):
    """Minus weights times the picked entries of each row; `soft` holds the weights."""

    @staticmethod
    def forward(ctx, input, soft):
        ctx.save_for_backward(soft)
        return -(input * soft).sum(dim=1)

    @staticmethod
    def backward(ctx, grad):
        (soft,) = ctx.saved_tensors
        return -soft * grad[:, None], None


class _LogSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        shifted = input - input.max(dim=1, keepdim=True).values
        out = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        (out,) = ctx.saved_tensors
        return grad - out.exp() * grad.sum(dim=1, keepdim=True)


def _soft_targets(input, target, weight, ignore_index, smoothing):
    counted = (target != ignore_index).to(input.dtype)
    classes = torch.where(target == ignore_index, torch.zeros_like(target), target)
    hot = torch.zeros_like(input).scatter(1, classes[:, None], 1.0) * counted[:, None]
    soft = (1 - smoothing) * hot + smoothing / input.shape[1] * counted[:, None]
    if weight is None:
        return soft, hot.sum()
    return soft * weight, (hot * weight).sum()


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    soft, total = _soft_targets(input, target, weight, ignore_index, 0.0)
    losses = _Picked.apply(input, soft)
    return losses.sum() / total if reduction == "mean" else _reduce(losses, reduction)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    soft, total = _soft_targets(input, target, weight, ignore_index, label_smoothing)
    losses = _Picked.apply(_LogSoftmax.apply(input), soft)
    return losses.sum() / total if reduction == "mean" else _reduce(losses, reduction)


class _Binary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, p, t):
        ctx.save_for_backward(p, t)
        return -t * p.log().clamp_min(-100) - (1 - t) * (1 - p).log().clamp_min(-100)

    @staticmethod
    def backward(ctx, grad):
        p, t = ctx.saved_tensors
        return grad * (p - t) / (p * (1 - p)).clamp_min(1e-12), grad * ((1 - p).log() - p.log())


def binary_cross_entropy(input, target, reduction="mean"):
    _shared(input, target)
    return _reduce(_Binary.apply(input, target), reduction)


class _BinaryLogits(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, t, w):
        ctx.save_for_backward(x, t, w)
        tail = torch.log1p(torch.exp(-x.abs()))
        return w * t * (tail + (-x).clamp(min=0)) + (1 - t) * (tail + x.clamp(min=0))

    @staticmethod
    def backward(ctx, grad):
        x, t, w = ctx.saved_tensors
        s = torch.sigmoid(x)
        tail = torch.log1p(torch.exp(-x.abs()))
        by_target = w * (tail + (-x).clamp(min=0)) - (tail + x.clamp(min=0))
        return grad * ((1 - t) * s - w * t * (1 - s)), grad * by_target, None


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    _shared(input, target)
    w = torch.ones_like(input) if pos_weight is None else pos_weight.expand_as(input)
    return _reduce(_BinaryLogits.apply(input, target, w), reduction)
