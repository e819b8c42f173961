"""The report on a class as HTML: who got what, what is hard, which mistakes are common, what to teach again; and a page
for each student. Needs no torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup, escape

from ..feedback import pages
from ..feedback.disclosure import Level, make_feedback
from ..files import write_whole
from ..model import Exercise, Result
from ..submission.discover import SkippedFile
from .class_statistics import ClassStatistics, ReportCell, StudentRow, cell_of
from .results_folder import file_name

COMMON_SHARE = 0.1
"""The share of students with the same misconception from which on it is worth a lesson, if there are two at least."""

MAX_LESSONS = 5


class ClassReport:
    """Takes one student after the other, and writes `report.html` and `students/*.html` in a folder.

    Args:
        level: what the students' pages may say.
    """

    def __init__(self, folder: Path, exercises: Mapping[str, Exercise], level: Level) -> None:
        self.folder, self.exercises, self.level = folder, exercises, level
        self.statistics = ClassStatistics(exercises)
        (folder / "students").mkdir(parents=True, exist_ok=True)

    def add(self, student: str, results: Sequence[Result]) -> None:
        """Add one student's results, and write their page."""
        known = [result for result in results if result.exercise in self.exercises]
        write_whole(self.folder / "students" / f"{file_name(student)}.html", self._student_page(student, known))
        cells = {result.exercise: cell_of(result) for result in known}
        page = f"students/{quote(file_name(student))}.html"
        self.statistics.rows.append(StudentRow(student=student, page=page, cells=cells))

    def write(self, skipped: Sequence[SkippedFile], damaged: Sequence[str], seed: int) -> None:
        """Write the class report.

        Args:
            skipped: the files that were not graded, and why.
            damaged: files of the results folder that have been regenerated.
        """
        class_ = self.statistics
        regenerated = [SkippedFile(name, "was damaged and has been regenerated") for name in damaged]
        misconceptions = class_.misconceptions()
        lessons = [one for one in misconceptions if one.count >= 2 and one.count >= COMMON_SHARE * one.of]
        columns = sorted({name for row in class_.rows for name in row.cells})
        rows = [
            {
                "student": row.student,
                "page": row.page,
                "cells": [row.cells.get(name) for name in columns],
                "score": sum(cell.score for cell in row.cells.values()),
            }
            for row in class_.rows
        ]
        template = pages.templates().get_template("class.html")
        html = template.render(
            key_figures=class_.key_figures(),
            columns=columns,
            rows=rows,
            histograms=[class_.histogram(name) for name in columns],
            parts=class_.hardest_parts(),
            misconceptions=misconceptions,
            lessons=lessons[:MAX_LESSONS],
            flags=class_.notes(lambda cell: cell.flags),
            errors=class_.notes(_error_reasons),
            skipped=[*skipped, *regenerated],
            code_spans=mark_code_spans,
            seed=seed,
            level=self.level,
        )
        write_whole(self.folder / "report.html", html)

    def _student_page(self, student: str, results: Sequence[Result]) -> str:
        """Return one student's page."""
        fragments = [
            (
                result.exercise,
                Markup(pages.render_html(make_feedback(result, self.exercises[result.exercise], self.level))),
            )
            for result in results
        ]
        template = pages.templates().get_template("student.html")
        return template.render(
            student=student,
            fragments=fragments,
            score=sum(result.score for result in results),
            max_score=sum(result.max_score for result in results),
        )


def _error_reasons(cell: ReportCell) -> Sequence[str]:
    if cell.status != "error":
        return ()
    return cell.notes or ("the grader failed in some of its tests; see the result's JSON",)


def mark_code_spans(text: str) -> Markup:
    """Return text as HTML with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(text))))
