"""From verdicts to points: how a part's points are split over its tests, and when they are earned.

A bar has its own points; the rest of a part's points are shared equally among its other test functions, and a
function's share among its parameters. What stands above the foundation (shape, number, values) earns nothing while
the foundation does not hold: the edge cases of a function whose values are wrong are worth nothing. A skipped test's
points leave the maximum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ..judge.trial import Trial, Verdict
from ..model import FOUNDATION, Misconception, PartResult, Status, TestResult


def score(
    trial: Trial, explained: Mapping[str, Misconception]
) -> tuple[tuple[PartResult, ...], tuple[TestResult, ...]]:
    """Return the parts and tests of a finished trial, with their points.

    Args:
        explained: the misconception of each failing test that has one, by the test's id.
    """
    parts: list[PartResult] = []
    tests: list[TestResult] = []
    for part in trial.exercise.parts:
        if trial.only and part.name not in trial.only:
            continue
        verdicts = [verdict for verdict in trial.verdicts if verdict.part == part.name]
        bar_points = sum(bar.points for bar in trial.exercise.bars if bar.part == part.name)
        scored = _score_part(part.points - bar_points, verdicts, explained)
        tests += scored
        first = verdicts[0].failure if verdicts else None
        parts.append(
            PartResult(
                name=part.name,
                score=total(test.score for test in scored),
                max_score=total(test.max_score for test in scored),
                status=worst([test.status for test in scored]),
                unwritten=first is not None and first.kind == "unwritten",
            )
        )
    return tuple(parts), tuple(tests)


def total(points: Iterable[float]) -> float:
    """Return the sum of points, to three decimals."""
    return round(sum(points), 3)


def worst(statuses: list[Status]) -> Status:
    """Return the status of a group of verdicts: error over fail over pass; skip only if nothing else is there."""
    for status in ("error", "fail", "pass"):
        if status in statuses:
            return status
    return "skip"


def _score_part(points: float, verdicts: list[Verdict], explained: Mapping[str, Misconception]) -> list[TestResult]:
    tests_of = Counter(verdict.function for verdict in verdicts)
    sharing = len({verdict.function for verdict in verdicts if verdict.points is None})
    foundation_passed = all(v.status in ("pass", "skip") for v in verdicts if v.rung in FOUNDATION)
    results = []
    for verdict in verdicts:
        function_points = points / sharing if verdict.points is None else verdict.points
        share = function_points / tests_of[verdict.function]
        mistake = explained.get(verdict.id) if verdict.status == "fail" else None
        results.append(
            TestResult(
                id=verdict.id,
                part=verdict.part,
                rung=verdict.rung,
                status=verdict.status,
                score=round(share, 6) if verdict.status == "pass" and foundation_passed else 0.0,
                max_score=0.0 if verdict.status == "skip" else round(share, 6),
                message=verdict.message,
                misconception=mistake.id if mistake else None,
                seconds=round(verdict.seconds, 4),
                device=verdict.device,
                failure=verdict.failure.kind if verdict.failure else "",
                static=verdict.static,
            )
        )
    return results
