"""A course from the front door: the real `nnkata course` and the real nbgrader, and what students really send."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader_course import MSE, RIGHT, Course
from nnkata.grader.course import assignment, nbgrader_reader
from nnkata.grader.exercise import catalog, content, stub

WRONG = {**RIGHT, "mse_loss": MSE.replace("losses.mean()", "losses.sum()")}
HELPER = "def differences(a, b):\n    if a.shape != b.shape:\n        raise ValueError('shapes')\n    return a - b"
USING = MSE.replace("(input - target) ** 2", "differences(input, target) ** 2")


def cell_of(book, name):
    return next(cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def said(course, student, name):
    """What the outputs of a graded cell hold, as text."""
    cells = json.loads(course.outputs(student))["cells"]
    graded = next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == f"{name}-points")
    return "".join(text for output in graded["outputs"] for found in output["data"].values() for text in found)


def without(book, *names):
    book.cells = [cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade_id") not in names]


def added(book, text, place=3):
    book.cells.insert(place, nbformat.v4.new_code_cell(text))


def retyped(book):
    cell = cell_of(book, "mse_loss")
    cell["cell_type"] = "markdown"
    del cell["outputs"], cell["execution_count"]


def split(book):
    """As Jupyter splits a cell: both halves keep the metadata."""
    cell = cell_of(book, "mse_loss")
    other = nbformat.from_dict(json.loads(json.dumps(cell)))
    other.source, other["id"] = "SCALE = 1\nprint('first half')", "first-half"
    book.cells.insert(book.cells.index(cell), other)


def doubled(book):
    """A cell pasted once more, below, still unwritten."""
    cell = nbformat.from_dict(json.loads(json.dumps(cell_of(book, "mse_loss"))))
    cell.source = cell.source.replace(MSE, "    raise NotImplementedError")
    cell["id"] = "pasted"
    book.cells.append(cell)


def stripped(book):
    for cell in book.cells:
        cell.metadata.clear()
    book.metadata.clear()


def mangled(book):
    for cell in book.cells:
        marks = cell.metadata.get("nbgrader", {})
        marks.pop("points", None)
        marks["schema_version"] = 1
        marks["surprise"] = True


HONEST = {
    "as-it-should-be": None,
    "helper-in-a-cell-of-its-own": lambda book: (
        added(book, HELPER),
        cell_of(book, "mse_loss").update(source=cell_of(book, "mse_loss").source.replace(MSE, USING)),
    ),
    "imports-elsewhere": lambda book: added(book, "import json, math\nimport numpy as np\nx = np.zeros(3)", 9),
    "graded-cells-deleted": lambda book: without(book, "mse_loss-points", "l1_loss-points"),
    "setup-deleted": lambda book: without(book, "setup"),
    "beginning-deleted": lambda book: book.cells.pop(3),
    "reordered": lambda book: book.cells.reverse(),
    "retyped": retyped,
    "split": split,
    "doubled": doubled,
    "metadata-stripped": stripped,
    "metadata-mangled": mangled,
    "magics-and-shell": lambda book: added(book, "%matplotlib inline\n!pip install torch\n%%timeit\n1 + 1", 5),
    "broken-scratch-cell": lambda book: added(book, "def broken(:\n    pass", 5),
    "warns-on-stderr": lambda book: added(
        book, "import sys, warnings\nprint('x', file=sys.stderr)\nwarnings.warn('w')"
    ),
    "raises-in-between": lambda book: added(book, "raise RuntimeError('oh')", 4),
    "large-outputs": lambda book: book.cells[3].outputs.append(
        nbformat.v4.new_output("stream", name="stdout", text="x" * 30_000_000)
    ),
}
"""What students do to a notebook whose answers are right."""


LINKS = {
    "dangling": lambda folder, target: (folder / "03_losses.ipynb").symlink_to(target / "new"),
    "to-a-file": lambda folder, target: (folder / "03_losses.ipynb").symlink_to(target / "kept"),
    "to-a-folder": lambda folder, target: (folder / "03_losses.ipynb").symlink_to(target),
    "its-stray-is-a-link": lambda folder, target: (folder / "03_losses (2).ipynb").symlink_to(target / "kept"),
}


def test_a_link_that_a_student_hands_in_leads_nowhere(tmp_path):
    """nbgrader's hook copies a renamed notebook to the name that was handed out: nobody's file but that student's."""
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "kept").write_text("mine")
    for name, link in LINKS.items():
        folder = tmp_path / "submitted" / name / "ps1"
        folder.mkdir(parents=True)
        (folder / "03_losses (1).ipynb").write_text('{"cells": []}')
        link(folder, target)
        notebooks = [str(folder / "03_losses (1).ipynb")]
        nbgrader_reader.adopt_renamed(assignment="ps1", student=name, notebooks=notebooks)
        assert sorted(file.name for file in target.iterdir()) == ["kept"] and (target / "kept").read_text() == "mine"
        assert not any("mine" in Path(file).read_text() for file in folder.iterdir() if not file.is_symlink())


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    found = Course(tmp_path_factory.mktemp("taught"))
    for student, change in HONEST.items():
        found.hand_in(student, RIGHT, change)
    found.hand_in("wrong", WRONG)
    found.hand_in("stub", {})
    found.hand_in("syntax-error", {**RIGHT, "mse_loss": "    return (input -"})
    found.hand_in("leaks", {**RIGHT, "mse_loss": "    raise ValueError(f'LEAK {input.tolist()}')"})
    found.hand_in("crashes", {**RIGHT, "mse_loss": "    import os\n    os._exit(0)"})
    found.hand_in("not-json", {}).write_text("this is no notebook")
    found.hand_in("empty", {}).write_bytes(b"")
    renamed = found.hand_in("renamed", RIGHT)
    renamed.rename(renamed.with_name("losses (1) final.ipynb"))
    old = nbformat.convert(found.book(RIGHT), 3)
    found.hand_in("old-format", {}).write_text(nbformat.v3.writes_json(old))
    found.hand_in("nothing", {}).unlink()
    (found.folder / "submitted" / "nothing" / "ps1" / "notes.txt").write_text("sorry")
    found.autograde(fails=True)
    found.run("nbgrader", "generate_feedback", "ps1")
    return found


