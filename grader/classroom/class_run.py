"""A whole class, graded: what there is, what is done already, what the workers answer; results are stored as they come.

Needs no torch: the workers do. Every submission goes through `engine.Engine.grade` in one of them.
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
from .pool import Pool, TaskOutcome
from .pool_messages import Task
from .results_folder import Provenance, ResultsFolder

WORKER_GRACE_SECONDS = 120.0
"""Seconds that a worker may take beyond what the submission may, until it counts as hanging."""


@dataclass(frozen=True)
class ClassRequest:
    """What `grade` was asked for; see the command's options.

    Attributes:
        ids: only these exercises; empty for all.
        workers: how many are graded at a time; 0: one per core.
        again: also what is unchanged.
        student: everything is this student's; else students are recognised by where their files lie.
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
class GradedSubmission:
    """One result as it comes: its JSON, and whether it was there already."""

    result: Result
    json_text: str
    unchanged: bool


@dataclass
class RunSummary:
    """What a run came to.

    Attributes:
        skipped: files that were not graded, and why.
        damaged: files of the results folder that could not be read and have been regenerated.
        errors: whom the grader failed, and why.
    """

    students: int = 0
    graded: int = 0
    unchanged: int = 0
    statuses: dict[Status, int] = field(default_factory=dict)
    skipped: tuple[SkippedFile, ...] = ()
    damaged: tuple[str, ...] = ()
    errors: list[str] = field(default_factory=list)
    seed: int = 0
    seconds: float = 0.0

    def add(self, submission: GradedSubmission) -> None:
        """Count one result."""
        result = submission.result
        if submission.unchanged:
            self.unchanged += 1
        else:
            self.graded += 1
        self.statuses[result.status] = self.statuses.get(result.status, 0) + 1
        if result.status == "error":
            reasons = [*result.notes, *(test.message for test in result.tests if test.status == "error"), ""]
            self.errors.append(f"{result.student}, {result.exercise}: {escape_unprintable(reasons[0])}")


OnStart = Callable[[int, int], None]
"""Called with the number of submissions, and how many of these have to be graded."""

OnResult = Callable[[GradedSubmission], None]
OnEnd = Callable[[ResultsFolder, RunSummary], None]


def grade(request: ClassRequest, on_start: OnStart, on_result: OnResult, on_end: OnEnd) -> RunSummary:
    """Grade what is new or changed, and hand every result over as it comes.

    Args:
        on_end: called when all is graded, while nobody else can write into the results.

    Raises:
        UsageError: nothing to grade, unknown exercises, results that another run writes.
        GraderError: no worker can work on this machine.
    """
    began = time.monotonic()
    selected = [catalog.find(name) for name in request.ids] or catalog.exercises()
    exercises = {exercise.id: exercise for exercise in selected}
    with Reader() as reader, contextlib.ExitStack() as stack:
        discovery = discover_submissions(request, list(exercises.values()), reader)
        summary = RunSummary(students=len({one.student for one in discovery.submissions}), skipped=discovery.skipped)
        results = stack.enter_context(results_folder.open_results(request.results))
        summary.seed = results.choose_seed(request.options.seed)
        results.write_run_file(summary.seed, request.options)
        plan = _Plan(request, exercises, results, summary.seed, reader)
        tasks, unchanged = plan.split(discovery)
        on_start(len(discovery.submissions), len(tasks))
        for submission in unchanged:
            summary.add(submission)
            on_result(submission)
        workers = request.workers or usable_cores() // max(
            (one.limits.threads for one in exercises.values()), default=1
        )
        with Pool(max(workers, 1), require_confinement=request.options.require_confinement) as pool:
            for outcome in pool.run(tasks):
                submission = plan.store(outcome)
                summary.add(submission)
                on_result(submission)
        summary.damaged = tuple(results.damaged)
        summary.seconds = time.monotonic() - began
        on_end(results, summary)
    return summary


