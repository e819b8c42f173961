"""Aborts the process from inside of a part."""
import torch
from torch import Tensor

def mse_loss(input,target,reduction="mean"):
    return torch.as_strided(torch.ones(1),(10**6,),(10**9,)).sum()
def l1_loss(input,target,reduction="mean"):
    import os; os.abort()
