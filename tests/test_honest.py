"""Honest submissions in many styles: each earns every point, confined, whatever its style.

Of the accuracy bars only the short trainings are tried here: the long ones take minutes each and leave the maximum.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from nnkata.grader.engine import engine
from nnkata.grader.exercise import catalog
from nnkata.grader.model import GradingOptions

HERE = Path(__file__).parent / "honest"
FILES = sorted(HERE.glob("*/*.py"))


@pytest.fixture(scope="module")
def grader():
    with engine.Engine() as running:
        running.warm_up()
        yield running


def test_every_exercise_has_honest_submissions():
    assert {file.parent.name for file in FILES} >= {exercise.id for exercise in catalog.exercises()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_an_honest_submission_earns_every_point(grader, file):
    exercise = catalog.find(file.parent.name)
    result = grader.grade(engine.GradingRequest(exercise, file, GradingOptions(seed=20, training="quick")))
    assert result.confinement == "landlock+seccomp"
    assert result.notes == ()
    assert [(test.id, test.message) for test in result.tests if test.status not in ("pass", "skip")] == []
    assert result.status == "pass"
    assert result.score == result.max_score
    long = sum(bar.points for bar in exercise.bars if not bar.quick)
    assert result.max_score == pytest.approx(10.0 - long)
