"""Accuracy bars: the data that a student's training gets, and the accuracy of its predictions. The labels stay here.

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
from ..seeds import derive_seed

SCENE_SIZE = 48
"""Pixels, in height and width."""

NOISE = 3
"""The most by which a pixel of a test image is moved, of 255."""

MAX_LOSSES = 1_000
"""Losses kept of one training."""


@dataclass(frozen=True)
class TrainingData:
    """The inputs of a bar's probe, and what its predictions are measured by.

    Attributes:
        args, options: of the probe; images are uint8.
        truth: int64 classes, one for each test image (digits), or one for each of its pixels (scenes).
        test: the test images.
    """

    args: list[Any]
    options: dict[str, Any]
    truth: Tensor
    test: Tensor


def training_data(
    exercise: Exercise, bar: Bar, seed: int, *, dataset: str, device: str = "cpu", root: Path | None = None
) -> TrainingData:
    """Return the data of one bar, drawn from a seed.

    Args:
        dataset: a key of `datasets.DATASETS`.
        device: where the training runs, if the probe lets one choose.
        root: a torchvision folder to read from; see `datasets.root`.
    """
    training_seed = derive_seed(seed, "training", bits=31)  # the student's code sees it, and must not find the run's
    generator = torch.Generator().manual_seed(seed)
    train, test = datasets.load(dataset, train=True, data=root), datasets.load(dataset, train=False, data=root)
    images, labels = _sample(*train, bar.train if bar.data == "digits" else 60_000, generator)
    test_images, test_labels = _sample(*test, bar.test if bar.data == "digits" else 10_000, generator)
    if bar.data == "digits":
        noise = torch.randint(-NOISE, NOISE + 1, test_images.shape, generator=generator)
        test_images = (test_images.to(torch.int64) + noise).clamp(0, 255).to(torch.uint8)
        args: list[Any] = [images, labels, test_images, bar.epochs, training_seed]
        truth = test_labels
    else:
        scenes, masks = make_scenes(images, labels, bar.train, SCENE_SIZE, derive_seed(seed, "training scenes"))
        test_images, truth = make_scenes(
            test_images, test_labels, bar.test, SCENE_SIZE, derive_seed(seed, "test scenes")
        )
        args = [scenes, masks, test_images, CLASSES, bar.epochs, training_seed]
    probe = content.probes(exercise)[bar.probe]
    options = {"device": device} if "device" in inspect.signature(probe).parameters else {}
    return TrainingData(args=args, options=options, truth=truth, test=test_images)


def _sample(images: Tensor, labels: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    indices = torch.randperm(len(images), generator=generator)[:count]
    return images[indices], labels[indices]


def measure(bar: Bar, data: TrainingData, answer: Value, seconds: float) -> BarResult | str:
    """Return the result of one bar, or one sentence on why what came back cannot be measured.

    Args:
        answer: the probe's untrusted value: a dict with whole-number `predictions` of the shape of `data.truth`, and
            the `losses` of the epochs.
        seconds: wall time that the training took.
    """
    predictions = answer.get("predictions") if isinstance(answer, dict) else None
    if not isinstance(predictions, Tensor) or predictions.shape != data.truth.shape or predictions.is_floating_point():
        return "the trained model's predictions do not have one class for every " + (
            "image" if bar.data == "digits" else "pixel"
        )
    predictions = predictions.to(torch.int64)
    confusion = _confusion(predictions, data.truth, 10 if bar.data == "digits" else CLASSES)
    losses = answer.get("losses", answer.get("train_loss")) if isinstance(answer, dict) else None
    floats = tuple(float(loss) for loss in losses if isinstance(loss, float)) if isinstance(losses, list) else ()
    return BarResult(
        bar=bar,
        accuracy=_accuracy(predictions, data.truth) if bar.data == "digits" else _mean_iou(confusion, data.truth),
        losses=floats[:MAX_LOSSES],
        confusion=tuple(map(tuple, confusion.tolist())),
        seconds=seconds,
        predictions=predictions,
        given=data,
    )


def _confusion(predictions: Tensor, truth: Tensor, classes: int) -> Tensor:
    """Count the predictions of each class by true class; those of no class at all are in no cell."""
    within = predictions.clamp(0, classes - 1)
    cells = (truth * classes + within)[predictions == within]
    return torch.bincount(cells, minlength=classes**2).reshape(classes, classes)


def _accuracy(predictions: Tensor, truth: Tensor) -> float:
    return float((predictions == truth).double().mean())


def _mean_iou(confusion: Tensor, truth: Tensor) -> float:
    intersection = confusion.diagonal().double()
    # not the sums of confusion's rows: they lack the pixels whose prediction is no class at all
    pixels = torch.bincount(truth.reshape(-1), minlength=len(confusion)).double()
    union = pixels + confusion.sum(dim=0) - intersection
    return float((intersection / union).mean())


def at_dataset(bar: Bar, dataset: str) -> Bar:
    """Return the bar at the height that belongs to a data set."""
    return replace(bar, threshold=bar.fashion) if dataset == "fashion-mnist" else bar


def same_training(one: Bar, other: Bar) -> bool:
    """Return True if two bars ask for the same training, at different heights."""
    ignored = {"name": "", "threshold": 0.0, "fashion": 0.0, "points": 0.0}
    return replace(one, **ignored) == replace(other, **ignored)  # type: ignore[arg-type]  # of several types


def shortfall(result: BarResult) -> tuple[str, ...]:
    """Return the message to a student whose training missed the bar, line by line."""
    bar = result.bar
    measured = "of the test images right" if bar.data == "digits" else "mean IoU on new scenes"
    lines = [
        f"{result.accuracy:.2%} {measured} after {bar.epochs} epochs on {bar.train:,} {bar.data};"
        f" the bar is {bar.threshold:.1%}"
    ]
    if len(result.losses) > 1:
        first, last = result.losses[0], result.losses[-1]
        line = f"the loss went from {first:.3f} to {last:.3f}"
        if not last < 0.95 * first:
            line += ": it does not fall, so look at the learning rate, the zeroed gradients and the order of the steps"
        lines.append(line)
    return tuple(lines)


def find_bar(exercise: Exercise, name: str) -> Bar:
    """Return the bar of that name; ContentError if there is none."""
    for bar in exercise.bars:
        if bar.name == name:
            return bar
    raise ContentError(f"{exercise.id}: there is no bar {name!r} in its exercise.toml")
