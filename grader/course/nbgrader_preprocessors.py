"""nbgrader without trust in the kernel: a reader and two preprocessors that take the place of its `Execute`.

`nbgrader autograde` runs unchanged; `nbgrader_config.py` of `nnkata course init` names the classes here. No cell of a
student's notebook is executed in nbgrader's process or in a kernel: the solution cells become a submission, which goes
the one grading path. Any failure of ours is an explicit error output and asks for a person.
"""

from __future__ import annotations

import atexit
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Enum, Unicode

from ..engine.engine import Engine, GradingRequest
from ..errors import GraderError, NnkataError
from ..exercise import catalog
from ..feedback import pages
from ..feedback.disclosure import LEVELS, Feedback, make_feedback
from ..model import Exercise, GradingOptions, Result
from ..seeds import derive_seed
from ..submission import notebook_cells
from ..submission.reading import FileBytes

GRADED_CELL = re.compile(r"^# nnkata: (\S+) (\S+)$", re.MULTILINE)
GRADER_FAILED = "NnkataGraderFailed"
"""The name of the error that a graded cell shows where the grader failed."""

Resources = dict[str, Any]  # nbconvert's own
_engine = Engine()
atexit.register(_engine.close)


class Grade(NbGraderPreprocessor):  # type: ignore[misc]
    """Grades a notebook's parts in confined workers and writes outputs that `SaveAutoGrades` reads."""

    level = Enum(LEVELS, "diagnosis", help="How much feedback discloses: score, diagnosis or full.").tag(config=True)
    training = Enum(("none", "quick", "full"), "full", help="Which trainings are run: none, quick or full.").tag(
        config=True
    )
    dataset = Unicode("mnist", help="What trainings use: mnist or fashion-mnist.").tag(config=True)
    seed_file = Unicode("secret/seed", help="The course's secret seed, beside nbgrader_config.py.").tag(config=True)
    allow_unconfined = Bool(False, help="Grade even where submissions cannot be confined.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Give every graded code cell its outputs."""
        cells_by_exercise: dict[str, list[tuple[str, NotebookNode]]] = {}  # each with the name of its part
        for cell in nb.cells:
            if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
                if match := GRADED_CELL.search(cell.source):
                    cells_by_exercise.setdefault(match[1], []).append((match[2], cell))
                else:
                    reason = "nnkata executes no cell of a student's notebook: grade this one by hand."
                    cell.outputs = [_error_output(reason)]
        for name, graded in cells_by_exercise.items():
            try:
                self._grade_cells(name, graded, nb, resources["nbgrader"])
            except NnkataError as error:
                self._give_up(graded, str(error), resources)
            except Exception as error:  # whatever it is, it must not become a grade
                self._give_up(graded, f"{type(error).__name__}: {error}", resources)
        return nb, resources

    def _give_up(self, graded: list[tuple[str, NotebookNode]], reason: str, resources: Resources) -> None:
        self.log.error("nnkata could not grade %s: %s", resources["nbgrader"].get("student"), reason)
        for _, cell in graded:
            cell.outputs = [_error_output(f"The grader failed, so a person has to grade this. {reason}")]

    def _grade_cells(
        self, name: str, graded: list[tuple[str, NotebookNode]], nb: NotebookNode, names: dict[str, str]
    ) -> None:
        """Grade the parts of one exercise, and give their cells outputs.

        Args:
            names: nbgrader's own names of the student, the assignment and the notebook.
        """
        exercise = catalog.find(name)
        result = self._grade_notebook(exercise, tuple(part for part, _ in graded), nb, names)
        for flag in result.flags:
            self.log.warning("%s, %s: look at %s", names["student"], name, flag)
        feedback_by_part = {part.name: part for part in make_feedback(result, exercise, self.level).parts}
        for name_of_part, cell in graded:
            part = next(one for one in result.parts if one.name == name_of_part)
            points = float(cell.metadata.nbgrader.points)
            earned = part.of(points)
            if earned is None:
                cell.outputs = [_error_output("The grader failed, so a person has to grade this.")]
                continue
            of_cell = Feedback(
                exercise=name,
                title=exercise.title,
                level=self.level,
                status=part.status,
                score=earned,
                max_score=points,
                parts=(replace(feedback_by_part[name_of_part], score=earned, max_score=points),),
                notes=result.notes,
            )
            cell.outputs = [*_outputs(of_cell, earned)]

    def _grade_notebook(
        self, exercise: Exercise, parts: tuple[str, ...], nb: NotebookNode, names: dict[str, str]
    ) -> Result:
        cells = [notebook_cells.stripped(cell) for cell in nb.cells]
        seed = assignment_seed(read_secret_seed(Path(self.seed_file)), names["assignment"], exercise.id)
        name = f"{names['notebook']}.ipynb"
        options = GradingOptions(
            seed=seed,
            parts=parts,
            training=self.training,  # type: ignore[arg-type]  # its trait holds it to the three
            dataset=self.dataset,
            require_confinement=not self.allow_unconfined,
        )
        submission = FileBytes(name, json.dumps({"cells": cells}).encode())
        return _engine.grade(GradingRequest(exercise, submission, options, student=names["student"]))


class AskForAPerson(NbGraderPreprocessor):  # type: ignore[misc]
    """Marks in the gradebook, after `SaveAutoGrades`, what the grader could not grade."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Set `needs_manual_grade` for every graded cell that shows that the grader failed."""
        names = resources["nbgrader"]
        failed = [
            cell.metadata.nbgrader.grade_id
            for cell in nb.cells
            if cell.cell_type == "code" and any(output.get("ename") == GRADER_FAILED for output in cell.outputs)
        ]
        if failed:
            with Gradebook(names["db_url"]) as gradebook:
                for cell_name in failed:
                    grade = gradebook.find_grade(cell_name, names["notebook"], names["assignment"], names["student"])
                    grade.auto_score, grade.needs_manual_grade = None, True
                gradebook.db.commit()
        return nb, resources


def read_secret_seed(file: Path) -> int:
    """Return a course's secret seed.

    Raises:
        GraderError: the file is gone, or holds no number.
    """
    try:
        return int(file.read_text("utf-8").strip())
    except (OSError, ValueError) as error:
        raise GraderError(f"The course's secret seed {file} cannot be read ({error}): `nnkata course init .`") from None


def assignment_seed(seed: int, assignment: str, exercise: str) -> int:
    """Return the seed of one exercise in one assignment: the same for every student, and different next year."""
    return derive_seed(seed, assignment, exercise)


def _outputs(of_cell: Feedback, points: float) -> Iterator[NotebookNode]:
    """Yield the feedback, and the points as nbgrader reads them: as the text of the cell's result."""
    plain, html = pages.render_text(of_cell), pages.render_html(of_cell, heading=False)
    yield nbformat.v4.new_output("display_data", {"text/plain": plain, "text/html": html})
    yield nbformat.v4.new_output("execute_result", {"text/plain": f"{points:g}"}, execution_count=1)


def _error_output(reason: str) -> NotebookNode:
    return nbformat.v4.new_output("error", ename=GRADER_FAILED, evalue=reason, traceback=[reason])
