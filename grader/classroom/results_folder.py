"""The results folder of a class: one file a student and exercise, written whole or not at all, and what a run needs
to go on where it was. Needs no torch.

    RESULTS/run.json                         seed, options, versions
    RESULTS/results/<student>/<exercise>.json   `report.to_json` with the fields `student` and `batch`
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from ..errors import UsageError
from ..feedback import report
from ..files import write_whole
from ..model import Exercise, GradingOptions, Result

FORMAT = 1
FACTS = "run.json"
ABROAD = re.compile(r"[^\w .,@+=()\[\]-]|^\.|[. ]$")
"""What a file's name should not hold, on any system."""


@dataclass(frozen=True)
class Made:
    """How a result came about; it counts as done if all of this is as it would be today.

    Attributes:
        file: SHA-256 of the file that was handed in, or of why it could not be read.
        content: SHA-256 of the exercise's own files: description, solution, misconceptions, hidden tests.
    """

    file: str
    content: str
    seed: int
    training: str
    device: str
    confined: bool
    dataset: str = "mnist"


@dataclass(frozen=True)
class Kept:
    """A result in the folder and how it came about."""

    result: Result
    made: Made
    text: str


class Ledger:
    """A results folder. Open it with `opened`, which keeps others out.

    Attributes:
        broken: files in it that are no results; they are graded again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broken: list[str] = []

    def seed(self, wanted: int | None) -> int:
        """The run's seed: the one that is asked for, or the one kept from before, or a fresh one."""
        if wanted is not None:
            return wanted
        try:
            kept = json.loads((self.folder / FACTS).read_text("utf-8"))["seed"]
        except FileNotFoundError:
            kept = None
        except (OSError, ValueError, KeyError, TypeError):
            self.broken.append(FACTS)
            kept = None
        return kept if type(kept) is int else random.SystemRandom().randrange(1 << 31)

    def begin(self, seed: int, options: GradingOptions) -> None:
        """Keep what a run is made with, before its first result."""
        versions = {"python": ".".join(map(str, sys.version_info[:3]))}
        for name in ("nnkata", "torch"):
            with contextlib.suppress(metadata.PackageNotFoundError):
                versions[name] = metadata.version(name)
        facts = {
            "format_version": FORMAT,
            "seed": seed,
            "options": {
                "training": options.training,
                "dataset": options.dataset,
                "device": options.device,
                "confined": options.require_confinement,
            },
            "versions": versions,
        }
        write_whole(self.folder / FACTS, json.dumps(facts, indent=1) + "\n")

    def file(self, student: str, exercise: str) -> Path:
        """Where a result is kept."""
        return self.folder / "results" / file_name(student) / f"{exercise}.json"

    def keep(self, result: Result, made: Made) -> str:
        """Write a result down; its JSON."""
        assert result.student is not None
        file = self.file(result.student, result.exercise)
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**report.to_dict(result), "batch": asdict(made)}, ensure_ascii=False, separators=(",", ":"))
        write_whole(file, text + "\n")
        return text

    def known(self, student: str, exercise: str) -> Kept | None:
        """The result that is kept of a student and exercise; None if there is none, or none that can be read."""
        return self._read(self.file(student, exercise))

    def everything(self) -> Iterator[Kept]:
        """All results, a student's one after the other; read as they are asked for, since there may be thousands."""
        for file in sorted((self.folder / "results").glob("*/*.json")):
            if found := self._read(file):
                yield found

    def exercises(self) -> list[str]:
        """The ids of the exercises that there are results of."""
        return sorted({file.stem for file in (self.folder / "results").glob("*/*.json")})

    def _read(self, file: Path) -> Kept | None:
        try:
            text = file.read_text("utf-8")
            table = json.loads(text)
            result, made = report.from_dict(table), Made(**table["batch"])
            if not isinstance(result.student, str) or self.file(result.student, result.exercise) != file:
                raise ValueError("it is another student's")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            name = str(file.relative_to(self.folder))
            if name not in self.broken:
                self.broken.append(name)
            return None
        return Kept(result, made, text.strip())


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    """The ledger of a folder, made if need be; nobody else has it open meanwhile, and the lock dies with this process.

    Raises:
        UsageError: another run has it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "a+b")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): choose another folder.") from None
    with lock:
        if not _locked(lock.fileno()):
            raise UsageError(f"Another `nnkata grade` is writing into {folder}: wait for it, or choose another folder.")
        yield Ledger(folder)


def _locked(fd: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def file_name(student: str) -> str:
    """A student's id as a file's name: readable, the same on every system, and different for different students."""
    plain = ABROAD.sub("_", student)
    if plain == student and len(student.encode()) <= 120 and student.isprintable():
        return student
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{plain[:40]}~{digest}"


def content_digest(exercise: Exercise) -> str:
    """The SHA-256 of the files that decide what an exercise is graded by."""
    digest = hashlib.sha256()
    files = [exercise.folder / "exercise.toml", exercise.solution, exercise.misconceptions]
    for file in [*files, *sorted(exercise.tests.glob("*.py"))]:
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def seed_of(batch: int, exercise: str) -> int:
    """The seed of every submission to an exercise: the same inputs for all students, whoever grades them when."""
    return int.from_bytes(hashlib.sha256(f"{batch}:{exercise}".encode()).digest()[:4], "big") >> 1
