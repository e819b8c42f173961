"""The misconceptions that explain what a student's part did: one that answers every question as the student did, or
several that nothing contradicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

import torch

from ..exercise import content
from ..judge.run_cache import RunCache
from ..judge.trial import Case, Local, Trial
from ..model import Diagnosis, Misconception, Outcome, Value

MAX_CASES = 40
"""Failing cases, and as many passing ones, that are replayed for one part: each costs a run of each misconception."""

MAX_TEST_FUNCTIONS = 10
"""Failing test functions (each with all of its cases) that a misconception may explain where none explains all."""

HALF = {torch.bfloat16, torch.float16}
FRACTIONS = HALF | {torch.float32, torch.float64}

CasesByFunction = Mapping[str, list[Case]]
"""Failing cases by the name of their test function, without its parameters."""


def diagnose(trial: Trial, without: Collection[str] = ()) -> dict[str, Misconception]:
    """Return, by the id of each failing test, the misconception that explains it, if one does.

    A misconception that answers every question about the part as the student did explains all of its failing tests.
    Where none does (two mistakes at once, say), one explains the tests whose questions it answers as the student did,
    provided that no other answer contradicts it: see `_is_contradicted`. A diagnosis that may be wrong is not made.

    Args:
        without: parts that are left out.
    """
    diagnoses: dict[str, Misconception] = {}
    for part in trial.exercise.parts:
        cases = [case for case in trial.transcript if case.part == part.name and part.name not in without]
        failing = [case for case in cases if case.wrong]
        if failing and all(_is_evidence(case) for case in failing):
            diagnoses |= _explain(trial, cases, failing)
    return diagnoses


def to_diagnosis(mistake: Misconception) -> Diagnosis:
    """Return a misconception as a report shows it."""
    return Diagnosis(
        part=mistake.part, misconception=mistake.id, explanation=mistake.explanation, advice=mistake.advice
    )


def _explain(trial: Trial, cases: list[Case], failing: list[Case]) -> dict[str, Misconception]:
    replay = _Replay(trial)
    candidates = [mistake for mistake in content.misconceptions(trial.exercise) if mistake.part == failing[0].part]
    passed = [case for case in cases if not case.wrong][:MAX_CASES]
    failed = _in_full_precision(failing)[:MAX_CASES]
    for mistake in candidates:  # one explains every failing test
        if _matches_all(replay, mistake, failed) and _is_consistent(replay, mistake, passed):
            return {case.test: mistake for case in failing}
    by_function = _by_function(failed)
    explained = {mistake.id: _functions_explained(replay, mistake, by_function) for mistake in candidates}
    plausible = [  # several explain some tests each
        mistake
        for mistake in candidates
        if explained[mistake.id]
        and _is_consistent(replay, mistake, passed)
        and not _is_contradicted(replay, mistake, candidates, failed=failed, passed=passed)
    ]
    if _has_unknown_mistake(replay, plausible, failed):
        # Then what matches may do so by chance: keep only what no coincidence explains, see `_is_distinctive`.
        plausible = [
            mistake
            for mistake in plausible
            if any(_is_distinctive(case) for function in explained[mistake.id] for case in by_function[function])
        ]
    return _assign_tests(plausible, explained, by_function)


def _is_evidence(case: Case) -> bool:
    """Return True if the answer tells mistakes apart: it is a value, or an exception that the student's code raised.

    A part that is missing, unwritten or blocked tells nothing.
    """
    return case.answer.failure is None or case.answer.failure.kind == "exception"


def _is_distinctive(case: Case) -> bool:
    """Return True if the answer can hardly match by chance: it has fractional numbers.

    Counts, truth values and the sentences of checks can.
    """
    return case.check is None and bool(_dtypes(case.answer.value) & FRACTIONS)


def _in_full_precision(failing: list[Case]) -> list[Case]:
    """Return the cases without half precision, if there are any.

    Two implementations of the same mistake differ by rounding, which in half precision hides the mistake.
    """
    return [case for case in failing if not _dtypes(case.answer.value) & HALF] or failing


def _by_function(failed: list[Case]) -> CasesByFunction:
    groups: dict[str, list[Case]] = {}
    for case in failed:
        groups.setdefault(case.test.partition("[")[0], []).append(case)
    return groups


def _matches_all(replay: _Replay, mistake: Misconception, cases: list[Case]) -> bool:
    return all(replay.matches_student(mistake, case) for case in cases)


def _is_consistent(replay: _Replay, mistake: Misconception, passed: list[Case]) -> bool:
    """Return True if somebody with this misconception would pass where the student did."""
    return all(replay.passes(mistake, case) for case in passed)


def _functions_explained(replay: _Replay, mistake: Misconception, by_function: CasesByFunction) -> list[str]:
    """Return the test functions all of whose cases fail as they would with this misconception.

    An exception alone is no evidence: too many mistakes end in the same one.
    """
    return [
        function
        for function, cases in list(by_function.items())[:MAX_TEST_FUNCTIONS]
        if _matches_all(replay, mistake, cases) and any(case.answer.failure is None for case in cases)
    ]


def _is_contradicted(
    replay: _Replay,
    suspect: Misconception,
    candidates: list[Misconception],
    *,
    failed: list[Case],
    passed: list[Case],
) -> bool:
    """Return True if a failing test speaks against a misconception: it would fail there, too, but with another answer.

    Not if one other misconception would change exactly those answers: then both are in the student's code. Where the
    answers that match may do so by chance, they must then be more than those that differ.
    """
    supporting = [case for case in failed if replay.matches_student(suspect, case)]
    opposing = [case for case in failed if replay.fails_differently(suspect, case)]
    if not opposing:
        return False
    if len(opposing) >= len(supporting) and not any(_is_distinctive(case) for case in supporting):
        return True
    return not any(
        _changes_exactly(replay, other, opposing, unchanged=supporting) and _is_consistent(replay, other, passed)
        for other in candidates
        if other is not suspect
    )


def _changes_exactly(replay: _Replay, mistake: Misconception, changed: list[Case], *, unchanged: list[Case]) -> bool:
    """Return True if this misconception shows in each of these answers, and in none of the others."""
    return not any(replay.matches_reference(mistake, case) for case in changed) and all(
        replay.matches_reference(mistake, case) for case in unchanged
    )


def _has_unknown_mistake(replay: _Replay, plausible: list[Misconception], failed: list[Case]) -> bool:
    """Return True if some wrong answer is explained by none of the misconceptions: all would be right there."""
    return any(
        all(replay.matches_reference(mistake, case) for mistake in plausible)
        for case in failed
        if case.answer.failure is None
    )


def _assign_tests(
    plausible: list[Misconception], explained: Mapping[str, list[str]], by_function: CasesByFunction
) -> dict[str, Misconception]:
    """Return the misconception of each explained test; of several, the one that explains most test functions."""
    diagnoses: dict[str, Misconception] = {}
    for mistake in sorted(plausible, key=lambda mistake: -len(explained[mistake.id])):
        for function in explained[mistake.id]:
            for case in by_function[function]:
                diagnoses.setdefault(case.test, mistake)
    return diagnoses


def _dtypes(value: Value) -> set[torch.dtype]:
    """Return the dtypes of the tensors in an answer; a float counts as float64."""
    if isinstance(value, dict | list):
        return set().union(*(_dtypes(item) for item in (value.values() if isinstance(value, dict) else value)))
    if isinstance(value, torch.Tensor):
        return {value.dtype}
    return {torch.float64} if isinstance(value, float) else set()


class _Replay:
    """Answers of the misconceptions and the reference to the questions that a student was asked.

    Each is asked for when it is needed first: a replay costs a run of the probe.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self._numbers = _numbers_in_tests(trial.transcript)

    def matches_student(self, mistake: Misconception, case: Case) -> bool:
        """Return True if the student answered as somebody with this misconception would."""
        return case.matches(self._answer(mistake, case))

    def matches_reference(self, mistake: Misconception, case: Case) -> bool:
        """Return True if somebody with this misconception would answer as the reference does."""
        return replace(case, answer=self._answer(None, case)).matches(self._answer(mistake, case))

    def passes(self, mistake: Misconception, case: Case) -> bool:
        """Return True if somebody with this misconception would pass, where the student did."""
        return self.matches_student(mistake, case) or self.matches_reference(mistake, case)

    def fails_differently(self, mistake: Misconception, case: Case) -> bool:
        """Return True if somebody with this misconception would be wrong here, too, but with another answer.

        A student's exception says nothing: it hides what the answer would have been.
        """
        return case.answer.failure is None and not self.passes(mistake, case)

    def _answer(self, mistake: Misconception | None, case: Case) -> Outcome:
        exercise = self.trial.exercise

        def replay() -> Outcome:
            namespace = content.with_misconception(exercise, mistake) if mistake else content.reference(exercise)
            return Local(exercise, namespace).run(case.question)

        question = (mistake and mistake.id, case.test, self._numbers[id(case)])
        return _replays.get((exercise, self.trial.seed), question, replay)


_replays = RunCache[Outcome]()
"""Kept between submissions: a class makes the same mistakes with the same inputs."""


def _numbers_in_tests(transcript: list[Case]) -> dict[int, int]:
    """Return each case's number among those of its test, by the case's id."""
    counts: Counter[str] = Counter()
    numbers = {}
    for case in transcript:
        numbers[id(case)] = counts[case.test]
        counts[case.test] += 1
    return numbers
