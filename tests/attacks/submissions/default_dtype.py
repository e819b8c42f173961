"""Changes torch's global state: dtype, gradients, threads, randomness."""

import torch

torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
torch.manual_seed(0)
torch.use_deterministic_algorithms(True)


def mse_loss(input, target, reduction="mean"):
    return torch.zeros((), dtype=input.dtype)
