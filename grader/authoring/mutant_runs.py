"""Run mutants against the hidden tests, each in its own forked child, which may hang, crash or use up memory.

The parent has asked the reference every question first, so that a child only runs its mutant, and it stops at the first
test that fails. Needs `fork`: Linux and macOS.
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
from ..worker import process_setup
from .mutation import Mutant, mutants

SEED = 0
"""The seed of every mutant's questions."""

MIN_CPU_SECONDS = 10.0
CPU_TIME_FACTOR = 10.0
"""A mutant counts as hung after `MIN_CPU_SECONDS` and this many times the reference's CPU time for its part."""

WALL_CLOCK_FACTOR = 5.0
"""Wall-clock limit as a multiple of the CPU limit: the machine may be busy, and the mutant may sleep."""

MAX_EXTRA_BYTES = 4 << 30
"""Most bytes that a mutant may use beyond what the parent has."""


@dataclass(frozen=True)
class MutantOutcome:
    """The outcome of one mutant.

    Attributes:
        status: `killed` by a failing test, by its limits or by a crash; `survived` every test; `error` if the grader
            itself failed on it.
        by: the test that failed, `time` or `crash`; for an error its message.
    """

    mutant: Mutant
    status: Literal["killed", "survived", "error"]
    by: str


def run_mutants(exercise: Exercise, parts: tuple[str, ...] = (), seed: int = SEED) -> Iterator[MutantOutcome]:
    """Run every mutant of an exercise against the hidden tests of its part, the short trainings included.

    Args:
        parts: only the mutants of these; empty for all.

    Raises:
        GraderError: the reference itself does not pass.
    """
    process_setup.prepare_torch()
    chosen = [part.name for part in exercise.parts if not parts or part.name in parts]
    source = exercise.solution.read_text("utf-8")
    for part in chosen:
        seconds = MIN_CPU_SECONDS + CPU_TIME_FACTOR * _run_reference(exercise, part, seed)
        for mutant in mutants(source, [part]):
            yield run_mutant(exercise, mutant, seed, seconds)


def run_mutant(exercise: Exercise, mutant: Mutant, seed: int, seconds: float) -> MutantOutcome:
    """Run one mutant; kill it after so many seconds of CPU time, or `WALL_CLOCK_FACTOR` times as many by the clock."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        _run_in_child(exercise, mutant, seed, sender, seconds)
    os.close(sender)
    output = _read_until_end(receiver, time.monotonic() + WALL_CLOCK_FACTOR * seconds)
    os.close(receiver)
    if output is None:
        os.kill(child, signal.SIGKILL)
    _, ended = os.waitpid(child, 0)
    if output is None or (os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGXCPU):
        return MutantOutcome(mutant, "killed", "time")
    if not output:
        return MutantOutcome(mutant, "killed", "crash")
    status, by = json.loads(output)
    return MutantOutcome(mutant, status, by)


def _run_reference(exercise: Exercise, part: str, seed: int) -> float:
    """Run the reference, so that every child inherits its answers, and return the CPU seconds that it took."""
    began = time.process_time()
    trial = Trial(exercise, Local(exercise, content.reference(exercise)), seed, only=frozenset({part}))
    trial.training = "quick"
    for verdict in run_hidden_tests(trial).verdicts:
        if verdict.status in ("fail", "error"):
            raise GraderError(f"{exercise.id}: the reference itself gets {verdict.status} at {verdict.id}")
    return time.process_time() - began


def _run_in_child(exercise: Exercise, mutant: Mutant, seed: int, sender: int, seconds: float) -> None:
    """Judge the mutant and report to the parent; never return."""

    def tell(status: str, by: str) -> None:
        os.write(sender, json.dumps([status, by[:500]]).encode())
        os._exit(0)

    def on_verdict(verdict: Verdict) -> None:
        if verdict.status == "fail":
            tell("killed", verdict.id)
        if verdict.status == "error":
            tell("error", f"{verdict.id}: {verdict.message}")

    try:
        _limit_process(seconds)
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


def _read_until_end(receiver: int, deadline: float) -> bytes | None:
    """Return all that the child writes before it ends, or None if time runs out."""
    output = b""
    while (left := deadline - time.monotonic()) > 0:
        if select.select([receiver], [], [], left)[0]:
            chunk = os.read(receiver, 4096)
            if not chunk:
                return output
            output += chunk
    return None


def _limit_process(seconds: float) -> None:
    """Bound this process's CPU time and memory."""
    _lower_limit(resource.RLIMIT_CORE, 0)
    _lower_limit(resource.RLIMIT_CPU, math.ceil(seconds))
    pages = Path("/proc/self/statm")
    if pages.is_file():
        taken = int(pages.read_text().split()[0]) * resource.getpagesize()
        _lower_limit(resource.RLIMIT_AS, taken + MAX_EXTRA_BYTES)


def _lower_limit(limit: int, value: int) -> None:
    """Set a limit of this process, within what it is allowed already."""
    hard = resource.getrlimit(limit)[1]
    resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
