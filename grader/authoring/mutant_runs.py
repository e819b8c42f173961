"""Mutants before the hidden tests: each in a forked child of its own, which may hang, crash or eat memory.

The parent has asked the reference every question once, so that a child only answers for its mutant, and it ends at the
first test that fails. Needs `fork`: Linux and macOS.
"""

from __future__ import annotations

import json
import math
import os
import resource
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import GraderError
from ..exercise import content
from ..judge.hidden_tests import run_hidden_tests
from ..judge.trial import Local, Trial, Verdict
from ..model import Exercise
from .mutation import Mutant, mutants

SEED = 0
"""Every mutant is asked the same questions."""

LEAST_SECONDS = 10.0
SLOWER = 10.0
"""A mutant may use this many times the reference's CPU time for its part, and `LEAST_SECONDS`, or it counts as hung."""

PATIENCE = 5.0
"""How many times as long that may take by the clock: the machine may be busy, and the mutant asleep."""

MEMORY = 4 << 30
"""Bytes that a mutant may take beyond what the parent has."""


@dataclass(frozen=True)
class Fate:
    """What became of one mutant.

    Attributes:
        status: `killed` by a failing test, by its limits or by a crash; `survived` every test; `error` if the grader
            itself failed on it.
        by: the test that failed, `time` or `crash`; for an error what it says.
    """

    mutant: Mutant
    status: Literal["killed", "survived", "error"]
    by: str


def fates(exercise: Exercise, parts: tuple[str, ...] = (), seed: int = SEED) -> Iterator[Fate]:
    """Put every mutant of an exercise before the hidden tests of its part, the short trainings included.

    Args:
        parts: only the mutants of these; empty for all.

    Raises:
        GraderError: the reference itself does not pass.
    """
    chosen = [part.name for part in exercise.parts if not parts or part.name in parts]
    source = exercise.solution.read_text("utf-8")
    for part in chosen:
        seconds = LEAST_SECONDS + SLOWER * _reference(exercise, part, seed)
        for mutant in mutants(source, [part]):
            yield fate(exercise, mutant, seed, seconds)


def fate(exercise: Exercise, mutant: Mutant, seed: int, seconds: float) -> Fate:
    """What becomes of one mutant; it is killed after this many seconds of CPU time, or `PATIENCE` times as many."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        _child(exercise, mutant, seed, sender, seconds)
    os.close(sender)
    said = _heard(receiver, time.monotonic() + PATIENCE * seconds)
    os.close(receiver)
    if said is None:
        os.kill(child, signal.SIGKILL)
    _, ended = os.waitpid(child, 0)
    if said is None or (os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGXCPU):
        return Fate(mutant, "killed", "time")
    if not said:
        return Fate(mutant, "killed", "crash")
    status, by = json.loads(said)
    return Fate(mutant, status, by)


def _reference(exercise: Exercise, part: str, seed: int) -> float:
    """The reference before the part's tests, so that its answers are known to every child; its CPU seconds."""
    began = time.process_time()
    trial = Trial(exercise, Local(exercise, content.reference(exercise)), seed, only=frozenset({part}))
    trial.training = "quick"
    for verdict in run_hidden_tests(trial).verdicts:
        if verdict.status in ("fail", "error"):
            raise GraderError(f"{exercise.id}: the reference itself gets {verdict.status} at {verdict.id}")
    return time.process_time() - began


def _child(exercise: Exercise, mutant: Mutant, seed: int, sender: int, seconds: float) -> None:
    """Judge the mutant and tell the parent; never returns."""

    def tell(status: str, by: str) -> None:
        os.write(sender, json.dumps([status, by[:500]]).encode())
        os._exit(0)

    def on_verdict(verdict: Verdict) -> None:
        if verdict.status == "fail":
            tell("killed", verdict.id)
        if verdict.status == "error":
            tell("error", f"{verdict.id}: {verdict.message}")

    try:
        _limit(seconds)
        namespace: dict[str, object] = {"__name__": exercise.module.removesuffix(".py")}
        try:
            exec(compile(mutant.source, "<mutant>", "exec"), namespace)
        except Exception as error:
            tell("killed", f"import: {type(error).__name__}")
        trial = Trial(
            exercise, Local(exercise, namespace, "<mutant>"), seed, only=frozenset({mutant.part}), on_verdict=on_verdict
        )
        trial.training = "quick"
        run_hidden_tests(trial)
        tell("survived", "")
    except BaseException as error:  # whatever happens here, the child must not go on as a second parent
        tell("error", f"{type(error).__name__}: {error}")
    finally:
        os._exit(1)


def _heard(receiver: int, until: float) -> bytes | None:
    """All that the child says before it ends; None if time is over."""
    said = b""
    while (left := until - time.monotonic()) > 0:
        if select.select([receiver], [], [], left)[0]:
            chunk = os.read(receiver, 4096)
            if not chunk:
                return said
            said += chunk
    return None


def _limit(seconds: float) -> None:
    """Bound this process's CPU time and memory."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, math.ceil(seconds))
    pages = Path("/proc/self/statm")
    if pages.is_file():
        taken = int(pages.read_text().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, taken + MEMORY)


def _lower(limit: int, value: int) -> None:
    """Set a limit of this process, within what it is allowed already."""
    hard = resource.getrlimit(limit)[1]
    resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
