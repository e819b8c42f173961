"""The words of the design as frozen dataclasses: what passes between the modules."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union

if TYPE_CHECKING:
    import torch

Status = Literal["pass", "fail", "error", "skip"]

PLACEHOLDER = ("# YOUR CODE HERE", "raise NotImplementedError")
"""The lines of a stub that a student replaces."""

RUNGS = ("shape", "number", "values", "gradient", "edge", "layout", "dtype", "device", "training", "bar")
"""The ladder of every part, lowest rung first."""

FOUNDATION = ("shape", "number", "values")
"""Rungs that carry the others: while one of them fails, the part's other rungs earn nothing."""


@dataclass(frozen=True)
class Part:
    """One function or class of an exercise: graded, hinted and scored on its own."""

    name: str
    points: float
    hints: tuple[str, ...]
    builtin: str | None = None
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What a submission may use. Seconds are wall time; `memory_mb` is beyond a bare worker's."""

    call_seconds: float = 5.0
    import_seconds: float = 10.0
    total_seconds: float = 60.0
    memory_mb: int = 2048
    threads: int = 1


Training = Literal["none", "quick", "full"]
"""Which accuracy bars are tried."""


@dataclass(frozen=True)
class GradingOptions:
    """How a submission is graded: one record for the command, a class, a course and a notebook.

    Attributes:
        device: `cpu`, `cuda` (the GPU as well) or `auto`.
        seed: of the random inputs; None draws one.
        parts: only these; empty for all.
        dataset: what the accuracy bars train on, a key of `datasets.DATASETS`.
        data: a torchvision root to read it from, instead of `NNKATA_DATA` or the kit's own.
        require_confinement: refuse to grade where confinement is not whole.
        limits: instead of the exercise's own.
    """

    device: str = "cpu"
    seed: int | None = None
    parts: tuple[str, ...] = ()
    training: Training = "full"
    dataset: str = "mnist"
    data: Path | None = None
    require_confinement: bool = False
    limits: Limits | None = None

    def to_dict(self) -> dict[str, object]:
        """Return plain data, fit for JSON."""
        return {**asdict(self), "data": str(self.data) if self.data else None}

    @staticmethod
    def from_dict(table: dict[str, Any]) -> GradingOptions:
        """Return the options that `to_dict` made this of."""
        data, limits = table["data"], table["limits"]
        return GradingOptions(
            **{
                **table,
                "parts": tuple(table["parts"]),
                "data": Path(data) if data else None,
                "limits": Limits(**limits) if limits else None,
            }
        )


@dataclass(frozen=True)
class Bar:
    """An accuracy that a student's training must reach.

    Attributes:
        data: `digits`, or `scenes` made of them.
        train, test: how many of these.
        threshold: the accuracy (scenes: mean IoU) to reach, from 0 to 1.
        fashion: the same where Fashion-MNIST stands in for MNIST; 0 where that has not been calibrated.
        seconds: wall time that the training may take.
        quick: one of the short bars that come first, so that a broken loop is found before a minute is spent.
        points: of its part's points.
    """

    name: str
    part: str
    probe: str
    data: Literal["digits", "scenes"]
    train: int
    test: int
    epochs: int
    threshold: float
    fashion: float
    seconds: float
    quick: bool
    points: float


@dataclass(frozen=True)
class BarResult:
    """What a training reached, and what is worth keeping of it; `confusion[true][predicted]` counts."""

    bar: Bar
    accuracy: float
    losses: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]
    seconds: float
    predictions: torch.Tensor
    given: object
    device: str = "cpu"


