"""The lines of JSON between the pool and its worker processes: a task goes to a worker, events come back.

    to a worker     {"student":…, "exercise":…, "place":[path, member, …], "options":{…}, "seconds":…, "problem":…}
    from a worker   {"ready":"landlock+seccomp", "whole":true}     once, when torch is imported
                    {"broken":"why"}                               instead of it; the process ends then
                    {"result":{…}, "file":"SHA-256"}               for each task
                    {"error":"why"}                                instead of a result

Every line from a worker has "rss" too, the bytes of memory that it holds. Each line is parsed once, here. Plain JSON
and not pickles: nothing that comes from a worker decides what is imported or run in the parent. Needs no torch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..model import GradingOptions
from ..submission.location import Location


@dataclass(frozen=True)
class Task:
    """One submission to grade.

    Attributes:
        seconds: a generous bound for a worker that works; beyond it, it hangs.
        problem: why there is nothing to read, if so.
    """

    student: str
    exercise: str
    place: Location
    options: GradingOptions
    seconds: float = 300.0
    problem: str = ""

    def to_json(self) -> str:
        """Return one line; every character that is not ASCII is escaped, so that any file name survives."""
        place = [str(self.place.path), *self.place.members]
        return json.dumps({**asdict(self), "place": place, "options": self.options.to_dict()})

    @staticmethod
    def from_json(line: str) -> Task:
        """Return the task that a line holds."""
        table = json.loads(line)
        path, *members = table.pop("place")
        options = GradingOptions.from_dict(table.pop("options"))
        return Task(place=Location(Path(path), tuple(members)), options=options, **table)


@dataclass(frozen=True)
class _FromWorker:
    """The base of what a worker sends.

    Attributes:
        rss: bytes of memory that its process holds; 0 where that is not known.
    """

    rss: int = field(default=0, kw_only=True)


@dataclass(frozen=True)
class Ready(_FromWorker):
    """The worker has imported torch and waits for tasks.

    Attributes:
        confinement: the layers that it can confine submissions with, for a person to read.
        complete: these are all layers.
    """

    confinement: str
    complete: bool


@dataclass(frozen=True)
class CannotStart(_FromWorker):
    """The worker cannot grade on this machine, and ends."""

    reason: str


@dataclass(frozen=True)
class Finished(_FromWorker):
    """The worker has graded its task.

    Attributes:
        result: as `report.to_dict` gives it.
        digest: SHA-256 of the bytes that were graded.
    """

    result: dict[str, Any]  # Any: read with `report.from_dict`
    digest: str


@dataclass(frozen=True)
class Failed(_FromWorker):
    """The worker could not grade its task; it may be able to grade another."""

    reason: str


@dataclass(frozen=True)
class Ended:
    """The worker's process has ended, or has to be: seen by the parent, never sent."""

    reason: str


Event = Ready | CannotStart | Finished | Failed | Ended


def to_line(event: Ready | CannotStart | Finished | Failed) -> str:
    """Return the line that a worker sends for an event."""
    match event:
        case Ready():
            table: dict[str, object] = {"ready": event.confinement, "whole": event.complete}
        case CannotStart():
            table = {"broken": event.reason}
        case Finished():
            table = {"result": event.result, "file": event.digest}
        case Failed():
            table = {"error": event.reason}
    return json.dumps({**table, "rss": event.rss}) + "\n"


def parse_event(line: bytes) -> Ready | CannotStart | Finished | Failed:
    """Return the event that a worker's line holds.

    Raises:
        ValueError: it holds none.
    """
    table = json.loads(line)
    rss = table.get("rss", 0) if isinstance(table, dict) else 0
    match table:
        case {"ready": str(confinement), "whole": bool(complete)}:
            return Ready(confinement, complete=complete, rss=rss)
        case {"broken": str(reason)}:
            return CannotStart(reason, rss=rss)
        case {"result": dict(result), "file": str(digest)}:
            return Finished(result, digest, rss=rss)
        case {"error": str(reason)}:
            return Failed(reason, rss=rss)
    raise ValueError(f"not a worker's message: {line[:100]!r}")
