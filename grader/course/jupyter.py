"""Checking in a notebook: the same verdict as on the command line, shown where the answer stands.

    from nnkata.grader.course.jupyter import NotebookExercise
    exercise = NotebookExercise("03_losses")
    exercise.check("mse_loss")

The cells that were run, as the kernel remembers them, are graded by a process beside the kernel. It is started by the
first check and stays warm; the kernel itself imports nothing of the grader, and nothing of the kernel is trusted.
"""

from __future__ import annotations

import atexit
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..classroom.pool_messages import CannotStart, Ended, Event, Failed, Finished, Ready, Task
from ..classroom.pool_process import PoolWorker
from ..errors import GraderError, UsageError
from ..exercise import catalog
from ..feedback import pages, report
from ..feedback.disclosure import Feedback, make_feedback, unwrap_paragraphs
from ..model import GradingOptions, Part, Result, Training
from ..seeds import draw_seed
from ..submission.location import Location
from ..workspace import service

TRAINING_SECONDS = 3_600.0
"""Seconds that a check may take in all, trainings included."""


class NotebookExercise:
    """One exercise in a notebook.

    Args:
        name: its id, as on the command line: 03_losses, 3 or losses.
        prefix: where the notebook calls `nnkata.check` and `nnkata.hint` with the exercise's id, `nnkata.`; else the
            notebook has a `check` and a `hint` of its own.
    """

    def __init__(self, name: str, *, prefix: str = "") -> None:
        self.exercise = catalog.find(name)
        self.prefix = prefix
        self.hints_taken: dict[str, int] = {}  # by part
        self.last_diagnosis: dict[str, str] = {}  # by part

    def __repr__(self) -> str:
        names = ", ".join(f'check("{part.name}")' for part in self.exercise.parts)
        return f"{self.exercise.id} · {self.exercise.title}: {names}"

    def check(self, part: str = "", *, full: bool = False) -> CheckDisplay:
        """Check a part (or all of them): what is right, what is wrong, why, and what to try next.

        Args:
            full: try the whole training of an accuracy bar too, which may take minutes; else the quick one.
        """
        parts = (service.find_part(self.exercise, part).name,) if part else ()
        of_check = make_feedback(self._grade(parts, "full" if full else "quick"), self.exercise)
        for checked in of_check.parts:
            self.last_diagnosis.pop(checked.name, None)
            if checked.explanation:
                self.last_diagnosis[checked.name] = f"{checked.explanation}\nTry: {checked.advice}"
        return CheckDisplay(of_check, self._next_step(of_check, full=full))

    def hint(self, part: str) -> HintDisplay:
        """Return the next hint, each call reveals more; the last check's diagnosis first, if there is one."""
        known = service.find_part(self.exercise, part)
        if diagnosis := self.last_diagnosis.pop(part, ""):
            return HintDisplay(known, 0, diagnosis)
        if not known.hints:
            return HintDisplay(known, 0, "There are no hints for this part. Its lesson is at the top of the notebook.")
        level = self.hints_taken[part] = min(self.hints_taken.get(part, 0) + 1, len(known.hints))
        return HintDisplay(known, level, unwrap_paragraphs(known.hints[level - 1]))

    def points(self, part: str, of: float) -> float:
        """Return the points that a part earns, of so many."""
        name = service.find_part(self.exercise, part).name
        graded = next(one for one in self._grade((name,), "full").parts if one.name == name)
        earned = graded.of(of)
        if earned is None:
            raise GraderError(f"The grader failed, so {name} has no points. Run `nnkata doctor`.")
        return earned

    def _grade(self, parts: tuple[str, ...], training: Training) -> Result:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{self.exercise.id}.ipynb"
            file.write_text(_as_notebook(_run_cells()), "utf-8")
            # own code: confined where that is possible, checked where it is not
            options = GradingOptions(seed=draw_seed(), parts=parts, training=training)
            seconds = 2 * self.exercise.limits.total_seconds + TRAINING_SECONDS
            task = Task(student="", exercise=self.exercise.id, place=Location(file), options=options, seconds=seconds)
            return _warm_worker.grade(task)

    def _next_step(self, of_check: Feedback, *, full: bool) -> str:
        """Return what a student may do after a check."""
        failed = [part for part in of_check.parts if part.status == "fail"]
        if of_check.status == "error":
            return "The grader failed, not your code. Run `nnkata doctor` and tell your teacher."
        if failed:
            return f"Next: {self._call('hint', failed[0].name)}"
        trained = {bar.part for bar in self.exercise.bars if not bar.quick} & {part.name for part in of_check.parts}
        if trained and not full:
            return f"Next: run the full training with {self._call('check', min(trained), ', full=True')}"
        return "All correct!"

    def _call(self, function: str, part: str, options: str = "") -> str:
        """Return what to type in this notebook to have a function called for a part."""
        exercise = f'"{self.exercise.id}", ' if self.prefix else ""
        return f'{self.prefix}{function}({exercise}"{part}"{options})'


