"""The commands `nnkata dev …`: for authors of exercises."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from .terminal import FAILED, screen, told

if TYPE_CHECKING:
    from ..authoring.mutant_runs import Fate

app = typer.Typer(help="For authors of exercises.", no_args_is_help=True, rich_markup_mode=None)


@app.command("check", short_help="Check that the content holds.")
def dev_check(
    ids: Annotated[Optional[list[str]], typer.Argument(metavar="ID", show_default=False)] = None,  # noqa: UP045
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 10,
) -> None:
    """Check that the content holds: stubs fail, solutions and built-ins pass, misconceptions are caught by name."""
    from ..authoring import content_check
    from ..exercise import catalog, content

    console = screen()
    with told():
        chosen = [catalog.find(name) for name in ids] if ids else catalog.exercises()
        checked = []
        for exercise in chosen:
            content.reference(exercise)  # what does not even run is told by its file
        for found in content_check.check_all(chosen, tuple(range(seeds))):
            checked.append(found)
            mark = "[red]✗[/]" if found.problems else "[green]✓[/]"
            console.print(f"{mark} {found.exercise.id}: {found.tests} tests, {len(found.caught)} misconceptions")
            for problem in found.problems:
                console.print(f"  {problem}", markup=False)
    console.print(content_check.confusion_table(checked))
    if not any(found.problems for found in checked):
        console.print("[green]✓[/] Everything that must hold does.")
    raise typer.Exit(FAILED if any(found.problems for found in checked) else 0)


@app.command("calibrate", short_help="Calibrate the accuracy bars.")
def dev_calibrate(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    seeds: Annotated[int, typer.Option(help="How many times the reference is trained.")] = 20,
    bar: Annotated[list[str] | None, typer.Option(help="Only this bar; may be given again.")] = None,
    wrong: Annotated[bool, typer.Option("--wrong", help="Train the part's misconceptions too, once each.")] = False,
    dataset: Annotated[str, typer.Option(help="mnist or fashion-mnist.")] = "mnist",
    save: Annotated[Path | None, typer.Option(help="Keep the figures in this JSON file.", show_default=False)] = None,
) -> None:
    """Train the reference under many seeds and see how far above its bars it stays."""
    from ..authoring import calibration
    from ..exercise import catalog

    console = screen()
    found = []
    with told():
        for exercise in [catalog.find(name) for name in ids] if ids else catalog.exercises():
            with console.status(exercise.id) as status:
                for one in calibration.calibrate(exercise, seeds, tuple(bar or ()), wrong, dataset, status.update):
                    found.append(one)
                    if save:
                        calibration.save([one], save)
    console.print(calibration.table(found))
    raise typer.Exit(FAILED if any(one.margin < calibration.MARGIN for one in found) else 0)


@app.command("mutate", short_help="Plant mistakes in the solutions.")
def dev_mutate(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    part: Annotated[list[str] | None, typer.Option(help="Only this part; may be given again.")] = None,
    save: Annotated[Path | None, typer.Option(help="Keep the figures in this JSON file.", show_default=False)] = None,
) -> None:
    """Plant small mistakes in the solutions and see that the hidden tests notice each of them."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # with a GPU autograd starts threads, which do not outlive a fork
    from ..authoring import mutant_runs, survivors
    from ..exercise import catalog
    from ..workspace import service

    console = screen()
    found, parts = [], tuple(part or ())
    with told():
        for exercise in [catalog.find(name) for name in ids] if ids else catalog.exercises():
            for name in parts:
                service.part_of(exercise, name)
            known = survivors.equivalents(survivors.file_of(exercise))
            tried = list(_counted(mutant_runs.fates(exercise, parts), exercise.id))
            one = survivors.explain(exercise, tried, known, parts)
            found.append(one)
            console.print(f"{'[green]✓[/]' if one.sound else '[red]✗[/]'} {exercise.id}: {len(one.fates)} mutants")
            for line in survivors.told(one):
                console.print(f"  {line}", markup=False, soft_wrap=True)
            if save:
                survivors.save([one], save)
    console.print(survivors.table(found))
    raise typer.Exit(0 if all(one.sound for one in found) else FAILED)


def _counted(fates: Iterator[Fate], exercise_id: str) -> Iterator[Fate]:
    """The fates as they come, counted on one line of a terminal's standard error."""
    for count, fate in enumerate(fates, 1):
        if sys.stderr.isatty():
            text = f"\r\x1b[K  {exercise_id}: {count} mutants, now in {fate.mutant.part}"
            print(text, end="", file=sys.stderr, flush=True)
        yield fate
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


@app.command("stub")
def dev_stub(ids: Annotated[Optional[list[str]], typer.Argument(metavar="ID", show_default=False)] = None) -> None:  # noqa: UP045
    """Make the stubs anew from the solutions."""
    from .. import files
    from ..exercise import catalog, stub

    with told():
        for exercise in [catalog.find(name) for name in ids] if ids else catalog.exercises():
            files.write_whole(
                exercise.stub, stub.make_stub(exercise.solution.read_text("utf-8"), str(exercise.solution))
            )
            screen().print(f"{exercise.stub}", highlight=False)


@app.command("new")
def dev_new(
    id: Annotated[str, typer.Argument(metavar="ID", help="Its id, like 10_attention.")],
    root: Annotated[Path, typer.Option(help="The content root to make it in.")] = Path("."),
) -> None:
    """Lay out a new exercise, small but whole, to be filled in."""
    from ..authoring import new_exercise

    with told():
        for file in new_exercise.create(root, id):
            screen().print(f"{file}", highlight=False)
    screen().print(f"Next: fill these in, then NNKATA_PATH={root} nnkata dev check {id}", highlight=False)
