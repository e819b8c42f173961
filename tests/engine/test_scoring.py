"""Points: shared among test functions, earned only on a foundation that holds, and never lost to a skipped test."""

from pathlib import Path

import pytest
from nnkata.grader.engine.scoring import score, worst
from nnkata.grader.judge.trial import Local, Trial, Verdict
from nnkata.grader.model import RUNGS, Exercise, Failure, Limits, Misconception, Part

NOWHERE = Path("/nowhere")


def verdict(name, rung="values", status="pass", part="f", failure=None):
    """The verdict of the test `name`; what follows a colon is its parameter."""
    function = name.partition(":")[0]
    return Verdict(f"test_x.py::{name}", function, part, rung, "cpu", status, status, 0.1, failure)


def scored(*verdicts, points=6.0, only=(), explained=None, parts=("f",)):
    things = tuple(Part(name, points, ()) for name in parts)
    exercise = Exercise(
        "42_things", "T", 5, "", (), things, Limits(), NOWHERE, "x.py", NOWHERE, NOWHERE, NOWHERE
    )  # fmt: skip
    trial = Trial(exercise, Local(exercise, {}), 0, only=frozenset(only), verdicts=list(verdicts))
    return score(trial, explained or {})


def earned(*verdicts, **options):
    (part,), _ = scored(*verdicts, **options)
    return part.score, part.max_score


def test_points_are_shared_among_functions_and_then_among_parameters():
    _, tests = scored(verdict("a"), verdict("b:1"), verdict("b:2"), verdict("b:3"))
    assert [test.score for test in tests] == [3.0, 1.0, 1.0, 1.0]


def test_all_passed_earns_all_however_the_points_divide():
    assert earned(*(verdict(f"t{i}") for i in range(7)), points=1.0) == (1.0, 1.0)


def test_a_failed_test_costs_its_own_share():
    assert earned(verdict("a"), verdict("b", "gradient", "fail")) == (3.0, 6.0)


@pytest.mark.parametrize("broken", ["shape", "number", "values"])
@pytest.mark.parametrize("status", ["fail", "error"])
def test_nothing_is_earned_above_or_in_a_foundation_that_does_not_hold(broken, status):
    above = [verdict(f"t_{rung}", rung) for rung in RUNGS]
    assert earned(verdict("broken", broken, status), *above)[0] == 0.0


@pytest.mark.parametrize("rung", [rung for rung in RUNGS if rung not in ("shape", "number", "values")])
def test_what_fails_above_the_foundation_takes_nothing_from_the_rest(rung):
    assert earned(verdict("a"), verdict("b", rung, "fail"), verdict("c", "edge")) == (4.0, 6.0)


def test_a_broken_foundation_of_one_part_leaves_the_others_their_points():
    parts, _ = scored(verdict("a", status="fail"), verdict("b", part="g"), parts=("f", "g"))
    assert [(part.score, part.status) for part in parts] == [(0.0, "fail"), (6.0, "pass")]


def test_the_points_of_a_skipped_test_leave_the_maximum():
    assert earned(verdict("a"), verdict("b", "device", "skip")) == (3.0, 3.0)


def test_a_skipped_foundation_does_not_break_what_stands_on_it():
    assert earned(verdict("a", "values", "skip"), verdict("b", "edge")) == (3.0, 3.0)


def test_an_error_earns_nothing_and_stays_in_the_maximum():
    assert earned(verdict("a"), verdict("b", "edge", "error")) == (3.0, 6.0)


def test_a_part_without_verdicts_is_skipped_and_worth_nothing():
    (part,), tests = scored()
    assert (part.status, part.score, part.max_score, tests) == ("skip", 0.0, 0.0, ())


def test_only_the_parts_that_were_asked_for_are_scored():
    parts, tests = scored(verdict("a"), verdict("b", part="g"), parts=("f", "g"), only=("g",))
    assert [part.name for part in parts] == ["g"] and [test.part for test in tests] == ["g"]


def test_a_part_that_is_not_begun_says_so():
    failure = Failure("unwritten", "NotImplementedError", "")
    (part,), _ = scored(verdict("a", status="fail", failure=failure), verdict("b", status="fail"))
    assert part.unwritten
    (part,), _ = scored(verdict("a", status="fail"))
    assert not part.unwritten


def test_a_misconception_is_named_at_the_failed_test_that_it_explains():
    wrong = Misconception("sum-instead-of-mean", "f", "You …", "Try …", ("a",), None)
    explained = {"test_x.py::a": wrong, "test_x.py::b": wrong}
    _, tests = scored(verdict("a", status="fail"), verdict("b"), explained=explained)
    assert [test.misconception for test in tests] == ["sum-instead-of-mean", None]


@pytest.mark.parametrize(
    ("statuses", "amount"),
    [
        (["pass", "fail", "error", "skip"], "error"),
        (["pass", "fail", "skip"], "fail"),
        (["skip", "pass"], "pass"),
        (["skip", "skip"], "skip"),
        ([], "skip"),
    ],
)
def test_the_worst_verdict_speaks_for_all(statuses, amount):
    assert worst(statuses) == amount
