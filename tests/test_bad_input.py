"""Whatever a student hands in: a message that names the place and what to do, the right exit code, no traceback.

The command runs in this process with one warm server of workers, so that each case takes a fraction of a second. The
exercise has two parts, and `halve` is right in every file that can be loaded: it must be graded whatever becomes of
`double`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import psutil
import pytest
from nnkata import cli
from nnkata.grader.authoring import new_exercise
from nnkata.grader.sandbox import fork_client
from typer.testing import CliRunner

HALVE = "\n\ndef halve(x):\n    return x / 2\n"
PART = """
[[parts]]
name = "halve"
points = 4
hints = ["Half of it.", "Dividing is allowed.", "    return x / ..."]
"""
SOLUTION = '''

def halve(x: Tensor) -> Tensor:
    """Half of x."""
    return x / 2
'''
TEST = """

@part("halve")
@rung("number")
def test_halve_by_hand(judge):
    judge.expect(torch.tensor([4.0, -3.0]), torch.tensor([8.0, -6.0]))
"""
LOOP = "while True:\n        pass"
LOOP_IN_TORCH = "a = torch.ones(2500, 2500)\n    for i in range(10_000):\n        a = torch.linalg.svd(a)[0]"
FORKS = "import os\n    while True:\n        os.fork()"
SEGFAULT = "import signal\n    signal.raise_signal(signal.SIGSEGV)"
THREAD = """import threading, time
    def on():
        while True:
            time.sleep(0.01)
    threading.Thread(target=on).start()
    return 2 * x"""


class Ran:
    """What a command printed, its lines joined where the screen's width broke them, and its exit code."""

    def __init__(self, result) -> None:
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr
        self.said = " ".join((result.stdout + " " + result.stderr).split())
        assert "Traceback" not in self.said, self.said
        assert "itself failed" not in self.said and "bug of nnkata" not in self.said, self.said


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A content root with one small exercise of two parts, added to the kit's."""
    root = tmp_path_factory.mktemp("course")
    new_exercise.create(root, "10_tiny")
    toml = root / "exercises" / "10_tiny" / "exercise.toml"
    toml.write_text(toml.read_text().replace("points = 10", "points = 6") + PART)
    for file, more in (("solutions/10_tiny/tiny.py", SOLUTION), ("tests/hidden/10_tiny/test_tiny.py", TEST)):
        (root / file).write_text((root / file).read_text() + more)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNKATA_PATH", str(root))
        yield root


@pytest.fixture(scope="module")
def server(course):
    running = fork_client.ForkServer((course,))
    running.ready()
    yield running
    running.close()


@pytest.fixture
def work(course, tmp_path, monkeypatch):
    """A workspace with a file for the exercise, where the commands are typed."""
    (tmp_path / ".nnkata").mkdir()
    (tmp_path / "10_tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def check(server, work, monkeypatch):
    """`nnkata check 10` on this text (or these bytes, or the file that is there)."""

    class Shared:
        def __new__(cls, hidden):
            return server

    monkeypatch.setattr(fork_client, "ForkServer", Shared)
    monkeypatch.setattr(server, "close", lambda: None)
    file = work / "10_tiny" / "tiny.py"

    def run(text: str | bytes | None = None, *options: str) -> Ran:
        if text is not None:
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        ran = Ran(CliRunner().invoke(cli.app, ["check", "10", *options]))
        templates = psutil.Process(server.process.pid).children()
        assert not any(template.children() for template in templates)  # no worker outlives its submission
        return ran

    return run


def double(body: str) -> str:
    return f"import torch\n\n\ndef double(x):\n    {body}{HALVE}"


# -- files that cannot be graded at all --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "There is no file {folder}/10_tiny/tiny.py. Are you in your workspace?"),
        (b"", "tiny.py is empty. `nnkata reset"),
        (b"  \n\n", "tiny.py is empty. `nnkata reset"),
        (b"\x00\x01\x7fELF", "tiny.py is a binary file: give Python source text."),
        (
            "x = 1\n# Zür".encode("latin-1"),
            "tiny.py, line 2: the text is not UTF-8. Save the file as UTF-8 in your editor.",
        ),
        (b"x = 1\n\ndef double(x:\n    return 2 * x\n", "tiny.py, line 3: '(' was never closed def double(x:"),
        (
            b"def double(x):\nreturn 2 * x\n",
            "tiny.py, line 2: expected an indented block after function definition on line 1",
        ),
        (b"x = " + b"(" * 5_000 + b")" * 5_000, "tiny.py"),
        (b"#" * 300_000, "tiny.py is larger than 200,000 bytes"),
    ],
    ids=["missing", "empty", "blank", "binary", "latin-1", "bracket", "indentation", "nested", "large"],
)
def test_a_file_that_cannot_be_read(check, work, data, told):
    ran = check(data)
    assert ran.code == 1
    assert "".join(told.format(folder=work).split()) in "".join(ran.said.split())
    assert "✗ double 0/6" in ran.said and "✗ halve 0/4" in ran.said and "0 of 10 points" in ran.said
    assert "Next: fix the file, then run nnkata check 10_tiny" in ran.said
    document = json.loads(check(data, "--json").out)
    assert (document["status"], document["score"]) == ("fail", 0.0)
    assert "tiny.py" in document["notes"][0]


