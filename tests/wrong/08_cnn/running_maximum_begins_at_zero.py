# ruff: noqa
# part: max_pool2d
# mistake: The running maximum begins at 0, so a window of negative numbers gives 0 even without padding.
# expects: maximum-begins-at-zero
import torch
import torch.nn.functional as F


def max_pool2d(input, kernel_size, stride=None, padding=0):
    two = lambda v: (v, v) if isinstance(v, int) else tuple(v)
    kh, kw = two(kernel_size)
    sh, sw = two(kernel_size if stride is None else stride)
    ph, pw = two(padding)
    x = F.pad(input, (pw, pw, ph, ph), value=float("-inf"))
    oh, ow = (x.shape[-2] - kh) // sh + 1, (x.shape[-1] - kw) // sw + 1
    best = torch.zeros(*x.shape[:-2], oh, ow, dtype=x.dtype, device=x.device)
    for i in range(kh):
        for j in range(kw):
            best = torch.maximum(best, x[..., i : i + (oh - 1) * sh + 1 : sh, j : j + (ow - 1) * sw + 1 : sw])
    return best
