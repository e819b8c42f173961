"""nbgrader without trust in the kernel: a reader and two preprocessors that take the place of its `Execute`.

`nbgrader autograde` runs unchanged; `nbgrader_config.py` of `nnkata course init` names the classes here. No cell of a
student's notebook is executed in nbgrader's process or in a kernel: the solution cells become a submission, which goes
the one grading path. Any failure of ours is an explicit error output and asks for a person.
"""

from __future__ import annotations

import atexit
import hashlib
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
from ..submission import notebook_cells
from ..submission.reading import FileBytes

GRADED = re.compile(r"^# nnkata: (\S+) (\S+)$", re.MULTILINE)
FAILED = "NnkataGraderFailed"
"""The name of the error that a graded cell shows where the grader failed."""

Resources = dict[str, Any]  # nbconvert's own
_engine = Engine()
atexit.register(_engine.close)


class Grade(NbGraderPreprocessor):  # type: ignore[misc]
    """Grades a notebook's parts in confined workers and writes outputs that `SaveAutoGrades` reads."""

    level = Enum(LEVELS, "diagnosis", help="What the feedback says: score, diagnosis or full.").tag(config=True)
    training = Enum(("none", "quick", "full"), "full", help="Which accuracy bars are tried.").tag(config=True)
    dataset = Unicode("mnist", help="What the bars train on: mnist or fashion-mnist.").tag(config=True)
    seed_file = Unicode("secret/seed", help="The course's secret seed, beside nbgrader_config.py.").tag(config=True)
    allow_unconfined = Bool(False, help="Grade even where submissions cannot be confined.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Give every graded code cell its outputs."""
        waiting: dict[str, list[tuple[str, NotebookNode]]] = {}
        for cell in nb.cells:
            if cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell):
                told = GRADED.search(cell.source)
                if told:
                    waiting.setdefault(told[1], []).append((told[2], cell))
                else:
                    why = "nnkata executes no cell of a student's notebook: grade this one by hand."
                    cell.outputs = [_error(why)]
        for name, graded in waiting.items():
            try:
                self._grade(name, graded, nb, resources["nbgrader"])
            except NnkataError as error:
                self._give_up(graded, str(error), resources)
            except Exception as error:  # whatever it is, it must not become a grade
                self._give_up(graded, f"{type(error).__name__}: {error}", resources)
        return nb, resources

    def _give_up(self, graded: list[tuple[str, NotebookNode]], why: str, resources: Resources) -> None:
        self.log.error("nnkata could not grade %s: %s", resources["nbgrader"].get("student"), why)
        for _, cell in graded:
            cell.outputs = [_error(f"The grader failed, so a person has to grade this. {why}")]

    def _grade(self, name: str, graded: list[tuple[str, NotebookNode]], nb: NotebookNode, told: dict[str, str]) -> None:
        exercise = catalog.find(name)
        result = self._result(exercise, tuple(part for part, _ in graded), nb, told)
        for flag in result.flags:
            self.log.warning("%s, %s: look at %s", told["student"], name, flag)
        said = {part.name: part for part in make_feedback(result, exercise, self.level).parts}
        for part, cell in graded:
            whole = next(one for one in result.parts if one.name == part)
            points = float(cell.metadata.nbgrader.points)
            earned = whole.of(points)
            if earned is None:
                cell.outputs = [_error("The grader failed, so a person has to grade this.")]
                continue
            told_part = replace(said[part], score=earned, max_score=points)
            one = Feedback(name, exercise.title, self.level, whole.status, earned, points, (told_part,), result.notes)
            cell.outputs = [*_outputs(one, earned)]

    def _result(self, exercise: Exercise, parts: tuple[str, ...], nb: NotebookNode, told: dict[str, str]) -> Result:
        cells = [notebook_cells.stripped(cell) for cell in nb.cells]
        seed = derived(secret(Path(self.seed_file)), told["assignment"], exercise.id)
        name = f"{told['notebook']}.ipynb"
        options = GradingOptions(
            seed=seed,
            parts=parts,
            training=self.training,  # type: ignore[arg-type]  # its trait holds it to the three
            dataset=self.dataset,
            require_confinement=not self.allow_unconfined,
        )
        submission = FileBytes(name, json.dumps({"cells": cells}).encode())
        return _engine.grade(GradingRequest(exercise, submission, options, student=told["student"]))


class AskForAPerson(NbGraderPreprocessor):  # type: ignore[misc]
    """After `SaveAutoGrades`: marks in the gradebook what the grader could not grade."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Set `needs_manual_grade` for every graded cell that shows a failure of the grader's."""
        told = resources["nbgrader"]
        failed = [
            cell.metadata.nbgrader.grade_id
            for cell in nb.cells
            if cell.cell_type == "code" and any(output.get("ename") == FAILED for output in cell.outputs)
        ]
        if failed:
            with Gradebook(told["db_url"]) as gradebook:
                for name in failed:
                    grade = gradebook.find_grade(name, told["notebook"], told["assignment"], told["student"])
                    grade.auto_score, grade.needs_manual_grade = None, True
                gradebook.db.commit()
        return nb, resources


def secret(file: Path) -> int:
    """A course's secret seed.

    Raises:
        GraderError: the file is gone, or holds no number.
    """
    try:
        return int(file.read_text("utf-8").strip())
    except (OSError, ValueError) as error:
        raise GraderError(f"The course's secret seed {file} cannot be read ({error}): `nnkata course init .`") from None


def derived(seed: int, assignment: str, exercise: str) -> int:
    """The seed of one exercise in one assignment: the same for every student, and different next year."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{assignment}/{exercise}".encode()).digest()[:4], "big") >> 1


def _outputs(said: Feedback, points: float) -> Iterator[NotebookNode]:
    plain, html = pages.render_text(said), pages.render_html(said, heading=False)
    yield nbformat.v4.new_output("display_data", {"text/plain": plain, "text/html": html})
    yield nbformat.v4.new_output("execute_result", {"text/plain": f"{points:g}"}, execution_count=1)


def _error(why: str) -> NotebookNode:
    return nbformat.v4.new_output("error", ename=FAILED, evalue=why, traceback=[why])
