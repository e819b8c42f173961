"""The check of an exercise's content: `nnkata dev check`.

The stub fails as fail, never as error; the reference and the built-ins pass under many seeds; each misconception
fails the tests that it names and is diagnosed as itself; every part has three hints and a misconception; the stub is
the one made from the solution.
"""

from __future__ import annotations

import ast
import linecache
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from rich.table import Table

from ..engine.diagnose import diagnose
from ..errors import GraderError
from ..exercise import catalog, content
from ..exercise.stub import make_stub
from ..judge.hidden_tests import run_hidden_tests
from ..judge.trial import Local, Trial, property_error
from ..model import Exercise, Misconception
from ..worker import process_setup

SEEDS = tuple(range(10))

_PicklableReport = tuple[tuple[str, ...], tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...], int]


@dataclass(frozen=True)
class MisconceptionOutcome:
    """The outcome for one misconception: the tests that it failed, and what it was diagnosed as."""

    misconception: Misconception
    failed: tuple[str, ...]
    diagnosed: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """`right`, `another`, `not at all`, or `passed`."""
        if not self.failed:
            return "passed"
        if not self.diagnosed:
            return "not at all"
        return "right" if self.diagnosed[0] == self.misconception.id else "another"


@dataclass(frozen=True)
class ContentReport:
    """The outcome of `check`: problems (each names the exercise and the fix), and each misconception's outcome."""

    exercise: Exercise
    problems: tuple[str, ...]
    caught: tuple[MisconceptionOutcome, ...]
    tests: int


def check_all(exercises: list[Exercise], seeds: tuple[int, ...] = SEEDS) -> Iterator[ContentReport]:
    """Check several exercises, one per core at a time, and yield the outcomes in their order."""
    if len(exercises) == 1:
        yield check(exercises[0], seeds)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=context) as pool:
        waiting = [pool.submit(_check_by_id, exercise.id, seeds) for exercise in exercises]
        for exercise, future in zip(exercises, waiting, strict=True):
            problems, caught, tests = future.result()
            kinds = {wrong.id: wrong for wrong in content.misconceptions(exercise)}
            fared = tuple(MisconceptionOutcome(kinds[name], failed, named) for name, failed, named in caught)
            yield ContentReport(exercise, problems, fared, tests)


def _check_by_id(exercise_id: str, seeds: tuple[int, ...]) -> _PicklableReport:
    """Run `check` in this process, and return what can be pickled of its outcome: all but the misconceptions' code."""
    report = check(catalog.find(exercise_id), seeds)
    caught = tuple((one.misconception.id, one.failed, one.diagnosed) for one in report.caught)
    return report.problems, caught, report.tests


def check(
    exercise: Exercise, seeds: tuple[int, ...] = SEEDS, on_step: Callable[[str], None] = lambda _: None
) -> ContentReport:
    """Check one exercise's content; `on_step` is called with each step's name."""
    process_setup.prepare_torch()
    problems = list(_check_files(exercise))
    on_step(f"{exercise.id}: stub")
    problems += _check_stub(exercise)
    tests = 0
    for label, namespace in _right_implementations(exercise):
        for seed in seeds:
            on_step(f"{exercise.id}: {label}, seed {seed}")
            trial = run_hidden_tests(
                Trial(exercise, Local(exercise, namespace), seed, skip_contract_checks=label == "built-in")
            )
            tests = len(trial.verdicts)
            problems += [
                f"{label}, seed {seed}: {verdict.id}: {verdict.status}: {verdict.message}"
                for verdict in trial.verdicts
                if verdict.status in ("fail", "error")
            ]
            problems += [f"{label}, seed {seed}: {outcome}" for outcome in _find_changing_checks(trial)]
    caught = []
    for wrong in content.misconceptions(exercise):
        on_step(f"{exercise.id}: {wrong.id}")
        outcome = try_misconception(exercise, wrong, seeds[0])
        problems += _find_shortcomings(outcome, seeds[0])
        caught.append(outcome)
    return ContentReport(exercise, tuple(f"{exercise.id}: {problem}" for problem in problems), tuple(caught), tests)


def _find_changing_checks(trial: Trial) -> Iterator[str]:
    """Yield the checks whose answer changes after their test, since diagnosis asks them again."""
    for case in trial.transcript:
        if case.check and not case.wrong and (error := property_error(case.check, case.answer.value)):
            yield f"{case.test}: its check closes over something that changes; asked again, it says: {error}"


