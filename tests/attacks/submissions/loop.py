"""Never returns, in Python."""
import torch
from torch import Tensor
def mse_loss(input,target,reduction="mean"):
    while True: pass
