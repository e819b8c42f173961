"""Find the submissions in a folder or zip: which file is whose, and for which exercise.

Nothing is unpacked, no symbolic link is followed, and every skipped file is reported. Needs no torch.
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
from .archives import MAX_MEMBERS, Archive, Member, open_archive
from .layouts import escape_unprintable, student_id
from .location import MAX_INNER_ZIP_BYTES, Location, open_regular

MAX_ALL_INNER_ZIPS_BYTES = 1 << 30
"""Most bytes of all zip files inside one other, together."""

MAX_FOLDER_DEPTH = 12
"""Deepest nesting of folders that is searched."""

MAX_FILES = 500_000
NOISE_NAMES = re.compile(r"\..*|__MACOSX|__pycache__|Thumbs\.db|desktop\.ini|timestamp\.txt|.*\.pyc", re.IGNORECASE)


@dataclass(frozen=True)
class ListedFile:
    """One file: its folders and name from the root, zips counting as folders.

    Attributes:
        modified: seconds since 1970.
        problem: why it cannot be read, such as a broken zip file; "" if it can.
    """

    path: tuple[str, ...]
    location: Location
    modified: float
    problem: str = ""

    @property
    def shown(self) -> str:
        """The path, safe to show to a person."""
        return escape_unprintable("/".join(self.path))


@dataclass(frozen=True)
class SubmissionFile:
    """One student's submission to one exercise; `problem` says why it cannot be read, "" if it can."""

    student: str
    exercise: str
    location: Location
    shown: str
    problem: str = ""


@dataclass(frozen=True)
class SkippedFile:
    """A file, or several of a kind, that are not graded, and why."""

    where: str
    why: str


@dataclass(frozen=True)
class Discovery:
    """Everything to grade, sorted by exercise and student, and everything that was skipped."""

    submissions: tuple[SubmissionFile, ...]
    skipped: tuple[SkippedFile, ...]


ListZip = Callable[[BinaryIO, str, int], dict[str, Any]]
"""Lists an open zip file as `list_contents` does, in a process where a file made to expand harms nobody else."""


@dataclass
class _Walk:
    """Lists files below a root."""

    skip: Path | None
    list_zip: ListZip
    skipped: list[SkippedFile] = field(default_factory=list)
    noise: Counter[str] = field(default_factory=Counter)
    seen: int = 0

    def folder(self, folder: Path, path: tuple[str, ...]) -> Iterator[ListedFile]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.skipped.append(
                SkippedFile(escape_unprintable("/".join(path)), f"the folder cannot be read ({error.strerror})")
            )
            return
        for entry in entries:
            below = (*path, entry.name)
            if NOISE_NAMES.fullmatch(entry.name):
                self.noise[entry.name if entry.name.startswith("_") else "hidden files and the like"] += 1
            elif entry.is_symlink():
                self.skipped.append(SkippedFile(escape_unprintable("/".join(below)), "symbolic links are not followed"))
            elif entry.is_dir(follow_symlinks=False):
                if self.skip is not None and os.path.samefile(entry.path, self.skip):
                    continue
                if len(below) > MAX_FOLDER_DEPTH:
                    self.skipped.append(SkippedFile(escape_unprintable("/".join(below)), "it is nested too deeply"))
                    continue
                yield from self.folder(Path(entry.path), below)
            elif entry.is_file(follow_symlinks=False):
                yield from self.file(Path(entry.path), below, entry.stat(follow_symlinks=False).st_mtime)
            else:
                self.skipped.append(SkippedFile(escape_unprintable("/".join(below)), "it is not a regular file"))

    def file(self, file: Path, path: tuple[str, ...], modified: float) -> Iterator[ListedFile]:
        self.seen += 1
        if self.seen > MAX_FILES:
            raise UsageError(_too_many())
        if file.suffix.lower() != ".zip":
            yield ListedFile(path, Location(file), modified)
            return
        try:
            with open_regular(file) as data:
                listed = self.list_zip(data, file.name, MAX_MEMBERS if path else MAX_FILES - self.seen)
            if listed["over"] and path:
                raise SubmissionError(f"{file.name}: it lists more than {MAX_MEMBERS:,} files. Is it the right file?")
        except SubmissionError as error:
            yield ListedFile(path, Location(file), modified, str(error))
            return
        if listed["over"]:
            raise UsageError(_too_many())
        self.seen += len(listed["entries"])
        self.skipped += [
            SkippedFile(escape_unprintable("/".join((*path, *below))), why) for below, why in listed["left"]
        ]
        self.noise.update(listed["noise"])
        for below, members, changed, problem in listed["entries"]:
            yield ListedFile((*path, *below), Location(file, tuple(members)), changed, problem)


