"""The one path from a submission to a verdict: read, search, confine, judge, diagnose, score."""

from __future__ import annotations

import linecache
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import torch

from ..errors import NotConfined
from ..exercise import catalog, content
from ..judge.hidden_tests import run_hidden_tests
from ..judge.trial import Block, Local, Student, Trial, Verdict
from ..model import Exercise, GradingOptions, PartResult, Result
from ..sandbox.confined_student import ConfinedStudent
from ..sandbox.fork_client import FULL, WorkerServer, start_server
from ..sandbox.reader_client import Origin, Reader
from ..sandbox.worker_handle import ALL_DEFENCES, Defences, Progress
from ..seeds import draw_seed
from ..submission import forbidden_uses
from ..submission.examination import Examined
from ..submission.location import Location
from ..submission.reading import FileBytes, Unreadable
from ..submission.source import Submission
from ..worker import process_setup
from . import dependencies
from .diagnose import diagnose, to_diagnosis
from .scoring import score, total, worst


@dataclass(frozen=True)
class GradingRequest:
    """One submission to grade.

    Attributes:
        submission: the student's file (a script, or a notebook), wherever it lies, or what was already read of it.
        in_process: run the student's code in this process, unconfined (for debugging one's own).
        defences: left alone outside of tests.
    """

    exercise: Exercise
    submission: Path | Origin | Submission | Examined | Unreadable
    options: GradingOptions = field(default_factory=GradingOptions)
    student: str | None = None
    in_process: bool = False
    defences: Defences = ALL_DEFENCES
    on_verdict: Callable[[Verdict], None] | None = None
    on_progress: Progress | None = None


