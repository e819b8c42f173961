"""A worker as the grader sees it: start, ask, limit, kill.

Every reply of a worker is read with size limits and a deadline; whatever goes wrong in it becomes an `Outcome`, and
only what goes wrong on our side is raised. Questions may be asked ahead of the replies, so that the worker and the
grader work side by side; replies come in the order of the questions.
"""

from __future__ import annotations

import select
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import SandboxError, WireError
from ..model import Failure, FailureKind, Outcome, Value
from ..worker import wire
from ..worker.worker_config import WorkerConfig
from .fork_client import WorkerServer

Progress = Callable[[dict[str, Value]], None]


@dataclass(frozen=True)
class Defences:
    """Layers of defence that are in force. Production uses all of them; tests leave single ones out."""

    landlock: bool = True
    seccomp: bool = True
    guard_source: bool = True
    guard_calls: bool = True
    guard_operators: bool = True


ALL_DEFENCES = Defences()


MAX_QUEUED_BYTES = 32 << 10
"""Bytes of questions that may wait for their replies: they fit into the socket's buffer, so that nobody waits for a
worker to read while it waits for somebody to read."""

MIN_WAIT_SECONDS = 0.2
"""Seconds that a worker has at least, for replies that may be there already or that nobody wants any more."""

CONFINE_SECONDS = 30.0
"""Seconds that a worker may take to confine itself."""


REPLY_BYTES, REPLY_FACTOR = 4 << 20, 64
"""What a reply may weigh: so much, and so many times its question. An answer is made of what was asked."""


@dataclass(frozen=True)
class PendingQuestion:
    """A question that a worker has not answered yet.

    Attributes:
        seconds: how long the worker may take over it.
        asked_at: on the monotonic clock.
        size: bytes of the message.
    """

    id: int
    seconds: float
    asked_at: float
    size: int


