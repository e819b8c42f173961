"""The command line: parse, call, show, exit.

Exit codes: 0 all passed, 1 something of the student's failed, 2 wrong usage, 3 the grader itself failed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from nnkata.grader.commands import course, dev
from nnkata.grader.commands.terminal import (
    EXIT_FAILED,
    EXIT_GRADER_ERROR,
    EXIT_USAGE,
    errors_as_messages,
    exit_with_message,
    exit_with_usage_error,
    make_console,
    parse_level,
)
from nnkata.grader.model import GradingOptions

if TYPE_CHECKING:
    from nnkata.grader.model import Result
    from nnkata.grader.workspace.service import CheckRequest
    from nnkata.grader.workspace.workspace import Workspace

MIN_WIDTH_FOR_SUMMARY = 110
"""Columns that a terminal must have for `nnkata list` to show what each exercise is about."""

app = typer.Typer(
    name="nnkata",
    help="Neural-network exercises in PyTorch, checked by an autograder that names the mistake.",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich help looks alike and takes twice the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(dev.app, name="dev")
app.add_typer(course.app, name="course")


class Device(StrEnum):
    """Devices that a check can run on."""

    CPU = "cpu"
    CUDA = "cuda"
    AUTO = "auto"


ID = Annotated[str, typer.Argument(metavar="ID", help="An exercise: 03_losses, 3 or losses.", show_default=False)]
PART = Annotated[str | None, typer.Argument(help="One part of it: cross_entropy.", show_default=False)]


DATA = Annotated[
    Path | None,
    typer.Option(
        help="Read datasets from this torchvision root folder instead of the bundled MNIST.", show_default=False
    ),
]


@app.command(short_help="Make a workspace with every exercise.")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the workspace.")] = Path("."),
) -> None:
    """Make a workspace with every exercise in it; your own work is never overwritten."""
    from nnkata.grader.exercise import catalog
    from nnkata.grader.workspace import service

    with errors_as_messages():
        written, kept = service.init(folder)
    console = make_console()
    files = f"{len(written)} file{'s' if len(written) != 1 else ''}"
    console.print(f"Wrote {files} to {folder}" + (f"; kept {len(kept)} existing ones" if kept else "") + ".")
    if written:
        first = catalog.find(written[0].split("/")[0])
        console.print("Next:")
        if folder != Path("."):
            typer.echo(f"  cd {folder}")
        typer.echo(f"  read {first.id}/README.md, then edit {first.id}/{first.module}")
        typer.echo(f"  nnkata check {first.id}")


@app.command("list")
def list_() -> None:
    """List every exercise with your progress, its points and minutes."""
    from nnkata.grader.workspace import service
    from rich.table import Table

    with errors_as_messages():
        space = _space_if_any()
        entries = service.list_progress(space)
    console = make_console()
    roomy = console.width >= MIN_WIDTH_FOR_SUMMARY
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "exercise", "title", "points", "minutes", *(["about"] if roomy else [])):
        table.add_column(name, justify="right" if name in ("points", "minutes") else "left", overflow="fold")
    for entry in entries:
        mark = "[green]✓[/]" if entry.passed else "[yellow]◐[/]" if entry.begun else "[dim]○[/]"
        points = f"{entry.score:g}/{entry.exercise.points:g}"
        table.add_row(
            mark,
            entry.exercise.id,
            entry.exercise.title,
            points,
            str(entry.exercise.minutes),
            *([f"[dim]{entry.exercise.summary}[/]"] if roomy else []),
        )
    console.print(table)
    _warn(space)
    if space:
        done = sum(entry.passed for entry in entries)
        console.print(f"\n{done} of {len(entries)} passed.", end=" ")
        later = service.next_exercise(space)
        console.print(f"Next: nnkata check {later.id}" if later else "Well done.")
    else:
        console.print("\nNo workspace here yet. Next: nnkata init")


@app.command(short_help="Check your work.")
def check(
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID", help="Exercises: 03_losses, 3 or losses (default: the next one).", show_default=False
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Check every exercise.")] = False,
    part: Annotated[list[str] | None, typer.Option(help="Check only this part (repeatable).")] = None,
    device: Annotated[
        Device, typer.Option(help="cuda also runs every test on the GPU; auto does so if there is one.")
    ] = Device.CPU,
    seed: Annotated[
        int | None, typer.Option(help="Seed for the random inputs; the same seed repeats a run.", show_default=False)
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON per exercise, and nothing else.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every test.")] = False,
    submission: Annotated[
        Path | None, typer.Option(help="Check this file instead of the workspace's.", show_default=False)
    ] = None,
    solution: Annotated[bool, typer.Option("--solution", help="Check the reference solution.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Run unconfined in this process, so that breakpoint() and print() work.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Run only the short trainings: seconds instead of minutes.")
    ] = False,
    data: DATA = None,
    dataset: Annotated[
        str, typer.Option(help="Dataset for trainings: mnist or fashion-mnist (from --data or Debian's package).")
    ] = "mnist",
    unconfined: Annotated[
        bool, typer.Option("--allow-unconfined", help="Run --submission even if it cannot be confined.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(help="Time limit of one call, in seconds.", show_default=False)
    ] = None,
    memory: Annotated[int | None, typer.Option(help="Memory limit, in MB.", show_default=False)] = None,
) -> None:
    """Check your work part by part: what is right, what is wrong and why, and what to try next."""
    from nnkata.grader.workspace import service

    for name, value in (("--seconds", seconds), ("--memory", memory)):
        if value is not None and value <= 0:
            exit_with_usage_error(f"{name} must be above 0.")
    request = service.CheckRequest(
        exercises=tuple(ids or ()),
        everything=all_,
        submission=submission,
        solution=solution,
        debug=debug,
        options=GradingOptions(
            device=device.value,
            seed=seed,
            parts=tuple(part or ()),
            training="quick" if quick else "full",
            dataset=dataset,
            data=data and data.resolve(),
            require_confinement=not unconfined,
        ),
        call_seconds=seconds,
        memory_mb=memory,
    )
    if debug and json:
        exit_with_usage_error(
            "--debug shows what your code prints, and --json prints nothing but JSON: choose one of them."
        )
    with errors_as_messages():
        results = _check(request, json=json, verbose=verbose)
    raise typer.Exit(_exit_code(results))


def _check(request: CheckRequest, *, json: bool, verbose: bool) -> list[Result]:
    from nnkata.grader.feedback import report
    from nnkata.grader.workspace import service

    own = not (request.submission or request.solution)
    space = service.current_workspace() if own else None
    exercises = service.select_exercises(request, space)  # wrong names are reported before anything starts
    results = []
    with service.open_engine(exercises[0], local=request.debug) as engine:
        for one in service.grading_requests(request, space, on_progress=None if json else _progress()):
            result = service.check(engine, one, space)
            results.append(result)
            if json:
                print(report.to_json(result), flush=True)
            else:
                report.show(result, one.exercise.title, make_console(), verbose=verbose)
    _warn(space)
    return results


def _progress() -> Callable[[dict[str, Any]], None]:
    """Return a callback that shows a training's progress on one line of a terminal's standard error."""
    began = time.monotonic()

    def show(numbers: dict[str, Any]) -> None:
        epoch, epochs, loss = (numbers.get(name) for name in ("epoch", "epochs", "loss"))
        if not isinstance(epoch, int) or not isinstance(loss, float) or not sys.stderr.isatty():
            return
        text = f"  training: epoch {epoch}, loss {loss:.3f}"
        if isinstance(epochs, int) and 0 < epoch <= epochs:
            left = (time.monotonic() - began) / epoch * (epochs - epoch)
            text = f"  training: epoch {epoch} of {epochs}, loss {loss:.3f}, about {left:.0f} s left"
        print(f"\r\x1b[K{text}", end="\r" if epoch == epochs else "", file=sys.stderr, flush=True)

    return show


def _exit_code(results: list[Result]) -> int:
    statuses = {result.status for result in results}
    return EXIT_GRADER_ERROR if "error" in statuses else EXIT_FAILED if "fail" in statuses else 0


@app.command(short_help="Check again on every save.")
def watch(
    id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="The exercise to start with (default: the next one).", show_default=False),
    ] = None,
) -> None:
    """Check again on every save, and move on when an exercise is passed. Keys: h hint, n next, q quit."""
    with errors_as_messages():
        from nnkata.grader.workspace import watch

        watch.watch(id, make_console())


@app.command(short_help="Show the next hint.")
def hint(id: ID, part: PART = None) -> None:
    """Show the next hint; each call reveals more. The first is the last check's diagnosis, if there is one."""
    from nnkata.grader.exercise import catalog
    from nnkata.grader.workspace import service
    from rich.padding import Padding
    from rich.text import Text

    with errors_as_messages():
        space = service.current_workspace()
        shown = service.hint(space, catalog.find(id), part)
    console = make_console()
    what = "from your last check" if shown.level == 0 else f"hint {shown.level} of {shown.of}"
    console.print(f"\n[bold]{shown.exercise.id}[/] · {shown.part.name} · [dim]{what}[/]\n", highlight=False)
    console.print(Padding(Text(shown.text), (0, 0, 1, 2)))
    more = f"nnkata check {shown.exercise.id}" if shown.last else f"nnkata hint {shown.exercise.id} {shown.part.name}"
    console.print(f"[bold cyan]{'Next' if shown.last else 'More'}: {more}[/]", highlight=False)
    _warn(space)


