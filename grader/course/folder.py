"""A course folder: made for nbgrader, with a secret seed; assignments made of exercises."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..exercise import catalog
from ..model import Exercise
from . import assignment
from .assignment import AssignedPart

CONFIG = "nbgrader_config.py"
SEED = Path("secret") / "seed"
TEMPLATES = Path(__file__).resolve().parent / "templates"
IGNORED = "secret/\ngradebook.db\nsubmitted/\nautograded/\nfeedback/\nresults/\n"


@dataclass(frozen=True)
class AssignmentNotebook:
    """One notebook of an assignment: its exercise, its file and its parts."""

    exercise: Exercise
    file: Path
    parts: tuple[AssignedPart, ...]

    @property
    def points(self) -> float:
        """The sum of its graded parts' points."""
        return sum(part.points or 0.0 for part in self.parts)


def init(folder: Path) -> tuple[list[str], list[str]]:
    """Make a course folder, or add what is missing to one; return the files written, and those that existed."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: name a folder.")
    name = folder.resolve().name
    config = (TEMPLATES / "nbgrader_config.txt").read_text("utf-8").replace("{course}", name)
    readme = (TEMPLATES / "course_readme.md").read_text("utf-8").replace("{course}", name)
    files = {
        CONFIG: config,
        "README.md": readme,
        ".gitignore": IGNORED,
        str(SEED): f"{secrets.randbits(62)}\n",
    }
    written, kept = [], []
    try:
        for name, text in files.items():
            if _write_new(folder / name, text):
                written.append(name)
            else:
                kept.append(name)
        (folder / "source").mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): choose another folder.") from None
    return written, kept


def _write_new(file: Path, text: str) -> bool:
    """Write a file, unless it exists; return True if it was written. Only the owner can read the secret ones."""
    secret = file.parent.name == SEED.parent.name
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if secret else 0o777)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o666)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
        return True
    return False


def assign(
    folder: Path, name: str, exercises: Iterable[Exercise], parts: tuple[str, ...], points: dict[str, float]
) -> list[AssignmentNotebook]:
    """Write an assignment's notebooks into `source/<name>/`, or update them; cells that a teacher added stay.

    Args:
        parts: only these, of whichever exercise; empty for all.
        points: by part, instead of the exercise's own.

    Raises:
        UsageError: no course folder, a name that nbgrader would refuse, or a part that no exercise has.
    """
    if not (folder / CONFIG).is_file():
        raise UsageError("This is not a course folder: `nnkata course init DIR` makes one. Then run this inside it.")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise UsageError(f"An assignment's name consists of letters, digits, - and _, like ps1; {name!r} does not.")
    chosen = list(exercises)
    known = {part.name for exercise in chosen for part in exercise.parts}
    for part in (*parts, *points):
        if part not in known:
            raise UsageError(f"None of these exercises has a part {part!r}. Their parts: {', '.join(sorted(known))}.")
    notebooks = []
    for exercise in chosen:
        if not exercise.solution.is_file():
            raise UsageError(f"{exercise.id} has no solution, and notebooks are made from it.")
        own = tuple(part.name for part in exercise.parts if part.name in parts)
        if parts and not own:
            continue
        assigned_parts = assignment.select_parts(exercise, own, points)
        file = folder / "source" / name / f"{exercise.id}.ipynb"
        assignment.write(exercise, assigned_parts, file)
        notebooks.append(AssignmentNotebook(exercise=exercise, file=file, parts=tuple(assigned_parts)))
    return notebooks


def exercises(names: Iterable[str]) -> list[Exercise]:
    """Return the exercises of these names; UnknownExercise suggests the nearest."""
    return [catalog.find(name) for name in names]
