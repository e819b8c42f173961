"""A submission's text: read without trusting it, and searched for what its parts may not use.

The search is the first of three layers against forbidden built-ins (see `guard` for the others) and the one that can
name a line. It follows imports, aliases and helper functions, never runs anything, and keeps quiet where it cannot be
sure.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import re
import stat
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..errors import SubmissionError
from ..model import Exercise
from ..worker.forbidden import OWNERS, ForbiddenGroup, find_group
from ..worker.printable import strip_unprintable

SIZE = 200_000
"""Bytes that a submission may have: ten times a long one, and too few to carry a data set's answers."""

SEGMENTS = 24
"""Parts of a dotted name that are followed: nothing lies deeper, and a chain of aliases could be as long as a file."""

DEPTH = 400
"""Nodes of the syntax tree inside of one another; a page of `+` makes some dozens."""

PRIVATE_ALLOWED = re.compile(
    r"torch\._foreach_\w+|torch\._assert|torch\.nn\.modules\.utils\.|torch\.optim\.optimizer\."
)
PRIVATE = re.compile(r"torch\.(?:\w+\.)*_(?!_)\w+|torch\.(ops|jit|compile|compiler|classes)(\.|$)")
SNOOPING = {
    "ctypes": "uses ctypes",
    "_ctypes": "uses ctypes",
    "cffi": "uses cffi",
    "sys._getframe": "walks the call stack",
    "sys._current_frames": "walks the call stack",
    "inspect.currentframe": "walks the call stack",
    "inspect.stack": "walks the call stack",
    "gc.get_objects": "walks the interpreter's objects",
    "gc.get_referrers": "walks the interpreter's objects",
    "gc.get_referents": "walks the interpreter's objects",
    "subprocess": "starts programs",
    "socket": "opens sockets",
    "os._exit": "ends the process",
    "os.kill": "sends signals",
    "os.fork": "starts processes",
    "os.system": "starts programs",
    "multiprocessing": "starts processes",
    "nnkata": "imports the grader",
    "pytest": "imports pytest",
    "_pytest": "imports pytest",
    "importlib.reload": "reloads modules",
    "signal": "handles signals",
}


@dataclass(frozen=True)
class Submission:
    """A student's file as it was read.

    Attributes:
        blocked: parts that cannot be graded, and why: their cell of a notebook does not parse.
        places: where each line stands in a notebook, from the first; empty for a plain file.
    """

    name: str
    text: str
    sha256: str
    blocked: Mapping[str, str] = field(default_factory=dict)
    places: tuple[str, ...] = ()

    def place(self, line: int) -> str:
        """How a line, counted from 1, is called when speaking to the student."""
        return self.places[line - 1] if 0 < line <= len(self.places) and self.places[line - 1] else f"line {line}"


@dataclass(frozen=True)
class Violation:
    """A forbidden name that a part uses."""

    part: str
    dotted: str
    line: int
    advice: str

    def __str__(self) -> str:
        return self.told(f"line {self.line}")

    def told(self, place: str) -> str:
        """The message to the student."""
        return f"{self.part} may not call {self.dotted} ({place}): {self.advice}"


def read(path: Path) -> Submission:
    """Read a submission; SubmissionError names the file and says what to do."""
    return checked(path.name, read_bytes(path, SIZE + 1))


def read_bytes(path: Path, limit: int) -> bytes:
    """At most `limit` bytes of a regular file; SubmissionError names the file and says what to do."""
    with open_regular(path) as file:
        return file.read(limit)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read, without following a link or waiting for a pipe.

    Raises:
        SubmissionError: it is none; the message names it and says what to do.
    """
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise SubmissionError(
            f"There is no file {path}. Is it where you keep your exercises? `nnkata init` makes a workspace."
        ) from None
    except OSError as error:
        reason = (
            "is a symbolic link: give the file itself" if path.is_symlink() else f"cannot be opened ({error.strerror})"
        )
        raise SubmissionError(f"{path} {reason}.") from None
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        raise SubmissionError(
            f"{path} is {'a folder' if stat.S_ISDIR(mode) else 'no regular file'}: give a Python file."
        )
    return os.fdopen(fd, "rb")


def checked(name: str, data: bytes) -> Submission:
    """A submission from its bytes; SubmissionError if it is too large, binary or not UTF-8."""
    if len(data) > SIZE:
        raise SubmissionError(
            f"{name} is larger than {SIZE:,} bytes: a solution needs a tenth of that. Is it the right file?"
        )
    if b"\0" in data:
        raise SubmissionError(f"{name} is a binary file: give Python source text.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SubmissionError(
            f"{name}, line {line}: the text is not UTF-8. Save the file as UTF-8 in your editor."
        ) from None
    return Submission(name, text.replace("\r\n", "\n").replace("\r", "\n"), hashlib.sha256(data).hexdigest())


def parse(submission: Submission) -> ast.Module:
    """The submission's syntax tree; SubmissionError says where the syntax is wrong."""
    if not submission.text.strip():
        raise SubmissionError(f"{submission.name} is empty. `nnkata reset` brings the stub back.")
    try:
        tree = ast.parse(submission.text)
        measure(tree)
        return tree
    except SyntaxError as error:
        line = shown(error.text or "")
        raise SubmissionError(
            f"{submission.name}, line {error.lineno}: {error.msg}" + (f"\n    {line}" if line else "")
        ) from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise SubmissionError(
            f"{submission.name} cannot be parsed ({type(error).__name__}): it is nested too deeply."
        ) from None


