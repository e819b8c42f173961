"""The commands `nnkata course …`: for teachers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .terminal import errors_as_messages, exit_with_usage_error, parse_level

app = typer.Typer(
    help="For teachers: assignments for nbgrader, Gradescope and GitHub Classroom.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("init", short_help="Make a course folder for nbgrader.")
def course_init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="The course folder.")] = Path(".")) -> None:
    """Make a course folder for nbgrader, with a secret seed; existing files are never overwritten."""
    from .. import extras

    with errors_as_messages():
        extras.needed("nbgrader", "course")
        from ..course import folder as courses

        written, kept = courses.init(folder)
    existing = f"; kept {', '.join(kept)}" if kept else ""
    typer.echo(f"Wrote {', '.join(written) or 'nothing'} to {folder}{existing}.")
    typer.echo("Next:")
    if folder != Path("."):
        typer.echo(f"  cd {folder}")
    typer.echo("  nnkata course assign ps1 02_activations 03_losses")


@app.command("assign", short_help="Make notebooks from exercises.")
def course_assign(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The assignment's name, like ps1.")],
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Exercises: 03_losses, 3 or losses.")],
    parts: Annotated[str, typer.Option(help="Take only these parts: mse_loss,cross_entropy.", show_default=False)] = "",
    points: Annotated[str, typer.Option(help="Override points: cross_entropy=4,mse_loss=1.", show_default=False)] = "",
) -> None:
    """Write an assignment's notebooks, or update them; cells that you added are kept."""
    from .. import extras

    with errors_as_messages():
        extras.needed("nbgrader", "course")
        from ..course import folder as courses

        part_names = tuple(part.strip() for part in parts.split(",") if part.strip())
        assignments = courses.assign(Path("."), name, courses.exercises(ids), part_names, _parse_points(points))
    for assigned in assignments:
        count = sum(part.points is not None for part in assigned.parts)
        typer.echo(f"{assigned.file}: {count} part{'s' if count != 1 else ''}, {assigned.points:g} points")
    typer.echo(f"Next: nbgrader generate_assignment {name}")


@app.command("gradescope", short_help="Make an autograder for Gradescope.")
def course_gradescope(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="An assignment, like ps1, or exercises.")],
    file: Annotated[Path, typer.Option("--output", "-o", metavar="ZIP", help="The zip file to write.")] = Path(
        "autograder.zip"
    ),
    feedback: Annotated[str, typer.Option(help="How much feedback discloses: score, diagnosis or full.")] = "diagnosis",
    seed: Annotated[
        int | None, typer.Option(help="Seed for the random inputs (default: a new one).", show_default=False)
    ] = None,
    unconfined: Annotated[
        bool, typer.Option("--allow-unconfined", help="Grade even if the container cannot confine submissions.")
    ] = False,
) -> None:
    """Write an autograder for Gradescope: a zip file to upload as it is."""
    from ..course import autograder, delivery
    from ..seeds import draw_seed

    with errors_as_messages():
        chosen = delivery.exercises(names, Path("."))
        drawn = draw_seed() if seed is None else seed
        ids = tuple(one.id for one in chosen)
        settings = autograder.AutograderSettings(
            exercises=ids, level=parse_level(feedback), seed=drawn, unconfined=unconfined
        )
        delivery.write_gradescope(file, chosen, settings)
    total = sum(one.points for one in chosen)
    typer.echo(f"{file}: {', '.join(ids)}, {total:g} points. It contains solutions and hidden tests: do not share it.")
    typer.echo(f"Next: upload it in Gradescope under Configure Autograder, and set the assignment to {total:g} points.")


@app.command("classroom", short_help="Make a template repository for GitHub Classroom.")
def course_classroom(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="An assignment, like ps1, or exercises.")],
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write.")] = Path(
        "template"
    ),
    feedback: Annotated[str, typer.Option(help="How much feedback discloses: score, diagnosis or full.")] = "diagnosis",
    package: Annotated[
        str, typer.Option(help="Package that the workflow installs (default: this version of nnkata).")
    ] = "",
) -> None:
    """Write a template repository for GitHub Classroom: the exercises, and a workflow that grades each push."""
    from ..course import delivery

    with errors_as_messages():
        chosen = delivery.exercises(names, Path("."))
        written, kept = delivery.write_classroom(folder, chosen, parse_level(feedback), package)
    typer.echo(f"Wrote {len(written)} files to {folder}{f'; kept {len(kept)} existing ones' if kept else ''}.")
    typer.echo("Next: push it as a template repository, and select it for an assignment in GitHub Classroom.")


def _parse_points(text: str) -> dict[str, float]:
    """Return the points by part of a list such as `a=4,b=1`."""
    points = {}
    for pair in text.split(","):
        part, _, value = pair.partition("=")
        if not pair.strip():
            continue
        try:
            points[part.strip()] = float(value)
        except ValueError:
            exit_with_usage_error(f"--points is a list like cross_entropy=4,mse_loss=1; {pair!r} does not fit.")
        if not 0 < points[part.strip()] < 10_000:
            exit_with_usage_error(f"The points of {part.strip()} must be above 0.")
    return points
