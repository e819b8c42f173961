"""Trials for whoever runs pytest on hidden tests directly: one an exercise, made when first asked for."""

from __future__ import annotations

from pathlib import Path

from ..exercise import catalog
from ..judge.trial import Block, Trial
from ..sandbox.confined_student import Confined
from ..sandbox.fork_client import Workers, workers
from ..submission import source


class Trials:
    """See `of`. Close when done."""

    def __init__(self, submission: str | None, seed: int) -> None:
        self.submission, self.seed = submission, seed
        self.server: Workers | None = None
        self.made: dict[str, Trial] = {}
        self.students: list[Confined] = []

    def of(self, exercise_id: str) -> Trial:
        """The trial of an exercise: of the submission that was named, or of the reference."""
        if exercise_id not in self.made:
            exercise = catalog.find(exercise_id)
            read = source.read(Path(self.submission) if self.submission else exercise.solution)
            if self.server is None:
                self.server = workers(catalog.hidden())
            student = Confined(self.server, exercise, read, exercise.limits)
            self.students.append(student)
            trial = Trial(exercise, student, self.seed)
            for found in source.violations(source.parse(read), exercise):
                trial.blocked[found.part] = Block(str(found), static=True)
            self.made[exercise_id] = trial
        return self.made[exercise_id]

    def close(self) -> None:
        """End every worker."""
        for student in self.students:
            student.close()
        if self.server:
            self.server.close()
