"""Packages import downward only, through the table in docs/design.md, and none of their modules in a circle."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GRADER = ROOT / "grader"
LOOSE = {"model", "errors", "extras", "files", "seeds"}
FRONT_DOORS = {"api", "authors"}
BESIDE_THE_STUDENT = {"torch", "numpy", "landlock", "pyseccomp"}
WITHOUT_TORCH = ("submission", "classroom")


def table():
    """The packages in the order of the table under "The house", top first, each with the modules listed there."""
    text = (ROOT / "docs" / "design.md").read_text("utf-8").partition("## The house")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)/` \|.*\| (.*) \|$", text, re.MULTILINE)
    return {package: modules.split(", ") for package, modules in rows}


LISTED = table()
PACKAGES = list(LISTED)
FLOOR = {name: -floor for floor, name in enumerate(PACKAGES)}
MODULES = sorted(".".join(file.relative_to(GRADER).with_suffix("").parts) for file in GRADER.rglob("*.py"))
MODULES = [name for name in MODULES if not name.endswith("__init__")]


def package_of(module):
    """The package that a module of the grader lies in; "" for the loose ones."""
    return module.rpartition(".")[0]


def imported(module):
    """What a module imports, wherever in it: (the grader's modules, other top-level packages)."""
    own, others = set(), set()
    for node in ast.walk(ast.parse((GRADER / Path(*module.split("."))).with_suffix(".py").read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ["nnkata", "grader", *module.split(".")][: -node.level]
                base = ".".join([*above, *([base] if base else [])])
            names = [(base, alias.name) for alias in node.names]
        else:
            continue
        for base, name in names:
            if not base.startswith("nnkata"):
                others.add(base.split(".")[0])
                continue
            inside = base.removeprefix("nnkata.grader").lstrip(".")
            below = f"{inside}.{name}".lstrip(".") if name else inside
            own.add(below if below in MODULES else inside)
    return own, others


def test_the_table_lists_every_package_and_no_other():
    assert set(PACKAGES) == {file.parent.name for file in GRADER.glob("*/__init__.py")}
    assert {name for name in MODULES if not package_of(name)} == LOOSE | FRONT_DOORS


def test_the_front_doors_stand_above_every_package_in_the_table():
    text = (ROOT / "docs" / "design.md").read_text("utf-8").partition("## The house")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+/?)` \|", text, re.MULTILINE)
    assert set(rows[: len(FRONT_DOORS)]) == FRONT_DOORS
    assert rows[len(FRONT_DOORS) :] == [f"{package}/" for package in PACKAGES]


@pytest.mark.parametrize("name", MODULES)
def test_nothing_imports_a_front_door(name):
    assert not imported(name)[0] & FRONT_DOORS


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_lists_every_module_of_a_package(package):
    assert sorted(LISTED[package]) == sorted(name.rpartition(".")[2] for name in MODULES if package_of(name) == package)


def test_no_two_modules_have_the_same_name():
    names = Counter(name.rpartition(".")[2] for name in MODULES)
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_import_is_of_a_module_that_is_there(name):
    assert imported(name)[0] <= set(MODULES)


@pytest.mark.parametrize("name", [name for name in MODULES if name not in FRONT_DOORS])
def test_imports_point_downward(name):
    here = package_of(name)
    above = {
        other
        for other in imported(name)[0]
        if package_of(other) and (not here or FLOOR[package_of(other)] > FLOOR[here])
    }
    assert not above, f"{name} imports {sorted(above)}, which stand above it in docs/design.md"


@pytest.mark.parametrize("package", ["", *PACKAGES])
def test_modules_of_one_package_import_each_other_in_no_circle(package):
    inside = {name for name in MODULES if package_of(name) == package}
    waiting = {name: (imported(name)[0] & inside) - {name} for name in inside}
    while free := [name for name, needs in waiting.items() if not needs & set(waiting)]:
        for name in free:
            del waiting[name]
    assert not waiting


@pytest.mark.parametrize("name", [name for name in MODULES if package_of(name) == "worker"])
def test_what_runs_beside_the_student_imports_nothing_else(name):
    own, others = imported(name)
    assert {other for other in own if package_of(other) != "worker"} <= {"model", "errors"}
    assert others - BESIDE_THE_STUDENT - sys.stdlib_module_names == set()


def test_the_workers_package_is_empty_and_its_modules_say_where_they_run():
    assert (GRADER / "worker" / "__init__.py").read_text() == ""
    silent = []
    for file in (GRADER / "worker").glob("*.py"):
        text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
        if file.stem not in ("__init__", "forbidden") and not re.search(r"beside\s+the\s+student's|worker", text):
            silent.append(file.stem)
    assert not silent


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "worker"])
def test_a_package_says_its_one_idea(package):
    text = ast.get_docstring(ast.parse((GRADER / package / "__init__.py").read_text("utf-8"))) or ""
    assert text.partition("\n")[0].endswith("."), f"{package}/__init__.py has no sentence that says what it is"


def loads_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    return subprocess.run([sys.executable, "-c", code], timeout=60).returncode != 0


TORCH_FREE = [
    *(f"nnkata.grader.{name}" for name in MODULES if package_of(name) in WITHOUT_TORCH),
    "nnkata.grader.exercise.catalog",
    "nnkata.grader.exercise.stub",
    "nnkata",
    "nnkata.grader.api",
    "nnkata.grader.model",
    "nnkata.grader.errors",
    "nnkata.grader.workspace.service",
    "nnkata.grader.sandbox.fork_client",
    "nnkata.cli",
]


@pytest.mark.parametrize("module", TORCH_FREE)
def test_what_needs_no_torch_loads_none(module):
    assert not loads_torch(module)


def test_control_what_needs_torch_loads_it():
    assert loads_torch("nnkata.grader.judge.judge")
