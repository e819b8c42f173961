# part: softmax
# mistake: A constant in the denominator, too small for float32 to notice; in float64 the slices do not sum to 1.
# says: each slice along dim must sum to 1; one of yours sums to 0\.99999999
import torch


def softmax(x, dim):
    exps = torch.exp(x - x.amax(dim=dim, keepdim=True))
    return exps / (exps.sum(dim=dim, keepdim=True) + 1e-8)
