"""A student in confined workers: answers the judge's questions, whatever the submission does.

Parts that may not use the same things share a worker; the guard of each is in place before the module is loaded, and
never moves.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from functools import partial
from typing import Any

from ..errors import SandboxError
from ..exercise import content
from ..judge.describe import parse_failure, text_of
from ..judge.trial import PendingOutcome, parse_outcome
from ..model import Exercise, Failure, Limits, Outcome, Value
from ..submission.source import Submission
from ..worker.worker_config import TemplateConfig, WorkerConfig
from .fork_client import WorkerServer
from .worker_handle import ALL_DEFENCES, Defences, Progress, Worker, WorkerDied, failed_outcome

MAX_IMPORT_PRINTS = 4_000
"""Characters kept of what the module printed while it was imported."""


OUT_OF_REACH = re.compile(
    r"OSError: (<urlopen error |\[Errno (-\d+|1|2|13|17|27|30|38)\] )"
    r"|RuntimeError: (Error downloading|Dataset not found|Parent directory .* does not exist|.*open file failed with)",
    re.DOTALL,
)
"""Exceptions, with their messages, of code that reaches for a file, a program or the network."""

OUT_OF_REACH_ADVICE = (
    "While it is graded, your code has no files, no network and no other programs:"
    ' leave this out, or put it under `if __name__ == "__main__":`'
)


class ConfinedStudent:
    """See `trial.Student`. Close it when done.

    Attributes:
        confinement: what the workers are confined by.
        prints: what the module printed while it was imported, cut short.
        workers: by the names of what is forbidden in them.
        import_failures: of a module that raised an exception when it was imported, by the same names.
        load_failure: of a module that could not be loaded at all: it never finished, or ended its process.
        seconds_spent: of the exercise's limit for all calls together.
    """

    def __init__(
        self,
        server: WorkerServer,
        exercise: Exercise,
        submission: Submission,
        limits: Limits,
        *,
        defences: Defences = ALL_DEFENCES,
        on_progress: Progress | None = None,
        gpu: bool = False,
    ) -> None:
        self.server, self.exercise, self.submission, self.limits = server, exercise, submission, limits
        self.defences, self.on_progress, self.gpu = defences, on_progress, gpu
        self.workers: dict[tuple[str, ...], Worker] = {}
        self.import_failures: dict[tuple[str, ...], Failure] = {}
        self.load_failure: Failure | None = None
        self.confinement = ""
        self.prints = ""
        self.seconds_spent = 0.0

    def ask(
        self,
        part: str,
        probe: str,
        args: list[Any],
        options: dict[str, Any],
        device: str,
        seconds: float | None = None,
    ) -> PendingOutcome:
        """See `trial.Student.ask`."""
        began = time.monotonic()
        forbidden = self.exercise.part(part).forbidden
        remaining = self.limits.total_seconds - self.seconds_spent
        if remaining <= 0:
            text = f"the submission has used all of its {self.limits.total_seconds:g} seconds"
            return partial(failed_outcome, Failure(kind="timeout", type="Timeout", message=text), 0.0)
        if self.load_failure and forbidden not in self.workers:
            return partial(failed_outcome, self.load_failure, 0.0)
        try:
            worker = self._get_worker(forbidden)
            if forbidden in self.import_failures:
                return partial(failed_outcome, self.import_failures[forbidden], 0.0)
            allowed = seconds if seconds is not None else min(self.limits.call_seconds, max(remaining, 0.1))
            question_id = worker.ask(probe, args, options, device, allowed)
        except WorkerDied as died:
            self.workers.pop(forbidden, None)
            return partial(failed_outcome, died.failure, time.monotonic() - began)
        finally:
            self.seconds_spent += time.monotonic() - began
        return partial(self._wait_for_outcome, worker, question_id, part, timed_apart=seconds is not None)

    def _wait_for_outcome(self, worker: Worker, question_id: int, part: str, *, timed_apart: bool) -> Outcome:
        """Return the outcome of a question; one with its own time limit (`timed_apart`) spends none of the total."""
        began = time.monotonic()
        try:
            reply = worker.reply_to(question_id, self.on_progress)
            answer = _with_part_name(_parse_reply(reply, time.monotonic() - began), part)
            if answer.failure is None:
                return answer
            return replace(answer, failure=_with_advice(self._with_locations(answer.failure)))
        except WorkerDied as died:
            self._remove(worker)
            return failed_outcome(died.failure, time.monotonic() - began)
        finally:
            self.seconds_spent += 0.0 if timed_apart else time.monotonic() - began

    def cancel_pending(self) -> None:
        """See `trial.Student.cancel_pending`. A worker that is still busy with such a question is replaced."""
        began = time.monotonic()
        for worker in list(self.workers.values()):
            try:
                worker.cancel_pending()
            except WorkerDied:
                self._remove(worker)
        self.seconds_spent += time.monotonic() - began

    def close(self) -> None:
        """End the workers."""
        for worker in self.workers.values():
            worker.kill()
        self.workers.clear()

    def _remove(self, worker: Worker) -> None:
        self.workers = {forbidden: other for forbidden, other in self.workers.items() if other is not worker}

    def _with_locations(self, failure: Failure) -> Failure:
        """Return the failure with each of its lines called by where it stands: in a notebook, by its cell."""
        if not self.submission.locations:
            return failure
        lines = (replace(line, place=self.submission.location(line.number)) for line in failure.lines)
        return replace(failure, lines=tuple(lines))

    def _get_worker(self, forbidden: tuple[str, ...]) -> Worker:
        """Return the worker in which these groups are forbidden; start it and load the module if there is none."""
        if forbidden in self.workers:
            return self.workers[forbidden]
        worker = Worker(self.server, self._make_config(forbidden))
        self.confinement = worker.confinement
        try:
            reply = worker.load(self.submission.text, self.limits.import_seconds)
        except WorkerDied as died:  # with any other guard it would be the same, and cost the same time again
            worker.kill()
            self.load_failure = died.failure
            raise
        self.workers[forbidden] = worker
        if not isinstance(reply, dict):
            raise SandboxError("the worker's first answer was none")
        self.prints = text_of(reply.get("prints"), MAX_IMPORT_PRINTS)
        if reply.get("failure") is not None:
            self.import_failures[forbidden] = self._read_import_failure(reply["failure"])
        return worker

    def _make_config(self, forbidden: tuple[str, ...]) -> WorkerConfig:
        limits, defences = self.limits, self.defences
        # CPU time bounds what a worker could burn unseen; the wall clock is watched from here, and is the tighter limit
        wall_seconds = 2 * limits.total_seconds + sum(bar.seconds for bar in self.exercise.bars)
        return WorkerConfig(
            template=TemplateConfig(
                forbidden=forbidden,
                guard_calls=defences.guard_calls,
                guard_operators=defences.guard_operators,
                landlock=defences.landlock,
                seccomp=defences.seccomp,
                threads=limits.threads,
                gpu=self.gpu,
            ),
            file=self.submission.name,
            module=self.exercise.module.removesuffix(".py"),
            probes=content.probe_source(self.exercise),
            memory_mb=limits.memory_mb,
            cpu_seconds=int(limits.threads * wall_seconds) + 10,
        )

    def _read_import_failure(self, reply: Value) -> Failure:
        failure = _with_advice(self._with_locations(parse_failure(reply)))
        text = failure.message if failure.kind == "forbidden" else f"{failure.type}: {failure.message}"
        message = f"importing the file: {text}"
        return Failure(kind="import", type=failure.type, message=message, lines=failure.lines)


def _parse_reply(reply: Value, seconds: float) -> Outcome:
    """Return the outcome of an untrusted reply; a malformed one is the submission's failure, never ours."""
    try:
        return parse_outcome(reply, seconds)
    except Exception as error:  # a reply may have any form, and none may stop the grader
        text = f"the submission's process sent what is no answer ({type(error).__name__})"
        return failed_outcome(Failure(kind="refused", type="Refused", message=text), seconds)


def _with_advice(failure: Failure) -> Failure:
    """Return the failure with what to change, if it is about something that a worker does not have."""
    kind = "OSError" if "OSError" in failure.bases else failure.type
    if failure.kind != "exception" or not OUT_OF_REACH.match(f"{kind}: {failure.message}"):
        return failure
    first_line = failure.message.partition("\n")[0].rstrip(" .:")
    return replace(failure, message=f"{first_line}. {OUT_OF_REACH_ADVICE}")


def _with_part_name(answer: Outcome, part: str) -> Outcome:
    """Return the answer with the part's name in front of what it may not call."""
    failure = answer.failure
    if failure is None or failure.kind != "forbidden":
        return answer
    return replace(answer, value=None, failure=replace(failure, message=f"{part} {failure.message}"))