@dataclass(frozen=True)
class CheckDisplay:
    """The feedback of a check as a notebook shows it: HTML where that can be shown, else text."""

    feedback: Feedback
    next_step: str

    def _repr_html_(self) -> str:
        return pages.render_html(self.feedback, next_step=self.next_step)

    def __repr__(self) -> str:
        return pages.render_text(self.feedback, next_step=self.next_step)

    @property
    def passed(self) -> bool:
        """True if everything that was checked is right."""
        return self.feedback.status == "pass"


@dataclass(frozen=True)
class HintDisplay:
    """One hint as a notebook shows it; level 0 is the diagnosis of the last check."""

    part: Part
    level: int
    text: str

    @property
    def heading(self) -> str:
        """The part, and the hint's number."""
        number = f"hint {self.level} of {len(self.part.hints)}" if self.level else "from your last check"
        return f"{self.part.name} · {number}"

    def _repr_markdown_(self) -> str:
        return f"**{self.heading}**\n\n{self.text}"

    def __repr__(self) -> str:
        return f"{self.heading}\n\n{self.text}"


class _WarmWorker:
    """The worker process beside the kernel: started when it is first needed, and again when it has ended."""

    def __init__(self) -> None:
        self.worker: PoolWorker | None = None

    def grade(self, task: Task) -> Result:
        """Return the result of one task; GraderError where there is none."""
        try:
            return self._grade(task)
        except BaseException:  # an interrupted kernel too: the next check starts a new one
            self.close()
            raise

    def close(self) -> None:
        """End the worker."""
        if self.worker:
            self.worker.stop()
            self.worker = None

    def _grade(self, task: Task) -> Result:
        if self.worker is None or not self.worker.running:
            self.worker = PoolWorker()
            _require_no_failure(self.worker.wait_for_event())
        self.worker.start_task(task)
        event = _require_no_failure(self.worker.wait_for_event())
        if not isinstance(event, Finished):
            raise GraderError("The grader failed: its process did not answer the request.")
        return report.from_dict(event.result)


def _require_no_failure(event: Event) -> Ready | Finished:
    """Return a worker's event unless it tells of a failure, which is raised."""
    match event:
        case CannotStart(reason=reason) | Failed(reason=reason):
            raise GraderError(f"The grader failed: {reason}")
        case Ended(reason=reason):
            raise GraderError(f"The grader's process {reason}. Run `nnkata doctor`.")
    return event


_warm_worker = _WarmWorker()
atexit.register(_warm_worker.close)


def _run_cells() -> list[str]:
    """Return the cells that were run, in the order in which they were; UsageError outside of a notebook."""
    try:
        from IPython import get_ipython
    except ImportError:
        get_ipython = None
    shell = get_ipython() if get_ipython else None
    history = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None)
    if history is None:
        raise UsageError("This works in a notebook only. In a terminal: nnkata check")
    return [str(cell) for cell in history]


def _as_notebook(cells: Iterable[str]) -> str:
    """Return cells as a notebook file, in which each has the number that it has in the kernel."""
    raw = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": text} for text in list(cells)[1:]]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": raw})
