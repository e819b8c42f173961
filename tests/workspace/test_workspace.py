"""A student's folder is never overwritten, and a broken or read-only state never stops a verdict."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from nnkata.grader import files
from nnkata.grader.errors import UsageError
from nnkata.grader.exercise import catalog
from nnkata.grader.model import Diagnosis, PartResult, Result
from nnkata.grader.workspace import workspace
from nnkata.grader.workspace.workspace import MARKER, PROGRESS, Workspace

KIT = catalog.KIT


@pytest.fixture
def made(tmp_path):
    """A workspace of two exercises."""
    workspace.create(tmp_path, [catalog.find("1"), catalog.find("3")])
    return tmp_path


def opened(folder):
    return Workspace(folder, folder / MARKER)


def result(score=2.0, status="fail", diagnosed=True, exercise="03_losses"):
    found = (Diagnosis("mse_loss", "id", "You …", "Try …"),) if diagnosed else ()
    parts = (PartResult("mse_loss", score, 10.0, "pass" if status == "pass" else "fail"),)
    return Result(exercise, status, score, 10.0, "cpu", "none", 0, "losses.py", "", 0.1, parts, (), diagnoses=found)


def no_remains(folder):
    """Whether nothing was left behind by a write."""
    return [path.name for path in folder.iterdir() if path.name.startswith(f".{PROGRESS}")] == []


# -- making ------


def test_a_workspace_holds_the_lessons_and_stubs_and_nothing_that_grades(made):
    assert (made / "03_losses" / "losses.py").is_file() and (made / "03_losses" / "README.md").is_file()
    assert not list(made.rglob("exercise.toml")) and not list(made.rglob("test_*.py"))
    assert (made / MARKER).is_dir()


def test_making_a_workspace_again_overwrites_nothing(made):
    mine = made / "03_losses" / "losses.py"
    mine.write_text("# mine\n")
    (made / "01_neurons" / "README.md").unlink()
    written, kept = workspace.create(made, [catalog.find("1"), catalog.find("3")])
    assert mine.read_text() == "# mine\n"
    assert written == ["01_neurons/README.md"] and "03_losses/losses.py" in kept


def test_an_exercise_that_came_later_is_added(made):
    written, _ = workspace.create(made, [catalog.find("3"), catalog.find("5")])
    assert written and all(name.startswith("05_optimizers/") for name in written)


# -- finding ------


def test_the_workspace_is_found_from_any_folder_inside(made):
    deep = made / "03_losses" / "deep"
    deep.mkdir()
    found = workspace.find(deep, KIT)
    assert found.folder == made
    assert found.file(catalog.find("3")) == made / "03_losses" / "losses.py"


def test_the_repositorys_exercises_serve_as_a_workspace(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "exercises" / "03_losses").mkdir(parents=True)
    assert workspace.find(tmp_path / "exercises" / "03_losses", tmp_path).folder == tmp_path / "exercises"


def test_outside_of_a_workspace_the_way_to_make_one_is_told(tmp_path):
    with pytest.raises(UsageError, match="nnkata init"):
        workspace.find(tmp_path, KIT)


# -- remembering ------


def test_what_is_remembered_survives(made):
    space = opened(made)
    space.remember(result(2.0))
    space.record("03_losses").hints["mse_loss"] = 2
    space.save()
    record = opened(made).record("03_losses")
    assert (record.score, record.attempts, record.passed, record.hints) == (2.0, 1, False, {"mse_loss": 2})
    assert record.diagnoses == {"mse_loss": ["You …", "Try …"]} and record.parts == {"mse_loss": False}
    assert no_remains(made / MARKER)


def test_the_best_score_and_a_pass_stay_and_an_old_diagnosis_goes():
    space = Workspace(Path("/nowhere"), Path("/nowhere/.nnkata"))
    space.save = lambda: None
    space.remember(result(10.0, "pass", diagnosed=False))
    space.remember(result(3.0))
    record = space.record("03_losses")
    assert (record.score, record.passed, record.attempts) == (10.0, True, 2) and record.diagnoses
    space.remember(result(4.0, diagnosed=False))
    assert not record.diagnoses


def test_less_than_full_points_are_no_pass():
    space = Workspace(Path("/nowhere"), Path("/nowhere/.nnkata"))
    space.save = lambda: None
    space.remember(result(9.0, "pass"))
    assert not space.record("03_losses").passed


def test_fields_of_a_later_version_are_ignored(made):
    data = {"format_version": 1, "exercises": {"03_losses": {"score": 3.0, "mood": "good"}}}
    (made / MARKER / PROGRESS).write_text(json.dumps(data))
    space = opened(made)
    assert space.record("03_losses").score == 3.0 and space.warnings == []


DAMAGED = [
    b"", b"{", b"[]", b"null", b"3", b"\xff\xfe\x00", b"{}", b'{"exercises": []}', b'{"exercises": {"a": 3}}',
    b'{"exercises": {"a": {"score": "3"}}}', b'{"exercises": {"a": {"hints": [1]}}}',
    b'{"exercises": {"a": {"parts": null}}}', b'{"exercises": {"a": {"diagnoses": {"f": ["x"]}}}}',
    b'{"exercises": {"a": {"hints": {"f": "two"}}}}', b'{"exercises": {"a": {"diagnoses": {"f": "x"}}}}',
    b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: repr(content)[:40])
def test_damaged_progress_is_set_aside_and_reported(made, content):
    file = made / MARKER / PROGRESS
    file.write_bytes(content)
    space = opened(made)
    (aside,) = (made / MARKER).glob(f"{PROGRESS}.broken-*")
    assert aside.read_bytes() == content
    assert len(space.warnings) == 1 and aside.name in space.warnings[0]
    space.remember(result())
    assert opened(made).record("03_losses").attempts == 1


def test_a_read_only_workspace_is_warned_of_once_and_stops_nothing(made, monkeypatch):
    def read_only(*args, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    space = opened(made)
    monkeypatch.setattr(files.tempfile, "mkstemp", read_only)
    space.remember(result())
    space.remember(result())
    assert len(space.warnings) == 1 and "could not be saved" in space.warnings[0]
    assert space.record("03_losses").attempts == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_without_the_right_to_write_is_warned_of(made):
    (made / MARKER).chmod(0o500)
    try:
        space = opened(made)
        space.remember(result())
        assert "could not be saved" in space.warnings[0]
    finally:
        (made / MARKER).chmod(0o700)


def test_a_state_folder_that_cannot_be_made_is_warned_of(tmp_path):
    (tmp_path / "file").touch()
    space = Workspace(tmp_path, tmp_path / "file" / MARKER)
    space.remember(result())
    assert any("could not be saved" in warning for warning in space.warnings)


# -- writing ------


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / PROGRESS
    files.write_whole(file, "old")

    def fails(*names):
        assert Path(names[0]).read_text() == "new" and file.read_text() == "old"
        raise OSError(errno.EIO, "disk")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", fails)
        with pytest.raises(OSError, match="disk"):
            files.write_whole(file, "new")
    assert file.read_text() == "old" and no_remains(tmp_path)
    with pytest.raises(UnicodeEncodeError):
        files.write_whole(file, "half \ud800")
    assert file.read_text() == "old" and no_remains(tmp_path)
    files.write_whole(file, "new")
    assert file.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="no file modes")
def test_a_rewritten_file_keeps_its_mode(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("x")
    file.chmod(0o640)
    files.write_whole(file, "y")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    files.write_whole(tmp_path / "b.py", "y")
    umask = os.umask(0o022)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "b.py").stat().st_mode) == 0o666 & ~umask


def test_each_backup_has_a_name_of_its_own(made):
    file = made / "03_losses" / "losses.py"
    copies = []
    for text in ("one", "two", "three"):
        file.write_text(text)
        copies.append(workspace.backup(file, made / MARKER))
    assert [copy.read_text() for copy in copies] == ["one", "two", "three"]
    assert all("03_losses-losses" in copy.name and copy.suffix == ".py" for copy in copies)
