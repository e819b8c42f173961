"""Works in place, but only on tensors of its own."""

import torch


def _close(out, reduction, divisor=None):
    if reduction == "mean":
        return out.sum() / (out.numel() if divisor is None else divisor)
    if reduction == "sum":
        return out.sum()
    if reduction == "none":
        return out
    raise ValueError("mean, sum or none")


def _difference(input, target):
    if input.size() != target.size():
        raise ValueError("sizes differ")
    out = input.clone()
    out -= target
    return out


def mse_loss(input, target, reduction="mean"):
    out = _difference(input, target)
    return _close(out.pow(2), reduction)


def l1_loss(input, target, reduction="mean"):
    return _close(_difference(input, target).abs_(), reduction)


def _prepare(target, ignore_index):
    target = target.clone()
    ignored = target == ignore_index
    target[ignored] = 0
    return target, ignored


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    target, ignored = _prepare(target, ignore_index)
    scale = input.new_ones(len(target)) if weight is None else weight[target]
    scale = scale.clone()
    scale[ignored] = 0
    out = input.gather(1, target.unsqueeze(1)).flatten()
    out = out.neg_().mul_(scale)
    return _close(out, reduction, scale.sum())


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    top = input.detach().amax(1, keepdim=True)
    log_p = input - top
    log_p = log_p - log_p.exp().sum(1, keepdim=True).log_()
    index, ignored = _prepare(target, ignore_index)
    soft = torch.zeros_like(log_p)
    soft.fill_(label_smoothing / input.shape[1])
    soft[torch.arange(len(index), device=index.device), index] += 1 - label_smoothing
    soft[ignored] = 0
    if weight is not None:
        soft *= weight
    own = input.new_ones(len(index)) if weight is None else weight[index].clone()
    own[ignored] = 0
    return _close(-(soft * log_p).sum(1), reduction, own.sum())


def binary_cross_entropy(input, target, reduction="mean"):
    if input.size() != target.size():
        raise ValueError("sizes differ")
    yes = input.log().clamp_(min=-100)
    no = input.neg().log1p().clamp_(min=-100)
    out = yes * target
    out += no * (1 - target)
    return _close(out.neg_(), reduction)


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    if input.size() != target.size():
        raise ValueError("sizes differ")
    out = torch.nn.functional.softplus(-input)
    if pos_weight is None:
        out = out.add((1 - target) * input)
    else:
        out = out * ((pos_weight - 1) * target + 1)
        out += (1 - target) * input
    return _close(out, reduction)
