# ruff: noqa
# part: conv2d
# mistake: The first number of a stride pair is used for the width as well.
# expects: stride-of-the-height-for-both
import torch
import torch.nn.functional as F


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1):
    two = lambda v: (v, v) if isinstance(v, int) else tuple(v)
    (sh, sw), (ph, pw), (dh, dw) = two(stride), two(padding), two(dilation)
    sw = sh
    single = input.dim() == 3
    x = input[None] if single else input
    n, c, h, w = x.shape
    o, _, kh, kw = weight.shape
    oh = (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1
    ow = (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    if oh < 1 or ow < 1:
        raise RuntimeError("the kernel does not fit")
    x = F.pad(x, (pw, pw, ph, ph))
    y = 0
    for i in range(kh):
        for j in range(kw):
            tap = x[:, :, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
            y = y + torch.einsum("nchw,oc->nohw", tap, weight[:, :, i, j])
    if bias is not None:
        y = y + bias.view(1, -1, 1, 1)
    return y[0] if single else y
