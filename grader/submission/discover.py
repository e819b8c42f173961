"""What there is to grade: which files of a folder or zip are whose submission to which exercise.

Nothing is unpacked, no symbolic link is followed, and whatever is passed over is told. Needs no torch.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import SubmissionError, UsageError
from ..model import Exercise
from . import layouts
from .archives import MEMBERS, Archive, Member, opened
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


ListZip = Callable[[BinaryIO, str, int], dict[str, Any]]
"""Lists an open zip file as `listing` does, in a process where a file that was made to swell hurts nobody."""


@dataclass
class _Walk:
    """Lists files below a root."""

    skip: Path | None
    list_zip: ListZip
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
            raise UsageError(_too_many())
        if file.suffix.lower() != ".zip":
            yield Entry(path, Place(file), modified)
            return
        try:
            with regular(file) as data:
                listed = self.list_zip(data, file.name, MEMBERS if path else FILES - self.seen)
            if listed["over"] and path:
                raise SubmissionError(f"{file.name}: it lists more than {MEMBERS:,} files. Is it the right file?")
        except SubmissionError as error:
            yield Entry(path, Place(file), modified, str(error))
            return
        if listed["over"]:
            raise UsageError(_too_many())
        self.seen += len(listed["entries"])
        self.left += [Left(visible("/".join((*path, *below))), why) for below, why in listed["left"]]
        self.noise.update(listed["noise"])
        for below, members, changed, problem in listed["entries"]:
            yield Entry((*path, *below), Place(file, tuple(members)), changed, problem)


def _too_many() -> str:
    return f"There are more than {FILES:,} files: give the folder of the submissions alone."


def listing(file: BinaryIO, name: str, limit: int) -> dict[str, Any]:
    """Return what an open zip file lists, the zip files inside of it included, as plain data.

    Args:
        limit: files at most; beyond it `over` is true and the rest is missing.

    Returns:
        `entries`: `[path, members, modified, problem]` of each file; `left`: `[path, why]` of what is passed over;
        `noise`: counts of files that nobody means to hand in; `over`.

    Raises:
        SubmissionError: it is no zip file, or a damaged one.
    """
    walk = _ZipWalk(limit)
    with contextlib.closing(Archive(file, name)) as archive:
        walk.archive(archive, (), ())
    return {"entries": walk.entries, "left": walk.left, "noise": dict(walk.noise), "over": walk.over}


class _ZipWalk:
    """Lists the files in a zip file, and in those inside of it."""

    def __init__(self, limit: int) -> None:
        self.limit, self.over = limit, False
        self.budget = INNERS
        self.seen = 0
        self.entries: list[list[Any]] = []
        self.left: list[list[Any]] = []
        self.noise: Counter[str] = Counter()

    def archive(self, archive: Archive, path: tuple[str, ...], members: tuple[str, ...]) -> None:
        for member in archive.members():
            self.seen += 1
            if self.seen > self.limit:
                self.over = True
                return
            below = (*path, *member.path)
            why = ""
            if not member.path or len(below) > 2 * FOLDERS:
                why = "its name leads out of the zip file, or lies too deep"
            elif member.link:
                why = "symbolic links are not followed"
            if why:
                self.left.append([[*path, member.name], why])
            elif hidden := next((part for part in member.path if NOISE.fullmatch(part)), None):
                self.noise[hidden if hidden.startswith("_") else "hidden files and the like"] += 1
            elif not member.name.lower().endswith(".zip"):
                self.entries.append([below, [*members, member.name], member.modified, ""])
            else:
                self._inner(archive, member, below, members)

    def _inner(self, archive: Archive, member: Member, path: tuple[str, ...], members: tuple[str, ...]) -> None:
        name = Place(Path(archive.name), (*members, member.name)).name
        try:
            if members:
                raise SubmissionError(f"{name}: zip files in zip files in zip files are not read.")
            data = archive.read(member.name, min(INNER, self.budget) + 1)
            self.budget -= len(data)
            if len(data) > INNER or self.budget < 0:
                raise SubmissionError(f"{name}: it is too large for a zip file inside of another.")
            with contextlib.closing(opened(data, name)) as nested:
                self.archive(nested, path, (*members, member.name))
        except SubmissionError as error:
            self.entries.append([path, [*members, member.name], member.modified, str(error)])


def gather(
    root: Path,
    exercises: list[Exercise],
    pattern: str = "",
    skip: Path | None = None,
    only: bool = False,
    student: str = "",
    list_zip: ListZip = listing,
) -> Gathered:
    """Everything to grade below `root`, which may be a folder, a zip file, or one file.

    Args:
        exercises: those that are graded; `only` says that they were asked for by name.
        pattern: see `layouts.Pattern`; without one, the usual layouts are known.
        skip: a folder that is not looked into.
        student: everything is this student's, wherever it lies.
        list_zip: how zip files are looked into; `listing` itself does it in this process.

    Raises:
        UsageError: there is no such root, it cannot be read, or the pattern makes no sense.
    """
    form = layouts.Pattern(pattern, exercises) if pattern else layouts.Usual(exercises)
    walk = _Walk(skip, list_zip)
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
