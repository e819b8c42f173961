# part: log_softmax
# mistake: A number smaller than the known one stands inside of the logarithm.
# says: lets nothing get lower
import torch


def log_softmax(x, dim):
    return torch.log(softmax(x, dim) + 1e-12)  # noqa: F821
