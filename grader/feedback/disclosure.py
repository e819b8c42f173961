"""What a verdict may say: everything, the mistake's name and a hint, or the score alone.

`diagnosis` and `score` give nothing of the hidden tests away: no inputs, no expected values, no test's name, and
nothing that the student's own code said while it ran, since it may have said what it was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..model import Exercise, PartResult, Result, Status, TestResult

Level = Literal["score", "diagnosis", "full"]
LEVELS: tuple[Level, ...] = ("score", "diagnosis", "full")

RUNGS_TOLD = {
    "shape": "The shape or the dtype of the result is not right.",
    "number": "A number that can be worked out by hand comes out wrong.",
    "values": "The values are not right.",
    "gradient": "The values are right, but their gradients are not.",
    "edge": "The ordinary cases are right; an edge case is not.",
    "layout": "It depends on how a tensor lies in memory, or on how many dimensions it has.",
    "dtype": "It does not work for every dtype.",
    "device": "It does not work on every device.",
    "training": "It does not train as it should.",
    "bar": "Training does not reach the accuracy that is asked for.",
}


@dataclass(frozen=True)
class PartFeedback:
    """What is said about one part.

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
    """What is said about one submission to one exercise, at one level."""

    exercise: str
    title: str
    level: Level
    status: Status
    score: float
    max_score: float
    parts: tuple[PartFeedback, ...]
    notes: tuple[str, ...] = ()


def feedback(result: Result, exercise: Exercise, level: Level = "full") -> Feedback:
    """What a result says to the student at a level."""
    return Feedback(
        result.exercise,
        exercise.title,
        level,
        result.status,
        result.score,
        result.max_score,
        tuple(part_feedback(result, part, exercise, level) for part in result.parts),
        () if level == "score" else result.notes,
    )


def part_feedback(result: Result, part: PartResult, exercise: Exercise, level: Level) -> PartFeedback:
    """What a result says about one of its parts at a level."""
    said = PartFeedback(part.name, part.status, part.score, part.max_score, part.unwritten)
    failing = [test for test in result.tests if test.part == part.name and test.status in ("fail", "error")]
    if level == "score" or part.unwritten or not failing:
        return said
    first = failing[0]
    explanation, advice, name = _mistake(result, first)
    if level == "full":
        lines = tuple(first.message.split("\n"))
        total = sum(test.part == part.name for test in result.tests)
        if len(failing) > 1:
            lines += (f"{len(failing)} of {total} tests of this part fail; this is the first ({first.rung}).",)
    else:
        lines = (_discreet(first),)
        explanation = without_values(explanation) or _in_words(name)
        advice = without_values(advice)
        if not advice and exercise.part(part.name).hints:
            advice = flowing(exercise.part(part.name).hints[0])
    return PartFeedback(
        part.name, part.status, part.score, part.max_score, part.unwritten, lines, explanation, advice, name
    )


def _mistake(result: Result, test: TestResult) -> tuple[str, str, str]:
    for diagnosis in result.diagnoses:
        if test.misconception and diagnosis.misconception == test.misconception:
            return diagnosis.explanation, diagnosis.advice, diagnosis.misconception
    return "", "", ""


NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:[.,/]\d+)*(?![\w-])")


def without_values(text: str) -> str:
    """A text without its clauses that hold a number: an example there may be a hidden test's."""
    kept = []
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        clauses = re.split(r"(?=[:;])|(?= \()|(?= — )", sentence)
        good: list[str] = []
        for clause in clauses:
            if NUMBER.search(clause):
                break
            good.append(clause)
        said = "".join(good).rstrip()
        if re.search(r"[\w.!?)`'\"]$", said):  # else it was cut in the middle of a formula
            kept.append(said if said[-1] in ".!?" else said + ".")
    return " ".join(kept)


def _in_words(name: str) -> str:
    """A misconception's name as words: sum-instead-of-mean as `Sum instead of mean.`"""
    return f"{name.replace('-', ' ').capitalize()}." if name else ""


KINDS_TOLD = {
    "exception": "Your code raises an exception.",
    "import": "The code around it raises an exception already when it is imported.",
    "missing": "There is no such function or class in the submission.",
    "timeout": "It took too long: is there a loop that never ends?",
    "crash": "It ended the process, or used more memory than it may.",
    "refused": "What it returns is neither a tensor nor plain data.",
    "forbidden": "It calls something that this part may not call; its docstring says what.",
}


def _discreet(test: TestResult) -> str:
    """What a failing test says without giving anything of itself away."""
    if test.status == "error":
        return "The grader itself failed here; this is not the student's mistake."
    if test.failure:
        return KINDS_TOLD.get(test.failure, "It brings no value back.")
    if test.static:
        return test.message
    return RUNGS_TOLD.get(test.rung, "It is not right yet.")


def flowing(text: str) -> str:
    """A hint's text with each paragraph on one line, so that it wraps where the reader's terminal ends; code stays."""
    lines: list[str] = []
    for line in text.strip("\n").splitlines():
        prose = line[:1] not in ("", " ", "\t", "-", "*")
        if prose and lines and lines[-1][:1] not in ("", " ", "\t"):
            lines[-1] += " " + line
        else:
            lines.append(line)
    return "\n".join(lines)
