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

EXIT_FAILED, EXIT_USAGE, EXIT_GRADER_ERROR = 1, 2, 3


@dataclass(frozen=True)
class AutograderSettings:
    """What is graded and how; with a `seed` of None a new one is drawn."""

    exercises: tuple[str, ...]
    level: Level = "diagnosis"
    seed: int | None = None
    unconfined: bool = False

    def to_json(self) -> str:
        """Return the text of the file that travels with the autograder."""
        table = {"exercises": self.exercises, "level": self.level, "seed": self.seed, "unconfined": self.unconfined}
        return json.dumps(table, indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> AutograderSettings:
        """Return the settings that a file's text holds."""
        table = json.loads(text)
        return AutograderSettings(**{**table, "exercises": tuple(table["exercises"])})


def grade_all(submission: Path, settings: AutograderSettings) -> list[Result]:
    """Return a result per exercise; for what was not handed in, a fail that says so.

    Raises:
        GraderError: something could not be graded; there is no grade then.
    """
    exercises = [catalog.find(name) for name in settings.exercises]
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as folder:
        request = class_run.ClassRequest(
            submissions=submission,
            results=Path(folder) / "results",
            ids=settings.exercises,
            workers=1,
            student="submission",
            options=GradingOptions(seed=settings.seed, require_confinement=not settings.unconfined),
        )
        try:
            class_run.grade(
                request,
                lambda *_: None,
                lambda graded: results.update({graded.result.exercise: graded.result}),
                lambda *_: None,
            )
        except UsageError:
            pass  # no file has a name that we know: everything is missing
    for result in results.values():
        if result.status == "error":
            tests = [test.message for test in result.tests if test.status == "error"]
            raise GraderError("\n".join([*result.notes, *tests[:3]]))
    return [results.get(exercise.id) or missing_result(exercise) for exercise in exercises]


def missing_result(exercise: Exercise) -> Result:
    """Return the result of an exercise that was not handed in."""
    parts = tuple(
        PartResult(name=part.name, score=0.0, max_score=part.points, status="fail", unwritten=True)
        for part in exercise.parts
    )
    note = f"There is no {exercise.module} or {exercise.id}.ipynb in the submission."
    return Result(
        exercise=exercise.id,
        status="fail",
        score=0.0,
        max_score=exercise.points,
        device="cpu",
        confinement="none",
        seed=0,
        submission="",
        submission_sha256="",
        seconds=0.0,
        parts=parts,
        tests=(),
        notes=(note,),
    )


def run_gradescope(submission: Path, folder: Path, settings: AutograderSettings) -> int:
    """Write `results.json` as Gradescope reads it; return the exit code. Without a grade there is no such file."""
    file = folder / "results.json"
    file.unlink(missing_ok=True)
    results = grade_all(submission, settings)
    all_feedback = [_feedback_on(result, settings.level) for result in results]
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(
        file, json.dumps(exports.gradescope_results(results, all_feedback), ensure_ascii=False, indent=1) + "\n"
    )
    return 0


def run_classroom(submission: Path, settings: AutograderSettings, output: Path | None) -> int:
    """Print the feedback, and hand the result to the step that reports it to GitHub Classroom; return the exit code."""
    results = grade_all(submission, settings)
    for result in results:
        of_result = _feedback_on(result, settings.level)
        points = f"{pages.format_points(of_result.score)} of {pages.format_points(of_result.max_score)} points"
        print(f"\n{of_result.exercise} · {of_result.title}: {points}")
        print(pages.render_text(of_result))
    document = json.dumps(classroom_results(results, settings.level))
    if output:
        with open(output, "a", encoding="utf-8") as file:
            file.write(f"result={base64.b64encode(document.encode()).decode()}\n")
    return 0 if all(result.status in ("pass", "skip") for result in results) else EXIT_FAILED


def classroom_results(results: list[Result], level: Level) -> dict[str, object]:
    """Return the document that the action `classroom-resources/autograding-grading-reporter` reads: a test per part."""
    tests = []
    for result in results:
        for part in _feedback_on(result, level).parts:
            message = "\n".join([*part.lines, *([part.explanation] if part.explanation else [])])
            tests.append(
                {
                    "name": f"{result.exercise}: {part.name}",
                    "status": "pass" if part.status in ("pass", "skip") else "fail",
                    "score": part.score,
                    "message": message or None,
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


def _feedback_on(result: Result, level: Level) -> Feedback:
    return make_feedback(result, catalog.find(result.exercise), level)


def main(words: list[str]) -> int:
    """Run one of the two commands that the module names; return the exit code."""
    try:
        if len(words) == 4 and words[0] == "gradescope":
            return run_gradescope(
                Path(words[1]), Path(words[2]), AutograderSettings.from_json(Path(words[3]).read_text("utf-8"))
            )
        if len(words) > 3 and words[0] == "classroom" and words[2] in LEVELS:
            output = os.environ.get("GITHUB_OUTPUT")
            settings = AutograderSettings(exercises=tuple(words[3:]), level=words[2])
            return run_classroom(Path(words[1]), settings, Path(output) if output else None)
        print(__doc__, file=sys.stderr)
        return EXIT_USAGE
    except NnkataError as error:
        print(f"The grader itself failed, so there is no grade: {error}", file=sys.stderr)
        return EXIT_GRADER_ERROR


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
