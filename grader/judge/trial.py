"""One submission before the judge: who answers its questions, what was asked, and the verdicts so far.

A student is whatever answers probes: confined workers (`sandbox.confined_student`), or a namespace in this process
(`Local`): the reference, a built-in, a misconception.
"""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from ..errors import ContentError, WireError
from ..exercise import content
from ..model import BarResult, Exercise, Failure, Opaque, Outcome, Status, Training, Value
from ..worker import probing, wire
from ..worker.tensor_codec import sent_device
from . import compare, describe
from .compare import Tolerance
from .question import FAKE_DEVICE, Question
from .run_cache import bytes_of

Check = Callable[[Any], str | None]


PendingOutcome = Callable[[], Outcome]
"""The outcome of a question that may still be running; called once, it waits for it."""


class Student(Protocol):
    """Anything that answers probes: a confined worker, or a namespace in this process."""

    def ask(
        self,
        part: str,
        probe: str,
        args: list[Any],
        options: dict[str, Any],
        device: str,
        seconds: float | None = None,
    ) -> PendingOutcome:
        """Start one probe of the exercise. A failure of the student's is an outcome, one of ours is raised.

        More can be asked before the outcome is called for: the student works meanwhile, where that is another process,
        and answers in the order of the questions.

        Args:
            part: the part that the question is about; it decides what the code may not call.
            seconds: wall time for a long call, instead of the exercise's usual limits.
        """
        ...

    def cancel_pending(self) -> None:
        """Drop the outcomes that nobody has called for."""
        ...


@dataclass(frozen=True)
class Local:
    """A namespace of this process as a student: the reference, a built-in, a misconception, or `--debug`."""

    exercise: Exercise
    namespace: Any
    file: str = ""

    def ask(
        self,
        part: str,
        probe: str,
        args: list[Any],
        options: dict[str, Any],
        device: str,
        seconds: float | None = None,
    ) -> PendingOutcome:
        """See `Student.ask`."""
        del part, seconds  # nothing is forbidden to our own code, nor limited
        outcome = self.run(Question(probe, args, options, device))
        return lambda: outcome

    def cancel_pending(self) -> None:
        """See `Student.cancel_pending`."""

    def run(self, question: Question) -> Outcome:
        """Run a probe here and now.

        Its inputs and its value travel through the wire format here too, so that every result is reported the same way.
        """
        began = time.perf_counter()
        sent = wire.decode(
            wire.encode([question.args, question.options], layout=True), layout=True, limits=wire.TRUSTED
        )
        assert isinstance(sent, list)
        args: Any = sent[0]
        options: Any = sent[1]
        probe = find_probe(self.exercise, question.probe)
        state = torch.random.get_rng_state()
        try:
            reply = probing.run(
                probing.Implementation(self.namespace), probe, args, options, self.file, question.device
            )
            received = wire.decode(wire.encode(reply), limits=wire.TRUSTED)
        finally:
            torch.random.set_rng_state(state)
        return parse_outcome(received, time.perf_counter() - began)


def parse_outcome(reply: Value, seconds: float) -> Outcome:
    """Return the outcome that an untrusted reply reports; WireError if it reports none."""
    if not isinstance(reply, dict):
        raise WireError("the answer is not a dict")
    prints, failure = reply.get("prints"), reply.get("failure")
    return Outcome(
        value=reply.get("value") if failure is None else None,
        failure=None if failure is None else describe.parse_failure(failure),
        prints=prints if isinstance(prints, str) else "",
        seconds=seconds,
    )


def find_probe(exercise: Exercise, name: str) -> probing.Probe:
    """Return a probe of an exercise; ContentError if there is none of that name."""
    try:
        return content.probes(exercise)[name]
    except KeyError:
        raise ContentError(f"{exercise.id}: there is no probe {name!r} in its probes.py") from None


