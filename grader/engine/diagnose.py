"""Which misconceptions explain what a student's part did: the one that answers every question alike, or several that
nothing contradicts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import torch

from ..exercise import content
from ..judge.trial import Case, Local, Trial
from ..model import Diagnosis, Misconception, Outcome, Value

ENOUGH = 40
"""Cases replayed at the most for one part, to find the mistake that explains all of them."""

FEW = 10
"""Cases replayed at the most for one part, to find mistakes that explain some of them."""


HALF = {torch.bfloat16, torch.float16}
FRACTIONS = HALF | {torch.float32, torch.float64}


def diagnose(trial: Trial, without: Collection[str] = ()) -> dict[str, Misconception]:
    """For each failing test, by its id, the misconception that explains it, if one does.

    A misconception that answers every question about the part as the student did explains all of its failing tests.
    Where none does (two mistakes at once, say), one explains the tests whose questions it answers as the student did,
    provided that no other answer contradicts it: see `_contradicted`. A diagnosis that may be wrong is not made.
    Parts in `without` are left out.
    """
    found: dict[str, Misconception] = {}
    for part in trial.exercise.parts:
        cases = [case for case in trial.transcript if case.part == part.name and part.name not in without]
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
    passing = [case for case in cases if not case.wrong][:ENOUGH]
    # what two people get who make the same mistake differs by rounding, which in half precision hides the mistake
    sharp = ([case for case in failing if not _dtypes(case.answer.value) & HALF] or failing)[:ENOUGH]
    candidates = [wrong for wrong in content.misconceptions(trial.exercise) if wrong.part == failing[0].part]
    for wrong in candidates:
        if all(replay.alike(wrong, case) for case in sharp) and all(replay.passes(wrong, case) for case in passing):
            return {case.test: wrong for case in failing}
    functions: dict[str, list[Case]] = {}
    for case in sharp:
        functions.setdefault(case.test.partition("[")[0], []).append(case)
    explains = {wrong.id: _explains(replay, wrong, functions) for wrong in candidates}
    kept = [
        wrong
        for wrong in candidates
        if explains[wrong.id]
        and all(replay.passes(wrong, case) for case in passing)
        and not _contradicted(replay, wrong, candidates, sharp, passing)
    ]
    answered = [case for case in sharp if case.answer.failure is None]
    if any(all(replay.right(wrong, case) for wrong in kept) for case in answered):
        # something else is wrong, too: what could be alike by chance proves nothing
        kept = [wrong for wrong in kept if any(_fine(case) for name in explains[wrong.id] for case in functions[name])]
    found: dict[str, Misconception] = {}
    for wrong in sorted(kept, key=lambda wrong: -len(explains[wrong.id])):  # what explains most speaks first
        for name in explains[wrong.id]:
            for case in functions[name]:
                found.setdefault(case.test, wrong)
    return found


def _explains(replay: _Replay, wrong: Misconception, functions: Mapping[str, list[Case]]) -> list[str]:
    """The test functions that fail as they would with this mistake, for all of their parameters.

    An exception alone is no evidence: too many mistakes end in the same one.
    """
    return [
        name
        for name, cases in list(functions.items())[:FEW]
        if all(replay.alike(wrong, case) for case in cases) and any(case.answer.failure is None for case in cases)
    ]


def _contradicted(
    replay: _Replay, wrong: Misconception, all_known: list[Misconception], failing: list[Case], passing: list[Case]
) -> bool:
    """Whether a failing test tells against a misconception: its answer is wrong there too, but in another way.

    Not so if one other mistake would show in all of these tests, and nowhere else in what was asked: there the two
    have met. What could be alike by chance must then explain more than it leaves.
    """
    alike = [case for case in failing if replay.alike(wrong, case)]
    otherwise = [case for case in failing if replay.otherwise(wrong, case)]
    if not otherwise:
        return False
    if len(otherwise) >= len(alike) and not any(_fine(case) for case in alike):
        return True
    return not any(
        not any(replay.right(other, case) for case in otherwise)
        and all(replay.right(other, case) for case in alike)
        and all(replay.passes(other, case) for case in passing)
        for other in all_known
        if other is not wrong
    )


def _fine(case: Case) -> bool:
    """Whether an answer is hardly alike by chance: numbers with fractions, no counts, truth values or complaints."""
    return case.check is None and bool(_dtypes(case.answer.value) & FRACTIONS)


def _dtypes(value: Value) -> set[torch.dtype]:
    """The dtypes of the tensors in an answer; a float counts as float64."""
    if isinstance(value, dict | list):
        return set().union(*(_dtypes(item) for item in (value.values() if isinstance(value, dict) else value)))
    if isinstance(value, torch.Tensor):
        return {value.dtype}
    return {torch.float64} if isinstance(value, float) else set()


class _Replay:
    """What the misconceptions and the reference answer to the questions that a student was asked."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.answers: dict[tuple[str, int], Outcome] = {}

    def alike(self, wrong: Misconception, case: Case) -> bool:
        """Whether the student answered as somebody with this misconception would."""
        return case.alike(self._answer(wrong, case))

    def right(self, wrong: Misconception, case: Case) -> bool:
        """Whether somebody with this misconception would answer as the reference does."""
        return replace(case, answer=self._answer(None, case)).alike(self._answer(wrong, case))

    def passes(self, wrong: Misconception, case: Case) -> bool:
        """Whether somebody with this misconception would pass where the student did."""
        return self.alike(wrong, case) or self.right(wrong, case)

    def otherwise(self, wrong: Misconception, case: Case) -> bool:
        """Whether somebody with this misconception would be wrong here too, but in another way.

        An exception is no other way: it hides what the answer would have been.
        """
        return case.answer.failure is None and not self.alike(wrong, case) and not self.right(wrong, case)

    def _answer(self, wrong: Misconception | None, case: Case) -> Outcome:
        key = (wrong.id if wrong else "", id(case))
        if key not in self.answers:
            exercise = self.trial.exercise
            namespace = content.standing_in(exercise, wrong) if wrong else content.reference(exercise)
            local = Local(exercise, namespace)
            self.answers[key] = local.run(case.probe, case.args, case.options, case.device)
        return self.answers[key]
