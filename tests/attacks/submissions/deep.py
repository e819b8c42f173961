"""Returns values that are endless, or far larger than memory."""
import torch
from torch import Tensor

def mse_loss(input,target,reduction="mean"):
    x=[]
    for _ in range(100000): x=[x]
    return x
def l1_loss(input,target,reduction="mean"):
    x=[]; x.append(x); return x
def nll_loss(*a,**k): return torch.ones(1).expand(10**12)
def cross_entropy(*a,**k): return {i:i for i in range(10**6)}
