"""What must hold of an exercise's content, checked: `nnkata dev check`.

The stub fails as fail, never as error; the reference and the built-ins pass under many seeds; each misconception
fails at the tests that it names and is diagnosed as itself; every part has three hints, tests and points; the stub is
the solution's.
"""

from __future__ import annotations

import ast
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

SEEDS = tuple(range(10))

_Plain = tuple[tuple[str, ...], tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...], int]


@dataclass(frozen=True)
class Caught:
    """How one misconception fared: the tests that failed it, and what it was diagnosed as."""

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
class Checked:
    """The outcome of `check`: problems (each names the exercise and the fix), and how the misconceptions fared."""

    exercise: Exercise
    problems: tuple[str, ...]
    caught: tuple[Caught, ...]
    tests: int


def check_all(exercises: list[Exercise], seeds: tuple[int, ...] = SEEDS) -> Iterator[Checked]:
    """Check several exercises, as many at a time as there are cores, in their order."""
    if len(exercises) == 1:
        yield check(exercises[0], seeds)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=context) as pool:
        waiting = [pool.submit(_check_by_id, exercise.id, seeds) for exercise in exercises]
        for exercise, future in zip(exercises, waiting, strict=True):
            problems, caught, tests = future.result()
            kinds = {wrong.id: wrong for wrong in content.misconceptions(exercise)}
            fared = tuple(Caught(kinds[name], failed, named) for name, failed, named in caught)
            yield Checked(exercise, problems, fared, tests)


def _check_by_id(exercise_id: str, seeds: tuple[int, ...]) -> _Plain:
    """`check` in another process: what it found, without what cannot travel (the misconceptions' code)."""
    found = check(catalog.find(exercise_id), seeds)
    caught = tuple((c.misconception.id, c.failed, c.diagnosed) for c in found.caught)
    return found.problems, caught, found.tests


def check(exercise: Exercise, seeds: tuple[int, ...] = SEEDS, say: Callable[[str], None] = lambda _: None) -> Checked:
    """Check one exercise's content; `say` is told what is being done."""
    problems = list(_written(exercise))
    say(f"{exercise.id}: stub")
    problems += _stub_fails(exercise)
    tests = 0
    for label, namespace in _right(exercise):
        for seed in seeds:
            say(f"{exercise.id}: {label}, seed {seed}")
            trial = run_hidden_tests(
                Trial(exercise, Local(exercise, namespace), seed, skip_contract_checks=label == "built-in")
            )
            tests = len(trial.verdicts)
            problems += [
                f"{label}, seed {seed}: {v.id}: {v.status}: {v.message}"
                for v in trial.verdicts
                if v.status in ("fail", "error")
            ]
            problems += [f"{label}, seed {seed}: {found}" for found in _changing_checks(trial)]
    caught = []
    for wrong in content.misconceptions(exercise):
        say(f"{exercise.id}: {wrong.id}")
        found = try_misconception(exercise, wrong, seeds[0])
        problems += _shortcomings(found, seeds[0])
        caught.append(found)
    return Checked(exercise, tuple(f"{exercise.id}: {problem}" for problem in problems), tuple(caught), tests)


def _changing_checks(trial: Trial) -> Iterator[str]:
    """Checks that do not say at the end what they said in their test: diagnosis asks them again."""
    for case in trial.transcript:
        if case.check and not case.wrong and (said := property_error(case.check, case.answer.value)):
            yield f"{case.test}: its check closes over something that changes; it says later: {said}"


