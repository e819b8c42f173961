"""`make bench`: ratios taken in one run, since machines are noisy. Medians of interleaved repetitions.

python benchmarks/run.py [--repeat N] [--only NAME]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import batch

PYTHON = sys.executable
NNKATA = str(Path(PYTHON).with_name("nnkata"))
TWICE = """
import subprocess, sys
other = subprocess.Popen([sys.executable, "-c", "import torch"])
import torch
other.wait()
"""
ROOT = Path(__file__).resolve().parent.parent


def wall(command: list[str], cwd: Path) -> float:
    """Seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began


def interleaved(commands: dict[str, list[str]], repeat: int, cwd: Path) -> dict[str, float]:
    """The median wall time of each command, all taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        wall(command, cwd)  # once for warm caches
    for _ in range(repeat):
        for name, command in commands.items():
            times[name].append(wall(command, cwd))
    return {name: statistics.median(found) for name, found in times.items()}


def commands(repeat: int, space: Path) -> list[tuple[str, str, str]]:
    """What the commands cost beside the imports that they cannot do without."""
    found = interleaved(
        {
            "import typer": [PYTHON, "-c", "import typer"],
            "nnkata --help": [NNKATA, "--help"],
            "nnkata list": [NNKATA, "list"],
            "import torch": [PYTHON, "-c", "import torch"],
            "import torch, twice at once": [
                PYTHON,
                "-c",
                TWICE,
            ],
            "nnkata check 03_losses --solution": [NNKATA, "check", "03_losses", "--solution"],
        },
        repeat,
        space,
    )
    torch, typer = found["import torch"], found["import typer"]
    return [
        ("nnkata --help / import typer", f"{found['nnkata --help'] / typer:.2f}×", "≤ 2×"),
        ("nnkata list (no torch)", f"{found['nnkata list'] * 1000:.0f} ms", ""),
        ("import torch", f"{torch:.2f} s", ""),
        ("import torch in two processes at once / one", f"{found['import torch, twice at once'] / torch:.2f}×", ""),
        (
            "nnkata check 03_losses --solution / import torch",
            f"{found['nnkata check 03_losses --solution'] / torch:.2f}×",
            "≤ 1.3×",
        ),
    ]


def in_process(repeat: int) -> list[tuple[str, str, str]]:
    """Re-checks from a warm server, a worker's start and memory, confined against unconfined."""
    import psutil
    from nnkata.grader.engine import engine
    from nnkata.grader.exercise import catalog
    from nnkata.grader.sandbox.worker_handle import Defences, Worker
    from nnkata.grader.worker.worker_config import TemplateConfig, WorkerConfig
    from nnkata.grader.workspace import service

    rows = []
    plain = dataclasses.replace(Defences(), landlock=False, seccomp=False)
    with service.open_engine(catalog.find("01")) as grader:
        for number in ("01", "02", "03"):
            exercise = catalog.find(number)
            order = engine.GradingRequest(exercise, exercise.solution)
            bare = dataclasses.replace(order, defences=plain)
            times: dict[str, list[float]] = {"watch": [], "confined": [], "plain": []}
            grader.grade(order)
            for seed in range(repeat):
                grader.foresee(exercise)  # as `watch` does until the next save
                for name, given, wanted in (
                    ("watch", None, order),
                    ("confined", 2 * seed, order),
                    ("plain", 2 * seed + 1, bare),
                ):
                    began = time.perf_counter()
                    grader.grade(dataclasses.replace(wanted, seed=given))
                    times[name].append(time.perf_counter() - began)
            median = {name: statistics.median(found) for name, found in times.items()}
            rows.append((f"re-check of {exercise.id} in watch", f"{median['watch'] * 1000:.0f} ms", "≤ 300 ms"))
            rows.append(("  with a seed that nobody foresaw", f"{median['confined'] * 1000:.0f} ms", ""))
            rows.append(
                (f"  confined / unconfined, {exercise.id}", f"{median['confined'] / median['plain']:.2f}×", "≤ 1.05×")
            )
        losses = catalog.find("03")
        assert grader.server is not None
        starts, memory = [], []
        for _ in range(repeat):
            began = time.perf_counter()
            template = TemplateConfig(forbidden=losses.parts[0].forbidden, threads=losses.limits.threads)
            config = WorkerConfig(
                template=template, file="x.py", module="x", probes="", memory_mb=2048, cpu_seconds=100
            )
            worker = Worker(grader.server, config)
            starts.append(time.perf_counter() - began)
            memory.append(psutil.Process(worker.process.pid).memory_full_info().uss)
            worker.kill()
        rows.append(("a warm worker is ready in", f"{statistics.median(starts) * 1000:.0f} ms", "≤ 50 ms"))
        rows.append(("its private memory", f"{statistics.median(memory) / 1e6:.0f} MB", "≤ 120 MB"))
    return rows


