"""What people hand in is read in a process that has given up everything, within limits that do not hang on the load."""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import textwrap
import time
import zipfile

import psutil
import pytest
from nnkata.grader.engine.engine import Engine, GradingRequest
from nnkata.grader.errors import SandboxError, SubmissionError
from nnkata.grader.exercise import catalog
from nnkata.grader.model import GradingOptions
from nnkata.grader.sandbox import reader_client, reader_process
from nnkata.grader.sandbox.reader_client import Reader
from nnkata.grader.submission import examination, reading
from nnkata.grader.submission.examination import Examined
from nnkata.grader.submission.location import Location
from nnkata.grader.submission.reading import FileBytes, Unreadable

LOSSES = catalog.find("03_losses")
HONEST = LOSSES.solution.read_bytes()


@pytest.fixture(scope="module")
def reader():
    with Reader() as running:
        yield running


def notebook(*sources):
    cells = [{"cell_type": "code", "metadata": {}, "source": source} for source in sources]
    return json.dumps({"cells": cells, "nbformat": 4}).encode()


@pytest.mark.parametrize(("name", "data"), [("losses.py", HONEST), ("03_losses.ipynb", notebook(HONEST.decode()))])
def test_it_says_what_reading_in_this_process_says(reader, tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    here = examination.examine(reading.read_bytes(data, name, LOSSES), LOSSES)
    assert reader.examine(FileBytes(name, data), LOSSES)[0] == here
    there, digest = reader.examine(Location(tmp_path / name), LOSSES)
    assert there == here and len(digest) == 64 and digest == reader.digest(Location(tmp_path / name))
    assert reader.confinement == "landlock+seccomp"


def test_a_member_of_a_zip_file_inside_of_another(reader, tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("ps1/losses.py", HONEST)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("anna.zip", inner.getvalue())
    place = Location(tmp_path / "all.zip", ("anna.zip", "ps1/losses.py"))
    examined, digest = reader.examine(place, LOSSES)
    assert isinstance(examined, Examined) and examined.submission.text == HONEST.decode()
    assert digest == reader.digest(place)
    with open(tmp_path / "all.zip", "rb") as file:
        (entry,) = reader.list_zip(file, "all.zip", 10)["entries"]
    assert entry[:2] == [["anna.zip", "ps1", "losses.py"], ["anna.zip", "ps1/losses.py"]]


@pytest.mark.parametrize(
    ("name", "reason"), [("nowhere.py", "There is no file"), ("folder", "is a folder"), ("link.py", "symbolic link")]
)
def test_what_is_no_file_is_unreadable(reader, tmp_path, name, reason):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.py").symlink_to(LOSSES.solution)
    examined, _ = reader.examine(Location(tmp_path / name), LOSSES)
    assert isinstance(examined, Unreadable) and reason in examined.reason


def zip_of(count, inners=1):
    """A zip file with `inners` zip files of `count` empty members each."""
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        for number in range(count):
            archive.writestr(zipfile.ZipInfo(f"{number:x}"), b"")
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(inners):
            archive.writestr(f"{number}.zip", inner.getvalue())
    return outer.getvalue()


BLANKS = notebook("$\n" + " " * 1_000_000 + "x$")
SWELLS = b'{"cells":[],"x":[' + b"{}," * 12_000_000 + b"{}]}"
DEEP = b"(" * 90_000 + b")" * 90_000


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [("losses.ipynb", BLANKS, ""), ("losses.ipynb", SWELLS, "memory"), ("losses.py", DEEP, "")],
    ids=["blanks", "swells", "deep"],
)
def test_a_file_made_to_stall_or_swell_costs_itself_alone(reader, name, data, reason):
    before = psutil.Process().memory_info().rss
    examined, _ = reader.examine(FileBytes(name, data), LOSSES)
    assert isinstance(examined, Unreadable) or not any(examined.names.values())
    if reason:
        assert reason in examined.reason and name in examined.reason
    assert psutil.Process().memory_info().rss < before + (400 << 20)
    assert isinstance(reader.examine(FileBytes("losses.py", HONEST), LOSSES)[0], Examined)


def test_a_zip_that_lists_far_too_much_is_told(reader):
    with file_of(zip_of(60_000)) as file:
        (entry,) = reader.list_zip(file, "a.zip", 500_000)["entries"]
    assert "it lists 60,000 files" in entry[3]
    with file_of(zip_of(300, 3)) as file:
        assert reader.list_zip(file, "a.zip", 500)["over"]


@contextlib.contextmanager
def file_of(data):
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


# -- with made-up tasks: what happens to the process is what is looked at ----------------------------------------------

FAKE = """
import os, socket, subprocess, sys, time
from pathlib import Path
from nnkata.grader.sandbox import reader_process
from nnkata.grader.submission import reading_tasks

def tries(request, file):
    gained = []
    roads = {
        "read": lambda: open("/etc/passwd").read(), "kit": lambda: open(request["kit"]).read(),
        "write": lambda: open("/tmp/nnkata-attack-reader", "w"), "socket": socket.socket, "fork": os.fork,
        "run": lambda: subprocess.run(["/bin/true"]), "signal": lambda: os.kill(os.getppid(), 0),
        "home": lambda: os.listdir(os.path.expanduser("~")), "control": lambda: os.listdir("/proc/self/fd"),
    }
    for name, road in roads.items():
        try:
            road()
            gained.append(name)
        except OSError:
            pass
    return {"gained": gained, "environment": sorted(os.environ)}

def burns(request, file):
    while True: pass

def sleeps(request, file):
    time.sleep(request["seconds"])
    return {}

def fills(request, file):
    return {"length": len(bytearray(request["bytes"]))}

def talks(request, file):
    return {"text": "x" * request["bytes"]}

def crashes(request, file):
    os.abort()

reader_process.CPU_SECONDS = 2
reading_tasks.TASKS = {f.__name__: f for f in (tries, burns, sleeps, fills, talks, crashes)}
if len(sys.argv) > 2:
    sys.exit("no process today")
reader_process.main(int(sys.argv[1]))
"""


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(reader_client, "COMMAND", (sys.executable, "-I", "-W", "ignore", "-c", FAKE))
    with Reader() as running:

        def ask(task, **options):
            with file_of(b"") as file:
                return running.run({"task": task, "name": "x.py", **options}, file)

        yield ask


def test_the_process_has_given_up_everything(fake):
    answer = fake("tries", kit=str(LOSSES.solution))
    assert answer["gained"] == [] and set(answer["environment"]) <= {
        "PATH", "LANG", "HOME", "LC_CTYPE", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH",
    }  # fmt: skip


def test_computing_time_is_limited_and_waiting_is_not(fake):
    with pytest.raises(SubmissionError, match=r"x\.py: reading it took more than 10 seconds of computing time"):
        fake("burns")
    assert fake("sleeps", seconds=3) == {}


def test_memory_is_limited(fake):
    assert fake("fills", bytes=200 << 20) == {"length": 200 << 20}
    with pytest.raises(SubmissionError, match="more than 512 MB of memory"):
        fake("fills", bytes=700 << 20)
    assert fake("sleeps", seconds=0) == {}


def test_what_it_says_is_limited(fake):
    assert len(fake("talks", bytes=1 << 20)["text"]) == 1 << 20
    with pytest.raises(SubmissionError, match="far too much"):
        fake("talks", bytes=40 << 20)
    assert fake("sleeps", seconds=0) == {}


def test_a_crash_is_the_submissions(fake):
    with pytest.raises(SubmissionError, match="crashes the parser"):
        fake("crashes")
    assert fake("sleeps", seconds=0) == {}


def test_a_process_that_cannot_start_is_our_failure(monkeypatch):
    monkeypatch.setattr(reader_client, "COMMAND", (sys.executable, "-c", "import sys; sys.exit('no process today')"))
    with Reader() as reader:
        for _ in range(2):
            with pytest.raises(SandboxError, match="no process today"):
                reader.examine(FileBytes("losses.py", HONEST), LOSSES)


def test_it_ends_with_the_grader_that_was_killed():
    code = """
        import os
        from nnkata.grader.exercise import catalog
        from nnkata.grader.sandbox.reader_client import Reader
        from nnkata.grader.submission.reading import FileBytes
        reader = Reader()
        reader.examine(FileBytes("losses.py", b"x = 1"), catalog.find("03_losses"))
        print(reader._process.pid, flush=True)
        os.kill(os.getpid(), 9)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)
    pid, deadline = int(ran.stdout), time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_where_nothing_can_be_confined_a_file_is_read_all_the_same(monkeypatch):
    monkeypatch.setattr(reader_client.sys, "platform", "darwin")
    with Reader() as reader:
        assert isinstance(reader.examine(FileBytes("losses.py", HONEST), LOSSES)[0], Examined)
        monkeypatch.setattr(reader_client, "CPU_SECONDS", 0.3)
        examined, _ = reader.examine(FileBytes("losses.ipynb", BLANKS), LOSSES)
        assert isinstance(examined, Unreadable) or not any(examined.names.values())


def test_whoever_comes_after_a_stalling_file_is_graded(monkeypatch):
    monkeypatch.setattr(reader_process, "CPU_SECONDS", 2)
    options = GradingOptions(seed=1, parts=("mse_loss",))
    with Engine() as engine:
        stalling = engine.grade(GradingRequest(LOSSES, FileBytes("x.ipynb", SWELLS), options))
        honest = engine.grade(GradingRequest(LOSSES, FileBytes("losses.py", HONEST), options))
    assert (stalling.status, stalling.score) == ("fail", 0.0) and "memory" in stalling.notes[0]
    assert honest.status == "pass"
