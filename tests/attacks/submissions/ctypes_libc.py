"""Calls the C library through ctypes."""
import torch
from torch import Tensor

import ctypes
libc=ctypes.CDLL(None)
raise RuntimeError("CTYPES "+str(libc.getpid()))
