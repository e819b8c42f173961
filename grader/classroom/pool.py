"""The pool that grades a class: worker processes share the tasks; one that dies, hangs or grows is replaced.

Why it is not a library's: docs/design.md, "Why the pool is ours". Needs no torch.
"""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import GraderError, NotConfined
from .pool_messages import CannotStart, Ended, Event, Failed, Finished, Ready, Task
from .pool_process import PoolWorker

MAX_ATTEMPTS = 2
"""Times that a task is tried."""

MAX_FAILED_STARTS = 3
"""Workers that end before they are ready, one after another, until the run is given up."""


@dataclass(frozen=True)
class TaskOutcome:
    """What became of a task: a result as `report.to_dict` gives it, or the reason why there is none.

    Attributes:
        digest: SHA-256 of the bytes that were graded.
    """

    task: Task
    result: dict[str, Any] | None = None  # Any: read with `report.from_dict`
    digest: str = ""
    error: str = ""


class Pool:
    """Some workers that share the tasks. Close it when done: no process is left.

    Args:
        count: how many workers.
        require_confinement: refuse to go on where confinement is not complete.
    """

    def __init__(self, count: int, *, require_confinement: bool = True) -> None:
        self.count, self.require_confinement = count, require_confinement
        self.workers: list[PoolWorker] = []
        self.queue: deque[tuple[Task, int]] = deque()
        self.failed_starts = 0

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop every worker at once."""
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.stop()
        self.workers.clear()

    def run(self, tasks: Iterable[Task]) -> Iterator[TaskOutcome]:
        """Yield the outcome of each task as it is done; tasks are begun in the order in which they come.

        Raises:
            GraderError: no worker can be started.
            NotConfined: this machine cannot confine submissions.
        """
        self.queue = deque((task, 1) for task in tasks)
        self.workers = [PoolWorker() for _ in range(min(self.count, len(self.queue)))]
        while self.queue or any(worker.task for worker in self.workers):
            self._assign()
            for worker, event in self._wait():
                yield from self._handle(worker, event)

    def _assign(self) -> None:
        """Give every free worker something to do."""
        for worker in self.workers:
            if self.queue and not worker.busy:
                worker.start_task(*self.queue.popleft())

    def _wait(self) -> list[tuple[PoolWorker, Event]]:
        """Wait until workers have something to say, or are late; return what became of them."""
        busy = [worker for worker in self.workers if worker.busy]
        seconds = min((worker.deadline for worker in busy), default=time.monotonic()) - time.monotonic()
        with selectors.DefaultSelector() as selector:
            for worker in self.workers:  # the free ones too: they may die while they wait
                selector.register(worker, selectors.EVENT_READ, worker)
            readable = [key.data for key, _ in selector.select(max(seconds, 0.0))]
        late = [worker for worker in busy if worker not in readable and time.monotonic() > worker.deadline]
        events = [(worker, event) for worker in readable for event in worker.read_events()]
        return [*events, *((worker, Ended("hung and was stopped")) for worker in late)]

    def _handle(self, worker: PoolWorker, event: Event) -> Iterator[TaskOutcome]:
        """Do what an event asks for, and yield the task's outcome if that is decided now."""
        if worker not in self.workers:  # it was replaced by what an earlier event of the same reading asked for
            return
        match event:
            case Ready():
                self._accept(worker, event)
            case Finished(result=result, digest=digest):
                task, _ = self._release(worker)
                if task is not None:
                    yield TaskOutcome(task, result=result, digest=digest)
            case Failed(reason=reason):
                task, attempt = self._release(worker)
                yield from self._retry_or_give_up(task, attempt, reason)
            case CannotStart(reason=reason) | Ended(reason=reason):
                self._replace(worker, reason)
                yield from self._retry_or_give_up(worker.task, worker.attempt, f"the process that graded it {reason}")

    def _accept(self, worker: PoolWorker, event: Ready) -> None:
        """Take a worker that is ready, unless it cannot confine and must."""
        if self.require_confinement and not event.complete:
            raise NotConfined(event.confinement)
        worker.ready, self.failed_starts = True, 0

    def _release(self, worker: PoolWorker) -> tuple[Task | None, int]:
        """Free a worker, replaced if it has grown too much; return the task that it had, and which attempt it was."""
        task, attempt = worker.release()
        if worker.overgrown:
            self._replace(worker, "has grown too much", grace_seconds=5.0)
        self._assign()  # before an outcome is handed out: what becomes of it takes a while
        return task, attempt

    def _replace(self, worker: PoolWorker, reason: str, *, grace_seconds: float = 0.2) -> None:
        """Put a fresh worker in the place of one, which is stopped if it runs still."""
        worker.stop(grace_seconds)
        if not worker.ready:
            self.failed_starts += 1
            if self.failed_starts >= MAX_FAILED_STARTS:
                self.workers.remove(worker)
                raise GraderError(f"no grading process can be started: the last one {reason}")
        self.workers[self.workers.index(worker)] = PoolWorker()

    def _retry_or_give_up(self, task: Task | None, attempt: int, reason: str) -> Iterator[TaskOutcome]:
        """Queue a task once more, behind all others, or yield that it failed; nothing if the worker had no task."""
        if task is None:
            return
        if attempt < MAX_ATTEMPTS:
            self.queue.append((task, attempt + 1))
        else:
            yield TaskOutcome(task, error=reason)
