"""Parts that fail because of another part: what a student should mend first, said before anything else."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..judge.trial import Trial, Verdict
from ..model import Exercise
from ..submission.source import defined, is_annotation


def uses(tree: ast.Module, exercise: Exercise) -> dict[str, frozenset[str]]:
    """For each part, the other parts that its code uses, itself or through what else the file defines.

    A name that a definition also binds itself (an argument, a loop's variable) may be its own and is left out.
    """
    definitions = {name: statement for statement in tree.body for name in defined(statement)}
    names = {name: _named(statement) & set(definitions) for name, statement in definitions.items()}
    parts = {part.name for part in exercise.parts}
    return {part: frozenset(_reached(part, names) & parts - {part}) for part in parts}


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


def _reached(start: str, names: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += names.get(name, ())
    return seen


def _named(statement: ast.stmt) -> set[str]:
    """The names that a definition reads and never binds."""
    nodes = list(_code(statement))
    found = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.id for node in found if not isinstance(node.ctx, ast.Load)}
    return {node.id for node in found} - bound


def _code(root: ast.AST) -> Iterator[ast.AST]:
    """A node and what lies inside of it, but no type hints."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(child for child in ast.iter_child_nodes(node) if not is_annotation(node, child))
