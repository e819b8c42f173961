"""Checking in a notebook: the same verdict as on the command line, shown where the answer stands.

    from nnkata.grader.course.jupyter import Exercise
    exercise = Exercise("03_losses")
    exercise.check("mse_loss")

The cells that were run, as the kernel remembers them, are graded by a process beside the kernel. It is started by the
first check and stays warm; the kernel itself imports nothing of the grader, and nothing of the kernel is trusted.
"""

from __future__ import annotations

import atexit
import json
import selectors
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..classroom.pool import START_SECONDS, Judge, Task
from ..errors import GraderError, UsageError
from ..exercise import catalog
from ..feedback import pages, report
from ..feedback.disclosure import Feedback, make_feedback, unwrap_paragraphs
from ..model import GradingOptions, Part, Result, Training
from ..submission.location import Location
from ..workspace import service

TRAINING_SECONDS = 3_600.0
"""What a check may take in all, trainings included."""


class Exercise:
    """One exercise in a notebook.

    Args:
        name: its id, as on the command line: 03_losses, 3 or losses.
        prefix: where the notebook calls `nnkata.check` and `nnkata.hint` with the exercise's id, `nnkata.`; else the
            notebook has a `check` and a `hint` of its own.
    """

    def __init__(self, name: str, *, prefix: str = "") -> None:
        self.exercise = catalog.find(name)
        self.prefix = prefix
        self.taken: dict[str, int] = {}  # hints, by part
        self.diagnosed: dict[str, str] = {}

    def __repr__(self) -> str:
        names = ", ".join(f'check("{part.name}")' for part in self.exercise.parts)
        return f"{self.exercise.id} · {self.exercise.title}: {names}"

    def check(self, part: str = "", *, full: bool = False) -> Shown:
        """How a part is doing (or all of them): what is right, what is wrong, why, and what to try next.

        Args:
            full: try the whole training of an accuracy bar too, which may take minutes; else the quick one.
        """
        parts = (service.find_part(self.exercise, part).name,) if part else ()
        result = self._graded(parts, "full" if full else "quick")
        said = make_feedback(result, self.exercise)
        for one in said.parts:
            self.diagnosed.pop(one.name, None)
            if one.explanation:
                self.diagnosed[one.name] = f"{one.explanation}\nTry: {one.advice}"
        return Shown(said, self._next(said, full))

    def hint(self, part: str) -> Hint:
        """A hint, one level more each time; from the last check's diagnosis if there is one."""
        found = service.find_part(self.exercise, part)
        if told := self.diagnosed.pop(part, ""):
            return Hint(found, 0, told)
        if not found.hints:
            return Hint(found, 0, "There are no hints for this part. Its lesson is at the top of the notebook.")
        level = self.taken[part] = min(self.taken.get(part, 0) + 1, len(found.hints))
        return Hint(found, level, unwrap_paragraphs(found.hints[level - 1]))

    def points(self, part: str, of: float) -> float:
        """The points that a part earns, of so many."""
        name = service.find_part(self.exercise, part).name
        whole = next(one for one in self._graded((name,), "full").parts if one.name == name)
        earned = whole.of(of)
        if earned is None:
            raise GraderError(f"The grader failed, so {name} has no points. Run `nnkata doctor`.")
        return earned

    def _graded(self, parts: tuple[str, ...], training: Training) -> Result:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{self.exercise.id}.ipynb"
            file.write_text(_as_notebook(_run_cells()), "utf-8")
            # own code: confined where that is possible, checked where it is not
            options = GradingOptions(seed=time.time_ns() % (1 << 31), parts=parts, training=training)
            seconds = 2 * self.exercise.limits.total_seconds + TRAINING_SECONDS
            return _warm.graded(Task("", self.exercise.id, Location(file), options, seconds))

    def _next(self, said: Feedback, full: bool) -> str:
        wrong = [part for part in said.parts if part.status == "fail"]
        if said.status == "error":
            return "The grader failed, not your code. Run `nnkata doctor` and tell your teacher."
        if wrong:
            return f"Next: {self._call('hint', wrong[0].name)}"
        trained = {bar.part for bar in self.exercise.bars if not bar.quick} & {part.name for part in said.parts}
        if trained and not full:
            return f"Next: run the full training with {self._call('check', min(trained), ', full=True')}"
        return "All correct!"

    def _call(self, function: str, part: str, options: str = "") -> str:
        """Return what to type in this notebook to have a function called for a part."""
        exercise = f'"{self.exercise.id}", ' if self.prefix else ""
        return f'{self.prefix}{function}({exercise}"{part}"{options})'


@dataclass(frozen=True)
class Shown:
    """A verdict as a notebook shows it: HTML where that can be shown, else text."""

    said: Feedback
    next_step: str

    def _repr_html_(self) -> str:
        return pages.render_html(self.said, next_step=self.next_step)

    def __repr__(self) -> str:
        return pages.render_text(self.said, next_step=self.next_step)

    @property
    def passed(self) -> bool:
        """Whether everything that was checked is right."""
        return self.said.status == "pass"


@dataclass(frozen=True)
class Hint:
    """One hint; level 0 is the diagnosis of the last check."""

    part: Part
    level: int
    text: str

    @property
    def head(self) -> str:
        """Which hint it is."""
        return f"{self.part.name} · " + (
            f"hint {self.level} of {len(self.part.hints)}" if self.level else "from your last check"
        )

    def _repr_markdown_(self) -> str:
        return f"**{self.head}**\n\n{self.text}"

    def __repr__(self) -> str:
        return f"{self.head}\n\n{self.text}"


class _Warm:
    """The judge beside the kernel: started when it is first needed, and again when it has ended."""

    def __init__(self) -> None:
        self.judge: Judge | None = None

    def graded(self, task: Task) -> Result:
        """The result of one task; GraderError where there is none."""
        try:
            return self._graded(task)
        except BaseException:  # an interrupted kernel too: the next check begins anew
            self.close()
            raise

    def close(self) -> None:
        """End the judge."""
        if self.judge:
            self.judge.end()
            self.judge = None

    def _graded(self, task: Task) -> Result:
        if self.judge is None or self.judge.process.poll() is not None:
            self.judge = Judge()
            self._hear(time.monotonic() + START_SECONDS)
        self.judge.give(task, 1)
        said = self._hear(time.monotonic() + task.seconds)
        if "result" not in said:
            raise GraderError(f"The grader failed: {said.get('error') or said.get('broken')}")
        return report.from_dict(said["result"])

    def _hear(self, deadline: float) -> dict[str, Any]:
        assert self.judge is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.judge.output, selectors.EVENT_READ)
            while selector.select(max(deadline - time.monotonic(), 0.0)):
                said = self.judge.hear()
                if said is None:
                    raise GraderError(f"The grader's process {self.judge.end()}. Run `nnkata doctor`.")
                if said:
                    return said
        raise GraderError("The grader's process took too long. Run `nnkata doctor`.")


_warm = _Warm()
atexit.register(_warm.close)


def _run_cells() -> list[str]:
    """The cells that were run, in the order in which they were; UsageError outside of a notebook."""
    try:
        from IPython import get_ipython
    except ImportError:
        get_ipython = None
    shell = get_ipython() if get_ipython else None
    history = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None)
    if history is None:
        raise UsageError("This works in a notebook only. In a terminal: nnkata check")
    return [str(cell) for cell in history]


def _as_notebook(found: Iterable[str]) -> str:
    """Cells as a notebook file; the how-manieth each is, is its number in the kernel."""
    raws = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": text} for text in list(found)[1:]]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": raws})
