"""A course in a folder of its own, with the real nbgrader: made, handed in to, graded and read back."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat

SCRIPTS = Path(sys.executable).parent
ENVIRONMENT = dict(os.environ) | {
    "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
    "JUPYTER_PLATFORM_DIRS": "1",
}
MSE = """\
    if input.shape != target.shape:
        raise ValueError("the shapes differ")
    losses = (input - target) ** 2
    if reduction == "none":
        return losses
    if reduction not in ("mean", "sum"):
        raise ValueError(f"no such reduction: {reduction!r}")
    return losses.mean() if reduction == "mean" else losses.sum()"""
RIGHT = {"mse_loss": MSE, "l1_loss": MSE.replace("(input - target) ** 2", "(input - target).abs()")}
"""What a student writes into the parts' cells."""


class Course:
    """One course folder with the assignment ps1: the parts `mse_loss` (4 points) and `l1_loss` (2) of 03_losses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "course"
        self.run("nnkata", "course", "init", str(self.folder), here=folder)
        parts = ("--parts", "mse_loss,l1_loss", "--points", "mse_loss=4,l1_loss=2")
        self.run("nnkata", "course", "assign", "ps1", "03_losses", *parts)
        self.run("nbgrader", "generate_assignment", "ps1")

    @property
    def released(self) -> Path:
        return self.folder / "release" / "ps1" / "03_losses.ipynb"

    def run(self, *command: str, here: Path | None = None, fails: bool = False) -> str:
        """What a command prints, both streams together."""
        done = subprocess.run(
            command, cwd=here or self.folder, env=ENVIRONMENT, text=True, capture_output=True, timeout=600
        )
        assert fails or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def book(self, answers: dict[str, str]) -> nbformat.NotebookNode:
        """The released notebook, filled in."""
        book = nbformat.read(self.released, as_version=4)
        for cell in book.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in answers:
                cell.source = cell.source.partition("    # YOUR CODE HERE")[0] + answers[name]
        return book

    def hand_in(
        self, student: str, answers: dict[str, str], change: Callable[[nbformat.NotebookNode], object] | None = None
    ) -> Path:
        """Put a student's notebook where nbgrader collects it."""
        book = self.book(answers)
        if change:
            change(book)
        file = self.folder / "submitted" / student / "ps1" / "03_losses.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(book))
        return file

    def autograde(self, *options: str, fails: bool = False) -> str:
        return self.run("nbgrader", "autograde", "ps1", *options, fails=fails)

    def grades(self) -> dict[str, dict[str, tuple[float | None, bool, float | None]]]:
        """By student and part: automatic score, whether a person has to look, manual score."""
        query = """
            SELECT student.id, base_cell.name, grade.auto_score, grade.needs_manual_grade, grade.manual_score
            FROM grade JOIN base_cell ON base_cell.id = grade.cell_id
            JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
            JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
            JOIN student ON student.id = submitted_assignment.student_id"""
        found: dict[str, dict[str, tuple[float | None, bool, float | None]]] = {}
        with sqlite3.connect(self.folder / "gradebook.db") as database:
            for student, name, score, manual, by_hand in database.execute(query):
                found.setdefault(student, {})[name.removesuffix("-points")] = (score, bool(manual), by_hand)
        return found

    def scores(self, student: str) -> dict[str, float | None]:
        """A student's automatic scores by part."""
        return {name: score for name, (score, _, _) in self.grades()[student].items()}

    def outputs(self, student: str) -> str:
        """The graded notebook's text."""
        return (self.folder / "autograded" / student / "ps1" / "03_losses.ipynb").read_text("utf-8")
