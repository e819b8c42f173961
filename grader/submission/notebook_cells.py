"""A notebook's code cells, read without trusting the file: any nbformat, any metadata, outputs of any size.

Notebooks that come back are often no longer valid, so they are read as plain JSON: what is not understood is passed
over, and only a file without any cells is refused.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass

from ..errors import SubmissionError

SIZE = 256 << 20
"""Bytes that a notebook may have, saved outputs included."""

KEPT_MAGICS = ("time", "timeit", "capture", "prun")
"""Cell magics whose cell is Python still; a cell under any other is another language's."""


@dataclass(frozen=True)
class Cell:
    """One code cell.

    Attributes:
        source: Python, with IPython's own lines (`%magic`, `!shell`, `help?`) made harmless.
        grade_id: nbgrader's name for the cell, "" if it has none.
        number: the how-manieth cell of the notebook it is, from 1.
    """

    source: str
    grade_id: str
    number: int

    @property
    def label(self) -> str:
        """How the cell is called when speaking to a student."""
        return f"the cell {self.grade_id}" if self.grade_id else f"cell {self.number}"


def read(data: bytes, name: str, solutions: frozenset[str] = frozenset()) -> list[Cell]:
    """The code cells of a notebook's bytes, in its order.

    Args:
        solutions: grade ids of solution cells, which count as code whatever type they were turned into.

    Raises:
        SubmissionError: the file holds no notebook.
    """
    found = []
    for number, raw in enumerate(raw_cells_of(data, name), 1):
        grade_id = grade_id_of(raw)
        if raw.get("cell_type") == "code" or grade_id in solutions:
            found.append(Cell(plain_python(source_of(raw)), grade_id, number))
    return found


def raw_cells_of(data: bytes, name: str) -> list[dict[str, object]]:
    """The cells of a notebook's bytes as they stand in its JSON, of nbformat 4 or older.

    Raises:
        SubmissionError: the file holds no notebook.
    """
    try:
        table = json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):  # a MemoryError says nothing about the file's form
        raise SubmissionError(f"{name} is no notebook: it is not JSON. Save it again in Jupyter.") from None
    cells: object = None
    if isinstance(table, dict):
        cells = table.get("cells")
        sheets = table.get("worksheets")
        if not isinstance(cells, list) and isinstance(sheets, list):  # nbformat 3
            cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in _list(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise SubmissionError(f"{name} is no notebook: it has no cells. Save it again in Jupyter.")
    return [cell for cell in cells if isinstance(cell, dict)]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def source_of(raw: dict[str, object]) -> str:
    """A raw cell's text."""
    text = raw.get("source", raw.get("input"))
    if isinstance(text, list):
        text = "".join(line for line in text if isinstance(line, str))
    return text if isinstance(text, str) else ""


def grade_id_of(raw: dict[str, object]) -> str:
    """nbgrader's name for a raw cell, "" if it has none that could be one."""
    metadata = raw.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    return name if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name) else ""


def stripped(raw: dict[str, object]) -> dict[str, object]:
    """Return a raw cell with nothing but its type, its grade id and its text."""
    grade_id = grade_id_of(raw)
    kind = raw.get("cell_type")
    metadata = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
    return {"cell_type": kind if isinstance(kind, str) else "", "metadata": metadata, "source": source_of(raw)}


def plain_python(source: str) -> str:
    """A cell's source with IPython's own lines turned into `pass`; unchanged where it is Python already."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    magic = re.match(r"\s*%%(\w+)[^\n]*", source)
    if magic:
        source = "#" + source[magic.end() :] if magic[1] in KEPT_MAGICS else ""
    if _parses(source):
        return source
    lines = [_without_magic(line) for line in source.split("\n")]
    return "\n".join(lines)


def _without_magic(line: str) -> str:
    if re.match(r"\s*(%|!|\?)", line) or re.search(r"^\s*[\w., ]+\?{1,2}\s*$", line):
        return line[: len(line) - len(line.lstrip())] + "pass"
    if found := re.match(r"(\s*[\w, ]+=)\s*[!%]", line):
        return found[1] + " None"
    return line


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
