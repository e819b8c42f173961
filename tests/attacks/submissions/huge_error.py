"""Raises an exception with ten megabytes of control characters."""

import torch


def mse_loss(input, target, reduction="mean"):
    raise ValueError("\x1b[2J\u202e\x07" * 3_000_000)
