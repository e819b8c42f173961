"""What Gradescope and GitHub Classroom get: an autograder that runs in the layout they document."""

import base64
import json
import os
import re
import shutil
import site
import stat
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from nnkata.cli import app
from nnkata.grader.authoring import new_exercise
from nnkata.grader.course import autograder, delivery, wheel
from nnkata.grader.course.autograder import AutograderSettings
from nnkata.grader.errors import UsageError
from nnkata.grader.exercise import catalog
from nnkata.grader.exercise.catalog import KIT
from typer.testing import CliRunner

RIGHT = (KIT / "solutions" / "01_neurons" / "neurons.py").read_text()
WRONG = RIGHT.replace("weight + bias", "weight - bias")


@pytest.fixture(scope="module")
def gradescope(tmp_path_factory):
    """/autograder as Gradescope lays it out, with the kit in a place of its own: (folder, python)."""
    root = tmp_path_factory.mktemp("gradescope")
    file = root / "autograder.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NNKATA_PATH", raising=False)
        done = CliRunner().invoke(app, ["course", "gradescope", "01", "-o", str(file), "--seed", "3"])
    assert done.exit_code == 0, done.output
    home = root / "autograder"
    (home / "results").mkdir(parents=True)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(home / "source")
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert all(modes[name] & stat.S_IXUSR for name in ("setup.sh", "run_autograder"))
    shutil.copy(home / "source" / "run_autograder", home)
    (home / "run_autograder").chmod(0o755)
    venv.create(root / "venv", with_pip=False, symlinks=True)
    (packages,) = root.glob("venv/lib/python*/site-packages")
    (made,) = (home / "source").glob("nnkata-*.whl")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(packages)
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return home, root / "venv" / "bin" / "python"


def run(gradescope, files, **environment):
    """Run the autograder on a submission; (what was done, results.json or None)."""
    home, python = gradescope
    shutil.rmtree(home / "submission", ignore_errors=True)
    for name, text in files.items():
        (home / "submission" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "submission" / name).write_text(text)
    (home / "submission").mkdir(exist_ok=True)
    variables = {**os.environ, "AUTOGRADER": str(home), "NNKATA_PYTHON": str(python), "OMP_NUM_THREADS": "1"}
    variables.pop("PYTHONPATH", None)
    done = subprocess.run([home / "run_autograder"], env={**variables, **environment}, capture_output=True, text=True)
    results = home / "results" / "results.json"
    return done, json.loads(results.read_text()) if results.exists() else None


def test_the_autograder_grades_what_was_uploaded(gradescope):
    done, results = run(gradescope, {"neurons.py": WRONG, "torch.py": "raise SystemExit('shadowed')"})
    assert done.returncode == 0, done.stderr
    tests = {test["name"]: test for test in results["tests"]}
    assert set(tests) == {f"01_neurons: {part.name}" for part in catalog.find("01").parts}
    assert tests["01_neurons: neuron"]["status"] == "failed" and tests["01_neurons: neuron"]["output"]
    assert tests["01_neurons: linear"]["score"] == tests["01_neurons: linear"]["max_score"]
    assert results["score"] == sum(test["score"] for test in results["tests"]) > 0
    found = run(gradescope, {"my work/neurons (1).py": WRONG})[1]
    assert found["score"] == results["score"], "in whatever folder it lies"


def test_nothing_that_can_be_graded_is_no_points_and_says_so(gradescope):
    done, results = run(gradescope, {"poems.txt": "roses"})
    assert done.returncode == 0 and results["score"] == 0
    assert "There is no neurons.py" in results["output"] and len(results["tests"]) == 5


def test_a_grader_that_fails_gives_no_grade(gradescope, tmp_path):
    run(gradescope, {"neurons.py": RIGHT})
    home, _ = gradescope
    settings = home / "source" / "settings.json"
    before = settings.read_text()
    settings.write_text(before.replace("01_neurons", "99_nothing"))
    try:
        done, results = run(gradescope, {"neurons.py": RIGHT})
    finally:
        settings.write_text(before)
    assert done.returncode == 3 and results is None
    assert "99_nothing" in done.stderr


def test_the_scripts_are_shell_and_install_the_wheel():
    for name in ("gradescope_setup.sh", "gradescope_run.sh"):
        script = delivery.TEMPLATES / name
        assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert "nnkata-*.whl" in (delivery.TEMPLATES / "gradescope_setup.sh").read_text()


def test_the_wheel_holds_what_the_package_does(tmp_path):
    with zipfile.ZipFile(wheel.build(tmp_path)) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
        record = next(name for name in names if name.endswith("RECORD"))
        assert {line.split(",")[0] for line in archive.read(record).decode().splitlines()} == names
    for needed in (
        "cli.py",
        "grader/engine/engine.py",
        "grader/feedback/templates/class.html",
        "exercises/03_losses/exercise.toml",
    ):
        assert f"nnkata/{needed}" in names
    assert "nnkata/tests/hidden/03_losses/test_losses.py" in names
    assert not any("__pycache__" in name or name.startswith("nnkata/tests/test_") for name in names)


