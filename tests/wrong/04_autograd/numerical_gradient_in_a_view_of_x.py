# part: numerical_gradient
# mistake: Nudges x itself through a view, and reads both values of f only afterwards.
# expects: values-read-after-both-nudges
import torch


def numerical_gradient(f, x, eps=1e-6):
    slopes = torch.zeros_like(x)
    flat, out = x.view(-1), slopes.view(-1)
    for i in range(flat.numel()):
        kept = flat[i].clone()
        flat[i] = kept + eps
        above = f(x)
        flat[i] = kept - eps
        below = f(x)
        flat[i] = kept
        out[i] = (above - below) / (2 * eps)
    return slopes