def confusion_table(reports: list[ContentReport]) -> Table:
    """Return how the misconceptions were diagnosed, as a table with one line per exercise."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    columns = ("right", "another", "not at all", "passed")
    for name in ("exercise", "tests", "misconceptions", *columns):
        table.add_column(name, justify="left" if name == "exercise" else "right")
    total: Counter[str] = Counter()
    for report in reports:
        count = Counter(outcome.verdict for outcome in report.caught)
        total += count
        table.add_row(
            report.exercise.id, str(report.tests), str(len(report.caught)), *(str(count[name]) for name in columns)
        )
    tests = sum(report.tests for report in reports)
    table.add_row("all", str(tests), str(total.total()), *(str(total[name]) for name in columns), style="bold")
    return table


def try_misconception(exercise: Exercise, wrong: Misconception, seed: int) -> MisconceptionOutcome:
    """Run one misconception through the hidden tests of its part."""
    namespace = content.with_misconception(exercise, wrong)
    trial = run_hidden_tests(Trial(exercise, Local(exercise, namespace), seed, only=frozenset({wrong.part})))
    if errors := [verdict for verdict in trial.verdicts if verdict.status == "error"]:
        raise GraderError(f"{exercise.id}: {wrong.id}: {errors[0].id}: {errors[0].message}")
    failed = dict.fromkeys(verdict.function for verdict in trial.verdicts if verdict.status == "fail")
    diagnosed = Counter(mistake.id for mistake in diagnose(trial).values())
    return MisconceptionOutcome(wrong, tuple(failed), tuple(name for name, _ in diagnosed.most_common()))


def _find_shortcomings(outcome: MisconceptionOutcome, seed: int) -> Iterator[str]:
    misconception = outcome.misconception
    if missed := [name for name in misconception.fails if name not in outcome.failed]:
        failed = ", ".join(outcome.failed) or "nothing"
        yield f"misconception {misconception.id}, seed {seed}: passes {', '.join(missed)}; it fails {failed}"
    if outcome.verdict in ("another", "not at all"):
        diagnosed = outcome.diagnosed[0] if outcome.diagnosed else "nothing"
        yield f"misconception {misconception.id}, seed {seed}: diagnosed as {diagnosed}"


def _right_implementations(exercise: Exercise) -> Iterator[tuple[str, dict[str, object]]]:
    reference = dict(content.reference(exercise))
    yield "reference", reference
    if builtins := content.builtins(exercise):
        yield "built-in", {**reference, **builtins}


def _check_stub(exercise: Exercise) -> Iterator[str]:
    namespace: dict[str, object] = {"__name__": "stub"}
    source = make_stub(exercise.solution.read_text("utf-8"))
    file = f"<stub of {exercise.id}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)  # for those who look a line up
    exec(compile(source, file, "exec"), namespace)
    trial = run_hidden_tests(Trial(exercise, Local(exercise, namespace, file), 0))
    for verdict in trial.verdicts:
        if verdict.status not in ("fail", "skip"):
            yield f"the stub gets {verdict.status} at {verdict.id}; it must fail: {verdict.message}"
        elif verdict.status == "fail" and "is not written yet" not in verdict.message:
            yield f"the stub fails at {verdict.id}, but not because it is not written: {verdict.message[:200]}"


def _check_files(exercise: Exercise) -> Iterator[str]:
    solution = exercise.solution.read_text("utf-8")
    if not exercise.stub.is_file() or exercise.stub.read_text("utf-8") != make_stub(solution):
        yield "the stub is out of date: run `nnkata dev stub`"
    if not (exercise.folder / "README.md").is_file():
        yield "it has no lesson: write README.md"
    if abs(exercise.points - 10) > 1e-9:
        yield f"its points sum to {exercise.points:g}: make it 10"
    names = [part.name for part in exercise.parts]
    public = [
        node.name
        for node in ast.parse(solution).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    if names != public:
        yield f"its parts {names} differ from what the solution defines, {public}"
    wrong = Counter(m.part for m in content.misconceptions(exercise))
    ids = Counter(m.id for m in content.misconceptions(exercise))
    for name, count in ids.items():
        if count > 1:
            yield f"{count} misconceptions are named {name!r}: give each its own name"
    for part in exercise.parts:
        if len(part.hints) != 3:
            yield f"{part.name} has {len(part.hints)} hints: write three (concept, where to look, skeleton)"
        if not wrong[part.name]:
            yield f"{part.name} has no misconceptions: write one"
        if part.name not in names:
            yield f"{part.name} is not a part"
    for stray in set(wrong) - set(names):
        yield f"misconceptions are registered for {stray!r}, which is not a part"