@app.command()
def reset(id: ID, part: PART = None) -> None:
    """Restore the stub, for one part or the whole file; a backup of your version is kept."""
    from nnkata.grader.exercise import catalog
    from nnkata.grader.workspace import service

    with errors_as_messages():
        space = service.current_workspace()
        exercise = catalog.find(id)
        kept = service.reset(space, exercise, part)
    what = f"{part} in {exercise.id}/{exercise.module}" if part else f"{exercise.id}/{exercise.module}"
    typer.echo(f"Reset {what} to the stub.")
    if kept:
        typer.echo(f"Your version was saved as {kept}")


@app.command(short_help="Show the reference solution.")
def solution(
    id: ID, spoil: Annotated[bool, typer.Option("--spoil", help="Show it even if you have not passed yet.")] = False
) -> None:
    """Show the reference solution, once you have passed the exercise."""
    from nnkata.grader.exercise import catalog
    from nnkata.grader.workspace import service

    with errors_as_messages():
        text = service.solution(_space_if_any(), catalog.find(id), spoil=spoil)
    if sys.stdout.isatty():
        from rich.syntax import Syntax

        make_console().print(Syntax(text, "python", theme="ansi_dark", background_color="default"))
    else:
        print(text, end="")


@app.command(short_help="Grade a whole class.")
def grade(
    submissions: Annotated[Path, typer.Argument(metavar="SUBMISSIONS", help="A folder, a zip file, or one file.")],
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    results: Annotated[Path, typer.Option("--output", "-o", metavar="RESULTS", help="Folder for the results.")] = ...,  # type: ignore[assignment]
    workers: Annotated[int, typer.Option(help="Number of parallel workers (0: one per core).", min=0)] = 0,
    seed: Annotated[
        int | None, typer.Option(help="Seed for the random inputs (default: the results folder's, or a new one).")
    ] = None,
    pattern: Annotated[
        str, typer.Option(help="Layout of the files' paths, such as '{student}_{exercise}.py'.", show_default=False)
    ] = "",
    student: Annotated[str, typer.Option(help="Treat every file as this student's.", show_default=False)] = "",
    again: Annotated[bool, typer.Option("--again", help="Re-grade unchanged submissions, too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON per result, and nothing else.")] = False,
    feedback: Annotated[
        str, typer.Option(help="How much students' pages disclose: score, diagnosis or full.")
    ] = "diagnosis",
    quick: Annotated[bool, typer.Option("--quick", help="Run only the short trainings.")] = False,
    no_training: Annotated[bool, typer.Option("--no-training", help="Run no trainings at all.")] = False,
    device: Annotated[
        Device, typer.Option(help="cuda also runs every test on the GPU; auto does so if there is one.")
    ] = Device.CPU,
    data: DATA = None,
    dataset: Annotated[str, typer.Option(help="Dataset for trainings: mnist or fashion-mnist.")] = "mnist",
    unconfined: Annotated[
        bool, typer.Option("--allow-unconfined", help="Grade even if submissions cannot be confined.")
    ] = False,
) -> None:
    """Grade a whole class: scripts, notebooks, folders and zip files, on all cores. Re-run to resume.

    Exit codes: 0 everything was graded, 2 wrong usage, 3 something could not be graded.
    """
    from nnkata.grader.classroom import class_run, progress
    from nnkata.grader.exercise import datasets

    if dataset not in datasets.DATASETS:
        exit_with_usage_error(f"There is no dataset {dataset!r}: choose {' or '.join(datasets.DATASETS)}.")
    if quick and no_training:
        exit_with_usage_error("Choose one of --quick and --no-training.")
    request = class_run.ClassRequest(
        submissions=submissions,
        results=results,
        ids=tuple(ids or ()),
        workers=workers,
        pattern=pattern,
        again=again,
        level=parse_level(feedback),
        student=student,
        options=GradingOptions(
            device=device.value,
            seed=seed,
            training="none" if no_training else "quick" if quick else "full",
            dataset=dataset,
            data=data and data.resolve(),
            require_confinement=not unconfined,
        ),
    )
    with errors_as_messages():
        try:
            tally = progress.run(request, make_console(), json=json)
        except KeyboardInterrupt:
            exit_with_message("Stopped. Finished results are kept; run the same command to resume.", 130)
    raise typer.Exit(EXIT_GRADER_ERROR if tally.statuses.get("error") else 0)


