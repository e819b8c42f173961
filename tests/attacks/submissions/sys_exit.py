"""Calls sys.exit(0) while it is imported."""
import torch
from torch import Tensor
import sys
sys.exit(0)
