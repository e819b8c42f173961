"""Probes: those that every exercise shares, and how one is run on an implementation.

A probe is a function `probe(impl, *inputs, **options)` that uses an implementation and returns plain data. It
draws nothing and expects nothing, so the same probe runs on a student's module (in the worker), on the
reference, on PyTorch's built-ins and on each misconception (in the grader). An exercise adds its own in
`tests/hidden/<id>/probes.py`. This module runs beside the student's code: torch and the standard library only.
"""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, TextIO

import torch
from torch.utils._pytree import tree_map

from ..model import PLACEHOLDER
from . import fake_device, training_probes
from .training_progress import OnProgress, report, reported_to

Probe = Callable[..., object]

MAX_PRINTED_CHARACTERS = 4_000

_debug_output: ContextVar[tuple[TextIO, TextIO] | None] = ContextVar("debug_output", default=None)
"""Set by `prints_shown` for `captured_prints`."""


def call(impl: Any, part: str, *args: Any, **options: Any) -> object:
    """Call the part once; return its result, and its arguments as they are afterwards."""
    result = getattr(impl, part)(*args, **options)
    return {"result": result, "arguments": [_detach(value) for value in (*args, *options.values())]}


def gradient(impl: Any, part: str, *args: Any, wrt: list[int] | None = None, **options: Any) -> object:
    """Return the part's result and the gradients of a weighted sum of it with respect to the arguments in `wrt`.

    The weights run from 0.5 to 1.5 over the result, so that no two elements count the same. Where no gradient
    arrives there is None in its place.
    """
    wrt = [0] if wrt is None else wrt
    leaves = [arg.detach().requires_grad_() if i in wrt else arg for i, arg in enumerate(args)]
    result = getattr(impl, part)(*leaves, **options)
    return {"result": result, "gradient": gradients(result, [leaves[i] for i in wrt])}


def gradients(result: Any, wrt: list[torch.Tensor]) -> list[torch.Tensor | None]:
    """Return the gradients of a weighted sum of `result` (see `gradient`) with respect to each of `wrt`, or None."""
    if not isinstance(result, torch.Tensor) or not result.requires_grad or not result.is_floating_point():
        return [None] * len(wrt)
    weights = torch.linspace(0.5, 1.5, max(result.numel(), 1), dtype=torch.float64)[: result.numel()]
    weights = weights.to(device=result.device, dtype=result.dtype).reshape(result.shape)
    return list(torch.autograd.grad((result * weights).sum(), wrt, allow_unused=True))


SHARED: Mapping[str, Probe] = {"call": call, "gradient": gradient}


_GIVEN_NAMES: Mapping[str, object] = {"gradients": gradients, "report": report, "elsewhere": fake_device}
"""Names that a `probes.py` may use without importing them."""


def load_probes(source: str) -> dict[str, Probe]:
    """Execute a `probes.py`; return the probes that it defines, with those that are always there beside them."""
    namespace: dict[str, Any] = {"__name__": "probes", **_GIVEN_NAMES}
    exec(compile(source, "<probes>", "exec"), namespace)
    own = {
        name: value
        for name, value in namespace.items()
        if callable(value) and not name.startswith("_") and name not in _GIVEN_NAMES
    }
    return {**training_probes.PROBES, **SHARED, **own}


def run(
    impl: object,
    probe: Probe,
    args: list[Any],
    options: dict[str, Any],
    file: str,
    device: str = "cpu",
    *,
    on_progress: OnProgress | None = None,
) -> dict[str, object]:
    """Run one probe and return what happened, as plain data: `value` or `failure`, and `prints`.

    Args:
        device: where the inputs are moved first: a torch device, or `elsewhere` (see `fake_device`).
        file: the name under which the student's source was compiled; of a traceback only its lines are kept.
        on_progress: called with what the probe reports meanwhile.
    """
    outcome: dict[str, object] = {}
    torch.set_grad_enabled(True)  # whatever an earlier call left behind
    with captured_prints() as prints, reported_to(on_progress):
        try:
            outcome["value"] = _call_on_device(device, probe, impl, args, options)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit() and the like are failures of the student's code too
            outcome["failure"] = describe_exception(error, file)
    outcome["prints"] = prints.text()
    return outcome


