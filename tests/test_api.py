"""`import nnkata`: the exported names, what importing costs, and each function run for real."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import nbformat
import nnkata
import pytest
import torch
from nbclient import NotebookClient
from nnkata.grader import api
from nnkata.grader.exercise import catalog
from nnkata.grader.exercise.catalog import KIT

NAMES = {
    "Exercise",
    "Grader",
    "GraderError",
    "NnkataError",
    "Result",
    "UsageError",
    "__version__",
    "check",
    "exercises",
    "grade",
    "hint",
}
SUM = "def mse_loss(input, target, reduction='mean'):\n    return ((input - target) ** 2).sum()\n"


def run(code, folder):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def grader():
    with nnkata.Grader() as grader:
        yield grader


# -- names -------------------------------------------------------------------------------------------------------------


def test_these_names_are_public_and_no_others():
    assert set(nnkata.__all__) == set(dir(nnkata)) == NAMES
    assert set(api.__all__) == NAMES - {"__version__"}


def test_a_star_import_brings_them_all():
    brought = {}
    exec("from nnkata import *", brought)
    assert set(nnkata.__all__) <= set(brought)


def test_every_public_function_says_what_it_does_and_what_it_raises():
    for function in (nnkata.grade, nnkata.exercises, nnkata.check, nnkata.hint):
        assert re.match(r"[A-Z][a-z]+ ", function.__doc__) and "Raises:" in function.__doc__


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'grad'"):
        nnkata.grad  # noqa: B018


def test_the_folder_of_exercises_does_not_take_the_functions_place(tmp_path):
    ran = run("import nnkata.exercises, nnkata; print(type(nnkata.exercises).__name__)", tmp_path)
    assert ran.returncode == 0, ran.stderr
    ran = run("from nnkata import exercises; print(len(exercises()))", tmp_path)
    assert ran.stdout.strip() == str(len(catalog.ids())), ran.stderr


def test_the_version_is_the_distributions():
    assert nnkata.__version__ == metadata.version("nnkata")


def test_types_are_for_others_too():
    table = tomllib.loads((KIT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]
    assert (KIT / "py.typed").is_file() and "py.typed" in table["nnkata"]


# -- what importing costs ----------------------------------------------------------------------------------------------


def test_importing_loads_no_torch_and_nothing_else_of_the_project(tmp_path):
    code = (
        "import sys; before = set(sys.modules); import nnkata; new = set(sys.modules) - before;"
        "print(sorted(n for n in new if n.split('.')[0] in ('nnkata', 'torch', 'numpy', 'pytest', 'typer', 'rich')))"
    )
    assert run(code, tmp_path).stdout.strip() == "['nnkata']"


def test_listing_the_exercises_loads_no_torch(tmp_path):
    code = "import sys, nnkata; print(nnkata.exercises()[2].id, nnkata.Result.__name__, 'torch' in sys.modules)"
    ran = run(code, tmp_path)
    assert ran.stdout.split() == ["03_losses", "Result", "False"], ran.stderr


def test_pytest_takes_the_kits_root_for_a_folder_and_not_for_a_package(request):
    assert {type(node) for node in request.node.listchain()[:3]} == {pytest.Session, pytest.Dir}
    copies = [name for name, module in sys.modules.items() if getattr(module, "__file__", "") == nnkata.__file__]
    assert copies == ["nnkata"]


# -- grading -----------------------------------------------------------------------------------------------------------


def test_text_bytes_and_a_path_earn_the_same(grader, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(SUM)
    results = [grader.grade(given, "3", parts="mse_loss", seed=5) for given in (SUM, SUM.encode(), file)]
    assert len({(result.score, result.submission_sha256) for result in results}) == 1
    assert [result.submission for result in results] == ["losses.py", "losses.py", "mine.py"]
    for result in results:
        assert isinstance(result, nnkata.Result) and result.status == "fail" and result.seed == 5
        assert [part.name for part in result.parts] == ["mse_loss"]
        assert [found.misconception for found in result.diagnoses] == ["sum-instead-of-mean"]


def test_grade_alone_grades_the_reference_confined_and_leaves_torchs_threads_as_they_were():
    exercise = catalog.find("03_losses")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        result = nnkata.grade(exercise.solution, exercise, student="ada")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert (result.status, result.score, result.student) == ("pass", 10.0, "ada")
    assert result.confinement == "landlock+seccomp" or not sys.platform.startswith("linux")


def test_a_notebook_is_read_as_one_from_a_path_and_from_bytes(grader, tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SUM)])
    file = tmp_path / "homework.ipynb"
    nbformat.write(book, file)
    for given, name in ((file, ""), (file.read_bytes(), "homework.ipynb")):
        result = grader.grade(given, "3", parts=["mse_loss"], name=name)
        assert (result.submission, result.status) == ("homework.ipynb", "fail") and result.tests


@pytest.mark.parametrize("given", ["def mse_loss(:\n", b"\0\1", b"\xff\xfe", "", "x = '\ud800'\n"])
def test_what_cannot_be_read_is_a_result_and_no_exception(grader, given):
    result = grader.grade(given, "3")
    assert (result.status, result.score, result.tests) == ("fail", 0.0, ())
    assert "losses.py" in result.notes[0]


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        ("losses.py", {}, r"Path\('losses.py'\)"),
        (Path("no-such.py"), {}, "no file no-such.py"),
        (KIT, {}, "is a folder"),
        (SUM, {"exercise": "lossy-compression"}, "There is no exercise"),
        (SUM, {"parts": "mse_los"}, "Did you mean mse_loss"),
        (SUM, {"device": "tpu"}, "cpu, cuda, auto"),
        (SUM, {"training": "long"}, "none, quick, full"),
        (SUM, {"dataset": "cifar"}, "mnist, fashion-mnist"),
        (SUM, {"seed": -1}, "seed -1 is out of range"),
    ],
)
def test_a_wrong_argument_is_a_usage_error_that_says_what_to_pass(grader, given, options, words):
    with pytest.raises(nnkata.UsageError, match=words):
        grader.grade(given, options.pop("exercise", "3"), **options)


def test_training_none_tries_no_bars(grader):
    exercise = catalog.find("07_mlp")
    result = grader.grade(exercise.stub, exercise, training="none")
    assert not [test for test in result.tests if test.rung == "bar"] and result.tests


def test_a_closed_grader_opens_again():
    grader = nnkata.Grader()
    for _ in range(2):
        with grader:
            assert grader.grade(SUM, "3", parts="mse_loss").status == "fail"


# -- notebooks ---------------------------------------------------------------------------------------------------------


def test_a_notebook_checks_what_was_run_and_is_told_calls_that_work():
    cells = [
        "import nnkata",
        SUM,
        'shown = nnkata.check("3", "mse_loss")\nshown',
        "shown.passed",
        'nnkata.hint("03_losses", "mse_loss")',
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    NotebookClient(book, timeout=240, kernel_name="python3").execute()
    told = [cell.outputs[-1]["data"]["text/plain"] for cell in book.cells[2:]]
    assert "never divide" in told[0] and told[0].endswith('Next: nnkata.hint("03_losses", "mse_loss")')
    assert told[1] == "False" and "from your last check" in told[2]


def test_outside_of_a_notebook_check_says_where_to_go():
    with pytest.raises(nnkata.UsageError, match="nnkata check"):
        nnkata.check("03_losses")


# -- the README --------------------------------------------------------------------------------------------------------


def test_the_readmes_lines_run(tmp_path, monkeypatch):
    text = (KIT / "README.md").read_text("utf-8").partition("## For programs")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "losses.py").write_text(SUM)
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code, "README.md", "exec"), {})
    assert said.getvalue().startswith("fail 0") and "sum-instead-of-mean" in said.getvalue()
