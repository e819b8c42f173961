"""Never ends being imported."""
import torch
from torch import Tensor
while True: pass
