"""From verdicts to points: how a part's points are split over its tests, and when they are earned.

A bar has its own points; the rest of a part's points are shared equally among its other test functions, and a
function's share among its parameters. What stands above the foundation (shape, number, values) earns nothing while
the foundation does not hold: the edge cases of a function whose values are wrong are worth nothing. A skipped test's
points leave the maximum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..judge.trial import Trial, Verdict
from ..model import FOUNDATION, Misconception, PartResult, Status, TestResult


def score(
    trial: Trial, explained: Mapping[str, Misconception]
) -> tuple[tuple[PartResult, ...], tuple[TestResult, ...]]:
    """The parts and tests of a finished trial, with their points."""
    parts: list[PartResult] = []
    tests: list[TestResult] = []
    for part in trial.exercise.parts:
        if trial.only and part.name not in trial.only:
            continue
        verdicts = [verdict for verdict in trial.verdicts if verdict.part == part.name]
        bars = sum(bar.points for bar in trial.exercise.bars if bar.part == part.name)
        scored = _score_part(part.points - bars, verdicts, explained)
        tests += scored
        status = worst([test.status for test in scored])
        first = verdicts[0].failure if verdicts else None
        unwritten = first is not None and first.kind == "unwritten"
        parts.append(
            PartResult(part.name, _sum(t.score for t in scored), _sum(t.max_score for t in scored), status, unwritten)
        )
    return tuple(parts), tuple(tests)


def worst(statuses: list[Status]) -> Status:
    """What a group of verdicts amounts to: error over fail over pass; skip only if nothing else is there."""
    for status in ("error", "fail", "pass"):
        if status in statuses:
            return status
    return "skip"


def _score_part(points: float, verdicts: list[Verdict], explained: Mapping[str, Misconception]) -> list[TestResult]:
    functions = Counter(verdict.function for verdict in verdicts)
    plain = len({verdict.function for verdict in verdicts if verdict.points is None})
    founded = all(v.status in ("pass", "skip") for v in verdicts if v.rung in FOUNDATION)
    results = []
    for verdict in verdicts:
        whole = points / plain if verdict.points is None else verdict.points
        share = whole / functions[verdict.function]
        full = 0.0 if verdict.status == "skip" else share
        earned = share if verdict.status == "pass" and founded else 0.0
        wrong = explained.get(verdict.id) if verdict.status == "fail" else None
        results.append(
            TestResult(
                verdict.id,
                verdict.part,
                verdict.rung,
                verdict.status,
                round(earned, 6),
                round(full, 6),
                verdict.message,
                wrong.id if wrong else None,
                round(verdict.seconds, 4),
                verdict.device,
                verdict.failure.kind if verdict.failure else "",
                verdict.static,
            )
        )
    return results


def _sum(points: object) -> float:
    return round(sum(points), 3)  # type: ignore[call-overload,no-any-return]
