"""A whole class: nothing is lost, nobody holds up the others, and the grades are the same however they came about."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest
from nnkata.grader.authoring import new_exercise
from nnkata.grader.classroom import class_run, pool_process, results_folder
from nnkata.grader.classroom.pool import Pool
from nnkata.grader.classroom.pool_messages import CannotStart, Failed, Finished, Ready, Task, parse_event, to_line
from nnkata.grader.errors import GraderError, UsageError
from nnkata.grader.feedback import report
from nnkata.grader.model import GradingOptions
from nnkata.grader.seeds import MAX_SEED
from nnkata.grader.submission.location import Location

NNKATA = str(Path(sys.executable).with_name("nnkata"))
RIGHT = "def double(x):\n    return 2 * x\n"
CLASS = {
    "anna": RIGHT,
    "ben": "def double(x):\n    return x * x\n",
    "crash": "import os\nos._exit(0)\n" + RIGHT,
    "loop": "def double(x):\n    while True:\n        pass\n",
    "=cmd()": "def double(:\n",
    "<b>zoe": "x = 'no double here'\n",
}
GRADES = {student: 10.0 if text == RIGHT else 0.0 for student, text in CLASS.items()} | {"nora": 10.0, "zip": 10.0}


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A content root with one small exercise whose calls may take a second."""
    root = tmp_path_factory.mktemp("content")
    new_exercise.create(root, "90_doubling")
    description = root / "exercises" / "90_doubling" / "exercise.toml"
    description.write_text(description.read_text() + "\n[limits]\ncall_seconds = 1.0\n")
    return root


@pytest.fixture
def environment(content, monkeypatch):
    monkeypatch.setenv("NNKATA_PATH", str(content))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """The class as scripts, a notebook and a zip file."""
    root = lay(tmp_path_factory.mktemp("class"), CLASS)
    cell = {"cell_type": "code", "metadata": {}, "source": RIGHT, "outputs": [], "execution_count": None}
    (root / "nora").mkdir()
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (root / "nora" / "90_doubling.ipynb").write_text(json.dumps(notebook))
    with zipfile.ZipFile(root / "zip.zip", "w") as archive:
        archive.writestr("work/doubling.py", RIGHT)
    return root


def lay(root, texts):
    for student, text in texts.items():
        (root / student).mkdir(parents=True, exist_ok=True)
        (root / student / "doubling.py").write_text(text)
    return root


def command(submissions, results, *more):
    return [NNKATA, "grade", str(submissions), "90", "-o", str(results), "--seed", "5", *more]


def kept(results):
    """Every result in a folder, without what depends on the clock."""
    return {file.parent.name: timeless(file.read_text()) for file in (results / "results").glob("*/*.json")}


def timeless(text):
    table = json.loads(text)
    table["seconds"] = 0
    for test in table["tests"]:
        test["seconds"] = 0
    return table


