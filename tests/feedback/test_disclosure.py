"""What may be disclosed is decided by where a message comes from, never by how it is worded."""

from dataclasses import replace

import pytest
from nnkata.grader import model
from nnkata.grader.engine.engine import Engine, GradingRequest
from nnkata.grader.exercise import catalog
from nnkata.grader.feedback.disclosure import make_feedback
from nnkata.grader.model import GradingOptions, PartResult, Result

MESSAGE = "mse_loss may not call torch.nn.functional.mse_loss (line 3): write it yourself"


def result(**changes):
    test = model.TestResult("test_losses.py::test_mse", "mse_loss", "values", "fail", 0.0, 1.0, MESSAGE)
    return Result(
        exercise="03_losses",
        status="fail",
        score=0.0,
        max_score=1.0,
        device="cpu",
        confinement="none",
        seed=1,
        submission="losses.py",
        submission_sha256="",
        seconds=0.0,
        parts=(PartResult("mse_loss", 0.0, 1.0, "fail"),),
        tests=(replace(test, **changes),),
    )


def lines(found, level):
    (part,) = make_feedback(found, catalog.find("03_losses"), level).parts
    return part.lines


@pytest.mark.parametrize("message", [MESSAGE, "any words at all"])
def test_what_reading_the_file_found_is_shown_at_diagnosis(message):
    assert lines(result(message=message, static=True), "diagnosis") == (message,)


@pytest.mark.parametrize(
    "message", [MESSAGE, "line 2 of the cell mse_loss: invalid syntax", "the cell x cannot be parsed"]
)
def test_what_running_it_found_is_not_shown_at_diagnosis_however_it_is_worded(message):
    assert lines(result(message=message), "diagnosis") == ("The values are wrong.",)


def test_nothing_is_shown_at_score():
    assert lines(result(static=True), "score") == ()


def test_a_forbidden_name_in_a_file_is_told_at_diagnosis(tmp_path):
    exercise = catalog.find("03_losses")
    file = tmp_path / "losses.py"
    file.write_text(
        "import torch.nn.functional as F\n\n"
        "def mse_loss(input, target, reduction='mean'):\n    return F.mse_loss(input, target)\n"
    )
    with Engine() as engine:
        found = engine.grade(GradingRequest(exercise, file, GradingOptions(parts=("mse_loss",))))
    (said,) = lines(found, "diagnosis")
    assert said.startswith("mse_loss may not call torch.nn.functional.mse_loss (line 4)")
