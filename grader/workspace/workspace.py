"""The student's folder: exercises to edit, progress, and backups. No torch.

A workspace is a folder with a `.nnkata/` in it; the repository's own `exercises/` serves as one, too. Progress is a
small JSON file, `.nnkata/progress.json`: a damaged one is renamed and reported, never a reason to stop. Its format:

    {"format_version": 1, "exercises": {"03_losses": {<the fields of Record>}, …}}
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
from ..files import find_home_folder, write_whole
from ..model import Exercise, Result

MARKER = ".nnkata"
PROGRESS = "progress.json"


@dataclass
class Record:
    """Progress in one exercise.

    Attributes:
        score: the best one so far.
        attempts: the number of checks.
        hints: the level of the last hint shown, by part.
        diagnoses: the last check's [explanation, advice], by part.
        parts: true for parts that passed the last check.
    """

    score: float = 0.0
    passed: bool = False
    attempts: int = 0
    hints: dict[str, int] = field(default_factory=dict)
    diagnoses: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[str, bool] = field(default_factory=dict)


class Workspace:
    """One student's folder.

    Attributes:
        folder: the folder that contains the exercises' folders.
        warnings: what went wrong with the progress file, as sentences without a full stop.
    """

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder, self.state = folder, state
        self.warnings: list[str] = []
        self.records = self._load()

    def file(self, exercise: Exercise) -> Path:
        """Return the path of the student's file for an exercise."""
        return self.folder / exercise.id / exercise.module

    def record(self, exercise: str) -> Record:
        """Return the record of an exercise, a new one if there is none."""
        return self.records.setdefault(exercise, Record())

    def remember(self, result: Result, *, whole: bool = True) -> None:
        """Record a result's score and diagnoses, and save.

        Args:
            whole: the check included all bars; only such a check can pass an exercise.
        """
        record = self.record(result.exercise)
        record.attempts += 1
        record.score = max(record.score, result.score)
        for part in result.parts:
            record.parts[part.name] = part.status == "pass"
            diagnoses = [d for d in result.diagnoses if d.part == part.name]
            record.diagnoses.pop(part.name, None)
            if diagnoses:
                record.diagnoses[part.name] = [diagnoses[0].explanation, diagnoses[0].advice]
        record.passed = record.passed or (whole and result.status == "pass" and result.score >= result.max_score > 0)
        self.save()

    def save(self) -> None:
        """Write the progress file: beside, then renamed. A read-only workspace gives one warning."""
        data = {"format_version": 1, "exercises": {name: asdict(record) for name, record in self.records.items()}}
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            write_whole(self.state / PROGRESS, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            warning = f"progress could not be saved in {self.state} ({error.strerror}); the verdict still counts"
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
            if not all(_is_valid(record) for record in records.values()):
                raise ValueError("a record has the wrong form")
            return records
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            aside = file.with_name(f"{PROGRESS}.broken-{int(time.time())}")
            with contextlib.suppress(OSError):
                os.replace(file, aside)
            self.warnings.append(
                f"the progress file was damaged; it was renamed to {aside.name} and a new one was started"
            )
            return {}


def _is_valid(record: Record) -> bool:
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
        and all(isinstance(diagnosis, list) and len(diagnosis) == 2 for diagnosis in record.diagnoses.values())
    )


def find(start: Path, kit: Path) -> Workspace:
    """Return the workspace around `start`: the nearest folder above with a `.nnkata`, or the repository's `exercises/`.

    Raises:
        UsageError: there is none; the message says how to create one.
    """
    home = find_home_folder()
    for folder in (start, *start.parents):
        if (folder / MARKER).is_dir() and folder != home:
            return Workspace(folder, folder / MARKER)
        if folder == kit and (kit / "pyproject.toml").is_file():
            return Workspace(kit / "exercises", kit / MARKER)
    raise UsageError(
        f"{start} is not in a workspace. `nnkata init` creates one here; `nnkata init DIR` creates one in DIR."
    )


def create(folder: Path, exercises: list[Exercise]) -> tuple[list[str], list[str]]:
    """Create a workspace, or add what is missing to one; never overwrite a file.

    Returns:
        The names of the files written, and of those that existed and were kept.
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
    """Copy a file into the backups under a unique name, and return the copy's path."""
    folder = state / "backups"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1000):
        target = folder / f"{file.parent.name}-{file.stem}-{stamp}{f'-{number}' if number else ''}{file.suffix}"
        if not target.exists():
            shutil.copyfile(file, target)
            return target
    raise UsageError(f"There are too many backups in {folder}: delete some.")
