"""Mutants that no hidden test kills: explained as equivalent, or a hole in the tests.

Known equivalents are listed in `tests/mutation/equivalents.toml` of their content root, each with one sentence that
says why; they are matched by the text of the change, not by its line.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from ..errors import ContentError
from ..model import Exercise
from .mutant_runs import MutantOutcome


@dataclass(frozen=True)
class Equivalent:
    """Changes of one statement that no test has to notice, and why.

    Attributes:
        parts: the parts for which they are explained; a private helper is changed for each part that uses it.
        after: the statements that may replace it.
    """

    exercise: str
    parts: tuple[str, ...]
    before: str
    after: tuple[str, ...]
    why: str

    def texts(self) -> set[tuple[str, str, str]]:
        """Return (part, before, after) of every change that it explains."""
        return {(part, self.before, after) for part in self.parts for after in self.after}


@dataclass(frozen=True)
class MutationReport:
    """One exercise's mutants and their outcomes.

    Attributes:
        explained: how many survivors are known to be equivalent.
        holes: those that are not.
        errors: mutants on which the grader itself failed.
        stale: entries of the file of equivalents that explain no survivor.
    """

    exercise: Exercise
    outcomes: tuple[MutantOutcome, ...]
    explained: int
    holes: tuple[MutantOutcome, ...]
    errors: tuple[MutantOutcome, ...]
    stale: tuple[str, ...]

    @property
    def killed(self) -> int:
        return sum(outcome.status == "killed" for outcome in self.outcomes)

    @property
    def score(self) -> float:
        """The share of killed mutants among those that are not explained."""
        return self.killed / max(len(self.outcomes) - self.explained, 1)

    @property
    def sound(self) -> bool:
        """True if nothing is left to do."""
        return not (self.holes or self.errors or self.stale)


def equivalents_file(exercise: Exercise) -> Path:
    """Return the file of known equivalents in an exercise's content root."""
    return exercise.tests.parent.parent / "mutation" / "equivalents.toml"


def read_equivalents(file: Path) -> tuple[Equivalent, ...]:
    """Return the entries of a file of equivalents, none if there is no such file; ContentError for an invalid entry."""
    if not file.is_file():
        return ()
    try:
        tables = tomllib.loads(file.read_text("utf-8")).get("equivalent", [])
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ContentError(f"{file}: {error}") from None
    return tuple(_parse_entry(file, table) for table in tables)


def _parse_entry(file: Path, table: dict[str, Any]) -> Equivalent:
    keys = ["after", "before", "exercise", "part", "why"]
    if sorted(table) != keys or not table["why"]:
        raise ContentError(f"{file}: an entry must have the keys {', '.join(keys)}, with a reason in why, not {table}")
    part, after = (tuple(value) if isinstance(value, list) else (value,) for value in (table["part"], table["after"]))
    return Equivalent(table["exercise"], part, table["before"], after, table["why"])


def make_report(
    exercise: Exercise, outcomes: list[MutantOutcome], known: tuple[Equivalent, ...], parts: tuple[str, ...] = ()
) -> MutationReport:
    """Separate the survivors that are known to be equivalent from the others.

    Args:
        parts: the parts that were tried; empty for all. Entries of other parts are ignored.
    """
    own = [entry for entry in known if entry.exercise == exercise.id]
    texts = set().union(*(entry.texts() for entry in own))
    survived = [outcome for outcome in outcomes if outcome.status == "survived"]
    holes = [outcome for outcome in survived if _change_key(outcome) not in texts]
    # a mutant that ran out of time, such as a training with batches of one, might survive on a faster machine
    alive = {_change_key(outcome) for outcome in outcomes if outcome.status == "survived" or outcome.by == "time"}
    stale = sorted(f"{part}: {before} → {after}" for part, before, after in texts - alive if not parts or part in parts)
    errors = tuple(outcome for outcome in outcomes if outcome.status == "error")
    return MutationReport(
        exercise=exercise,
        outcomes=tuple(outcomes),
        explained=len(survived) - len(holes),
        holes=tuple(holes),
        errors=errors,
        stale=tuple(stale),
    )


def _change_key(outcome: MutantOutcome) -> tuple[str, str, str]:
    return outcome.mutant.part, outcome.mutant.before, outcome.mutant.after


def open_questions(report: MutationReport) -> list[str]:
    """Return what is left to do, one line each."""
    file = report.exercise.module
    lines = []
    for outcome in report.holes:
        mutant = outcome.mutant
        lines.append(f"{file}:{mutant.line}: {mutant.part}: {mutant.before} → {mutant.after}")
    for outcome in report.errors:
        mutant = outcome.mutant
        lines.append(f"{file}:{mutant.line}: {mutant.before} → {mutant.after}: the grader failed: {outcome.by}")
    lines += [f"no longer explains a survivor: {text}" for text in report.stale]
    return lines


def table(reports: list[MutationReport]) -> Table:
    """Return the figures as a table: one line per exercise, and their sum."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("exercise", "mutants", "killed", "equivalent", "score", "survivors"):
        table.add_column(name, justify="left" if name == "exercise" else "right")
    for one in reports:
        figures = (len(one.outcomes), one.killed, one.explained)
        table.add_row(one.exercise.id, *map(str, figures), f"{one.score:.1%}", str(len(one.holes)))
    mutants, killed = sum(len(one.outcomes) for one in reports), sum(one.killed for one in reports)
    explained, holes = sum(one.explained for one in reports), sum(len(one.holes) for one in reports)
    score = killed / max(mutants - explained, 1)
    table.add_row("all", str(mutants), str(killed), str(explained), f"{score:.1%}", str(holes), style="bold")
    return table


def save(reports: list[MutationReport], file: Path) -> None:
    """Write the figures into a JSON file, keeping those of other exercises in it."""
    known = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    for one in reports:
        known[one.exercise.id] = {
            "mutants": len(one.outcomes),
            "killed": one.killed,
            "equivalent": one.explained,
            "survivors": open_questions(one),
        }
    file.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
