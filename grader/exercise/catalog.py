"""Exercises on disk: found by their folders, described by their `exercise.toml`. No torch, no central list.

A content root holds `exercises/<id>/`, `solutions/<id>/` and `tests/hidden/<id>/`. The kit is one; the environment
variable `NNKATA_PATH` lists others, separated as in PATH, which come after it.
"""

from __future__ import annotations

import difflib
import functools
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import ContentError, UnknownExercise
from ..model import Bar, Exercise, Limits, Part

KIT = Path(__file__).resolve().parents[2]
EXERCISE_FORMAT_VERSION = 1


def roots() -> list[Path]:
    """Return every content root: the kit's own, then those of NNKATA_PATH."""
    extra = [Path(entry).resolve() for entry in os.environ.get("NNKATA_PATH", "").split(os.pathsep) if entry]
    return [KIT, *extra]


def private_roots() -> tuple[Path, ...]:
    """Return the content roots besides the kit's, which no worker may read."""
    return tuple(root for root in roots() if root != KIT)


def exercises() -> list[Exercise]:
    """Return every exercise, sorted by id; ContentError names the one that is malformed."""
    by_id: dict[str, Exercise] = {}
    for root in roots():
        for file in sorted(root.glob("exercises/*/exercise.toml")):
            by_id[file.parent.name] = read(file.parent, root)
    return [by_id[name] for name in sorted(by_id)]


def ids() -> list[str]:
    """Return every exercise's id, sorted, without reading their files."""
    return sorted({file.parent.name for root in roots() for file in root.glob("exercises/*/exercise.toml")})


def find(wanted: str) -> Exercise:
    """Return the exercise that `wanted` names: its id, its number (`3`, `03`) or its topic (`losses`).

    Raises:
        UnknownExercise: with the nearest ids.
    """
    name = resolve(wanted)
    for root in reversed(roots()):
        folder = root / "exercises" / name
        if (folder / "exercise.toml").is_file():
            return read(folder, root)
    raise UnknownExercise(wanted, [], ids())


def resolve(wanted: str) -> str:
    """Return the id that `wanted` names; see `find`."""
    known = ids()
    key = wanted.strip().strip("/").lower()
    key = key.rsplit("/", 1)[-1].removesuffix(".py")
    hits = [name for name in known if key == name]
    hits = hits or [name for name in known if key in _aliases(name)]
    hits = hits or [name for name in known if key and key in name]
    if len(hits) == 1:
        return hits[0]
    nearest = hits or _nearest(key, known)
    raise UnknownExercise(wanted, nearest, known)


def _aliases(name: str) -> set[str]:
    number, _, topic = name.partition("_")
    return {number, number.lstrip("0"), topic}


def _nearest(key: str, known: list[str]) -> list[str]:
    words = {alias: name for name in known for alias in (name, *_aliases(name))}
    close = difflib.get_close_matches(key, words, n=3, cutoff=0.5)
    return list(dict.fromkeys(words[word] for word in close))


def read(folder: Path, root: Path) -> Exercise:
    """Return the exercise that `folder/exercise.toml` describes; ContentError says what is wrong with it."""
    file = folder / "exercise.toml"
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ContentError(f"{file}: {error}") from None
    return _TomlReader(folder.name, table).exercise(folder, root)


def read_cached(folder: Path, root: Path) -> Exercise:
    """Return what `read` returns; the file is read again only when it has changed."""
    return _read_at(folder, root, (folder / "exercise.toml").stat().st_mtime_ns)


@functools.lru_cache(64)
def _read_at(folder: Path, root: Path, _changed: int) -> Exercise:
    return read(folder, root)


class _TomlReader:
    def __init__(self, name: str, table: dict[str, Any]) -> None:
        self.name, self.table = name, table

    def take(self, table: dict[str, Any], key: str, kind: type | tuple[type, ...], default: object = None) -> Any:
        value = table.get(key, default)
        if not isinstance(value, kind):
            raise ContentError(f"{self.name}/exercise.toml: {key!r} is missing or has the wrong type")
        return value

    def words(self, table: dict[str, Any], key: str) -> tuple[str, ...]:
        values = self.take(table, key, list, [])
        if not all(isinstance(value, str) for value in values):
            raise ContentError(f"{self.name}/exercise.toml: {key!r} must be a list of strings")
        return tuple(value.strip("\n") for value in values)

    def exercise(self, folder: Path, root: Path) -> Exercise:
        if not re.fullmatch(r"\d\d_[a-z][a-z0-9_]*", self.name):
            raise ContentError(f"{self.name}: an exercise's folder has a name like 03_losses")
        version = self.table.get("format_version")
        if version != EXERCISE_FORMAT_VERSION:
            raise ContentError(
                f"{self.name}/exercise.toml: format_version is {version}; this kit reads {EXERCISE_FORMAT_VERSION}"
            )
        module = self.name.partition("_")[2] + ".py"
        shared = self.words(self.table, "forbidden")
        return Exercise(
            id=self.name,
            title=self.take(self.table, "title", str),
            minutes=self.take(self.table, "minutes", int),
            summary=self.take(self.table, "summary", str, ""),
            requires=self.words(self.table, "requires"),
            parts=tuple(self.parts(shared)),
            limits=self.limits(),
            folder=folder,
            module=module,
            solution=root / "solutions" / self.name / module,
            misconceptions=root / "solutions" / self.name / "misconceptions.py",
            tests=root / "tests" / "hidden" / self.name,
            bars=tuple(self.bars()),
        )

    def parts(self, shared: tuple[str, ...]) -> Iterator[Part]:
        tables = self.take(self.table, "parts", list)
        if not all(isinstance(table, dict) for table in tables):
            raise ContentError(f"{self.name}/exercise.toml: each part must begin with a line [[parts]]")
        for table in tables:
            builtin = table.get("builtin")
            yield Part(
                name=self.take(table, "name", str),
                points=float(self.take(table, "points", (int, float))),
                hints=self.words(table, "hints"),
                builtin=builtin if isinstance(builtin, str) else None,
                forbidden=tuple(dict.fromkeys((*shared, *self.words(table, "forbidden")))),
            )

    def bars(self) -> Iterator[Bar]:
        for table in self.take(self.table, "bars", list, []):
            if set(table) != {field.name for field in fields(Bar)}:
                raise ContentError(
                    f"{self.name}/exercise.toml: a bar must have the keys {[field.name for field in fields(Bar)]}"
                )
            yield Bar(**table)

    def limits(self) -> Limits:
        table = self.take(self.table, "limits", dict, {})
        known = {field.name for field in fields(Limits)}
        if unknown := set(table) - known:
            raise ContentError(
                f"{self.name}/exercise.toml: unknown limits {sorted(unknown)}; the known ones are {sorted(known)}"
            )
        if wrong := [name for name, value in table.items() if type(value) not in (int, float)]:
            raise ContentError(f"{self.name}/exercise.toml: the limits {wrong} must be numbers")
        return Limits(**table)
