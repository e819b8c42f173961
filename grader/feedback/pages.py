"""Feedback as HTML: one look for the notebook, for nbgrader's feedback and for a class report's pages.

Everything that a student wrote is escaped: the templates are rendered with autoescape on.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from .disclosure import Feedback

MARKS = {"pass": "✓", "fail": "✗", "error": "!", "skip": "–"}
COLOURS = {"pass": "#2e8b57", "fail": "#c0392b", "error": "#b8860b", "skip": "#888888"}


def points(value: float) -> str:
    """A number of points, as short as it can be: 2, 1.5, 0.333."""
    return f"{round(value, 3):g}"


def codes(text: str) -> Markup:
    """Text with what stands between backticks set as code."""
    return Markup(re.sub(r"`([^`\n]+)`", r'<code style="background: none">\1</code>', str(escape(text))))


@functools.cache
def templates() -> Environment:
    """The templates of this package, with what they all use."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).resolve().parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    found.filters.update(points=points, codes=codes)
    found.globals.update(marks=MARKS, colours=COLOURS)
    return found


def fragment(said: Feedback, *, heading: bool = True, next_step: str = "") -> str:
    """One submission's feedback as a `<div>` with styles of its own."""
    return templates().get_template("feedback.html").render(said=said, heading=heading, next_step=next_step)


def plain(said: Feedback, *, next_step: str = "") -> str:
    """The same as text, for whatever shows no HTML."""
    lines = list(said.notes)
    for part in said.parts:
        mark = "○" if part.unwritten else MARKS[part.status]
        lines.append(f"{mark} {part.name}  {points(part.score)}/{points(part.max_score)}")
        lines += [f"    {line}" for line in (("not written yet",) if part.unwritten else part.lines)]
        lines += [f"    → {part.explanation}"] if part.explanation else []
        lines += [f"    Try: {part.advice}"] if part.advice else []
    return "\n".join([*lines, *([next_step] if next_step else [])])
