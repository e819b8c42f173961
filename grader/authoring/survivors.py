"""Mutants that no hidden test kills: explained as equivalent, or a hole in the tests.

Those known to be equivalent stand in `tests/mutation/equivalents.toml` of their content root, each with one sentence
that says why; they are found by the text of the change, not by its line.
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
from .mutant_runs import Fate


@dataclass(frozen=True)
class Equivalent:
    """Changes of one statement that no test has to notice, and why.

    Attributes:
        parts: the parts in which they are explained; a private helper is changed for each part that uses it.
        after: what may stand there instead.
    """

    exercise: str
    parts: tuple[str, ...]
    before: str
    after: tuple[str, ...]
    why: str

    def texts(self) -> set[tuple[str, str, str]]:
        """(part, before, after) of every change that it explains."""
        return {(part, self.before, after) for part in self.parts for after in self.after}


@dataclass(frozen=True)
class Mutated:
    """One exercise's mutants and what became of them.

    Attributes:
        explained: how many survivors are known to be equivalent.
        holes: those that are not.
        errors: mutants on which the grader itself failed.
        stale: entries of the file of equivalents that explain no survivor.
    """

    exercise: Exercise
    fates: tuple[Fate, ...]
    explained: int
    holes: tuple[Fate, ...]
    errors: tuple[Fate, ...]
    stale: tuple[str, ...]

    @property
    def killed(self) -> int:
        return sum(fate.status == "killed" for fate in self.fates)

    @property
    def score(self) -> float:
        """The share of killed ones among those that are not explained."""
        return self.killed / max(len(self.fates) - self.explained, 1)

    @property
    def sound(self) -> bool:
        """Whether nothing is left to be done."""
        return not (self.holes or self.errors or self.stale)


def file_of(exercise: Exercise) -> Path:
    """Where the known equivalents of an exercise's content root are written."""
    return exercise.tests.parent.parent / "mutation" / "equivalents.toml"


def equivalents(file: Path) -> tuple[Equivalent, ...]:
    """The entries of a file of equivalents; none if there is no such file. ContentError says what is wrong with one."""
    if not file.is_file():
        return ()
    try:
        tables = tomllib.loads(file.read_text("utf-8")).get("equivalent", [])
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ContentError(f"{file}: {error}") from None
    return tuple(_entry(file, table) for table in tables)


def _entry(file: Path, table: dict[str, Any]) -> Equivalent:
    keys = ["after", "before", "exercise", "part", "why"]
    if sorted(table) != keys or not table["why"]:
        raise ContentError(f"{file}: an entry has the keys {', '.join(keys)}, and a why; one is {table}")
    part, after = (tuple(value) if isinstance(value, list) else (value,) for value in (table["part"], table["after"]))
    return Equivalent(table["exercise"], part, table["before"], after, table["why"])


def explain(
    exercise: Exercise, found: list[Fate], known: tuple[Equivalent, ...], parts: tuple[str, ...] = ()
) -> Mutated:
    """Tell the survivors that are known to be equivalent from the others.

    Args:
        parts: the parts that were tried; empty for all. Entries of others are left alone.
    """
    own = [entry for entry in known if entry.exercise == exercise.id]
    texts = set().union(*(entry.texts() for entry in own))
    survived = [fate for fate in found if fate.status == "survived"]
    holes = [fate for fate in survived if _text(fate) not in texts]
    # a faster machine might have let live what was only out of time, such as a training with batches of one
    alive = {_text(fate) for fate in found if fate.status == "survived" or fate.by == "time"}
    stale = sorted(f"{part}: {before} → {after}" for part, before, after in texts - alive if not parts or part in parts)
    errors = tuple(fate for fate in found if fate.status == "error")
    return Mutated(exercise, tuple(found), len(survived) - len(holes), tuple(holes), errors, tuple(stale))


def _text(fate: Fate) -> tuple[str, str, str]:
    return fate.mutant.part, fate.mutant.before, fate.mutant.after


def told(found: Mutated) -> list[str]:
    """What is left to be done, a line each."""
    file = found.exercise.module
    lines = []
    for fate in found.holes:
        mutant = fate.mutant
        lines.append(f"{file}:{mutant.line}: {mutant.part}: {mutant.before} → {mutant.after}")
    for fate in found.errors:
        mutant = fate.mutant
        lines.append(f"{file}:{mutant.line}: {mutant.before} → {mutant.after}: the grader failed: {fate.by}")
    lines += [f"explains no survivor any more: {text}" for text in found.stale]
    return lines


def table(found: list[Mutated]) -> Table:
    """The figures, an exercise a line and their sum."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("exercise", "mutants", "killed", "equivalent", "score", "survivors"):
        shown.add_column(name, justify="left" if name == "exercise" else "right")
    for one in found:
        figures = (len(one.fates), one.killed, one.explained)
        shown.add_row(one.exercise.id, *map(str, figures), f"{one.score:.1%}", str(len(one.holes)))
    mutants, killed = sum(len(one.fates) for one in found), sum(one.killed for one in found)
    explained, holes = sum(one.explained for one in found), sum(len(one.holes) for one in found)
    score = killed / max(mutants - explained, 1)
    shown.add_row("all", str(mutants), str(killed), str(explained), f"{score:.1%}", str(holes), style="bold")
    return shown


def save(found: list[Mutated], file: Path) -> None:
    """Write the figures into a JSON file, beside those of other exercises that it holds already."""
    known = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    for one in found:
        known[one.exercise.id] = {
            "mutants": len(one.fates),
            "killed": one.killed,
            "equivalent": one.explained,
            "survivors": told(one),
        }
    file.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
