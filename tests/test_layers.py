"""Imports point downward only, through the layers that docs/design.md lists, and none of them runs in a circle."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GRADER = ROOT / "grader"
BESIDE_THE_STUDENT = {"torch", "numpy", "landlock", "pyseccomp"}
BOTTOM = {"model", "errors"}


def layers():
    """The rows of the list under "Layers", top first: the names of modules up to the words that explain them."""
    text = (ROOT / "docs" / "design.md").read_text("utf-8").partition("## Layers")[2].partition("\n## ")[0]
    rows = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    known = {file.stem for file in GRADER.glob("*.py")} | {"cli"}
    found = []
    for row in rows:
        names = []
        # names are parted by two spaces, the explanation by more
        for word in re.split(r" {2,}", row):
            if word not in known:
                break
            names.append(word)
        found.append(names)
    return found


LAYERS = layers()
HEIGHT = {name: -height for height, row in enumerate(LAYERS) for name in row}
BESIDE = [name for row in LAYERS[next(i for i, row in enumerate(LAYERS) if "server" in row) :] for name in row]
MODULES = sorted(file.stem for file in GRADER.glob("*.py") if file.stem != "__init__")


def imported(name):
    """What a module imports, wherever in it: (the project's modules, other top-level packages)."""
    file = ROOT / "cli.py" if name == "cli" else GRADER / f"{name}.py"
    own, others = set(), set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == "nnkata":
                    own.add(parts[-1])
                else:
                    others.add(parts[0])
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level or module.split(".")[0] == "nnkata":
                last = module.split(".")[-1]
                own |= {alias.name for alias in node.names} if last in ("", "grader", "nnkata") else {last}
            else:
                others.add(module.split(".")[0])
    return own & {*MODULES, "cli"}, others


def test_every_module_has_its_place_in_the_list_and_only_one():
    listed = [name for row in LAYERS for name in row]
    assert sorted(listed) == sorted({*MODULES, "cli"})


@pytest.mark.parametrize("name", [*MODULES, "cli"])
def test_imports_point_downward(name):
    upward = {other for other in imported(name)[0] if HEIGHT.get(other, 0) > HEIGHT.get(name, 0)}
    assert not upward, f"{name} imports {sorted(upward)}, which stand above it in docs/design.md"


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: row[0] if row else "empty")
def test_modules_of_one_layer_import_each_other_in_no_circle(row):
    waiting = {name: imported(name)[0] & set(row) - {name} for name in row}
    while free := [name for name, needs in waiting.items() if not needs & set(waiting)]:
        for name in free:
            del waiting[name]
    assert not waiting


@pytest.mark.parametrize("name", BESIDE)
def test_what_runs_beside_the_student_imports_nothing_else(name):
    own, others = imported(name)
    assert own <= set(BESIDE)
    assert others - BESIDE_THE_STUDENT - sys.stdlib_module_names == set()


def test_what_runs_beside_the_student_says_so():
    silent = []
    for name in set(BESIDE) - BOTTOM - {"families"}:
        text = ast.get_docstring(ast.parse((GRADER / f"{name}.py").read_text("utf-8"))) or ""
        if not re.search(r"beside\s+the\s+student's|worker", text):
            silent.append(name)
    assert not silent


@pytest.mark.parametrize("name", ["catalog", "errors", "model", "workspace", "stub", "forkserver"])
def test_what_needs_no_torch_imports_none_when_it_is_loaded(name):
    """Top-level imports alone: what stands under TYPE_CHECKING or inside of functions is not run."""
    waiting, seen = [name], set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        for node in ast.parse((GRADER / f"{module}.py").read_text("utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom) and node.level:
                waiting += [n for n in ([node.module] if node.module else names) if n not in seen]
            else:
                assert "torch" not in [n.split(".")[0] for n in names] and getattr(node, "module", "") != "torch"
