"""Every attack names what is there: one that looked for something vanished would fail for the wrong reason."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest
from nnkata.grader.exercise.catalog import KIT

HERE = Path(__file__).parent
FILES = sorted(file for folder in ("submissions", "trespasses", "kernel") for file in (HERE / folder).glob("*.py"))
INVENTED = {"nnkata.tests"}
"""Prefixes that an attack looks for in vain on purpose: hidden tests are no package."""


def targets(text):
    """The modules of the kit and the kit's files that an attack's code names."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names |= set(re.findall(r"nnkata(?:\.[a-z_]\w*)+", node.value))
    modules = {name for name in names if name == "nnkata" or name.startswith("nnkata.")}
    return modules, set(re.findall(r"@KIT@/([\w/.]+\.py)", text))


def is_there(name):
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            if importlib.util.find_spec(".".join(parts[:cut])):
                module = importlib.import_module(".".join(parts[:cut]))
                return all(hasattr(module, part) for part in parts[cut : cut + 1])
        except ModuleNotFoundError:
            continue
    return False


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_what_an_attack_aims_at_is_there(file):
    modules, files = targets(file.read_text())
    assert [name for name in modules if not is_there(name) and name not in INVENTED] == []
    assert [name for name in files if not (KIT / name).is_file()] == []


def test_control_a_vanished_target_is_noticed():
    modules, files = targets('import sys; sys.modules["nnkata.grader.forkserver"]; open("@KIT@/grader/engine.py")')
    assert modules == {"nnkata.grader.forkserver"} and not is_there("nnkata.grader.forkserver")
    assert files == {"grader/engine.py"} and not (KIT / "grader/engine.py").is_file()