def confusion_table(checked: list[Checked]) -> Table:
    """How the misconceptions were diagnosed, an exercise a line."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    columns = ("right", "another", "not at all", "passed")
    for name in ("exercise", "tests", "misconceptions", *columns):
        table.add_column(name, justify="left" if name == "exercise" else "right")
    total: Counter[str] = Counter()
    for found in checked:
        count = Counter(caught.verdict for caught in found.caught)
        total += count
        table.add_row(
            found.exercise.id, str(found.tests), str(len(found.caught)), *(str(count[name]) for name in columns)
        )
    tests = sum(found.tests for found in checked)
    table.add_row("all", str(tests), str(total.total()), *(str(total[name]) for name in columns), style="bold")
    return table


def try_misconception(exercise: Exercise, wrong: Misconception, seed: int) -> Caught:
    """Put one misconception before the judge."""
    namespace = content.standing_in(exercise, wrong)
    trial = run_hidden_tests(Trial(exercise, Local(exercise, namespace), seed, only=frozenset({wrong.part})))
    if errors := [v for v in trial.verdicts if v.status == "error"]:
        raise GraderError(f"{exercise.id}: {wrong.id}: {errors[0].id}: {errors[0].message}")
    failed = dict.fromkeys(v.function for v in trial.verdicts if v.status == "fail")
    named = Counter(found.id for found in diagnose(trial).values())
    return Caught(wrong, tuple(failed), tuple(name for name, _ in named.most_common()))


def _shortcomings(found: Caught, seed: int) -> Iterator[str]:
    wrong = found.misconception
    if missed := [name for name in wrong.fails if name not in found.failed]:
        failed = ", ".join(found.failed) or "nothing"
        yield f"misconception {wrong.id}, seed {seed}: passes {', '.join(missed)}; it fails {failed}"
    if found.verdict in ("another", "not at all"):
        named = found.diagnosed[0] if found.diagnosed else "nothing"
        yield f"misconception {wrong.id}, seed {seed}: diagnosed as {named}"


def _right(exercise: Exercise) -> Iterator[tuple[str, dict[str, object]]]:
    reference = dict(content.reference(exercise))
    yield "reference", reference
    if builtins := content.builtins(exercise):
        yield "built-in", {**reference, **builtins}


def _stub_fails(exercise: Exercise) -> Iterator[str]:
    namespace: dict[str, object] = {"__name__": "stub"}
    source = make_stub(exercise.solution.read_text("utf-8"))
    exec(compile(source, "stub.py", "exec"), namespace)
    trial = run_hidden_tests(Trial(exercise, Local(exercise, namespace, "stub.py"), 0))
    for verdict in trial.verdicts:
        if verdict.status not in ("fail", "skip"):
            yield f"the stub gets {verdict.status} at {verdict.id}; it must fail: {verdict.message}"
        elif verdict.status == "fail" and "is not written yet" not in verdict.message:
            yield f"the stub fails at {verdict.id}, but not because it is not written: {verdict.message[:200]}"


def _written(exercise: Exercise) -> Iterator[str]:
    solution = exercise.solution.read_text("utf-8")
    if not exercise.stub.is_file() or exercise.stub.read_text("utf-8") != make_stub(solution):
        yield "the stub is not what the solution gives: run `nnkata dev stub`"
    if not (exercise.folder / "README.md").is_file():
        yield "there is no lesson: write README.md"
    if abs(exercise.points - 10) > 1e-9:
        yield f"its points sum to {exercise.points:g}: make it 10"
    names = [part.name for part in exercise.parts]
    public = [
        node.name
        for node in ast.parse(solution).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    if names != public:
        yield f"its parts {names} are not what the solution defines {public}"
    wrong = Counter(m.part for m in content.misconceptions(exercise))
    ids = Counter(m.id for m in content.misconceptions(exercise))
    for name, count in ids.items():
        if count > 1:
            yield f"{count} misconceptions are called {name!r}: give each a name of its own"
    for part in exercise.parts:
        if len(part.hints) != 3:
            yield f"{part.name} has {len(part.hints)} hints: write three (concept, where to look, skeleton)"
        if not wrong[part.name]:
            yield f"{part.name} has no misconceptions"
        if part.name not in names:
            yield f"{part.name} is no part"
    for stray in set(wrong) - set(names):
        yield f"misconceptions are registered for {stray!r}, which is no part"
