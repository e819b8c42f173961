"""Throws torch out of sys.modules and imports it again."""
import sys,importlib
for m in [m for m in sys.modules if m.startswith("torch")]: del sys.modules[m]
import torch
import torch.nn.functional as F
from torch.nn.functional import cross_entropy
