"""A worker as the grader sees it: start, ask, limit, kill.

Everything a worker says is read with caps and a deadline; whatever goes wrong in it becomes an `Outcome`, and only
what goes wrong on our side is raised. Questions may be asked ahead of the answers, so that the worker and the grader
work side by side; answers come in the order of the questions.
"""

from __future__ import annotations

import select
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import SandboxError, WireError
from ..model import Failure, Limits, Outcome, Value
from ..worker import wire
from .fork_client import Workers

Progress = Callable[[dict[str, Value]], None]


@dataclass(frozen=True)
class Defences:
    """Which layers of defence are in force. Production uses all of them; tests leave single ones out."""

    landlock: bool = True
    seccomp: bool = True
    guard_source: bool = True
    guard_calls: bool = True
    guard_operators: bool = True


ALL = Defences()


AHEAD = 32 << 10
"""Bytes of questions that may wait for their answers: they fit into the socket's buffer, so that nobody waits for a
worker to read while it waits for somebody to read."""

PATIENCE = 0.2
"""Seconds that a worker has at least, for answers that may be there already or that nobody wants any more."""


@dataclass(frozen=True)
class Question:
    """A question that a worker has not answered yet."""

    id: int
    seconds: float
    asked: float
    size: int


class Died(Exception):
    """The worker can answer no more."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Worker:
    """One confined process with one student's module in it."""

    def __init__(self, server: Workers, limits: Limits, config: dict[str, Any], defences: Defences = ALL) -> None:
        self.server, self.limits = server, limits
        full = {
            "threads": limits.threads,
            "memory_mb": limits.memory_mb,
            "cpu_seconds": int(limits.total_seconds * 2 * limits.threads) + 10,
            "landlock": defences.landlock,
            "seccomp": defences.seccomp,
            "guard_calls": defences.guard_calls,
            "guard_operators": defences.guard_operators,
            "gpu": False,
            **config,
        }
        self.process, self.channel = server.start(full)
        self.alive = True
        self.died = Died(Failure("crash", "Crash", "the submission's process was ended"))
        self.asked = 0
        self.open: deque[Question] = deque()
        self.answers: dict[int, Value] = {}
        self.answered = 0.0
        answer = self._receive(time.monotonic() + 30.0, "starting")
        if not isinstance(answer, dict) or "ready" not in answer:
            refused = answer.get("refused") if isinstance(answer, dict) else "it said nonsense"
            self.kill()
            raise SandboxError(f"a worker could not confine itself: {refused}")
        self.confinement = str(answer["ready"])

    def load(self, source: str) -> Value:
        """Have the worker execute the student's module; its answer, as it claims it."""
        what, deadline = "importing the file", time.monotonic() + self.limits.import_seconds
        try:
            self._send(wire.encode({"op": "load", "source": source}), deadline, what)
        except (BrokenPipeError, ConnectionResetError):
            raise self._dead(what) from None
        return self._answer(None, deadline, what, None)

    def ask(self, probe: str, args: list[Any], options: dict[str, Any], device: str, seconds: float) -> int:
        """Have the worker run a probe; the question's number. Died when it can answer no more."""
        self.asked += 1
        message = {
            "op": "run",
            "id": self.asked,
            "probe": probe,
            "args": args,
            "options": options,
            "device": device,
        }
        data = wire.encode(message, layout=True)
        while self.open and len(data) + sum(question.size for question in self.open) > AHEAD:
            self._take(None)
        try:
            self._send(data, time.monotonic() + seconds, "the call")
        except (BrokenPipeError, ConnectionResetError):
            if not self.open:
                raise self._dead("the call") from None
        self.open.append(Question(self.asked, seconds, time.monotonic(), len(data)))
        return self.asked

    def answer(self, number: int, on_progress: Progress | None = None) -> Value:
        """The answer to a question, as the worker claims it; Died when it can answer no more."""
        while number not in self.answers:
            if not self.alive:
                raise self.died
            self._take(on_progress)
        return self.answers.pop(number)

    def forget(self) -> None:
        """Take in the answers that nobody will call for; Died if they do not come at once."""
        until = time.monotonic() + PATIENCE
        while self.open:
            self._answer(self.open.popleft().id, until, "the call", None)
        self.answers.clear()

    def _take(self, on_progress: Progress | None) -> None:
        """Take in the next answer."""
        question = self.open.popleft()
        deadline = max(max(question.asked, self.answered) + question.seconds, time.monotonic() + PATIENCE)
        self.answers[question.id] = self._answer(question.id, deadline, "the call", on_progress)
        self.answered = time.monotonic()

    def kill(self) -> int | None:
        """End the worker, whatever it is doing; its exit code."""
        if not self.alive:
            return None
        self.alive = False
        self.channel.close()
        return self.process.kill()

    def _answer(self, number: int | None, deadline: float, what: str, on_progress: Progress | None) -> Value:
        while True:
            answer = self._receive(deadline, what)
            said = answer.get("id") if isinstance(answer, dict) else "nonsense"
            if not isinstance(answer, dict) or not (said is None or (type(said) is int and said == number)):
                raise self._end("refused", "the submission's process answered something that was not asked")
            numbers = answer.get("progress")
            if not isinstance(numbers, dict):
                return answer
            if on_progress:
                on_progress(numbers)

    def _send(self, data: bytes, deadline: float, what: str) -> None:
        view = memoryview(data)
        self.channel.setblocking(False)
        while view:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([], [self.channel], [], left)[1]:
                raise self._late(what)
            view = view[self.channel.send(view) :]

    def _receive(self, deadline: float, what: str) -> Value:
        self.channel.setblocking(False)

        def read(count: int) -> bytes:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.channel], [], [], left)[0]:
                raise self._late(what)
            return self.channel.recv(count)

        try:
            return wire.decode(wire.receive(read))
        except (EOFError, ConnectionResetError):
            raise self._dead(what) from None
        except WireError as error:
            raise self._end("refused", f"the submission's process sent what is no answer: {error}") from None

    def _late(self, what: str) -> Died:
        return self._end("timeout", f"{what} did not end in time and was stopped: is there a loop that never ends?")

    def _dead(self, what: str) -> Died:
        code = self.kill()
        name = signal.Signals(-code).name if code is not None and -code in {s.value for s in signal.Signals} else ""
        if name == "SIGXCPU" or name == "SIGKILL":
            how = "used more computing time or memory than it may"
        elif name:
            how = f"crashed ({name})"
        else:
            how = "ended the process it ran in (sys.exit, os._exit or the like)"
        self.died = Died(Failure("crash", "Crash", f"{what} {how}"))
        return self.died

    def _end(self, kind: Any, message: str) -> Died:  # Any: a FailureKind
        self.kill()
        self.died = Died(Failure(kind, kind.capitalize(), message))
        return self.died


def failed(failure: Failure, seconds: float) -> Outcome:
    """The outcome of a call that brought nothing back."""
    return Outcome(None, failure, "", seconds)
