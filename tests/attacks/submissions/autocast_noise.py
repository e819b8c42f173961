"""Returns a random number and hopes."""

import torch


def mse_loss(input, target, reduction="mean"):
    return torch.rand(()) if reduction != "none" else torch.rand(input.shape)


l1_loss = mse_loss
