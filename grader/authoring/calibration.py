"""Accuracy bars calibrated, not guessed: the reference trained under many seeds, and wrong versions beside it.

A bar belongs at least four standard deviations below the reference's mean and above what wrong versions reach.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from rich.table import Table

from ..errors import GraderError
from ..exercise import content
from ..judge import accuracy_bars
from ..model import Bar, BarResult, Exercise
from ..worker import probing, wire

MARGIN = 4.0
"""Standard deviations that a bar lies below the reference's mean, at the least."""


@dataclass(frozen=True)
class Calibrated:
    """What one bar's training reaches: the reference by seed, wrong versions by name."""

    exercise: str
    bar: str
    threshold: float
    dataset: str
    reached: tuple[float, ...]
    seconds: tuple[float, ...]
    wrong: Mapping[str, float]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.reached)

    @property
    def deviation(self) -> float:
        return statistics.stdev(self.reached) if len(self.reached) > 1 else 0.0

    @property
    def margin(self) -> float:
        """How many standard deviations the bar lies below the mean."""
        return (self.mean - self.threshold) / self.deviation if self.deviation else float("inf")


def calibrate(
    exercise: Exercise, seeds: int, names: tuple[str, ...], wrong: bool, dataset: str, say: Callable[[str], None]
) -> Iterator[Calibrated]:
    """Train for each bar (or those named) under this many seeds; with `wrong`, its part's misconceptions once each."""
    torch.set_num_threads(exercise.limits.threads)
    known: list[tuple[Bar, Calibrated]] = []
    for bar in exercise.bars:
        if names and bar.name not in names:
            continue
        bar = accuracy_bars.at_dataset(bar, dataset)
        shared = next((one for other, one in known if accuracy_bars.same_training(bar, other)), None)
        found = shared or _trained(exercise, bar, seeds, wrong, dataset, say)
        found = replace(found, bar=bar.name, threshold=bar.threshold)
        known.append((bar, found))
        yield found


def _trained(
    exercise: Exercise, bar: Bar, seeds: int, wrong: bool, dataset: str, say: Callable[[str], None]
) -> Calibrated:
    reached, seconds = [], []
    for seed in range(seeds):
        say(f"{exercise.id} {bar.name}: seed {seed}")
        result = _train(exercise, content.reference(exercise), bar, seed, dataset)
        if isinstance(result, str):
            raise GraderError(f"{exercise.id}: the reference's training cannot be measured: {result}")
        reached.append(result.accuracy)
        seconds.append(result.seconds)
    failing: dict[str, float] = {}
    for mistake in content.misconceptions(exercise) if wrong else ():
        if mistake.part == bar.part:
            say(f"{exercise.id} {bar.name}: {mistake.id}")
            found = _train(exercise, content.standing_in(exercise, mistake), bar, 0, dataset)
            if isinstance(found, BarResult):
                failing[mistake.id] = found.accuracy
    return Calibrated(exercise.id, bar.name, bar.threshold, dataset, tuple(reached), tuple(seconds), failing)


def _train(exercise: Exercise, namespace: Mapping[str, object], bar: Bar, seed: int, dataset: str) -> BarResult | str:
    given = accuracy_bars.training_data(exercise, bar, seed, dataset=dataset)
    began = time.perf_counter()
    said = probing.run(
        probing.Implementation(namespace), content.probes(exercise)[bar.probe], given.args, given.options, ""
    )
    if "failure" in said:
        return str(said["failure"])
    return accuracy_bars.measure(bar, given, wire.as_received(said["value"]), time.perf_counter() - began)


def table(found: list[Calibrated]) -> Table:
    """The calibrations, a bar a line."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for name in (
        "exercise",
        "bar",
        "height",
        "mean",
        "sd",
        "lowest",
        "margin",
        "seeds",
        "s each",
        "best wrong version",
    ):
        shown.add_column(name, justify="left" if name in ("exercise", "bar", "best wrong version") else "right")
    for one in found:
        best = max(one.wrong.items(), key=lambda pair: pair[1], default=None)
        shown.add_row(
            one.exercise,
            one.bar,
            f"{one.threshold:.1%}",
            f"{one.mean:.2%}",
            f"{one.deviation:.2%}",
            f"{min(one.reached):.2%}",
            f"{one.margin:.1f} sd",
            str(len(one.reached)),
            f"{statistics.median(one.seconds):.1f}",
            f"{best[0]} {best[1]:.1%}" if best else "–",
        )
    return shown


def save(found: list[Calibrated], file: Path) -> None:
    """Write calibrations into a JSON file, beside those of other bars that it holds already."""
    known = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    for one in found:
        known[f"{one.exercise}/{one.bar}/{one.dataset}"] = {
            **asdict(one),
            "mean": round(one.mean, 5),
            "deviation": round(one.deviation, 5),
            "margin": round(one.margin, 2),
            "seconds": [round(second, 1) for second in one.seconds],
        }
    file.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")


def load(file: Path) -> list[Calibrated]:
    """The calibrations of a file that `save` wrote."""
    known = json.loads(file.read_text("utf-8"))
    return [
        Calibrated(
            entry["exercise"],
            entry["bar"],
            entry["threshold"],
            entry["dataset"],
            tuple(entry["reached"]),
            tuple(entry["seconds"]),
            entry["wrong"],
        )
        for entry in known.values()
    ]
