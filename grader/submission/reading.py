"""The one way from a submitted file, or its bytes, to checked source text.

Nothing here raises for what a student submitted: what cannot be read is an `Unreadable`, with a reason for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import SubmissionError
from ..model import Exercise
from . import location, notebook, notebook_cells, source
from .location import Location
from .source import Submission


@dataclass(frozen=True)
class Unreadable:
    """A submission that cannot be graded, and why.

    Attributes:
        name: the file's name.
        reason: what is wrong with it and what to do, in words for the student.
        sha256: of its text, "" if that could not be read either.
    """

    name: str
    reason: str
    sha256: str = ""


@dataclass(frozen=True)
class FileBytes:
    """A file that is not on a disk: its name and its bytes."""

    name: str
    data: bytes


def read_file(path: Path, exercise: Exercise) -> Submission | Unreadable:
    """Return the submission that a file holds, a script or a notebook."""

    def read() -> Submission:
        data = source.read_bytes(
            path, notebook_cells.MAX_NOTEBOOK_BYTES if _is_notebook(path.name) else source.MAX_SOURCE_BYTES + 1
        )
        return _parse(data, path.name, exercise)

    return _or_unreadable(path.name, read)


def read_bytes(data: bytes, name: str, exercise: Exercise) -> Submission | Unreadable:
    """Return the submission that a file's bytes hold: a notebook if it is called like one, else a script."""
    return _or_unreadable(name, lambda: _parse(data, name, exercise))


def digest(file: BinaryIO, place: Location) -> str:
    """Return the SHA-256 of the bytes at a place in an open file, or of why there are none."""
    try:
        return location.digest_from(file, place)
    except SubmissionError as error:
        return digest_of_reason(str(error))


def digest_of_reason(reason: str) -> str:
    """Return the SHA-256 that stands for a file without bytes: of why there are none."""
    return hashlib.sha256(reason.encode("utf-8", "surrogatepass")).hexdigest()


def _is_notebook(name: str) -> bool:
    return name.lower().endswith(".ipynb")


def _parse(data: bytes, name: str, exercise: Exercise) -> Submission:
    return notebook.from_bytes(data, name, exercise) if _is_notebook(name) else source.from_bytes(name, data)


def _or_unreadable(name: str, read: Callable[[], Submission]) -> Submission | Unreadable:
    try:
        return read()
    except SubmissionError as error:
        return Unreadable(name, str(error))
