"""Calibration of accuracy bars: the reference trained with many seeds, and wrong versions beside it.

A bar belongs at least four standard deviations below the reference's mean, and above what wrong versions reach.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.table import Table

from ..errors import GraderError
from ..exercise import content
from ..judge import accuracy_bars
from ..model import Bar, BarResult, Exercise
from ..worker import probing, process_setup, wire

MIN_MARGIN = 4.0
"""Fewest standard deviations that a bar must be below the reference's mean."""


@dataclass(frozen=True)
class Calibration:
    """The accuracies that one bar's training reaches: the reference's by seed, wrong versions' by name."""

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
        """The number of standard deviations by which the bar is below the mean."""
        return (self.mean - self.threshold) / self.deviation if self.deviation else float("inf")


def calibrate(
    exercise: Exercise, seeds: int, names: tuple[str, ...], *, wrong: bool, dataset: str, on_step: Callable[[str], None]
) -> Iterator[Calibration]:
    """Train for each bar (or those named) under this many seeds; with `wrong`, its part's misconceptions once each."""
    process_setup.prepare_torch(threads=exercise.limits.threads)
    known: list[tuple[Bar, Calibration]] = []
    for bar in exercise.bars:
        if names and bar.name not in names:
            continue
        bar = accuracy_bars.at_dataset(bar, dataset)
        shared = next((one for other, one in known if accuracy_bars.same_training(bar, other)), None)
        calibration = shared or _train_with_seeds(exercise, bar, seeds, wrong=wrong, dataset=dataset, on_step=on_step)
        calibration = replace(calibration, bar=bar.name, threshold=bar.threshold)
        known.append((bar, calibration))
        yield calibration


def _train_with_seeds(
    exercise: Exercise, bar: Bar, seeds: int, *, wrong: bool, dataset: str, on_step: Callable[[str], None]
) -> Calibration:
    reached, seconds = [], []
    for seed in range(seeds):
        on_step(f"{exercise.id} {bar.name}: seed {seed}")
        result = _train(exercise, content.reference(exercise), bar, seed, dataset)
        if isinstance(result, str):
            raise GraderError(f"{exercise.id}: the reference's training cannot be measured: {result}")
        reached.append(result.accuracy)
        seconds.append(result.seconds)
    failing: dict[str, float] = {}
    for mistake in content.misconceptions(exercise) if wrong else ():
        if mistake.part == bar.part:
            on_step(f"{exercise.id} {bar.name}: {mistake.id}")
            result = _train(exercise, content.with_misconception(exercise, mistake), bar, 0, dataset)
            if isinstance(result, BarResult):
                failing[mistake.id] = result.accuracy
    return Calibration(
        exercise=exercise.id,
        bar=bar.name,
        threshold=bar.threshold,
        dataset=dataset,
        reached=tuple(reached),
        seconds=tuple(seconds),
        wrong=failing,
    )


def _train(exercise: Exercise, namespace: Mapping[str, object], bar: Bar, seed: int, dataset: str) -> BarResult | str:
    given = accuracy_bars.training_data(exercise, bar, seed, dataset=dataset)
    began = time.perf_counter()
    reply = probing.run(
        probing.Implementation(namespace), content.probes(exercise)[bar.probe], given.args, given.options, ""
    )
    if "failure" in reply:
        return str(reply["failure"])
    return accuracy_bars.measure(bar, given, wire.as_received(reply["value"]), time.perf_counter() - began)


def table(calibrations: list[Calibration]) -> Table:
    """Return the calibrations as a table, one line per bar."""
    table = Table(box=None, pad_edge=False, header_style="dim")
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
        table.add_column(name, justify="left" if name in ("exercise", "bar", "best wrong version") else "right")
    for one in calibrations:
        best = max(one.wrong.items(), key=lambda pair: pair[1], default=None)
        table.add_row(
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
    return table


def save(calibrations: list[Calibration], file: Path) -> None:
    """Write calibrations into a JSON file, keeping those of other bars in it."""
    known = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    for one in calibrations:
        known[f"{one.exercise}/{one.bar}/{one.dataset}"] = {
            **asdict(one),
            "mean": round(one.mean, 5),
            "deviation": round(one.deviation, 5),
            "margin": round(one.margin, 2),
            "seconds": [round(second, 1) for second in one.seconds],
        }
    file.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")


def load(file: Path) -> list[Calibration]:
    """Return the calibrations of a file that `save` wrote."""
    known = json.loads(file.read_text("utf-8"))
    return [
        Calibration(
            exercise=entry["exercise"],
            bar=entry["bar"],
            threshold=entry["threshold"],
            dataset=entry["dataset"],
            reached=tuple(entry["reached"]),
            seconds=tuple(entry["seconds"]),
            wrong=entry["wrong"],
        )
        for entry in known.values()
    ]
