"""Segmentation scenes: MNIST digits on clutter of the same grey levels, one class per pixel.

A pixel's grey level says little: digits and the clutter's strokes are equally bright and equally thick. A digit is
recognised by its shape, a few short strokes that belong together, so a model has to look far around a pixel; where it
ends is seen in the pixel itself. All scenes of a chunk are drawn at once, from one seeded generator.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

CLASSES = 2
"""0 is background, 1 is digit."""

DIGITS = (2, 4)
"""The fewest and the most digits of a scene."""

STROKES = 7
"""Curved lines of each scene that belong to no digit."""

CHUNK = 250
"""Scenes that are made at once, which bounds the memory used."""


def make_scenes(images: Tensor, labels: Tensor, count: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return scenes with two to four digits each, some of which overlap, on noise, texture and strokes.

    Args:
        images: MNIST digits, uint8 `(N, 28, 28)`.
        labels: which digits they are, int64 `(N,)`; each of the ten is drawn as often as the others.
        count: how many scenes.
        size: their height and width in pixels.
        seed: the same seed and digits give the same scenes.

    Returns:
        scenes: float32 `(count, 1, size, size)` in [−1, 1].
        masks: the class of every pixel, int64 `(count, size, size)`; see `CLASSES`.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = [min(CHUNK, count - begin) for begin in range(0, count, CHUNK)]
    parts = [_make_chunk(images, labels, number, size, generator) for number in sizes]
    if not parts:
        return torch.zeros(0, 1, size, size), torch.zeros(0, size, size, dtype=torch.int64)
    scenes, masks = zip(*parts, strict=True)
    return torch.cat(scenes), torch.cat(masks)


def _make_chunk(
    images: Tensor, labels: Tensor, count: int, size: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return `count` scenes and their masks: texture, strokes behind, digits, strokes in front, noise."""
    scene = _texture(count, size, generator)
    behind, front = _strokes(count, STROKES, size, generator).split([STROKES - 2, 2], dim=1)
    ink = _digits(images, labels, count, size, generator)
    layers = torch.cat([behind, ink, front], dim=1)
    level = _uniform(generator, 0.55, 1.0, count, layers.shape[1], 1, 1)
    for layer in range(layers.shape[1]):  # each layer covers what lies below
        scene = torch.lerp(scene, level[:, layer], layers[:, layer])
    scene = scene + 0.06 * torch.randn(scene.shape, generator=generator)
    masks = (ink.amax(dim=1) > 0.5).to(torch.int64)
    return (scene.clamp(0, 1) * 2 - 1)[:, None], masks


def _texture(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Return clouds, coarse and fine, `(count, size, size)`, mostly dark."""
    clouds = torch.zeros(count, 1, size, size)
    for cells, height in ((4, 0.3), (12, 0.25)):
        grid = height * torch.rand(count, 1, cells, cells, generator=generator)
        clouds += F.interpolate(grid, size=(size, size), mode="bilinear", align_corners=False)
    return clouds[:, 0]


def _strokes(count: int, number: int, size: int, generator: torch.Generator) -> Tensor:
    """Return arcs of large circles, from nearly straight to clearly curved, `(count, number, size, size)` in [0, 1]."""
    shape = (count, number, 1, 1)
    radius = size * _uniform(generator, 0.25, 2.0, *shape)
    angle = _uniform(generator, 0.0, 2 * math.pi, *shape)
    x, y = (_uniform(generator, 0.0, size, *shape) for _ in range(2))  # a point that the arc goes through
    width = _uniform(generator, 1.0, 2.5, *shape)
    at = torch.arange(size) + 0.5
    along, across = at[None, :] - x - radius * angle.cos(), at[:, None] - y - radius * angle.sin()
    return (width / 2 + 0.5 - (torch.hypot(along, across) - radius).abs()).clamp(0, 1)


def _digits(images: Tensor, labels: Tensor, count: int, size: int, generator: torch.Generator) -> Tensor:
    """Return digits scaled, rotated and placed at random, `(count, most, size, size)` in [0, 1]; missing ones are 0."""
    fewest, most = DIGITS
    number = torch.randint(fewest, most + 1, (count, 1), generator=generator)
    chosen = _balanced(labels, count * most, generator)
    scale = _uniform(generator, 0.28, 0.55, count, most)  # of the scene's size
    x, y = (_uniform(generator, -0.8, 0.8, count, most) for _ in range(2))
    near = torch.rand(count, generator=generator) < 0.5  # there the second digit meets the first
    for place in (x, y):
        beside = place[:, 0] * 0.7 + _uniform(generator, -0.3, 0.3, count)
        place[:, 1] = torch.where(near, beside, place[:, 1])
    turn = _uniform(generator, -0.3, 0.3, count, most)
    cos, sin = turn.cos() / scale, turn.sin() / scale
    across = torch.stack([cos, -sin, sin * y - cos * x], dim=-1)
    along = torch.stack([sin, cos, -sin * x - cos * y], dim=-1)
    theta = torch.stack([across, along], dim=-2).reshape(-1, 2, 3)
    grid = F.affine_grid(theta, [count * most, 1, size, size], align_corners=False)
    source = images[chosen].to(torch.float32)[:, None] / 255
    ink = F.grid_sample(source, grid, align_corners=False).reshape(count, most, size, size)
    return ink * (torch.arange(most) < number)[:, :, None, None]


def _balanced(labels: Tensor, number: int, generator: torch.Generator) -> Tensor:
    """Return indices of `number` random digits, every class equally likely."""
    per_class = torch.bincount(labels)
    weights = (1.0 / per_class.to(torch.float64))[labels]
    return torch.multinomial(weights, number, replacement=True, generator=generator)


def _uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    """Return values drawn from U(low, high)."""
    return low + (high - low) * torch.rand(shape, generator=generator)
