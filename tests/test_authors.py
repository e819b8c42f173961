"""The authors' front door: its names, its docstring's example, and docs/adding-an-exercise.md, typed in and run."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from nnkata.grader import authors
from nnkata.grader.authoring import content_check, new_exercise
from nnkata.grader.exercise import catalog
from nnkata.grader.exercise.catalog import KIT
from nnkata.grader.exercise.stub import make_stub
from nnkata.grader.judge import compare
from nnkata.grader.model import FOUNDATION, RUNGS, Bar, Limits

PAGE = (KIT / "docs" / "adding-an-exercise.md").read_text("utf-8")
FILES = dict(re.findall(r"^`((?:exercises|solutions|tests)/[\w./]+)`\n\n```\w+\n(.*?)^```$", PAGE, re.M | re.S))
NNKATA = Path(sys.executable).with_name("nnkata")


def cells(head):
    """The cells of the page's table with this head, row by row, without backticks."""
    rows = PAGE.partition(f"\n{head}\n")[2].partition("\n\n")[0].splitlines()[1:]
    return [row.strip("| ").replace("`", "").split(" | ") for row in rows]


# -- names -------------------------------------------------------------------------------------------------------------


NAMES = {"Draw", "Judge", "bar", "compare", "misconception", "part", "parts", "rung"} | {
    "classifier_training",
    "recurring",
    "small_training",
    "training_checks",
    "training_mistakes",
}


def test_these_names_are_public_and_no_others():
    assert authors.__all__ == sorted(authors.__all__)
    assert set(authors.__all__) == NAMES
    for name in authors.__all__:
        assert getattr(authors, name).__doc__


def test_all_content_is_written_with_the_authors_module_and_no_other():
    files = [*KIT.glob("tests/hidden/*/*.py"), *KIT.glob("solutions/*/*.py")]
    assert len(files) > 30
    imports = {
        line.split()[1]
        for file in files
        for line in file.read_text("utf-8").splitlines()
        if re.match(r"\s*(from|import) nnkata", line)
    }
    assert imports == {"nnkata.grader.authors"}


def test_a_probes_docstring_says_what_is_tested_since_students_read_it():
    probes = [*KIT.glob("tests/hidden/*/probes.py"), KIT / "grader" / "worker" / "training_probes.py"]
    assert len(probes) == 9
    vague = re.compile(r"\b(is|are) (looked at|watched|asked)\b|writes down")
    assert [file.parent.name for file in probes if vague.search(file.read_text("utf-8"))] == []


# -- the miniature in the docstring ------------------------------------------------------------------------------------


def test_the_docstrings_exercise_checks_clean(tmp_path, monkeypatch):
    monkeypatch.setenv("NNKATA_PATH", str(tmp_path))
    new_exercise.create(tmp_path, "10_doubling")
    pieces = re.findall(r"`((?:solutions|tests)/[\w./]+)`:\n\n((?:    .*\n|\n)+)", authors.__doc__)
    assert [Path(name).name for name, _ in pieces] == ["doubling.py", "misconceptions.py", "test_doubling.py"]
    for name, code in pieces:
        (tmp_path / name).write_text(textwrap.dedent(code), "utf-8")
    exercise = catalog.find("10_doubling")
    exercise.stub.write_text(make_stub(exercise.solution.read_text("utf-8")), "utf-8")
    checked = content_check.check(exercise, seeds=(0, 1))
    assert checked.problems == ()
    assert checked.tests == 2 and [caught.verdict for caught in checked.caught] == ["right"]


# -- the example of the page -------------------------------------------------------------------------------------------


def nnkata(*words, folder):
    environment = {**os.environ, "NNKATA_PATH": "my-course", "NO_COLOR": "1"}
    return subprocess.run(
        [NNKATA, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def typed_in(tmp_path_factory):
    """The page's exercise, laid out by `dev new` and filled with the texts of the page."""
    folder = tmp_path_factory.mktemp("author")
    made = nnkata("dev", "new", "10_scaling", "--root", "my-course", folder=folder)
    assert made.returncode == 0, made.stderr
    for name, text in FILES.items():
        (folder / "my-course" / name).write_text(text, "utf-8")
    made = nnkata("dev", "stub", "10", folder=folder)
    assert made.returncode == 0, made.stderr
    return folder


def test_the_page_prints_every_file_that_an_author_writes(typed_in):
    written = {file.relative_to(typed_in / "my-course").as_posix() for file in typed_in.rglob("*") if file.is_file()}
    assert written - set(FILES) == {"exercises/10_scaling/scaling.py"}


def test_the_pages_exercise_checks_clean(typed_in):
    checked = nnkata("dev", "check", "10", folder=typed_in)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert re.search(r"10_scaling +12 +4 +4 +0 +0 +0\n", checked.stdout)


def test_the_pages_solution_passes(typed_in):
    checked = nnkata("check", "10", "--solution", folder=typed_in)
    assert checked.returncode == 0 and "10 of 10 points" in checked.stdout, checked.stdout


def test_the_pages_stub_fails_as_not_written(typed_in):
    stub = "my-course/exercises/10_scaling/scaling.py"
    checked = nnkata("check", "10", "--submission", stub, folder=typed_in)
    assert checked.returncode == 1 and "0 of 10 points" in checked.stdout, checked.stdout
    assert checked.stdout.count("not written yet") == 2


def test_the_pages_rungs_are_the_ladder():
    assert [row[0] for row in cells("| rung | for |")] == list(RUNGS)
    assert "`shape`, `number` and `values` are the *foundation*" in PAGE and set(FOUNDATION) == set(RUNGS[:3])


def test_the_pages_tolerances_are_the_judges():
    said = {}
    for names, rtol, atol in cells("| dtype | rtol | atol |")[:-1]:
        for name in re.findall(r"(?:float|bfloat|complex)\d+", names):
            said[getattr(torch, name)] = compare.Tolerance(float(rtol), float(atol))
    assert said == compare.TOLERANCES and compare.TOLERANCES[torch.float32] == compare.FLOAT


def test_the_pages_keys_of_a_bar_are_the_bars():
    keys = {key for row in cells("| key | |") for key in row[0].split(", ")}
    assert keys == {field.name for field in fields(Bar)}


def test_the_pages_limits_are_the_defaults():
    limits = PAGE.partition("- **limits**")[2].partition("\n\n")[0]
    for field in fields(Limits):
        assert re.search(rf"`{field.name}`[^`]*\({field.default:g}\)", limits), field.name


def is_question(method):
    """A question of the judge's takes arguments and returns nothing."""
    if not inspect.isfunction(method) or method.__name__.startswith("_"):
        return False
    signature = inspect.signature(method)
    return len(signature.parameters) > 1 and signature.return_annotation == "None"


def test_the_page_lists_every_question_a_judge_can_ask():
    methods = {row[0].partition("(")[0] for row in cells("| method | asks that |")}
    assert methods == {name for name, _ in inspect.getmembers(authors.Judge, is_question)}
