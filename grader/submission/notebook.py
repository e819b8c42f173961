"""From a notebook to a submission: the cells that hold the solution, and of the others only what it needs.

Students try things out between their answers: they plot, time, print and fail. A submission takes the definitions of
the exercise's parts, follows the names that these use, and leaves everything else out.
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

POINTS_SUFFIX = "-points"
"""Suffix of the grade id of a part's graded cell, after the part's name."""


def read(path: Path, exercise: Exercise) -> Submission:
    """Return the submission that a notebook file holds; SubmissionError if it is not a notebook."""
    return from_bytes(source.read_bytes(path, notebook_cells.MAX_NOTEBOOK_BYTES), path.name, exercise)


def from_bytes(data: bytes, name: str, exercise: Exercise) -> Submission:
    """Return the submission that a notebook's bytes hold; SubmissionError if they are not a notebook."""
    return build_submission(
        notebook_cells.read(data, name, frozenset(part.name for part in exercise.parts)), name, exercise
    )


def build_submission(cells: Iterable[Cell], name: str, exercise: Exercise) -> Submission:
    """Return the submission that code cells make: the parts, and whatever else in the notebook they need.

    A part is taken from the solution cell that carries its name; if that is unwritten or gone, from wherever else it is
    defined. Where a part's own cell does not parse, only that part is blocked.
    """
    parts = [part.name for part in exercise.parts]
    statements = [*stub_preamble(exercise)]
    blocked: dict[str, str] = {}
    for cell in cells:
        if cell.grade_id.endswith(POINTS_SUFFIX):
            continue
        try:
            tree = ast.parse(cell.source)
            source.check_depth(tree)
            statements += _statements(tree, cell)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if cell.grade_id in parts:
                blocked[cell.grade_id] = _describe_syntax_error(cell, error)
    kept = _select_needed(_drop_superseded(statements, parts), set(parts))
    defined = {part for part in parts for statement in kept if part in statement.binds and not statement.stub}
    lines: list[str] = []
    locations: list[str] = []
    for statement in _sort_topologically(kept):
        lines += [*statement.lines, ""]
        locations += [f"line {statement.line + i} of {statement.label}" for i in range(len(statement.lines))] + [""]
    text = "\n".join(lines)
    if len(text.encode()) > source.MAX_SOURCE_BYTES:
        raise SubmissionError(
            f"{name}: its code is larger than {source.MAX_SOURCE_BYTES:,} bytes. Is it the right file?"
        )
    return Submission(
        name=name,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        blocked={part: why for part, why in blocked.items() if part not in defined},
        locations=tuple(locations),
    )


@dataclass(frozen=True, eq=False)
class Statement:
    """One top-level statement of a cell.

    Attributes:
        binds: the names that it defines.
        uses: the global names that it needs at any time; `needs_now` those it needs when it is executed.
        from_stub: it comes from the exercise's stub.
        stub: it defines a part that is not written yet.
        changes: names of objects that it changes a part of: `SGD.step = step`.
    """

    lines: tuple[str, ...]
    line: int
    label: str
    cell: str
    binds: frozenset[str]
    uses: frozenset[str]
    needs_now: frozenset[str]
    imports: bool = False
    future: bool = False
    from_stub: bool = False
    stub: bool = False
    changes: frozenset[str] = field(default=frozenset())


def stub_preamble(exercise: Exercise) -> tuple[Statement, ...]:
    """Return the statements of the exercise's stub besides its parts: imports and names for types.

    It is read once, so that a process which has given up its files still knows it.
    """
    return _stub_preamble(exercise, exercise.stub.stat().st_mtime_ns)


@functools.lru_cache(64)
def _stub_preamble(exercise: Exercise, _modified: int) -> tuple[Statement, ...]:
    parts = {part.name for part in exercise.parts}
    text = exercise.stub.read_text("utf-8")
    statements = _statements(ast.parse(text), Cell(text, "", 0))
    return tuple(statement for statement in statements if not statement.binds & parts)


