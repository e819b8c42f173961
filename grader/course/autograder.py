"""One student's submission graded on somebody else's machine: in Gradescope's container, in a GitHub workflow.

python -P -m nnkata.grader.course.autograder gradescope SUBMISSION RESULTS SETTINGS
python -P -m nnkata.grader.course.autograder classroom SUBMISSION LEVEL ID...
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..classroom import class_run, exports
from ..errors import GraderError, NnkataError, UsageError
from ..exercise import catalog
from ..feedback import pages
from ..feedback.disclosure import LEVELS, Feedback, Level, make_feedback
from ..files import write_whole
from ..model import Exercise, GradingOptions, PartResult, Result

FAILED, BROKEN = 1, 3


@dataclass(frozen=True)
class Settings:
    """What is graded and how; `seed` None draws one."""

    exercises: tuple[str, ...]
    level: Level = "diagnosis"
    seed: int | None = None
    unconfined: bool = False

    def to_json(self) -> str:
        """As the file that travels with the autograder."""
        table = {"exercises": self.exercises, "level": self.level, "seed": self.seed, "unconfined": self.unconfined}
        return json.dumps(table, indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> Settings:
        """The settings of a file."""
        table = json.loads(text)
        return Settings(**{**table, "exercises": tuple(table["exercises"])})


def graded(submission: Path, settings: Settings) -> list[Result]:
    """A result an exercise; of what was not handed in, a fail that says so.

    Raises:
        GraderError: something could not be graded; there is no grade then.
    """
    exercises = [catalog.find(name) for name in settings.exercises]
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as folder:
        request = class_run.ClassRequest(
            submission,
            Path(folder) / "results",
            settings.exercises,
            workers=1,
            student="submission",
            options=GradingOptions(seed=settings.seed, require_confinement=not settings.unconfined),
        )
        try:
            class_run.grade(
                request,
                lambda *_: None,
                lambda one: results.update({one.result.exercise: one.result}),
                lambda *_: None,
            )
        except UsageError:
            pass  # there is nothing of a name that we know: everything is missing
    for result in results.values():
        if result.status == "error":
            tests = [test.message for test in result.tests if test.status == "error"]
            raise GraderError("\n".join([*result.notes, *tests[:3]]))
    return [results.get(exercise.id) or missing(exercise) for exercise in exercises]


def missing(exercise: Exercise) -> Result:
    """The result of an exercise that was not handed in."""
    parts = tuple(PartResult(part.name, 0.0, part.points, "fail", unwritten=True) for part in exercise.parts)
    note = f"There is no {exercise.module} or {exercise.id}.ipynb in the submission."
    points = exercise.points
    return Result(exercise.id, "fail", 0.0, points, "cpu", "none", 0, "", "", 0.0, parts, (), notes=(note,))


def gradescope(submission: Path, folder: Path, settings: Settings) -> int:
    """Write `results.json` as Gradescope reads it; the exit code. Without a grade there is no such file."""
    file = folder / "results.json"
    file.unlink(missing_ok=True)
    results = graded(submission, settings)
    said = [_said(result, settings.level) for result in results]
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(exports.gradescope_results(results, said), ensure_ascii=False, indent=1) + "\n")
    return 0


def classroom(submission: Path, settings: Settings, output: Path | None) -> int:
    """Print the feedback, and hand the result to the step that reports it to GitHub Classroom; the exit code."""
    results = graded(submission, settings)
    for result in results:
        said = _said(result, settings.level)
        score, max_score = pages.format_points(said.score), pages.format_points(said.max_score)
        print(f"\n{said.exercise} · {said.title}: {score} of {max_score} points")
        print(pages.render_text(said))
    document = json.dumps(classroom_results(results, settings.level))
    if output:
        with open(output, "a", encoding="utf-8") as file:
            file.write(f"result={base64.b64encode(document.encode()).decode()}\n")
    return 0 if all(result.status in ("pass", "skip") for result in results) else FAILED


def classroom_results(results: list[Result], level: Level) -> dict[str, object]:
    """What the action `classroom-resources/autograding-grading-reporter` reads: a test a part."""
    tests = []
    for result in results:
        for part in _said(result, level).parts:
            words = "\n".join([*part.lines, *([part.explanation] if part.explanation else [])])
            tests.append(
                {
                    "name": f"{result.exercise}: {part.name}",
                    "status": "pass" if part.status in ("pass", "skip") else "fail",
                    "score": part.score,
                    "message": words or None,
                    "test_code": f"nnkata check {result.exercise} --part {part.name}",
                    "filename": "",
                    "line_no": 0,
                }
            )
    return {
        "version": 1,
        "status": "pass" if all(test["status"] == "pass" for test in tests) else "fail",
        "max_score": round(sum(result.max_score for result in results), 3),
        "tests": tests,
    }


def _said(result: Result, level: Level) -> Feedback:
    return make_feedback(result, catalog.find(result.exercise), level)


def main(words: list[str]) -> int:
    """See the module."""
    try:
        if len(words) == 4 and words[0] == "gradescope":
            return gradescope(Path(words[1]), Path(words[2]), Settings.from_json(Path(words[3]).read_text("utf-8")))
        if len(words) > 3 and words[0] == "classroom" and words[2] in LEVELS:
            output = os.environ.get("GITHUB_OUTPUT")
            settings = Settings(tuple(words[3:]), words[2])
            return classroom(Path(words[1]), settings, Path(output) if output else None)
        print(__doc__, file=sys.stderr)
        return 2
    except NnkataError as error:
        print(f"The grader itself failed, so there is no grade: {error}", file=sys.stderr)
        return BROKEN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
