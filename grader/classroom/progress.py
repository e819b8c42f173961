"""The progress of grading a class: a bar with the time left, or plain lines, or lines of JSON; at the end a table."""

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
from .results_folder import ResultsFolder

SECONDS_BETWEEN_LINES = 10.0
"""Seconds between two plain lines."""

MAX_SKIPPED_SHOWN = 8
"""Skipped files that are named in the terminal; all are in the report."""

MAX_ERRORS_SHOWN = 3


class ProgressDisplay:
    """Shows a run on standard error; with `json`, results go to standard output, one per line."""

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.console = Console(stderr=True, highlight=False)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.bar = self.progress.add_task("grading", total=None, start=False, speed="")
        self.graded = self.to_grade = self.errors = 0
        self.started = self.last_line = time.monotonic()

    def __enter__(self) -> ProgressDisplay:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def start(self, total: int, to_grade: int) -> None:
        """Show that there are so many submissions, and how many of these are to be graded."""
        self.to_grade = to_grade
        self.started = self.last_line = time.monotonic()
        if not self.console.is_terminal:
            print(f"{total} submission{'s' if total != 1 else ''}, {to_grade} to grade", file=sys.stderr)
        self.progress.update(self.bar, total=to_grade)
        self.progress.start_task(self.bar)

    def add(self, submission: class_run.GradedSubmission) -> None:
        """Show one result."""
        if self.json:
            print(submission.json_text, flush=True)
        if submission.unchanged:
            return
        self.graded += 1
        self.errors += submission.result.status == "error"
        now = time.monotonic()
        elapsed = max(now - self.started, 1e-9)
        speed = f"{self.graded / elapsed:.1f} per second" + (f", {self.errors} errors" if self.errors else "")
        self.progress.update(self.bar, completed=self.graded, speed=speed)
        due = now > self.last_line + SECONDS_BETWEEN_LINES or self.graded == self.to_grade
        if due and not self.console.is_terminal:
            self.last_line = now
            left = elapsed / self.graded * (self.to_grade - self.graded)
            line = f"{self.graded} of {self.to_grade} graded, {speed}, about {left:.0f} s left"
            print(line, file=sys.stderr, flush=True)


def run(request: class_run.ClassRequest, console: Console, *, json: bool) -> class_run.RunSummary:
    """Grade a class and show it; with `json`, standard output has the results and nothing else."""

    def write_outputs(results: ResultsFolder, summary: class_run.RunSummary) -> None:
        outputs.write(results, summary.skipped, level=request.level, seed=summary.seed)

    with ProgressDisplay(json=json) as display:
        summary = class_run.grade(request, display.start, display.add, write_outputs)
    show_summary(summary, request.results, Console(stderr=True, highlight=False) if json else console)
    return summary


def show_summary(summary: class_run.RunSummary, results: Path, console: Console) -> None:
    """Show what a run came to, and where its report lies."""
    count = summary.statuses.get
    table = Table(box=None, show_header=False, pad_edge=False)
    speed = f", {summary.graded / summary.seconds:.1f} per second" if summary.graded else ""
    rows = [
        ("students", str(summary.students)),
        ("graded", f"{summary.graded} in {summary.seconds:.1f} s{speed}"),
        ("unchanged", str(summary.unchanged)),
        ("passed", str(count("pass", 0) + count("skip", 0))),
        ("failed", str(count("fail", 0))),
        ("errors", str(count("error", 0))),
    ]
    for name, value in rows:
        style = "bold yellow" if name == "errors" and value != "0" else ""
        table.add_row(Text(name, style="dim"), Text(value, style=style))
    console.print(table)
    for name in summary.damaged:
        console.print(Text(f"Note: {name} was damaged and has been regenerated."))
    if summary.skipped:
        console.print(Text("Skipped:"))
        for left in summary.skipped[:MAX_SKIPPED_SHOWN]:
            console.print(Text(f"  {left.where}: {left.why}"))
        if len(summary.skipped) > MAX_SKIPPED_SHOWN:
            console.print(Text(f"  and {len(summary.skipped) - MAX_SKIPPED_SHOWN} more: see the report"))
    if summary.errors:
        console.print(Text("Errors:"))
        for error in summary.errors[:MAX_ERRORS_SHOWN]:
            console.print(Text(f"  {error}"))
        console.print(Text("These are failures of the grader, not grades: run the same command to retry them."))
    console.print(Text(f"Report: {results / 'report.html'}"), soft_wrap=True)
