"""From a notebook to a submission: the cells that hold the solution, and of the others only what it needs.

Students try things out between their answers: they plot, time, print and fail. A submission takes the definitions of
the exercise's parts, follows the names that these use, and leaves everything else behind.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import symtable
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SubmissionError
from ..exercise import stub
from ..model import Exercise
from . import notebook_cells, source
from .notebook_cells import Cell
from .source import Submission

POINTS = "-points"
"""What the grade id of a part's graded cell ends with, after the part's name."""


def read(path: Path, exercise: Exercise) -> Submission:
    """The submission that a notebook file holds; SubmissionError if it is no notebook."""
    return from_bytes(source.read_bytes(path, notebook_cells.SIZE), path.name, exercise)


def from_bytes(data: bytes, name: str, exercise: Exercise) -> Submission:
    """The submission that a notebook's bytes hold; SubmissionError if they are no notebook."""
    return assembled(notebook_cells.read(data, name, frozenset(part.name for part in exercise.parts)), name, exercise)


def assembled(found: Iterable[Cell], name: str, exercise: Exercise) -> Submission:
    """The submission that code cells make: the parts, and whatever else in the notebook they need.

    A part is taken from the solution cell that bears its name; if that is not written, or gone, from wherever else it
    is defined. Where a part's own cell does not parse, that part alone is stopped.
    """
    parts = [part.name for part in exercise.parts]
    statements = [*stub_preamble(exercise)]
    blocked: dict[str, str] = {}
    for cell in found:
        if cell.grade_id.endswith(POINTS):
            continue
        try:
            tree = ast.parse(cell.source)
            source.measure(tree)
            statements += _statements(tree, cell)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if cell.grade_id in parts:
                blocked[cell.grade_id] = _unparsable(cell, error)
    kept = _needed(_preferred(statements, parts), set(parts))
    defined = {part for part in parts for statement in kept if part in statement.binds and not statement.stub}
    lines: list[str] = []
    places: list[str] = []
    for statement in _in_order(kept):
        lines += [*statement.lines, ""]
        places += [f"line {statement.line + i} of {statement.label}" for i in range(len(statement.lines))] + [""]
    text = "\n".join(lines)
    if len(text.encode()) > source.SIZE:
        raise SubmissionError(f"{name}: the code in it is larger than {source.SIZE:,} bytes. Is it the right file?")
    return Submission(
        name,
        text,
        hashlib.sha256(text.encode()).hexdigest(),
        {part: why for part, why in blocked.items() if part not in defined},
        tuple(places),
    )


@dataclass(frozen=True, eq=False)
class Statement:
    """One top-level statement of a cell.

    Attributes:
        binds: the names that it gives a meaning to.
        uses: the names of the notebook that it needs at some time, `at_once` those it needs when it is executed.
        given: the exercise itself begins with it.
        stub: it defines a part that is not written yet.
        changes: names of what it changes a part of: `SGD.step = step`.
    """

    lines: tuple[str, ...]
    line: int
    label: str
    cell: str
    binds: frozenset[str]
    uses: frozenset[str]
    at_once: frozenset[str]
    imports: bool = False
    future: bool = False
    given: bool = False
    stub: bool = False
    changes: frozenset[str] = field(default=frozenset())


def stub_preamble(exercise: Exercise) -> tuple[Statement, ...]:
    """Return what the exercise's file holds besides its parts: imports and names for types.

    It is read once, so that a process which has given up its files still knows it.
    """
    return _stub_preamble(exercise, exercise.stub.stat().st_mtime_ns)


@functools.lru_cache(64)
def _stub_preamble(exercise: Exercise, _changed: int) -> tuple[Statement, ...]:
    parts = {part.name for part in exercise.parts}
    text = exercise.stub.read_text("utf-8")
    statements = _statements(ast.parse(text), Cell(text, "", 0))
    return tuple(statement for statement in statements if not statement.binds & parts)


