"""Accuracy bars: what a student's training is given, and how what comes back is measured. The labels stay here.

A bar is described in `exercise.toml` and calibrated with `nnkata dev calibrate`. The test images come in an order of
this run's own and with a grey noise that no eye sees, so that answers learnt by heart elsewhere do not fit.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ContentError
from ..exercise import content, datasets
from ..exercise.scenes import CLASSES, make_scenes
from ..model import Bar, BarResult, Exercise, Value

SCENE_SIZE = 48
NOISE = 3


@dataclass(frozen=True)
class Material:
    """What a bar's probe is called with, and the truth that its predictions are measured by."""

    args: list[Any]
    options: dict[str, Any]
    truth: Tensor
    test: Tensor


def material(
    exercise: Exercise, bar: Bar, seed: int, dataset: str, device: str = "cpu", data: Path | None = None
) -> Material:
    """Return the data of one bar, drawn from a seed; for `data` see `datasets.root`."""
    generator = torch.Generator().manual_seed(seed)
    train, test = datasets.load(dataset, True, data), datasets.load(dataset, False, data)
    images, labels = _some(*train, bar.train if bar.data == "digits" else 60_000, generator)
    test_images, test_labels = _some(*test, bar.test if bar.data == "digits" else 10_000, generator)
    if bar.data == "digits":
        noise = torch.randint(-NOISE, NOISE + 1, test_images.shape, generator=generator)
        test_images = (test_images.to(torch.int64) + noise).clamp(0, 255).to(torch.uint8)
        args: list[Any] = [images, labels, test_images, bar.epochs, seed % 1000]
        truth = test_labels
    else:
        scenes, masks = make_scenes(images, labels, bar.train, SCENE_SIZE, seed % (1 << 30))
        test_images, truth = make_scenes(test_images, test_labels, bar.test, SCENE_SIZE, seed % (1 << 30) + 1)
        args = [scenes, masks, test_images, CLASSES, bar.epochs, seed % 1000]
    probe = content.probes(exercise)[bar.probe]
    options = {"device": device} if "device" in inspect.signature(probe).parameters else {}
    return Material(args, options, truth, test_images)


def _some(images: Tensor, labels: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    chosen = torch.randperm(len(images), generator=generator)[:count]
    return images[chosen], labels[chosen]


def measure(bar: Bar, given: Material, answer: Value, seconds: float) -> BarResult | str:
    """The result of one bar, or one sentence on why what came back cannot be measured."""
    predictions = answer.get("predictions") if isinstance(answer, dict) else None
    if not isinstance(predictions, Tensor) or predictions.shape != given.truth.shape or predictions.is_floating_point():
        return "the trained model's predictions do not have one class for every " + (
            "image" if bar.data == "digits" else "pixel"
        )
    predictions = predictions.to(torch.int64)
    classes = 10 if bar.data == "digits" else CLASSES
    inside = predictions.clamp(0, classes - 1)
    cells = (given.truth * classes + inside).reshape(-1)
    wrong_class = predictions != inside
    confusion = torch.bincount(cells[~wrong_class.reshape(-1)], minlength=classes**2).reshape(classes, classes)
    if bar.data == "digits":
        reached = float((predictions == given.truth).double().mean())
    else:
        both = confusion.diagonal().double()
        either = torch.bincount(given.truth.reshape(-1), minlength=classes).double() + confusion.sum(dim=0) - both
        reached = float((both / either).mean())
    losses = answer.get("losses", answer.get("train_loss")) if isinstance(answer, dict) else None
    told = tuple(float(loss) for loss in losses if isinstance(loss, float)) if isinstance(losses, list) else ()
    return BarResult(bar, reached, told[:1000], tuple(map(tuple, confusion.tolist())), seconds, predictions, given)


def on(bar: Bar, dataset: str) -> Bar:
    """The bar at the height that belongs to a data set."""
    return replace(bar, threshold=bar.fashion) if dataset == "fashion-mnist" else bar


def same_training(one: Bar, other: Bar) -> bool:
    """Whether two bars ask the same training, at different heights."""
    alike = {"name": "", "threshold": 0.0, "fashion": 0.0, "points": 0.0}
    return replace(one, **alike) == replace(other, **alike)  # type: ignore[arg-type]  # of several types


def unreached(result: BarResult) -> tuple[str, ...]:
    """What a student is told whose training missed the bar."""
    bar = result.bar
    what = "of the test images right" if bar.data == "digits" else "mean IoU on new scenes"
    lines = [
        f"{result.reached:.2%} {what} after {bar.epochs} epochs on {bar.train:,} {bar.data};"
        f" the bar is {bar.threshold:.1%}"
    ]
    if len(result.losses) > 1:
        first, last = result.losses[0], result.losses[-1]
        path = f"the loss went from {first:.3f} to {last:.3f}"
        if not last < 0.95 * first:
            path += ": it does not fall, so look at the learning rate, the zeroed gradients and the order of the steps"
        lines.append(path)
    return tuple(lines)


def named(exercise: Exercise, name: str) -> Bar:
    """The bar of that name; ContentError if there is none."""
    for bar in exercise.bars:
        if bar.name == name:
            return bar
    raise ContentError(f"{exercise.id}: there is no bar {name!r} in its exercise.toml")
