"""A whole class: submissions per second on one core and on two, what a submission costs, and memory.

python benchmarks/batch.py [--count 200] [--many 2000] [--json]
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import psutil
from nnkata.grader.exercise import catalog
from nnkata.grader.model import Exercise

NNKATA = [str(Path(sys.executable).with_name("nnkata"))]
MIX = {"right": 0.58, "wrong": 0.34, "crashing": 0.06, "looping": 0.02}
"""A looping submission costs its exercise's limit of one call, 5 s, so a class of them would measure that alone."""

CRASHES = ("import os\nos._exit(0)", "raise RuntimeError('oops')", "def broken(:", "data = [0] * (1 << 40)")
ROLES = {
    "nnkata.grader.classroom.pool_worker": "pool worker",
    "nnkata.grader.worker.fork_server": "server",
    "nnkata.grader.sandbox.reader_process": "reader",
}


def wrong_parts(exercise: Exercise) -> list[str]:
    """The exercise's misconceptions as a student would write them: definitions that replace a part's own."""
    tree = ast.parse(exercise.misconceptions.read_text("utf-8"))
    found = []
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or not node.decorator_list:
            continue
        call = node.decorator_list[0]
        if isinstance(call, ast.Call) and isinstance(call.args[0], ast.Constant):
            node.decorator_list, node.name = [], str(call.args[0].value)
            found.append(ast.unparse(node))
    return found


def submission(exercise: Exercise, kind: str, draw: random.Random) -> str:
    """One student's file."""
    right = exercise.solution.read_text("utf-8")
    if kind == "wrong":
        return "\n\n".join([right, *draw.sample(wrong_parts(exercise), draw.choice((1, 1, 2)))])
    if kind == "crashing":
        return f"{right}\n\n{draw.choice(CRASHES)}\n"
    if kind == "looping":
        return f"{right}\n\ndef {draw.choice(exercise.parts).name}(*args, **options):\n    while True:\n        pass\n"
    return right


def make_class(folder: Path, count: int, seed: int = 1) -> dict[str, int]:
    """Lay out so many submissions to 02 and 03, half each; how many of each kind."""
    draw = random.Random(seed)
    kinds = [kind for kind, share in MIX.items() for _ in range(round(share * count))]
    kinds = (kinds + ["right"] * count)[:count]
    draw.shuffle(kinds)
    exercises = [catalog.find("02"), catalog.find("03")]
    for number, kind in enumerate(kinds):
        exercise = exercises[number % 2]
        file = folder / f"student{number // 2:04}" / exercise.module
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(submission(exercise, kind, draw) + f"\n# {number}\n", "utf-8")
    return {kind: kinds.count(kind) for kind in MIX}


@dataclass(frozen=True)
class Measurement:
    """One run: seconds from the first result's begin to the last, CPU seconds of all processes, memory over time."""

    wall: float
    steady: float
    cpu: float
    samples: tuple[tuple[float, int], ...]
    private: dict[str, float]
    statuses: dict[str, str]