def test_an_assignment_stands_for_its_exercises(tmp_path):
    (tmp_path / "source" / "ps1").mkdir(parents=True)
    for name in ("02_activations.ipynb", "03_losses.ipynb", "thoughts.ipynb"):
        (tmp_path / "source" / "ps1" / name).write_text("{}")
    ids = [one.id for one in delivery.exercises(["ps1", "1"], tmp_path)]
    assert ids == ["01_neurons", "02_activations", "03_losses"]
    with pytest.raises(UsageError):
        delivery.exercises(["ps2"], tmp_path)


def test_exercises_of_ones_own_travel_along_to_gradescope_and_never_to_students(tmp_path, monkeypatch):
    new_exercise.create(tmp_path / "mine", "90_doubling")
    monkeypatch.setenv("NNKATA_PATH", str(tmp_path / "mine"))
    chosen = delivery.exercises(["90"], tmp_path)
    delivery.write_gradescope(tmp_path / "a.zip", chosen, AutograderSettings(("90_doubling",)))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        content = {name for name in archive.namelist() if name.startswith("content/")}
    assert "content/tests/hidden/90_doubling/test_doubling.py" in content
    assert {"content/exercises/90_doubling/exercise.toml", "content/solutions/90_doubling/doubling.py"} <= content
    with pytest.raises(UsageError, match="solved"):
        delivery.write_classroom(tmp_path / "template", chosen, "score")


def test_a_classroom_template_has_stubs_a_workflow_and_nothing_secret(tmp_path):
    done = CliRunner().invoke(app, ["course", "classroom", "01", "03", "-o", str(tmp_path / "t")])
    assert done.exit_code == 0, done.output
    files = {file.relative_to(tmp_path / "t").as_posix() for file in (tmp_path / "t").rglob("*") if file.is_file()}
    assert {".github/workflows/classroom.yml", "README.md", "03_losses/losses.py"} <= files
    assert not any("misconception" in name or "test_" in name for name in files)
    assert "NotImplementedError" in (tmp_path / "t" / "03_losses" / "losses.py").read_text()
    again = CliRunner().invoke(app, ["course", "classroom", "01", "-o", str(tmp_path / "t")])
    assert "Wrote 0 files" in again.output


def test_the_workflow_is_yaml_that_runs_us_and_reports(tmp_path):
    yaml = pytest.importorskip("yaml")
    delivery.write_classroom(tmp_path, [catalog.find("03")], "diagnosis", "nnkata @ https://example.org/a b.whl")
    job = yaml.safe_load((tmp_path / delivery.WORKFLOW).read_text())
    steps = job["jobs"]["autograding"]["steps"]
    assert set(job["on"]) == {"push", "repository_dispatch"}
    grade = next(step for step in steps if step.get("id") == "nnkata")
    words = grade["run"].split()
    assert words[:4] == ["python", "-P", "-m", "nnkata.grader.course.autograder"] and words[4:] == [
        "classroom",
        ".",
        "diagnosis",
        "03_losses",
    ]
    report = steps[-1]
    assert report["with"]["runners"] == "nnkata" and list(report["env"]) == ["NNKATA_RESULTS"]
    assert any("'nnkata @ https://example.org/a b.whl'" in step.get("run", "") for step in steps)


def test_classroom_reads_a_test_per_part(tmp_path, monkeypatch, capsys):
    """The format of `classroom-resources/autograding-grading-reporter`: points are summed over the tests."""
    missing = autograder.missing_result(catalog.find("01"))
    monkeypatch.setattr(autograder, "grade_all", lambda *_: [missing])
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    assert autograder.main(["classroom", str(tmp_path), "diagnosis", "01"]) == 1
    assert "There is no neurons.py" in capsys.readouterr().out
    coded = re.fullmatch(r"result=(\S+)\n", (tmp_path / "output").read_text())[1]
    document = json.loads(base64.b64decode(coded))
    assert document["version"] == 1 and document["status"] == "fail" and document["max_score"] == 10.0
    assert [test["score"] for test in document["tests"]] == [0.0] * 5
    assert {test["status"] for test in document["tests"]} == {"fail"}


def test_wrong_words_are_told(capsys):
    assert autograder.main(["gradescope"]) == 2
    assert "autograder gradescope SUBMISSION" in capsys.readouterr().err


def test_the_python_of_the_tests_is_not_the_wheels(gradescope):
    _, python = gradescope
    where = subprocess.run([python, "-c", "import nnkata.cli as c; print(c.__file__)"], capture_output=True, text=True)
    assert Path(where.stdout.strip()).is_relative_to(python.parents[1]), where.stderr
    assert sys.executable != str(python)
