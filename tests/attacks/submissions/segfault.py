"""Reads address 0 through ctypes."""
import torch
from torch import Tensor
import ctypes
ctypes.string_at(0)
