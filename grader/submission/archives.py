"""Zip files that a stranger made, read in memory: bounded in sizes and counts, and no member is ever extracted."""

from __future__ import annotations

import io
import stat
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from ..errors import SubmissionError

MEMBERS = 50_000
"""Entries that an archive may list."""

DIRECTORY = 8 << 20
"""Bytes that the list of an archive's entries may take; it is read as a whole before anything can be counted."""

RATIO = 200
"""How many times larger than its compressed form a member above `SMALL` bytes may be."""

SMALL = 1 << 20
CHUNK = 1 << 16


@dataclass(frozen=True)
class Member:
    """One file in an archive.

    Attributes:
        name: as the archive calls it.
        path: the same as folders and a file name; empty if it leads out of the archive.
        modified: seconds since 1970, by the clock of whoever packed it.
        link: it is a symbolic link.
    """

    name: str
    path: tuple[str, ...]
    modified: float
    link: bool


class Archive:
    """An open zip file.

    Args:
        file: its bytes, which may seek.
        name: what it is called in messages.

    Raises:
        SubmissionError: it is no zip file, a damaged one, or one with far too much in it.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name, self.file = name, file
        try:
            # zipfile reads the whole list of entries before anything can be counted, so its reads are bounded
            self.zip = zipfile.ZipFile(cast(BinaryIO, _Sparing(file)))
        except Exception as error:  # a made-up archive may break the reader in any way
            raise self._broken(error) from None
        if len(self.zip.infolist()) > MEMBERS:
            raise SubmissionError(f"{name}: it lists {len(self.zip.infolist()):,} files; {MEMBERS:,} are read at most.")

    def members(self) -> Iterator[Member]:
        """Its files, in its order; of those that bear the same name only the last, which is the one that is read."""
        for entry in self.zip.infolist():
            if entry.is_dir() or self.zip.NameToInfo.get(entry.filename) is not entry:
                continue
            link = stat.S_ISLNK(entry.external_attr >> 16)
            yield Member(entry.filename, _path(entry.filename), _seconds(entry.date_time), link)

    def chunks(self, member: str, limit: int) -> Iterator[bytes]:
        """A member's bytes, `limit` of them at most, whatever it says of its own size; SubmissionError if it breaks."""
        what = f"{self.name}: {member!r}"
        try:
            entry = self.zip.getinfo(member)
            if entry.flag_bits & 0x1:
                raise SubmissionError(f"{what} is encrypted: hand it in without a password.")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise SubmissionError(f"{what} is compressed in an unusual way: pack it as an ordinary zip file.")
            with self.zip.open(entry) as file:
                left = limit
                while left > 0 and (chunk := file.read(min(CHUNK, left))):
                    left -= len(chunk)
                    if limit - left > max(SMALL, RATIO * entry.compress_size):
                        raise SubmissionError(f"{what} swells to more than {RATIO} times its size: it is not read.")
                    yield chunk
        except SubmissionError:
            raise
        except Exception as error:  # see above
            raise self._broken(error) from None

    def read(self, member: str, limit: int) -> bytes:
        """`chunks` in one piece."""
        return b"".join(self.chunks(member, limit))

    def close(self) -> None:
        """Let go of the file."""
        self.zip.close()
        self.file.close()

    def _broken(self, error: Exception) -> SubmissionError:
        if isinstance(error, SubmissionError):
            return error
        what = "it is no zip file" if isinstance(error, zipfile.BadZipFile) else f"{type(error).__name__}"
        return SubmissionError(f"{self.name} cannot be unpacked ({what}: {str(error)[:100]}). Pack it anew.")


class _Sparing:
    """A file that gives no more than `DIRECTORY` bytes at once."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, count: int = -1) -> bytes:
        if count > DIRECTORY:
            raise SubmissionError("the list of what is in the zip file is far too long: it is not read.")
        data = self.file.read(DIRECTORY + 1 if count < 0 else count)
        if len(data) > DIRECTORY:
            raise SubmissionError("the list of what is in the zip file is far too long: it is not read.")
        return data


def opened(data: bytes, name: str) -> Archive:
    """The archive that these bytes are."""
    return Archive(io.BytesIO(data), name)


def _path(name: str) -> tuple[str, ...]:
    """A member's name as folders and a file; empty if it is absolute or climbs. Old Windows tools write backslashes."""
    parts = tuple(name.replace("\\", "/").split("/"))
    tricks = any(part in ("", ".", "..") or "\0" in part for part in parts) or parts[0].endswith(":")
    return () if tricks else parts


def _seconds(date: tuple[int, int, int, int, int, int]) -> float:
    try:
        return time.mktime((*date, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0
