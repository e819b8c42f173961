"""The report on a class: who got what, what is hard, which mistakes are common, what to teach again; and a page for
each student. Needs no torch.
"""

from __future__ import annotations

import functools
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup, escape

from ..feedback import pages
from ..feedback.disclosure import Level, make_feedback
from ..files import write_whole
from ..model import Diagnosis, Exercise, PartResult, Result, Status
from ..submission.discover import SkippedFile
from .results_folder import file_name

BINS = 10
TALL = 72
"""Pixels of the highest column."""

COMMON = 0.1
"""The share of students with the same misconception from which on it is worth a lesson, if there are two at least."""

NAMED = 12
"""Students named beside a misconception."""

NOT_LESSONS = (
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


@dataclass(frozen=True)
class Cell:
    """One result as the class table needs it; `share` is from 0 to 1."""

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
        return self.score / self.max_score if self.max_score else 0.0


@dataclass(frozen=True)
class Row:
    """One student: their page, and a cell for each exercise that they handed in."""

    student: str
    page: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Bar:
    """One column of a histogram."""

    count: int
    height: float
    told: str


@dataclass(frozen=True)
class Chart:
    """How an exercise's scores are spread."""

    exercise: str
    mean: float
    median: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class HardPart:
    """How a class did on one part."""

    exercise: str
    name: str
    share: float
    passed: int
    failed: int
    unwritten: int


@dataclass(frozen=True)
class Common:
    """A misconception and who has it; `of` students have written the part, `section` of the lesson is about it."""

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
class Said:
    """Something about one student's result, for a person to read."""

    student: str
    page: str
    exercise: str
    said: str


class ClassReport:
    """Takes one student after the other, and writes `report.html` and `students/*.html` in a folder.

    Args:
        level: what the students' pages may say.
    """

    def __init__(self, folder: Path, exercises: Mapping[str, Exercise], level: Level) -> None:
        self.folder, self.exercises, self.level = folder, exercises, level
        self.rows: list[Row] = []
        (folder / "students").mkdir(parents=True, exist_ok=True)

    def add(self, student: str, results: Sequence[Result]) -> None:
        """One student's results; writes their page."""
        known = [result for result in results if result.exercise in self.exercises]
        write_whole(self.folder / "students" / f"{file_name(student)}.html", self.page(student, known))
        cells = {
            result.exercise: Cell(
                result.exercise,
                result.status,
                result.score,
                result.max_score,
                result.parts,
                result.diagnoses,
                result.flags,
                result.notes,
            )
            for result in known
        }
        self.rows.append(Row(student, f"students/{quote(file_name(student))}.html", cells))

    def page(self, student: str, results: Sequence[Result]) -> str:
        """One student's page."""
        fragments = [
            (
                result.exercise,
                Markup(pages.render_html(make_feedback(result, self.exercises[result.exercise], self.level))),
            )
            for result in results
        ]
        return (
            pages.templates()
            .get_template("student.html")
            .render(
                student=student,
                fragments=fragments,
                score=sum(result.score for result in results),
                max_score=sum(result.max_score for result in results),
            )
        )

    def write(self, left: Sequence[SkippedFile], broken: Sequence[str], seed: int) -> None:
        """Write the class report."""
        lost = [SkippedFile(name, "was damaged, and made anew") for name in broken]
        common = self.misconceptions()
        again = [one for one in common if one.count >= 2 and one.count >= COMMON * one.of][:5]
        columns = sorted({name for row in self.rows for name in row.cells})
        rows = [
            {
                "student": row.student,
                "page": row.page,
                "cells": [row.cells.get(name) for name in columns],
                "score": sum(cell.score for cell in row.cells.values()),
            }
            for row in self.rows
        ]
        html = (
            pages.templates()
            .get_template("class.html")
            .render(
                facts=self.facts(),
                columns=columns,
                rows=rows,
                charts=[self.chart(name) for name in columns],
                parts=self.hardest(),
                misconceptions=common,
                again=again,
                flags=self.said(lambda cell: cell.flags),
                errors=self.said(_why_error),
                left=[*left, *lost],
                ticks=ticks,
                seed=seed,
                level=self.level,
            )
        )
        write_whole(self.folder / "report.html", html)

    def facts(self) -> list[tuple[str, str]]:
        """A few numbers about all of it."""
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

    def chart(self, exercise: str) -> Chart:
        """The histogram of one exercise's scores; the last column is of those with all points and nearly so."""
        shares = [cell.share for cell in self._graded(exercise)]
        counts = [0] * (BINS + 1)
        for share in shares:
            counts[min(int(share * BINS), BINS)] += 1
        highest = max(counts) or 1
        bars = tuple(
            Bar(count, round(TALL * count / highest, 1), f"{count} students with {_range(place)}")
            for place, count in enumerate(counts)
        )
        mean = statistics.fmean(shares) if shares else 0.0
        return Chart(exercise, mean, statistics.median(shares) if shares else 0.0, bars)

    def hardest(self) -> list[HardPart]:
        """Every part, the one with the fewest points earned first."""
        found = []
        for exercise in self.exercises.values():
            cells = self._graded(exercise.id)
            for name in [part.name for part in exercise.parts]:
                parts = [part for cell in cells for part in cell.parts if part.name == name]
                worth = sum(part.max_score for part in parts)
                if not worth:
                    continue
                share = sum(part.score for part in parts) / worth
                unwritten = sum(part.unwritten for part in parts)
                passed = sum(part.status == "pass" for part in parts)
                found.append(HardPart(exercise.id, name, share, passed, len(parts) - passed - unwritten, unwritten))
        return sorted(found, key=lambda part: (part.share, part.exercise, part.name))

    def misconceptions(self) -> list[Common]:
        """Every misconception that was recognised, the commonest first."""
        who: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        told: dict[tuple[str, str, str], Diagnosis] = {}
        for row in self.rows:
            for cell in row.cells.values():
                for found in cell.diagnoses:
                    key = (cell.exercise, found.part, found.misconception)
                    who.setdefault(key, []).append((row.student, row.page))
                    told[key] = found
        common = []
        for (exercise, part, name), students in who.items():
            found = told[exercise, part, name]
            common.append(
                Common(
                    exercise,
                    part,
                    name,
                    found.explanation,
                    found.advice,
                    section(self.exercises[exercise], part),
                    tuple(students[:NAMED]),
                    max(len(students) - NAMED, 0),
                    len(students),
                    self._written(exercise, part),
                )
            )
        return sorted(common, key=lambda one: (-one.count, one.exercise, one.part, one.misconception))

    def said(self, words: Callable[[Cell], Sequence[str]]) -> list[Said]:
        """What some cells have to say."""
        return [
            Said(row.student, row.page, cell.exercise, text)
            for row in self.rows
            for cell in row.cells.values()
            for text in words(cell)
        ]

    def _graded(self, exercise: str) -> list[Cell]:
        cells = (row.cells.get(exercise) for row in self.rows)
        return [cell for cell in cells if cell and cell.status != "error"]

    def _written(self, exercise: str, part: str) -> int:
        parts = (one for cell in self._graded(exercise) for one in cell.parts)
        return sum(one.name == part and not one.unwritten for one in parts)


def _why_error(cell: Cell) -> Sequence[str]:
    if cell.status != "error":
        return ()
    return cell.notes or ("some of its tests broke off; see the result's JSON",)


def _range(place: int) -> str:
    if place == BINS:
        return "all points"
    return f"{100 * place // BINS} to {100 * (place + 1) // BINS} % of the points"


@functools.cache
def section(exercise: Exercise, part: str) -> str:
    """The heading in a lesson that bears a part's name, or under which it is first spoken of; else empty."""
    lesson = exercise.folder / "README.md"
    words = re.compile(rf"\b{re.escape(part.replace('_', ' '))}\b", re.IGNORECASE)
    heading = spoken = ""
    for line in lesson.read_text("utf-8").splitlines() if lesson.is_file() else ():
        if found := re.match(r"#{2,3} +(.+)", line):
            heading = found[1].strip()
            if words.search(heading.replace("-", " ")):
                return heading
        elif heading and not spoken and not heading.startswith(NOT_LESSONS):
            spoken = heading if re.search(rf"`{re.escape(part)}\b", line) else ""
    return spoken


def ticks(text: str) -> Markup:
    """Text with what stands between `ticks` as code."""
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(text))))
