"""How much of a result a student is told: everything, the mistake's name and a hint, or the score alone.

`diagnosis` and `score` give nothing of the hidden tests away: no inputs, no expected values, no test's name, and
nothing that the student's own code printed or raised, since that may repeat a hidden input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

from ..model import Exercise, PartResult, Result, Status, TestResult

Level = Literal["score", "diagnosis", "full"]
LEVELS: tuple[Level, ...] = ("score", "diagnosis", "full")

RUNG_MESSAGES = {
    "shape": "The shape or the dtype of the result is wrong.",
    "number": "A result that can be worked out by hand is wrong.",
    "values": "The values are wrong.",
    "gradient": "The values are right, but the gradients are wrong.",
    "edge": "The ordinary cases are right, but an edge case is wrong.",
    "layout": "The result depends on a tensor's memory layout or on its number of dimensions.",
    "dtype": "It does not work for every dtype.",
    "device": "It does not work on every device.",
    "training": "The training does not do what it should.",
    "bar": "Training does not reach the required accuracy.",
}


@dataclass(frozen=True)
class PartFeedback:
    """Feedback on one part.

    Attributes:
        lines: what happened, the headline first.
        explanation, advice: the mistake and what to try, of a diagnosis or a hint; empty if there is none.
        misconception: the diagnosis's name, or "".
    """

    name: str
    status: Status
    score: float
    max_score: float
    unwritten: bool = False
    lines: tuple[str, ...] = ()
    explanation: str = ""
    advice: str = ""
    misconception: str = ""


@dataclass(frozen=True)
class Feedback:
    """Feedback on one submission to one exercise, at one level."""

    exercise: str
    title: str
    level: Level
    status: Status
    score: float
    max_score: float
    parts: tuple[PartFeedback, ...]
    notes: tuple[str, ...] = ()


def make_feedback(result: Result, exercise: Exercise, level: Level = "full") -> Feedback:
    """Return the feedback that a result gives the student at a level."""
    return Feedback(
        exercise=result.exercise,
        title=exercise.title,
        level=level,
        status=result.status,
        score=result.score,
        max_score=result.max_score,
        parts=tuple(make_part_feedback(result, part, exercise, level) for part in result.parts),
        notes=() if level == "score" else result.notes,
    )


def make_part_feedback(result: Result, part: PartResult, exercise: Exercise, level: Level) -> PartFeedback:
    """Return the feedback that a result gives on one of its parts at a level."""
    points = PartFeedback(
        name=part.name, status=part.status, score=part.score, max_score=part.max_score, unwritten=part.unwritten
    )
    failing = [test for test in result.tests if test.part == part.name and test.status in ("fail", "error")]
    if level == "score" or part.unwritten or not failing:
        return points
    first = failing[0]
    explanation, advice, name = _diagnosis_of(result, first)
    if level == "full":
        lines = tuple(first.message.split("\n"))
        total = sum(test.part == part.name for test in result.tests)
        if len(failing) > 1:
            lines += (f"{len(failing)} of {total} tests of this part fail; this is the first ({first.rung}).",)
    else:
        lines = (_message_without_values(first),)
        explanation = drop_values(explanation) or _as_sentence(name)
        advice = drop_values(advice)
        if not advice and exercise.part(part.name).hints:
            advice = unwrap_paragraphs(exercise.part(part.name).hints[0])
    return replace(points, lines=lines, explanation=explanation, advice=advice, misconception=name)


def _diagnosis_of(result: Result, test: TestResult) -> tuple[str, str, str]:
    for diagnosis in result.diagnoses:
        if test.misconception and diagnosis.misconception == test.misconception:
            return diagnosis.explanation, diagnosis.advice, diagnosis.misconception
    return "", "", ""


NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:[.,/]\d+)*(?![\w-])")


def drop_values(text: str) -> str:
    """Return a text without its clauses that hold a number: an example there may be a hidden test's."""
    sentences = []
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        clauses = re.split(r"(?=[:;])|(?= \()|(?= — )", sentence)
        rest = "".join(takewhile(lambda clause: not NUMBER.search(clause), clauses)).rstrip()
        if re.search(r"[\w.!?)`'\"]$", rest):  # else it was cut in the middle of a formula
            sentences.append(rest if rest[-1] in ".!?" else rest + ".")
    return " ".join(sentences)


def _as_sentence(name: str) -> str:
    """Return a misconception's name as a sentence: sum-instead-of-mean as `Sum instead of mean.`"""
    return f"{name.replace('-', ' ').capitalize()}." if name else ""


FAILURE_MESSAGES = {
    "exception": "Your code raises an exception.",
    "import": "Importing your file raises an exception.",
    "missing": "Your file does not define this function or class.",
    "timeout": "It took too long. Is there a loop that never ends?",
    "crash": "It ended the process or exceeded its memory limit.",
    "refused": "It returns something that is neither a tensor nor plain data.",
    "forbidden": "It calls something that is forbidden in this part; its docstring says what.",
}


def _message_without_values(test: TestResult) -> str:
    """Return what a failing test may say without giving inputs or expected values away."""
    if test.status == "error":
        return "The grader itself failed here; this is not the student's mistake."
    if test.failure:
        return FAILURE_MESSAGES.get(test.failure, "It returns nothing.")
    if test.static:
        return test.message
    return RUNG_MESSAGES.get(test.rung, "It is not correct yet.")


def unwrap_paragraphs(text: str) -> str:
    """Return a text with each paragraph on one line, to be wrapped to the reader's width; indented code stays."""
    lines: list[str] = []
    for line in text.strip("\n").splitlines():
        prose = line[:1] not in ("", " ", "\t", "-", "*")
        if prose and lines and lines[-1][:1] not in ("", " ", "\t"):
            lines[-1] += " " + line
        else:
            lines.append(line)
    return "\n".join(lines)
