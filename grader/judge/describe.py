"""How calls, values and failures are told to a person: short, on one line, and never by a name that could deceive."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_args

import torch

from ..exercise import content
from ..model import Exercise, Failure, FailureKind, SourceLine, Value
from ..worker import probing
from ..worker.printable import strip_unprintable
from . import compare

WIDTH = 110


def told_call(exercise: Exercise, probe: str, args: list[Any], options: dict[str, Any]) -> str:
    """What was done, on one line: the call itself, or the first sentence of the probe's docstring."""
    if probe in probing.SHARED:
        part, *rest = args
        shown = [told(value) for value in rest]
        shown += [f"{name}={told(value)}" for name, value in options.items() if name != "wrt"]
        return f"{part}({', '.join(shown)})"
    doc = inspect.getdoc(content.probes(exercise)[probe]) or probe
    sentence = " ".join(doc.split("\n\n")[0].split())
    shown = [told(value) for value in args] + [f"{name}={told(value)}" for name, value in options.items()]
    text = f"{sentence} [{', '.join(shown)}]" if shown else sentence
    return text if len(text) <= 2 * WIDTH else text[: 2 * WIDTH - 2] + " …"


def told(value: Any) -> str:  # Any: whatever a test passes
    """A value, small: tensors of up to eight values in full, larger ones by dtype and shape."""
    if isinstance(value, torch.Tensor):
        name = str(value.dtype).removeprefix("torch.")
        if value.numel() <= 8:
            body = _nested(value.tolist())
            return f"tensor({body})" if name in ("float32", "int64", "bool") else f"tensor({body}, {name})"
        return f"<{name} {tuple(value.shape)}>"
    if isinstance(value, float):
        return compare.short(value)
    if isinstance(value, list | tuple):
        inner = ", ".join(told(item) for item in value[:6])
        return f"[{inner}{', …' if len(value) > 6 else ''}]"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _nested(values: Any) -> str:  # Any: what tolist gives
    if isinstance(values, list):
        return "[" + ", ".join(_nested(value) for value in values) + "]"
    return compare.short(values)


def clean(text: str, limit: int = 2_000) -> str:
    """Text from outside, harmless on a terminal: no control or direction-changing characters, no more than `limit`."""
    kept = strip_unprintable(text)
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def text_of(value: Value, limit: int) -> str:
    """A claimed text, cleaned; nothing if it is no text."""
    return clean(value, limit) if isinstance(value, str) else ""


def read_failure(claim: Value) -> Failure:
    """The failure that a worker's answer claims, with every text in it cleaned."""
    claim = claim if isinstance(claim, dict) else {}
    kind, lines, bases = claim.get("kind"), claim.get("lines"), claim.get("bases")
    if kind not in get_args(FailureKind):
        kind = "exception"
    return Failure(
        kind=kind,  # type: ignore[arg-type]
        type=_word(claim.get("type")),
        message=re.sub(r"\n{2,}", "\n", text_of(claim.get("message"), 600)),
        bases=tuple(_word(base) for base in bases) if isinstance(bases, list) else (),
        lines=tuple(_line(line) for line in lines[:5] if isinstance(line, list)) if isinstance(lines, list) else (),
    )


def _word(value: Value) -> str:
    return clean(value, 80).replace("\n", " ") if isinstance(value, str) else "Exception"


def _line(line: list[Value]) -> SourceLine:
    number, function, text = (*line, None, None, None)[:3]
    return SourceLine(number if isinstance(number, int) else 0, _word(function), text_of(text, 160))
