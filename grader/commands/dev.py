"""The commands `nnkata dev …`: for authors of exercises."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .terminal import EXIT_FAILED, errors_as_messages, make_console

if TYPE_CHECKING:
    from ..authoring.mutant_runs import MutantOutcome

app = typer.Typer(help="For authors of exercises.", no_args_is_help=True, rich_markup_mode=None)


@app.command("check", short_help="Check exercises' content.")
def dev_check(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", show_default=False)] = None,
    seeds: Annotated[int, typer.Option(help="Number of seeds to try.")] = 10,
) -> None:
    """Check exercises' content: stubs fail, solutions and built-ins pass, misconceptions are caught by name."""
    from ..authoring import content_check
    from ..exercise import catalog, content

    console = make_console()
    with errors_as_messages():
        chosen = [catalog.find(name) for name in ids] if ids else catalog.exercises()
        reports = []
        for exercise in chosen:
            content.reference(exercise)  # content that does not run is reported by its file, before any check starts
        for report in content_check.check_all(chosen, tuple(range(seeds))):
            reports.append(report)
            mark = "[red]✗[/]" if report.problems else "[green]✓[/]"
            console.print(f"{mark} {report.exercise.id}: {report.tests} tests, {len(report.caught)} misconceptions")
            for problem in report.problems:
                console.print(f"  {problem}", markup=False)
    console.print(content_check.confusion_table(reports))
    if not any(report.problems for report in reports):
        console.print("[green]✓[/] All checks passed.")
    raise typer.Exit(EXIT_FAILED if any(report.problems for report in reports) else 0)


@app.command("calibrate", short_help="Calibrate the accuracy bars.")
def dev_calibrate(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    seeds: Annotated[int, typer.Option(help="Number of seeds to train the reference with.")] = 20,
    bar: Annotated[list[str] | None, typer.Option(help="Calibrate only this bar (repeatable).")] = None,
    wrong: Annotated[bool, typer.Option("--wrong", help="Also train each of the part's misconceptions once.")] = False,
    dataset: Annotated[str, typer.Option(help="Dataset for trainings: mnist or fashion-mnist.")] = "mnist",
    save: Annotated[Path | None, typer.Option(help="Save the figures to this JSON file.", show_default=False)] = None,
) -> None:
    """Train the reference with many seeds and report how far above its bars it stays."""
    from ..authoring import calibration
    from ..exercise import catalog

    console = make_console()
    calibrations = []
    with errors_as_messages():
        for exercise in [catalog.find(name) for name in ids] if ids else catalog.exercises():
            with console.status(exercise.id) as status:
                for one in calibration.calibrate(
                    exercise, seeds, tuple(bar or ()), wrong=wrong, dataset=dataset, on_step=status.update
                ):
                    calibrations.append(one)
                    if save:
                        calibration.save([one], save)
    console.print(calibration.table(calibrations))
    raise typer.Exit(EXIT_FAILED if any(one.margin < calibration.MIN_MARGIN for one in calibrations) else 0)


@app.command("mutate", short_help="Plant mistakes in the solutions.")
def dev_mutate(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    part: Annotated[list[str] | None, typer.Option(help="Mutate only this part (repeatable).")] = None,
    save: Annotated[Path | None, typer.Option(help="Save the figures to this JSON file.", show_default=False)] = None,
) -> None:
    """Plant small mistakes in the solutions and check that the hidden tests notice each of them."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # with a GPU autograd starts threads, which do not outlive a fork
    from ..authoring import mutant_runs, survivors
    from ..exercise import catalog
    from ..workspace import service

    console = make_console()
    reports, parts = [], tuple(part or ())
    with errors_as_messages():
        for exercise in [catalog.find(name) for name in ids] if ids else catalog.exercises():
            for name in parts:
                service.find_part(exercise, name)
            known = survivors.read_equivalents(survivors.equivalents_file(exercise))
            outcomes = list(_count_on_terminal(mutant_runs.run_mutants(exercise, parts), exercise.id))
            one = survivors.make_report(exercise, outcomes, known, parts)
            reports.append(one)
            console.print(f"{'[green]✓[/]' if one.sound else '[red]✗[/]'} {exercise.id}: {len(one.outcomes)} mutants")
            for line in survivors.open_questions(one):
                console.print(f"  {line}", markup=False, soft_wrap=True)
            if save:
                survivors.save([one], save)
    console.print(survivors.table(reports))
    raise typer.Exit(0 if all(one.sound for one in reports) else EXIT_FAILED)


def _count_on_terminal(outcomes: Iterator[MutantOutcome], exercise_id: str) -> Iterator[MutantOutcome]:
    """Yield the outcomes as they come, counting them on one line of a terminal's standard error."""
    for count, outcome in enumerate(outcomes, 1):
        if sys.stderr.isatty():
            text = f"\r\x1b[K  {exercise_id}: {count} mutants, now in {outcome.mutant.part}"
            print(text, end="", file=sys.stderr, flush=True)
        yield outcome
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


@app.command("stub")
def dev_stub(ids: Annotated[list[str] | None, typer.Argument(metavar="ID", show_default=False)] = None) -> None:
    """Regenerate the stubs from the solutions."""
    from .. import files
    from ..exercise import catalog, stub

    with errors_as_messages():
        for exercise in [catalog.find(name) for name in ids] if ids else catalog.exercises():
            files.write_whole(
                exercise.stub, stub.make_stub(exercise.solution.read_text("utf-8"), str(exercise.solution))
            )
            make_console().print(f"{exercise.stub}", highlight=False)


@app.command("new")
def dev_new(
    id: Annotated[str, typer.Argument(metavar="ID", help="The new exercise's id, such as 10_attention.")],
    root: Annotated[Path, typer.Option(help="The content root to create it in.")] = Path("."),
) -> None:
    """Create a new exercise, small but complete, to fill in."""
    from ..authoring import new_exercise

    with errors_as_messages():
        for file in new_exercise.create(root, id):
            make_console().print(f"{file}", highlight=False)
    make_console().print(f"Next: fill these in, then NNKATA_PATH={root} nnkata dev check {id}", highlight=False)
