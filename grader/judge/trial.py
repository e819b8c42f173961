"""One submission before the judge: who answers its questions, what was asked, what was found.

A student is whatever answers probes: confined workers (`sandbox.confined_student`), or a namespace in this process
(`Local`): the reference, a built-in, a misconception.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from ..errors import ContentError, WireError
from ..exercise import content
from ..model import BarResult, Exercise, Failure, Outcome, Status, Training, Value
from ..worker import no_compiler, probing, wire
from ..worker.tensor_codec import sent_device
from . import compare
from .compare import Tolerance
from .describe import read_failure

Check = Callable[[Any], str | None]

no_compiler.install()
torch.set_num_threads(1)  # the grader works on small tensors, where threads only wait for each other


Answer = Callable[[], Outcome]
"""A question's answer, to be called for once: waits for it where it is still to come."""


class Student(Protocol):
    """Whatever answers probes: a confined worker, or a namespace in this process."""

    def ask(
        self,
        part: str,
        probe: str,
        args: list[Any],
        options: dict[str, Any],
        device: str,
        seconds: float | None = None,
    ) -> Answer:
        """Have one probe of the exercise run. A failure of the student's is an outcome, one of ours is raised.

        More can be asked before the answer is called for: the student works meanwhile, where that is another process,
        and answers in the order of the questions.

        Args:
            seconds: wall time for a long call, instead of the exercise's usual limits.
        """
        ...

    def forget(self) -> None:
        """Nobody will call for the answers that are still to come."""
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
    ) -> Answer:
        """See `Student.ask`."""
        found = self.run(probe, args, options, device)
        return lambda: found

    def forget(self) -> None:
        """See `Student.forget`."""

    def run(self, probe: str, args: list[Any], options: dict[str, Any], device: str) -> Outcome:
        """Run a probe here and now. Values travel through the wire format here too, so that all are told alike."""
        began = time.perf_counter()
        sent = wire.decode(wire.encode([args, options], layout=True), layout=True, limits=wire.TRUSTED)
        assert isinstance(sent, list)
        function = _probe(self.exercise, probe)
        state = torch.random.get_rng_state()
        try:
            said = probing.run(probing.Implementation(self.namespace), function, sent[0], sent[1], self.file, device)  # type: ignore[arg-type]
            raw = wire.decode(wire.encode(said), limits=wire.TRUSTED)
        finally:
            torch.random.set_rng_state(state)
        return outcome(raw, time.perf_counter() - began)


def trusted(
    exercise: Exercise, namespace: Mapping[str, object], probe: str, args: list[Any], options: dict[str, Any]
) -> Outcome:
    """What our own code answers: as `Local`, but the shared probes, which change nothing, work on the inputs
    themselves.
    """
    if probe not in probing.SHARED:
        return Local(exercise, namespace).run(probe, args, options, "cpu")
    state = torch.random.get_rng_state()
    said = probing.run(probing.Implementation(namespace), _probe(exercise, probe), args, options, "")
    torch.random.set_rng_state(state)
    return outcome(wire.as_received(said), 0.0)


def outcome(said: Value, seconds: float) -> Outcome:
    """The outcome that a worker's answer claims; WireError if it claims none."""
    if not isinstance(said, dict):
        raise WireError("the answer is not a dict")
    prints = said.get("prints")
    told = prints if isinstance(prints, str) else ""
    failure = said.get("failure")
    if failure is None:
        return Outcome(said.get("value"), None, told, seconds)
    return Outcome(None, read_failure(failure), told, seconds)


@dataclass(frozen=True)
class Case:
    """One question that a test asked: the probe and its inputs, what came back, and how answers are compared."""

    test: str
    part: str
    probe: str
    args: list[Any]
    options: dict[str, Any]
    answer: Outcome
    wrong: bool
    check: Check | None = None
    tolerance: Tolerance | None = None
    device: str = "cpu"

    def alike(self, other: Outcome) -> bool:
        """Whether another implementation's answer amounts to the same as the student's."""
        if self.answer.failure or other.failure:
            return _kind(self.answer.failure) == _kind(other.failure)
        if self.check:
            mine, theirs = (complaint(self.check, value) for value in (self.answer.value, other.value))
            return without_numbers(mine) == without_numbers(theirs)
        if self.device == "elsewhere" and _devices(other.value) != _devices(self.answer.value):
            return False
        return compare.same(other.value, self.answer.value, self.tolerance)


@dataclass(frozen=True)
class Block:
    """Why no more of a part is run.

    Attributes:
        static: it was found by reading the file, before anything of it was run: safe to show at every level.
    """

    reason: str
    static: bool = False


@dataclass(frozen=True)
class Verdict:
    """One hidden test's verdict before points are given; for `static` see `TestResult`."""

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


@dataclass
class Trial:
    """One submission before the judge: who answers, and what has been asked and found so far."""

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
    exempt: bool = (
        False  # the student is PyTorch itself, which need not make the checks that only the contract asks for
    )
    transcript: list[Case] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    blocked: dict[str, Block] = field(default_factory=dict)  # parts of which no more is run
    uses: Mapping[str, frozenset[str]] = field(default_factory=dict)  # the other parts that a part's code uses
    on_verdict: Callable[[Verdict], None] | None = None

    def judge(self, verdict: Verdict) -> None:
        """Record a verdict."""
        self.verdicts.append(verdict)
        if self.on_verdict:
            self.on_verdict(verdict)


def complaint(check: Check, value: Value) -> str | None:
    """What the check says, or that the value is not even of the right form."""
    try:
        return check(value)
    except Exception as error:  # the value is a claim and may have any form
        return f"what came back has the wrong form ({type(error).__name__})"


def without_numbers(text: str | None) -> str | None:
    """A complaint with its numbers blotted out."""
    return text and re.sub(r"[-+]?\d[\d.,e+-]*|nan|inf", "#", text)


def _kind(failure: Failure | None) -> str | None:
    if failure is None:
        return None
    return failure.type if failure.kind == "exception" else failure.kind


def _devices(value: Value) -> list[str]:
    """The devices that the tensors of a probe's result were on."""
    result = value.get("result") if isinstance(value, dict) else value
    return [sent_device(result)] if isinstance(result, torch.Tensor) else []


def _probe(exercise: Exercise, name: str) -> probing.Probe:
    try:
        return content.probes(exercise)[name]
    except KeyError:
        raise ContentError(f"{exercise.id}: there is no probe {name!r} in its probes.py") from None