def _too_many() -> str:
    return f"There are more than {MAX_FILES:,} files: give only the folder with the submissions."


def list_contents(file: BinaryIO, name: str, limit: int) -> dict[str, Any]:
    """Return what an open zip file lists, including the zip files inside it, as plain data.

    Args:
        limit: files at most; beyond it `over` is true and the rest is missing.

    Returns:
        `entries`: `[path, members, modified, problem]` of each file; `left`: `[path, why]` of what is skipped;
        `noise`: counts of files that nobody means to submit; `over`.

    Raises:
        SubmissionError: it is not a zip file, or is damaged.
    """
    walk = _ZipWalk(limit)
    with contextlib.closing(Archive(file, name)) as archive:
        walk.archive(archive, (), ())
    return {"entries": walk.entries, "left": walk.left, "noise": dict(walk.noise), "over": walk.over}


class _ZipWalk:
    """Lists the files in a zip file, and in the zip files inside it."""

    def __init__(self, limit: int) -> None:
        self.limit, self.over = limit, False
        self.budget = MAX_ALL_INNER_ZIPS_BYTES
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
            if not member.path or len(below) > 2 * MAX_FOLDER_DEPTH:
                why = "its name points outside the zip file or is nested too deeply"
            elif member.link:
                why = "symbolic links are not followed"
            if why:
                self.left.append([[*path, member.name], why])
            elif hidden := next((part for part in member.path if NOISE_NAMES.fullmatch(part)), None):
                self.noise[hidden if hidden.startswith("_") else "hidden files and the like"] += 1
            elif not member.name.lower().endswith(".zip"):
                self.entries.append([below, [*members, member.name], member.modified, ""])
            else:
                self._inner(archive, member, below, members)

    def _inner(self, archive: Archive, member: Member, path: tuple[str, ...], members: tuple[str, ...]) -> None:
        name = Location(Path(archive.name), (*members, member.name)).name
        try:
            if members:
                raise SubmissionError(f"{name}: zip files nested more than two deep are not read.")
            data = archive.read(member.name, min(MAX_INNER_ZIP_BYTES, self.budget) + 1)
            self.budget -= len(data)
            if len(data) > MAX_INNER_ZIP_BYTES or self.budget < 0:
                raise SubmissionError(f"{name}: it is too large for a zip file inside another.")
            with contextlib.closing(open_archive(data, name)) as nested:
                self.archive(nested, path, (*members, member.name))
        except SubmissionError as error:
            self.entries.append([path, [*members, member.name], member.modified, str(error)])


