"""Writing files so that nothing is lost and nothing is followed: whole or not at all, and never through a link.

And two folders that every process seems to have, and some do not: the home folder and the working folder.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import UsageError


def find_home_folder() -> Path | None:
    """Return the home folder, or None for a user without one: no HOME, and no entry in the password file."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def find_working_folder() -> Path:
    """Return the working folder; UsageError if it has been deleted."""
    try:
        return Path.cwd().resolve()
    except FileNotFoundError:
        raise UsageError("The folder that you are in has been deleted: cd into another one, and try again.") from None


def write_whole(file: Path, text: str) -> None:
    """Write a file whole or not at all: beside, then renamed over what was there, which is never written through."""
    fd, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:100]}-")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(name, _mode(file))
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_new(folder: Path, name: str, data: bytes) -> bool:
    """Write a new file into a folder that others fill; False, and nothing written, if anything has its name already.

    A link that leads nowhere is something, too: it is not followed. Neither is the folder itself, if it is a link.

    Raises:
        OSError: the folder is none, or cannot be written.
    """
    if os.sep in name or name in ("", ".", ".."):
        raise ValueError(f"{name!r} is no name of a file")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        if os.open not in os.supports_dir_fd:
            fd = os.open(folder / name, flags, 0o644)
        else:
            with _open_folder(folder) as inside:
                fd = os.open(name, flags, 0o644, dir_fd=inside)
    except FileExistsError:
        return False
    with os.fdopen(fd, "wb") as out:
        out.write(data)
    return True


@contextlib.contextmanager
def _open_folder(folder: Path) -> Iterator[int]:
    """Yield a descriptor of a folder that is no link."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield fd
    finally:
        os.close(fd)


def _mode(file: Path) -> int:
    """Return the mode of the file that is replaced, or what the umask leaves of a new one's."""
    with contextlib.suppress(OSError):
        if stat.S_ISREG(mode := file.lstat().st_mode):
            return mode & 0o777
    mask = os.umask(0o077)  # there is no other way to ask for it
    os.umask(mask)
    return 0o666 & ~mask
