"""What is made of a results folder after every run, in one pass over it: grades, reports, a page for each student.

It is made of the results alone, so that it is right after a run that was stopped and resumed, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ..exercise import catalog
from ..feedback.disclosure import Level
from ..submission.discover import SkippedFile
from . import exports
from .class_report import ClassReport
from .results_folder import ResultsFolder


def write(results: ResultsFolder, skipped: Sequence[SkippedFile], *, level: Level, seed: int) -> None:
    """Write `grades.csv`, `junit.xml`, Gradescope's files, the class report and the students' pages.

    Args:
        skipped: the files that were not graded, and why; they are listed in the report.
    """
    exercises = {exercise.id: exercise for exercise in catalog.exercises()}
    report = ClassReport(results.folder, exercises, level)
    columns = [exercises[name] for name in results.exercise_ids() if name in exercises]
    with (
        exports.GradesTable(results.folder / "grades.csv", columns) as grades,
        exports.JUnitFile(results.folder / "junit.xml") as junit,
    ):
        all_results = (stored.result for stored in results.load_all())
        for student, group in groupby(all_results, key=lambda result: result.student or ""):
            of_student = sorted(group, key=lambda result: result.exercise)
            for result in of_student:
                grades.add(result)
                junit.add(result)
            exports.write_gradescope(results.folder, student, of_student, exercises, level)
            report.add(student, of_student)
    report.write(skipped, results.damaged, seed)
