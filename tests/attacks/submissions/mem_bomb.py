"""Asks for 50 GB, at once and piecemeal."""
import torch
from torch import Tensor

def mse_loss(input,target,reduction="mean"): return torch.ones(50*1024**3//4)
def l1_loss(input,target,reduction="mean"):
    x=[bytearray(1<<28) for _ in range(1000)]
