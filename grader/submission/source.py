"""A submission's text, read without trusting it: bounded, decoded and parsed, never run."""

from __future__ import annotations

import ast
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..errors import SubmissionError
from ..worker.printable import strip_unprintable

MAX_SOURCE_BYTES = 200_000
"""Most bytes of a submission: ten times a long one, and too few to carry a dataset's answers."""

MAX_DEPTH = 400
"""Deepest nesting of the syntax tree; a page of `+` reaches some dozens."""


@dataclass(frozen=True)
class Submission:
    """A student's file as it was read.

    Attributes:
        blocked: parts that cannot be graded, and why: their cell of a notebook does not parse.
        locations: where each line is in the notebook, first line first; empty for a script.
    """

    name: str
    text: str
    sha256: str
    blocked: Mapping[str, str] = field(default_factory=dict)
    locations: tuple[str, ...] = ()

    def location(self, line: int) -> str:
        """Return a line's name, counted from 1, in messages to the student."""
        named = self.locations[line - 1] if 0 < line <= len(self.locations) else ""
        return named or f"line {line}"


def read(path: Path) -> Submission:
    """Read a submission; SubmissionError names the file and says what to do."""
    return from_bytes(path.name, read_bytes(path, MAX_SOURCE_BYTES + 1))


def read_bytes(path: Path, limit: int) -> bytes:
    """Return at most `limit` bytes of a regular file; SubmissionError names the file and says what to do."""
    with open_regular(path) as file:
        return file.read(limit)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read, without following a link or waiting for a pipe.

    Raises:
        SubmissionError: it is not one; the message names it and says what to do.
    """
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise SubmissionError(
            f"There is no file {path}. Are you in your workspace? `nnkata init` creates one."
        ) from None
    except OSError as error:
        reason = (
            "is a symbolic link: give the file itself" if path.is_symlink() else f"cannot be opened ({error.strerror})"
        )
        raise SubmissionError(f"{path} {reason}.") from None
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        raise SubmissionError(
            f"{path} is {'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}: give a Python file."
        )
    return os.fdopen(fd, "rb")


def from_bytes(name: str, data: bytes) -> Submission:
    """Return the submission that a script's bytes hold; SubmissionError if it is too large, binary or not UTF-8."""
    if len(data) > MAX_SOURCE_BYTES:
        raise SubmissionError(
            f"{name} is larger than {MAX_SOURCE_BYTES:,} bytes, ten times what a solution needs. Is it the right file?"
        )
    if b"\0" in data:
        raise SubmissionError(f"{name} is a binary file: give Python source text.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SubmissionError(
            f"{name}, line {line}: the text is not UTF-8. Save the file as UTF-8 in your editor."
        ) from None
    return Submission(name, text.replace("\r\n", "\n").replace("\r", "\n"), hashlib.sha256(data).hexdigest())


def parse(submission: Submission) -> ast.Module:
    """Return the submission's syntax tree; SubmissionError says where the syntax is wrong."""
    if not submission.text.strip():
        raise SubmissionError(f"{submission.name} is empty. `nnkata reset` restores the stub.")
    try:
        tree = ast.parse(submission.text)
        check_depth(tree)
        return tree
    except SyntaxError as error:
        line = sanitize_line(error.text or "")
        raise SubmissionError(
            f"{submission.name}, line {error.lineno}: {error.msg}" + (f"\n    {line}" if line else "")
        ) from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise SubmissionError(
            f"{submission.name} cannot be parsed ({type(error).__name__}): it is nested too deeply."
        ) from None


def sanitize_line(line: str) -> str:
    """Return a line of a student's source, safe to show: stripped, cut and without control characters."""
    return strip_unprintable(line.strip()[:100])


def check_depth(tree: ast.Module) -> None:
    """Raise RecursionError for a tree that is too deep to be searched."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise RecursionError
