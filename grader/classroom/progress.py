"""What grading a class shows: a bar with the time left, or plain lines, or lines of JSON; at the end a small table."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from . import class_run, outputs
from .results_folder import Ledger

EVERY = 10.0
"""Seconds between two plain lines."""

SHOWN = 8
"""Files that were passed over and are named on the screen; all are in the report."""


class Watch:
    """Shows a run on standard error; results go to standard output with `json`, one a line."""

    def __init__(self, json: bool) -> None:
        self.json = json
        self.screen = Console(stderr=True, highlight=False)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=self.screen,
            disable=not self.screen.is_terminal,
        )
        self.bar = self.progress.add_task("grading", total=None, start=False, speed="")
        self.done = self.todo = self.bad = 0
        self.began = self.told = time.monotonic()

    def __enter__(self) -> Watch:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def begin(self, every: int, todo: int) -> None:
        """There are so many submissions, and so many of these are to be graded."""
        self.todo = todo
        self.began = self.told = time.monotonic()
        if not self.screen.is_terminal:
            print(f"{every} submission{'s' if every != 1 else ''}, {todo} to grade", file=sys.stderr)
        self.progress.update(self.bar, total=todo)
        self.progress.start_task(self.bar)

    def result(self, graded: class_run.Graded) -> None:
        """One result is there."""
        if self.json:
            print(graded.text, flush=True)
        if graded.unchanged:
            return
        self.done += 1
        self.bad += graded.result.status == "error"
        spent = max(time.monotonic() - self.began, 1e-9)
        speed = f"{self.done / spent:.1f} a second" + (f", {self.bad} errors" if self.bad else "")
        self.progress.update(self.bar, completed=self.done, speed=speed)
        now = time.monotonic()
        if not self.screen.is_terminal and (now > self.told + EVERY or self.done == self.todo):
            self.told = now
            left = spent / self.done * (self.todo - self.done)
            print(f"{self.done} of {self.todo} graded, {speed}, about {left:.0f} s left", file=sys.stderr, flush=True)


def run(request: class_run.ClassRequest, json: bool, console: Console) -> class_run.Tally:
    """Grade a class and show it; with `json`, standard output has the results and nothing else."""

    def end(book: Ledger, tally: class_run.Tally) -> None:
        outputs.write(book, tally.left, request.level, tally.seed)

    with Watch(json) as watch:
        tally = class_run.grade(request, watch.begin, watch.result, end)
    summary(tally, request.results, Console(stderr=True, highlight=False) if json else console)
    return tally


def summary(tally: class_run.Tally, results: Path, console: Console) -> None:
    """What a run came to, and where its report lies."""
    count = tally.statuses.get
    table = Table(box=None, show_header=False, pad_edge=False)
    speed = f", {tally.graded / tally.seconds:.1f} a second" if tally.graded else ""
    rows = [
        ("students", str(tally.students)),
        ("graded", f"{tally.graded} in {tally.seconds:.1f} s{speed}"),
        ("unchanged", str(tally.unchanged)),
        ("passed", str(count("pass", 0) + count("skip", 0))),
        ("failed", str(count("fail", 0))),
        ("errors", str(count("error", 0))),
    ]
    for name, value in rows:
        style = "bold yellow" if name == "errors" and value != "0" else ""
        table.add_row(Text(name, style="dim"), Text(value, style=style))
    console.print(table)
    for name in tally.broken:
        console.print(Text(f"Note: {name} was damaged, and made anew."))
    if tally.left:
        console.print(Text("Passed over:"))
        for left in tally.left[:SHOWN]:
            console.print(Text(f"  {left.where}: {left.why}"))
        if len(tally.left) > SHOWN:
            console.print(Text(f"  and {len(tally.left) - SHOWN} more: see the report"))
    if tally.errors:
        console.print(Text("Errors:"))
        for error in tally.errors[:3]:
            console.print(Text(f"  {error}"))
        console.print(Text("These are the grader's own and no grades: run the same command to try them again."))
    console.print(Text(f"Report: {results / 'report.html'}"), soft_wrap=True)
