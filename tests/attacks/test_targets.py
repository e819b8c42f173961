"""Every attack names what is there: one that looked for something vanished would fail for the wrong reason."""

import ast
import importlib.util
import operator
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


def module_names(tree):
    """Return the variables of an attack that hold a module of the kit, by name: imported, or out of `sys.modules`."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Assign) and "sys.modules" in ast.unparse(node.value):
            found = re.search(r"^sys\.modules(?:\[|\.get\()'([\w.]+)'", ast.unparse(node.value))
            names |= {target.id: found[1] for target in node.targets if found and isinstance(target, ast.Name)}
    return {variable: name for variable, name in names.items() if name.startswith("nnkata.")}


def attributes(text):
    """Return the dotted names of what an attack reads or patches in modules of the kit: `worker.Student.run`."""
    tree = ast.parse(text)
    modules, dotted = module_names(tree), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            variable, _, rest = ast.unparse(node).partition(".")
            if variable in modules and re.fullmatch(r"[\w.]+", rest):
                dotted.add(f"{modules[variable]}.{rest}")
    return dotted


def is_there(name):
    """Return True if a dotted name is a module, or something in one, however deep."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            if importlib.util.find_spec(".".join(parts[:cut])):
                target = importlib.import_module(".".join(parts[:cut]))
                operator.attrgetter(".".join(parts[cut:]))(target) if parts[cut:] else None
                return True
        except ModuleNotFoundError:
            continue
        except AttributeError:
            return False
    return False


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_what_an_attack_aims_at_is_there(file):
    modules, files = targets(file.read_text())
    modules |= attributes(file.read_text())
    assert [name for name in modules if not is_there(name) and name not in INVENTED] == []
    assert [name for name in files if not (KIT / name).is_file()] == []


def test_control_a_vanished_target_is_noticed():
    modules, files = targets('import sys; sys.modules["nnkata.grader.forkserver"]; open("@KIT@/grader/engine.py")')
    assert modules == {"nnkata.grader.forkserver"} and not is_there("nnkata.grader.forkserver")
    assert files == {"grader/engine.py"} and not (KIT / "grader/engine.py").is_file()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('w = sys.modules["nnkata.grader.worker.worker"]; w.vanished = None', "nnkata.grader.worker.worker.vanished"),
        (
            'w = sys.modules.get("nnkata.grader.worker.wire")\nw.encode.no_such = 1',
            "nnkata.grader.worker.wire.encode.no_such",
        ),
        ("import nnkata.grader.worker.wire as w\nw.Caps(1)", "nnkata.grader.worker.wire.Caps"),
        ("from nnkata.grader.worker import wire\nwire.plain(1)", "nnkata.grader.worker.wire.plain"),
    ],
)
def test_control_a_vanished_attribute_is_noticed(text, named):
    assert named in attributes(text) and not is_there(named)


def test_what_the_attack_on_the_worker_patches_is_seen():
    patched = attributes((HERE / "submissions" / "patch_worker.py").read_text())
    assert {"nnkata.grader.worker.probing.run", "nnkata.grader.worker.worker.StudentModule.run"} <= patched
    assert all(map(is_there, patched))
