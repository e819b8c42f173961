"""Calls, values and failures in words: short, on one line, and without characters that could deceive a reader."""

from __future__ import annotations

import inspect
import re
from typing import Any, get_args

import torch

from ..exercise import content
from ..model import Exercise, Failure, FailureKind, SourceLine, Value
from ..worker.printable import strip_unprintable
from . import compare
from .question import Question

WIDTH = 110


def call(exercise: Exercise, question: Question) -> str:
    """Return one line on what was done: the call itself, or the first sentence of the probe's docstring."""
    if question.is_shared:
        part, *args = question.args
        shown = [value(arg) for arg in args]
        shown += [f"{name}={value(option)}" for name, option in question.options.items() if name != "wrt"]
        return f"{part}({', '.join(shown)})"
    doc = inspect.getdoc(content.probes(exercise)[question.probe]) or question.probe
    sentence = " ".join(doc.split("\n\n")[0].split())
    shown = [value(arg) for arg in question.args]
    shown += [f"{name}={value(option)}" for name, option in question.options.items()]
    text = f"{sentence} [{', '.join(shown)}]" if shown else sentence
    return text if len(text) <= 2 * WIDTH else text[: 2 * WIDTH - 2] + " …"


def value(thing: Any) -> str:  # Any: whatever a test passes
    """Return a value as short text: tensors of up to eight values in full, larger ones by dtype and shape."""
    if isinstance(thing, torch.Tensor):
        dtype = str(thing.dtype).removeprefix("torch.")
        if thing.numel() <= 8:
            body = _nested(thing.tolist())
            return f"tensor({body})" if dtype in ("float32", "int64", "bool") else f"tensor({body}, {dtype})"
        return f"<{dtype} {tuple(thing.shape)}>"
    if isinstance(thing, float):
        return compare.short(thing)
    if isinstance(thing, list | tuple):
        inner = ", ".join(value(item) for item in thing[:6])
        return f"[{inner}{', …' if len(thing) > 6 else ''}]"
    text = repr(thing)
    return text if len(text) <= 60 else text[:57] + "…"


def failure(failure: Failure, part: str) -> tuple[str, ...]:
    """Return the lines on why a part returned no value: what happened, then the student's own last lines on the way."""
    if failure.kind == "unwritten":
        return (f"{part} is not written yet",)
    if failure.kind == "missing":
        return (f"{failure.message} is not defined in your file. Is it spelled as in the stub?",)
    if failure.kind in ("timeout", "crash", "refused", "forbidden", "import"):
        head = failure.message
    else:
        head = f"{failure.type}: {failure.message}" if failure.message else failure.type
    where = tuple(f"{line.where}, in {line.function}: {line.text}" for line in failure.lines[-2:])
    return (head, *where)


def with_article(name: str) -> str:
    """Return a class's name with its article: a ValueError, an IndexError."""
    return f"{'an' if name[:1] in 'AEIO' else 'a'} {name}"


def _nested(values: Any) -> str:  # Any: what tolist gives
    if isinstance(values, list):
        return "[" + ", ".join(_nested(value) for value in values) + "]"
    return compare.short(values)


def clean(text: str, limit: int = 2_000) -> str:
    """Return text from outside, harmless on a terminal and no longer than `limit`.

    Control characters are left out, and those that change the direction of the text.
    """
    printable = strip_unprintable(text)
    return printable if len(printable) <= limit else printable[: limit - 1] + "…"


def text_of(reply: Value, limit: int) -> str:
    """Return an untrusted text, cleaned; the empty string if it is no text."""
    return clean(reply, limit) if isinstance(reply, str) else ""


def parse_failure(reply: Value) -> Failure:
    """Return the failure that an untrusted reply reports, of whatever form it is, with every text in it cleaned."""
    reply = reply if isinstance(reply, dict) else {}
    kind, lines, bases = reply.get("kind"), reply.get("lines"), reply.get("bases")
    if kind not in get_args(FailureKind):
        kind = "exception"
    return Failure(
        kind=kind,  # type: ignore[arg-type]
        type=_word(reply.get("type")),
        message=re.sub(r"\n{2,}", "\n", text_of(reply.get("message"), 600)),
        bases=tuple(_word(base) for base in bases) if isinstance(bases, list) else (),
        lines=tuple(_line(line) for line in lines[:5] if isinstance(line, list)) if isinstance(lines, list) else (),
    )


def _word(reply: Value) -> str:
    return clean(reply, 80).replace("\n", " ") if isinstance(reply, str) else "Exception"


def _line(reply: list[Value]) -> SourceLine:
    number, function, text = (*reply, None, None, None)[:3]
    return SourceLine(number if isinstance(number, int) else 0, _word(function), text_of(text, 160))
