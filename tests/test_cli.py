"""The command `nnkata` as people type it: in a shell, in a folder of their own; what it prints and how it exits."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from nnkata.grader.exercise.catalog import KIT

SCRIPTS = Path(sys.executable).parent
DROPPED = (
    "NO_COLOR",
    "FORCE_COLOR",
    "PY_COLORS",
    "GITHUB_ACTIONS",
    "COLUMNS",
    "LINES",
    "NNKATA_PATH",
    "PYTEST_ADDOPTS",
)
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in DROPPED} | {
    "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "TERM": "xterm-256color",
}
STUB = "raise NotImplementedError"
RIGHT = "def double(x):\n    return 2 * x\n\n\ndef halve(x):\n    return x / 2\n"
SQUARED = RIGHT.replace("2 * x", "x * x")
LOUD = 'print("at import " * 1_000)\n' + RIGHT.replace("    return", '    print("loud " * 100_000)\n    return')

pytestmark = pytest.mark.skipif(not (SCRIPTS / "nnkata").exists(), reason="nnkata is not installed beside this Python")

# a second part for the exercise that `nnkata dev new` lays out
PART = """
[[parts]]
name = "halve"
points = 4
hints = ["Half of it.", "Dividing is allowed.", "    return x / ..."]
"""
SOLUTION = '''

def halve(x: Tensor) -> Tensor:
    """Half of x."""
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION
'''
MISCONCEPTION = """

@misconception("halve", "rooted", "You take the root of x.", "Divide by two.", fails="test_halve_by_hand")
def rooted(x):
    return x.abs() ** 0.5
"""
TEST = """

@part("halve")
@rung("number")
def test_halve_by_hand(judge):
    judge.expect(torch.tensor([4.0, -3.0]), torch.tensor([8.0, -6.0]))