def left_over(results, content):
    """Processes of a run: the pool's by their environment, servers and confined workers by the content they hide."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        marked = (process.info["environ"] or {}).get("NNKATA_MARK") == str(results)
        if (marked or str(content) in line) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(line)
    return found


@pytest.fixture(scope="module")
def graded(content, handed_in, tmp_path_factory):
    """The class graded by one worker in one go: (results, what was printed)."""
    results = tmp_path_factory.mktemp("results")
    environment = {**os.environ, "NNKATA_PATH": str(content), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command(handed_in, results, "--json", "--workers", "1"), env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return results, done


def test_everybody_gets_a_result_beside_a_crash_and_an_endless_loop(graded):
    results, _ = graded
    found = {table["student"]: table for table in kept(results).values()}
    assert {student: table["score"] for student, table in found.items()} == GRADES
    assert found["ben"]["diagnoses"][0]["misconception"] == "squared"
    assert found["loop"]["tests"][0]["failure"] == "timeout"
    assert found["=cmd()"]["notes"]
    assert all(table["status"] in ("pass", "fail") for table in found.values())
    assert len({table["seed"] for table in found.values()}) == 1


def test_json_is_one_result_a_line_and_nothing_else(graded):
    results, done = graded
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(line["student"] for line in lines) == sorted(GRADES)
    for line in lines:
        assert timeless(json.dumps(line)) in kept(results).values()
        report.from_dict(line)
    assert "students" in done.stderr


def test_two_workers_and_interruptions_at_any_moment_end_with_the_same_grades(
    graded, content, handed_in, environment, tmp_path, monkeypatch
):
    """Stopped by Ctrl-C, killed twice, and a worker killed from outside."""
    monkeypatch.setenv("NNKATA_MARK", str(tmp_path))
    draw = random.Random()
    seen = 0
    for way in ("Ctrl-C", "kill -9", "kill -9"):
        process = subprocess.Popen(
            command(handed_in, tmp_path, "--workers", "1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        wait_for(lambda now=seen, run=process: len(kept(tmp_path)) > now or run.poll() is not None)
        time.sleep(draw.uniform(0, 0.3))
        process.send_signal(signal.SIGINT if way == "Ctrl-C" else signal.SIGKILL)
        said, _ = process.communicate(timeout=30)
        if way == "Ctrl-C" and process.returncode == 130:
            assert "run the same command to resume" in said
            assert not left_over(tmp_path, content)
        wait_for(lambda: not left_over(tmp_path, content), 5.0)
        before = {student: (tmp_path / "results" / student).stat().st_mtime_ns for student in kept(tmp_path)}
        seen = len(before)
    process = subprocess.Popen(
        command(handed_in, tmp_path, "--workers", "2", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if seen < len(GRADES):
        workers = wait_for(lambda: workers_of(process.pid))
        workers[0].kill()
    printed, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert len(printed.splitlines()) == len(GRADES)
    assert kept(tmp_path) == kept(graded[0])
    after = {student: (tmp_path / "results" / student).stat().st_mtime_ns for student in before}
    assert after == before, "what was graded once was graded again"


def workers_of(pid):
    """The pool's workers that a run has started and that have not ended."""
    alive = [child for child in psutil.Process(pid).children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in alive if "nnkata.grader.classroom.pool_worker" in child.cmdline()]


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


# -- with workers that are not the real ones: what becomes of them is what is tested -----------------------------------

FAKE = """
import json, os, sys, time
print(json.dumps({"ready": "landlock+seccomp", "whole": MODE != "unsafe", "rss": 0}), flush=True)
if MODE == "never-ready":
    sys.exit(1)
for number, line in enumerate(sys.stdin):
    task = json.loads(line)
    student = task["student"]
    once = os.path.join(os.environ["FAKE_FOLDER"], student)
    first = not os.path.exists(once)
    open(once, "a").write("x")
    if student.startswith("dies") and (first or "twice" in student):
        os.kill(os.getpid(), 11)
    if student.startswith("exits"):
        os._exit(0)
    result_begun = '{"result": {"exercise": "90_dou'
    if student.startswith("cut") and first:
        print(result_begun, end="", flush=True)
        os.kill(os.getpid(), 9)
    if student.startswith("nonsense"):
        print("[1, 2]", flush=True)
    if student.startswith("hangs"):
        time.sleep(100)
    if student.startswith("breaks"):
        print(json.dumps({"error": "no worker", "rss": 0}), flush=True)
        continue
    result = {"format_version": 1, "exercise": task["exercise"], "status": "pass", "score": 10.0, "max_score": 10.0,
              "device": "cpu", "confinement": "landlock+seccomp", "seed": task["options"]["seed"], "submission": "x.py",
              "student": student, "submission_sha256": "", "seconds": 0.1, "tests": [], "flags": [], "diagnoses": [],
              "notes": [str(os.getpid())],
              "parts": [{"name": "double", "score": 10.0, "max_score": 10.0, "status": "pass"}]}
    if student == "half":
        result["status"] = "error"
    import hashlib
    file = hashlib.sha256(open(task["place"][0], "rb").read()).hexdigest() if os.path.exists(task["place"][0]) else ""
    print(json.dumps({"result": result, "file": file, "rss": number * (1 << 20)}), flush=True)
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Put made-up workers in place of the real ones."""
    (tmp_path / "fake").mkdir()
    monkeypatch.setenv("FAKE_FOLDER", str(tmp_path / "fake"))

    def install(mode="works"):
        text = FAKE.replace("MODE", repr(mode))
        if mode == "never-ready":
            text = "import sys\nsys.exit('no torch here')\n"
        monkeypatch.setattr(pool_process, "COMMAND", (sys.executable, "-c", text))

    install()
    return install


