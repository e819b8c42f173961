"""The results folder of a class: one file per student and exercise, written whole or not at all, and what a run needs
to resume. Needs no torch.

    RESULTS/run.json                         seed, options, versions
    RESULTS/results/<student>/<exercise>.json   `report.to_json` with the fields `student` and `batch`
"""

from __future__ import annotations

import contextlib
import hashlib
import json
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
from ..seeds import derive_seed, draw_seed

RUN_FORMAT_VERSION = 1
RUN_FILE = "run.json"
UNSAFE_IN_FILE_NAMES = re.compile(r"[^\w .,@+=()\[\]-]|^\.|[. ]$")
"""What a file's name should not hold, on any system."""

MAX_FILE_NAME_BYTES = 120


@dataclass(frozen=True)
class Provenance:
    """How a result came about; it is up to date if all of this is as it would be today.

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
class StoredResult:
    """A result in the folder, how it came about, and its JSON."""

    result: Result
    provenance: Provenance
    json_text: str


class ResultsFolder:
    """A results folder. Open it with `open_results`, which keeps others out.

    Attributes:
        damaged: files in it that cannot be read as what they should be; they are made again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: list[str] = []

    def choose_seed(self, requested: int | None) -> int:
        """Return the run's seed: the one that is asked for, or that of the run before, or a fresh one."""
        if requested is not None:
            return requested
        try:
            stored = json.loads((self.folder / RUN_FILE).read_text("utf-8"))["seed"]
        except FileNotFoundError:
            stored = None
        except (OSError, ValueError, KeyError, TypeError):
            self.damaged.append(RUN_FILE)
            stored = None
        return stored if type(stored) is int else draw_seed()

    def write_run_file(self, seed: int, options: GradingOptions) -> None:
        """Write down what a run is made with, before its first result."""
        versions = {"python": ".".join(map(str, sys.version_info[:3]))}
        for name in ("nnkata", "torch"):
            with contextlib.suppress(metadata.PackageNotFoundError):
                versions[name] = metadata.version(name)
        run = {
            "format_version": RUN_FORMAT_VERSION,
            "seed": seed,
            "options": {
                "training": options.training,
                "dataset": options.dataset,
                "device": options.device,
                "confined": options.require_confinement,
            },
            "versions": versions,
        }
        write_whole(self.folder / RUN_FILE, json.dumps(run, indent=1) + "\n")

    def path_of(self, student: str, exercise: str) -> Path:
        """Return the path of a result's file."""
        return self.folder / "results" / file_name(student) / f"{exercise}.json"

    def store(self, result: Result, provenance: Provenance) -> str:
        """Write a result into its file; return its JSON."""
        assert result.student is not None
        file = self.path_of(result.student, result.exercise)
        file.parent.mkdir(parents=True, exist_ok=True)
        table = {**report.to_dict(result), "batch": asdict(provenance)}
        text = json.dumps(table, ensure_ascii=False, separators=(",", ":"))
        write_whole(file, text + "\n")
        return text

    def load(self, student: str, exercise: str) -> StoredResult | None:
        """Return the stored result of a student and exercise; None if there is none, or none that can be read."""
        return self._read(self.path_of(student, exercise))

    def load_all(self) -> Iterator[StoredResult]:
        """Yield all results, a student's one after the other; read one by one, since there may be thousands."""
        for file in sorted((self.folder / "results").glob("*/*.json")):
            if stored := self._read(file):
                yield stored

    def exercise_ids(self) -> list[str]:
        """Return the ids of the exercises that there are results of."""
        return sorted({file.stem for file in (self.folder / "results").glob("*/*.json")})

    def _read(self, file: Path) -> StoredResult | None:
        try:
            text = file.read_text("utf-8")
            table = json.loads(text)
            result, provenance = report.from_dict(table), Provenance(**table["batch"])
            if not isinstance(result.student, str) or self.path_of(result.student, result.exercise) != file:
                raise ValueError("it is another student's")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            name = str(file.relative_to(self.folder))
            if name not in self.damaged:
                self.damaged.append(name)
            return None
        return StoredResult(result=result, provenance=provenance, json_text=text.strip())


@contextlib.contextmanager
def open_results(folder: Path) -> Iterator[ResultsFolder]:
    """Open a results folder, made if need be; nobody else has it open meanwhile, and the lock dies with this process.

    Raises:
        UsageError: another run has it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "a+b")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): choose another folder.") from None
    with lock:
        if not _lock(lock.fileno()):
            raise UsageError(f"Another `nnkata grade` is writing into {folder}: wait for it, or choose another folder.")
        yield ResultsFolder(folder)


def _lock(fd: int) -> bool:
    """Lock a file for this process; return False if another has it."""
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
    """Return a student's id as a file's name: readable, the same on every system, another for every student."""
    plain = UNSAFE_IN_FILE_NAMES.sub("_", student)
    if plain == student and len(student.encode()) <= MAX_FILE_NAME_BYTES and student.isprintable():
        return student
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{plain[:40]}~{digest}"


def content_digest(exercise: Exercise) -> str:
    """Return the SHA-256 of the files that decide what an exercise is graded by."""
    digest = hashlib.sha256()
    files = [exercise.folder / "exercise.toml", exercise.solution, exercise.misconceptions]
    for file in [*files, *sorted(exercise.tests.glob("*.py"))]:
        if file.is_file():
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def exercise_seed(run_seed: int, exercise: str) -> int:
    """Return the seed of every submission to an exercise: the same inputs for every student, at any time."""
    return derive_seed(run_seed, exercise)
