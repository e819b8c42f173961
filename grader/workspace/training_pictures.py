"""Files about a training beside its result: numbers as JSON, and pictures where matplotlib is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from ..files import write_whole
from ..judge.accuracy_bars import TrainingData
from ..model import BarResult, Result

MAX_MISTAKES_SHOWN = 12


def save(result: Result, folder: Path) -> list[Path]:
    """Write every bar's numbers and pictures into a folder, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for bar in result.bars:
        file = folder / f"{bar.bar.name}.json"
        numbers = {
            "bar": bar.bar.name,
            "threshold": bar.bar.threshold,
            "reached": round(bar.accuracy, 5),
            "epochs": bar.bar.epochs,
            "seconds": round(bar.seconds, 2),
            "losses": bar.losses,
            "confusion": bar.confusion,
        }
        write_whole(file, json.dumps(numbers, indent=1) + "\n")
        files.append(file)
        if picture := _draw(bar, folder / f"{bar.bar.name}.png"):
            files.append(picture)
    return files


def _draw(bar: BarResult, file: Path) -> Path | None:
    """Draw the loss curve, the confusion matrix, and mistaken digits or three scenes with their masks.

    Returns:
        The file, or None without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    rows: Any = figure.subfigures(2, 1, height_ratios=(3, 2))  # Any: matplotlib types it as one or an array of them
    above, below = rows
    curve, matrix = above.subplots(1, 2)
    curve.plot(range(1, len(bar.losses) + 1), bar.losses, marker="o", markersize=3)
    curve.set(
        xlabel="epoch", ylabel="mean loss", title=f"{bar.bar.name}: {bar.accuracy:.2%} (bar {bar.bar.threshold:.1%})"
    )
    counts = torch.tensor(bar.confusion, dtype=torch.float64)
    matrix.imshow((counts / counts.sum(dim=1, keepdim=True).clamp(min=1)).numpy() ** 0.4, cmap="Blues")
    matrix.set(xlabel="predicted", ylabel="true", title="confusion")
    for row in range(len(counts)):
        for column in range(len(counts)):
            if counts[row, column]:
                matrix.text(column, row, f"{int(counts[row, column])}", ha="center", va="center", fontsize=6)
    assert isinstance(bar.given, TrainingData)
    if bar.bar.data == "digits":
        _draw_mistakes(below, bar, bar.given)
    else:
        _draw_scenes(below, bar, bar.given)
    figure.savefig(file, dpi=90)
    return file


def _draw_mistakes(figure: Any, bar: BarResult, given: TrainingData) -> None:
    wrong = (bar.predictions != given.truth).nonzero()[:MAX_MISTAKES_SHOWN, 0].tolist()
    axes = figure.subplots(1, MAX_MISTAKES_SHOWN).tolist()
    for axis, index in zip(axes, [*wrong, *[None] * MAX_MISTAKES_SHOWN], strict=False):
        axis.axis("off")
        if index is not None:
            axis.imshow(given.test[index].numpy(), cmap="gray_r")
            axis.set_title(f"{int(given.truth[index])} as {int(bar.predictions[index])}", fontsize=8)


def _draw_scenes(figure: Any, bar: BarResult, given: TrainingData) -> None:
    axes = figure.subplots(1, 9)
    for number in range(3):
        shown = (given.test[number, 0], given.truth[number], bar.predictions[number])
        for axis, picture, title in zip(axes[3 * number :], shown, ("scene", "mask", "yours"), strict=False):
            axis.imshow(picture.numpy(), cmap="gray")
            axis.set_title(title, fontsize=8)
            axis.axis("off")