def training(repeat: int) -> list[tuple[str, str, str]]:
    """Trainings in a worker against the same loop run plainly: the shortest of all, as it is, and a longer one."""
    return [trained("06", None, repeat), trained("07", 3, repeat)]


def trained(name: str, epochs: int | None, repeat: int) -> tuple[str, str, str]:
    """One exercise's full bar, of so many epochs; the time includes the way of the data to the worker."""
    import torch
    from nnkata.grader.exercise import catalog, content
    from nnkata.grader.judge import accuracy_bars
    from nnkata.grader.sandbox import confined_student
    from nnkata.grader.sandbox.fork_client import ForkServer
    from nnkata.grader.submission import source

    exercise = catalog.find(name)
    bar = accuracy_bars.find_bar(exercise, "full")
    bar = dataclasses.replace(bar, epochs=epochs or bar.epochs)
    given = accuracy_bars.training_data(exercise, bar, 1, dataset="mnist")
    probe = content.probes(exercise)[bar.probe]
    torch.set_num_threads(exercise.limits.threads)

    class Reference:
        def __getattr__(self, name: str) -> object:
            return content.reference(exercise)[name]

    server = ForkServer()
    student = confined_student.ConfinedStudent(server, exercise, source.read(exercise.solution), exercise.limits)
    times: dict[str, list[float]] = {"plain": [], "worker": []}
    student.ask(bar.part, bar.probe, given.args, given.options, "cpu", 300.0)()
    for _ in range(repeat):
        began = time.perf_counter()
        probe(Reference(), *given.args, **given.options)
        times["plain"].append(time.perf_counter() - began)
        began = time.perf_counter()
        student.ask(bar.part, bar.probe, given.args, given.options, "cpu", 300.0)()
        times["worker"].append(time.perf_counter() - began)
    student.close()
    server.close()
    plain = statistics.median(times["plain"])
    ratio = statistics.median(times["worker"]) / plain
    return (f"{exercise.id}, {plain:.1f} s of training: in the worker / plainly", f"{ratio:.2f}×", "≤ 1.05×")


def main() -> None:
    """Run the benchmarks and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--only", choices=["commands", "in_process", "training", "batch"])
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    space = Path(tempfile.mkdtemp(prefix="nnkata-bench-"))
    subprocess.run([NNKATA, "init", str(space)], stdout=subprocess.DEVNULL, check=True)
    parts: dict[str, Callable[[], list[tuple[str, str, str]]]] = {
        "commands": lambda: commands(chosen.repeat, space),
        "in_process": lambda: in_process(chosen.repeat),
        "training": lambda: training(max(3, chosen.repeat // 2)),
        "batch": lambda: batch.speed(200),
    }
    rows = []
    for name, run in parts.items():
        if chosen.only in (None, name):
            rows += run()
    shutil.rmtree(space)
    if chosen.json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, medians of {chosen.repeat}")
    for name, value, wanted in rows:
        print(f"  {name:<52} {value:>12}   {wanted}")


if __name__ == "__main__":
    main()
