"""One record says how a submission is graded, wherever it travels."""

import dataclasses
import json
from pathlib import Path

import pytest
from nnkata.grader.classroom.pool_messages import Task
from nnkata.grader.model import GradingOptions, Limits
from nnkata.grader.submission.location import Location

CHANGED = GradingOptions(
    device="cuda",
    seed=7,
    parts=("mse_loss",),
    training="quick",
    dataset="fashion-mnist",
    data=Path("/data"),
    require_confinement=True,
    limits=Limits(call_seconds=1.5),
)


def test_every_field_is_tried_here():
    default, names = GradingOptions(), [field.name for field in dataclasses.fields(GradingOptions)]
    same = [name for name in names if getattr(CHANGED, name) == getattr(default, name)]
    assert same == []


@pytest.mark.parametrize("options", [GradingOptions(), CHANGED])
def test_options_survive_json(options):
    assert GradingOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options


@pytest.mark.parametrize("options", [GradingOptions(), CHANGED])
def test_a_task_takes_its_options_along(options):
    task = Task("ä\udc80", "03_losses", Location(Path("a.zip"), ("b.zip", "ü.py")), options, 9.0, "why")
    assert Task.from_json(task.to_json()) == task
