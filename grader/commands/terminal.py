"""Shared by every command: the console, errors as messages, and exit codes."""

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

EXIT_FAILED, EXIT_USAGE, EXIT_GRADER_ERROR = 1, 2, 3
"""Exit codes: something of the student's failed, wrong usage, the grader itself failed."""


def make_console() -> Console:
    """Return a console: in colour on a terminal, plain elsewhere, at most 120 columns wide."""
    from rich.console import Console

    console = Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")
    if console.width > 120:
        console.width = 120
    return console


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Turn every error of ours into one message and an exit code, never a traceback."""
    try:
        yield
    except SubmissionError as error:
        exit_with_message(str(error), EXIT_FAILED)
    except GraderError as error:
        exit_with_message(f"The grader itself failed, so there is no verdict: {error}", EXIT_GRADER_ERROR)
    except NnkataError as error:
        exit_with_message(str(error), EXIT_USAGE)
    except KeyboardInterrupt:
        exit_with_message("Stopped.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise typer.Exit(EXIT_FAILED) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:  # a bug of ours: people get a message, developers the traceback
        if os.environ.get("NNKATA_TRACEBACK"):
            raise
        exit_with_message(
            f"The grader itself failed, so there is no verdict: {type(error).__name__}: {error}\n"
            "This is a bug in nnkata, not in your code. To report it, run the command again with NNKATA_TRACEBACK=1.",
            EXIT_GRADER_ERROR,
        )


def exit_with_usage_error(message: str) -> NoReturn:
    """Print what is wrong with the way the command was called, and exit."""
    exit_with_message(message, EXIT_USAGE)


def exit_with_message(message: str, code: int) -> NoReturn:
    """Print a message on standard error and exit."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def parse_level(name: str) -> Level:
    """Return the feedback level of that name, or exit with the list of levels."""
    from nnkata.grader.feedback import disclosure

    level = next((known for known in disclosure.LEVELS if known == name), None)
    if level is None:
        exit_with_usage_error(f"There is no feedback level {name!r}: choose {', '.join(disclosure.LEVELS)}.")
    return level