@pytest.mark.parametrize("student", [*HONEST, "old-format", "renamed"])
def test_right_answers_get_their_points_whatever_became_of_the_notebook(course, student):
    assert course.scores(student) == {"mse_loss": 4.0, "l1_loss": 2.0}


@pytest.mark.parametrize("student", ["wrong", "syntax-error", "leaks", "crashes"])
def test_one_wrong_part_leaves_the_other_its_points(course, student):
    assert course.scores(student) == {"mse_loss": 0.0, "l1_loss": 2.0}


@pytest.mark.parametrize("student", ["stub", "not-json", "empty"])
def test_what_holds_no_answer_has_no_points(course, student):
    assert course.scores(student) == {"mse_loss": 0.0, "l1_loss": 0.0}


def test_nobody_waits_for_a_person(course):
    assert not [name for name, grades in course.grades().items() for _, manual, _ in grades.values() if manual]


def test_what_could_not_be_read_says_so_in_the_feedback(course):
    page = (course.folder / "feedback" / "not-json" / "ps1" / "03_losses.html").read_text()
    assert "03_losses.ipynb is not a notebook" in page


def test_a_syntax_error_is_told_by_cell_and_line_at_the_level_diagnosis_too(course):
    assert re.search(r"line \d+ of the cell mse_loss: '\(' was never closed", said(course, "syntax-error", "mse_loss"))


def test_the_mistake_is_named_and_its_numbers_are_not(course):
    page = (course.folder / "feedback" / "wrong" / "ps1" / "03_losses.html").read_text()
    assert "never divide by how many there are" in page and "test_mse" not in page
    assert "4.33" not in said(course, "wrong", "mse_loss")


@pytest.mark.parametrize("student", ["wrong", "leaks", "crashes", "syntax-error"])
def test_feedback_shows_no_expected_value_and_no_input(course, student):
    page = (course.folder / "feedback" / student / "ps1" / "03_losses.html").read_text()
    hidden = (catalog.find("losses").tests / "test_losses.py").read_text("utf-8")
    shown = re.sub(r"<pre>.*?</pre>", "", page.partition("<body")[2], flags=re.S)  # without the student's own cells
    for name in set(re.findall(r"def (test_\w+)", hidden)):
        assert name not in page
    assert "LEAK" not in shown and "expected" not in shown and "the result is" not in shown


