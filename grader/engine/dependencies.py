"""Parts that fail because of another part: what a student should fix first, said before anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..judge.trial import Trial, Verdict


def failing_dependencies(trial: Trial) -> dict[str, str]:
    """Return, for each failing part that uses another one which failed on its own, that other part.

    What such a part does wrong may be the other's doing, so it gets no diagnosis of its own. Of several, the one that
    uses no failing part itself. Of two parts that use each other neither comes first.
    """
    failing = [part.name for part in trial.exercise.parts if any(_fails(v, part.name) for v in trial.verdicts)]
    uses = {name: trial.uses.get(name, frozenset()) for name in failing}
    below = {name: [used for used in failing if used in uses[name] and name not in uses[used]] for name in failing}
    return {
        name: next((used for used in candidates if not below[used]), candidates[0])
        for name, candidates in below.items()
        if candidates
    }


def prefix_messages(trial: Trial, dependencies: Mapping[str, str]) -> None:
    """Begin the messages of the parts in `dependencies` with the part to fix before them."""
    unwritten = {v.part for v in trial.verdicts if v.failure and v.failure.kind == "unwritten"}
    for index, verdict in enumerate(trial.verdicts):
        if not _fails(verdict, verdict.part) or verdict.part not in dependencies:
            continue
        used = dependencies[verdict.part]
        problem = "is not written yet: write" if used in unwritten else "is not right yet: fix"
        lines = [line for line in verdict.message.split("\n") if line != f"{verdict.part} is not written yet"]
        message = "\n".join([f"{verdict.part} uses {used}, which {problem} that first", *lines])
        # a part that ran into another, unwritten one has been begun itself
        failure = None if verdict.failure and verdict.failure.kind == "unwritten" else verdict.failure
        trial.verdicts[index] = replace(verdict, message=message, failure=failure)


def _fails(verdict: Verdict, part: str) -> bool:
    return verdict.part == part and verdict.status == "fail"
