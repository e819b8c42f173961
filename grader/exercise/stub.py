"""Stubs from solutions: one source for each exercise.

A solution region begins at a line `### BEGIN SOLUTION` and ends at `### END SOLUTION` (nbgrader's markers). Inside a
function it becomes a placeholder; at the left margin (helpers of the reference) it is removed without a trace.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ..errors import ContentError
from ..model import PLACEHOLDER

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


@dataclass(frozen=True)
class Span:
    """Lines of a source file, from 0, the end excluded: a part with its decorators."""

    begin: int
    end: int


def make_stub(solution: str, name: str = "the solution") -> str:
    """Return the stub of a solution's source; ContentError for markers that do not pair up."""
    lines: list[str] = []
    indent: str | None = None
    for number, line in enumerate(solution.splitlines(), 1):
        mark = line.strip()
        if mark == BEGIN:
            if indent is not None:
                raise ContentError(f"{name}:{number}: a solution region begins inside another")
            indent = line[: len(line) - len(line.lstrip())]
            if indent:
                lines += [indent + text for text in PLACEHOLDER]
        elif mark == END:
            if indent is None:
                raise ContentError(f"{name}:{number}: a solution region ends without a beginning")
            if not indent:
                while lines and not lines[-1].strip():
                    lines.pop()
            indent = None
        elif indent is None:
            lines.append(line)
    if indent is not None:
        raise ContentError(f"{name}: a solution region never ends")
    return "\n".join(lines).rstrip("\n") + "\n"


def span_of(source: str, part: str) -> Span | None:
    """Return the lines of a part's top-level definition, or None; SyntaxError if the source does not parse."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == part:
            return Span(first_line(node) - 1, node.end_lineno or node.lineno)
    return None


def first_line(node: ast.stmt) -> int:
    """Return the line, from 1, where a statement begins: its first decorator's, if it has any."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])
