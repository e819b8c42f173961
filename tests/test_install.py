"""The wheel: it holds what grading needs and nothing else, works where it is installed, and is confined there too."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
import textwrap
import venv
import zipfile
from pathlib import Path

import pytest
from nnkata.grader.exercise.catalog import KIT

IGNORED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")

# What a submission tries in a place where the kit is a package among packages. It may list the names of files there, as
# of any package, since importing looks for modules that way; what the files hold it may not read.
PRYING = """
import importlib
import pathlib

def mse_loss(input, target, reduction="mean"):
    gained = []
    for name in ("nnkata.solutions", "nnkata.solutions.03_losses.losses", "nnkata.tests.hidden.03_losses.test_losses",
                 "nnkata.grader.api", "nnkata.grader.authors", "nnkata.grader.exercise.content",
                 "nnkata.grader.judge.judge"):
        try:
            module = importlib.import_module(name)
            if getattr(module, "__file__", None):
                gained.append(name)
        except BaseException:
            pass
    for name in ("grade", "Grader", "check", "exercises", "Exercise", "Result"):
        try:
            gained.append(repr(getattr(importlib.import_module("nnkata"), name)))
        except BaseException:
            pass
    for name in ("solutions/03_losses/losses.py", "solutions/03_losses/misconceptions.py",
                 "tests/hidden/03_losses/test_losses.py", "exercises/03_losses/exercise.toml", "grader/judge/judge.py"):
        try:
            gained.append(name + pathlib.Path("@KIT@", name).read_text()[:20])
        except OSError:
            pass
    raise RuntimeError(f"gained {gained}" if gained else "held")
"""


def run(*words: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NNKATA_PATH", "NO_COLOR")}
    return subprocess.run(
        list(map(str, words)), cwd=folder, env=kept | {"OMP_NUM_THREADS": "1"} | environment, capture_output=True,
        text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy so that no leftovers of earlier builds get in."""
    base = tmp_path_factory.mktemp("wheel")
    shutil.copytree(KIT, base / "kit", ignore=IGNORED)
    built = run(
        sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", base,
        base / "kit", folder=base,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    (file,) = base.glob("nnkata-*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A virtual environment with the wheel in it, which sees the packages (not the editable kit) of this one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    put = run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, folder=folder
    )  # fmt: skip
    assert put.returncode == 0, put.stdout + put.stderr
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    where = run(python, "-c", "from nnkata.grader.exercise import catalog; print(catalog.KIT)", folder=folder)
    assert Path(where.stdout.strip()) == packages / "nnkata", where.stderr
    return folder


def test_the_wheel_holds_all_that_grading_needs_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("nnkata/")}
    needed = {"__init__.py", "cli.py", "py.typed"}
    patterns = ("grader/**/*.py", "grader/exercise/mnist/*", "grader/*/templates/*")
    for pattern in (*patterns, "exercises/*/*", "solutions/*/*.py", "tests/hidden/*/*.py"):
        found = [file for file in KIT.glob(pattern) if file.is_file()]
        assert found, pattern
        needed |= {file.relative_to(KIT).as_posix() for file in found}
    assert held == {f"nnkata/{name}" for name in needed}


def test_every_module_of_the_installed_kit_can_be_imported(installed, tmp_path):
    names = [".".join(file.relative_to(KIT / "grader").with_suffix("").parts) for file in KIT.glob("grader/**/*.py")]
    modules = [f"nnkata.grader.{name}".removesuffix(".__init__") for name in names]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    ran = run(installed / "bin" / "python", "-W", "ignore", "-c", code, *modules, "nnkata.cli", folder=tmp_path)
    assert ran.returncode == 0 and len(modules) > 80, ran.stderr


def test_the_installed_kit_grades_confined(installed, tmp_path):
    nnkata = installed / "bin" / "nnkata"
    ran = run(nnkata, "check", "03_losses", "--solution", "--json", folder=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    result = json.loads(ran.stdout)
    assert (result["status"], result["score"], result["confinement"]) == ("pass", 10.0, "landlock+seccomp")

    made = run(nnkata, "init", "work", folder=tmp_path)
    assert made.returncode == 0 and (tmp_path / "work" / "09_unet" / "unet.py").is_file()
    listed = run(nnkata, "list", folder=tmp_path / "work")
    assert listed.returncode == 0 and "Next: nnkata check 01_neurons" in listed.stdout


def test_a_submission_reaches_nothing_of_the_installed_kit(installed, tmp_path):
    (kit,) = installed.glob("lib/python*/site-packages/nnkata")
    assert (kit / "solutions" / "03_losses" / "losses.py").read_text()  # it is there, for whoever may read it
    (tmp_path / "losses.py").write_text(PRYING.replace("@KIT@", str(kit)))
    ran = run(
        installed / "bin" / "nnkata", "check", "3", "--submission", "losses.py", "--part", "mse_loss", "--json",
        folder=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stdout + ran.stderr
    result = json.loads(ran.stdout)
    assert result["score"] == 0.0
    assert any("RuntimeError: held" in test["message"] for test in result["tests"]), result["tests"][0]["message"]


def test_a_program_grades_with_the_installed_kit(installed, tmp_path):
    code = """
        import json, sys
        import nnkata
        assert "torch" not in sys.modules and nnkata.__version__
        result = nnkata.grade("def mse_loss(input, target): return 0.0", "03_losses", parts="mse_loss")
        print(json.dumps([result.status, result.confinement, len(nnkata.exercises())]))
    """
    ran = run(installed / "bin" / "python", "-c", textwrap.dedent(code), folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == ["fail", "landlock+seccomp", 9]
