"""Results are written as format_version 1 and shown to people with the next thing to type."""

import dataclasses
import io
import json
from pathlib import Path

import pytest
from nnkata.grader import model
from nnkata.grader.feedback.report import next_steps, show, to_json
from nnkata.grader.model import Diagnosis, PartResult, Result
from rich.console import Console

GOLDEN = Path(__file__).parents[1] / "golden"

RESULT = Result(
    exercise="03_losses",
    status="fail",
    score=1.5,
    max_score=4.0,
    device="cpu",
    confinement="landlock+seccomp",
    seed=20261122,
    submission="losses.py",
    submission_sha256="ab" * 32,
    seconds=1.9,
    parts=(
        PartResult("mse_loss", 1.0, 1.0, "pass"),
        PartResult("l1_loss", 0.5, 1.0, "fail"),
        PartResult("nll_loss", 0.0, 2.0, "fail", unwritten=True),
    ),
    tests=(
        model.TestResult("test_losses.py::test_mse", "mse_loss", "values", "pass", 1.0, 1.0, seconds=0.01),
        model.TestResult("test_losses.py::test_l1", "l1_loss", "values", "pass", 0.5, 0.5, seconds=0.01),
        model.TestResult(
            "test_losses.py::test_l1_gradient[mean]", "l1_loss", "gradient", "fail", 0.0, 0.5,
            "l1_loss(tensor([1, 2]))\nthe result is [bold]2[/bold]; expected 1 — “ü”", "sum-instead-of-mean", 0.02,
        ),
        model.TestResult("test_losses.py::test_l1_there", "l1_loss", "device", "skip", 0.0, 0.0, "there is no GPU"),
        model.TestResult("test_losses.py::test_nll", "nll_loss", "values", "fail", 0.0, 2.0, "not written yet"),
    ),
    flags=("line 3: uses ctypes",),
    diagnoses=(Diagnosis("l1_loss", "sum-instead-of-mean", "You add up.", "Divide."),),
    prints="hello [red]world\n",
)  # fmt: skip

UNREADABLE = Result(
    exercise="01_neurons",
    status="fail",
    score=0.0,
    max_score=10.0,
    device="cpu",
    confinement="none",
    seed=1,
    submission="neurons.py",
    submission_sha256="",
    seconds=0.0,
    parts=(PartResult("neuron", 0.0, 10.0, "fail"),),
    tests=(),
    student="ada",
    notes=("neurons.py, line 2: invalid syntax",),
)


def shown(result, **options):
    out = io.StringIO()
    show(result, "Losses", Console(file=out, width=120, no_color=True), **options)
    return out.getvalue()


@pytest.mark.parametrize(("name", "result"), [("result.json", RESULT), ("unreadable.json", UNREADABLE)])
def test_a_result_is_written_as_it_always_was(name, result):
    """The golden files are format_version 1: a change of theirs is a new version. One line of JSON each."""
    assert to_json(result) + "\n" == (GOLDEN / name).read_text("utf-8")


def test_a_result_is_one_line_of_json_whatever_its_texts_hold():
    odd = dataclasses.replace(RESULT, notes=("a\nb\u2028c",), student='"\\')
    text = to_json(odd)
    assert "\n" not in text
    assert json.loads(text)["notes"] == ["a\nb\u2028c"] and json.loads(text)["student"] == '"\\'


def test_every_field_that_the_design_names_is_there():
    data = json.loads(to_json(RESULT))
    design = (Path(__file__).parents[2] / "docs" / "design.md").read_text("utf-8")
    example = design.partition('{"format_version":1')[2].partition("```")[0]
    assert all(f'"{key}":' in example for key in data if key != "format_version")
    assert all(f'"{key}":' in example for key in data["tests"][0])


def test_what_was_printed_is_no_part_of_the_document():
    assert "hello" not in to_json(RESULT)


def test_the_ladder_tells_each_part_and_the_first_failure_in_full():
    text = shown(RESULT)
    assert "✓ mse_loss" in text and "✗ l1_loss" in text and "○ nll_loss" in text
    assert "the result is [bold]2[/bold]; expected 1 — “ü”" in text
    assert "→ You add up." in text and "Try: Divide." in text
    assert "not written yet" in text and "line 3: uses ctypes" in text
    assert "1.5 of 4 points" in text and "seed 20261122" in text and "landlock+seccomp" in text


def test_marks_of_the_terminal_in_a_students_text_are_shown_as_text():
    assert "hello [red]world" in shown(RESULT)
    odd = dataclasses.replace(RESULT, flags=("line 1: [link=x]y[/]",))
    assert "line 1: [link=x]y[/]" in shown(odd)


def test_every_test_is_listed_where_all_are_asked_for():
    text = shown(RESULT, verbose=True)
    assert all(test.id.partition("::")[2] in text for test in RESULT.tests if test.part != "nll_loss")
    assert "there is no GPU" in text
    assert "test_l1_there" not in shown(RESULT)


def test_a_failure_of_the_graders_is_never_called_a_mistake():
    broken = model.TestResult("t.py::t", "mse_loss", "values", "error", 0.0, 1.0, "the reference raised KeyError")
    result = dataclasses.replace(RESULT, status="error", tests=(broken,))
    assert "not your mistake" in shown(result)


def test_a_file_that_cannot_be_read_is_told_first():
    assert shown(UNREADABLE).index("line 2: invalid syntax") < shown(UNREADABLE).index("neuron ")


def steps(**changes):
    return " ".join(next_steps(dataclasses.replace(RESULT, **changes)))


def test_after_a_pass_the_solution_is_offered():
    assert steps(status="pass").endswith("nnkata solution 03_losses")


def test_after_a_failure_the_hint_of_a_begun_part_comes_before_one_that_is_not():
    assert steps() == "Next: nnkata hint 03_losses l1_loss"
    assert steps(parts=RESULT.parts[2:]) == "Next: nnkata hint 03_losses nll_loss"


def test_after_a_file_that_cannot_be_read_it_is_to_be_mended():
    assert steps(notes=("losses.py is empty",)) == "Next: fix the file, then run nnkata check 03_losses"


def test_after_a_failure_of_the_graders_the_doctor_is_named():
    assert "nnkata doctor" in steps(status="error")


@pytest.mark.parametrize("status", ["pass", "fail", "error", "skip"])
def test_there_is_always_a_next_step(status):
    assert "nnkata" in steps(status=status) and "nnkata" in steps(status=status, parts=())
