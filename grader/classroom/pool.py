"""The judges of a class as their parent sees them: processes that are fed one submission at a time, watched, and
replaced when they die, hang or grow. Needs no torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import GraderError, NotConfined
from ..model import GradingOptions
from ..submission.location import Location

START_SECONDS = 180.0
"""How long a judge and its worker server may take to import torch on a slow, busy machine."""

OLD, GROWN = 200, 300 << 20
"""A judge that has served so often and grown by so many bytes is replaced."""

COMMAND = (sys.executable, "-P", "-m", "nnkata.grader.classroom.pool_worker")
"""-P: nothing of the current folder is imported."""

ATTEMPTS = 2
HOPELESS = 3
"""Judges that end before they have begun, one after another, until the run is given up."""


@dataclass(frozen=True)
class Task:
    """One submission to grade, as it travels to a judge.

    Attributes:
        seconds: a generous bound for a judge that works; beyond it, it hangs.
        problem: why there is nothing to read, if so.
    """

    student: str
    exercise: str
    place: Location
    options: GradingOptions
    seconds: float = 300.0
    problem: str = ""

    def to_json(self) -> str:
        """One line; every character that is not ASCII is escaped, so that any file name survives."""
        place = [str(self.place.path), *self.place.members]
        return json.dumps({**asdict(self), "place": place, "options": self.options.to_dict()})

    @staticmethod
    def from_json(line: str) -> Task:
        """The task of a line."""
        table = json.loads(line)
        path, *members = table.pop("place")
        options = GradingOptions.from_dict(table.pop("options"))
        return Task(place=Location(Path(path), tuple(members)), options=options, **table)


@dataclass(frozen=True)
class Answer:
    """What became of a task: a result as `report.to_dict` gives it, or why there is none.

    Attributes:
        file: SHA-256 of the bytes that were graded.
    """

    task: Task
    result: dict[str, Any] | None = None
    file: str = ""
    error: str = ""


class Judge:
    """One process.

    Attributes:
        task: what it works on, None while it is free; for the `attempt`-th time.
        ready: it has imported torch and can confine.
        last: how it ended, if that was seen.
    """

    def __init__(self) -> None:
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the judge)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the parent, which ends the judges itself
        )
        assert self.process.stdin and self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout
        self.task: Task | None = None
        self.ready, self.attempt, self.last = False, 1, ""
        self.deadline = time.monotonic() + START_SECONDS
        self.served = self.rss = self.first_rss = self.server = 0
        self._buffer = b""

    def give(self, task: Task, attempt: int = 1) -> None:
        """Hand over a task. A dead judge is noticed when it is listened to."""
        self.attempt = attempt
        self.task, self.deadline = task, time.monotonic() + task.seconds
        with contextlib.suppress(OSError):
            self.input.write(task.to_json().encode() + b"\n")
            self.input.flush()

    def hear(self) -> dict[str, Any] | None:
        """What it says next, empty if that is not complete yet; None if it has ended."""
        data = os.read(self.output.fileno(), 1 << 20)
        if not data:
            return None
        line, newline, rest = (self._buffer + data).partition(b"\n")
        self._buffer = rest if newline else line
        if not newline:
            return {}
        said: dict[str, Any] = json.loads(line)
        self.rss, self.server = said.get("rss", 0), said.get("server", 0)
        return said

    @property
    def grown(self) -> bool:
        """Whether it has served long and holds much more memory than at first."""
        return self.served >= OLD and self.rss > self.first_rss + GROWN

    def end(self, patience: float = 0.0) -> str:
        """End it and its worker server, at once or after it had the time to; how it ended."""
        with contextlib.suppress(OSError):
            self.input.close()
        for stop, seconds in ((None, patience), (self.process.terminate, 2.0), (self.process.kill, 10.0)):
            if stop and self.process.poll() is None:
                stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                break
        code = self.process.returncode
        if self.errors.closed:
            return f"ended (exit {code})"
        self.output.close()
        self.errors.seek(0)
        words = self.errors.read()[-600:].decode("utf-8", "replace").strip()
        self.errors.close()
        how = f"ended with {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended (exit {code})"
        return f"{how}; it said: {words}" if words else how


class Jury:
    """Some judges that share the tasks. Close it when done: no process is left.

    Args:
        count: how many judges.
        confined: refuse to go on where confinement is not whole.
    """

    def __init__(self, count: int, confined: bool = True) -> None:
        self.count, self.confined = count, confined
        self.judges: list[Judge] = []
        self.waiting: deque[tuple[Task, int]] = deque()
        self.stillborn = 0

    def __enter__(self) -> Jury:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every judge at once."""
        for judge in self.judges:
            judge.process.terminate()
        for judge in self.judges:
            judge.end()
        self.judges.clear()

    def judged(self, tasks: Iterable[Task]) -> Iterator[Answer]:
        """What becomes of each task, in the order in which they are done.

        Raises:
            GraderError: no judge can be started, or this machine cannot confine.
        """
        self.waiting = deque((task, 1) for task in tasks)
        self.judges = [Judge() for _ in range(min(self.count, len(self.waiting)))]
        while self.waiting or any(judge.task for judge in self.judges):
            self._feed()
            for judge, said in self._heard():
                if said is not None and not judge.ready:
                    self._begun(judge, said)
                elif said is None or "result" in said or "error" in said:
                    task, attempt = judge.task, judge.attempt
                    error = self._replaced(judge) if said is None else self._served(judge, said)
                    self._feed()
                    if task is None:
                        pass
                    elif said is not None and not error:
                        yield Answer(task, said["result"], said["file"])
                    elif attempt < ATTEMPTS:
                        self.waiting.append((task, attempt + 1))
                    else:
                        yield Answer(task, error=error)

    def _feed(self) -> None:
        """Give every free judge something to do."""
        for judge in self.judges:
            if self.waiting and judge.ready and judge.task is None:
                judge.give(*self.waiting.popleft())

    def _heard(self) -> list[tuple[Judge, dict[str, Any] | None]]:
        """What the judges say next; None of one that has ended, or is beyond its time."""
        busy = [judge for judge in self.judges if judge.task or not judge.ready]
        with selectors.DefaultSelector() as selector:
            for judge in self.judges:
                selector.register(judge.output, selectors.EVENT_READ, judge)
            left = min((judge.deadline for judge in busy), default=time.monotonic()) - time.monotonic()
            speaking: list[Judge] = [key.data for key, _ in selector.select(max(left, 0.0))]
        late = [judge for judge in busy if judge not in speaking and time.monotonic() > judge.deadline]
        for judge in late:
            judge.last = "hung and was stopped"
        return [*((judge, judge.hear()) for judge in speaking), *((judge, None) for judge in late)]

    def _begun(self, judge: Judge, said: dict[str, Any]) -> None:
        if "broken" in said:
            judge.last = said["broken"]
        elif "ready" in said:
            if self.confined and not said["whole"]:
                raise NotConfined(said["ready"])
            judge.ready, self.stillborn = True, 0

    def _served(self, judge: Judge, said: dict[str, Any]) -> str:
        """Free a judge that has answered; what went wrong, if anything did."""
        judge.task = None
        judge.served += 1
        judge.first_rss = judge.first_rss or judge.rss
        if judge.grown:
            self._replaced(judge, patience=5.0)
        return str(said.get("error", ""))

    def _replaced(self, judge: Judge, patience: float = 0.2) -> str:
        """Put another judge in the place of one; how that one ended."""
        how = judge.last or judge.end(patience)
        judge.end(patience)
        if not judge.ready:
            self.stillborn += 1
            if self.stillborn >= HOPELESS:
                self.judges.remove(judge)
                raise GraderError(f"no judge can be started: the last one {how}")
        self.judges[self.judges.index(judge)] = Judge()
        return f"the process that graded it {how}"