def tasks(*students, seconds=30.0):
    place, options = Location(Path("/nowhere/x.py")), GradingOptions(seed=1, require_confinement=True)
    return [Task(student, "90_doubling", place, options, seconds) for student in students]


def test_a_worker_that_dies_is_replaced_and_its_submission_graded_once_more(fake):
    with Pool(2) as pool:
        outcomes = {outcome.task.student: outcome for outcome in pool.run(tasks("a", "dies", "b", "dies-twice", "c"))}
    assert {name for name, outcome in outcomes.items() if outcome.result} == {"a", "b", "c", "dies"}
    assert "SIGSEGV" in outcomes["dies-twice"].error


def test_a_worker_that_hangs_is_stopped_at_its_bound(fake):
    began = time.monotonic()
    with Pool(1) as pool:
        outcomes = {outcome.task.student: outcome for outcome in pool.run(tasks("a", "hangs", "b", seconds=0.5))}
    assert time.monotonic() - began < 10
    assert "hung" in outcomes["hangs"].error
    assert outcomes["a"].result and outcomes["b"].result


def test_an_error_is_tried_again_and_then_told(fake, tmp_path):
    with Pool(1) as pool:
        (outcome,) = pool.run(tasks("breaks"))
    assert outcome.error == "no worker"
    assert (tmp_path / "fake" / "breaks").read_text() == "xx"


def test_workers_that_never_begin_or_cannot_confine_end_the_run(fake):
    fake("never-ready")
    with Pool(2) as pool, pytest.raises(GraderError, match="no torch here"):
        list(pool.run(tasks("a", "b")))
    fake("unsafe")
    with Pool(1) as pool, pytest.raises(GraderError, match="--allow-unconfined"):
        list(pool.run(tasks("a")))
    with Pool(1, require_confinement=False) as pool:
        assert [outcome.error for outcome in pool.run(tasks("a"))] == [""]


def test_a_worker_that_ends_without_a_word_of_failure_is_noticed_at_once(fake):
    began = time.monotonic()
    with Pool(1) as pool:
        outcomes = {outcome.task.student: outcome for outcome in pool.run(tasks("exits", "a"))}
    assert time.monotonic() - began < 10
    assert outcomes["exits"].error == "the process that graded it ended (exit 0)"
    assert outcomes["a"].result


def test_a_worker_killed_in_the_middle_of_its_answer_holds_up_nobody(fake):
    with Pool(2) as pool:
        outcomes = list(pool.run(tasks("a", "cut1", "cut2", "b", "c")))
    assert {outcome.task.student for outcome in outcomes if outcome.result} == {"a", "b", "c", "cut1", "cut2"}


def test_a_worker_that_sends_what_is_no_message_is_replaced_and_the_run_goes_on(fake):
    with Pool(1) as pool:
        outcomes = {outcome.task.student: outcome for outcome in pool.run(tasks("nonsense", "a"))}
    assert "not a worker's message: b'[1, 2]'" in outcomes["nonsense"].error
    assert outcomes["a"].result


def test_tasks_are_begun_in_their_order_and_what_is_tried_again_comes_last(fake):
    with Pool(1) as pool:
        order = [outcome.task.student for outcome in pool.run(tasks("dies", "c", "a", "b"))]
    assert order == ["c", "a", "b", "dies"]


