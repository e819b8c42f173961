"""A student in confined workers: answers the judge's questions, whatever the submission does.

Parts that may not use the same things share a worker; the guard of each is in place before the module is loaded, and
never moves.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

from ..errors import SandboxError
from ..exercise import content
from ..judge.describe import read_failure, text_of
from ..judge.trial import Answer, outcome
from ..model import Exercise, Failure, Limits, Outcome, Value
from ..submission.source import Submission
from .fork_client import Workers
from .worker_handle import ALL, Defences, Died, Progress, Worker, failed


class Confined:
    """See `trial.Student`. Close it when done.

    Attributes:
        confinement: what the workers are confined by.
        prints: what the module printed while it was imported, cut short.
    """

    def __init__(
        self,
        server: Workers,
        exercise: Exercise,
        submission: Submission,
        limits: Limits,
        defences: Defences = ALL,
        on_progress: Progress | None = None,
        gpu: bool = False,
    ) -> None:
        self.server, self.exercise, self.submission, self.limits = server, exercise, submission, limits
        self.defences, self.on_progress, self.gpu = defences, on_progress, gpu
        self.workers: dict[tuple[str, ...], Worker] = {}
        self.broken: dict[tuple[str, ...], Failure] = {}
        self.unloadable: Failure | None = None
        self.confinement = ""
        self.prints = ""
        self.spent = 0.0

    def ask(
        self,
        part: str,
        probe: str,
        args: list[Any],
        options: dict[str, Any],
        device: str,
        seconds: float | None = None,
    ) -> Answer:
        """See `trial.Student.ask`."""
        began = time.monotonic()
        forbidden = self.exercise.part(part).forbidden
        left = self.limits.total_seconds - self.spent
        if left <= 0:
            text = f"the submission has used all of its {self.limits.total_seconds:g} seconds"
            return partial(failed, Failure("timeout", "Timeout", text), 0.0)
        if self.unloadable and forbidden not in self.workers:
            return partial(failed, self.unloadable, 0.0)
        try:
            worker = self._worker(forbidden)
            if forbidden in self.broken:
                return partial(failed, self.broken[forbidden], 0.0)
            allowed = seconds if seconds is not None else min(self.limits.call_seconds, max(left, 0.1))
            question = worker.ask(probe, args, options, device, allowed)
        except Died as died:
            self.workers.pop(forbidden, None)
            return partial(failed, died.failure, time.monotonic() - began)
        finally:
            self.spent += time.monotonic() - began
        return partial(self._answer, worker, question, part, long=seconds is not None)

    def _answer(self, worker: Worker, question: int, part: str, long: bool) -> Outcome:
        began = time.monotonic()
        try:
            said = worker.answer(question, self.on_progress)
            return self._placed(_named(_claimed(said, time.monotonic() - began), part))
        except Died as died:
            self._lose(worker)
            return failed(died.failure, time.monotonic() - began)
        finally:
            self.spent += 0.0 if long else time.monotonic() - began

    def forget(self) -> None:
        """See `trial.Student.forget`. A worker that is still busy with what nobody wants to know is replaced."""
        began = time.monotonic()
        for worker in list(self.workers.values()):
            try:
                worker.forget()
            except Died:
                self._lose(worker)
        self.spent += time.monotonic() - began

    def _lose(self, worker: Worker) -> None:
        self.workers = {forbidden: other for forbidden, other in self.workers.items() if other is not worker}

    def _placed(self, answer: Outcome) -> Outcome:
        return replace(answer, failure=self._found(answer.failure)) if answer.failure else answer

    def _found(self, failure: Failure) -> Failure:
        """The failure, with each of its lines called by where it stands: in a notebook, by its cell."""
        if not self.submission.places:
            return failure
        lines = (replace(line, place=self.submission.place(line.number)) for line in failure.lines)
        return replace(failure, lines=tuple(lines))

    def close(self) -> None:
        """End the workers."""
        for worker in self.workers.values():
            worker.kill()
        self.workers.clear()

    def _worker(self, forbidden: tuple[str, ...]) -> Worker:
        if forbidden in self.workers:
            return self.workers[forbidden]
        config = {
            "file": self.submission.name,
            "module": self.exercise.module.removesuffix(".py"),
            "forbidden": list(forbidden),
            "cpu_seconds": int(
                self.limits.threads * (2 * self.limits.total_seconds + sum(b.seconds for b in self.exercise.bars))
            )
            + 10,
            "probes": content.probe_source(self.exercise),
            "gpu": self.gpu,
        }
        worker = Worker(self.server, self.limits, config, self.defences)
        self.confinement = worker.confinement
        try:
            said = worker.load(self.submission.text)
        except Died as died:  # with any other guard it would be the same, and cost the same time again
            worker.kill()
            self.unloadable = died.failure
            raise
        self.workers[forbidden] = worker
        if not isinstance(said, dict):
            raise SandboxError("the worker's first answer was none")
        self.prints = text_of(said.get("prints"), 4_000)
        if said.get("failure") is not None:
            failure = self._found(read_failure(said["failure"]))
            text = failure.message if failure.kind == "forbidden" else f"{failure.type}: {failure.message}"
            self.broken[forbidden] = Failure("import", failure.type, f"importing the file: {text}", (), failure.lines)
        return worker


def _claimed(said: Value, seconds: float) -> Outcome:
    """The outcome that an answer claims; an answer of no sense is the submission's failure, never ours."""
    try:
        return outcome(said, seconds)
    except Exception as error:  # a claim may have any form, and none may stop the grader
        text = f"the submission's process sent what is no answer ({type(error).__name__})"
        return failed(Failure("refused", "Refused", text), seconds)


def _named(answer: Outcome, part: str) -> Outcome:
    """The answer, with the part's name in front of what it may not call."""
    failure = answer.failure
    if failure is None or failure.kind != "forbidden":
        return answer
    named = Failure(failure.kind, failure.type, f"{part} {failure.message}", failure.bases, failure.lines)
    return Outcome(None, named, answer.prints, answer.seconds)
