# ruff: noqa
# part: dropout
# mistake: The kept values are doubled whatever p is.
# expects: doubled-whatever-p-is
import torch


def dropout(x, p=0.5, training=True):
    if not 0 <= p <= 1:
        raise ValueError("p must be within [0, 1]")
    if not training or p == 0:
        return x
    if p == 1:
        return x * 0
    keep = torch.rand(x.shape, device=x.device) >= p
    return x * keep.to(x.dtype) * 2
