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


class Reader:
    """Reads places; the archive that was read last stays open, since its neighbours are likely to be asked for."""

    def __init__(self) -> None:
        self._key: tuple[Path, tuple[str, ...]] | None = None
        self._archive: Archive | None = None

    def chunks(self, place: Place) -> Iterator[bytes]:
        """The bytes at a place, piece by piece, `limit` at most; SubmissionError if they cannot be had."""
        if place.members:
            yield from self._opened(place.path, place.members[:-1]).chunks(place.members[-1], place.limit)
            return
        left = place.limit
        with regular(place.path) as file:
            while left > 0 and (chunk := file.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk

    def read(self, place: Place) -> bytes:
        """`chunks` in one piece."""
        return b"".join(self.chunks(place))

    def digest(self, place: Place) -> str:
        """The SHA-256 of the bytes at a place."""
        digest = hashlib.sha256()
        for chunk in self.chunks(place):
            digest.update(chunk)
        return digest.hexdigest()

    def close(self) -> None:
        """Let go of what is open."""
        if self._archive:
            self._archive.close()
        self._archive = self._key = None

    def _opened(self, path: Path, inner: tuple[str, ...]) -> Archive:
        if self._key == (path, inner) and self._archive:
            return self._archive
        self.close()
        archive = _archive(path)
        for name in inner:
            with contextlib.closing(archive):
                data = archive.read(name, INNER)
            archive = opened(data, visible(name))
        self._key, self._archive = (path, inner), archive
        return archive


def _archive(path: Path) -> Archive:
    file = regular(path)
    try:
        return Archive(file, visible(path.name))
    except SubmissionError:
        file.close()
        raise
