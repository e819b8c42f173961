"""Trials for whoever runs pytest on hidden tests directly: one per exercise, made when first asked for."""

from __future__ import annotations

from pathlib import Path

from ..errors import SubmissionError
from ..exercise import catalog
from ..judge.trial import Block, Trial
from ..model import Exercise
from ..sandbox.confined_student import ConfinedStudent
from ..sandbox.fork_client import WorkerServer, start_server
from ..submission import forbidden_uses, reading
from ..submission.examination import Examined, examine
from ..submission.reading import Unreadable


class Trials:
    """The trials of one run of pytest. Close when done.

    Without a submission the reference solutions are judged.
    """

    def __init__(self, submission: str | None, seed: int) -> None:
        self.submission, self.seed = submission, seed
        self.server: WorkerServer | None = None
        self.by_exercise: dict[str, Trial] = {}
        self.students: list[ConfinedStudent] = []

    def trial_of(self, exercise_id: str) -> Trial:
        """Return the trial of an exercise, started when it is first asked for."""
        if exercise_id not in self.by_exercise:
            exercise = catalog.find(exercise_id)
            examined = _examine(Path(self.submission) if self.submission else exercise.solution, exercise)
            if self.server is None:
                self.server = start_server(catalog.private_roots())
            student = ConfinedStudent(self.server, exercise, examined.submission, exercise.limits)
            self.students.append(student)
            violations = forbidden_uses.find_violations(examined.names, exercise)
            blocked = {violation.part: Block(str(violation), static=True) for violation in violations}
            self.by_exercise[exercise_id] = Trial(exercise, student, self.seed, blocked=blocked)
        return self.by_exercise[exercise_id]

    def close(self) -> None:
        """End every worker."""
        for student in self.students:
            student.close()
        if self.server:
            self.server.close()


def _examine(file: Path, exercise: Exercise) -> Examined:
    read = reading.read_file(file, exercise)
    examined = read if isinstance(read, Unreadable) else examine(read, exercise)
    if isinstance(examined, Unreadable):
        raise SubmissionError(examined.reason)
    return examined
