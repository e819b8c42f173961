"""Templates of a new exercise, small but complete: it passes `nnkata dev check` before anything is changed."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import UsageError
from ..exercise.stub import make_stub
from ..files import write_whole

EXERCISE = '''format_version = 1
title = "{title}"
summary = "what it is about, in one line"
minutes = 30
requires = []
forbidden = []

[[parts]]
name = "double"
points = 10
hints = [
  "The concept, in plain words.",
  "Where to look, and the usual trap.",
  """
    return ... * x""",
]
'''

LESSON = """# {title}

Goal: say what the reader will be able to do. Prerequisites: none. About 30 minutes.

Why before how: the intuition, the formula, one worked number, one question to predict.

Start with `nnkata check {id}`.
"""

SOLUTION = '''"""{title}: one friendly sentence on what it is about."""

from torch import Tensor


def double(x: Tensor) -> Tensor:
    """Twice x.

    Args:
        x: float, any shape.

    Returns:
        The shape and dtype of x.
    """
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
'''

MISCONCEPTIONS = '''"""Typical mistakes in {id}, runnable, each with its explanation."""

from nnkata.grader.authors import misconception


@misconception(
    "double",
    "squared",
    "You multiply x by itself: 3 becomes 9, not 6.",
    "Multiply by two.",
    fails="test_double_by_hand",
)
def squared(x):
    return x * x
'''

TESTS = '''"""What is expected of {id}."""

import torch

from nnkata.grader.authors import part, rung


@part("double")
@rung("number")
def test_double_by_hand(judge):
    judge.expect(torch.tensor([2.0, -6.0]), torch.tensor([1.0, -3.0]))


@part("double")
@rung("gradient")
def test_double_gradient(judge, draw):
    judge.gradient(draw.normal(4, 3))
'''


def create(root: Path, exercise_id: str) -> list[Path]:
    """Write a new exercise's files under a content root, and return them.

    Raises:
        UsageError: the name is not an exercise's name, or such files exist already.
    """
    if not re.fullmatch(r"\d\d_[a-z][a-z0-9_]*", exercise_id):
        raise UsageError(
            f"{exercise_id!r} is not an exercise id: use two digits, _ and a topic in lower case, like 10_attention."
        )
    topic = exercise_id.partition("_")[2]
    words = {"id": exercise_id, "title": topic.replace("_", " ").capitalize()}
    solution = SOLUTION.format(**words)
    files = {
        root / "exercises" / exercise_id / "exercise.toml": EXERCISE.format(**words),
        root / "exercises" / exercise_id / "README.md": LESSON.format(**words),
        root / "exercises" / exercise_id / f"{topic}.py": make_stub(solution),
        root / "solutions" / exercise_id / f"{topic}.py": solution,
        root / "solutions" / exercise_id / "misconceptions.py": MISCONCEPTIONS.format(**words),
        root / "tests" / "hidden" / exercise_id / f"test_{topic}.py": TESTS.format(**words),
    }
    for file in files:
        if file.exists():
            raise UsageError(f"{file} already exists: choose another name.")
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text)
    return list(files)
