"""From a file's path to its student and exercise: by the usual layouts, or by a custom pattern."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import UsageError
from ..model import Exercise

COMES_WITH_EXERCISES = "files that come with the exercises"
SUFFIXES = (".py", ".ipynb")
COPY_SUFFIX = re.compile(r"( ?\(\d+\)|-\d+| - Copy| copy)$", re.IGNORECASE)
"""Suffixes that browsers and file managers add to a second download's name."""

PATTERN_FIELDS = ("student", "exercise", "assignment")
MAX_ID_LENGTH = 120
"""Most characters of a student's id; longer ones are cut, and a hash keeps them distinct."""


@dataclass(frozen=True)
class Match:
    """The student and the exercise of a file; `student` is empty where the path names none."""

    student: str
    exercise: str


class Layout(Protocol):
    """A way of reading paths."""

    def match(self, path: tuple[str, ...]) -> Match | str:
        """Return the student and exercise of the file at a path, or why it is not graded."""
        ...


class UsualLayout:
    """`<student>/<assignment>/03_losses.ipynb`, `<student>/<exercise>/losses.py`, `<student>/losses.py`, `losses.py`.

    A zip file counts as a folder of its name. Folders named as the exercise say nothing about the student.
    """

    def __init__(self, exercises: Sequence[Exercise]) -> None:
        self.named: dict[str, Exercise] = {}
        for exercise in exercises:
            for name in (exercise.id, exercise.module.removesuffix(".py")):
                self.named[name.casefold()] = exercise
        self.handed_out = {file.name for exercise in exercises for file in exercise.folder.iterdir()}

    def match(self, path: tuple[str, ...]) -> Match | str:
        """See `Layout`."""
        exercise = self.exercise(path[-1])
        if exercise is None:
            return COMES_WITH_EXERCISES if path[-1] in self.handed_out else "its name does not match any exercise"
        folders = [without_zip_suffix(folder) for folder in path[:-1]]
        folders = [folder for folder in folders if folder.casefold() != exercise.id]
        return Match(folders[0] if folders else "", exercise.id)

    def exercise(self, name: str) -> Exercise | None:
        """Return the exercise that a file's name refers to, or None."""
        base, dot, suffix = name.rpartition(".")
        if dot + suffix.lower() not in SUFFIXES:
            return None
        return self.named.get(base.casefold()) or self.named.get(COPY_SUFFIX.sub("", base).casefold())


class PatternLayout:
    """Paths of one's own form: `{student}_{exercise}.py`, `{assignment}/{student}/*.ipynb`.

    Args:
        text: `{student}`, `{exercise}`, `{assignment}` and `*` stand for anything within one name, all else for itself.

    Raises:
        UsageError: it names no student, or an unknown field.
    """

    def __init__(self, text: str, exercises: Sequence[Exercise]) -> None:
        self.text, self.usual = text, UsualLayout(exercises)
        self.aliases = {alias: exercise.id for exercise in exercises for alias in _aliases(exercise)}
        known = "|".join(re.escape(alias) for alias in sorted(self.aliases, key=len, reverse=True))
        pieces: list[str] = []
        seen: set[str] = set()
        for piece in re.split(r"(\{\w*\}|\*)", text):
            name = piece[1:-1]
            if piece == "*":
                pieces.append("[^/]*?")
            elif not (piece.startswith("{") and piece.endswith("}")):
                pieces.append(re.escape(piece))
            elif name not in PATTERN_FIELDS or name in seen:
                raise UsageError(
                    f"--pattern {text}: use {', '.join(PATTERN_FIELDS)} at most once each; {piece} does not fit."
                )
            else:
                seen.add(name)
                pieces.append(f"(?P<{name}>(?i:{known}))" if name == "exercise" else f"(?P<{name}>[^/]+?)")
        if "student" not in seen:
            raise UsageError(f"--pattern {text}: it must contain {{student}}.")
        self.form = re.compile("".join(pieces), re.DOTALL)

    def match(self, path: tuple[str, ...]) -> Match | str:
        """See `Layout`."""
        matched = self.form.fullmatch("/".join(path))
        if matched is None or not path[-1].lower().endswith(SUFFIXES):
            return f"it does not match {self.text}"
        fields = matched.groupdict()
        if "exercise" in fields:
            return Match(fields["student"], self.aliases[fields["exercise"].casefold()])
        exercise = self.usual.exercise(path[-1])
        return Match(fields["student"], exercise.id) if exercise else "its name does not match any exercise"


def wrapper_depth(paths: Sequence[tuple[str, ...]], root: str, layout: Layout, *, zipped: bool) -> int:
    """Return how many folders wrap all of the submissions without being a student's.

    A zip of a whole class often holds one folder with the zip's own name and everything inside.
    """
    depth = 0
    while paths and all(len(path) > depth + 1 for path in paths):
        tops = {path[depth] for path in paths}
        if len(tops) != 1:
            break
        top = tops.pop()
        if not (
            top in ("submitted", "submissions")
            or (zipped and (top == root or _has_several_students(paths, depth, layout)))
        ):
            break
        depth += 1
    return depth


def _has_several_students(paths: Sequence[tuple[str, ...]], depth: int, layout: Layout) -> bool:
    """Return True if one exercise is in more than one folder below: those folders are students then."""
    if not all(len(path) > depth + 2 for path in paths):
        return False
    folders_by_exercise: dict[str, set[str]] = {}
    for path in paths:
        match = layout.match(path[depth + 1 :])
        if isinstance(match, Match):
            folders_by_exercise.setdefault(match.exercise, set()).add(path[depth + 1])
    return any(len(folders) > 1 for folders in folders_by_exercise.values())


def without_zip_suffix(folder: str) -> str:
    """Return a folder's name, or a zip file's without its suffix."""
    return folder[:-4] if folder.lower().endswith(".zip") and len(folder) > 4 else folder


def student_id(name: str) -> str:
    """Return a student's id from their folder's name: on one line, of bounded length, and distinct where names are."""
    shown = escape_unprintable(name).strip() or "_"
    if len(shown) <= MAX_ID_LENGTH:
        return shown
    return f"{shown[: MAX_ID_LENGTH - 11]}~{hashlib.sha256(shown.encode()).hexdigest()[:10]}"


def escape_unprintable(text: str) -> str:
    """Return text on one line, with control, direction-changing and undecodable characters as escapes."""
    return "".join(
        char if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else _escape(char)
        for char in unicodedata.normalize("NFC", text)
    )


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def _aliases(exercise: Exercise) -> set[str]:
    number, _, topic = exercise.id.partition("_")
    return {exercise.id.casefold(), number, number.lstrip("0") or "0", topic.casefold()}