def test_partial_credit_and_feedback_come_together(course):
    cells = json.loads(course.outputs("wrong"))["cells"]
    graded = next(cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == "l1_loss-points")
    assert [output["output_type"] for output in graded["outputs"]] == ["display_data", "execute_result"]


def test_export_gives_everybody_a_line(course):
    course.run("nbgrader", "export")
    lines = (course.folder / "grades.csv").read_text().splitlines()
    assert sum(",as-it-should-be," in line and ",6.0," in line for line in lines) == 1


@pytest.fixture
def small(course, tmp_path):
    """The same course with one student."""
    shutil.copytree(
        course.folder, tmp_path / "course", ignore=shutil.ignore_patterns("autograded", "submitted", "feedback")
    )
    found = object.__new__(Course)
    found.folder = tmp_path / "course"
    found.hand_in("ada", RIGHT)
    return found


# -- what is handed out ------------------------------------------------------------------------------------------------


def test_a_release_holds_no_solution_test_misconception_or_seed(course):
    losses = catalog.find("losses")
    seed = (course.folder / "secret" / "seed").read_text().strip()
    text = "".join(
        file.read_text("utf-8", "replace") for file in (course.folder / "release").rglob("*") if file.is_file()
    )
    assert seed not in text and "BEGIN SOLUTION" not in text and "_same_shape" not in text
    solution = [line.strip() for line in losses.solution.read_text("utf-8").splitlines() if len(line.strip()) > 25]
    handed_out = losses.stub.read_text("utf-8")
    released = json.loads(course.released.read_text())
    sources = "".join("".join(cell["source"]) for cell in released["cells"])
    assert not [line for line in solution if line not in handed_out and line in sources]
    for mistake in content.misconceptions(losses):
        assert mistake.explanation not in text


def test_a_release_reads_as_the_stub_does(course):
    handed_out = catalog.find("losses").stub.read_text("utf-8")
    place = stub.span_of(handed_out, "mse_loss")
    part = "\n".join(handed_out.splitlines()[place.begin : place.end])
    assert cell_of(nbformat.read(course.released, 4), "mse_loss").source.strip() == part.strip()


@pytest.mark.parametrize("exercise", catalog.exercises(), ids=lambda exercise: exercise.id)
def test_every_exercise_becomes_a_valid_notebook_that_is_the_same_when_made_again(exercise, tmp_path):
    file = tmp_path / f"{exercise.id}.ipynb"
    parts = assignment.select_parts(exercise, (), {})
    assignment.write(exercise, parts, file)
    first = file.read_bytes()
    assignment.write(exercise, parts, file)
    book = nbformat.read(file, as_version=4)
    nbformat.validate(book)
    MetadataValidator().validate_nb(book)
    assert file.read_bytes() == first
    points = [cell.metadata.nbgrader.points for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert sum(points) == pytest.approx(exercise.points)


def test_made_again_it_keeps_the_teachers_own_cells_where_they_are(course):
    file = course.folder / "source" / "ps1" / "03_losses.ipynb"
    before = file.read_text()
    book = nbformat.read(file, as_version=4)
    place = book.cells.index(cell_of(book, "mse_loss")) + 1
    book.cells.insert(place, nbformat.v4.new_markdown_cell("A remark of the teacher's own."))
    nbformat.write(book, file)
    course.run("nnkata", "course", "assign", "ps1", "03_losses", "--parts", "mse_loss", "--points", "mse_loss=7")
    after = nbformat.read(file, as_version=4)
    sources = [cell.source for cell in after.cells]
    assert sources[sources.index(cell_of(after, "mse_loss").source) + 1] == "A remark of the teacher's own."
    assert cell_of(after, "mse_loss-points").metadata.nbgrader.points == 7
    assert not [cell for cell in after.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "l1_loss"]
    file.write_text(before)


def test_parts_bring_along_what_they_need_without_points():
    unet = catalog.find("unet")
    found = {part.name: part.points for part in assignment.select_parts(unet, ("UNet",), {})}
    assert found["UNet"] and found["DoubleConv"] is None and "iou" not in found


def test_course_init_overwrites_nothing_and_hides_its_seed(tmp_path):
    course = Course(tmp_path)
    seed = course.folder / "secret" / "seed"
    before = seed.read_text()
    (course.folder / "nbgrader_config.py").write_text("# mine\n")
    told = course.run("nnkata", "course", "init", ".")
    assert seed.read_text() == before and (course.folder / "nbgrader_config.py").read_text() == "# mine\n"
    assert "kept" in told and seed.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("ps1", "nonsense"), "There is no exercise 'nonsense'"),
        (("ps1", "03", "--parts", "nonsense"), "None of these exercises has a part 'nonsense'"),
        (("ps1", "03", "--points", "mse_loss=much"), "does not fit"),
        (("../ps1", "03"), "An assignment's name consists of letters, digits, - and _, like ps1"),
    ],
)
def test_what_makes_no_sense_is_told(course, options, told):
    assert told in course.run("nnkata", "course", "assign", *options, fails=True)


