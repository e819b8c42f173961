"""From where a file lies to whose submission to which exercise it is: the usual layouts, or a pattern of one's own."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import UsageError
from ..model import Exercise

HANDED_OUT = "files that come with the exercises"
SUFFIXES = (".py", ".ipynb")
COPY = re.compile(r"( ?\(\d+\)|-\d+| - Copy| copy)$", re.IGNORECASE)
"""What browsers and file managers append to the name of a second download."""

FIELDS = ("student", "exercise", "assignment")
LONGEST = 120
"""Characters of a student's id; longer ones are cut and told apart by a hash."""


@dataclass(frozen=True)
class Match:
    """Whose submission to which exercise a file is; `student` is empty where the path names none."""

    student: str
    exercise: str


class Layout(Protocol):
    """A way of reading paths."""

    def match(self, path: tuple[str, ...]) -> Match | str:
        """What the file at a path is, or why it is nothing to grade."""
        ...


class Usual:
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
            return HANDED_OUT if path[-1] in self.handed_out else "its name is no exercise's"
        folders = [stem(folder) for folder in path[:-1]]
        folders = [folder for folder in folders if folder.casefold() != exercise.id]
        return Match(folders[0] if folders else "", exercise.id)

    def exercise(self, name: str) -> Exercise | None:
        """The exercise that a file's name speaks of."""
        base, dot, suffix = name.rpartition(".")
        if dot + suffix.lower() not in SUFFIXES:
            return None
        return self.named.get(base.casefold()) or self.named.get(COPY.sub("", base).casefold())


class Pattern:
    """Paths of one's own form: `{student}_{exercise}.py`, `{assignment}/{student}/*.ipynb`.

    Args:
        text: `{student}`, `{exercise}`, `{assignment}` and `*` stand for anything within one name, all else for itself.

    Raises:
        UsageError: it names no student, or an unknown field.
    """

    def __init__(self, text: str, exercises: Sequence[Exercise]) -> None:
        self.text, self.usual = text, Usual(exercises)
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
            elif name not in FIELDS or name in seen:
                raise UsageError(f"--pattern {text}: it may name each of {', '.join(FIELDS)} once; not {piece}.")
            else:
                seen.add(name)
                pieces.append(f"(?P<{name}>(?i:{known}))" if name == "exercise" else f"(?P<{name}>[^/]+?)")
        if "student" not in seen:
            raise UsageError(f"--pattern {text}: say where {{student}} stands in it.")
        self.form = re.compile("".join(pieces), re.DOTALL)

    def match(self, path: tuple[str, ...]) -> Match | str:
        """See `Layout`."""
        found = self.form.fullmatch("/".join(path))
        if found is None or not path[-1].lower().endswith(SUFFIXES):
            return f"it does not match {self.text}"
        fields = found.groupdict()
        if "exercise" in fields:
            return Match(fields["student"], self.aliases[fields["exercise"].casefold()])
        exercise = self.usual.exercise(path[-1])
        return Match(fields["student"], exercise.id) if exercise else "its name is no exercise's"


def wrapping(paths: Sequence[tuple[str, ...]], root: str, zipped: bool, form: Layout) -> int:
    """How many folders lie around all of the submissions without being a student's.

    A zip of a whole class often holds one folder, called as the zip, with everything in it.
    """
    depth = 0
    while paths and all(len(path) > depth + 1 for path in paths):
        tops = {path[depth] for path in paths}
        if len(tops) != 1:
            break
        top = tops.pop()
        if not (top in ("submitted", "submissions") or (zipped and (top == root or _several(paths, depth, form)))):
            break
        depth += 1
    return depth


def _several(paths: Sequence[tuple[str, ...]], depth: int, form: Layout) -> bool:
    """Whether the same exercise lies in more than one folder below: those are students then."""
    if not all(len(path) > depth + 2 for path in paths):
        return False
    found: dict[str, set[str]] = {}
    for path in paths:
        match = form.match(path[depth + 1 :])
        if isinstance(match, Match):
            found.setdefault(match.exercise, set()).add(path[depth + 1])
    return any(len(folders) > 1 for folders in found.values())


def stem(folder: str) -> str:
    """A folder's name; a zip file's without its ending."""
    return folder[:-4] if folder.lower().endswith(".zip") and len(folder) > 4 else folder


def student_id(name: str) -> str:
    """A student's id from the name of their folder: on one line, of bounded length, and as different as the names."""
    shown = visible(name).strip() or "_"
    if len(shown) <= LONGEST:
        return shown
    return f"{shown[: LONGEST - 11]}~{hashlib.sha256(shown.encode()).hexdigest()[:10]}"


def visible(text: str) -> str:
    """Text on one line; control, direction-changing and undecodable characters are spelt out."""
    return "".join(
        char if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else _spelt(char)
        for char in unicodedata.normalize("NFC", text)
    )


def _spelt(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def _aliases(exercise: Exercise) -> set[str]:
    number, _, topic = exercise.id.partition("_")
    return {exercise.id.casefold(), number, number.lstrip("0") or "0", topic.casefold()}