def shown(line: str) -> str:
    """A line of a student's source as it may be shown."""
    return strip_unprintable(line.strip()[:100])


def measure(tree: ast.Module) -> None:
    """RecursionError for a tree that is too deep to be searched."""
    level: list[ast.AST] = [tree]
    for _ in range(DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise RecursionError


def used_names(tree: ast.Module, exercise: Exercise) -> dict[str, tuple[Use, ...]]:
    """Return, for each part, the names that it uses, itself or through other definitions: each once, by line."""
    module = _Module(tree)
    names: dict[str, tuple[Use, ...]] = {}
    for part in exercise.parts:
        first: dict[str, Use] = {}
        for use in module.reachable(part.name):
            first.setdefault(use.dotted, use)
        names[part.name] = tuple(first.values())
    return names


def violations(names: Mapping[str, Sequence[Use]], exercise: Exercise) -> list[Violation]:
    """Return the first name of each part that it may not use, of those that `used_names` found. Needs torch."""
    found = []
    for part in exercise.parts:
        for use in names.get(part.name, ()):
            advice = _forbidden(use, part.forbidden)
            if advice:
                found.append(Violation(part.name, use.dotted, use.line, advice))
                break
    return found


def flags(tree: ast.Module, place: Callable[[int], str] = "line {}".format) -> list[str]:
    """What looks like evasion, for a person to judge: `line 3: uses ctypes`. `place` says how a line is called."""
    found: dict[str, None] = {}
    module = _Module(tree)
    for use in module.uses(tree):
        for name, what in SNOOPING.items():
            if use.dotted == name or use.dotted.startswith(name + "."):
                found[f"{place(use.line)}: {what}"] = None
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in (
            "__subclasses__",
            "f_back",
            "f_globals",
            "f_locals",
            "tb_frame",
            "gi_frame",
            "__globals__",
            "__code__",
            "__closure__",
        ):
            found[f"{place(node.lineno)}: reaches for the interpreter's insides (.{node.attr})"] = None
        for target in _targets(node):
            dotted = module.dotted(target)
            if dotted and dotted.split(".")[0] in ("torch", "builtins", "sys", "numpy", "math", "os") and "." in dotted:
                found[f"{place(getattr(node, 'lineno', 0))}: rebinds {dotted}"] = None
    return list(found)[:20]


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr" and node.args:
        targets = [ast.Attribute(node.args[0], "*", ast.Store())]
    else:
        return
    for target in targets:
        if isinstance(target, ast.Subscript):
            yield target.value
        elif isinstance(target, ast.Attribute):
            yield target


@dataclass(frozen=True)
class Use:
    """A name that the source uses: dotted from an import (`torch.nn.functional.relu`), or a method (`.softmax`)."""

    dotted: str
    line: int


class _Module:
    """What the top level of a source defines, and what each definition uses."""

    def __init__(self, tree: ast.Module) -> None:
        self.aliases: dict[str, str] = {}
        self.known: dict[str, tuple[list[Use], set[str]]] = {}
        for node in ast.walk(tree):
            self._imports(node)
        self.definitions: dict[str, ast.stmt] = {}
        for statement in tree.body:
            for name in defined(statement):
                self.definitions[name] = statement
        for node in ast.walk(tree):  # act = F.relu
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                dotted = self.dotted(node.value)
                if dotted and "." in dotted and node.targets[0].id not in self.aliases:
                    self.aliases[node.targets[0].id] = dotted
        self.methods = {
            inner.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for inner in node.body
            if isinstance(inner, ast.FunctionDef)
        }
        for name in [
            name for name, node in self.definitions.items() if isinstance(node, ast.FunctionDef | ast.ClassDef)
        ]:
            self.aliases.pop(name, None)

    def _imports(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    self.aliases[alias.asname] = alias.name
                else:
                    top = alias.name.split(".")[0]
                    self.aliases.setdefault(top, top)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                self.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def dotted(self, node: ast.AST) -> str | None:
        """The dotted name that an expression stands for, if it begins at an import."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base and base.count(".") < SEGMENTS else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) >= 2:
            base, name = self.dotted(node.args[0]), node.args[1]
            if node.func.id == "getattr" and base and isinstance(name, ast.Constant) and isinstance(name.value, str):
                return f"{base}.{name.value}"
        return None

    def uses(self, root: ast.AST) -> Iterator[Use]:
        """The longest dotted names inside of a node, and methods called on what is no import."""
        stack: list[ast.AST] = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = (
                    [a.name for a in node.names]
                    if isinstance(node, ast.Import)
                    else [f"{node.module}.{a.name}" for a in node.names]
                )
                if isinstance(root, ast.Module):
                    yield from (Use(name, node.lineno) for name in names)
                continue
            dotted = self.dotted(node)
            if dotted:
                yield Use(dotted, getattr(node, "lineno", 0))
                continue
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and self._is_method(node.func):
                yield Use(f".{node.func.attr}", node.lineno)
            while isinstance(node, ast.Attribute):  # what begins at no import does not do so further down either
                node = node.value
            if isinstance(node, ast.Name):
                continue
            stack.extend(child for child in ast.iter_child_nodes(node) if not is_annotation(node, child))

    def _is_method(self, attribute: ast.Attribute) -> bool:
        """Whether a call may be one of a tensor's methods: not of an own object, nor a function of an import."""
        base = attribute.value
        own = attribute.attr in self.methods or (isinstance(base, ast.Name) and base.id in ("self", "cls", "super"))
        return not own and self.dotted(attribute) is None

    def reachable(self, part: str) -> list[Use]:
        """What a part uses, itself or through other top-level definitions, by line."""
        seen: set[str] = set()
        waiting = [part]
        found: list[Use] = []
        while waiting:
            name = waiting.pop()
            statement = self.definitions.get(name)
            if name in seen or statement is None:
                continue
            seen.add(name)
            if name not in self.known:
                names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
                self.known[name] = list(self.uses(statement)), names & set(self.definitions)
            uses, names = self.known[name]
            found += uses
            waiting += names
        return sorted(found, key=lambda use: (use.line, use.dotted.startswith(".")))  # a full name says more


def defined(statement: ast.stmt) -> list[str]:
    """The names that a top-level statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


def is_annotation(parent: ast.AST, child: ast.AST) -> bool:
    """Type hints are not uses: `-> torch.nn.Linear`, `x: nn.ReLU`."""
    if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
        return child is parent.returns
    return isinstance(parent, ast.arg | ast.AnnAssign) and child is parent.annotation


def _forbidden(use: Use, names: tuple[str, ...]) -> str | None:
    """The advice of the group that a use offends, or None."""
    if PRIVATE.match(use.dotted) and not PRIVATE_ALLOWED.match(use.dotted):
        return "PyTorch's private parts and compilers are off limits in every exercise"
    for top in ("ctypes", "sys._getframe", "inspect.currentframe", "inspect.stack", "gc"):
        if use.dotted == top or use.dotted.startswith(top + "."):
            return "it is off limits in every exercise"
    for name in names:
        entry = find_group(name)
        if _offends(use.dotted, entry):
            return entry.advice
    return None


def _offends(dotted: str, entry: ForbiddenGroup) -> bool:
    place, _, name = dotted.rpartition(".")
    if place == "":
        return dotted.startswith(".") and name in entry.functions and _is_tensor_method(name)
    if name in entry.functions and place in OWNERS:
        return True
    if place in ("torch.nn", "torch.nn.modules") and name in entry.classes:
        return True
    if dotted in entry.dotted:
        return True
    return any(_belongs(dotted, module) for module in entry.modules)


def _is_tensor_method(name: str) -> bool:
    import torch  # the grader has it; `nnkata list` and the like never come here

    return hasattr(torch.Tensor, name)


def _belongs(dotted: str, module: str) -> bool:
    """Whether a dotted name leads to something that the module defines: `torch.nn.ReLU` is
    `torch.nn.modules.activation`'s.
    """
    if dotted.startswith(module + "."):
        return True
    if not dotted.startswith("torch."):
        return False
    import torch

    found: object = torch
    for name in dotted.split(".")[1:]:
        found = inspect.getattr_static(found, name, None)  # looks, and runs nothing
    owner = getattr(found, "__module__", None) if isinstance(found, type | types.FunctionType) else None
    return callable(found) and isinstance(owner, str) and (owner == module or owner.startswith(module + "."))
