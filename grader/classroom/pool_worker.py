"""One judge of a class: a process that grades the submissions it is told of, one after another, on one engine.

Tasks come as lines of JSON on standard input, answers go back as lines on standard output; see `pool`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import GraderError, NnkataError
from ..exercise import catalog
from ..model import Result
from ..sandbox.fork_client import FULL, ForkServer, start_server
from ..sandbox.reader_client import Reader
from ..submission import reading
from ..submission.examination import Examined
from ..submission.reading import Unreadable
from ..worker import confinement
from .pool import Task

if TYPE_CHECKING:
    from ..engine.engine import Engine


def main() -> None:
    """Serve tasks until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    if sys.platform.startswith("linux"):
        confinement.die_with_parent()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever is printed here must not be taken for an answer

    def answer(**said: object) -> None:
        answers.write(json.dumps({**said, "rss": rss()}) + "\n")
        answers.flush()

    server = start_server(catalog.private_roots())  # it imports torch while this process does
    reader = Reader()
    reader.warm_up()
    signal.signal(signal.SIGTERM, lambda *_: _leave(server))
    gc.disable()  # importing torch makes millions of objects, none of them garbage
    from ..engine.engine import Engine

    gc.freeze()
    gc.enable()
    with Engine(server, reader) as engine:
        signal.signal(signal.SIGTERM, lambda *_: _leave(engine.server))
        try:
            answer(ready=server.ready(), whole=server.ready() == FULL, server=_pid(server))
        except GraderError as error:
            answer(broken=str(error))
            return
        for line in sys.stdin:
            if not _serve(engine, Task.from_json(line), answer):
                return


def _serve(engine: Engine, task: Task, answer: Callable[..., None]) -> bool:
    """Grade one submission; whether this process is fit for another."""
    from ..feedback import report

    try:
        result, digest = _graded(engine, task)
        answer(result=report.to_dict(result), file=digest, server=_pid(engine.server))
        return True
    except NnkataError as error:
        engine.close()  # the next submission gets a fresh server: this one may be what failed
        answer(error=str(error))
        return True
    except Exception as error:  # a bug of ours: told, and this process ends, since nothing about it is sure now
        answer(error=f"{type(error).__name__}: {error}")
        return False


def _graded(engine: Engine, task: Task) -> tuple[Result, str]:
    """The result, and the SHA-256 of the bytes that it is about."""
    from ..engine.engine import GradingRequest

    exercise = catalog.find(task.exercise)
    examined: Examined | Unreadable
    if task.problem:
        examined, digest = Unreadable(task.place.name, task.problem), reading.digest_of_reason(task.problem)
    else:
        examined, digest = engine.reader.examine(task.place, exercise)
    return engine.grade(GradingRequest(exercise, examined, task.options, student=task.student)), digest


def rss() -> int:
    """Bytes of memory that this process holds; 0 where that is not known."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _pid(server: object) -> int:
    return server.process.pid if isinstance(server, ForkServer) else 0


def _leave(server: object) -> None:
    """End at once, and the workers' server too, which would else notice only when it has imported torch."""
    if isinstance(server, ForkServer):
        with contextlib.suppress(OSError):
            server.process.kill()
    os._exit(143)


if __name__ == "__main__":
    main()