def test_a_file_that_is_no_file(check, work):
    (work / "10_tiny" / "tiny.py").mkdir()
    assert "is a folder: give a Python file." in check().said
    for options in ((), ("--submission", "10_tiny/tiny.py")):
        ran = check(None, "--json", *options)
        document = json.loads(ran.out)
        assert (ran.code, document["status"], document["score"]) == (1, "fail", 0.0)
        assert "tiny.py is a folder: give a Python file." in document["notes"][0]
    (work / "10_tiny" / "tiny.py").rmdir()
    (work / "elsewhere.py").write_text(double("return 2 * x"))
    (work / "10_tiny" / "tiny.py").symlink_to(work / "elsewhere.py")
    ran = check()
    assert ran.code == 1 and "is a symbolic link: give the file itself." in ran.said


def test_a_byte_order_mark_and_windows_lines_do_no_harm(check):
    ran = check(b"\xef\xbb\xbf" + double("return 2 * x").replace("\n", "\r\n").encode())
    assert ran.code == 0 and "10 of 10 points" in ran.said


# -- files that cannot be imported -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("top", "told"),
    [
        (
            "import nowhere_to_be_found; nowhere_to_be_found.begin()",
            "ModuleNotFoundError: there is no nowhere_to_be_found where your code is graded,"
            " so nowhere_to_be_found.begin cannot be used",
        ),
        ("import torch\nx = torch.ones(2) @ torch.ones(3)", "importing the file: RuntimeError: "),
        ("import sys\nsys.exit()", "importing the file: SystemExit"),
        ("import os\nos._exit(0)", "importing the file ended the process it ran in (sys.exit, os._exit or the like)"),
        ("raise NotImplementedError", "importing the file"),
    ],
)
def test_a_file_that_cannot_be_imported(check, top, told):
    ran = check(f"{top}\n{double('return 2 * x')}")
    assert ran.code == 1
    assert told in ran.said
    assert "✗ double 0/6" in ran.said and "✗ halve 0/4" in ran.said


def test_a_file_that_never_ends_being_imported(check, course):
    toml = course / "exercises" / "10_tiny" / "exercise.toml"
    before = toml.read_text()
    toml.write_text(before.replace("[[parts]]", "[limits]\nimport_seconds = 1\n\n[[parts]]", 1))
    try:
        ran = check("while True:\n    pass\n")
    finally:
        toml.write_text(before)
    assert ran.code == 1
    assert "importing the file did not end in time and was stopped: is there a loop that never ends?" in ran.said


