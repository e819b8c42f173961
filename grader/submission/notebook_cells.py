"""A notebook's code cells, read without trusting the file: any nbformat, any metadata, outputs of any size.

Submitted notebooks are often invalid, so they are read as plain JSON: what is not understood is skipped, and only a
file without any cells is refused.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass

from ..errors import SubmissionError

MAX_NOTEBOOK_BYTES = 256 << 20
"""Most bytes of a notebook, saved outputs included."""

PYTHON_MAGICS = ("time", "timeit", "capture", "prun")
"""Cell magics whose cell is still Python; a cell under any other is in another language."""


@dataclass(frozen=True)
class Cell:
    """One code cell.

    Attributes:
        source: Python, with IPython's own lines (`%magic`, `!shell`, `help?`) turned into `pass`.
        grade_id: nbgrader's name for the cell, "" if it has none.
        number: its number among the notebook's cells, from 1.
    """

    source: str
    grade_id: str
    number: int

    @property
    def label(self) -> str:
        """The cell's name in messages to a student."""
        return f"the cell {self.grade_id}" if self.grade_id else f"cell {self.number}"


def read(data: bytes, name: str, solutions: frozenset[str] = frozenset()) -> list[Cell]:
    """Return the code cells of a notebook's bytes, in its order.

    Args:
        solutions: grade ids of solution cells, which count as code whatever their cell type has become.

    Raises:
        SubmissionError: the bytes are not a notebook.
    """
    cells = []
    for number, raw in enumerate(raw_cells(data, name), 1):
        grade_id = grade_id_of(raw)
        if raw.get("cell_type") == "code" or grade_id in solutions:
            cells.append(Cell(plain_python(source_of(raw)), grade_id, number))
    return cells


def raw_cells(data: bytes, name: str) -> list[dict[str, object]]:
    """Return the cells of a notebook's bytes as they are in its JSON, of nbformat 4 or older.

    Raises:
        SubmissionError: the bytes are not a notebook.
    """
    try:
        table = json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):  # a MemoryError says nothing about the file's form
        raise SubmissionError(f"{name} is not a notebook: it is not JSON. Save it again in Jupyter.") from None
    cells: object = None
    if isinstance(table, dict):
        cells = table.get("cells")
        sheets = table.get("worksheets")
        if not isinstance(cells, list) and isinstance(sheets, list):  # nbformat 3
            cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in _as_list(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise SubmissionError(f"{name} is not a notebook: it has no cells. Save it again in Jupyter.")
    return [cell for cell in cells if isinstance(cell, dict)]


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def source_of(raw: dict[str, object]) -> str:
    """Return a raw cell's text."""
    text = raw.get("source", raw.get("input"))
    if isinstance(text, list):
        text = "".join(line for line in text if isinstance(line, str))
    return text if isinstance(text, str) else ""


def grade_id_of(raw: dict[str, object]) -> str:
    """Return nbgrader's name for a raw cell, "" if it has no valid one."""
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
    """Return a cell's source with IPython's own lines turned into `pass`; plain Python is unchanged."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    magic = re.match(r"\s*%%(\w+)[^\n]*", source)
    if magic:
        source = "#" + source[magic.end() :] if magic[1] in PYTHON_MAGICS else ""
    if _parses(source):
        return source
    lines = [_without_magic(line) for line in source.split("\n")]
    return "\n".join(lines)


def _without_magic(line: str) -> str:
    if re.match(r"\s*(%|!|\?)", line) or re.search(r"^\s*[\w., ]+\?{1,2}\s*$", line):
        return line[: len(line) - len(line.lstrip())] + "pass"
    if assigned := re.match(r"(\s*[\w, ]+=)\s*[!%]", line):
        return assigned[1] + " None"
    return line


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
