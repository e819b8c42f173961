"""The vocabulary of an exercise's author, and loading of content: references, built-ins, misconceptions.

Everything loaded here runs in the grader, never beside a student's code.
"""

from __future__ import annotations

import functools
import importlib
import linecache
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ..errors import ContentError
from ..model import RUNGS, Exercise, Misconception
from ..worker import probing

F = TypeVar("F", bound=Callable[..., Any])


def part(name: str) -> pytest.MarkDecorator:
    """Mark a hidden test (or `pytestmark`) with the part that it is about."""
    return pytest.mark.part(name)


def parts(*names: str, **named: str) -> Callable[[F], F]:
    """Make of one part's hidden test a test of several parts, of which the same is asked.

    The test is named after one of them; the others get a test of their own name beside it. The other marks go below:

        @parts(mse="mse_loss", l1="l1_loss")
        @rung("shape")
        def test_mse_keeps_the_shape(judge, draw):  # and test_l1_keeps_the_shape

    Args:
        names: parts that are called in their tests' names as they are.
        named: parts that are called otherwise there.

    Raises:
        ContentError: the test is not named after one of the parts.
    """
    words = {**{name: name for name in names}, **named}

    def make(test: F) -> F:
        own = [word for word in words if test.__name__.startswith(f"test_{word}_")]
        if not own:
            raise ContentError(f"{test.__name__} is not named after one of its parts: test_{min(words)}_…, say")
        word = max(own, key=len)
        marks = list(getattr(test, "pytestmark", []))
        for other, name in words.items():
            if other != word:
                full_name = f"test_{other}_{test.__name__.removeprefix(f'test_{word}_')}"
                twin = types.FunctionType(test.__code__, test.__globals__, full_name, test.__defaults__)
                twin.__dict__.update(test.__dict__, pytestmark=[*marks])
                twin.__doc__, twin.__module__ = test.__doc__, test.__module__
                test.__globals__[full_name] = part(name)(twin)
        marked: F = part(words[word])(test)
        return marked

    return make


def rung(name: str) -> pytest.MarkDecorator:
    """Mark a hidden test with its rung; see `model.RUNGS`."""
    if name not in RUNGS:
        raise ContentError(f"there is no rung {name!r}; the rungs are {', '.join(RUNGS)}")
    return pytest.mark.rung(name)


def bar(name: str) -> pytest.MarkDecorator:
    """Mark a hidden test on the rung `bar` with the exercise's bar that it requires."""
    return pytest.mark.bar(name)


def misconception(part: str, id: str, explanation: str, advice: str, *, fails: str | list[str]) -> Callable[[F], F]:
    """Register a runnable wrong implementation of a part.

    Args:
        part: the function or class that it replaces.
        id: its name, in words joined by hyphens: `sum-instead-of-mean`.
        explanation: what the code does, addressed to the student: "You add the squares up but never divide …".
        advice: what to try, without giving the line away.
        fails: the hidden tests that it must fail, by function name.
    """
    names = (fails,) if isinstance(fails, str) else tuple(fails)

    def register(implementation: F) -> F:
        _pending.append(Misconception(id, part, explanation, advice, names, implementation))
        return implementation

    return register


_pending: list[Misconception] = []
"""Misconceptions registered so far by the file that is being loaded."""


def run_file(file: Path) -> dict[str, Any]:
    """Run a trusted content file and return its namespace; ContentError if it raises."""
    try:
        source = file.read_text("utf-8")
        linecache.cache[str(file)] = (len(source), None, source.splitlines(True), str(file))
        namespace: dict[str, Any] = {"__name__": f"nnkata_content_{file.stem}", "__file__": str(file)}
        exec(compile(source, str(file), "exec"), namespace)
    except Exception as error:  # an author's file may raise anything
        raise ContentError(f"{file}: {type(error).__name__}: {error}") from error
    return namespace


@functools.cache
def reference(exercise: Exercise) -> Mapping[str, object]:
    """Return the reference solution's namespace."""
    return run_file(exercise.solution)


@functools.cache
def builtins(exercise: Exercise) -> Mapping[str, object]:
    """Return PyTorch's own implementation of each part that has one."""
    return {part.name: import_dotted(part.builtin) for part in exercise.parts if part.builtin}


@functools.cache
def misconceptions(exercise: Exercise) -> tuple[Misconception, ...]:
    """Return the exercise's misconceptions, in the order of its file; none if there is no such file."""
    if not exercise.misconceptions.is_file():
        return ()
    _pending.clear()
    run_file(exercise.misconceptions)
    return tuple(_pending)


def with_misconception(exercise: Exercise, wrong: Misconception) -> dict[str, object]:
    """Return the reference's namespace with one part replaced by a misconception."""
    return {**reference(exercise), wrong.part: wrong.implementation}


@functools.cache
def probes(exercise: Exercise) -> Mapping[str, probing.Probe]:
    """Return the probes of the exercise, by name."""
    return probing.load_probes(probe_source(exercise))


@functools.cache
def probe_source(exercise: Exercise) -> str:
    """Return the text of the exercise's `probes.py`, empty if it has none."""
    file = exercise.tests / "probes.py"
    return file.read_text("utf-8") if file.is_file() else ""


def import_dotted(name: str) -> object:
    """Import the object of a dotted name such as `torch.nn.functional.mse_loss`."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        raise ContentError(f"there is no {name}, which exercise.toml names as a built-in") from None
