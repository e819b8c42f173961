"""What is made of a results folder after every run, in one pass over it: grades, reports, a page for each student.

It is made of the results alone, so that it is right after a run that was stopped and went on too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ..exercise import catalog
from ..feedback.disclosure import Level
from ..submission.discover import SkippedFile
from . import exports
from .class_report import ClassReport
from .results_folder import Ledger


def write(book: Ledger, left: Sequence[SkippedFile], level: Level, seed: int) -> None:
    """Write `grades.csv`, `junit.xml`, Gradescope's files, the class report and the students' pages."""
    exercises = {one.id: one for one in catalog.exercises()}
    report = ClassReport(book.folder, exercises, level)
    columns = [exercises[name] for name in book.exercises() if name in exercises]
    with (
        exports.Grades(book.folder / "grades.csv", columns) as grades,
        exports.JUnit(book.folder / "junit.xml") as junit,
    ):
        results = (kept.result for kept in book.everything())
        for student, group in groupby(results, key=lambda result: result.student or ""):
            mine = sorted(group, key=lambda result: result.exercise)
            for result in mine:
                grades.add(result)
                junit.add(result)
            exports.gradescope(book.folder, student, mine, exercises, level)
            report.add(student, mine)
    report.write(left, book.broken, seed)