@dataclass(frozen=True)
class Case:
    """One question that a test asked, what came back, and how answers to it are compared."""

    test: str
    part: str
    question: Question
    answer: Outcome
    wrong: bool
    check: Check | None = None
    tolerance: Tolerance | None = None

    def matches(self, other: Outcome) -> bool:
        """Return True if another implementation's answer amounts to the same as the student's."""
        if self.answer.failure or other.failure:
            return _failure_name(self.answer.failure) == _failure_name(other.failure)
        if self.check:
            errors = [property_error(self.check, value) for value in (self.answer.value, other.value)]
            return mask_numbers(errors[0]) == mask_numbers(errors[1])
        if self.question.device == FAKE_DEVICE and _devices(other.value) != _devices(self.answer.value):
            return False
        return compare.same(other.value, self.answer.value, self.tolerance)


@dataclass(frozen=True)
class Block:
    """The reason why no more of a part is run.

    Attributes:
        static: the reason is known from reading the file, before anything of it was run: safe to show at every level.
    """

    reason: str
    static: bool = False


@dataclass(frozen=True)
class Verdict:
    """One hidden test's verdict before points are given.

    Attributes:
        points: of a bar, which has its own; None for other tests.
        static: see `TestResult`.
    """

    id: str
    function: str
    part: str
    rung: str
    device: str
    status: Status
    message: str
    seconds: float
    failure: Failure | None = None
    points: float | None = None
    static: bool = False


MAX_KEPT_BYTES = 128 << 20
"""Bytes of one submission's answers that are kept for the diagnosis: honest ones take a hundredth of it."""


@dataclass
class Trial:
    """One submission before the judge: who answers, what has been asked, and the verdicts so far.

    Attributes:
        skip_contract_checks: the student is PyTorch itself, which need not make the checks that only our contract asks
            for.
        blocked: the parts of which no more is run.
        uses: for each part, the other parts that its code uses.
    """

    exercise: Exercise
    student: Student
    seed: int
    devices: tuple[str, ...] = ("cpu",)
    gpu: bool = False
    only: frozenset[str] = frozenset()
    training: Training = "none"
    dataset: str = "mnist"
    data: Path | None = None
    bars: list[BarResult] = field(default_factory=list)
    skip_contract_checks: bool = False
    transcript: list[Case] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    blocked: dict[str, Block] = field(default_factory=dict)
    uses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    on_verdict: Callable[[Verdict], None] | None = None
    _kept_bytes: int = 0

    def keep(self, case: Case) -> None:
        """Add a case to the transcript; without its answer, once the answers kept so far fill `MAX_KEPT_BYTES`."""
        size = bytes_of(case.answer)
        if self._kept_bytes + size > MAX_KEPT_BYTES:
            dropped = Opaque("Tensor", "too large to be kept")
            case = replace(case, answer=replace(case.answer, value=dropped))
            gc.collect()  # exceptions and their frames hold each other, and the answers before this one
        else:
            self._kept_bytes += size
        self.transcript.append(case)

    def record(self, verdict: Verdict) -> None:
        """Add a verdict and tell whoever watches."""
        self.verdicts.append(verdict)
        if self.on_verdict:
            self.on_verdict(verdict)


def property_error(check: Check, value: Value) -> str | None:
    """Return one sentence on how a value breaks a property, or is not even of the right form; None if it holds."""
    try:
        return check(value)
    except Exception as error:  # the value is untrusted and may have any form
        return f"what came back has the wrong form ({type(error).__name__})"


def mask_numbers(text: str | None) -> str | None:
    """Return a sentence with a # for each number, so that two may be compared that differ in numbers only."""
    return text and re.sub(r"[-+]?\d[\d.,e+-]*|nan|inf", "#", text)


def _failure_name(failure: Failure | None) -> str | None:
    if failure is None:
        return None
    return failure.type if failure.kind == "exception" else failure.kind


def _devices(value: Value) -> list[str]:
    """Return the device that a probe's result was on, if that is a tensor."""
    result = value.get("result") if isinstance(value, dict) else value
    return [sent_device(result)] if isinstance(result, torch.Tensor) else []
