"""The search of a submission's text for what its parts may not use, and for what looks like evasion.

It is the first of three layers against forbidden built-ins (see `guard` for the others), and the only one that can name
a line. It follows imports, aliases and helper functions, never runs anything, and reports nothing where it cannot be
sure.
"""

from __future__ import annotations

import ast
import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..model import Exercise
from ..worker.forbidden import OWNERS, ForbiddenGroup, find_group

MAX_SEGMENTS = 24
"""Parts of a dotted name that are followed: nothing lies deeper, and a chain of aliases could be as long as a file."""

PRIVATE_ALLOWED = re.compile(
    r"torch\._foreach_\w+|torch\._assert|torch\.nn\.modules\.utils\.|torch\.optim\.optimizer\.|torch\.nn\.init\._\w+$"
)
PRIVATE = re.compile(r"torch\.(?:\w+\.)*_(?!_)\w+|torch\.(ops|jit|compile|compiler|classes)(\.|$)")
SETTINGS = re.compile(r"torch\.backends\..*|os\.environ\[\]")
"""What is assigned to as a setting: `torch.backends.cudnn.benchmark = False`, `os.environ["NAME"] = "value"`."""

SUSPICIOUS_NAMES = {
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
class Violation:
    """A forbidden name that a part uses."""

    part: str
    dotted: str
    line: int
    advice: str

    def __str__(self) -> str:
        return self.message(f"line {self.line}")

    def message(self, location: str) -> str:
        """Return the message to the student."""
        return f"{self.part} may not call {self.dotted} ({location}): {self.advice}"


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


def find_violations(names: Mapping[str, Sequence[Use]], exercise: Exercise) -> list[Violation]:
    """Return the first name of each part that it may not use, of those that `used_names` found. Needs torch."""
    violations = []
    for part in exercise.parts:
        for use in names.get(part.name, ()):
            advice = _advice_against(use, part.forbidden)
            if advice:
                violations.append(Violation(part.name, use.dotted, use.line, advice))
                break
    return violations


def find_flags(tree: ast.Module, location: Callable[[int], str] = "line {}".format) -> list[str]:
    """Return what looks like evasion, for a person to judge: `line 3: uses ctypes`. `location` names a line."""
    found: dict[str, None] = {}
    module = _Module(tree)
    for use in module.uses(tree):
        for name, what in SUSPICIOUS_NAMES.items():
            if use.dotted == name or use.dotted.startswith(name + "."):
                found[f"{location(use.line)}: {what}"] = None
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
            found[f"{location(node.lineno)}: accesses interpreter internals (.{node.attr})"] = None
        for target in _rebound_expressions(node):
            dotted = module.dotted(target.value if isinstance(target, ast.Subscript) else target) or ""
            top, _, rest = dotted.partition(".")
            setting = SETTINGS.fullmatch(dotted + "[]" * isinstance(target, ast.Subscript))
            if rest and not setting and top in ("torch", "builtins", "sys", "numpy", "math", "os"):
                found[f"{location(getattr(node, 'lineno', 0))}: rebinds {dotted}"] = None
    return list(found)[:20]


def _rebound_expressions(node: ast.AST) -> Iterator[ast.Subscript | ast.Attribute]:
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr" and node.args:
        targets = [ast.Attribute(node.args[0], "*", ast.Store())]
    else:
        return
    for target in targets:
        if isinstance(target, ast.Subscript | ast.Attribute):
            yield target


@dataclass(frozen=True)
class Use:
    """A name that the source uses: dotted from an import (`torch.nn.functional.relu`), or a method (`.softmax`)."""

    dotted: str
    line: int


class _Module:
    """The top-level definitions of a source, and the names that each uses."""

    def __init__(self, tree: ast.Module) -> None:
        self.aliases: dict[str, str] = {}
        self.known: dict[str, tuple[list[Use], set[str]]] = {}
        for node in ast.walk(tree):
            self._imports(node)
        self.definitions: dict[str, ast.stmt] = {}
        for statement in tree.body:
            for name in defined_names(statement):
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
        """Return the dotted name that an expression stands for, or None if it does not begin at an import."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base and base.count(".") < MAX_SEGMENTS else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) >= 2:
            base, name = self.dotted(node.args[0]), node.args[1]
            if node.func.id == "getattr" and base and isinstance(name, ast.Constant) and isinstance(name.value, str):
                return f"{base}.{name.value}"
        return None

    def uses(self, root: ast.AST) -> Iterator[Use]:
        """Yield the longest dotted names inside a node, and the methods called on anything but an import."""
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
        """Return True if a call may be of a tensor's method: not of the student's own object, nor of an import."""
        base = attribute.value
        own = attribute.attr in self.methods or (isinstance(base, ast.Name) and base.id in ("self", "cls", "super"))
        return not own and self.dotted(attribute) is None

    def reachable(self, part: str) -> list[Use]:
        """Return what a part uses, directly or through other top-level definitions, sorted by line."""
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


def defined_names(statement: ast.stmt) -> list[str]:
    """Return the names that a top-level statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


def is_annotation(parent: ast.AST, child: ast.AST) -> bool:
    """Return True for a type hint, which is not a use: `-> torch.nn.Linear`, `x: nn.ReLU`."""
    if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
        return child is parent.returns
    return isinstance(parent, ast.arg | ast.AnnAssign) and child is parent.annotation


def _advice_against(use: Use, names: tuple[str, ...]) -> str | None:
    """Return the advice for a forbidden use, or None if the use is allowed."""
    if PRIVATE.match(use.dotted) and not PRIVATE_ALLOWED.match(use.dotted):
        return "PyTorch's private parts and compilers are off limits in every exercise"
    for top in ("ctypes", "sys._getframe", "inspect.currentframe", "inspect.stack", "gc"):
        if use.dotted == top or use.dotted.startswith(top + "."):
            return "it is off limits in every exercise"
    for name in names:
        entry = find_group(name)
        if _is_forbidden(use.dotted, entry):
            return entry.advice
    return None


def _is_forbidden(dotted: str, entry: ForbiddenGroup) -> bool:
    owner, _, name = dotted.rpartition(".")
    if owner == "":
        return dotted.startswith(".") and name in entry.functions and _is_tensor_method(name)
    if name in entry.functions and owner in OWNERS:
        return True
    if owner in ("torch.nn", "torch.nn.modules") and name in entry.classes:
        return True
    if dotted in entry.dotted:
        return True
    return any(_is_defined_in(dotted, module) for module in entry.modules)


def _is_tensor_method(name: str) -> bool:
    import torch  # the grader has it; `nnkata list` and the like never come here

    return hasattr(torch.Tensor, name)


def _is_defined_in(dotted: str, module: str) -> bool:
    """Return True if the module defines what the dotted name leads to.

    `torch.nn.ReLU` is defined in `torch.nn.modules.activation`.
    """
    if dotted.startswith(module + "."):
        return True
    if not dotted.startswith("torch."):
        return False
    import torch

    found: object = torch
    for name in dotted.split(".")[1:]:
        found = inspect.getattr_static(found, name, None)  # reads without running properties or __getattr__
    owner = getattr(found, "__module__", None) if isinstance(found, type | types.FunctionType) else None
    return callable(found) and isinstance(owner, str) and (owner == module or owner.startswith(module + "."))
