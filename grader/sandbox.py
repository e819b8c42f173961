"""A worker as the grader sees it: start, ask, limit, kill.

Everything a worker says is read with caps and a deadline; whatever
goes wrong in it becomes an `Outcome`, and only what goes wrong on our side is raised.
"""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import wire
from .errors import SandboxError, WireError
from .forkserver import Workers
from .model import Failure, Limits, Outcome, Value

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
        self.asked = 0
        answer = self._receive(time.monotonic() + 30.0, "starting")
        if not isinstance(answer, dict) or "ready" not in answer:
            refused = answer.get("refused") if isinstance(answer, dict) else "it said nonsense"
            self.kill()
            raise SandboxError(f"a worker could not confine itself: {refused}")
        self.confinement = str(answer["ready"])

    def load(self, source: str) -> Value:
        """Have the worker execute the student's module; its answer, as it claims it."""
        return self._ask({"op": "load", "source": source}, self.limits.import_seconds, "importing the file", None)

    def run(
        self,
        probe: str,
        args: list[Any],
        options: dict[str, Any],
        device: str,
        seconds: float,
        on_progress: Progress | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Value:
        """Have the worker run a probe; its answer, as it claims it. Died when it can answer no more.

        Args:
            meanwhile: called while the worker works; what it raises is raised when the answer has come.
        """
        self.asked += 1
        message = {"op": "run", "id": self.asked, "probe": probe, "args": args, "options": options, "device": device}
        return self._ask(message, seconds, "the call", on_progress, meanwhile)

    def kill(self) -> int | None:
        """End the worker, whatever it is doing; its exit code."""
        if not self.alive:
            return None
        self.alive = False
        self.channel.close()
        return self.process.kill()

    def _ask(
        self,
        message: dict[str, Any],
        seconds: float,
        what: str,
        on_progress: Progress | None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Value:
        deadline = time.monotonic() + seconds
        self._send(wire.encode(message, layout=True), deadline, what)
        try:
            if meanwhile:
                meanwhile()
        finally:
            answer = self._answer(message, deadline, what, on_progress)
        return answer

    def _answer(self, message: dict[str, Any], deadline: float, what: str, on_progress: Progress | None) -> Value:
        while True:
            answer = self._receive(deadline, what)
            said = answer.get("id") if isinstance(answer, dict) else "nonsense"
            if not isinstance(answer, dict) or not (said is None or (type(said) is int and said == message.get("id"))):
                raise self._end("refused", "the submission's process answered something that was not asked")
            numbers = answer.get("progress")
            if not isinstance(numbers, dict):
                return answer
            if on_progress:
                on_progress(numbers)

    def _send(self, data: bytes, deadline: float, what: str) -> None:
        view = memoryview(data)
        self.channel.setblocking(False)
        try:
            while view:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([], [self.channel], [], left)[1]:
                    raise self._late(deadline, what)
                view = view[self.channel.send(view) :]
        except (BrokenPipeError, ConnectionResetError):
            raise self._dead(what) from None

    def _receive(self, deadline: float, what: str) -> Value:
        self.channel.setblocking(False)

        def read(count: int) -> bytes:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.channel], [], [], left)[0]:
                raise self._late(deadline, what)
            return self.channel.recv(count)

        try:
            return wire.decode(wire.receive(read))
        except (EOFError, ConnectionResetError):
            raise self._dead(what) from None
        except WireError as error:
            raise self._end("refused", f"the submission's process sent what is no answer: {error}") from None

    def _late(self, deadline: float, what: str) -> Died:
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
        return Died(Failure("crash", "Crash", f"{what} {how}"))

    def _end(self, kind: Any, message: str) -> Died:  # Any: a FailureKind
        self.kill()
        return Died(Failure(kind, kind.capitalize(), message))


def failed(failure: Failure, seconds: float) -> Outcome:
    """The outcome of a call that brought nothing back."""
    return Outcome(None, failure, "", seconds)
