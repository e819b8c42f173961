"""check(), hint() and points() in a real kernel, as a notebook's front end gets them."""

from __future__ import annotations

import runpy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nnkata.grader.course import jupyter
from nnkata.grader.course.jupyter import NotebookExercise
from nnkata.grader.errors import UsageError
from nnkata.grader.feedback import pages

ATTACKS = Path(__file__).parents[1] / "attacks" / "kernel"
SETUP = """\
from nnkata.grader.course.jupyter import NotebookExercise
exercise = NotebookExercise("03")
check, hint = exercise.check, exercise.hint"""
SUM = "def mse_loss(input, target, reduction='mean'):\n    return ((input - target) ** 2).sum()"
UNCHECKED = """\
def l1_loss(input, target, reduction='mean'):
    losses = differences(input, target)
    return {"none": losses, "mean": losses.mean(), "sum": losses.sum()}[reduction]"""
CELLS = {
    "setup": SETUP,
    "imports": "import torch",
    "broken": "def mse_loss(:",
    "wrong": SUM,
    "check": 'check("mse_loss")',
    "hint": 'hint("mse_loss")',
    "another hint": 'hint("mse_loss")',
    "helper": "def differences(a, b):\n    return (a - b).abs()",
    "l1": UNCHECKED,
    "points": 'exercise.points("l1_loss", of=4)',
    "raises": "def mse_loss(input, target, reduction='mean'):\n    return 1 / 0",
    "check again": 'check("mse_loss")',
    "no such part": 'check("nonsense")',
    "untouched": "import sys\n"
    "print([name for name in ('pytest', 'nnkata.grader.engine.engine') if name in sys.modules])",
    "everything": "check()",
}


@pytest.fixture(scope="module")
def shown():
    """The outputs of each cell, after the notebook was run from top to bottom."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS.values()])
    NotebookClient(book, timeout=240, allow_errors=True, kernel_name="python3").execute()
    return dict(zip(CELLS, (cell.outputs for cell in book.cells), strict=True))


def html(outputs):
    return outputs[-1]["data"]["text/html"]


def plain(outputs):
    return outputs[-1]["data"]["text/plain"]


def test_a_check_shows_the_call_the_difference_and_the_mistake_by_name(shown):
    for text in (html(shown["check"]), plain(shown["check"])):
        assert "mse_loss(tensor([1, 2, 3]), tensor([1, 4, 0]))" in text and "expected 4.3333" in text
        assert "never divide by how many there are" in text


def test_a_check_says_what_to_type_next(shown):
    assert plain(shown["check"]).endswith('Next: hint("mse_loss")')


def test_hints_begin_with_the_diagnosis_and_go_on(shown):
    assert "from your last check" in plain(shown["hint"]) and "never divide" in plain(shown["hint"])
    assert "hint 1 of 3" in plain(shown["another hint"])


def test_a_helper_in_another_cell_is_used_and_points_are_a_number(shown):
    assert 0 < float(plain(shown["points"])) < 4  # no shapes are compared, so not all of them


def test_an_exception_is_told_by_the_cell_and_its_line(shown):
    assert "ZeroDivisionError" in plain(shown["check again"])
    assert "line 2 of cell 11, in mse_loss: return 1 / 0" in plain(shown["check again"])


def test_a_wrong_name_is_told_in_one_line_without_a_traceback(shown):
    told = "\n".join(shown["no such part"][-1]["traceback"])
    assert "Did you mean nll_loss?" in told and "grader" not in told


def test_the_kernel_itself_imports_nothing_of_the_grader(shown):
    assert shown["untouched"][-1]["text"].strip() == "[]"


def test_everything_is_checked_where_no_part_is_named(shown):
    for name in ("mse_loss", "l1_loss", "binary_cross_entropy_with_logits"):
        assert name in html(shown["everything"])
    assert "nll_loss is not defined in your file" in plain(shown["everything"])


def test_outside_of_a_notebook_it_says_where_to_go():
    with pytest.raises(UsageError, match="nnkata check"):
        NotebookExercise("03").check("mse_loss")


def test_control_the_attack_on_the_worker_beside_the_kernel_gives_itself_all_points(monkeypatch):
    """It is harmless in grading because nbgrader's kernel is not asked, not because it fails by itself."""
    monkeypatch.setattr(jupyter, "_run_cells", list)
    monkeypatch.setattr(jupyter._warm_worker, "grade", jupyter._warm_worker.grade)
    runpy.run_path(str(ATTACKS / "patched_grader.py"))
    assert NotebookExercise("03").points("mse_loss", of=4) == 4


def test_what_a_student_wrote_is_escaped_but_for_code_between_backticks():
    assert str(pages.render_code_spans("<script>`x<y`")) == '&lt;script&gt;<code style="background: none">x&lt;y</code>'