class WorkerDied(Exception):
    """The worker can answer no more."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Worker:
    """One confined process with one student's module in it."""

    def __init__(self, server: WorkerServer, config: WorkerConfig) -> None:
        self.process, self.channel = server.start(config)
        self.alive = True
        self.death = WorkerDied(Failure(kind="crash", type="Crash", message="the submission's process was ended"))
        self.last_id = 0
        self.pending: deque[PendingQuestion] = deque()
        self.replies: dict[int, Value] = {}
        self.last_reply_at = 0.0
        reply = self._receive(time.monotonic() + CONFINE_SECONDS, "starting")
        if not isinstance(reply, dict) or "ready" not in reply:
            reason = reply.get("refused") if isinstance(reply, dict) else "malformed reply"
            self.kill()
            raise SandboxError(f"a worker could not confine itself: {reason}")
        self.confinement = str(reply["ready"])

    def load(self, source: str, seconds: float) -> Value:
        """Have the worker execute the student's module; return its untrusted reply."""
        activity, deadline = "importing the file", time.monotonic() + seconds
        try:
            self._send(wire.encode({"op": "load", "source": source}), deadline, activity)
        except (BrokenPipeError, ConnectionResetError):
            raise self._reap(activity) from None
        return self._receive_reply(None, deadline, activity)

    def ask(self, probe: str, args: list[Any], options: dict[str, Any], device: str, seconds: float) -> int:
        """Have the worker run a probe; return the question's number. WorkerDied when it can answer no more."""
        self.last_id += 1
        message = {
            "op": "run",
            "id": self.last_id,
            "probe": probe,
            "args": args,
            "options": options,
            "device": device,
        }
        data = wire.encode(message, layout=True)
        while self.pending and len(data) + sum(question.size for question in self.pending) > MAX_QUEUED_BYTES:
            self._receive_next()
        try:
            self._send(data, time.monotonic() + seconds, "the call")
        except (BrokenPipeError, ConnectionResetError):
            if not self.pending:
                raise self._reap("the call") from None
            # an earlier question ended it: whoever asks for that one's reply is told
        self.pending.append(
            PendingQuestion(id=self.last_id, seconds=seconds, asked_at=time.monotonic(), size=len(data))
        )
        return self.last_id

    def reply_to(self, question_id: int, on_progress: Progress | None = None) -> Value:
        """Wait for the untrusted reply to a question and return it; WorkerDied when the worker can answer no more."""
        while question_id not in self.replies:
            if not self.alive:
                raise self.death
            self._receive_next(on_progress)
        return self.replies.pop(question_id)

    def cancel_pending(self) -> None:
        """Drop the replies that nobody will call for; WorkerDied if they do not come at once."""
        deadline = time.monotonic() + MIN_WAIT_SECONDS
        while self.pending:
            self._receive_reply(self.pending.popleft().id, deadline, "the call")
        self.replies.clear()

    def kill(self) -> int | None:
        """End the worker, whatever it is doing; return its exit code, None if it was ended before."""
        if not self.alive:
            return None
        self.alive = False
        self.channel.close()
        return self.process.kill()

    def _receive_next(self, on_progress: Progress | None = None) -> None:
        """Receive the reply to the oldest pending question."""
        question = self.pending.popleft()
        # the worker starts a question only when it has answered the one before: its time runs from then on, or from
        # when it was asked if that is later. A grader that was slow to get here still gives it a moment, so that a
        # reply that came in time and lies in the socket's buffer counts
        started_at = max(question.asked_at, self.last_reply_at)
        deadline = max(started_at + question.seconds, time.monotonic() + MIN_WAIT_SECONDS)
        limits = _reply_limits(question.size)
        self.replies[question.id] = self._receive_reply(question.id, deadline, "the call", on_progress, limits=limits)
        self.last_reply_at = time.monotonic()

    def _receive_reply(
        self,
        question_id: int | None,
        deadline: float,
        activity: str,
        on_progress: Progress | None = None,
        *,
        limits: wire.SizeLimits = wire.UNTRUSTED,
    ) -> Value:
        """Return the reply to a question (None: to `load`), and report progress meanwhile; all before the deadline."""
        while True:
            reply = self._receive(deadline, activity, limits)
            if not isinstance(reply, dict) or not _is_reply_to(question_id, reply.get("id")):
                raise self._end("refused", "the submission's process sent a reply that nobody requested")
            numbers = reply.get("progress")
            if not isinstance(numbers, dict):
                return reply
            if on_progress:
                on_progress(numbers)

    def _send(self, data: bytes, deadline: float, activity: str) -> None:
        view = memoryview(data)
        self.channel.setblocking(False)
        while view:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not select.select([], [self.channel], [], remaining)[1]:
                raise self._time_out(activity)
            view = view[self.channel.send(view) :]

    def _receive(self, deadline: float, activity: str, limits: wire.SizeLimits = wire.UNTRUSTED) -> Value:
        self.channel.setblocking(False)

        def read(count: int) -> bytes:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not select.select([self.channel], [], [], remaining)[0]:
                raise self._time_out(activity)
            return self.channel.recv(count)

        try:
            return wire.decode(wire.receive(read, limits), limits=limits)
        except (EOFError, ConnectionResetError):
            raise self._reap(activity) from None
        except WireError as error:
            raise self._end("refused", f"the submission's process sent what is no answer: {error}") from None

    def _time_out(self, activity: str) -> WorkerDied:
        return self._end("timeout", f"{activity} did not end in time and was stopped: is there a loop that never ends?")

    def _reap(self, activity: str) -> WorkerDied:
        """Return how a worker that closed its channel ended."""
        code = self.kill()
        name = signal.Signals(-code).name if code is not None and -code in {s.value for s in signal.Signals} else ""
        if name in ("SIGXCPU", "SIGKILL"):
            end = "exceeded its CPU time or memory limit"
        elif name:
            end = f"crashed ({name})"
        else:
            end = "ended the process it ran in (sys.exit, os._exit or the like)"
        self.death = WorkerDied(Failure(kind="crash", type="Crash", message=f"{activity} {end}"))
        return self.death

    def _end(self, kind: FailureKind, message: str) -> WorkerDied:
        self.kill()
        self.death = WorkerDied(Failure(kind=kind, type=kind.capitalize(), message=message))
        return self.death


def failed_outcome(failure: Failure, seconds: float) -> Outcome:
    """Return the outcome of a call that brought nothing back."""
    return Outcome(value=None, failure=failure, prints="", seconds=seconds)


def _is_reply_to(question_id: int | None, reply_id: Value) -> bool:
    """Return True if a reply with this id may follow a question; one without an id always may."""
    return reply_id is None or (type(reply_id) is int and reply_id == question_id)  # True is no 1


def _reply_limits(question_bytes: int) -> wire.SizeLimits:
    payload = min(wire.UNTRUSTED.payload, REPLY_BYTES + REPLY_FACTOR * question_bytes)
    return replace(wire.UNTRUSTED, payload=payload)
