"""What there is to grade: which files of a folder or zip are whose submission to which exercise.

Nothing is unpacked, no symbolic link is followed, and whatever is passed over is told. Needs no torch.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SubmissionError, UsageError
from ..model import Exercise
from . import layouts
from .archives import Archive, opened
from .layouts import student_id, visible
from .location import INNER, Place, regular

INNERS = 1 << 30
"""Bytes that all zip files inside of one other may have together."""

FOLDERS = 12
"""Folders inside of one another that are looked into."""

FILES = 500_000
NOISE = re.compile(r"\..*|__MACOSX|__pycache__|Thumbs\.db|desktop\.ini|timestamp\.txt|.*\.pyc", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """One file found: its folders and name from the root, zips counting as folders.

    Attributes:
        modified: seconds since 1970.
        problem: why it cannot be looked into: a broken zip file.
    """

    path: tuple[str, ...]
    place: Place
    modified: float
    problem: str = ""

    @property
    def shown(self) -> str:
        """The path, fit for a person to read."""
        return visible("/".join(self.path))


@dataclass(frozen=True)
class Submitted:
    """One student's submission to one exercise; with a `problem`, nothing of it can be read."""

    student: str
    exercise: str
    place: Place
    shown: str
    problem: str = ""


@dataclass(frozen=True)
class Left:
    """A file, or several of a kind, that were passed over, and why."""

    where: str
    why: str


@dataclass(frozen=True)
class Gathered:
    """Everything to grade, by exercise and student, and everything that was left."""

    submitted: tuple[Submitted, ...]
    left: tuple[Left, ...]


@dataclass
class _Walk:
    """Lists files below a root."""

    skip: Path | None
    left: list[Left] = field(default_factory=list)
    noise: Counter[str] = field(default_factory=Counter)
    seen: int = 0

    def folder(self, folder: Path, path: tuple[str, ...]) -> Iterator[Entry]:
        try:
            found = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.left.append(Left(visible("/".join(path)), f"the folder cannot be read ({error.strerror})"))
            return
        for entry in found:
            below = (*path, entry.name)
            if NOISE.fullmatch(entry.name):
                self.noise[entry.name if entry.name.startswith("_") else "hidden files and the like"] += 1
            elif entry.is_symlink():
                self.left.append(Left(visible("/".join(below)), "symbolic links are not followed"))
            elif entry.is_dir(follow_symlinks=False):
                if self.skip is not None and os.path.samefile(entry.path, self.skip):
                    continue
                if len(below) > FOLDERS:
                    self.left.append(Left(visible("/".join(below)), "it lies too deep"))
                    continue
                yield from self.folder(Path(entry.path), below)
            elif entry.is_file(follow_symlinks=False):
                yield from self.file(Path(entry.path), below, entry.stat(follow_symlinks=False).st_mtime)
            else:
                self.left.append(Left(visible("/".join(below)), "it is no regular file"))

    def file(self, file: Path, path: tuple[str, ...], modified: float) -> Iterator[Entry]:
        self.seen += 1
        if self.seen > FILES:
            raise UsageError(f"There are more than {FILES:,} files: give the folder of the submissions alone.")
        if file.suffix.lower() != ".zip":
            yield Entry(path, Place(file), modified)
            return
        try:
            with regular(file) as data, contextlib.closing(Archive(data, file.name)) as archive:
                yield from self.archive(archive, Place(file), path, [INNERS])
        except SubmissionError as error:
            yield Entry(path, Place(file), modified, str(error))

    def archive(self, archive: Archive, place: Place, path: tuple[str, ...], budget: list[int]) -> Iterator[Entry]:
        for member in archive.members():
            below = (*path, *member.path)
            why = ""
            if not member.path or len(below) > 2 * FOLDERS:
                why = "its name leads out of the zip file, or lies too deep"
            elif member.link:
                why = "symbolic links are not followed"
            if why:
                self.left.append(Left(visible("/".join((*path, member.name))), why))
            elif hidden := next((part for part in member.path if NOISE.fullmatch(part)), None):
                self.noise[hidden if hidden.startswith("_") else "hidden files and the like"] += 1
            elif not member.name.lower().endswith(".zip"):
                yield Entry(below, Place(place.path, (*place.members, member.name)), member.modified)
            else:
                inner = Place(place.path, (*place.members, member.name))
                try:
                    if place.members:
                        raise SubmissionError(f"{inner.name}: zip files in zip files in zip files are not read.")
                    data = archive.read(member.name, min(INNER, budget[0]) + 1)
                    budget[0] -= len(data)
                    if len(data) > INNER or budget[0] < 0:
                        raise SubmissionError(f"{inner.name}: it is too large for a zip file inside of another.")
                    with contextlib.closing(opened(data, inner.name)) as nested:
                        yield from self.archive(nested, inner, below, budget)
                except SubmissionError as error:
                    yield Entry(below, inner, member.modified, str(error))


