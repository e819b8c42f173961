# part: leaky_relu
# mistake: Positive and negative numbers are copied by two masks, and 0 lies in neither: no gradient there.
# expects: no-slope-at-zero
import torch


def leaky_relu(x, negative_slope=0.01):
    out = torch.zeros_like(x)
    out[x > 0] = x[x > 0]
    out[x < 0] = negative_slope * x[x < 0]
    return out
