"""One worker process of the pool as its parent sees it: started, fed, read, watched, stopped. Needs no torch."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from typing import IO

from .pool_messages import Ended, Event, Task, parse_event

START_SECONDS = 180.0
"""Seconds that a worker and its fork server may take to import torch on a slow, busy machine."""

MIN_TASKS_BEFORE_REPLACEMENT, MAX_GROWTH_BYTES = 200, 300 << 20
"""A worker that has graded so many tasks and grown by more than so many bytes since the first is replaced."""

MAX_STDERR_BYTES = 600
"""Bytes, the last ones, that are quoted of what a process that ended wrote on standard error."""

COMMAND = (sys.executable, "-P", "-m", "nnkata.grader.classroom.pool_worker")
"""-P: nothing of the current folder is imported."""


class PoolWorker:
    """A process that grades one task after another; starting it does not wait until it is ready.

    Attributes:
        task: what it works on, None while it is free; for the `attempt`-th time.
        ready: it has said that it is ready, and was accepted.
        deadline: when it counts as hanging, by `time.monotonic`, while it starts or works.
    """

    def __init__(self) -> None:
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `stop`)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,  # a file: a pipe that nobody reads would fill up and block the worker
            env=environment,
            start_new_session=True,  # Ctrl-C is for the parent, which stops the workers itself
        )
        assert self.process.stdin and self.process.stdout
        self._stdin, self._stdout = self.process.stdin, self.process.stdout
        self._unread = b""
        self.task: Task | None = None
        self.attempt = 1
        self.ready = False
        self.deadline = time.monotonic() + START_SECONDS
        self.tasks_finished = self.rss = self.first_rss = 0

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when there are events; so a selector takes a worker as it is."""
        return self._stdout.fileno()

    @property
    def running(self) -> bool:
        """True as long as the process has not ended."""
        return self.process.poll() is None

    @property
    def busy(self) -> bool:
        """True while it starts or works, so that an event is due before `deadline`."""
        return self.task is not None or not self.ready

    @property
    def overgrown(self) -> bool:
        """True if it has graded many tasks and holds much more memory than after the first."""
        return self.tasks_finished >= MIN_TASKS_BEFORE_REPLACEMENT and self.rss > self.first_rss + MAX_GROWTH_BYTES

    def start_task(self, task: Task, attempt: int = 1) -> None:
        """Hand over a task. That the process is dead is noticed when its events are read, not here."""
        self.task, self.attempt = task, attempt
        self.deadline = time.monotonic() + task.seconds
        with contextlib.suppress(OSError):
            self._stdin.write(task.to_json().encode() + b"\n")
            self._stdin.flush()

    def release(self) -> tuple[Task | None, int]:
        """Take back the task, so that the worker is free; return it and which attempt it was."""
        task, self.task = self.task, None
        self.tasks_finished += 1
        self.first_rss = self.first_rss or self.rss
        return task, self.attempt

    def read_events(self) -> list[Event]:
        """Read what is there, which must be something: events that are complete; `Ended` once the process has ended."""
        data = os.read(self.fileno(), 1 << 20)
        if not data:
            return [Ended(self.stop(grace_seconds=0.2))]
        *lines, self._unread = (self._unread + data).split(b"\n")
        events: list[Event] = []
        for line in lines:
            try:
                event = parse_event(line)
            except ValueError as error:
                return [*events, Ended(f"sent what it should not ({error})")]
            self.rss = event.rss
            events.append(event)
        return events

    def wait_for_event(self) -> Event:
        """Wait for the next event, until `deadline` at the latest: then it is `Ended`, and the process is stopped.

        For a caller with one worker alone; the pool waits for all of its workers at once.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while selector.select(max(self.deadline - time.monotonic(), 0.0)):
                if events := self.read_events():
                    return events[0]
        self.stop()
        return Ended("took too long")

    def stop(self, grace_seconds: float = 0.0) -> str:
        """End the process and its fork server, at once or after it had the time to; return how it ended."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        for stop, seconds in ((None, grace_seconds), (self.process.terminate, 2.0), (self.process.kill, 10.0)):
            if stop and self.running:
                stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                break
        code = self.process.returncode
        how = f"ended with {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended (exit {code})"
        if self._stderr.closed:  # it was stopped before
            return how
        self._stdout.close()
        self._stderr.seek(0)
        words = self._stderr.read()[-MAX_STDERR_BYTES:].decode("utf-8", "replace").strip()
        self._stderr.close()
        return f"{how}; it said: {words}" if words else how
