"""The commands `nnkata course …`: for teachers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from .terminal import level_of, told, usage

app = typer.Typer(help="For teachers: a course with nbgrader.", no_args_is_help=True, rich_markup_mode=None)


@app.command("init", short_help="Make a course folder for nbgrader.")
def course_init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where.")] = Path(".")) -> None:
    """Make a course folder for nbgrader, with a secret seed; what is there is never overwritten."""
    from .. import extras

    with told():
        extras.needed("nbgrader", "course")
        from ..course import folder as courses

        written, kept = courses.init(folder)
    told_kept = f"; {', '.join(kept)} kept" if kept else ""
    typer.echo(f"{', '.join(written) or 'Nothing'} written to {folder}{told_kept}.")
    typer.echo("Next:")
    if folder != Path("."):
        typer.echo(f"  cd {folder}")
    typer.echo("  nnkata course assign ps1 02_activations 03_losses")


@app.command("assign", short_help="Notebooks from exercises.")
def course_assign(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The assignment's name, like ps1.")],
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Exercises: 03_losses, 3 or losses.")],
    parts: Annotated[str, typer.Option(help="Only these parts: mse_loss,cross_entropy.", show_default=False)] = "",
    points: Annotated[str, typer.Option(help="Other points: cross_entropy=4,mse_loss=1.", show_default=False)] = "",
) -> None:
    """Write an assignment's notebooks, or bring them up to date; cells of your own stay."""
    from .. import extras

    with told():
        extras.needed("nbgrader", "course")
        from ..course import folder as courses

        wanted = tuple(part.strip() for part in parts.split(",") if part.strip())
        found = courses.assign(Path("."), name, courses.exercises(ids), wanted, _points(points))
    for assigned in found:
        count = sum(part.points is not None for part in assigned.parts)
        typer.echo(f"{assigned.file}: {count} part{'s' if count != 1 else ''}, {assigned.points:g} points")
    typer.echo(f"Next: nbgrader generate_assignment {name}")


@app.command("gradescope", short_help="An autograder for Gradescope.")
def course_gradescope(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="An assignment, like ps1, or exercises.")],
    file: Annotated[Path, typer.Option("--output", "-o", metavar="ZIP", help="Where.")] = Path("autograder.zip"),
    feedback: Annotated[str, typer.Option(help="What students are told: score, diagnosis or full.")] = "diagnosis",
    seed: Annotated[Optional[int], typer.Option(help="Of the inputs; else drawn.", show_default=False)] = None,  # noqa: UP045
    unconfined: Annotated[
        bool, typer.Option("--allow-unconfined", help="Grade even where a container cannot confine.")
    ] = False,
) -> None:
    """Write an autograder for Gradescope: a zip file to upload as it is."""
    import random

    from ..course import autograder, delivery

    with told():
        chosen = delivery.exercises(names, Path("."))
        drawn = random.SystemRandom().randrange(1 << 31) if seed is None else seed
        ids = tuple(one.id for one in chosen)
        delivery.gradescope(file, chosen, autograder.Settings(ids, level_of(feedback), drawn, unconfined))
    total = sum(one.points for one in chosen)
    typer.echo(f"{file}: {', '.join(ids)}, {total:g} points. It holds solutions and hidden tests: it is for you alone.")
    typer.echo(f"Next: upload it in Gradescope under Configure Autograder, and give the assignment {total:g} points.")


@app.command("classroom", short_help="A repository for GitHub Classroom.")
def course_classroom(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="An assignment, like ps1, or exercises.")],
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where.")] = Path("template"),
    feedback: Annotated[str, typer.Option(help="What students are told: score, diagnosis or full.")] = "diagnosis",
    package: Annotated[str, typer.Option(help="What the workflow installs; else this version.")] = "",
) -> None:
    """Write a template repository for GitHub Classroom: the exercises, and a workflow that grades each push."""
    from ..course import delivery

    with told():
        chosen = delivery.exercises(names, Path("."))
        written, kept = delivery.classroom(folder, chosen, level_of(feedback), package)
    typer.echo(f"{len(written)} files written to {folder}{f', {len(kept)} that were there kept' if kept else ''}.")
    typer.echo("Next: push it as a template repository, and choose it for an assignment in GitHub Classroom.")


def _points(text: str) -> dict[str, float]:
    """`a=4,b=1` as a table."""
    found = {}
    for pair in text.split(","):
        part, _, value = pair.partition("=")
        if not pair.strip():
            continue
        try:
            found[part.strip()] = float(value)
        except ValueError:
            usage(f"--points is a list like cross_entropy=4,mse_loss=1; {pair!r} does not fit.")
        if not 0 < found[part.strip()] < 10_000:
            usage(f"The points of {part.strip()} must be above 0.")
    return found
