"""`nnkata watch`: check again on every save from a warm server, move on when passed, and listen for keys."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text
from watchfiles import watch as changes

from ..errors import UsageError
from ..exercise import catalog
from ..feedback import report
from ..model import Exercise, Result
from . import service
from .workspace import Workspace

if TYPE_CHECKING:
    from ..engine.engine import Engine

KEYS_LINE = "[dim]watching {file} · h hint · n next · q quit[/]"
KEYLESS_LINE = "[dim]watching {file} · Ctrl-C ends it[/]"


def watch(wanted: str | None, console: Console) -> None:
    """Watch one exercise after another until the key q is pressed or all are passed."""
    space = service.current_workspace()
    exercise = catalog.find(wanted) if wanted else service.next_exercise(space)
    if exercise:
        try:
            with service.open_engine(exercise) as engine, _read_keys() as pressed:
                while exercise:
                    exercise = _watch_one(engine, space, exercise, console, pressed)
        except Quit:
            return
    console.print("Nothing left to watch. Run nnkata list to see your progress.")


class Quit(Exception):
    """The key q was pressed."""


def _watch_one(
    engine: Engine, space: Workspace, exercise: Exercise, console: Console, pressed: KeyReader
) -> Exercise | None:
    """Watch one exercise until it is passed or left; return the one to watch next, or None."""
    file = space.file(exercise)
    file.parent.mkdir(parents=True, exist_ok=True)
    seen = _fingerprint(file)
    result = _check(engine, space, exercise, console, pressed)
    for _ in changes(file.parent, debounce=50, step=10, rust_timeout=100, yield_on_timeout=True, raise_interrupt=True):
        key = pressed.key()
        if key == "q":
            raise Quit
        if key == "n":
            return service.next_exercise(space, exercise.id)
        if key == "h":
            _hint(space, exercise, result, console)
        if _fingerprint(file) != seen:  # saved again, perhaps while it was being checked
            seen = _fingerprint(file)
            console.clear()
            result = _check(engine, space, exercise, console, pressed)
            if result.status == "pass":
                following = service.next_exercise(space, exercise.id)
                if following:
                    console.print(f"[green]Passed.[/] On to {following.id}.")
                return following
    return None


def _fingerprint(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _check(engine: Engine, space: Workspace, exercise: Exercise, console: Console, pressed: KeyReader) -> Result:
    (request,) = service.grading_requests(service.CheckRequest(exercises=(exercise.id,)), space)
    result = service.check(engine, request, space)
    report.show(result, exercise.title, console)
    line = KEYS_LINE if pressed.listening else KEYLESS_LINE
    console.print(line.format(file=f"{exercise.id}/{exercise.module}"), highlight=False)
    if result.status != "pass" and not exercise.bars:  # those whose tests train would keep keys and saves waiting
        engine.foresee(exercise)  # while the student reads and thinks
    return result


def _hint(space: Workspace, exercise: Exercise, result: Result, console: Console) -> None:
    failing = [part.name for part in result.parts if part.status == "fail"]
    try:
        hint = service.hint(space, exercise, failing[0] if failing else None)
    except UsageError as error:
        console.print(f"\n{error}", highlight=False, markup=False)
        return
    console.print(
        f"\n[bold]{hint.part.name}[/] [dim]hint {hint.level} of {hint.of}[/]"
        if hint.level
        else f"\n[bold]{hint.part.name}[/]"
    )
    console.print(Padding(Text(hint.text), (0, 0, 1, 2)))


class KeyReader:
    """Reads single keys, without Enter, where standard input is a terminal."""

    def __init__(self, *, listening: bool) -> None:
        self.listening = listening

    def key(self) -> str:
        """Return the key that was pressed since the last call, or ""."""
        if self.listening and select.select([sys.stdin], [], [], 0)[0]:
            return os.read(sys.stdin.fileno(), 1).decode("ascii", "replace").lower()
        return ""


@contextlib.contextmanager
def _read_keys() -> Iterator[KeyReader]:
    if not sys.stdin.isatty() or not _has_single_keys():
        yield KeyReader(listening=False)
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield KeyReader(listening=True)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _has_single_keys() -> bool:
    """Return True if keys can be read without Enter: Windows cannot, nor can some terminals."""
    try:
        import termios
    except ImportError:
        return False
    try:
        termios.tcgetattr(sys.stdin)
    except termios.error:
        return False
    return True