@app.command(short_help="Check this machine's setup.")
def doctor() -> None:
    """Check this machine: Python, torch, GPU, confinement, exercises and workspace; and say what to fix."""
    from nnkata.grader.commands import doctor as examine
    from rich.table import Table
    from rich.text import Text

    console = make_console()
    healthy = True
    with errors_as_messages():
        for finding in examine.examine():
            mark = "[green]✓[/]" if finding.good else "[yellow]![/]"
            row = Table.grid(padding=(0, 1), pad_edge=True)
            for width in (1, 13, None):
                row.add_column(min_width=width)
            row.add_row(mark, f"[bold]{finding.name}[/]", Text(finding.text))
            if finding.fix:
                row.add_row("", "", Text(finding.fix, style="cyan"))
            console.print(row)
            healthy = healthy and (finding.good or not finding.needed)
    raise typer.Exit(0 if healthy else EXIT_GRADER_ERROR)


# -- what the commands share -------------------------------------------------------------------------------------------


def _space_if_any() -> Workspace | None:
    from nnkata.grader.errors import UsageError
    from nnkata.grader.workspace import service

    try:
        return service.current_workspace()
    except UsageError:
        return None


def _warn(space: Workspace | None) -> None:
    for warning in space.warnings if space else ():
        typer.echo(f"Note: {warning}.", err=True)


def main() -> None:
    """Run the command `nnkata`.

    In a folder that has been deleted nothing works, torch least of all: it ends the process when it is imported.
    """
    from nnkata.grader.errors import UsageError
    from nnkata.grader.files import find_working_folder

    try:
        find_working_folder()
    except UsageError as error:
        typer.echo(str(error), err=True)
        sys.exit(EXIT_USAGE)
    run: Callable[[], object] = app
    run()


if __name__ == "__main__":
    main()