# -- one part is wrong, the other is graded ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return x.sum()", "the result has the shape (); expected (2,)"),
        ("return (2 * x).double()", "float64"),
        ("return None", "None"),
        ("return (2 * x).detach().numpy()", "ndarray"),
        ("return float(2 * x[0])", "float"),
        ("return [2 * v for v in x]", "list"),
        ("return 2 * x / 0", "the result[0] is inf; expected 2"),
        ("return x * float('nan')", "the result[0] is NaN; expected 2"),
        ("return x.mul_(2)", "the argument 'x' was changed in place; work on a new tensor"),
        ("return 2 * y", "NameError: name 'y' is not defined line 5, in double: return 2 * y"),
        ("return double(x)", "RecursionError: maximum recursion depth exceeded"),
        ("import sys; sys.exit()", "SystemExit"),
        ("import os; os._exit(0)", "ended the process it ran in (sys.exit, os._exit or the like)"),
        (SEGFAULT, "the call crashed (SIGSEGV)"),
        (LOOP, "the call did not end in time and was stopped: is there a loop that never ends?"),
        (LOOP_IN_TORCH, "the call did not end in time and was stopped"),
        ("return torch.ones(50 << 30, dtype=torch.uint8)", "allocate memory"),
        ("return bytearray(50 << 30)", "MemoryError"),
        (FORKS, "PermissionError"),
        ("return object()", "object"),
        ("class Mine(torch.Tensor): pass\n    return x.as_subclass(Mine) * 2 if 0 else lambda: x", "function"),
        ("raise ValueError('\\x1b[31m' + 'x' * 10**7)", "ValueError"),
    ],
    ids=lambda value: re.sub(r"\W+", "-", value)[:30],
)
def test_a_wrong_part_leaves_the_other_graded(check, body, told):
    ran = check(double(body), "--seconds", "1")
    assert ran.code == 1
    assert "✗ double" in ran.said and "✓ halve 4/4" in ran.said, ran.said
    assert told in ran.said
    assert "\x1b" not in ran.said and len(ran.said) < 6_000
    assert "Next: nnkata hint 10_tiny double" in ran.said


@pytest.mark.parametrize("name", ["duoble", "Double", "_double"])
def test_a_part_that_is_not_there_is_asked_for_by_name(check, name):
    ran = check(double("return 2 * x").replace("def double", f"def {name}"))
    assert ran.code == 1
    assert "✗ double 0/6 double is not defined in your file. Is it spelled as in the stub?" in ran.said
    assert "✓ halve 4/4" in ran.said


def test_a_part_that_is_no_function(check):
    ran = check("double = 3" + HALVE)
    assert ran.code == 1
    assert "'int' object is not callable" in ran.said and "✓ halve 4/4" in ran.said


@pytest.mark.parametrize("where", ["call", "import"])
def test_ten_megabytes_of_prints_do_no_harm(check, where):
    loud = "for _ in range(100): print('x' * 100_000)"
    text = double(f"{loud}\n    return 2 * x") if where == "call" else f"{loud}\n{double('return 2 * x')}"
    ran = check(text)
    assert ran.code == 0 and "10 of 10 points" in ran.said
    assert len(ran.said) < 6_000
    assert len(check(text, "--json").out.splitlines()) == 1


def test_a_thread_that_goes_on_ends_with_its_process(check):
    ran = check(double(THREAD))
    assert ran.code in (0, 1) and "✓ halve 4/4" in ran.said


def test_a_call_that_reads_input_is_not_waited_for(check):
    ran = check(double("return 2 * x * float(input('a number: '))"))
    assert ran.code == 1
    assert "EOFError" in ran.said and "✓ halve 4/4" in ran.said


# -- a damaged workspace -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        "\x00",
        "ÿ",
        '{"exercises": 3}',
        '{"exercises": {"10_tiny": {"hints": [1]}}}',
        '{"exercises": {"10_tiny": {"diagnoses": {"double": 5}}}}',
        '{"exercises": {"10_tiny": {"hints": {"double": 0.5}}}}',
    ],
    ids=range(11),
)
def test_a_damaged_progress_file_is_set_aside_and_said_so(work, text):
    progress = work / ".nnkata" / "progress.json"
    progress.write_bytes(text.encode("latin-1"))
    ran = Ran(CliRunner().invoke(cli.app, ["hint", "10"]))
    assert ran.code == 0 and "hint 1 of 3" in ran.said
    assert "Note: the progress file was damaged; it was renamed to progress.json.broken-" in ran.err
    (aside,) = (work / ".nnkata").glob("progress.json.broken-*")
    assert aside.read_bytes() == text.encode("latin-1")
    assert json.loads(progress.read_text())["exercises"]["10_tiny"]["hints"] == {"double": 1}


def test_a_damaged_progress_file_does_not_stop_a_check(check, work):
    (work / ".nnkata" / "progress.json").write_text("{")
    ran = check(double("return 2 * x"))
    assert ran.code == 0 and "10 of 10 points" in ran.out and "was damaged" in ran.err


