"""Parts that fail because of another part: what a student should mend first, said before anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..judge.trial import Trial, Verdict


def mend_first(trial: Trial) -> dict[str, str]:
    """For each failing part that uses another one which failed on its own: that other part.

    What such a part does wrong may be the other's doing, so it gets no diagnosis of its own. Of several, the one that
    uses no failing part itself. Of two parts that use each other neither comes first.
    """
    failing = [part.name for part in trial.exercise.parts if any(_fails(v, part.name) for v in trial.verdicts)]
    uses = {name: trial.uses.get(name, frozenset()) for name in failing}
    broken = {name: [used for used in failing if used in uses[name] and name not in uses[used]] for name in failing}
    return {
        name: next((used for used in under if not broken[used]), under[0]) for name, under in broken.items() if under
    }


def tell(trial: Trial, first: Mapping[str, str]) -> None:
    """Begin the messages of the parts in `first` with what to mend before them."""
    unwritten = {v.part for v in trial.verdicts if v.failure and v.failure.kind == "unwritten"}
    for place, verdict in enumerate(trial.verdicts):
        if not _fails(verdict, verdict.part) or verdict.part not in first:
            continue
        used = first[verdict.part]
        what = "is not written yet: write" if used in unwritten else "is not right yet: mend"
        said = [line for line in verdict.message.split("\n") if line != f"{verdict.part} is not written yet"]
        begun = None if verdict.failure and verdict.failure.kind == "unwritten" else verdict.failure
        message = "\n".join([f"{verdict.part} uses {used}, which {what} that first", *said])
        trial.verdicts[place] = replace(verdict, message=message, failure=begun)


def _fails(verdict: Verdict, part: str) -> bool:
    return verdict.part == part and verdict.status == "fail"