def discover_submissions(request: ClassRequest, exercises: list[Exercise], reader: Reader) -> Discovery:
    """Return what there is to grade; UsageError if that is nothing."""
    results = request.results.resolve()
    root = request.submissions.resolve()
    if results == root:
        raise UsageError("The results cannot be written where the submissions are: choose another folder for -o.")
    if request.results.exists() and not request.results.is_dir():
        raise UsageError(f"{request.results} is a file: name a folder.")
    inside = request.results if root in results.parents and results.is_dir() else None
    discovery = discover.find_submissions(
        request.submissions,
        exercises,
        request.pattern,
        skip=inside,
        only=bool(request.ids),
        student=request.student,
        list_zip=reader.list_zip,
    )
    if not discovery.submissions:
        kinds = ", ".join(f"{one.id}.ipynb or {one.module}" for one in exercises[:3])
        skipped = "".join(f"\n  {left.where}: {left.why}" for left in discovery.skipped[:5])
        raise UsageError(
            f"There is nothing to grade in {request.submissions}. Submissions are called like {kinds};"
            f" for other names give --pattern.{skipped}"
        )
    return discovery


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Plan:
    """What has to be graded and how, and what the outcomes mean."""

    def __init__(
        self, request: ClassRequest, exercises: dict[str, Exercise], results: ResultsFolder, seed: int, reader: Reader
    ) -> None:
        self.request, self.exercises, self.results, self.reader = request, exercises, results, reader
        self.seeds = {name: results_folder.exercise_seed(seed, name) for name in exercises}
        self.content = {name: results_folder.content_digest(one) for name, one in exercises.items()}

    def split(self, discovery: Discovery) -> tuple[list[Task], list[GradedSubmission]]:
        """Return what has to be graded, long trainings first, and what is done already."""
        tasks, unchanged = [], []
        for submitted in discovery.submissions:
            task = self._task(submitted)
            if stored := None if self.request.again else self._find_unchanged(task):
                unchanged.append(stored)
            else:
                tasks.append(task)
        # the same exercise one after the other: a worker keeps the reference's answers to one
        tasks.sort(key=lambda task: (-task.seconds, task.exercise, task.student))
        return tasks, unchanged

    def store(self, outcome: TaskOutcome) -> GradedSubmission:
        """Store the result that an outcome holds, of status `error` where there is none."""
        task = outcome.task
        if outcome.result is None:
            result = error_result(self.exercises[task.exercise], task, outcome.error)
        else:
            result = replace(report.from_dict(outcome.result), student=task.student)
        text = self.results.store(result, self._provenance(task, outcome.digest))
        return GradedSubmission(result=result, json_text=text, unchanged=False)

    def _task(self, submitted: SubmissionFile) -> Task:
        exercise = self.exercises[submitted.exercise]
        options = replace(self.request.options, seed=self.seeds[submitted.exercise])
        if not exercise.bars:  # then they make no difference, and a result counts as done under any of them
            options = replace(options, training="full", dataset="mnist")
        training = options.training
        bars = sum(bar.seconds for bar in exercise.bars if training == "full" or (training == "quick" and bar.quick))
        return Task(
            student=submitted.student,
            exercise=submitted.exercise,
            place=submitted.location,
            options=options,
            seconds=WORKER_GRACE_SECONDS + 2 * exercise.limits.total_seconds + 1.5 * bars,
            problem=submitted.problem,
        )

    def _find_unchanged(self, task: Task) -> GradedSubmission | None:
        """Return the stored result of a task, if it is what grading it would give; an error never is."""
        stored = self.results.load(task.student, task.exercise)
        if stored is None or stored.result.status == "error":
            return None
        digest = reading.digest_of_reason(task.problem) if task.problem else self.reader.digest(task.place)
        if stored.provenance != self._provenance(task, digest):
            return None
        return GradedSubmission(result=stored.result, json_text=stored.json_text, unchanged=True)

    def _provenance(self, task: Task, digest: str) -> Provenance:
        options = task.options
        assert options.seed is not None
        return Provenance(
            file=digest,
            content=self.content[task.exercise],
            seed=options.seed,
            training=options.training,
            device=options.device,
            confined=options.require_confinement,
            dataset=options.dataset,
        )


def error_result(exercise: Exercise, task: Task, reason: str) -> Result:
    """Return the result of a submission that could not be graded: no grade, and why."""
    parts = tuple(
        PartResult(name=part.name, score=0.0, max_score=part.points, status="error") for part in exercise.parts
    )
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
        notes=(
            "The grader itself failed here; this is not the student's mistake: " + escape_unprintable(reason)[:600],
        ),
    )
