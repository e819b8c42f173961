"""Grades for other programs: a table, JUnit XML, and Gradescope's results.json. Needs no torch."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from xml.sax.saxutils import escape, quoteattr

from ..feedback import pages
from ..feedback.disclosure import Feedback, Level, PartFeedback, make_feedback
from ..files import write_whole
from ..model import Exercise, Result, TestResult
from .results_folder import file_name

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


class _WholeFile:
    """A text file that is written beside and takes its place when it is whole."""

    def __init__(self, file: Path) -> None:
        self.file, self.beside = file, file.with_name(f".{file.name}.new")
        self.out: IO[str] = open(self.beside, "w", encoding="utf-8", newline="")  # noqa: SIM115 (closed in __exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()
        self.out.close()
        if kind is None:
            os.replace(self.beside, self.file)
        else:
            self.beside.unlink(missing_ok=True)

    def finish(self) -> None:
        """Write what comes last."""


class GradesTable(_WholeFile):
    """`grades.csv`: a row per student and exercise, a column for each part of the `exercises`."""

    def __init__(self, file: Path, exercises: Collection[Exercise]) -> None:
        super().__init__(file)
        self.columns = [(exercise.id, part.name) for exercise in exercises for part in exercise.parts]
        self.rows = csv.writer(self.out, lineterminator="\n")
        parts = (f"{exercise}/{part}" for exercise, part in self.columns)
        self.rows.writerow(["student", "exercise", "score", "max_score", "status", *parts])

    def add(self, result: Result) -> None:
        """Write one row. An error is no grade, so it has no score."""
        scores = {(result.exercise, part.name): part.score for part in result.parts}
        graded = result.status != "error"
        score = [result.score if graded else "", result.max_score, result.status]
        parts = [scores.get(column, "") if graded else "" for column in self.columns]
        student, exercise = spreadsheet_text(result.student or ""), spreadsheet_text(result.exercise)
        self.rows.writerow([student, exercise, *score, *parts])


def spreadsheet_text(text: str) -> str:
    """Return text that a spreadsheet does not take for a formula."""
    one_line = text.replace("\r", " ")  # the one line break that the csv module leaves unquoted
    return f"'{one_line}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else one_line


class JUnitFile(_WholeFile):
    """`junit.xml`: a test suite per student and exercise, a test case per hidden test."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.out.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="nnkata">\n')

    def add(self, result: Result) -> None:
        """Write one suite."""
        tests = result.tests or _part_tests(result)
        counts = {status: sum(test.status == status for test in tests) for status in ("fail", "error", "skip")}
        name = f"{result.student or ''}/{result.exercise}"
        self.out.write(
            f'<testsuite name={_attribute(name)} tests="{len(tests)}" failures="{counts["fail"]}"'
            f' errors="{counts["error"]}" skipped="{counts["skip"]}" time="{result.seconds:.3f}">\n'
        )
        for test in tests:
            self.out.write(
                f"<testcase classname={_attribute(f'{name}.{test.part}')} name={_attribute(test.id)}"
                f' time="{test.seconds:.4f}"'
            )
            kind = {"fail": "failure", "error": "error", "skip": "skipped"}.get(test.status)
            if kind is None:
                self.out.write("/>\n")
                continue
            first = test.message.split("\n")[0]
            self.out.write(f"><{kind} message={_attribute(first)}>{escape(xml(test.message))}</{kind}></testcase>\n")
        self.out.write("</testsuite>\n")

    def finish(self) -> None:
        """See `_WholeFile`."""
        self.out.write("</testsuites>\n")


def _part_tests(result: Result) -> tuple[TestResult, ...]:
    """Return a test case per part, for a submission that no test could be run on."""
    note = "\n".join(result.notes)
    return tuple(
        TestResult(
            id=part.name,
            part=part.name,
            rung="",
            status=part.status,
            score=part.score,
            max_score=part.max_score,
            message=note,
        )
        for part in result.parts
    )


def xml(text: str) -> str:
    """Return text without what XML cannot hold."""
    return NOT_XML.sub("�", text)


def _attribute(text: str) -> str:
    return quoteattr(xml(text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def write_gradescope(
    folder: Path, student: str, results: Sequence[Result], exercises: Mapping[str, Exercise], level: Level
) -> None:
    """Write one student's `gradescope/<student>/results.json`; none where the grader failed, since that is no grade."""
    file = folder / "gradescope" / file_name(student) / "results.json"
    if any(result.status == "error" for result in results):
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    known = [result for result in results if result.exercise in exercises]
    all_feedback = [make_feedback(result, exercises[result.exercise], level) for result in known]
    write_whole(file, json.dumps(gradescope_results(results, all_feedback), ensure_ascii=False, indent=1) + "\n")


def gradescope_results(results: Sequence[Result], all_feedback: Sequence[Feedback]) -> dict[str, object]:
    """Return the document that Gradescope's autograders write: a test per part, saying what the level allows.

    See https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
    """
    tests = []
    for one in all_feedback:
        for part in one.parts:
            test: dict[str, object] = {
                "name": f"{one.exercise}: {part.name}",
                "score": part.score,
                "max_score": part.max_score,
                "output": _part_text(part),
                "output_format": "text",
                "visibility": "visible",
            }
            if part.status in ("pass", "fail"):
                test["status"] = "passed" if part.status == "pass" else "failed"
            tests.append(test)
    notes = [note for one in all_feedback for note in one.notes]
    points = pages.format_points
    scores = [f"{one.exercise}: {points(one.score)} of {points(one.max_score)} points" for one in all_feedback]
    return {
        "score": round(sum(result.score for result in results), 3),
        "execution_time": round(sum(result.seconds for result in results)),
        "output": "\n".join([*scores, *notes]),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {"max_score": round(sum(result.max_score for result in results), 3)},
    }


def _part_text(part: PartFeedback) -> str:
    lines = ["not written yet"] if part.unwritten else [*part.lines]
    lines += [part.explanation] if part.explanation else []
    return "\n".join([*lines, *([f"Try: {part.advice}"] if part.advice else [])])
