"""The command line: parse, call, show, exit.

Exit codes: 0 all passed, 1 something of the student's failed, 2 wrong usage, 3 the grader itself failed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from nnkata.grader.commands import course, dev
from nnkata.grader.commands.terminal import BROKEN, FAILED, level_of, say, screen, told, usage
from nnkata.grader.model import GradingOptions

if TYPE_CHECKING:
    from nnkata.grader.model import Result
    from nnkata.grader.workspace.service import CheckRequest
    from nnkata.grader.workspace.workspace import Workspace

ROOMY = 110
"""Columns that a terminal must have for `nnkata list` to say what each exercise is about."""

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

ID = Annotated[str, typer.Argument(metavar="ID", help="An exercise: 03_losses, 3 or losses.", show_default=False)]
PART = Annotated[Optional[str], typer.Argument(help="One part of it: cross_entropy.", show_default=False)]  # noqa: UP045


@app.command(short_help="Make a workspace with every exercise.")
def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where.")] = Path(".")) -> None:
    """Make a workspace with every exercise in it; your own work is never overwritten."""
    from nnkata.grader.exercise import catalog
    from nnkata.grader.workspace import service

    with told():
        written, kept = service.init(folder)
    console = screen()
    console.print(
        f"{len(written)} file{'s' if len(written) != 1 else ''} written to {folder}"
        + (f", {len(kept)} that were there kept" if kept else "")
        + "."
    )
    if written:
        first = catalog.find(written[0].split("/")[0])
        console.print("Next:")
        if folder != Path("."):
            typer.echo(f"  cd {folder}")
        typer.echo(f"  read {first.id}/README.md, and write in {first.id}/{first.module}")
        typer.echo(f"  nnkata check {first.id}")


@app.command("list")
def list_() -> None:
    """Every exercise: progress, points, minutes."""
    from nnkata.grader.workspace import service
    from rich.table import Table

    with told():
        space = _space_if_any()
        entries = service.entries(space)
    console = screen()
    roomy = console.width >= ROOMY
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
            metavar="ID", help="Exercises: 03_losses, 3 or losses. Without: the next one.", show_default=False
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every exercise.")] = False,
    part: Annotated[Optional[list[str]], typer.Option(help="Only this part; may be given again.")] = None,  # noqa: UP045
    device: Annotated[str, typer.Option(help="cpu, cuda (the GPU as well) or auto.")] = "cpu",
    seed: Annotated[Optional[int], typer.Option(help="Draw the same inputs again.", show_default=False)] = None,  # noqa: UP045
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document an exercise, one a line, and nothing else.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every test.")] = False,
    submission: Annotated[
        Path | None, typer.Option(help="Check this file instead of yours.", show_default=False)
    ] = None,
    solution: Annotated[bool, typer.Option("--solution", help="Check the reference solution.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Run unconfined in this process: breakpoint() and print work.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only the short trainings, seconds instead of minutes.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="A torchvision root to read data from instead of the kit's MNIST.", show_default=False),
    ] = None,
    dataset: Annotated[str, typer.Option(help="mnist, or fashion-mnist (from --data, or Debian's package).")] = "mnist",
    unconfined: Annotated[
        bool, typer.Option("--allow-unconfined", help="Run --submission even where it cannot be confined.")
    ] = False,
    seconds: Annotated[Optional[float], typer.Option(help="Limit of one call.", show_default=False)] = None,  # noqa: UP045
    memory: Annotated[Optional[int], typer.Option(help="Limit of memory, in MB.", show_default=False)] = None,  # noqa: UP045
) -> None:
    """Check your work: part by part what is right, what is wrong, why, and what to try next."""
    from nnkata.grader.workspace import service

    if device not in ("cpu", "cuda", "auto"):
        usage(f"There is no device {device!r}: choose cpu, cuda or auto.")
    for name, value in (("--seconds", seconds), ("--memory", memory)):
        if value is not None and value <= 0:
            usage(f"{name} must be above 0.")
    request = service.CheckRequest(
        exercises=tuple(ids or ()),
        everything=all_,
        submission=submission,
        solution=solution,
        debug=debug,
        options=GradingOptions(
            device=device,
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
        usage("--debug shows what your code prints and --json prints nothing else: choose one of them.")
    with told():
        results = _check(request, json=json, verbose=verbose)
    raise typer.Exit(_exit_code(results))


def _check(request: CheckRequest, *, json: bool, verbose: bool) -> list[Result]:
    from nnkata.grader.feedback import report
    from nnkata.grader.workspace import service

    own = not (request.submission or request.solution)
    space = service.here() if own else None
    exercises = service.select_exercises(request, space)  # wrong names are told before anything is started
    results = []
    with service.grading(exercises[0], request.debug) as engine:
        for one in service.grading_requests(request, space, on_progress=None if json else _progress()):
            result = service.check(engine, one, space)
            results.append(result)
            if json:
                print(report.to_json(result), flush=True)
            else:
                report.show(result, one.exercise.title, screen(), verbose=verbose)
    _warn(space)
    return results


def _progress() -> Callable[[dict[str, Any]], None]:
    """Shows how far a training is, on one line of a terminal's standard error."""
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
    return BROKEN if "error" in statuses else FAILED if "fail" in statuses else 0