def _call_on_device(device: str, probe: Probe, impl: object, args: list[Any], options: dict[str, Any]) -> object:
    if device == "cpu":
        return probe(impl, *args, **options)
    if device == "elsewhere":
        with fake_device.FakeDeviceMode():  # type: ignore[no-untyped-call]
            value = probe(impl, *fake_device.wrap(args), **fake_device.wrap(options))
        return fake_device.unwrap(value)
    args, options = tree_map(lambda leaf: leaf.to(device) if isinstance(leaf, torch.Tensor) else leaf, (args, options))
    return probe(impl, *args, **options)


def describe_exception(error: BaseException, file: str) -> dict[str, object]:
    """Return an exception as plain data: its class names, its message and the student's own lines."""
    lines: list[tuple[int, str, str]] = []
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == file:
            text = linecache.getline(file, number).strip()
            lines.append((number, str(frame.f_code.co_name)[:80], text[:200]))
    if isinstance(error, SyntaxError) and error.filename == file:
        lines.append((error.lineno or 0, "", (error.text or "").strip()[:200]))
    kind = getattr(type(error), "nnkata_kind", "exception")
    if isinstance(error, NotImplementedError) and lines and _is_placeholder(file, lines[-1][0]):
        kind = "unwritten"
    try:
        message = str(error)[:2_000]
    except Exception:  # a student's __str__ may do anything
        message = ""
    bases = [base.__name__ for base in type(error).__mro__ if base not in (object, BaseException)]
    return {"kind": kind, "type": type(error).__name__, "message": message, "bases": bases, "lines": lines[-5:]}


def _is_placeholder(file: str, line: int) -> bool:
    """Return True if a line is the stub's `raise NotImplementedError`: below its comment, or first in its function."""
    source = linecache.getlines(file)
    if tuple(text.strip().removesuffix("()") for text in source[max(line - 2, 0) : line]) == PLACEHOLDER:
        return True
    try:
        tree = ast.parse("".join(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
            first = node.body[1] if docstring and len(node.body) > 1 else node.body[0]
            if isinstance(first, ast.Raise) and first.lineno == line and first.exc is not None:
                return ast.unparse(first.exc) in ("NotImplementedError", "NotImplementedError()")
    return False


class MissingPart(Exception):
    """The submission does not define the part."""

    nnkata_kind = "missing"


class Implementation:
    """A module as probes see it: a part that is not defined raises `MissingPart`."""

    def __init__(self, namespace: Mapping[str, object]) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> object:
        try:
            return self._namespace[name]
        except KeyError:
            raise MissingPart(name) from None


class Prints(io.TextIOBase):
    """A standard output that keeps the first `MAX_PRINTED_CHARACTERS` and counts the rest."""

    def __init__(self) -> None:
        self.chunks: list[str] = []
        self.remaining = MAX_PRINTED_CHARACTERS
        self.dropped = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        chunk = text[: self.remaining]
        if chunk:
            self.chunks.append(chunk)
        self.remaining -= len(chunk)
        self.dropped += len(text) - len(chunk)
        return len(text)

    def text(self) -> str:
        """Return what was printed, cut short, and how much was cut off."""
        tail = f"\n… and {self.dropped:,} characters more" if self.dropped else ""
        return "".join(self.chunks) + tail


@contextlib.contextmanager
def captured_prints() -> Iterator[Prints]:
    """Replace standard output and error by a `Prints` meanwhile; inside of `prints_shown`, by the streams of then."""
    prints, before = Prints(), (sys.stdout, sys.stderr)
    sys.stdout, sys.stderr = _debug_output.get() or (prints, prints)
    try:
        yield prints
    finally:
        sys.stdout, sys.stderr = before


@contextlib.contextmanager
def prints_shown() -> Iterator[None]:
    """Have every `run` meanwhile print to where this process prints now, for a student who debugs.

    Remembered here and not looked up later, since pytest, which runs the hidden tests, replaces both streams.
    """
    token = _debug_output.set((sys.stdout, sys.stderr))
    try:
        yield
    finally:
        _debug_output.reset(token)


def _detach(value: object) -> object:
    return value.detach() if isinstance(value, torch.Tensor) else value