"""


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a line does when it is typed into a shell. It prints no colours: the shell's output is no terminal."""
    ran = subprocess.run(
        line, shell=True, cwd=folder, env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=240
    )
    assert "\x1b" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr, ran.stdout + ran.stderr
    return ran


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A content root outside of the repository, made as its author would."""
    base = tmp_path_factory.mktemp("author")
    for name in ("10_tiny", "11_other"):
        made = shell(f"nnkata dev new {name} --root course", base)
        assert made.returncode == 0
        assert f"course/exercises/{name}/exercise.toml" in made.stdout
        assert f"NNKATA_PATH=course nnkata dev check {name}" in made.stdout
    root = base / "course"
    toml = root / "exercises" / "10_tiny" / "exercise.toml"
    toml.write_text(toml.read_text().replace("points = 10", "points = 6") + PART)
    append(root / "solutions" / "10_tiny" / "tiny.py", SOLUTION)
    append(root / "solutions" / "10_tiny" / "misconceptions.py", MISCONCEPTION)
    append(root / "tests" / "hidden" / "10_tiny" / "test_tiny.py", TEST)
    assert shell("NNKATA_PATH=course nnkata dev stub 10", base).returncode == 0
    assert (root / "exercises" / "10_tiny" / "tiny.py").read_text().count(STUB) == 2
    return root


@pytest.fixture
def type_(course, tmp_path):
    """A fresh workspace to type lines in."""
    assert shell("nnkata init work", tmp_path, NNKATA_PATH=str(course)).returncode == 0

    def run(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return shell(line, tmp_path / "work", **({"NNKATA_PATH": str(course)} | environment))

    run.folder = tmp_path / "work"
    run.file = tmp_path / "work" / "10_tiny" / "tiny.py"
    return run


# -- without grading ---------------------------------------------------------------------------------------------------


def test_help_names_every_command_and_every_option(tmp_path):
    for line in ("nnkata", "nnkata --help", "nnkata -h"):
        run = shell(line, tmp_path)
        said = run.stdout + run.stderr  # without a command, the help is what went wrong
        for command in ("init", "list", "check", "watch", "hint", "reset", "solution", "doctor", "dev"):
            assert re.search(rf"^\W+{command} ", said, re.MULTILINE), (line, command)
    said = shell("nnkata check --help", tmp_path).stdout
    for option in (
        "--all",
        "--part",
        "--device",
        "--seed",
        "--json",
        "--verbose",
        "--submission",
        "--solution",
        "--debug",
    ):
        assert option in said


def test_init_makes_a_workspace_and_never_overwrites(type_):
    work = type_.folder
    assert (work / "03_losses" / "README.md").is_file() and (work / "03_losses" / "losses.py").is_file()
    assert not list(work.rglob("exercise.toml")) and not list(work.rglob("misconceptions.py"))
    type_.file.write_text("# mine\n")
    (work / "03_losses" / "losses.py").unlink()
    again = type_("nnkata init")
    assert again.returncode == 0
    assert again.stdout.startswith("Wrote 1 file to .")
    assert "nnkata check 03_losses" in again.stdout
    assert type_.file.read_text() == "# mine\n"
    assert STUB in (work / "03_losses" / "losses.py").read_text()


def test_help_lists_the_devices_and_others_are_refused_with_that_list(tmp_path):
    for command in ("check", "grade"):
        assert "cpu|cuda|auto" in shell(f"nnkata {command} --help", tmp_path).stdout
        more = "--output results" if command == "grade" else ""
        refused = shell(f"nnkata {command} 01_neurons {more} --device tpu", tmp_path)
        assert refused.returncode == 2
        assert all(repr(device) in refused.stderr for device in ("tpu", "cpu", "cuda", "auto"))


def test_init_says_what_to_do_next_in_whole_lines(course, tmp_path):
    said = shell("nnkata init a/rather/long/name/of/a/folder/for/a/workspace", tmp_path).stdout.splitlines()
    assert "  cd a/rather/long/name/of/a/folder/for/a/workspace" in said
    assert "  nnkata check 01_neurons" in said
    assert any("01_neurons/README.md" in line and "01_neurons/neurons.py" in line for line in said)


def test_init_into_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    ran = shell("nnkata init taken", tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "taken is a file: give a folder." in ran.stderr


def test_list_shows_progress_and_what_is_next(type_):
    said = type_("nnkata list", COLUMNS="140").stdout
    for name in ("01_neurons", "09_unet", "10_tiny", "11_other"):
        assert name in said
    assert "what a loss measures" in said
    assert re.search(r"0 of \d+ passed. Next: nnkata check 01_neurons", said)
    assert "◐" not in said and "✓" not in said


def test_list_on_a_narrow_terminal_leaves_out_what_exercises_are_about(type_):
    said = type_("nnkata list", COLUMNS="100").stdout
    assert "03_losses" in said and "what a loss measures" not in said
    assert all(len(line) <= 100 for line in said.splitlines())


def test_list_outside_of_a_workspace_says_how_to_make_one(tmp_path):
    ran = shell("nnkata list", tmp_path)
    assert ran.returncode == 0 and "Next: nnkata init" in ran.stdout


@pytest.mark.parametrize("line", ["list", "hint 3", "solution 3 --spoil", "reset 3", "check 99", "init x"])
def test_what_grades_nothing_imports_no_torch(type_, line):
    said = type_(f"{shlex.quote(sys.executable)} -X importtime -m nnkata.cli {line}").stderr
    imported = {entry.rpartition("|")[2].strip() for entry in said.splitlines() if entry.startswith("import time:")}
    assert "nnkata.grader.exercise.catalog" in imported
    assert not {name for name in imported if name.split(".")[0] in ("torch", "numpy", "pytest", "torchvision")}


@pytest.mark.parametrize("name", ["10_tiny", "10", "tiny", "10_TINY", "10_tiny/", "10_tiny/tiny.py", "tin"])
def test_an_exercise_has_short_names(type_, name):
    assert "def halve" in type_(f"nnkata solution {name} --spoil").stdout


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("check 03_loses", "There is no exercise '03_loses'. Did you mean 03_losses?"),
        ("check xyzzy", "There are: 01_neurons, "),
        ("hint 12345", "There is no exercise '12345'"),
        ("check 10 --part doubel", "10_tiny has no part 'doubel'. Did you mean double?"),
        ("check 10 --device tpu", "'tpu' is not one of 'cpu', 'cuda', 'auto'"),
        ("check 10 --seconds 0", "--seconds must be above 0"),
        ("check 10 --memory -5", "--memory must be above 0"),
        ("check 10 --debug --json", "choose one of them"),
        ("check --submission some.py", "nnkata check ID --submission some.py"),
        ("check 10 11 --submission tiny.py", "--submission needs exactly one exercise"),
        ("check 10 --jsno", "No such option: --jsno"),
        ("solution 10", "Pass it first, or see it anyway: nnkata solution 10_tiny --spoil"),
        ("hint 10 doubel", "Did you mean double?"),
        ("reset 10 doubel", "Did you mean double?"),
        ("dev new tiny", "two digits, _ and a topic in lower case, like 10_attention"),
        ("chekc", "No such command 'chekc'"),
    ],
)
def test_wrong_usage_is_told_and_exits_with_2(type_, line, advice):
    before = type_.file.read_text()
    ran = type_(f"nnkata {line}")
    assert ran.returncode == 2, ran
    assert ran.stdout == ""
    assert advice in " ".join(re.sub("[│╭╮╰╯─]", " ", ran.stderr).split())
    assert type_.file.read_text() == before


@pytest.mark.parametrize("line", ["check", "hint 3", "reset 3", "watch"])
def test_outside_of_a_workspace_commands_say_how_to_make_one(tmp_path, line):
    ran = shell(f"nnkata {line}", tmp_path)
    assert ran.returncode == 2
    assert "is not in a workspace. `nnkata init` creates one here" in ran.stderr


def test_hints_come_one_level_at_a_time(type_):
    said = [type_("nnkata hint 10 halve").stdout for _ in range(4)]
    for text, level, words in zip(
        said, (1, 2, 3, 3), ("Half of it.", "Dividing", "return x / ...", "return x"), strict=True
    ):
        assert f"10_tiny · halve · hint {level} of 3" in text and words in text
    assert "More: nnkata hint 10_tiny halve" in said[0]
    assert "Next: nnkata check 10_tiny" in said[2]
    assert "double · hint 1 of 3" in type_("nnkata hint tiny").stdout


def test_a_hint_s_prose_flows_and_its_code_keeps_its_lines(type_):
    wide = type_("nnkata hint 3 mse_loss", COLUMNS="100").stdout
    assert "being off by 2 costs four times what" in " ".join(wide.split())
    assert not re.search(r"off by 2 costs *\n", wide)
    type_("nnkata hint 3 mse_loss")
    code = type_("nnkata hint 3 mse_loss", COLUMNS="120").stdout
    assert re.search(r"^ +raise ValueError\(\.\.\.\) *\n +losses = ", code, re.MULTILINE)


def test_reset_brings_one_part_back_and_keeps_the_file(type_):
    type_.file.write_text(SQUARED)
    ran = type_("nnkata reset 10 halve")
    assert ran.returncode == 0 and "Reset halve in 10_tiny/tiny.py to the stub." in ran.stdout
    text = type_.file.read_text()
    assert "x * x" in text and text.count(STUB) == 1 and "x / 2" not in text
    kept = re.search(r"Your version was saved as (\S+)", ran.stdout)
    assert kept and Path(kept[1]).read_text() == SQUARED


def test_reset_brings_the_whole_file_back_and_keeps_every_version(type_, course):
    for text in ("# one\n", "# two\n", "not ( python\n"):
        type_.file.write_text(text)
        assert type_("nnkata reset 10").returncode == 0
        assert type_.file.read_text() == (course / "exercises" / "10_tiny" / "tiny.py").read_text()
    kept = [file.read_text() for file in (type_.folder / ".nnkata" / "backups").iterdir()]
    assert sorted(kept) == ["# one\n", "# two\n", "not ( python\n"]
    type_.file.unlink()
    assert type_("nnkata reset 10").returncode == 0 and type_.file.is_file()


def test_reset_of_a_part_of_what_cannot_be_parsed(type_):
    type_.file.write_text("def double(x:\n")
    ran = type_("nnkata reset 10 halve")
    assert ran.returncode == 1
    assert "tiny.py cannot be parsed" in ran.stderr and "nnkata reset 10_tiny" in ran.stderr
    assert type_.file.read_text() == "def double(x:\n"


def test_doctor_looks_at_everything(type_):
    ran = type_("nnkata doctor")
    assert ran.returncode == 0, ran.stdout
    for name in ("Python", "torch", "GPU", "confinement", "workers", "exercises", "workspace"):
        assert re.search(rf"^ [✓!] {name} ", ran.stdout, re.MULTILINE), name


# -- a student's way through an exercise -------------------------------------------------------------------------------


def test_from_the_stub_to_the_solution(type_):
    stub = type_("nnkata check 10")
    assert stub.returncode == 1
    assert stub.stdout.count("not written yet") == 2 and "Next: nnkata hint 10_tiny double" in stub.stdout

    type_.file.write_text(SQUARED)
    wrong = type_("nnkata check tiny --verbose --seed 4")
    said = " ".join(wrong.stdout.split())
    assert wrong.returncode == 1
    assert "✗ double 0/6" in said and "✓ halve 4/4" in said and "4 of 10 points seed 4" in said
    assert "→ You multiply x by itself: 3 becomes 9, not 6. Try: Multiply by two." in said
    for test in ("✗ number test_double_by_hand", "✗ gradient test_double_gradient", "✓ number test_halve_by_hand"):
        assert test in said
    assert "◐ 10_tiny" in " ".join(type_("nnkata list").stdout.split())

    hint = type_("nnkata hint 10").stdout
    assert "double · from your last check" in hint and "You multiply x by itself" in hint
    assert "double · hint 1 of 3" in type_("nnkata hint 10").stdout
    assert type_("nnkata solution 10").returncode == 2

    type_.file.write_text(RIGHT)
    one_part = type_("nnkata check 10 --part halve")
    assert one_part.returncode == 0
    assert "halve" in one_part.stdout and "double" not in one_part.stdout and "4 of 4 points" in one_part.stdout
    assert type_("nnkata solution 10").returncode == 2  # a part is not the whole

    right = type_("nnkata check 10")
    assert right.returncode == 0
    assert "10 of 10 points" in right.stdout and "nnkata solution 10_tiny" in right.stdout
    assert "✓ 10_tiny" in " ".join(type_("nnkata list").stdout.split())
    solution = type_("nnkata solution 10")
    assert solution.returncode == 0
    assert "return 2 * x" in solution.stdout and "SOLUTION" not in solution.stdout


def test_json_is_one_document_a_line_and_nothing_else(type_):
    type_.file.write_text(LOUD)
    line = "nnkata check 10 11 --json --seed 7"
    runs = [type_(line), type_(line)]
    timeless = []
    for ran in runs:
        assert ran.returncode == 1
        assert ran.stderr == ""
        tiny, other = (json.loads(document) for document in ran.stdout.splitlines())
        assert (tiny["format_version"], tiny["exercise"], tiny["status"], tiny["score"]) == (1, "10_tiny", "pass", 10.0)
        assert (other["exercise"], other["status"], other["score"]) == ("11_other", "fail", 0.0)
        assert tiny["seed"] == 7 and tiny["confinement"] == "landlock+seccomp"
        assert "loud" not in ran.stdout
        timeless.append(re.sub(r'"seconds":[\d.e-]+', "", ran.stdout))
    assert timeless[0] == timeless[1]


def test_a_file_from_elsewhere_the_solution_and_debugging(type_, tmp_path):
    handed_in = tmp_path / "handed in" / "tiny.py"
    handed_in.parent.mkdir()
    handed_in.write_text(LOUD)
    ran = type_(f"nnkata check --submission {shlex.quote(str(handed_in))}")  # which exercise it is for, its name says
    assert ran.returncode == 0 and "10 of 10 points" in ran.stdout
    assert "at import" in ran.stdout and "loud" not in ran.stdout

    assert "◐" not in type_("nnkata list").stdout  # it is not this student's progress
    assert type_("nnkata check 10 --solution").returncode == 0

    debugged = type_(f"nnkata check 10 --debug --submission {shlex.quote(str(handed_in))}")
    assert debugged.returncode == 0
    assert "at import" in debugged.stdout and "loud loud" in debugged.stdout and "· none ·" in debugged.stdout


def test_debugging_stops_at_a_breakpoint(type_):
    type_.file.write_text(RIGHT.replace("return 2", "breakpoint()\n    return 2"))
    ran = type_("printf 'p x.sum()\\nc\\nc\\nc\\n' | nnkata check 10 --debug --part double")
    assert "(Pdb) tensor(-2.)" in ran.stdout
    assert ran.returncode == 0


def test_debugging_says_where_importing_the_file_fails(type_):
    type_.file.write_text("import torch\n\nraise KeyError('oh')\n")
    ran = type_("nnkata check 10 --debug")
    assert ran.returncode == 1
    assert "tiny.py, line 3: importing the file: KeyError: 'oh'" in ran.stderr


def test_all_checks_every_exercise(course, tmp_path):
    """With the small content root in the place of the kit's own, which would take minutes."""
    start = (
        f"from pathlib import Path; from nnkata.grader.exercise import catalog; catalog.KIT = Path({str(course)!r}); "
    )
    start += "from nnkata.cli import main; main()"
    nnkata = f"{shlex.quote(sys.executable)} -c {shlex.quote(start)}"
    assert shell(f"{nnkata} init .", tmp_path).returncode == 0
    (tmp_path / "10_tiny" / "tiny.py").write_text(RIGHT)
    ran = shell(f"{nnkata} check --all", tmp_path)
    assert ran.returncode == 1
    assert "10_tiny · Tiny" in ran.stdout and "11_other · Other" in ran.stdout
    assert "1 of 2 passed. Next: nnkata check 11_other" in shell(f"{nnkata} list", tmp_path).stdout
    (tmp_path / "11_other" / "other.py").write_text(RIGHT)
    following = shell(f"{nnkata} check", tmp_path)  # without an id: the next one
    assert following.returncode == 0 and "10_tiny" not in following.stdout
    done = shell(f"{nnkata} check", tmp_path)
    assert done.returncode == 2 and "You have passed every exercise." in done.stderr


