"""The numbers of a class report: scores by exercise, hard parts, common misconceptions. Needs no torch."""

from __future__ import annotations

import functools
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..model import Diagnosis, Exercise, PartResult, Result, Status

BINS = 10
CHART_HEIGHT_PX = 72
"""Pixels of the highest column."""

MAX_NAMES = 12
"""Students named beside a misconception."""

GENERIC_HEADINGS = (
    "Begin",
    "Train",
    "Which loss for which question",
    "Common mistakes",
    "What usually goes wrong",
    "Where it goes wrong",
    "Start",
    "How to start",
    "Your task",
)
"""Headings of sections that teach no single part, though they may name some."""


@dataclass(frozen=True)
class ReportCell:
    """One result as the class table needs it."""

    exercise: str
    status: Status
    score: float
    max_score: float
    parts: tuple[PartResult, ...]
    diagnoses: tuple[Diagnosis, ...]
    flags: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def share(self) -> float:
        """The score from 0 to 1."""
        return self.score / self.max_score if self.max_score else 0.0


def cell_of(result: Result) -> ReportCell:
    """Return the cell of a result."""
    return ReportCell(
        exercise=result.exercise,
        status=result.status,
        score=result.score,
        max_score=result.max_score,
        parts=result.parts,
        diagnoses=result.diagnoses,
        flags=result.flags,
        notes=result.notes,
    )


@dataclass(frozen=True)
class StudentRow:
    """One student: their page, and a cell for each exercise that they handed in."""

    student: str
    page: str
    cells: Mapping[str, ReportCell]


@dataclass(frozen=True)
class HistogramBar:
    """One column of a histogram; `height` in pixels, `title` for whoever points at it."""

    count: int
    height: float
    title: str


@dataclass(frozen=True)
class Histogram:
    """How an exercise's scores are distributed."""

    exercise: str
    mean: float
    median: float
    bars: tuple[HistogramBar, ...]


@dataclass(frozen=True)
class HardPart:
    """How a class did on one part; `share` of its points was earned."""

    exercise: str
    name: str
    share: float
    passed: int
    failed: int
    unwritten: int


@dataclass(frozen=True)
class CommonMisconception:
    """A misconception and who has it.

    Attributes:
        section: the heading of the lesson that is about the part, or "".
        students: the first `MAX_NAMES`, each with their page; `more` others have it, too.
        count, of: so many of the students who have written the part.
    """

    exercise: str
    part: str
    misconception: str
    explanation: str
    advice: str
    section: str
    students: tuple[tuple[str, str], ...]
    more: int
    count: int
    of: int


@dataclass(frozen=True)
class ReportNote:
    """A remark on one student's result, for a person to read."""

    student: str
    page: str
    exercise: str
    text: str