def test_the_rest_of_nbgrader_runs_on_it_unchanged(small, tmp_path):
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    with open(small.folder / "nbgrader_config.py", "a") as config:
        config.write(f"\nc.Exchange.root = {str(exchange)!r}\n")
    assert "Released as: course ps1" in small.run("nbgrader", "release_assignment", "ps1")
    archive = small.folder / "downloaded" / "ps1" / "archive"
    archive.mkdir(parents=True)
    (small.folder / "submitted" / "ada" / "ps1" / "03_losses.ipynb").rename(archive / "grace_03_losses.ipynb")
    small.run("nbgrader", "zip_collect", "ps1")
    small.run("nbgrader", "autograde", "ps1", "--student", "grace")
    assert small.scores("grace") == {"mse_loss": 4.0, "l1_loss": 2.0}


# -- when the grader itself fails --------------------------------------------------------------------------------------


def test_without_its_seed_the_grader_fails_and_asks_for_a_person(small):
    (small.folder / "secret" / "seed").unlink()
    said = small.autograde(fails=True)
    assert small.grades()["ada"] == {"mse_loss": (None, True, None), "l1_loss": (None, True, None)}
    assert "secret seed" in said and "NnkataGraderFailed" in small.outputs("ada")


def test_a_graded_cell_of_the_teachers_own_is_never_full_points_by_itself(small):
    file = small.folder / "source" / "ps1" / "03_losses.ipynb"
    book = nbformat.read(file, as_version=4)
    marks = {**cell_of(book, "mse_loss-points").metadata.nbgrader, "grade_id": "own", "points": 5}
    book.cells.append(nbformat.v4.new_code_cell("assert mse_loss", metadata={"nbgrader": marks}))
    nbformat.write(book, file)
    (small.folder / "gradebook.db").unlink()
    small.run("nbgrader", "generate_assignment", "ps1", "--force")
    small.hand_in("ada", RIGHT)
    small.autograde()
    assert small.grades()["ada"]["own"] == (None, True, None)
    assert small.scores("ada")["mse_loss"] == 4.0


@pytest.mark.parametrize(
    ("level", "shown", "hidden"), [("score", "0/4", "divide"), ("full", "expected 4.3333", "----")]
)
def test_the_level_of_feedback_is_the_teachers_choice(small, level, shown, hidden):
    config = small.folder / "nbgrader_config.py"
    config.write_text(config.read_text().replace('c.Grade.level = "diagnosis"', f'c.Grade.level = "{level}"'))
    small.hand_in("ada", WRONG)
    small.autograde()
    assert shown in said(small, "ada", "mse_loss") and hidden not in said(small, "ada", "mse_loss")


@pytest.mark.parametrize("name", ["notebooks.py", "kernel_attacks.py"])
def test_a_benchmark_of_courses_finds_what_it_imports(name):
    file = Path(__file__).parents[2] / "benchmarks" / name
    done = subprocess.run([sys.executable, file, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