@pytest.mark.parametrize(
    "event",
    [
        Ready("landlock+seccomp", True, rss=5),
        CannotStart("no torch"),
        Finished({"exercise": "ä"}, "ab12", rss=7),
        Failed("it's\nbroken", rss=1),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_is_the_same_after_its_way_through_a_line(event):
    line = to_line(event)
    assert line.endswith("\n") and line.count("\n") == 1
    assert parse_event(line.encode()) == event


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b'{"ready": 1, "whole": true}', b'{"error": null}', b"\xff"])
def test_what_is_no_event_is_refused(line):
    with pytest.raises(ValueError):
        parse_event(line)


def test_a_worker_that_grows_is_replaced(fake, monkeypatch):
    monkeypatch.setattr(pool_process, "MIN_TASKS_BEFORE_REPLACEMENT", 5)
    monkeypatch.setattr(pool_process, "MAX_GROWTH_BYTES", 3 << 20)
    with Pool(1) as pool:
        outcomes = list(pool.run(tasks(*(f"s{n}" for n in range(14)))))
    assert len(outcomes) == 14
    assert len({outcome.result["notes"][0] for outcome in outcomes}) == 3


def test_no_process_is_left_when_a_run_is_broken_off(fake):
    pool = Pool(2)
    running = pool.run(tasks("a", "b", "hangs", "hangs2"))
    next(running)
    processes = [worker.process for worker in pool.workers]
    pool.close()
    assert all(process.poll() is not None for process in processes)


# -- going on where it was ---------------------------------------------------------------------------------------------


def wanted(root, results, again=False, **options):
    options = GradingOptions(**{"require_confinement": True, **options})
    return class_run.ClassRequest(root, results, ("90",), workers=1, again=again, options=options)


def run(asked):
    """Grade; the students graded now, and the summary."""
    now = []
    summary = class_run.grade(
        asked, lambda *_: None, lambda one: one.unchanged or now.append(one.result.student), lambda *_: None
    )
    return sorted(now), summary


def test_only_what_changed_is_graded_again(fake, environment, tmp_path):
    root, results = lay(tmp_path / "in", {"a": RIGHT, "b": RIGHT}), tmp_path / "out"
    assert run(wanted(root, results))[0] == ["a", "b"]
    again, summary = run(wanted(root, results))
    assert again == [] and summary.unchanged == 2 and summary.statuses == {"pass": 2}
    lay(root, {"b": RIGHT + "# better\n", "c": RIGHT})
    assert run(wanted(root, results))[0] == ["b", "c"]
    assert run(wanted(root, results, again=True))[0] == ["a", "b", "c"]
    assert run(wanted(root, results, device="auto"))[0] == ["a", "b", "c"], "options that matter"
    other = run(wanted(root, results, seed=12345, device="auto"))
    assert other[0] == ["a", "b", "c"] and other[1].seed == 12345
    assert run(wanted(root, results, device="auto"))[1].seed == 12345, "the folder's seed is kept"


def test_what_an_exercise_is_graded_by_counts_too(fake, environment, content, tmp_path):
    root, results = lay(tmp_path / "in", {"a": RIGHT}), tmp_path / "out"
    run(wanted(root, results))
    hidden = content / "tests" / "hidden" / "90_doubling" / "test_doubling.py"
    before = hidden.read_text()
    hidden.write_text(before + "\n# stricter\n")
    try:
        assert run(wanted(root, results))[0] == ["a"]
    finally:
        hidden.write_text(before)


def test_errors_are_told_are_no_grades_and_are_tried_again(fake, environment, tmp_path):
    root, results = lay(tmp_path / "in", {"a": RIGHT, "breaks": RIGHT, "half": RIGHT}), tmp_path / "out"
    for _ in range(2):
        now, summary = run(wanted(root, results))
        assert now[-2:] == ["breaks", "half"] and summary.statuses == {"pass": 1, "error": 2}
        assert "breaks, 90_doubling" in min(summary.errors)
    with results_folder.open_results(results) as book:
        error, _ = [one.result for one in book.load_all() if one.result.status == "error"]
    assert error.student == "breaks" and "not the student's mistake" in error.notes[0]
    assert {part.status for part in error.parts} == {"error"}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format_version": 1}', "\udcff", '{"format_version": 2}'])
