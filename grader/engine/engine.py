"""The one path from a submission to a verdict: read, search, confine, judge, diagnose, score."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal

import torch

from ..errors import GraderError, SubmissionError
from ..exercise import catalog, content
from ..judge.hidden_tests import conduct
from ..judge.trial import Block, Local, Student, Trial, Verdict
from ..model import Exercise, Limits, PartResult, Result
from ..sandbox.confined_student import Confined
from ..sandbox.fork_client import Workers, workers
from ..sandbox.worker_handle import ALL, Defences, Progress
from ..submission import notebook, source
from . import dependencies
from .diagnose import diagnose, explained
from .scoring import score, worst

FULL = "landlock+seccomp"


@dataclass(frozen=True)
class Order:
    """What to grade and how.

    Attributes:
        submission: the student's file (Python, or a notebook), or its text already read.
        device: `cpu`, `cuda` or `auto`.
        seed: None draws one.
        parts: only these; empty for all.
        training: which accuracy bars are tried: none, the quick ones, or all.
        dataset: what the bars train on, a key of `datasets.DATASETS`.
        limits: instead of the exercise's own.
        local: run in this process, unconfined (for debugging one's own code).
        confined: refuse to grade where confinement is not whole.
        defences: left alone outside of tests.
    """

    exercise: Exercise
    submission: Path | source.Submission
    device: str = "cpu"
    seed: int | None = None
    parts: tuple[str, ...] = ()
    student: str | None = None
    limits: Limits | None = None
    training: Literal["none", "quick", "full"] = "full"
    dataset: str = "mnist"
    local: bool = False
    confined: bool = False
    defences: Defences = ALL
    on_verdict: Callable[[Verdict], None] | None = None
    on_progress: Progress | None = None


@dataclass
class Engine:
    """Grades submissions one after another; workers come from one warm server."""

    server: Workers | None = None
    _foreseen: dict[Exercise, int] = field(default_factory=dict)

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm_up(self) -> None:
        """Start the worker server now, so that it imports torch while this process does."""
        if self.server is None:
            self.server = workers(catalog.hidden())

    def close(self) -> None:
        """End the server."""
        if self.server:
            self.server.close()
            self.server = None

    def grade(self, order: Order) -> Result:
        """The verdict on one submission. What the student got wrong is in the result; what we got wrong is raised.

        Raises:
            GraderError: content or machine failed us.
        """
        began = time.monotonic()
        seed = self._foreseen.pop(order.exercise, _drawn()) if order.seed is None else order.seed
        name = order.submission.name
        digest = ""
        try:
            submission = _read(order)
            digest = submission.sha256
            tree = source.parse(submission)
        except SubmissionError as error:
            return unreadable(order, str(error), seed, name, digest)
        trial = Trial(
            order.exercise, Local(order.exercise, {}), seed, only=frozenset(order.parts), on_verdict=order.on_verdict
        )
        trial.training, trial.dataset = order.training, order.dataset
        trial.uses = dependencies.uses(tree, order.exercise)
        trial.gpu = order.device != "cpu" and not order.local and gpu_here()
        if order.device == "cuda" or trial.gpu:
            trial.devices = ("cpu", "cuda")
        trial.blocked |= {part: Block(why, static=True) for part, why in submission.blocked.items()}
        if order.defences.guard_source:
            for found in source.violations(tree, order.exercise):
                trial.blocked[found.part] = Block(found.told(submission.place(found.line)), static=True)
        confinement, prints = self._judge(order, submission, trial)
        first = dependencies.mend_first(trial)
        dependencies.tell(trial, first)
        found_wrong = diagnose(trial, without=first)
        parts, tests = score(trial, found_wrong)
        return Result(
            exercise=order.exercise.id,
            status=worst([part.status for part in parts]),
            score=_points(part.score for part in parts),
            max_score=_points(part.max_score for part in parts),
            device=order.device,
            confinement=confinement,
            seed=seed,
            submission=name,
            submission_sha256=digest,
            seconds=round(time.monotonic() - began, 3),
            parts=parts,
            tests=tests,
            student=order.student,
            flags=tuple(source.flags(tree, submission.place)),
            diagnoses=tuple({wrong.id: explained(wrong) for wrong in found_wrong.values()}.values()),
            prints=prints,
            bars=tuple(trial.bars),
        )

    def foresee(self, exercise: Exercise) -> None:
        """Draw the seed of the exercise's next check now, and have the reference answer its questions already: for
        whoever has nothing to do until then.
        """
        seed = self._foreseen.setdefault(exercise, _drawn())
        conduct(Trial(exercise, Local(exercise, content.reference(exercise)), seed))

    def _judge(self, order: Order, submission: source.Submission, trial: Trial) -> tuple[str, str]:
        """Run the hidden tests; what the student was confined by, and what importing it printed."""
        limits = order.limits or order.exercise.limits
        if order.local:
            trial.student = _local(order.exercise, submission)
            conduct(trial)
            return "none", ""
        self.warm_up()
        assert self.server is not None
        if order.confined and self.server.ready() != FULL:
            raise GraderError(
                f"This machine confines with {self.server.ready()!r} only: running other people's code is not safe."
                " Run `nnkata doctor`, or pass --allow-unconfined if you trust this submission."
            )
        student = Confined(
            self.server, order.exercise, submission, limits, order.defences, order.on_progress, trial.gpu
        )
        trial.student = student
        try:
            conduct(trial)
        finally:
            student.close()
        return student.confinement or self.server.ready(), student.prints


def _drawn() -> int:
    """A seed that nobody can know beforehand."""
    return random.SystemRandom().randrange(1 << 31)


def gpu_here() -> bool:
    """Whether there is a GPU that a worker could use. Looks at the machine only: CUDA is touched in workers alone."""
    return torch.version.cuda is not None and Path("/dev/nvidiactl").exists()


def _read(order: Order) -> source.Submission:
    """The submission's text, whether it comes as such, in a Python file or in a notebook."""
    if isinstance(order.submission, source.Submission):
        return order.submission
    if order.submission.suffix == ".ipynb":
        return notebook.read(order.submission, order.exercise)
    return source.read(order.submission)


def _local(exercise: Exercise, submission: source.Submission) -> Student:
    namespace: dict[str, object] = {"__name__": exercise.module.removesuffix(".py")}
    file = f"<{submission.name}>"
    exec(compile(submission.text, file, "exec"), namespace)
    return Local(exercise, namespace, file)


def unreadable(order: Order, why: str, seed: int, name: str, digest: str) -> Result:
    """The result of a submission that cannot even be parsed: everything fails, and why is said once."""
    wanted = [part for part in order.exercise.parts if not order.parts or part.name in order.parts]
    parts = tuple(PartResult(part.name, 0.0, part.points, "fail") for part in wanted)
    return Result(
        order.exercise.id,
        "fail",
        0.0,
        _points(part.points for part in wanted),
        order.device,
        "none",
        seed,
        name,
        digest,
        0.0,
        parts,
        (),
        order.student,
        notes=(why,),
    )


def _points(points: object) -> float:
    return round(sum(points), 3)  # type: ignore[call-overload,no-any-return]