class ClassStatistics:
    """What a class's rows come to; rows are added one after the other."""

    def __init__(self, exercises: Mapping[str, Exercise]) -> None:
        self.exercises = exercises
        self.rows: list[StudentRow] = []

    def key_figures(self) -> list[tuple[str, str]]:
        """Return a few numbers about the whole class, each with its name."""
        cells = [cell for row in self.rows for cell in row.cells.values()]
        graded = [cell for cell in cells if cell.status != "error"]
        mean = statistics.fmean(cell.share for cell in graded) if graded else 0.0
        passed = sum(cell.status == "pass" for cell in graded)
        return [
            ("students", f"{len(self.rows)}"),
            ("submissions", f"{len(cells)}"),
            ("passed", f"{passed}"),
            ("mean", f"{100 * mean:.0f} %"),
            ("errors", f"{len(cells) - len(graded)}"),
        ]

    def histogram(self, exercise: str) -> Histogram:
        """Return the histogram of one exercise's scores; the last column is of those with all points."""
        shares = [cell.share for cell in self._graded(exercise)]
        counts = [0] * (BINS + 1)
        for share in shares:
            counts[min(int(share * BINS), BINS)] += 1
        highest = max(counts) or 1
        bars = tuple(
            HistogramBar(count, round(CHART_HEIGHT_PX * count / highest, 1), f"{count} students with {_range(index)}")
            for index, count in enumerate(counts)
        )
        mean = statistics.fmean(shares) if shares else 0.0
        return Histogram(exercise, mean, statistics.median(shares) if shares else 0.0, bars)

    def hardest_parts(self) -> list[HardPart]:
        """Return every part that anybody handed in, the one with the fewest points earned first."""
        hard = []
        for exercise in self.exercises.values():
            cells = self._graded(exercise.id)
            for name in [part.name for part in exercise.parts]:
                parts = [part for cell in cells for part in cell.parts if part.name == name]
                max_score = sum(part.max_score for part in parts)
                if not max_score:
                    continue
                passed = sum(part.status == "pass" for part in parts)
                unwritten = sum(part.unwritten for part in parts)
                hard.append(
                    HardPart(
                        exercise=exercise.id,
                        name=name,
                        share=sum(part.score for part in parts) / max_score,
                        passed=passed,
                        failed=len(parts) - passed - unwritten,
                        unwritten=unwritten,
                    )
                )
        return sorted(hard, key=lambda part: (part.share, part.exercise, part.name))

    def misconceptions(self) -> list[CommonMisconception]:
        """Return every misconception that was recognised, the most common first."""
        students: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        diagnoses: dict[tuple[str, str, str], Diagnosis] = {}
        for row in self.rows:
            for cell in row.cells.values():
                for diagnosis in cell.diagnoses:
                    key = (cell.exercise, diagnosis.part, diagnosis.misconception)
                    students.setdefault(key, []).append((row.student, row.page))
                    diagnoses[key] = diagnosis
        common = [
            CommonMisconception(
                exercise=exercise,
                part=part,
                misconception=name,
                explanation=diagnoses[exercise, part, name].explanation,
                advice=diagnoses[exercise, part, name].advice,
                section=lesson_section(self.exercises[exercise], part),
                students=tuple(who[:MAX_NAMES]),
                more=max(len(who) - MAX_NAMES, 0),
                count=len(who),
                of=self._count_written(exercise, part),
            )
            for (exercise, part, name), who in students.items()
        ]
        return sorted(common, key=lambda one: (-one.count, one.exercise, one.part, one.misconception))

    def notes(self, texts_of: Callable[[ReportCell], Sequence[str]]) -> list[ReportNote]:
        """Return a note for each text that `texts_of` gives for a cell."""
        return [
            ReportNote(student=row.student, page=row.page, exercise=cell.exercise, text=text)
            for row in self.rows
            for cell in row.cells.values()
            for text in texts_of(cell)
        ]

    def _graded(self, exercise: str) -> list[ReportCell]:
        cells = (row.cells.get(exercise) for row in self.rows)
        return [cell for cell in cells if cell and cell.status != "error"]

    def _count_written(self, exercise: str, part: str) -> int:
        parts = (one for cell in self._graded(exercise) for one in cell.parts)
        return sum(one.name == part and not one.unwritten for one in parts)


def _range(index: int) -> str:
    """Return the scores that a histogram's column stands for, in words."""
    if index == BINS:
        return "all points"
    return f"{100 * index // BINS} to {100 * (index + 1) // BINS} % of the points"


@functools.cache
def lesson_section(exercise: Exercise, part: str) -> str:
    """Return the heading in a lesson that bears a part's name, or under which it is first mentioned; else empty."""
    lesson = exercise.folder / "README.md"
    words = re.compile(rf"\b{re.escape(part.replace('_', ' '))}\b", re.IGNORECASE)
    heading = mentioned = ""
    for line in lesson.read_text("utf-8").splitlines() if lesson.is_file() else ():
        if match := re.match(r"#{2,3} +(.+)", line):
            heading = match[1].strip()
            if words.search(heading.replace("-", " ")):
                return heading
        elif heading and not mentioned and not heading.startswith(GENERIC_HEADINGS):
            mentioned = heading if re.search(rf"`{re.escape(part)}\b", line) else ""
    return mentioned
