"""What the author of an exercise writes with, and how it is loaded: references, built-ins, misconceptions.

Everything loaded here runs in the grader, never beside a student's code.
"""

from __future__ import annotations

import functools
import importlib
import linecache
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ..errors import ContentError
from ..model import RUNGS, Exercise, Misconception
from ..worker import probing

F = TypeVar("F", bound=Callable[..., Any])


def part(name: str) -> pytest.MarkDecorator:
    """Marks a hidden test (or `pytestmark`) with the part that it is about."""
    return pytest.mark.part(name)


def rung(name: str) -> pytest.MarkDecorator:
    """Marks a hidden test with its rung of the ladder; see `model.RUNGS`."""
    if name not in RUNGS:
        raise ContentError(f"there is no rung {name!r}; there are {', '.join(RUNGS)}")
    return pytest.mark.rung(name)


def bar(name: str) -> pytest.MarkDecorator:
    """Marks a hidden test on the rung `bar` with the exercise's bar that it asks for."""
    return pytest.mark.bar(name)


def misconception(part: str, id: str, explanation: str, advice: str, *, fails: str | list[str]) -> Callable[[F], F]:
    """Registers a runnable wrong implementation of a part.

    Args:
        part: the function or class that it stands in for.
        id: its name, in words joined by hyphens: `sum-instead-of-mean`.
        explanation: what the code does, said to the student: "You add the squares up but never divide …".
        advice: what to try, without giving the line away.
        fails: the hidden tests that it must fail, by function name.
    """
    names = (fails,) if isinstance(fails, str) else tuple(fails)

    def register(implementation: F) -> F:
        _pending.append(Misconception(id, part, explanation, advice, names, implementation))
        return implementation

    return register


_pending: list[Misconception] = []
"""What `misconception` registered since the file that is being loaded began."""


def run_file(file: Path) -> dict[str, Any]:
    """The namespace that a trusted content file leaves behind; ContentError if it does not run."""
    try:
        source = file.read_text("utf-8")
        linecache.cache[str(file)] = (len(source), None, source.splitlines(True), str(file))
        namespace: dict[str, Any] = {"__name__": f"nnkata_content_{file.stem}", "__file__": str(file)}
        exec(compile(source, str(file), "exec"), namespace)
    except Exception as error:
        raise ContentError(f"{file}: {type(error).__name__}: {error}") from error
    return namespace


@functools.cache
def reference(exercise: Exercise) -> Mapping[str, object]:
    """The reference solution's namespace."""
    return run_file(exercise.solution)


@functools.cache
def builtins(exercise: Exercise) -> Mapping[str, object]:
    """PyTorch's own implementation of each part that has one."""
    return {part.name: dotted(part.builtin) for part in exercise.parts if part.builtin}


@functools.cache
def misconceptions(exercise: Exercise) -> tuple[Misconception, ...]:
    """The exercise's misconceptions, in the order of its file; none if there is no such file."""
    if not exercise.misconceptions.is_file():
        return ()
    _pending.clear()
    run_file(exercise.misconceptions)
    return tuple(_pending)


def standing_in(exercise: Exercise, wrong: Misconception) -> dict[str, object]:
    """The reference's namespace with one part replaced by a misconception."""
    return {**reference(exercise), wrong.part: wrong.implementation}


@functools.cache
def probes(exercise: Exercise) -> Mapping[str, probing.Probe]:
    """The probes of the exercise."""
    return probing.load_probes(probe_source(exercise))


@functools.cache
def probe_source(exercise: Exercise) -> str:
    """The text of the exercise's `probes.py`, empty if it has none."""
    file = exercise.tests / "probes.py"
    return file.read_text("utf-8") if file.is_file() else ""


def dotted(name: str) -> object:
    """The object of a dotted name such as `torch.nn.functional.mse_loss`."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        raise ContentError(f"there is no {name}: it is named as a built-in") from None
