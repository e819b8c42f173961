"""Mutation operators: each yields replacements for one node of a syntax tree, every one a small mistake.

None changes the node that it gets.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

Operator = Callable[[ast.AST], Iterator[ast.AST]]

_OTHER_OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}

_OTHER_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}

_PAIRS = (
    ("mean", "sum"),
    ("max", "min"),
    ("amax", "amin"),
    ("argmax", "argmin"),
    ("ones", "zeros"),
    ("ones_like", "zeros_like"),
    ("new_ones", "new_zeros"),
    ("train", "eval"),
    ("softmax", "log_softmax"),
    ("relu", "leaky_relu"),
    ("ReLU", "LeakyReLU"),
    ("MaxPool2d", "AvgPool2d"),
    ("rand_like", "randn_like"),
    ("add", "sub"),
    ("add_", "sub_"),
    ("exp", "expm1"),
    ("log", "log1p"),
)
_RELATIVES = {**dict(_PAIRS), **{other: one for one, other in _PAIRS}}

_IN_PLACE = {"add", "mul", "sub", "div", "addcmul", "lerp", "clamp", "sqrt", "abs", "exp", "log", "log1p", "neg"}
_MODULES = {"torch", "F", "nn", "math", "optim"}


def _copy_with(node: ast.AST, **fields: object) -> ast.AST:
    """Return a copy of a node with other fields."""
    other = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(other, name, copy.deepcopy(value))
    return other


def _all_but(nodes: list[ast.expr], place: int) -> list[ast.expr]:
    return nodes[:place] + nodes[place + 1 :]


def arithmetic(node: ast.AST) -> Iterator[ast.AST]:
    """Yield another arithmetic operator, or one of the two operands alone."""
    if isinstance(node, ast.BinOp | ast.AugAssign):
        for other in _OTHER_OPERATORS.get(type(node.op), ()):
            yield _copy_with(node, op=other())
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right
    if isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value)


def comparison(node: ast.AST) -> Iterator[ast.AST]:
    """Yield another comparison, or one with its edge moved."""
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            for other in _OTHER_COMPARISONS[type(op)]:
                yield _copy_with(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]])


def constant(node: ast.AST) -> Iterator[ast.AST]:
    """Yield another number nearby, 0, 1 or 2, the other sign; the other truth value; "sum" for "mean"."""
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        for number in dict.fromkeys((value + 1, value - 1, 0, 1, 2, -value)):
            yield _number(number)
    elif isinstance(value, float):
        for change in dict.fromkeys((value + 1, 2 * value, 0.0, 1.0, -value)):
            yield _number(change)
    elif value in ("mean", "sum"):
        yield ast.Constant(_RELATIVES[value])


def _number(number: float) -> ast.expr:
    return ast.Constant(number) if number >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-number))


def connective(node: ast.AST) -> Iterator[ast.AST]:
    """Yield `and` for `or` and the reverse, one side of them left out, `not` dropped."""
    if isinstance(node, ast.BoolOp):
        yield _copy_with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for place in range(len(node.values)):
            left = _all_but(node.values, place)
            yield left[0] if len(left) == 1 else _copy_with(node, values=left)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand


def condition(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a condition that is always true, always false, or negated."""
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        for test in (ast.Constant(True), ast.Constant(False), ast.UnaryOp(ast.Not(), node.test)):
            yield _copy_with(node, test=test)
    if isinstance(node, ast.comprehension):
        for place in range(len(node.ifs)):
            yield _copy_with(node, ifs=_all_but(node.ifs, place))


