"""The command `nnkata` on machines that lack what most have: it works, or says in one sentence what is missing."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nnkata.grader.exercise import datasets
from nnkata.grader.files import find_home_folder

NNKATA = Path(sys.executable).parent / "nnkata"
NOBODY = "54321"
GONE = "The folder that you are in has been deleted: cd into another one, and try again."

pytestmark = [
    pytest.mark.skipif(not NNKATA.exists(), reason="nnkata is not installed beside this Python"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tried on Linux only"),
]


def no_bug(told):
    return "Traceback" not in told and "bug in nnkata" not in told and "itself failed" not in told


# -- a working folder that was deleted ---------------------------------------------------------------------------------

LINES = [
    *("list", "check 3", "check --submission losses.py 3 --json", "check 3 --solution --data data", "doctor", "watch"),
    *("hint 3", "reset 3", "solution 3 --spoil", "init", "init work", "grade sub -o results", "dev check 01"),
]


@pytest.mark.parametrize("line", LINES)
def test_in_a_deleted_folder_every_command_says_so(tmp_path, line):
    folder = tmp_path / "gone"
    folder.mkdir()
    ran = subprocess.run(
        ["sh", "-c", f"rmdir '{folder}' && exec '{NNKATA}' {line}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr.strip()) == (2, "", GONE)


# -- a user that the machine does not know -----------------------------------------------------------------------------


def as_nobody(line, folder):
    """Run a command as a user without an entry in the password file, and without HOME."""
    words = ["unshare", "--user", f"--map-user={NOBODY}", str(NNKATA), *line.split()]
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False)


def has_user_namespaces():
    if not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--user", f"--map-user={NOBODY}", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not has_user_namespaces(), reason="this machine has no user namespaces")
def test_a_user_without_a_home_and_without_an_entry_can_do_everything(tmp_path):
    for line, code in (
        ("init work", 0),
        ("list", 0),
        ("check 3 --solution", 0),
        ("check 6 --solution --quick", 0),
        ("doctor", 0),
    ):
        ran = as_nobody(line, tmp_path)
        assert no_bug(ran.stdout + ran.stderr), ran.stdout + ran.stderr
        assert ran.returncode == code, (line, ran.stdout, ran.stderr)
    work = tmp_path / "work"
    assert as_nobody("list", work).returncode == 0
    assert "not written yet" in as_nobody("check 3", work).stdout


def test_without_a_home_data_is_unpacked_among_the_temporary_files(monkeypatch, tmp_path):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("NNKATA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert datasets.cache_folder() == Path.home() / ".cache" / "nnkata"
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert find_home_folder() is None
    assert datasets.cache_folder() == tmp_path / f"nnkata-{os.getuid()}"


# -- a terminal without single keys ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lacks", [True, False], ids=["no termios", "control"])
def test_watch_goes_without_keys_where_there_is_no_termios(tmp_path, lacks):
    subprocess.run([NNKATA, "init", "."], cwd=tmp_path, check=True, capture_output=True)
    code = f"import sys; sys.modules.update(dict.fromkeys(['termios', 'tty'] * {lacks})); sys.argv[1:] = ['watch', '1']"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}; from nnkata.cli import main; main()"],
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=os.environ | {"NO_COLOR": "1"},
    )
    os.close(theirs)
    wanted = "Ctrl-C ends it" if lacks else "q quit"
    told, ends_at = "", time.monotonic() + 100
    try:
        while wanted not in told and time.monotonic() < ends_at:
            if select.select([ours], [], [], 1)[0]:
                try:
                    told += os.read(ours, 4096).decode()
                except OSError:
                    break
        assert wanted in told, told
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert no_bug(told)
    assert ("h hint" in told) is not lacks
