# part: sigmoid
# mistake: x is clamped to ±20 before exp.
# says: yours stays at 2\.06e-09 from -20 on
import torch


def sigmoid(x):
    return 1 / (1 + torch.exp(-x.clamp(-20, 20)))
