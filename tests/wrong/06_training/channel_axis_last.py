# ruff: noqa
# part: normalize
# mistake: The channel axis comes last, (N, 28, 28, 1), as image libraries have it.
# expects: channel-axis-last
import torch


def normalize(images):
    return images.reshape(-1, 28, 28, 1).to(torch.float32) / 127.5 - 1