def run(submissions: Path, results: Path, cores: int, every: float = 0.5) -> Measurement:
    """Grade a class with one worker a core, all processes on so many cores, and watch them."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [*NNKATA, "grade", str(submissions), "-o", str(results), "--json", "--seed", "7"]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--workers", str(cores)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores]),
    )
    samples: list[tuple[float, int]] = []
    private: dict[str, list[int]] = defaultdict(list)
    cpu: dict[int, float] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(every):
            samples.append((time.perf_counter() - began, _sample(process.pid, private, cpu)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert process.stdout
    times, statuses = [], {}
    for line in process.stdout:
        times.append(time.perf_counter())
        result = json.loads(line)
        statuses[f"{result['student']}/{result['exercise']}"] = f"{result['status']} {result['score']}"
    process.wait()
    wall = time.perf_counter() - began
    ended.set()
    watcher.join()
    typical = {role: statistics.median(found) / 1e6 for role, found in private.items() if found}
    return Measurement(
        wall, (times[-1] - times[0]) / (len(times) - 1), sum(cpu.values()), tuple(samples), typical, statuses
    )


def _sample(pid: int, private: dict[str, list[int]], cpu: dict[int, float]) -> int:
    """The memory that a process and all below it hold at this moment, in bytes; CPU seconds by process."""
    total = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return 0
    for process in family:
        try:
            role = _role(process)
            memory = process.memory_full_info()
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += memory.uss
        private[role].append(memory.uss)
        if role != "worker":  # a worker's is counted with the template that reaps it
            cpu[process.pid] = (
                times.user + times.system + (times.children_user + times.children_system) * (role == "template")
            )
    return total


def _role(process: psutil.Process) -> str:
    """What a process of a run does. A pool worker starts a server, which forks templates, which fork workers."""
    role = _role_by_module(process)
    generation = 0
    while role == "server" and (above := process.parent()) and _role_by_module(above) == "server":
        process, generation = above, generation + 1
    return ("server", "template", "worker")[generation] if role == "server" else role


def _role_by_module(process: psutil.Process) -> str:
    line = process.cmdline()
    return next((role for module, role in ROLES.items() if module in line), "parent")


def plain_scaling(rounds: int = 5) -> float:
    """How much more two processes get done than one on this machine, in a loop that needs nothing but a core."""
    command = [sys.executable, "-c", "x = 0\nfor i in range(20_000_000): x += i"]
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for count, found in times.items():
            began = time.perf_counter()
            for process in [subprocess.Popen(command) for _ in range(count)]:
                process.wait()
            found.append(time.perf_counter() - began)
    return 2 * statistics.median(times[1]) / statistics.median(times[2])


def speed(count: int) -> list[tuple[str, str, str]]:
    """One core against two on the same class."""
    with tempfile.TemporaryDirectory(prefix="nnkata-bench-") as folder:
        root = Path(folder)
        kinds = make_class(root / "class", count)
        one = run(root / "class", root / "one", 1)
        two = run(root / "class", root / "two", 2)
        same = "the same" if one.statuses == two.statuses else "NOT THE SAME"
        rows = [
            (f"{count} scripts of 02 and 03", ", ".join(f"{n} {kind}" for kind, n in kinds.items()), ""),
            ("one core, one worker: submissions a second", f"{count / one.wall:.2f}", ""),
            ("two cores, two workers: submissions a second", f"{count / two.wall:.2f}", ""),
            ("two cores / one core, whole run", f"{one.wall / two.wall:.2f}×", "≥ 1.8×"),
            ("two cores / one core, without the start", f"{one.steady / two.steady:.2f}×", ""),
            ("a plain loop on two cores / on one", f"{plain_scaling():.2f}×", ""),
            ("CPU time a submission, one core", f"{1000 * one.cpu / count:.0f} ms", ""),
            ("grades on one core and on two", same, "the same"),
        ]
        rows += [(f"private memory of a {role}", f"{size:.0f} MB", "") for role, size in sorted(two.private.items())]
    return rows


def memory(count: int) -> list[tuple[str, str, str]]:
    """Whether a long run holds its memory."""
    with tempfile.TemporaryDirectory(prefix="nnkata-bench-") as folder:
        root = Path(folder)
        make_class(root / "class", count)
        found = run(root / "class", root / "out", 2)
        samples = [size for seconds, size in found.samples if seconds > 10]
        quarter = max(len(samples) // 4, 1)
        first, last = statistics.median(samples[:quarter]), statistics.median(samples[-quarter:])
        return [
            (f"{count} submissions, two workers", f"{count / found.wall:.2f} a second", ""),
            ("memory of all processes, last quarter / first", f"{last / first:.3f}×", "≤ 1.1×"),
            (
                "  first quarter, last quarter, most",
                f"{first / 1e6:.0f}, {last / 1e6:.0f}, {max(samples) / 1e6:.0f} MB",
                "",
            ),
        ]


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--many", type=int, default=0, help="also a long run of so many, for memory")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    load = os.getloadavg()[0]
    rows = speed(chosen.count) if chosen.count else []
    rows += memory(chosen.many) if chosen.many else []
    if chosen.json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    print(f"load before: {load:.1f}, {os.cpu_count()} cores")
    for name, value, wanted in rows:
        print(f"  {name:<46} {value:>12}   {wanted}")


if __name__ == "__main__":
    main()