def test_on_a_terminal_there_are_colours_unless_no_color_is_set(tmp_path):
    def typed(**environment: str) -> str:
        ours, theirs = os.openpty()
        environment = ENVIRONMENT | {"COLUMNS": "100"} | environment
        ran = subprocess.run(
            ["nnkata", "list"], cwd=tmp_path, env=environment, stdout=theirs, stderr=theirs, timeout=60
        )
        assert ran.returncode == 0
        os.close(theirs)
        said = b""
        while True:
            try:
                said += os.read(ours, 1 << 16)
            except OSError:
                break
        os.close(ours)
        return said.decode()

    assert "\x1b[" in typed()
    plain = typed(NO_COLOR="1")
    assert "\x1b" not in plain and "03_losses" in plain


def test_ctrl_c_leaves_no_process_behind(type_, course):
    type_.file.write_text("def double(x):\n    while True:\n        pass\n")
    running = subprocess.Popen(
        ["nnkata", "check", "10", "--seconds", "200"], cwd=type_.folder, env=ENVIRONMENT | {"NNKATA_PATH": str(course)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        started = psutil.Process(running.pid)
        deadline = time.monotonic() + 60
        while len(started.children(recursive=True)) < 2:  # the server and the worker that loops
            assert running.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        beside = started.children(recursive=True)
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=30)
    finally:
        if running.poll() is None:
            running.kill()
    assert running.returncode == 130
    assert err.strip() == "Stopped." and "Traceback" not in out
    _, alive = psutil.wait_procs(beside, timeout=5)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


# -- for teachers and authors ------------------------------------------------------------------------------------------


def test_pytest_on_the_hidden_tests_gives_the_same_verdicts(tmp_path):
    text = (KIT / "solutions" / "03_losses" / "losses.py").read_text()
    wrong = text.replace("return _reduce((input - target).abs(), reduction)", "return (input - target).abs().sum()")
    assert wrong != text
    (tmp_path / "losses.py").write_text(wrong)
    checked = shell("nnkata check 3 --submission losses.py --seed 0 --json", tmp_path)
    assert checked.returncode == 1
    verdicts = {test["id"]: test["status"] for test in json.loads(checked.stdout)["tests"]}
    assert {"pass", "fail"} <= set(verdicts.values())
    tested = shell(
        f"{shlex.quote(sys.executable)} -m pytest tests/hidden/03_losses --submission {tmp_path}/losses.py"
        " -q -rA -p no:cacheprovider",
        KIT,
    )
    assert tested.returncode == 1
    words = {"PASSED": "pass", "FAILED": "fail", "SKIPPED": "skip"}
    lines = re.findall(r"^(PASSED|FAILED) \S*/(test_losses\.py::.+?)(?: - .*)?$", tested.stdout, re.MULTILINE)
    told = {name: words[word] for word, name in lines}
    assert told == {name: status for name, status in verdicts.items() if status != "skip"}


def test_an_exercise_from_outside_is_checked_by_its_author(type_):
    ran = type_("nnkata dev check 10 11 --seeds 2")
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"10_tiny +3 +2 +2 +0 +0 +0", ran.stdout)
    assert "All checks passed." in ran.stdout