def gather(
    root: Path,
    exercises: list[Exercise],
    pattern: str = "",
    skip: Path | None = None,
    only: bool = False,
    student: str = "",
) -> Gathered:
    """Everything to grade below `root`, which may be a folder, a zip file, or one file.

    Args:
        exercises: those that are graded; `only` says that they were asked for by name.
        pattern: see `layouts.Pattern`; without one, the usual layouts are known.
        skip: a folder that is not looked into.
        student: everything is this student's, wherever it lies.

    Raises:
        UsageError: there is no such root, it cannot be read, or the pattern makes no sense.
    """
    form = layouts.Pattern(pattern, exercises) if pattern else layouts.Usual(exercises)
    walk = _Walk(skip)
    entries = list(_entries(walk, root))
    home = student_id(
        root.resolve().parent.name if root.suffix in layouts.SUFFIXES else layouts.stem(root.resolve().name)
    )
    paths = [entry.path for entry in entries]
    depth = 0 if pattern else layouts.wrapping(paths, root.stem, root.suffix == ".zip", form)
    candidates: dict[tuple[str, str], list[Entry]] = {}
    broken: list[tuple[str, Entry]] = []
    for entry in entries:
        path = entry.path[depth:]
        if entry.problem:
            broken.append((student_id(student or layouts.stem(path[0])), entry))
            continue
        match = form.match(path)
        if isinstance(match, str):
            if match == layouts.HANDED_OUT:
                walk.noise[match] += 1
            else:
                walk.left.append(Left(entry.shown, match))
            continue
        who = student_id(student or match.student) if student or match.student else home
        candidates.setdefault((who, match.exercise), []).append(entry)
    chosen = {key: _newest(found, walk.left) for key, found in candidates.items()}
    wanted = sorted({exercise for _, exercise in chosen} | {exercise.id for exercise in exercises if only})
    submitted = [Submitted(*key, entry.place, entry.shown) for key, entry in chosen.items()]
    for who, entry in broken:
        lost = [exercise for exercise in wanted if (who, exercise) not in chosen]
        chosen |= {(who, exercise): entry for exercise in lost}
        submitted += [Submitted(who, exercise, entry.place, entry.shown, entry.problem) for exercise in lost]
        if not lost:
            walk.left.append(Left(entry.shown, visible(entry.problem)))
    left = walk.left + [Left(f"{count} × {name}", "passed over") for name, count in sorted(walk.noise.items())]
    submitted.sort(key=lambda one: (one.exercise, one.student))
    return Gathered(tuple(submitted), tuple(left))


def _entries(walk: _Walk, root: Path) -> Iterator[Entry]:
    if root.is_dir():
        base = root / "submitted"
        base = base if base.is_dir() and not base.is_symlink() else root  # nbgrader's course folder
        return walk.folder(base, ())
    if not root.exists():
        raise UsageError(f"There is no {root}: name a folder, a zip file, a script or a notebook.")
    if root.suffix.lower() != ".zip":
        return walk.file(root, (root.name,), root.stat().st_mtime)
    entries = list(walk.file(root, (), root.stat().st_mtime))
    if entries and not entries[0].path:
        raise UsageError(entries[0].problem)
    return iter(entries)


def _newest(found: list[Entry], left: list[Left]) -> Entry:
    """The newest of several files; the others are told. Of equally old ones, the last by name."""
    found.sort(key=lambda entry: (entry.modified, entry.path))
    newest = found[-1]
    left += [Left(entry.shown, f"{newest.shown} is newer, and is graded") for entry in found[:-1]]
    return newest
