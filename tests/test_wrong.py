"""Mistakes of real people, each put after a right module: it fails, and is told as what it is, never as another one.

A file's head names the part that it overrides, the mistake, and what is expected: `# expects:` the id of the only
misconception that may be named, or `# says:` a pattern that some message must match where no name is given.
"""

from __future__ import annotations

import linecache
import re
from pathlib import Path

import pytest
from nnkata.grader.engine.diagnose import diagnose
from nnkata.grader.exercise import catalog
from nnkata.grader.judge.hidden_tests import run_hidden_tests
from nnkata.grader.judge.trial import Local, Trial

HERE = Path(__file__).parent / "wrong"
FILES = sorted(HERE.glob("*/*.py"))


def head(file: Path, word: str) -> str | None:
    found = re.search(rf"^# {word}: (.+)$", file.read_text("utf-8"), re.MULTILINE)
    return found and found.group(1)


def judged(file: Path, part: str) -> Trial:
    """The trial of the reference with this file's part in its place."""
    exercise = catalog.find(file.parent.name)
    source = exercise.solution.read_text("utf-8") + "\n\n" + file.read_text("utf-8")
    linecache.cache[str(file)] = (len(source), None, source.splitlines(True), str(file))
    namespace: dict[str, object] = {"__name__": file.stem, "__file__": str(file)}
    exec(compile(source, str(file), "exec"), namespace)
    return run_hidden_tests(Trial(exercise, Local(exercise, namespace, str(file)), seed=20, only=frozenset({part})))


def test_there_are_wrong_submissions():
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_wrong_submission_fails_and_is_told_why(file):
    part, expected, pattern = head(file, "part"), head(file, "expects"), head(file, "says")
    assert part and head(file, "mistake") and (expected or pattern)
    trial = judged(file, part)
    failing = [verdict for verdict in trial.verdicts if verdict.status == "fail"]
    assert failing and not [verdict for verdict in trial.verdicts if verdict.status == "error"]
    names = {misconception.id for misconception in diagnose(trial).values()}
    assert names == ({expected} if expected else set())
    if pattern:
        assert any(re.search(pattern, verdict.message) for verdict in failing), failing[0].message