@dataclass(frozen=True)
class Exercise:
    """One exercise on disk. `tests`, `solution` and `misconceptions` may be absent in a student's copy."""

    id: str
    title: str
    minutes: int
    summary: str
    requires: tuple[str, ...]
    parts: tuple[Part, ...]
    limits: Limits
    folder: Path
    module: str
    solution: Path
    misconceptions: Path
    tests: Path
    bars: tuple[Bar, ...] = ()

    def __hash__(self) -> int:
        """One exercise lies in one folder; to hash all of its texts would take longer than what is kept by them."""
        return hash(self.folder)

    @property
    def root(self) -> Path:
        """The content root that it lies in: the folder above `exercises/`."""
        return self.folder.parent.parent

    @property
    def stub(self) -> Path:
        """The file that a student edits, as it is handed out."""
        return self.folder / self.module

    @property
    def points(self) -> float:
        """The sum of the parts' points."""
        return sum(part.points for part in self.parts)

    def part(self, name: str) -> Part:
        """The part of that name; KeyError if there is none."""
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)


@dataclass(frozen=True)
class Opaque:
    """Something that came back and is no plain data: its type and a short text, nothing more."""

    type: str
    text: str = ""


Value = Union[None, bool, int, float, str, "torch.Tensor", Opaque, "list[Value]", "dict[str, Value]"]
"""What the wire carries."""


@dataclass(frozen=True)
class SourceLine:
    """One line of the student's own file on the way to an exception; `place` is how it is called, if not by number."""

    number: int
    function: str
    text: str
    place: str = ""

    @property
    def where(self) -> str:
        """How the line is called when speaking to the student."""
        return self.place or f"line {self.number}"


FailureKind = Literal["exception", "import", "forbidden", "missing", "unwritten", "timeout", "crash", "refused"]


@dataclass(frozen=True)
class Failure:
    """Why a call brought no value back, as far as the worker (which may lie) or the parent saw it.

    Attributes:
        kind: `exception` the student's code raised, `import` already while its file was imported; `forbidden` it
            called what it may not; `missing` the part
            is not defined; `unwritten` it still raises NotImplementedError; `timeout`, `crash` the worker was
            stopped or died; `refused` what it sent back was no plain data.
        bases: names of the exception's classes, most derived first.
    """

    kind: FailureKind
    type: str
    message: str
    bases: tuple[str, ...] = ()
    lines: tuple[SourceLine, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What one probe gave on one implementation: a value or a failure, and what was printed meanwhile."""

    value: Value = None
    failure: Failure | None = None
    prints: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Misconception:
    """A named, runnable wrong implementation of one part, with its explanation.

    Attributes:
        fails: names of hidden tests (without parameters) that it must fail.
        implementation: the wrong function or class.
    """

    id: str
    part: str
    explanation: str
    advice: str
    fails: tuple[str, ...]
    implementation: object


@dataclass(frozen=True)
class TestResult:
    """One hidden test's verdict.

    Attributes:
        failure: the kind of it where the student's code brought no value back.
        static: the message comes from reading the file alone, so that it may be shown at every level of feedback.
    """

    id: str
    part: str
    rung: str
    status: Status
    score: float
    max_score: float
    message: str = ""
    misconception: str | None = None
    seconds: float = 0.0
    device: str = "cpu"
    failure: str = ""
    static: bool = False


@dataclass(frozen=True)
class PartResult:
    """One part's verdict; `unwritten` says that the student has not begun it."""

    name: str
    score: float
    max_score: float
    status: Status
    unwritten: bool = False

    def of(self, points: float) -> float | None:
        """What the part earns where it is worth so many points; None where there is no verdict to go by."""
        if self.status == "error" or self.max_score <= 0:
            return None
        return min(round(points * self.score / self.max_score, 4), points)


@dataclass(frozen=True)
class Diagnosis:
    """A misconception that explains what a part of a submission did."""

    part: str
    misconception: str
    explanation: str
    advice: str


@dataclass(frozen=True)
class Result:
    """One submission's verdict on one exercise: `to_json` of `report` writes it as format_version 1."""

    exercise: str
    status: Status
    score: float
    max_score: float
    device: str
    confinement: str
    seed: int
    submission: str
    submission_sha256: str
    seconds: float
    parts: tuple[PartResult, ...]
    tests: tuple[TestResult, ...]
    student: str | None = None
    flags: tuple[str, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    prints: str = ""
    notes: tuple[str, ...] = field(default=())
    bars: tuple[BarResult, ...] = ()
