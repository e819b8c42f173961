"""What students hand in to nbgrader, read as the notebook that was handed out with their code in it.

Files come back renamed, with cells deleted, doubled, retyped or stripped of their metadata, or are no notebooks at all.
What was handed out is in the gradebook: a cell's type, metadata and points come from there, never from the file.
"""

from __future__ import annotations

import ast
import atexit
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat.notebooknode import NotebookNode
from nbgrader.api import Gradebook

from .. import files
from ..errors import SubmissionError
from ..exercise import catalog
from ..sandbox.reader_client import Reader
from ..submission import notebook, notebook_cells, source

Resources = dict[str, Any]  # nbconvert's own


_reader = Reader()
atexit.register(_reader.close)


class SubmittedReader(NotebookExporter):
    """Reads what students hand in, whatever it is, as the notebook that was handed out with their code in it.

    Cells that were handed out get back their type and metadata from the gradebook; graded cells that are gone come
    back; saved outputs are dropped; a file that is no notebook becomes one that says so.
    """

    def from_filename(self, filename: str, resources: Resources | None = None, **options: Any) -> Any:
        """Read a notebook as nbconvert's exporters do; what comes from the submitted files is repaired."""
        if not getattr(self.parent, "_sanitizing", False) or resources is None:
            return super().from_filename(filename, resources=resources, **options)
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            handed_out = gradebook.find_notebook(names["notebook"], names["assignment"])
            book = repair(Path(filename), handed_out)
        return self.from_notebook_node(book, resources, **options)


def repair(file: Path, handed_out: Any) -> NotebookNode:  # Any: a row of nbgrader's gradebook
    """Return a submitted file as a valid notebook with the cells that were handed out."""
    book = nbformat.v4.new_notebook()
    raws: list[dict[str, object]] = []
    try:
        raws = _raw_cells(file)
    except SubmissionError as error:
        book.cells.append(nbformat.v4.new_markdown_cell(f"**What was handed in cannot be read.** {error}"))
    known = {cell.name: cell for cell in handed_out.source_cells}
    metadata = _cell_metadata(handed_out)
    name_by_index = _match_cells(raws, known)
    for index, raw in enumerate(raws):
        name = name_by_index.get(index)
        text = notebook_cells.source_of(raw)
        kind = known[name].cell_type if name else raw.get("cell_type")
        make = {"markdown": nbformat.v4.new_markdown_cell, "raw": nbformat.v4.new_raw_cell}
        cell = make.get(str(kind), nbformat.v4.new_code_cell)(text)
        if name:
            cell.metadata["nbgrader"] = metadata[name]
        book.cells.append(cell)
    for name, source_cell in known.items():
        if name not in name_by_index.values() and metadata[name]["grade"]:
            cell = nbformat.v4.new_code_cell(source_cell.source)
            if source_cell.cell_type == "markdown":
                cell = nbformat.v4.new_markdown_cell(source_cell.source)
            cell.metadata["nbgrader"] = metadata[name]
            book.cells.append(cell)
    return book


def _raw_cells(file: Path) -> list[dict[str, object]]:
    return _reader.cells(file)


def _match_cells(raws: list[dict[str, object]], known: dict[str, Any]) -> dict[int, str]:  # Any: as above
    """Return the name of the cell that was handed out by the index of the cell that stands for it.

    Where several have its name, the last one that was written in does.
    """
    matches: dict[str, tuple[bool, int]] = {}
    for index, raw in enumerate(raws):
        name = notebook_cells.grade_id_of(raw)
        if name in known:
            written = _defines(notebook_cells.source_of(raw), name)
            matches[name] = max(matches.get(name, (False, -1)), (written, index))
    return {index: name for name, (_, index) in matches.items()}


def _defines(text: str, name: str) -> bool:
    """Return True if a cell's text defines a name, by more than the stub does."""
    try:
        tree = ast.parse(notebook_cells.plain_python(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(getattr(node, "name", None) == name and not notebook.is_unwritten(node) for node in tree.body)


def _cell_metadata(handed_out: Any) -> dict[str, dict[str, Any]]:  # Any: a row of nbgrader's gradebook
    """Return nbgrader's metadata of every cell that was handed out, by its grade id."""
    graded = {one.name: one.max_score for one in handed_out.grade_cells}
    solutions = {one.name for one in handed_out.solution_cells}
    tasks = {one.name for one in handed_out.task_cells}
    return {
        cell.name: {
            "schema_version": 3,
            "grade_id": cell.name,
            "cell_type": cell.cell_type,
            "locked": bool(cell.locked),
            "grade": cell.name in graded,
            "solution": cell.name in solutions,
            "task": cell.name in tasks,
            "checksum": cell.checksum,
            **({"points": graded[cell.name]} if cell.name in graded else {}),
        }
        for cell in handed_out.source_cells
    }


def adopt_renamed(*, notebooks: list[str], **_: str) -> None:
    """Find the notebooks that were handed in under another name: nbgrader's hook before it reads a student's.

    `03_losses (1).ipynb` or `losses-final.ipynb` is copied beside itself under the name that was handed out, if that is
    missing and one file alone fits it by the exercise's id in its name, or by its setup cell.

    Args:
        notebooks: the student's files; what is found is appended. nbgrader gives `assignment` and `student`, too.
    """
    if not notebooks:
        return
    folder = Path(notebooks[0]).parent
    known = catalog.ids()
    renamed = {file: _all_sources(file) for file in sorted(folder.glob("*.ipynb")) if file.stem not in known}
    for name in known:
        setup = f'NotebookExercise("{name}")'
        fitting = [file for file, text in renamed.items() if name in file.stem or setup in text]
        if len(fitting) == 1:
            # a student's folder may hold links: nothing is written where anything has the name already
            data = source.read_bytes(fitting[0], notebook_cells.MAX_NOTEBOOK_BYTES)
            if files.write_new(folder, f"{name}.ipynb", data):
                notebooks.append(str(folder / f"{name}.ipynb"))


def _all_sources(file: Path) -> str:
    """Return the text of all cells of a notebook; nothing if it is none."""
    try:
        return "\n".join(notebook_cells.source_of(raw) for raw in _raw_cells(file))
    except SubmissionError:
        return ""