@app.command(short_help="Check again at every save.")
def watch(
    id: Annotated[str | None, typer.Argument(metavar="ID", help="Where to begin.", show_default=False)] = None,
) -> None:
    """Check again at every save, and move on when an exercise is passed. Keys: h hint, n next, q quit."""
    with told():
        from nnkata.grader.workspace import watch

        watch.watch(id, screen())


@app.command(short_help="A hint, one level more each time.")
def hint(id: ID, part: PART = None) -> None:
    """A hint: one level more each time, from the last check's diagnosis if there is one."""
    from nnkata.grader.exercise import catalog
    from nnkata.grader.workspace import service
    from rich.padding import Padding
    from rich.text import Text

    with told():
        space = service.here()
        found = service.hint(space, catalog.find(id), part)
    console = screen()
    what = "from your last check" if found.level == 0 else f"hint {found.level} of {found.of}"
    console.print(f"\n[bold]{found.exercise.id}[/] · {found.part.name} · [dim]{what}[/]\n", highlight=False)
    console.print(Padding(Text(found.text), (0, 0, 1, 2)))
    more = f"nnkata check {found.exercise.id}" if found.last else f"nnkata hint {found.exercise.id} {found.part.name}"
    console.print(f"[bold cyan]{'Next' if found.last else 'More'}: {more}[/]", highlight=False)
    _warn(space)


@app.command()
def reset(id: ID, part: PART = None) -> None:
    """Bring the stub back, of one part or of all. A backup is kept."""
    from nnkata.grader.exercise import catalog
    from nnkata.grader.workspace import service

    with told():
        space = service.here()
        exercise = catalog.find(id)
        kept = service.reset(space, exercise, part)
    what = f"{part} in {exercise.id}/{exercise.module}" if part else f"{exercise.id}/{exercise.module}"
    typer.echo(f"{what} is as it was handed out.")
    if kept:
        typer.echo(f"Your version is kept in {kept}")


@app.command(short_help="The reference solution.")
def solution(
    id: ID, spoil: Annotated[bool, typer.Option("--spoil", help="Show it before you have passed.")] = False
) -> None:
    """The reference solution, after you have passed."""
    from nnkata.grader.exercise import catalog
    from nnkata.grader.workspace import service

    with told():
        text = service.solution(_space_if_any(), catalog.find(id), spoil)
    if sys.stdout.isatty():
        from rich.syntax import Syntax

        screen().print(Syntax(text, "python", theme="ansi_dark", background_color="default"))
    else:
        print(text, end="")


