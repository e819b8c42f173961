"""Never returns, inside of torch."""
import torch
from torch import Tensor
def mse_loss(input,target,reduction="mean"):
    x=torch.ones(4000,4000)
    for _ in range(10**9): x=x@x
