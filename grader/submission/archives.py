"""Untrusted zip files, read in memory: sizes and counts are bounded, and no member is ever extracted."""

from __future__ import annotations

import io
import stat
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from ..errors import SubmissionError

MAX_MEMBERS = 50_000
"""Most entries that an archive may list."""

MAX_DIRECTORY_BYTES = 8 << 20
"""Most bytes of an archive's list of entries, which is read as a whole before anything can be counted."""

MAX_COMPRESSION_RATIO = 200
"""How many times larger than compressed a member above `SMALL_BYTES` bytes may be."""

SMALL_BYTES = 1 << 20
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Member:
    """One file in an archive.

    Attributes:
        name: as the archive calls it.
        path: the same as folders and a file name; empty if it points outside the archive.
        modified: seconds since 1970, by the clock of the machine that packed it.
        link: true for a symbolic link.
    """

    name: str
    path: tuple[str, ...]
    modified: float
    link: bool


class Archive:
    """An open zip file.

    Args:
        file: its bytes, seekable.
        name: its name in messages.

    Raises:
        SubmissionError: the file is not a zip file, is damaged, or lists too much.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name, self.file = name, file
        try:
            # zipfile reads the whole list of entries before anything can be counted, so its reads are bounded
            self.zip = zipfile.ZipFile(cast(BinaryIO, _BoundedFile(file)))
        except Exception as error:  # a made-up archive may break the reader in any way
            raise self._broken(error) from None
        if len(self.zip.infolist()) > MAX_MEMBERS:
            count = len(self.zip.infolist())
            raise SubmissionError(f"{name}: it lists {count:,} files, more than the {MAX_MEMBERS:,} allowed.")

    def members(self) -> Iterator[Member]:
        """Yield its files in its order; of several with one name only the last, since that is the one `read` finds."""
        for entry in self.zip.infolist():
            if entry.is_dir() or self.zip.NameToInfo.get(entry.filename) is not entry:
                continue
            link = stat.S_ISLNK(entry.external_attr >> 16)
            yield Member(entry.filename, _split_path(entry.filename), _seconds(entry.date_time), link)

    def chunks(self, member: str, limit: int) -> Iterator[bytes]:
        """Yield a member's bytes, `limit` at most whatever size it declares; SubmissionError if it is damaged."""
        what = f"{self.name}: {member!r}"
        try:
            entry = self.zip.getinfo(member)
            if entry.flag_bits & 0x1:
                raise SubmissionError(f"{what} is encrypted: submit it without a password.")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise SubmissionError(f"{what} uses an unusual compression: pack it as an ordinary zip file.")
            with self.zip.open(entry) as file:
                left = limit
                while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
                    left -= len(chunk)
                    if limit - left > max(SMALL_BYTES, MAX_COMPRESSION_RATIO * entry.compress_size):
                        raise SubmissionError(
                            f"{what} expands to more than {MAX_COMPRESSION_RATIO} times its size, so it is not read."
                        )
                    yield chunk
        except SubmissionError:
            raise
        except Exception as error:  # a made-up archive may break the reader in any way
            raise self._broken(error) from None

    def read(self, member: str, limit: int) -> bytes:
        """Return `chunks` in one piece."""
        return b"".join(self.chunks(member, limit))

    def close(self) -> None:
        """Close the file."""
        self.zip.close()
        self.file.close()

    def _broken(self, error: Exception) -> SubmissionError:
        if isinstance(error, SubmissionError):
            return error
        what = "it is not a zip file" if isinstance(error, zipfile.BadZipFile) else f"{type(error).__name__}"
        return SubmissionError(f"{self.name} cannot be unpacked ({what}: {str(error)[:100]}). Pack it again.")


class _BoundedFile:
    """A file that refuses to read more than `MAX_DIRECTORY_BYTES` bytes at once."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, count: int = -1) -> bytes:
        if count > MAX_DIRECTORY_BYTES:
            raise SubmissionError("the zip file's list of contents is too long, so it is not read.")
        data = self.file.read(MAX_DIRECTORY_BYTES + 1 if count < 0 else count)
        if len(data) > MAX_DIRECTORY_BYTES:
            raise SubmissionError("the zip file's list of contents is too long, so it is not read.")
        return data


def open_archive(data: bytes, name: str) -> Archive:
    """Open the archive that these bytes are."""
    return Archive(io.BytesIO(data), name)


def _split_path(name: str) -> tuple[str, ...]:
    """Split a member's name into folders and a file; empty if it is absolute or climbs with `..`."""
    # old Windows tools write backslashes
    parts = tuple(name.replace("\\", "/").split("/"))
    tricks = any(part in ("", ".", "..") or "\0" in part for part in parts) or parts[0].endswith(":")
    return () if tricks else parts


def _seconds(date: tuple[int, int, int, int, int, int]) -> float:
    try:
        return time.mktime((*date, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0
