"""Mutants of a reference solution's source: small mistakes planted mechanically, one change each.

The functions of `operators` yield replacements for a node. Docstrings, annotations and `raise` statements' contents are
left alone: no test has to tell those apart.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .operators import OPERATORS


@dataclass(frozen=True)
class Mutant:
    """One change of a reference solution.

    Attributes:
        part: the part that it breaks and is graded on.
        before, after: the changed statement (of a compound one its head) in one line, before and after the change.
        source: the whole module with the change.
    """

    part: str
    operator: str
    line: int
    before: str
    after: str
    source: str


@dataclass(frozen=True)
class _Site:
    """A node and its position in the tree, so that another can take its place."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    statement: ast.stmt

    def replace(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants(source: str, parts: list[str]) -> Iterator[Mutant]:
    """Yield every mutant of each part: changes in its definition and in the private helpers that it reaches.

    A helper's change is a mutant of each part that uses the helper, for each of them has to notice it.

    Raises:
        SyntaxError: the source is not valid Python.
    """
    tree = ast.parse(source)
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for part in parts:
        seen = {ast.unparse(tree)}
        for name in reachable_definitions(defined, part):
            for site in _find_sites(defined[name], tree, "body", tree.body.index(defined[name]), defined[name]):
                for operator, replacement in _replacements(site.node):
                    mutant = _make_mutant(tree, site, replacement, operator, part)
                    if mutant.source not in seen:
                        seen.add(mutant.source)
                        yield mutant


def reachable_definitions(defined: dict[str, ast.FunctionDef | ast.ClassDef], part: str) -> list[str]:
    """Return a part and the private helpers that it uses, directly or through other helpers."""
    names = [part]
    for name in names:  # grows while iterating
        used = {node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)}
        names += [other for other in defined if other in used and other.startswith("_") and other not in names]
    return names


def _make_mutant(tree: ast.Module, site: _Site, replacement: ast.AST, operator: str, part: str) -> Mutant:
    before = headline(site.statement)
    site.replace(replacement)
    try:
        changed = replacement if site.node is site.statement and isinstance(replacement, ast.stmt) else site.statement
        ast.fix_missing_locations(replacement)
        return Mutant(
            part=part,
            operator=operator,
            line=site.statement.lineno,
            before=before,
            after=headline(changed),
            source=ast.unparse(tree),
        )
    finally:
        site.replace(site.node)


def headline(statement: ast.stmt) -> str:
    """Return a statement in one line; of a compound one its head, decorators included."""
    lines = ast.unparse(statement).splitlines()
    if not hasattr(statement, "body"):
        return " ".join(line.strip() for line in lines)
    decorators = len(getattr(statement, "decorator_list", ()))
    return " ".join(lines[: decorators + 1])


def _find_sites(node: ast.AST, parent: ast.AST, field: str, index: int | None, statement: ast.stmt) -> Iterator[_Site]:
    """Yield a node and everything below it that may be changed."""
    yield _Site(node, parent, field, index, statement)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "ctx") or isinstance(node, ast.Raise):
            continue
        for position, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.AST) and not _is_text(child):
                own = child if isinstance(child, ast.stmt) else statement
                yield from _find_sites(child, node, name, position, own)


def _is_text(node: ast.AST) -> bool:
    """Return True if a node is a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for name, operator in OPERATORS.items():
        for replacement in operator(node):
            yield name, replacement
