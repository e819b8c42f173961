"""Recurses without end after lifting the interpreter's limit."""
import torch
from torch import Tensor
def mse_loss(input,target,reduction="mean"): return mse_loss(input,target)
import sys
sys.setrecursionlimit(10**9)
