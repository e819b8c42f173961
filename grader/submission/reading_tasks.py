"""The tasks of the confined reading process on one submitted file: plain data in, plain data out.

The process that runs these has given up files, network and processes (see `sandbox.reader_process`), so that a file
made to stall or to expand costs its own submission and nothing else. Needs no torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO  # Any: JSON

from ..errors import SubmissionError
from ..exercise import catalog
from ..model import Exercise
from . import discover, location, notebook, notebook_cells, reading
from .examination import Examined, examine
from .forbidden_uses import Use
from .location import Location
from .reading import Unreadable
from .source import Submission

Json = dict[str, Any]


def prepare(request: Json) -> None:
    """Read what a task needs of the kit's own files, while that is still allowed."""
    if "exercise" in request:
        notebook.stub_preamble(_exercise(request))


def examine_file(request: Json, file: BinaryIO) -> Json:
    """Return a submission with all that its text says, or why it cannot be graded; and its bytes' SHA-256.

    `request` has `exercise` (folder and content root), `name`, and `members` that lead through zip files.
    """
    file_location = Location(Path(request["name"]), tuple(request["members"]))
    try:
        data = location.read_from(file, file_location)
    except SubmissionError as error:
        return {"sha256": reading.digest_of_reason(str(error)), "unreadable": [file_location.name, str(error), ""]}
    exercise = _exercise(request)
    found = reading.read_bytes(data, file_location.name, exercise)
    examined = found if isinstance(found, Unreadable) else examine(found, exercise)
    return {"sha256": hashlib.sha256(data).hexdigest(), **examined_to_json(examined)}


def digest_file(request: Json, file: BinaryIO) -> Json:
    """Return the SHA-256 of a file's bytes, or of why there are none."""
    return {"sha256": reading.digest(file, Location(Path(request["name"]), tuple(request["members"])))}


def list_zip(request: Json, file: BinaryIO) -> Json:
    """Return what a zip file lists, including zip files inside it."""
    try:
        return discover.list_contents(file, request["name"], request["limit"])
    except SubmissionError as error:
        return {"problem": str(error)}


def cells_of_notebook(request: Json, file: BinaryIO) -> Json:
    """Return a notebook's cells with nothing but their type, grade id and text, or why there are none."""
    data = file.read(notebook_cells.MAX_NOTEBOOK_BYTES + 1)
    try:
        raws = notebook_cells.raw_cells(data, request["name"])
    except SubmissionError as error:
        return {"problem": str(error)}
    return {"cells": [notebook_cells.stripped(raw) for raw in raws]}


TASKS: Mapping[str, Callable[[Json, BinaryIO], Json]] = {
    "examine": examine_file,
    "digest": digest_file,
    "list": list_zip,
    "cells": cells_of_notebook,
}


def examined_to_json(examined: Examined | Unreadable) -> Json:
    """Return an examination as plain data."""
    if isinstance(examined, Unreadable):
        return {"unreadable": [examined.name, examined.reason, examined.sha256]}
    submission = examined.submission
    return {
        "submission": {
            "name": submission.name,
            "text": submission.text,
            "sha256": submission.sha256,
            "blocked": dict(submission.blocked),
            "locations": list(submission.locations),
        },
        "names": {part: [[use.dotted, use.line] for use in used] for part, used in examined.names.items()},
        "flags": list(examined.flags),
        "uses": {part: sorted(used) for part, used in examined.uses.items()},
    }


def examined_from_json(answer: Json) -> Examined | Unreadable:
    """Return the examination that `examined_to_json` made this of."""
    if "unreadable" in answer:
        return Unreadable(*answer["unreadable"])
    table = answer["submission"]
    return Examined(
        Submission(**{**table, "locations": tuple(table["locations"])}),
        names={part: tuple(Use(*use) for use in used) for part, used in answer["names"].items()},
        flags=tuple(answer["flags"]),
        uses={part: frozenset(used) for part, used in answer["uses"].items()},
    )


def _exercise(request: Json) -> Exercise:
    folder, root = request["exercise"]
    return catalog.read_cached(Path(folder), Path(root))