def test_dev_check_names_what_does_not_hold(course, tmp_path):
    assert shell("nnkata dev new 12_bad --root .", tmp_path).returncode == 0
    append(tmp_path / "exercises" / "12_bad" / "bad.py", "# changed by hand\n")
    toml = tmp_path / "exercises" / "12_bad" / "exercise.toml"
    toml.write_text(toml.read_text().replace("points = 10", "points = 9"))
    ran = shell("nnkata dev check 12 --seeds 1", tmp_path, NNKATA_PATH=".")
    assert ran.returncode == 1
    said = " ".join(ran.stdout.split())
    assert "12_bad: the stub is out of date: run `nnkata dev stub`" in said
    assert "12_bad: its points sum to 9: make it 10" in said
    again = shell("nnkata dev new 12_bad --root .", tmp_path)
    assert again.returncode == 2 and "already exists" in again.stderr


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("exercises/12_bad/exercise.toml", "format_version = 1\ntitle =", "12_bad/exercise.toml"),
        ("exercises/12_bad/exercise.toml", "format_version = 9\n", "12_bad/exercise.toml: format_version is 9"),
        ("tests/hidden/12_bad/test_bad.py", "import nowhere_to_be_found\n", "No module named 'nowhere_to_be_found'"),
        ("solutions/12_bad/bad.py", "def double(x:\n", "12_bad/bad.py"),
    ],
)
def test_broken_content_is_the_grader_s_failure_and_names_the_exercise(tmp_path, file, text, told):
    assert shell("nnkata dev new 12_bad --root .", tmp_path).returncode == 0
    (tmp_path / file).write_text(text)
    (tmp_path / "bad.py").write_text(RIGHT)
    ran = subprocess.run(
        "nnkata check 12 --submission bad.py", shell=True, cwd=tmp_path, env=ENVIRONMENT | {"NNKATA_PATH": "."},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    said = ran.stdout + ran.stderr
    assert ran.returncode == 3, said
    assert "12_bad" in said and "grader itself failed" in said
    assert "".join(told.split()) in "".join(said.split())  # lines may be wrapped anywhere
    assert "10 of 10" not in said
