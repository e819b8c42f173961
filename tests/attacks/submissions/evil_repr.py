"""Returns and raises objects whose text ends the process or rewrites the terminal."""
import torch
from torch import Tensor

class R:
    def __repr__(self):
        import os; os._exit(0)
class E(Exception):
    def __str__(self): raise RuntimeError("\x1b[2J")
def mse_loss(input,target,reduction="mean"): return R()
def l1_loss(input,target,reduction="mean"): raise E()
def nll_loss(*a,**k): raise ValueError("\x1b[2J\u202egnitarepo \x07"*100)
