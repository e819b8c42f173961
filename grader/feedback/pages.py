"""Feedback as HTML: the same look in the notebook, in nbgrader's feedback and on a class report's pages.

Everything that a student wrote is escaped: the templates are rendered with autoescape on.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from .disclosure import Feedback

STATUS_SYMBOLS = {"pass": "✓", "fail": "✗", "error": "!", "skip": "–"}
COLOURS = {"pass": "#2e8b57", "fail": "#c0392b", "error": "#b8860b", "skip": "#888888"}


def format_points(value: float) -> str:
    """Return a number of points in its shortest form: 2, 1.5, 0.333."""
    return f"{round(value, 3):g}"


def render_code_spans(text: str) -> Markup:
    """Return text as HTML, with what is between backticks set as code."""
    return Markup(re.sub(r"`([^`\n]+)`", r'<code style="background: none">\1</code>', str(escape(text))))


@functools.cache
def templates() -> Environment:
    """Return the templates of this package, with the filters and globals that they use."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).resolve().parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters.update(points=format_points, codes=render_code_spans)
    environment.globals.update(marks=STATUS_SYMBOLS, colours=COLOURS)
    return environment


def render_html(feedback: Feedback, *, heading: bool = True, next_step: str = "") -> str:
    """Return one submission's feedback as a `<div>` with inline styles."""
    return templates().get_template("feedback.html").render(feedback=feedback, heading=heading, next_step=next_step)


def render_text(feedback: Feedback, *, next_step: str = "") -> str:
    """Return one submission's feedback as plain text, for whatever shows no HTML."""
    lines = list(feedback.notes)
    for part in feedback.parts:
        mark = "○" if part.unwritten else STATUS_SYMBOLS[part.status]
        lines.append(f"{mark} {part.name}  {format_points(part.score)}/{format_points(part.max_score)}")
        lines += [f"    {line}" for line in (("not written yet",) if part.unwritten else part.lines)]
        lines += [f"    → {part.explanation}"] if part.explanation else []
        lines += [f"    Try: {part.advice}"] if part.advice else []
    return "\n".join([*lines, *([next_step] if next_step else [])])