def _describe_syntax_error(cell: Cell, error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        line = source.sanitize_line(error.text or "")
        return f"line {error.lineno} of {cell.label}: {error.msg}" + (f"\n    {line}" if line else "")
    return f"{cell.label} cannot be parsed ({type(error).__name__}): it is nested too deeply"


def _statements(tree: ast.Module, cell: Cell) -> Iterator[Statement]:
    """Yield the statements that bind names; expressions, trial loops and the like are skipped."""
    lines = cell.source.split("\n")
    statements_on_line: dict[int, int] = defaultdict(int)
    for node in tree.body:
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            statements_on_line[number] += 1
    for node in tree.body:
        binds, changes = frozenset(_bound_names(node)), frozenset(_changed_names(node))
        if not (binds or changes) or _needs_the_kernel(node):
            continue
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        first = stub.first_line(node)
        last = node.end_lineno or node.lineno
        shares_a_line = any(statements_on_line[number] > 1 for number in (node.lineno, last))
        own = ast.unparse(node).split("\n") if shares_a_line else lines[first - 1 : last]
        yield Statement(
            lines=tuple(own),
            line=first,
            label=cell.label if cell.number else "the exercise's own imports",
            cell=cell.grade_id,
            binds=binds,
            uses=frozenset(_global_names(symtable.symtable("\n".join(own), "cell", "exec"))),
            needs_now=frozenset(_names_needed_now(node)),
            imports=isinstance(node, ast.Import | ast.ImportFrom),
            future=future,
            from_stub=not cell.number,
            stub=is_unwritten(node),
            changes=changes,
        )


def _needs_the_kernel(node: ast.stmt) -> bool:
    """Return True if a statement imports this kit, which a notebook checks itself with and a worker lacks."""
    if isinstance(node, ast.Import):
        return all(alias.name.split(".")[0] == "nnkata" for alias in node.names)
    return isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "nnkata"


def _bound_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement binds at the top level, in loops and branches but not in function bodies."""
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
            yield from _bound_names(child)


def _changed_names(node: ast.stmt) -> Iterator[str]:
    """Yield the names of objects that a statement changes a part of: `SGD.step = step`, `table[0] = 1`."""
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


def _global_names(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the global names that a statement refers to, in the bodies of its functions too."""
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _global_names(child)


def _names_needed_now(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement needs when it is executed: all but those in function bodies."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for part in (*node.decorator_list, node.args, *([node.returns] if node.returns else [])):
            yield from _names_needed_now(part)
        return
    if isinstance(node, ast.Lambda):
        yield from _names_needed_now(node.args)
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from _names_needed_now(child)


def is_unwritten(node: ast.stmt) -> bool:
    """Return True for a function as in the stub: nothing but a docstring before `raise NotImplementedError`."""
    if not isinstance(node, ast.FunctionDef):
        return False
    body = [item for item in node.body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]
    first = body[0] if body else None
    if not isinstance(first, ast.Raise) or first.exc is None:
        return False
    raised = first.exc.func if isinstance(first.exc, ast.Call) else first.exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _drop_superseded(statements: list[Statement], parts: list[str]) -> list[Statement]:
    """Drop the definitions of a part that a better one replaces: its own cell's first, written before unwritten."""
    dropped: set[Statement] = set()
    for part in parts:
        defining = [statement for statement in statements if part in statement.binds]
        written = [statement for statement in defining if not statement.stub]
        own = [statement for statement in written if statement.cell == part]
        chosen = own or written or defining
        dropped |= {statement for statement in defining if statement not in chosen}
    return [statement for statement in statements if statement not in dropped]


def _select_needed(statements: list[Statement], names: set[str]) -> list[Statement]:
    """Return the statements that define these names, and those that these need in turn."""
    kept: set[Statement] = set()
    waiting = set(names)
    while True:
        new = [s for s in statements if s not in kept and (s.binds | s.changes) & waiting]
        if not new:
            break
        kept |= set(new)
        waiting |= {name for statement in new for name in statement.uses}
    known = {name for statement in kept for name in statement.binds} | set(vars(builtins))
    unknown = not waiting <= known
    kept |= {s for s in statements if s.from_stub or s.future or (unknown and "*" in s.binds)}
    return [statement for statement in statements if statement in kept]


def _sort_topologically(statements: list[Statement]) -> list[Statement]:
    """Return the statements in an order in which they run: each after those that it must follow.

    This is a topological sort (Kahn's algorithm) that keeps the notebook's order where it can: of the statements that
    need not wait, the first one goes next. Imports come before all others. Where statements wait for one another
    in a circle, the first of them goes next, and running it shows the student what is missing.
    """
    distinct = {(s.imports and s.lines) or id(s): s for s in statements}.values()  # an import repeated is one import
    remaining = sorted(distinct, key=lambda statement: (not statement.future, not statement.imports))
    ordered: list[Statement] = []
    while remaining:
        free = (s for i, s in enumerate(remaining) if not _must_follow(s, i, remaining))
        following = next(free, remaining[0])
        ordered.append(following)
        remaining.remove(following)
    return ordered


def _must_follow(statement: Statement, index: int, remaining: list[Statement]) -> bool:
    """Return True if the statement at `index` must follow another of the remaining ones.

    1. One that defines a name that this one needs when it is executed, even if it is further down:
       `twice = double` waits for a later `def double(x): …`. But `step = 2 * step` does not wait for a later
       `step = 1`: that one redefines the name, and what this one needs is the earlier value.
    2. One above it that defines a name that this one defines again or changes a part of:
       `rate = 0.1` below `rate = 0.5` stays below it, and so does `SGD.step = step` below `class SGD: …`.
    """
    for other_index, other in enumerate(remaining):
        if other is statement:
            continue
        redefines_later = other_index > index and other.binds & statement.binds
        if other.binds & statement.needs_now and not redefines_later:
            return True
        if other_index < index and other.binds & (statement.binds | statement.changes):
            return True
    return False
