"""The student's folder: exercises to edit, progress, and backups. No torch.

A workspace is a folder with a `.nnkata/` in it; the repository's own `exercises/` serves as one too. Progress is a
small JSON file: a broken one is set aside and said so, never a reason to stop.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from ..errors import UsageError
from ..files import write_whole
from ..model import Exercise, Result

MARKER = ".nnkata"
PROGRESS = "progress.json"


@dataclass
class Record:
    """What is remembered of one exercise: its best score, hints taken by part, and diagnoses by part."""

    score: float = 0.0
    passed: bool = False
    attempts: int = 0
    hints: dict[str, int] = field(default_factory=dict)
    diagnoses: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[str, bool] = field(default_factory=dict)


class Workspace:
    """One student's folder.

    Attributes:
        folder: where the exercises' folders lie.
        warnings: what was found broken and set aside.
    """

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder, self.state = folder, state
        self.warnings: list[str] = []
        self.records = self._load()

    def file(self, exercise: Exercise) -> Path:
        """The student's file of an exercise."""
        return self.folder / exercise.id / exercise.module

    def record(self, exercise: str) -> Record:
        """What is remembered of an exercise."""
        return self.records.setdefault(exercise, Record())

    def remember(self, result: Result, *, whole: bool = True) -> None:
        """Keep a result's score and diagnoses, and save. Only a `whole` check, all bars included, can pass an
        exercise.
        """
        record = self.record(result.exercise)
        record.attempts += 1
        record.score = max(record.score, result.score)
        for part in result.parts:
            record.parts[part.name] = part.status == "pass"
            found = [d for d in result.diagnoses if d.part == part.name]
            record.diagnoses.pop(part.name, None)
            if found:
                record.diagnoses[part.name] = [found[0].explanation, found[0].advice]
        record.passed = record.passed or (whole and result.status == "pass" and result.score >= result.max_score > 0)
        self.save()

    def save(self) -> None:
        """Write the progress file: beside, then renamed. A read-only workspace is warned of, once."""
        data = {"format_version": 1, "exercises": {name: asdict(record) for name, record in self.records.items()}}
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            write_whole(self.state / PROGRESS, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            warning = f"progress could not be saved in {self.state} ({error.strerror}); the verdict stands all the same"
            if warning not in self.warnings:
                self.warnings.append(warning)

    def _load(self) -> dict[str, Record]:
        file = self.state / PROGRESS
        try:
            data = json.loads(file.read_text("utf-8"))
            known = {f.name for f in fields(Record)}
            records = {
                str(name): Record(**{key: value for key, value in entry.items() if key in known})
                for name, entry in data["exercises"].items()
            }
            if not all(_sane(record) for record in records.values()):
                raise ValueError("a record has the wrong form")
            return records
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            aside = file.with_name(f"{PROGRESS}.broken-{int(time.time())}")
            with contextlib.suppress(OSError):
                os.replace(file, aside)
            self.warnings.append(f"the progress file was damaged; it was set aside as {aside.name} and a new one begun")
            return {}


def _sane(record: Record) -> bool:
    kinds = (
        (record.score, int | float),
        (record.attempts, int),
        (record.hints, dict),
        (record.diagnoses, dict),
        (record.parts, dict),
    )
    return (
        all(isinstance(value, kind) for value, kind in kinds)
        and all(isinstance(level, int) for level in record.hints.values())
        and all(isinstance(found, list) and len(found) == 2 for found in record.diagnoses.values())
    )


def find(start: Path, kit: Path) -> Workspace:
    """The workspace that `start` lies in: the nearest folder above with a `.nnkata`, or the repository's `exercises/`.

    Raises:
        UsageError: if there is none; the message says how to make one.
    """
    for folder in (start, *start.parents):
        if (folder / MARKER).is_dir() and folder != Path.home():
            return Workspace(folder, folder / MARKER)
        if folder == kit and (kit / "pyproject.toml").is_file():
            return Workspace(kit / "exercises", kit / MARKER)
    raise UsageError(f"{start} is in no workspace. `nnkata init` makes one here; `nnkata init DIR` makes one in DIR.")


def create(folder: Path, exercises: list[Exercise]) -> tuple[list[str], list[str]]:
    """Make a workspace, or add to one what is missing; never overwrites a file. The files written and those kept, by
    name.
    """
    written: list[str] = []
    kept: list[str] = []
    (folder / MARKER).mkdir(parents=True, exist_ok=True)
    for exercise in exercises:
        for source in sorted(exercise.folder.iterdir()):
            if not source.is_file() or source.name == "exercise.toml" or source.suffix == ".pyc":
                continue
            target = folder / exercise.id / source.name
            name = f"{exercise.id}/{source.name}"
            if target.exists():
                kept.append(name)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            written.append(name)
    return written, kept


def backup(file: Path, state: Path) -> Path:
    """Copy a file among the backups, under a name of its own; the copy's path."""
    folder = state / "backups"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1000):
        target = folder / f"{file.parent.name}-{file.stem}-{stamp}{f'-{number}' if number else ''}{file.suffix}"
        if not target.exists():
            shutil.copyfile(file, target)
            return target
    raise UsageError(f"there are too many backups in {folder}: delete some")
