"""Which misconception explains what a student's part did: the one that answers every question alike."""

from __future__ import annotations

from . import content
from .model import Diagnosis, Misconception, Outcome
from .trial import Case, Local, Trial

ENOUGH = 40
"""Cases replayed at the most for one part, to find the mistake that explains all of them."""

FEW = 10
"""Cases replayed at the most for one part, to find mistakes that explain some of them."""


def diagnose(trial: Trial) -> dict[str, Misconception]:
    """For each failing test, by its id, the misconception that explains it, if one does.

    A misconception that answers every question about the part as the student did explains all of its failing tests.
    Where none does (two mistakes at once, say), one that answers a failing test's own questions alike explains that
    test.
    """
    found: dict[str, Misconception] = {}
    for part in trial.exercise.parts:
        cases = [case for case in trial.transcript if case.part == part.name]
        failing = [case for case in cases if case.wrong]
        if failing and all(_speaks(case) for case in failing):
            found |= _explain(trial, cases, failing)
    return found


def _speaks(case: Case) -> bool:
    """Whether an answer can tell one mistake from another: a part that is missing, unwritten or stopped cannot."""
    return case.answer.failure is None or case.answer.failure.kind == "exception"


def explained(wrong: Misconception) -> Diagnosis:
    """A misconception as a report shows it."""
    return Diagnosis(wrong.part, wrong.id, wrong.explanation, wrong.advice)


def _explain(trial: Trial, cases: list[Case], failing: list[Case]) -> dict[str, Misconception]:
    replay = _Replay(trial)
    passing = [case for case in cases if not case.wrong]
    candidates = [wrong for wrong in content.misconceptions(trial.exercise) if wrong.part == failing[0].part]
    for wrong in candidates:
        if all(replay.alike(wrong, case) for case in (*failing[:ENOUGH], *passing[:ENOUGH])):
            return {case.test: wrong for case in failing}
    # no one mistake explains everything: the one that explains most speaks first, each for the tests it explains
    telling = _one_a_function([case for case in failing if case.answer.failure is None])[:FEW]
    alike = {wrong.id: [case for case in telling if replay.alike(wrong, case)] for wrong in candidates}
    found: dict[str, Misconception] = {}
    for wrong in sorted(candidates, key=lambda wrong: -len(alike[wrong.id])):
        for case in alike[wrong.id]:
            for other in failing:
                if _function(other) == _function(case):
                    found.setdefault(other.test, wrong)
    return found


def _one_a_function(cases: list[Case]) -> list[Case]:
    """The first case of each test function, whatever its parameters."""
    return list({_function(case): case for case in reversed(cases)}.values())[::-1]


def _function(case: Case) -> str:
    return case.test.partition("[")[0]


class _Replay:
    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.answers: dict[tuple[str, int], Outcome] = {}

    def alike(self, wrong: Misconception, case: Case) -> bool:
        key = (wrong.id, id(case))
        if key not in self.answers:
            local = Local(self.trial.exercise, content.standing_in(self.trial.exercise, wrong))
            self.answers[key] = local.run(case.part, case.probe, case.args, case.options, case.device)
        return case.alike(self.answers[key])