@app.command(short_help="Grade a whole class.")
def grade(
    submissions: Annotated[Path, typer.Argument(metavar="SUBMISSIONS", help="A folder, a zip file, or one file.")],
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    results: Annotated[Path, typer.Option("--output", "-o", metavar="RESULTS", help="Where the results go.")] = ...,  # type: ignore[assignment]
    workers: Annotated[int, typer.Option(help="How many at a time; 0 for one a core.", min=0)] = 0,
    seed: Annotated[Optional[int], typer.Option(help="Of the inputs; else the folder's, or drawn.")] = None,  # noqa: UP045
    pattern: Annotated[str, typer.Option(help="Where files lie: '{student}_{exercise}.py'.", show_default=False)] = "",
    student: Annotated[str, typer.Option(help="Everything is this student's.", show_default=False)] = "",
    again: Annotated[bool, typer.Option("--again", help="Grade also what is unchanged.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One result a line, and nothing else.")] = False,
    feedback: Annotated[str, typer.Option(help="What students' pages say: score, diagnosis or full.")] = "diagnosis",
    quick: Annotated[bool, typer.Option("--quick", help="Only the short trainings.")] = False,
    no_training: Annotated[bool, typer.Option("--no-training", help="No trainings at all.")] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda (the GPU as well) or auto.")] = "cpu",
    data: Annotated[Path | None, typer.Option(help="A torchvision root to read data from.", show_default=False)] = None,
    dataset: Annotated[str, typer.Option(help="What trainings use: mnist or fashion-mnist.")] = "mnist",
    unconfined: Annotated[
        bool, typer.Option("--allow-unconfined", help="Go on where submissions cannot be confined.")
    ] = False,
) -> None:
    """Grade a whole class: scripts, notebooks, folders and zip files, on all cores. Run again, it goes on where it was.

    Exit codes: 0 everything was graded, 2 wrong usage, 3 something could not be graded.
    """
    from nnkata.grader.classroom import class_run, progress
    from nnkata.grader.exercise import datasets

    if device not in ("cpu", "cuda", "auto"):
        usage(f"There is no device {device!r}: choose cpu, cuda or auto.")
    if dataset not in datasets.DATASETS:
        usage(f"There is no data set {dataset!r}: choose {' or '.join(datasets.DATASETS)}.")
    if quick and no_training:
        usage("Choose one of --quick and --no-training.")
    request = class_run.ClassRequest(
        submissions=submissions,
        results=results,
        ids=tuple(ids or ()),
        workers=workers,
        pattern=pattern,
        again=again,
        level=level_of(feedback),
        student=student,
        options=GradingOptions(
            device=device,
            seed=seed,
            training="none" if no_training else "quick" if quick else "full",
            dataset=dataset,
            data=data and data.resolve(),
            require_confinement=not unconfined,
        ),
    )
    with told():
        try:
            tally = progress.run(request, json, screen())
        except KeyboardInterrupt:
            say("Stopped. What was graded is kept: run the same command again to go on.", 130)
    raise typer.Exit(BROKEN if tally.statuses.get("error") else 0)


@app.command(short_help="What this machine has and lacks.")
def doctor() -> None:
    """What this machine has: Python, torch, GPU, confinement, data; and what to fix."""
    from nnkata.grader.commands import doctor as examine
    from rich.table import Table
    from rich.text import Text

    console = screen()
    healthy = True
    with told():
        for finding in examine.findings():
            mark = "[green]✓[/]" if finding.good else "[yellow]![/]"
            row = Table.grid(padding=(0, 1), pad_edge=True)
            for width in (1, 13, None):
                row.add_column(min_width=width)
            row.add_row(mark, f"[bold]{finding.name}[/]", Text(finding.text))
            if finding.fix:
                row.add_row("", "", Text(finding.fix, style="cyan"))
            console.print(row)
            healthy = healthy and (finding.good or not finding.needed)
    raise typer.Exit(0 if healthy else BROKEN)


# -- what the commands share -------------------------------------------------------------------------------------------


def _space_if_any() -> Workspace | None:
    from nnkata.grader.errors import UsageError
    from nnkata.grader.workspace import service

    try:
        return service.here()
    except UsageError:
        return None


def _warn(space: Workspace | None) -> None:
    for warning in space.warnings if space else ():
        typer.echo(f"Note: {warning}.", err=True)


def main() -> None:
    """The command `nnkata`."""
    run: Callable[[], object] = app
    run()


if __name__ == "__main__":
    main()
