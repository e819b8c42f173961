"""What every command shares: where people read, how errors are told, and exit codes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

from ..errors import GraderError, NnkataError, SubmissionError

if TYPE_CHECKING:
    from rich.console import Console

    from ..feedback.disclosure import Level

FAILED, USAGE, BROKEN = 1, 2, 3
"""Exit codes: something of the student's failed, wrong usage, the grader itself failed."""


def screen() -> Console:
    """Where people read: colour on a terminal, plain elsewhere, never wider than is pleasant."""
    from rich.console import Console

    console = Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")
    if console.width > 120:
        console.width = 120
    return console


@contextmanager
def told() -> Iterator[None]:
    """Every error of ours as one message and an exit code, never a traceback."""
    try:
        yield
    except SubmissionError as error:
        say(str(error), FAILED)
    except GraderError as error:
        say(f"The grader itself failed, so there is no verdict: {error}", BROKEN)
    except NnkataError as error:
        say(str(error), USAGE)
    except KeyboardInterrupt:
        say("Stopped.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise typer.Exit(FAILED) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if os.environ.get("NNKATA_TRACEBACK"):
            raise
        say(
            f"The grader itself failed, so there is no verdict: {type(error).__name__}: {error}\n"
            "This is a bug of nnkata, not of your code. To report it, run the same again with NNKATA_TRACEBACK=1 set.",
            BROKEN,
        )


def usage(message: str) -> NoReturn:
    """Say what is wrong with the way the command was called, and stop."""
    say(message, USAGE)


def say(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def level_of(name: str) -> Level:
    from nnkata.grader.feedback import disclosure

    found = next((level for level in disclosure.LEVELS if level == name), None)
    if found is None:
        usage(f"There is no feedback level {name!r}: choose {', '.join(disclosure.LEVELS)}.")
    return found
