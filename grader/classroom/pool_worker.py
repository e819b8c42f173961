"""The program of one worker process of the pool: it grades the tasks that it is given, one by one, on one engine.

Tasks come as lines on standard input, events go back as lines on standard output; see `pool_messages`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, TextIO

from ..errors import GraderError, NnkataError
from ..exercise import catalog
from ..model import Result
from ..sandbox.fork_client import FULL, ForkServer, start_server
from ..sandbox.reader_client import Reader
from ..submission import reading
from ..submission.examination import Examined
from ..submission.reading import Unreadable
from ..worker import confinement
from .pool_messages import CannotStart, Failed, Finished, Ready, Task, to_line

if TYPE_CHECKING:
    from ..engine.engine import Engine


def main() -> None:
    """Grade tasks until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    if sys.platform.startswith("linux"):
        confinement.die_with_parent()
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever is printed here must not be taken for an event
    server = start_server(catalog.private_roots())  # it imports torch while this process does
    reader = Reader()
    reader.warm_up()
    signal.signal(signal.SIGTERM, lambda *_: _exit_now(server))
    gc.disable()  # importing torch makes millions of objects, none of them garbage
    from ..engine.engine import Engine

    gc.freeze()
    gc.enable()
    with Engine(server, reader) as engine:
        signal.signal(signal.SIGTERM, lambda *_: _exit_now(engine.server))
        try:
            layers = server.ready()
        except GraderError as error:
            _send(events, CannotStart(str(error), rss=rss()))
            return
        _send(events, Ready(layers, complete=layers == FULL, rss=rss()))
        for line in sys.stdin:
            event, fit = _run_task(engine, Task.from_json(line))
            _send(events, event)
            if not fit:
                return


def _send(events: TextIO, event: Ready | CannotStart | Finished | Failed) -> None:
    events.write(to_line(event))
    events.flush()


def _run_task(engine: Engine, task: Task) -> tuple[Finished | Failed, bool]:
    """Grade one submission; return what became of it, and True if this process is fit for another."""
    from ..feedback import report

    try:
        result, digest = _grade(engine, task)
        return Finished(report.to_dict(result), digest, rss=rss()), True
    except NnkataError as error:
        engine.close()  # the next submission gets a fresh server: this one may be what failed
        return Failed(str(error), rss=rss()), True
    except Exception as error:  # a bug of ours: reported, and this process ends, since nothing about it is sure now
        return Failed(f"{type(error).__name__}: {error}", rss=rss()), False


def _grade(engine: Engine, task: Task) -> tuple[Result, str]:
    """Return the result, and the SHA-256 of the bytes that it is about (or of why there are none)."""
    from ..engine.engine import GradingRequest

    exercise = catalog.find(task.exercise)
    examined: Examined | Unreadable
    if task.problem:
        examined, digest = Unreadable(task.place.name, task.problem), reading.digest_of_reason(task.problem)
    else:
        examined, digest = engine.reader.examine(task.place, exercise)
    return engine.grade(GradingRequest(exercise, examined, task.options, student=task.student)), digest


def rss() -> int:
    """Return the bytes of memory that this process holds; 0 where that is not known."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _exit_now(server: object) -> None:
    """End at once, and the fork server too, which would else notice only when it has imported torch."""
    if isinstance(server, ForkServer):
        with contextlib.suppress(OSError):
            server.process.kill()
    os._exit(143)


if __name__ == "__main__":
    main()
