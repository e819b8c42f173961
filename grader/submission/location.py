"""Where a submission's bytes lie, on disk or in a zip file, and how they are read. Needs no torch."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import SubmissionError
from . import notebook_cells
from .archives import CHUNK, Archive, opened
from .layouts import visible

INNER = 64 << 20
"""Bytes that a zip file inside of another may have."""

SCRIPT = 1 << 20
"""Bytes that are read of a script. What it may have is less, and said by whoever grades it."""


@dataclass(frozen=True)
class Place:
    """Where a file's bytes lie: on disk, or in a zip file there; `members` lead through zips inside of zips."""

    path: Path
    members: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's own name, on one line."""
        return visible(re.split(r"[/\\]", self.members[-1])[-1] if self.members else self.path.name)

    @property
    def notebook(self) -> bool:
        """Whether it is called like a notebook."""
        return self.name.lower().endswith(".ipynb")

    @property
    def limit(self) -> int:
        """Bytes that are read of it: one more than it may have."""
        return (notebook_cells.SIZE if self.notebook else SCRIPT) + 1


def regular(path: Path) -> BinaryIO:
    """A regular file, opened without following a link or waiting for a pipe; SubmissionError if it is none."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise SubmissionError(f"{visible(path.name)} cannot be opened ({error.strerror}).") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SubmissionError(f"{visible(path.name)} is no regular file.")
    return os.fdopen(fd, "rb")


def read_from(file: BinaryIO, place: Place) -> bytes:
    """Return the bytes at a place, `limit` at most.

    Args:
        file: the file on disk that the place is in, open.

    Raises:
        SubmissionError: they cannot be had.
    """
    return b"".join(_chunks(file, place))


def digest_from(file: BinaryIO, place: Place) -> str:
    """Return the SHA-256 of what `read_from` returns, without holding it."""
    digest = hashlib.sha256()
    for chunk in _chunks(file, place):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: BinaryIO, place: Place) -> Iterator[bytes]:
    if place.members:
        with contextlib.ExitStack() as stack:
            archive = stack.enter_context(contextlib.closing(Archive(file, visible(place.path.name))))
            for name in place.members[:-1]:
                inner = opened(archive.read(name, INNER), visible(name))
                archive = stack.enter_context(contextlib.closing(inner))
            yield from archive.chunks(place.members[-1], place.limit)
        return
    left = place.limit
    while left > 0 and (chunk := file.read(min(CHUNK, left))):
        left -= len(chunk)
        yield chunk
