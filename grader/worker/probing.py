"""What is done with an implementation: the probes that every exercise shares, and how one is run.

A probe is a function `probe(impl, *inputs, **options)` that uses an implementation and returns plain data. It
draws nothing and expects nothing, so the same probe runs on a student's module (in the worker), on the
reference, on PyTorch's built-ins and on each misconception (in the grader). An exercise adds its own in
`tests/hidden/<id>/probes.py`. This module runs beside the student's code: torch and the standard library only.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.utils._pytree import tree_map

from . import fake_device

Probe = Callable[..., object]

PRINTS_KEPT = 4_000


def silent(**numbers: float) -> None:
    """Progress that nobody watches."""


progress: Callable[..., None] = silent
"""Where a long probe tells how far it is: `progress(epoch=3, loss=0.2)`. The worker puts its channel here."""


def call(impl: Any, part: str, *args: Any, **options: Any) -> object:
    """The part called once: what it returned, and its arguments as they are afterwards."""
    result = getattr(impl, part)(*args, **options)
    return {"result": result, "arguments": [_kept(value) for value in (*args, *options.values())]}


def gradient(impl: Any, part: str, *args: Any, wrt: list[int] | None = None, **options: Any) -> object:
    """The part's result and the gradients of a weighted sum of it with respect to the arguments in `wrt`.

    The weights run from 0.5 to 1.5 over the result, so that no two elements count the same. Where no gradient
    arrives there is None in its place.
    """
    wrt = [0] if wrt is None else wrt
    leaves = [arg.detach().requires_grad_() if i in wrt else arg for i, arg in enumerate(args)]
    result = getattr(impl, part)(*leaves, **options)
    return {"result": result, "gradient": gradients(result, [leaves[i] for i in wrt])}


def gradients(result: Any, wrt: list[torch.Tensor]) -> list[torch.Tensor | None]:
    """Gradients of a weighted sum of `result` (see `gradient`) with respect to each tensor of `wrt`, or None."""
    if not isinstance(result, torch.Tensor) or not result.requires_grad or not result.is_floating_point():
        return [None] * len(wrt)
    weights = torch.linspace(0.5, 1.5, max(result.numel(), 1), dtype=torch.float64)[: result.numel()]
    weights = weights.to(device=result.device, dtype=result.dtype).reshape(result.shape)
    return list(torch.autograd.grad((result * weights).sum(), wrt, allow_unused=True))


def report(**numbers: float) -> None:
    """Tell whoever waits how far a long probe is."""
    progress(**numbers)


SHARED: Mapping[str, Probe] = {"call": call, "gradient": gradient}


def load_probes(source: str) -> dict[str, Probe]:
    """The probes that a `probes.py` defines, with the shared ones beside them."""
    namespace: dict[str, Any] = {
        "__name__": "probes",
        "gradients": gradients,
        "report": report,
        "elsewhere": fake_device,
    }
    exec(compile(source, "<probes>", "exec"), namespace)
    own = {
        name: value
        for name, value in namespace.items()
        if callable(value) and not name.startswith("_") and name not in ("gradients", "report")
    }
    return {**SHARED, **own}


def run(
    impl: object, probe: Probe, args: list[Any], options: dict[str, Any], file: str, device: str = "cpu"
) -> dict[str, object]:
    """Run one probe and say what happened, as plain data: `value` or `failure`, and `prints`.

    Args:
        device: where the inputs are moved first: a torch device, or `elsewhere` (see `fake_device`).
        file: the name under which the student's source was compiled; of a traceback only its lines are kept.
    """
    said: dict[str, object] = {}
    torch.set_grad_enabled(True)  # whatever an earlier call left behind
    with captured_prints() as prints:
        try:
            said["value"] = _on(device, probe, impl, args, options)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit() and the like are failures of the student's code too
            said["failure"] = describe(error, file)
    said["prints"] = prints.text()
    return said


def _on(device: str, probe: Probe, impl: object, args: list[Any], options: dict[str, Any]) -> object:
    if device == "cpu":
        return probe(impl, *args, **options)
    if device == "elsewhere":
        with fake_device.World():  # type: ignore[no-untyped-call]
            value = probe(impl, *fake_device.send(args), **fake_device.send(options))
        return fake_device.bring_back(value)
    args, options = tree_map(lambda leaf: leaf.to(device) if isinstance(leaf, torch.Tensor) else leaf, (args, options))
    return probe(impl, *args, **options)


def describe(error: BaseException, file: str) -> dict[str, object]:
    """An exception as plain data: its class names, its message and the student's own lines."""
    lines = []
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == file:
            text = linecache.getline(file, number).strip()
            lines.append([number, str(frame.f_code.co_name)[:80], text[:200]])
    if isinstance(error, SyntaxError) and error.filename == file:
        lines.append([error.lineno or 0, "", (error.text or "").strip()[:200]])
    kind = getattr(type(error), "nnkata_kind", "exception")
    if isinstance(error, NotImplementedError) and not str(error) and lines:
        kind = "unwritten"
    try:
        message = str(error)[:2_000]
    except Exception:  # a student's __str__ may do anything
        message = ""
    bases = [base.__name__ for base in type(error).__mro__ if base not in (object, BaseException)]
    return {"kind": kind, "type": type(error).__name__, "message": message, "bases": bases, "lines": lines[-5:]}


class MissingPart(Exception):
    """The submission does not define the part."""

    nnkata_kind = "missing"


class Submission:
    """A student's module as probes see it: a part that is not defined raises `MissingPart`."""

    def __init__(self, namespace: Mapping[str, object]) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> object:
        try:
            return self._namespace[name]
        except KeyError:
            raise MissingPart(name) from None


class Prints(io.TextIOBase):
    """A standard output that keeps the first `PRINTS_KEPT` characters and counts the rest."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.room = PRINTS_KEPT
        self.lost = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        kept = text[: self.room]
        if kept:
            self.kept.append(kept)
        self.room -= len(kept)
        self.lost += len(text) - len(kept)
        return len(text)

    def text(self) -> str:
        tail = f"\n… and {self.lost:,} characters more" if self.lost else ""
        return "".join(self.kept) + tail


@contextlib.contextmanager
def captured_prints() -> Iterator[Prints]:
    """Standard output and error go to a `Prints` meanwhile."""
    prints, before = Prints(), (sys.stdout, sys.stderr)
    sys.stdout = sys.stderr = prints
    try:
        yield prints
    finally:
        sys.stdout, sys.stderr = before


def _kept(value: object) -> object:
    return value.detach() if isinstance(value, torch.Tensor) else value