def test_a_damaged_result_is_regenerated_and_reported(fake, environment, tmp_path, damage):
    root, results = lay(tmp_path / "in", {"a": RIGHT, "b": RIGHT}), tmp_path / "out"
    run(wanted(root, results))
    file = results / "results" / "a" / "90_doubling.json"
    file.write_bytes(damage.encode("utf-8", "surrogateescape"))
    now, summary = run(wanted(root, results))
    assert now == ["a"] and summary.damaged == ("results/a/90_doubling.json",)


def test_a_result_that_lies_in_another_students_folder_is_not_theirs(fake, environment, tmp_path):
    root, results = lay(tmp_path / "in", {"a": RIGHT, "b": RIGHT}), tmp_path / "out"
    run(wanted(root, results))
    mine, other = (results / "results" / student / "90_doubling.json" for student in ("a", "b"))
    other.write_bytes(mine.read_bytes())
    assert run(wanted(root, results))[0] == ["b"]


def test_students_whose_names_look_alike_in_a_file_system_are_kept_apart(tmp_path):
    names = ["a/b", "a_b", "../a", "a\nb", "..", ".", "A" * 300, "A" * 301, "=cmd()", "COM.", "ä", "a ", ".lock"]
    files = {results_folder.file_name(name) for name in names}
    assert len(files) == len(names)
    for name in files:
        assert Path(name).name == name and name not in (".", "..") and len(name.encode()) <= 120
        (tmp_path / name).mkdir()


def test_two_runs_into_the_same_results_are_refused_and_a_dead_ones_lock_is_not(tmp_path):
    with (
        results_folder.open_results(tmp_path),
        pytest.raises(UsageError, match="Another"),
        results_folder.open_results(tmp_path),
    ):
        pass
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from nnkata.grader.classroom import results_folder\n"
            "with results_folder.open_results(Path(sys.argv[1])): print('open', flush=True); time.sleep(60)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout and holder.stdout.readline()
    with pytest.raises(UsageError, match="Another"), results_folder.open_results(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with results_folder.open_results(tmp_path):
        pass


def test_results_do_not_go_where_the_submissions_are_but_may_lie_inside(fake, environment, tmp_path):
    root = lay(tmp_path / "in", {"a": RIGHT})
    with pytest.raises(UsageError, match="another folder"):
        run(wanted(root, root))
    lay(root / "out" / "students", {"b": RIGHT})
    assert run(wanted(root, root / "out"))[0] == ["a"]


def test_the_seed_is_the_same_for_all_and_another_for_each_exercise():
    assert results_folder.exercise_seed(1, "03_losses") == results_folder.exercise_seed(1, "03_losses")
    assert (
        len(
            {
                results_folder.exercise_seed(1, "03_losses"),
                results_folder.exercise_seed(2, "03_losses"),
                results_folder.exercise_seed(1, "02_activations"),
            }
        )
        == 3
    )
    assert all(0 <= results_folder.exercise_seed(n, "x") <= MAX_SEED for n in range(100))


def test_the_parent_imports_no_torch():
    script = "import sys, nnkata.grader.classroom.progress, nnkata.grader.classroom.pool; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["nowhere", "-o", "out"], "nowhere does not exist"),
        ([".", "-o", "out"], "nothing to grade"),
        ([".", "-o", "out", "99"], "no exercise"),
        ([".", "-o", "out", "--feedback", "all"], "feedback level"),
        ([".", "-o", "out", "--quick", "--no-training"], "one of"),
        (["."], "-o"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(tmp_path, monkeypatch, arguments, told):
    from nnkata.cli import app
    from typer.testing import CliRunner

    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["grade", *arguments])
    assert done.exit_code == 2 and told in done.output