def argument(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a call with an argument dropped, or with the first two exchanged."""
    if not isinstance(node, ast.Call):
        return
    for place in range(len(node.keywords)):
        yield _copy_with(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])
    if len(node.args) > 1:
        for place in range(len(node.args)):
            yield _copy_with(node, args=_all_but(node.args, place))
        yield _copy_with(node, args=[node.args[1], node.args[0], *node.args[2:]])


def call(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a call's argument in place of the call: `x.detach()` becomes x, `torch.exp(x)` and `int(x)` too."""
    if not isinstance(node, ast.Call) or any(isinstance(arg, ast.Starred) for arg in node.args[:1]):
        return
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr[0].islower():
        of_module = isinstance(function.value, ast.Name) and function.value.id in _MODULES
        if not of_module:
            yield function.value
        elif node.args:
            yield node.args[0]
    if isinstance(function, ast.Name) and function.id[0].islower() and node.args:
        yield node.args[0]


def attribute(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a relative: `.sum` for `.mean`, `ones` for `zeros`; out of place for in place and back; `.T` dropped."""
    if isinstance(node, ast.Attribute):
        name = node.attr
        if name in _RELATIVES:
            yield _copy_with(node, attr=_RELATIVES[name])
        if name.endswith("_") and not name.endswith("__"):
            yield _copy_with(node, attr=name[:-1])
        if name in _IN_PLACE and not (isinstance(node.value, ast.Name) and node.value.id in _MODULES):
            yield _copy_with(node, attr=name + "_")
        if name == "T":
            yield node.value


def sign(node: ast.AST) -> Iterator[ast.AST]:
    """Yield an operand without its minus."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand


def bound(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a slice with a bound dropped or moved by one, or a range with an end moved by one."""
    if isinstance(node, ast.Slice):
        for name, edge in (("lower", node.lower), ("upper", node.upper)):
            if edge is not None:
                yield _copy_with(node, **{name: None})
                for moved in _move_by_one(edge):
                    yield _copy_with(node, **{name: moved})
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        for place, edge in enumerate(node.args[:2]):
            for moved in _move_by_one(edge):
                yield _copy_with(node, args=[*node.args[:place], moved, *node.args[place + 1 :]])


def _move_by_one(edge: ast.expr) -> Iterator[ast.expr]:
    if not isinstance(edge, ast.Constant):  # numbers are moved by `constant`
        for op in (ast.Add(), ast.Sub()):
            yield ast.BinOp(edge, op, ast.Constant(1))


def statement(node: ast.AST) -> Iterator[ast.AST]:
    """Yield `pass` for a statement that defines no new name."""
    if (isinstance(node, ast.Return) and node.value is None) or isinstance(
        node, ast.Expr | ast.AugAssign | ast.Return | ast.Raise | ast.Continue | ast.Break
    ):
        yield ast.Pass()
    elif isinstance(node, ast.Assign):
        used = {name.id for name in ast.walk(node.value) if isinstance(name, ast.Name)}
        made = {name.id for target in node.targets for name in _names(target)}
        if made <= used:
            yield ast.Pass()


def _names(target: ast.expr) -> Iterator[ast.Name]:
    """Yield the plain names that an assignment to `target` binds."""
    if isinstance(target, ast.Name):
        yield target
    for element in target.elts if isinstance(target, ast.Tuple | ast.List) else ():
        yield from _names(element)


def in_place(node: ast.AST) -> Iterator[ast.AST]:
    """Yield `x += y` for `x = x + y`."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and len(node.targets) == 1:
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name) and ast.unparse(target) == ast.unparse(value.left):
            yield ast.AugAssign(target, value.op, value.right)


def recording(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a block or function without its `torch.no_grad()` (or `enable_grad`)."""
    if isinstance(node, ast.With) and any("_grad" in ast.unparse(item) for item in node.items):
        yield ast.If(ast.Constant(True), node.body, [])
    if isinstance(node, ast.FunctionDef):
        for place, decorator in enumerate(node.decorator_list):
            if "no_grad" in ast.unparse(decorator):
                yield _copy_with(node, decorator_list=_all_but(node.decorator_list, place))


OPERATORS: dict[str, Operator] = {
    operator.__name__: operator
    for operator in (
        arithmetic,
        comparison,
        constant,
        connective,
        condition,
        argument,
        call,
        attribute,
        sign,
        bound,
        statement,
        in_place,
        recording,
    )
}
"""Every operator by its name."""