def _unparsable(cell: Cell, error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        line = source.shown(error.text or "")
        return f"line {error.lineno} of {cell.label}: {error.msg}" + (f"\n    {line}" if line else "")
    return f"{cell.label} cannot be parsed ({type(error).__name__}): it is nested too deeply"


def _statements(tree: ast.Module, cell: Cell) -> Iterator[Statement]:
    """The statements that bind names; expressions, loops for trying things out and the like are passed over."""
    lines = cell.source.split("\n")
    ends: dict[int, int] = defaultdict(int)
    for node in tree.body:
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            ends[number] += 1
    for node in tree.body:
        binds, changes = frozenset(_bound(node)), frozenset(_changed(node))
        if not (binds or changes) or _needs_the_kernel(node):
            continue
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        first = stub.first_line(node)
        last = node.end_lineno or node.lineno
        shared = any(ends[number] > 1 for number in (node.lineno, last))
        own = ast.unparse(node).split("\n") if shared else lines[first - 1 : last]
        yield Statement(
            tuple(own),
            first,
            cell.label if cell.number else "the exercise's own beginning",
            cell.grade_id,
            binds,
            frozenset(_globals(symtable.symtable("\n".join(own), "cell", "exec"))),
            frozenset(_at_once(node)),
            isinstance(node, ast.Import | ast.ImportFrom),
            future,
            not cell.number,
            unwritten(node),
            changes,
        )


def _needs_the_kernel(node: ast.stmt) -> bool:
    """Whether a statement imports what only a notebook has."""
    if isinstance(node, ast.Import):
        return all(alias.name.split(".")[0] in ("nnkata", "IPython", "google") for alias in node.names)
    return isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("nnkata", "IPython", "google")


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that a statement binds at the top level, loops and branches included, bodies of functions not."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield (alias.asname or alias.name).split(".")[0]
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    if isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    if not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)


def _changed(node: ast.stmt) -> Iterator[str]:
    """Names of what a statement changes a part of: `SGD.step = step`, `table[0] = 1`."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    for target in targets:
        if isinstance(target, ast.Attribute | ast.Subscript):
            root: ast.expr = target
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            if isinstance(root, ast.Name):
                yield root.id


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    """Names of the notebook that a statement refers to, in the bodies of its functions too; locals are none."""
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child)


def _at_once(node: ast.AST) -> Iterator[str]:
    """Names that a statement needs when it is executed: all but those in the bodies of functions."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for part in (*node.decorator_list, node.args, *([node.returns] if node.returns else [])):
            yield from _at_once(part)
        return
    if isinstance(node, ast.Lambda):
        yield from _at_once(node.args)
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from _at_once(child)


def unwritten(node: ast.stmt) -> bool:
    """Whether it is a function still as handed out: nothing but a docstring before `raise NotImplementedError`."""
    if not isinstance(node, ast.FunctionDef):
        return False
    body = [item for item in node.body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]
    first = body[0] if body else None
    if not isinstance(first, ast.Raise) or first.exc is None:
        return False
    raised = first.exc.func if isinstance(first.exc, ast.Call) else first.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _preferred(statements: list[Statement], parts: list[str]) -> list[Statement]:
    """Without definitions of a part that give way to better ones: its own cell's before others, written before not."""
    dropped: set[Statement] = set()
    for part in parts:
        defining = [statement for statement in statements if part in statement.binds]
        written = [statement for statement in defining if not statement.stub]
        own = [statement for statement in written if statement.cell == part]
        chosen = own or written or defining
        dropped |= {statement for statement in defining if statement not in chosen}
    return [statement for statement in statements if statement not in dropped]


def _needed(statements: list[Statement], wanted: set[str]) -> list[Statement]:
    """The statements that give the wanted names their meaning, and those that these need in turn."""
    kept: set[Statement] = set()
    waiting = set(wanted)
    while True:
        new = [s for s in statements if s not in kept and (s.binds | s.changes) & waiting]
        if not new:
            break
        kept |= set(new)
        waiting |= {name for statement in new for name in statement.uses}
    known = {name for statement in kept for name in statement.binds} | set(vars(builtins))
    unknown = not waiting <= known
    kept |= {s for s in statements if s.given or s.future or (unknown and "*" in s.binds)}
    return [statement for statement in statements if statement in kept]


def _in_order(statements: list[Statement]) -> list[Statement]:
    """Imports first, and each statement after those that it needs when it is executed; else as in the notebook."""
    once = {(s.imports and s.lines) or id(s): s for s in statements}.values()
    waiting = sorted(once, key=lambda statement: (not statement.future, not statement.imports))
    done: list[Statement] = []
    while waiting:
        ready = next((s for i, s in enumerate(waiting) if not _waits(s, waiting, i)), waiting[0])
        done.append(ready)
        waiting.remove(ready)
    return done


def _waits(statement: Statement, waiting: list[Statement], place: int) -> bool:
    for i, other in enumerate(waiting):
        if other is statement:
            continue
        if other.binds & statement.at_once and not (i > place and other.binds & statement.binds):
            return True
        if i < place and other.binds & (statement.binds | statement.changes):
            return True
    return False