@dataclass
class Engine:
    """Grades submissions one after another; workers come from one warm server."""

    server: WorkerServer | None = None
    reader: Reader = field(default_factory=Reader)
    _foreseen: dict[Exercise, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        process_setup.prepare_torch()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm_up(self) -> None:
        """Start the worker server and the reader now, so that they get ready while this process imports torch."""
        self.reader.warm_up()
        if self.server is None:
            self.server = start_server(catalog.private_roots())

    def close(self) -> None:
        """End the server and the reader."""
        self.reader.close()
        if self.server:
            self.server.close()
            self.server = None

    def grade(self, request: GradingRequest) -> Result:
        """Return the verdict on one submission. What the student got wrong is in it; what we got wrong is raised.

        Raises:
            GraderError: content or machine failed us.
        """
        began = time.monotonic()
        seed = request.options.seed
        if seed is None:
            seed = self._foreseen.pop(request.exercise, draw_seed())
        examined = self._examined(request)
        if isinstance(examined, Unreadable):
            return _unreadable_result(request, examined, seed)
        with self._student(request, examined.submission) as student:
            trial = run_hidden_tests(_trial(request, examined, student, seed))
            confinement, prints = self._circumstances(student)
        broken = dependencies.failing_dependencies(trial)
        dependencies.prefix_messages(trial, broken)
        mistakes = diagnose(trial, without=broken)
        parts, tests = score(trial, mistakes)
        return Result(
            exercise=request.exercise.id,
            status=worst([part.status for part in parts]),
            score=total(part.score for part in parts),
            max_score=total(part.max_score for part in parts),
            device=request.options.device,
            confinement=confinement,
            seed=seed,
            submission=examined.submission.name,
            submission_sha256=examined.submission.sha256,
            seconds=round(time.monotonic() - began, 3),
            parts=parts,
            tests=tests,
            student=request.student,
            flags=examined.flags,
            diagnoses=tuple({mistake.id: to_diagnosis(mistake) for mistake in mistakes.values()}.values()),
            prints=prints,
            bars=tuple(trial.bars),
        )

    def _examined(self, request: GradingRequest) -> Examined | Unreadable:
        submission = request.submission
        if isinstance(submission, Examined | Unreadable):
            return submission
        if isinstance(submission, Path):
            submission = Location(submission)
        if not isinstance(submission, Submission):
            return self.reader.examine(submission, request.exercise)[0]
        text = FileBytes(submission.name, submission.text.encode())
        examined, _ = self.reader.examine(text, request.exercise)
        return replace(examined, submission=submission) if isinstance(examined, Examined) else examined

    def foresee(self, exercise: Exercise) -> None:
        """Draw the seed of the exercise's next check now, and have the reference answer its questions already: for
        whoever has nothing to do until then.
        """
        seed = self._foreseen.setdefault(exercise, draw_seed())
        run_hidden_tests(Trial(exercise, Local(exercise, content.reference(exercise)), seed))

    @contextmanager
    def _student(self, request: GradingRequest, submission: Submission) -> Iterator[Student]:
        """Yield whoever answers for a submission; its workers end with the block."""
        if request.in_process:
            yield _in_process(request.exercise, submission)
            return
        self.warm_up()
        assert self.server is not None
        if request.options.require_confinement and self.server.ready() != FULL:
            raise NotConfined(self.server.ready())
        student = ConfinedStudent(
            self.server,
            request.exercise,
            submission,
            request.options.limits or request.exercise.limits,
            defences=request.defences,
            on_progress=request.on_progress,
            gpu=_wants_gpu(request),
        )
        try:
            yield student
        finally:
            student.close()

    def _circumstances(self, student: Student) -> tuple[str, str]:
        """Return what a student was confined by, and what importing the submission printed."""
        if not isinstance(student, ConfinedStudent):
            return "none", ""
        assert self.server is not None
        return student.confinement or self.server.ready(), student.prints


def gpu_available() -> bool:
    """Return True if there is a GPU that a worker could use.

    Looks at the machine only: a process that has touched CUDA cannot be forked, so that workers alone do.
    """
    return torch.version.cuda is not None and Path("/dev/nvidiactl").exists()


def _wants_gpu(request: GradingRequest) -> bool:
    return request.options.device != "cpu" and not request.in_process and gpu_available()


def _trial(request: GradingRequest, examined: Examined, student: Student, seed: int) -> Trial:
    options, submission = request.options, examined.submission
    gpu = _wants_gpu(request)
    blocked = {part: Block(why, static=True) for part, why in submission.blocked.items()}
    if request.defences.guard_source:
        for violation in forbidden_uses.find_violations(examined.names, request.exercise):
            message = violation.message(submission.location(violation.line))
            blocked[violation.part] = Block(message, static=True)
    return Trial(
        request.exercise,
        student,
        seed,
        devices=("cpu", "cuda") if options.device == "cuda" or gpu else ("cpu",),
        gpu=gpu,
        only=frozenset(options.parts),
        training=options.training,
        dataset=options.dataset,
        data=options.data,
        blocked=blocked,
        uses=examined.uses,
        on_verdict=request.on_verdict,
    )


def _in_process(exercise: Exercise, submission: Submission) -> Student:
    namespace: dict[str, object] = {"__name__": exercise.module.removesuffix(".py")}
    file = f"<{submission.name}>"
    linecache.cache[file] = (len(submission.text), None, submission.text.splitlines(True), file)
    exec(compile(submission.text, file, "exec"), namespace)
    return Local(exercise, namespace, file)


def _unreadable_result(request: GradingRequest, unreadable: Unreadable, seed: int) -> Result:
    """Return the result of what cannot even be parsed: everything fails, and why is said once."""
    only = request.options.parts
    wanted = [part for part in request.exercise.parts if not only or part.name in only]
    return Result(
        exercise=request.exercise.id,
        status="fail",
        score=0.0,
        max_score=total(part.points for part in wanted),
        device=request.options.device,
        confinement="none",
        seed=seed,
        submission=unreadable.name,
        submission_sha256=unreadable.sha256,
        seconds=0.0,
        parts=tuple(PartResult(part.name, 0.0, part.points, "fail") for part in wanted),
        tests=(),
        student=request.student,
        notes=(unreadable.reason,),
    )
