"""A whole class, graded: what there is, what is done already, what the judges say; results are kept as they come.

Needs no torch: the judges do. Every submission goes through `engine.Engine.grade` in one of them.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import UsageError
from ..exercise import catalog
from ..feedback import report
from ..feedback.disclosure import Level
from ..model import Exercise, GradingOptions, PartResult, Result, Status
from ..sandbox.reader_client import Reader
from ..submission import discover, reading
from ..submission.discover import Discovery, SkippedFile, SubmissionFile
from ..submission.layouts import escape_unprintable
from . import results_folder
from .pool import Answer, Jury, Task
from .results_folder import Ledger, Made

SLACK = 120.0
"""Seconds that a judge may take beyond what the submission may, until it counts as hanging."""


@dataclass(frozen=True)
class ClassRequest:
    """What `grade` was asked for; see the command's options.

    Attributes:
        ids: only these exercises; empty for all.
        workers: how many are graded at a time; 0: one per core.
        again: also what is unchanged.
        student: everything is this student's; else they are told by where their files lie.
        options: of every submission's grading; a seed of None is the results folder's, or a new one.
    """

    submissions: Path
    results: Path
    ids: tuple[str, ...] = ()
    workers: int = 0
    pattern: str = ""
    again: bool = False
    level: Level = "diagnosis"
    student: str = ""
    options: GradingOptions = field(default_factory=lambda: GradingOptions(require_confinement=True))


@dataclass(frozen=True)
class Graded:
    """One result as it comes: its JSON, and whether it was there already."""

    result: Result
    text: str
    unchanged: bool


@dataclass
class Tally:
    """What a run came to; `left` are the files that were passed over, `errors` say whom the grader failed and why."""

    students: int = 0
    graded: int = 0
    unchanged: int = 0
    statuses: dict[Status, int] = field(default_factory=dict)
    left: tuple[SkippedFile, ...] = ()
    broken: tuple[str, ...] = ()
    errors: list[str] = field(default_factory=list)
    seed: int = 0
    seconds: float = 0.0


Begun = Callable[[int, int], None]
"""Is told how many there are and how many of these have to be graded."""


def grade(
    request: ClassRequest, on_begin: Begun, on_result: Callable[[Graded], None], on_end: Callable[[Ledger, Tally], None]
) -> Tally:
    """Grade what is new or changed, and hand every result over as it comes.

    Args:
        on_end: called when all is graded, while nobody else can write into the results.

    Raises:
        UsageError: nothing to grade, unknown exercises, results that another run writes.
        GraderError: no judge can work on this machine.
    """
    began = time.monotonic()
    selected = [catalog.find(name) for name in request.ids] or catalog.exercises()
    exercises = {one.id: one for one in selected}
    with Reader() as reader, contextlib.ExitStack() as stack:
        found = gathered(request, list(exercises.values()), reader)
        tally = Tally(students=len({one.student for one in found.submissions}), left=found.skipped)
        book = stack.enter_context(results_folder.opened(request.results))
        tally.seed = book.seed(request.options.seed)
        book.begin(tally.seed, request.options)
        plan = _Plan(request, exercises, book, tally.seed, reader)
        tasks, unchanged = plan.split(found)
        on_begin(len(found.submissions), len(tasks))
        for kept in unchanged:
            tally.unchanged += 1
            _count(tally, kept.result)
            on_result(kept)
        workers = request.workers or cores() // max((one.limits.threads for one in exercises.values()), default=1)
        with Jury(max(workers, 1), request.options.require_confinement) as jury:
            for answer in jury.judged(tasks):
                result = plan.result(answer)
                text = book.keep(result, plan.made(answer))
                tally.graded += 1
                _count(tally, result)
                on_result(Graded(result, text, False))
        tally.broken = tuple(book.broken)
        tally.seconds = time.monotonic() - began
        on_end(book, tally)
    return tally


def gathered(request: ClassRequest, exercises: list[Exercise], reader: Reader) -> Discovery:
    """What there is to grade; UsageError if that is nothing."""
    results = request.results.resolve()
    root = request.submissions.resolve()
    if results == root:
        raise UsageError("The results cannot be written where the submissions are: choose another folder for -o.")
    if request.results.exists() and not request.results.is_dir():
        raise UsageError(f"{request.results} is a file: name a folder.")
    inside = request.results if root in results.parents and results.is_dir() else None
    found = discover.find_submissions(
        request.submissions,
        exercises,
        request.pattern,
        skip=inside,
        only=bool(request.ids),
        student=request.student,
        list_zip=reader.list_zip,
    )
    if not found.submissions:
        kinds = ", ".join(f"{one.id}.ipynb or {one.module}" for one in exercises[:3])
        told = "".join(f"\n  {left.where}: {left.why}" for left in found.skipped[:5])
        raise UsageError(
            f"There is nothing to grade in {request.submissions}. Submissions are called like {kinds};"
            f" for other names give --pattern.{told}"
        )
    return found


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Plan:
    """What has to be graded and how, and what its answers mean."""

    def __init__(
        self, request: ClassRequest, exercises: dict[str, Exercise], book: Ledger, seed: int, reader: Reader
    ) -> None:
        self.request, self.exercises, self.book = request, exercises, book
        self.seeds = {name: results_folder.seed_of(seed, name) for name in exercises}
        self.content = {name: results_folder.content_digest(one) for name, one in exercises.items()}
        self.reader = reader

    def split(self, found: Discovery) -> tuple[list[Task], list[Graded]]:
        """What has to be graded, long trainings first, and what is done already."""
        tasks, unchanged = [], []
        for one in found.submissions:
            task = self.task(one)
            if kept := None if self.request.again else self.unchanged(task):
                unchanged.append(kept)
            else:
                tasks.append(task)
        # the same exercise one after the other: a judge keeps the reference's answers to one
        tasks.sort(key=lambda task: (-task.seconds, task.exercise, task.student))
        return tasks, unchanged

    def task(self, one: SubmissionFile) -> Task:
        exercise = self.exercises[one.exercise]
        options = replace(self.request.options, seed=self.seeds[one.exercise])
        if not exercise.bars:  # then they make no difference, and a result counts as done under any of them
            options = replace(options, training="full", dataset="mnist")
        training = options.training
        bars = sum(bar.seconds for bar in exercise.bars if training == "full" or (training == "quick" and bar.quick))
        seconds = SLACK + 2 * exercise.limits.total_seconds + 1.5 * bars
        return Task(one.student, one.exercise, one.location, options, seconds, one.problem)

    def unchanged(self, task: Task) -> Graded | None:
        """The result that is kept of a task, if it is what grading it would give; an error never is."""
        kept = self.book.known(task.student, task.exercise)
        if kept is None or kept.result.status == "error":
            return None
        file = reading.digest_of_reason(task.problem) if task.problem else self.reader.digest(task.place)
        if kept.made != self._made(task, file):
            return None
        return Graded(kept.result, kept.text, True)

    def made(self, answer: Answer) -> Made:
        return self._made(answer.task, answer.file)

    def _made(self, task: Task, file: str) -> Made:
        options = task.options
        assert options.seed is not None
        return Made(
            file=file,
            content=self.content[task.exercise],
            seed=options.seed,
            training=options.training,
            device=options.device,
            confined=options.require_confinement,
            dataset=options.dataset,
        )

    def result(self, answer: Answer) -> Result:
        """The result that an answer holds; one of status `error` where there is none."""
        if answer.result is None:
            return errored(self.exercises[answer.task.exercise], answer.task, answer.error)
        return replace(report.from_dict(answer.result), student=answer.task.student)


def errored(exercise: Exercise, task: Task, why: str) -> Result:
    """The result of a submission that could not be graded: no grade, and why."""
    parts = tuple(PartResult(part.name, 0.0, part.points, "error") for part in exercise.parts)
    return Result(
        exercise=exercise.id,
        status="error",
        score=0.0,
        max_score=exercise.points,
        device=task.options.device,
        confinement="none",
        seed=task.options.seed or 0,
        submission=task.place.name,
        submission_sha256="",
        seconds=0.0,
        parts=parts,
        tests=(),
        student=task.student,
        notes=("The grader itself failed here; this is not the student's mistake: " + escape_unprintable(why)[:600],),
    )


def _count(tally: Tally, result: Result) -> None:
    tally.statuses[result.status] = tally.statuses.get(result.status, 0) + 1
    if result.status == "error":
        why = [*result.notes, *(test.message for test in result.tests if test.status == "error"), ""]
        tally.errors.append(f"{result.student}, {result.exercise}: {escape_unprintable(why[0])}")
