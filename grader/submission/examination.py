"""The examination of a submission's text before any of it runs: names in use, flags, and which part uses which."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import SubmissionError
from ..model import Exercise
from . import forbidden_uses, source
from .forbidden_uses import Use
from .reading import Unreadable
from .source import Submission


@dataclass(frozen=True)
class Examined:
    """A submission whose text has been parsed and searched.

    Attributes:
        names: for each part, the names that it uses; `forbidden_uses.find_violations` says which it may not.
        flags: what looks like evasion, for a person to judge.
        uses: for each part, the other parts that its code uses.
    """

    submission: Submission
    names: Mapping[str, tuple[Use, ...]]
    flags: tuple[str, ...]
    uses: Mapping[str, frozenset[str]]


def examine(submission: Submission, exercise: Exercise) -> Examined | Unreadable:
    """Parse a submission and search its text."""
    try:
        tree = source.parse(submission)
    except SubmissionError as error:
        return Unreadable(submission.name, str(error), submission.sha256)
    return Examined(
        submission,
        names=forbidden_uses.used_names(tree, exercise),
        flags=tuple(forbidden_uses.find_flags(tree, submission.location)),
        uses=uses(tree, exercise),
    )


def uses(tree: ast.Module, exercise: Exercise) -> dict[str, frozenset[str]]:
    """Return, for each part, the other parts that its code uses, itself or through what else the file defines.

    A name that a definition also binds itself (an argument, a loop's variable) may be its own and is left out.
    """
    definitions = {name: statement for statement in tree.body for name in forbidden_uses.defined_names(statement)}
    names = {name: _free_names(statement) & set(definitions) for name, statement in definitions.items()}
    parts = {part.name for part in exercise.parts}
    return {part: frozenset(_reachable(part, names) & parts - {part}) for part in parts}


def _reachable(start: str, names: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += names.get(name, ())
    return seen


def _free_names(statement: ast.stmt) -> set[str]:
    """Return the names that a definition reads and never binds."""
    nodes = list(_code(statement))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    return {node.id for node in names} - bound


def _code(root: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and everything inside it but type hints."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(child for child in ast.iter_child_nodes(node) if not forbidden_uses.is_annotation(node, child))
