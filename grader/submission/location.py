"""Locations of submissions, on disk or in a zip file, and a reader for their bytes. Needs no torch."""

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
from .archives import CHUNK_BYTES, Archive, open_archive
from .layouts import escape_unprintable

MAX_INNER_ZIP_BYTES = 64 << 20
"""Most bytes of a zip file inside another."""

MAX_SCRIPT_BYTES = 1 << 20
"""Bytes read of a script; its real limit is lower and is reported when it is graded."""


@dataclass(frozen=True)
class Location:
    """A file on disk, or in a zip file there; `members` lead through zips inside zips."""

    path: Path
    members: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's own name, on one line."""
        return escape_unprintable(re.split(r"[/\\]", self.members[-1])[-1] if self.members else self.path.name)

    @property
    def notebook(self) -> bool:
        """True if its name is a notebook's."""
        return self.name.lower().endswith(".ipynb")

    @property
    def limit(self) -> int:
        """Most bytes that are read of it: one more than allowed, so that too large a file is noticed."""
        return (notebook_cells.MAX_NOTEBOOK_BYTES if self.notebook else MAX_SCRIPT_BYTES) + 1


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file without following a link or waiting for a pipe; SubmissionError if it is not one."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise SubmissionError(f"{escape_unprintable(path.name)} cannot be opened ({error.strerror}).") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SubmissionError(f"{escape_unprintable(path.name)} is not a regular file.")
    return os.fdopen(fd, "rb")


def read_from(file: BinaryIO, location: Location) -> bytes:
    """Return the bytes at a location, `limit` at most.

    Args:
        file: the file on disk that the location is in, open.

    Raises:
        SubmissionError: they cannot be read.
    """
    return b"".join(_chunks(file, location))


def digest_from(file: BinaryIO, location: Location) -> str:
    """Return the SHA-256 of what `read_from` returns, without holding it."""
    digest = hashlib.sha256()
    for chunk in _chunks(file, location):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: BinaryIO, location: Location) -> Iterator[bytes]:
    if location.members:
        with contextlib.ExitStack() as stack:
            archive = stack.enter_context(contextlib.closing(Archive(file, escape_unprintable(location.path.name))))
            for name in location.members[:-1]:
                inner = open_archive(archive.read(name, MAX_INNER_ZIP_BYTES), escape_unprintable(name))
                archive = stack.enter_context(contextlib.closing(inner))
            yield from archive.chunks(location.members[-1], location.limit)
        return
    left = location.limit
    while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
        left -= len(chunk)
        yield chunk
