"""Notebooks from exercises: what a teacher hands out through nbgrader, made from the one source that the stub has too.

The notebook holds the solution between nbgrader's markers; `nbgrader generate_assignment` makes the student's version
of it. Writing it again updates it in place, and cells that the teacher added stay where they are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from .. import files
from ..errors import ContentError, UsageError
from ..exercise import stub
from ..model import Exercise
from ..submission.notebook import POINTS_SUFFIX

MARK = "nnkata"
"""The key of a cell's metadata that says what it is to us: `lesson`, `solution:mse_loss`, …"""

SETUP = """\
# Run this cell first. Then check("{part}") says how your part is doing, and hint("{part}") helps.
from nnkata.grader.course.jupyter import NotebookExercise

exercise = NotebookExercise("{id}")
check, hint = exercise.check, exercise.hint"""

POINTS_CELL = """\
# nnkata: {id} {part}
# The points for {part}. What you change in this cell is not kept.
exercise.points("{part}", of={points:g})"""


@dataclass(frozen=True)
class AssignedPart:
    """A part of an exercise in an assignment: graded with these points, or there because others need it (None)."""

    name: str
    points: float | None


def select_parts(exercise: Exercise, parts: tuple[str, ...], points: Mapping[str, float]) -> list[AssignedPart]:
    """Return the parts of an assignment in the exercise's order, with what they need of the others; all for no parts.

    Raises:
        UsageError: the exercise has no such part.
    """
    known = [part.name for part in exercise.parts]
    for name in parts:
        if name not in known:
            raise UsageError(f"{exercise.id} has no part {name!r}. Its parts: {', '.join(known)}.")
    graded = set(parts or known)
    needed = set(graded)
    tree = ast.parse(exercise.solution.read_text("utf-8"))
    uses = {
        node.name: {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    pending = [*graded]
    while pending:
        for name in uses.get(pending.pop(), set()) & set(uses):
            if name not in needed:
                needed.add(name)
                pending.append(name)
    return [
        AssignedPart(part.name, points.get(part.name, part.points) if part.name in graded else None)
        for part in exercise.parts
        if part.name in needed
    ]


def write(exercise: Exercise, parts: list[AssignedPart], file: Path) -> None:
    """Write an exercise's notebook, or update the one that is there; and the lesson's pictures beside it.

    Raises:
        UsageError: the file that is there is not a notebook.
    """
    existing = None
    if file.exists():
        try:
            existing = nbformat.read(file, as_version=4)
        except (ValueError, nbformat.ValidationError, AttributeError, KeyError) as error:
            raise UsageError(f"{file} exists and is not a notebook ({type(error).__name__}): move it away.") from None
    book = merge(existing, [*_cells(exercise, parts)])
    file.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(book)
    files.write_whole(file, nbformat.writes(book) + "\n")
    for picture in sorted(exercise.folder.glob("*.png")):
        file.with_name(picture.name).write_bytes(picture.read_bytes())


def merge(existing: NotebookNode | None, fresh: list[NotebookNode]) -> NotebookNode:
    """Return a notebook with fresh cells in place of ours; cells of others stay after the one that they followed."""
    book = existing or nbformat.v4.new_notebook()
    book.nbformat, book.nbformat_minor = 4, 5
    book.metadata.setdefault("kernelspec", {"display_name": "Python 3", "language": "python", "name": "python3"})
    book.metadata.setdefault("language_info", {"name": "python"})
    fresh_marks = {cell.metadata[MARK] for cell in fresh}
    following: dict[str, list[NotebookNode]] = {"": []}  # cells of others, by the cell of ours that they follow
    last = ""
    for cell in book.cells:
        mark = cell.metadata.get(MARK)
        if mark is None:
            if "id" not in cell:
                cell["id"] = nbformat.v4.new_code_cell().id
            following.setdefault(last, []).append(cell)
        elif mark in fresh_marks:
            last = mark
    book.cells = following[""] + [
        cell for ours in fresh for cell in (ours, *following.get(str(ours.metadata[MARK]), []))
    ]
    return book


def _cells(exercise: Exercise, parts: list[AssignedPart]) -> Iterator[NotebookNode]:
    solution = exercise.solution.read_text("utf-8")
    first = next((part.name for part in parts if part.points is not None), parts[0].name)
    yield _markdown("lesson", (exercise.folder / "README.md").read_text("utf-8").strip())
    yield _code("setup", SETUP.format(id=exercise.id, part=first), _nbgrader_metadata("setup", locked=True))
    yield _markdown("rules", "## The task\n\n" + (ast.get_docstring(ast.parse(solution)) or ""))
    yield _code("beginning", preamble(exercise))
    for part in parts:
        about = f"### `{part.name}`"
        if part.points is None:
            about += "\n\nNot graded here; other parts use it."
        else:
            about += f" · {part.points:g} point{'' if part.points == 1 else 's'}"
        yield _markdown(f"about:{part.name}", about)
        yield _code(
            f"solution:{part.name}", part_source(solution, part.name), _nbgrader_metadata(part.name, solution=True)
        )
        yield _code(f"check:{part.name}", f'check("{part.name}")')
        if part.points is not None:
            text = POINTS_CELL.format(id=exercise.id, part=part.name, points=part.points)
            metadata = _nbgrader_metadata(part.name + POINTS_SUFFIX, locked=True, grade=True)
            yield _code(f"points:{part.name}", text, {**metadata, "points": part.points})


def preamble(exercise: Exercise) -> str:
    """Return what the exercise's file holds besides its parts: imports, and names for types."""
    text = exercise.stub.read_text("utf-8")
    lines = text.splitlines()
    tree = ast.parse(text)
    names = {part.name for part in exercise.parts}
    first = 1 if ast.get_docstring(tree) else 0
    statements = [node for node in tree.body[first:] if getattr(node, "name", None) not in names]
    blocks: list[str] = []
    for node in statements:
        block = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        gap = "\n\n" if blocks and not isinstance(node, ast.Import | ast.ImportFrom) else "\n"
        blocks += [gap if blocks else "", block]
    return "".join(blocks)


def part_source(solution: str, part: str) -> str:
    """Return a part's source with its solution regions; the reference's helpers stand inside the regions that use them.

    A region at the left margin would leave a `raise NotImplementedError` there when nbgrader clears it.
    """
    span = stub.span_of(solution, part)
    if span is None:
        raise ContentError(f"the solution does not define {part}")
    lines: list[str] = []
    region: list[str] | None = None
    helpers = _helpers(solution)
    for number, line in enumerate(solution.splitlines()[span.begin :], span.begin):
        if number >= span.end and region is None:  # the last region's end is a comment after the last statement
            break
        if line.strip() == stub.END and region is not None:
            indent = line[: len(line) - len(line.lstrip())]
            for name in _used_helpers("\n".join(region), helpers):
                lines += [indent + text if text.strip() else "" for text in [*helpers[name], ""]]
            lines += [*region, line]
            region = None
        elif region is not None:
            region.append(line)
        else:
            lines.append(line)
            region = [] if line.strip() == stub.BEGIN else None
    return "\n".join(lines)


def _helpers(solution: str) -> dict[str, list[str]]:
    """Return the reference's own helper functions by name: those in solution regions at the left margin."""
    inside = False
    numbers = set()
    lines = solution.splitlines()
    for number, line in enumerate(lines, 1):
        if line in (stub.BEGIN, stub.END):
            inside = line == stub.BEGIN
        elif inside:
            numbers.add(number)
    helpers = {}
    for node in ast.parse(solution).body:
        if node.lineno in numbers:
            if not isinstance(node, ast.FunctionDef):
                raise ContentError("a solution's region at the left margin may hold functions only")
            helpers[node.name] = lines[stub.first_line(node) - 1 : node.end_lineno]
    return helpers


def _used_helpers(text: str, helpers: Mapping[str, list[str]]) -> list[str]:
    """Return the helpers that a text uses, and those that these use, in the order of the source."""
    used: set[str] = set()
    pending = [text]
    while pending:
        words = set(re.findall(r"\w+", pending.pop()))
        new = [name for name in helpers if name in words and name not in used]
        used |= set(new)
        pending += ["\n".join(helpers[name]) for name in new]
    return [name for name in helpers if name in used]


def _nbgrader_metadata(
    grade_id: str, *, solution: bool = False, locked: bool = False, grade: bool = False
) -> dict[str, Any]:  # Any: as nbformat has it
    return {
        "schema_version": 3,
        "grade_id": grade_id,
        "cell_type": "code",
        "solution": solution,
        "locked": locked,
        "grade": grade,
        "task": False,
    }


def _markdown(mark: str, text: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(text, id=_id(mark), metadata={MARK: mark})


def _code(mark: str, text: str, nbgrader: Mapping[str, Any] | None = None) -> NotebookNode:
    metadata: dict[str, Any] = {MARK: mark, **({"nbgrader": dict(nbgrader)} if nbgrader else {})}
    if nbgrader and nbgrader["locked"]:
        metadata |= {"deletable": False, "editable": False}
    return nbformat.v4.new_code_cell(text, id=_id(mark), metadata=metadata)


def _id(mark: str) -> str:
    """Return a cell's id: the same whenever the notebook is made."""
    return f"{MARK}-{mark.replace(':', '-')}"[:64]
