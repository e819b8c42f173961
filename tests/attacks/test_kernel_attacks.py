"""Notebooks that attack the kernel, the gradebook and the course gain nothing under nbgrader with our preprocessors.

Each file in `kernel/` is a cell that a student adds to a notebook without any answers. Which of them succeed with
nbgrader's own preprocessors is measured by `benchmarks/kernel_attacks.py`; docs/security.md has the table.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import nbformat
import pytest
from nbgrader_course import RIGHT, Course

ATTACKS = sorted((Path(__file__).parent / "kernel").glob("*.py"))
BY_NOTEBOOK = ("forged outputs", "forged points", "forged roles", "forged grade cell", "doubled grade cell")


def attacked(course: Course, file: Path) -> None:
    def add(book: nbformat.NotebookNode) -> None:
        book.cells.insert(1, nbformat.v4.new_code_cell(file.read_text("utf-8")))

    course.hand_in(f"attack-{file.stem}", {}, add)


def forged(what: str, book: nbformat.NotebookNode) -> None:
    """Change what the notebook says of itself."""
    for cell in [cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade")]:
        marks = cell.metadata["nbgrader"]
        if what == "forged outputs":
            cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "4.0"}, execution_count=1)]
        elif what == "forged points":
            marks["points"] = 10_000
        elif what == "forged roles":
            marks |= {"solution": True, "grade": False, "locked": False}
        elif what == "forged grade cell":
            cell.source = "4.0"
        else:
            twin = nbformat.from_dict(json.loads(json.dumps(cell)))
            twin.source, twin["id"] = "# nnkata: 01_neurons neuron\n4.0", "twin" + cell["id"][-8:]
            book.cells.append(twin)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course in which everybody has handed in, graded."""
    found = Course(tmp_path_factory.mktemp("attacked"))
    for file in ATTACKS:
        attacked(found, file)
    for what in BY_NOTEBOOK:
        found.hand_in(what.replace(" ", "-"), {}, lambda book, what=what: forged(what, book))
    found.hand_in("honest", RIGHT)
    found.hand_in("zoe", RIGHT)  # graded after all the others
    found.autograde()
    return found


def test_there_are_as_many_attacks_as_were_promised():
    assert len(ATTACKS) >= 15


@pytest.mark.parametrize("student", [f"attack-{file.stem}" for file in ATTACKS if file.stem != "always_equal"])
def test_an_attack_without_answers_earns_nothing(course, student):
    assert course.scores(student) == {"mse_loss": 0.0, "l1_loss": 0.0}


def test_tensors_that_equal_everything_earn_nothing(course):
    assert course.scores("attack-always_equal") == {"mse_loss": 0.0, "l1_loss": 0.0}


@pytest.mark.parametrize("what", BY_NOTEBOOK)
def test_what_a_notebook_says_of_itself_earns_nothing(course, what):
    assert course.scores(what.replace(" ", "-")) == {"mse_loss": 0.0, "l1_loss": 0.0}


@pytest.mark.parametrize("student", ["honest", "zoe"])
def test_honest_students_between_them_have_all_their_points(course, student):
    assert course.scores(student) == {"mse_loss": 4.0, "l1_loss": 2.0}


def test_no_manual_score_was_written_and_nobody_waits_for_a_person(course):
    for grades in course.grades().values():
        assert all(not manual and by_hand is None for _, manual, by_hand in grades.values())


def test_the_gradebook_is_free_and_the_course_as_it_was(course):
    with sqlite3.connect(course.folder / "gradebook.db", timeout=1) as database:
        database.execute("BEGIN EXCLUSIVE")
    assert "edited by a student" not in (course.folder / "nbgrader_config.py").read_text()
    assert json.loads((course.folder / "submitted" / "honest" / "ps1" / "03_losses.ipynb").read_text())["cells"]


def test_the_seed_is_in_no_graded_notebook(course):
    seed = (course.folder / "secret" / "seed").read_text().strip()
    for file in course.folder.glob("autograded/*/ps1/*.ipynb"):
        assert seed not in file.read_text()
