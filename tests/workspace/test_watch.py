"""`nnkata watch` in a real terminal: verdicts at every save, keys without Enter, on to the next, and a clean end."""

from __future__ import annotations

import itertools
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nnkata.grader.authoring import new_exercise

SCRIPTS = Path(sys.executable).parent
RIGHT = "def double(x):\n    return 2 * x\n"

pytestmark = [
    pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed"),
    pytest.mark.skipif(not (SCRIPTS / "nnkata").exists(), reason="nnkata is not installed beside this Python"),
]


class Terminal:
    """A tmux server of its own (the last one may still be ending), with a shell in it."""

    opened = itertools.count()

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.name = f"nnkata-test-{os.getpid()}-{next(self.opened)}"
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        self.tmux("new-session", "-d", "-x", "110", "-y", "50", "-c", str(folder), f"env {settings} PS1='ready> ' sh")
        self.shows("ready>")

    def tmux(self, *words: str) -> str:
        line = ["tmux", "-L", self.name, "-f", os.devnull, *words]
        return subprocess.run(line, capture_output=True, text=True, timeout=20, check=True).stdout

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def shows(self, *texts: str, within: float = 60.0) -> float:
        """Wait until the screen shows all of these; how many seconds that took."""
        began = time.monotonic()
        while time.monotonic() - began < within:
            screen = " ".join(self.screen().split())
            if all(text in screen for text in texts):
                return time.monotonic() - began
            time.sleep(0.1)
        pytest.fail(f"after {within} s there was no {texts} on the screen:\n{self.screen()}")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    for name in ("10_tiny", "11_other"):
        new_exercise.create(root, name)
    return root


@pytest.fixture
def work(course, tmp_path):
    (tmp_path / ".nnkata").mkdir()
    for name in ("10_tiny", "11_other"):
        (tmp_path / name).mkdir()
        stub = next((course / "exercises" / name).glob("*.py"))
        shutil.copyfile(stub, tmp_path / name / stub.name)
    return tmp_path


@pytest.fixture
def terminal(course, work):
    environment = {
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        "NNKATA_PATH": str(course),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "",
    }
    opened = Terminal(work, environment)
    yield opened
    subprocess.run(["tmux", "-L", opened.name, "kill-server"], capture_output=True, check=False)


def test_a_session_of_watching(terminal, work):
    file = work / "10_tiny" / "tiny.py"
    terminal.press("nnkata watch 10", "Enter")
    terminal.shows(
        "10_tiny · Tiny", "not written yet", "0 of 10 points", "watching 10_tiny/tiny.py · h hint · n next · q quit"
    )

    file.write_text("def double(x):\n    return x * x\n")
    assert terminal.shows("You multiply x by itself", "✗ double") < 10
    assert "not written yet" not in terminal.screen()  # an old verdict does not stay on the screen

    beside = file.with_name("tiny.py.new")  # as many editors save: beside, then renamed
    beside.write_text("def double(x:\n")
    os.replace(beside, file)
    assert terminal.shows("tiny.py, line 1: '(' was never closed", "watching") < 10
    file.unlink()
    terminal.shows("There is no file", "watching")
    file.write_text("def double(x):\n    return x * x\n")
    terminal.shows("You multiply x by itself", "watching")

    terminal.press("h")
    terminal.shows("Try: Multiply by two.", within=10)
    terminal.press("h")
    terminal.shows("double hint 1 of 3", "The concept, in plain words.", within=10)
    terminal.press("hh")  # two keys at once are two keys
    terminal.shows("double hint 3 of 3", within=10)

    file.write_text(RIGHT)
    terminal.shows("10 of 10 points", "Passed. On to 11_other.", "11_other · Other", "watching 11_other/other.py")

    terminal.press("q")
    terminal.shows("ready>", within=10)
    assert "Nothing left" not in terminal.screen()
    terminal.press("nnkata list", "Enter")
    terminal.shows("✓ 10_tiny", "Next: nnkata check")
    assert "Traceback" not in terminal.screen()


def test_n_moves_on_until_nothing_is_left(terminal, work):
    terminal.press("nnkata watch tiny", "Enter")
    terminal.shows("watching 10_tiny/tiny.py")
    terminal.press("n")
    terminal.shows("watching 11_other/other.py")
    terminal.press("n")
    terminal.shows("Nothing left to watch", "ready>")


def test_ctrl_c_ends_it_and_the_terminal_is_as_before(terminal, work):
    terminal.press("stty -a | cksum > before; nnkata watch 10; stty -a | cksum > after", "Enter")
    terminal.shows("watching 10_tiny/tiny.py")
    terminal.press("C-c")
    terminal.shows("Stopped. ready>", within=10)
    assert "Traceback" not in terminal.screen()
    terminal.press("stty -a | cksum > after; echo compared", "Enter")
    terminal.shows("compared ready>", within=10)
    assert (work / "before").read_text() == (work / "after").read_text()


def test_without_a_terminal_it_watches_all_the_same(course, work):
    environment = os.environ | {"NNKATA_PATH": str(course), "OMP_NUM_THREADS": "1"}
    log = work / "said"
    with log.open("w") as out:
        running = subprocess.Popen(
            [str(SCRIPTS / "nnkata"), "watch", "11"],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        deadline = time.monotonic() + 60
        while "watching 11_other" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        (work / "11_other" / "other.py").write_text(RIGHT)
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
    said = log.read_text()
    assert "10 of 10 points" in said and "Nothing left to watch" in said and "\x1b" not in said