def find_submissions(
    root: Path,
    exercises: list[Exercise],
    pattern: str = "",
    skip: Path | None = None,
    *,
    only: bool = False,
    student: str = "",
    list_zip: ListZip = list_contents,
) -> Discovery:
    """Find everything to grade below `root`, which may be a folder, a zip file, or one file.

    Args:
        exercises: the exercises that are graded.
        pattern: see `layouts.PatternLayout`; "" for the usual layouts.
        skip: a folder that is not searched.
        only: `exercises` were named, so an unreadable zip file counts as its student's submission to each of them.
        student: the student of every file, wherever it is; "" to take it from the path.
        list_zip: reads a zip file's list of contents; `list_contents` does so in this process.

    Raises:
        UsageError: `root` does not exist or cannot be read, or the pattern is invalid.
    """
    layout = layouts.PatternLayout(pattern, exercises) if pattern else layouts.UsualLayout(exercises)
    walk = _Walk(skip, list_zip)
    files = list(_list_files(walk, root))
    here = root.resolve()
    home = here.parent.name if root.suffix in layouts.SUFFIXES else layouts.without_zip_suffix(here.name)
    paths = [file.path for file in files]
    depth = 0 if pattern else layouts.wrapper_depth(paths, root.stem, layout, zipped=root.suffix == ".zip")
    candidates: dict[tuple[str, str], list[ListedFile]] = {}
    for file in files:
        if not file.problem and (match := _match(walk, layout, file, depth)):
            who = student or match.student or home
            candidates.setdefault((student_id(who), match.exercise), []).append(file)
    chosen = {key: _pick_newest(several, walk.skipped) for key, several in candidates.items()}
    submissions = [SubmissionFile(*key, file.location, file.shown) for key, file in chosen.items()]
    expected = {exercise for _, exercise in chosen} | {exercise.id for exercise in exercises if only}
    for file in files:
        if file.problem:
            who = student_id(student or layouts.without_zip_suffix(file.path[depth]))
            submissions += _replace_missing(walk, file, who, expected, chosen)
    noise = [SkippedFile(f"{count} × {name}", "skipped") for name, count in sorted(walk.noise.items())]
    submissions.sort(key=lambda one: (one.exercise, one.student))
    return Discovery(tuple(submissions), (*walk.skipped, *noise))


def _match(walk: _Walk, layout: layouts.Layout, file: ListedFile, depth: int) -> layouts.Match | None:
    """Return the student and exercise of a file, or note why it is skipped and return None."""
    match = layout.match(file.path[depth:])
    if isinstance(match, layouts.Match):
        return match
    if match == layouts.COMES_WITH_EXERCISES:
        walk.noise[match] += 1
    else:
        walk.skipped.append(SkippedFile(file.shown, match))
    return None


def _replace_missing(
    walk: _Walk, broken: ListedFile, who: str, expected: set[str], chosen: dict[tuple[str, str], ListedFile]
) -> list[SubmissionFile]:
    """Let a file that cannot be read stand for its student's missing submissions, so that they get its problem."""
    missing = [exercise for exercise in sorted(expected) if (who, exercise) not in chosen]
    chosen |= {(who, exercise): broken for exercise in missing}
    if not missing:
        walk.skipped.append(SkippedFile(broken.shown, escape_unprintable(broken.problem)))
    return [SubmissionFile(who, exercise, broken.location, broken.shown, broken.problem) for exercise in missing]


def _list_files(walk: _Walk, root: Path) -> Iterator[ListedFile]:
    if root.is_dir():
        base = root / "submitted"
        base = base if base.is_dir() and not base.is_symlink() else root  # nbgrader's course folder
        return walk.folder(base, ())
    if not root.exists():
        raise UsageError(f"{root} does not exist: give a folder, a zip file, a script or a notebook.")
    if root.suffix.lower() != ".zip":
        return walk.file(root, (root.name,), root.stat().st_mtime)
    entries = list(walk.file(root, (), root.stat().st_mtime))
    if entries and not entries[0].path:
        raise UsageError(entries[0].problem)
    return iter(entries)


def _pick_newest(files: list[ListedFile], skipped: list[SkippedFile]) -> ListedFile:
    """Return the newest of several files, of equally old ones the last by name; report the others as skipped."""
    files.sort(key=lambda file: (file.modified, file.path))
    newest = files[-1]
    skipped += [SkippedFile(file.shown, f"{newest.shown} is newer and is graded instead") for file in files[:-1]]
    return newest