def test_a_workspace_that_cannot_be_written_still_gets_its_verdict(check, work, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(30, "Read-only file system")

    text = double("return 2 * x")
    (work / "10_tiny" / "tiny.py").write_text(text)
    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    ran = check()
    assert ran.code == 0 and "10 of 10 points" in ran.out
    assert "progress could not be saved in" in ran.err and "Read-only file system" in ran.err
    assert "the verdict still counts" in ran.err
    reset = Ran(CliRunner().invoke(cli.app, ["reset", "10"]))
    assert reset.code == 2 and "tiny.py cannot be reset (Read-only file system)" in reset.said
    assert (work / "10_tiny" / "tiny.py").read_text() == text


@pytest.mark.skipif(os.name != "posix", reason="folders have other permissions here")
def test_a_read_only_folder(work):
    """Permissions do not bind root: there the command runs without the privilege to ignore them."""
    unprivileged = []
    if os.geteuid() == 0:
        unprivileged = ["setpriv", "--bounding-set=-dac_override"]
        if not shutil.which("setpriv") or subprocess.run([*unprivileged, "true"], check=False).returncode:
            pytest.skip("root cannot give up privileges here")

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        line = [*unprivileged, sys.executable, "-m", "nnkata.cli", *words]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)

    (work / "10_tiny" / "tiny.py").write_text("# mine\n")
    folders = (work / ".nnkata", work / "10_tiny", work)
    try:
        for folder in folders:
            folder.chmod(0o555)
        hint, init, reset = typed("hint", "10"), typed("init", "below"), typed("reset", "10")
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert hint.returncode == 0 and "hint 1 of 3" in hint.stdout
    assert f"progress could not be saved in {work}/.nnkata (Permission denied)" in hint.stderr
    assert init.returncode == 2
    assert init.stderr.strip() == "below cannot be written (Permission denied): choose another folder."
    assert reset.returncode == 2 and "tiny.py cannot be reset (Permission denied)" in reset.stderr
    assert (work / "10_tiny" / "tiny.py").read_text() == "# mine\n"


def test_a_file_where_the_state_s_folder_belongs(work):
    (work / ".nnkata").rmdir()
    (work / ".nnkata").write_text("")
    for line in (["check", "10"], ["hint", "10"]):
        ran = Ran(CliRunner().invoke(cli.app, line))
        assert ran.code == 2 and "is not in a workspace" in ran.said
    init = Ran(CliRunner().invoke(cli.app, ["init"]))
    assert init.code == 2 and "cannot be written" in init.said


def test_an_exercise_without_hints_says_so(work, course, tmp_path_factory, monkeypatch):
    root = tmp_path_factory.mktemp("bare")
    shutil.copytree(course, root, dirs_exist_ok=True)
    toml = root / "exercises" / "10_tiny" / "exercise.toml"
    toml.write_text(re.sub(r'hints = \["Half.*', "", toml.read_text()))
    monkeypatch.setenv("NNKATA_PATH", str(root))
    ran = Ran(CliRunner().invoke(cli.app, ["hint", "10", "halve"]))
    assert ran.code == 2 and "10_tiny has no hints for halve. Read the lesson: 10_tiny/README.md" in ran.said


def test_ctrl_c_says_stopped(check, monkeypatch):
    from nnkata.grader.engine import engine

    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "run_hidden_tests", interrupt)
    ran = check(double("return 2 * x"))
    assert (ran.code, ran.out.strip(), ran.err.strip()) == (130, "", "Stopped.")


def test_a_bug_of_ours_is_never_the_student_s(check, monkeypatch):
    from nnkata.grader.engine import engine

    def broken(*args: object) -> None:
        raise ZeroDivisionError("in the grader")

    monkeypatch.setattr(engine, "run_hidden_tests", broken)
    with contextlib.suppress(AssertionError):
        check(double("return 2 * x"))
        raise RuntimeError("the message must say that the grader failed")
    result = CliRunner().invoke(cli.app, ["check", "10"])
    assert result.exit_code == 3 and result.stdout == ""
    assert "The grader itself failed, so there is no verdict: ZeroDivisionError: in the grader" in result.stderr
