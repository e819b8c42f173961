"""Forbidden built-ins made to refuse, inside of the worker and before the student's module is imported.

Two layers, each of which stands alone. Calls: Python functions have their code replaced, so that every alias of them
refuses, and built-in ones are replaced where they are kept. Operators: kernels that refuse are registered in
PyTorch's dispatcher, through a handle that Python has no way back to, so that whatever path a call takes, it ends
there. (A third layer reads the source; see `source`.) This module runs beside the student's code: torch and the
standard library only.

Where it ends: code that never meets the dispatcher and is not PyTorch's (a formula typed in from PyTorch's own Python
source, NumPy's arithmetic) is the student's own as far as this can tell.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import inspect
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch

from .forbidden import ALWAYS, ALWAYS_HIDDEN, BYPASSES, OWNERS, ForbiddenGroup, build_operator_pattern, find_group

DISPATCH_KEYS = (
    "CPU",
    "AutogradCPU",
    "CompositeImplicitAutograd",
    "MkldnnCPU",
    "SparseCPU",
    "SparseCsrCPU",
    "QuantizedCPU",
    "NestedTensorCPU",
)
GPU_DISPATCH_KEYS = ("CUDA", "AutogradCUDA")
BACKEND_KEYS = ("CPU", "AutogradCPU", "CUDA", "AutogradCUDA")
COMPOSITE_KEYS = ("CompositeImplicitAutograd", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional")
NAMESPACES = (
    "static_runtime",
    "aten",
    "prims",
    "quantized",
    "_quantized",
    "onednn",
    "mkldnn",
    "mkl",
    "mkldnn_prepacked",
    "sparse",
    "_test",
)
ALLOWED_ORIGINS = (
    "torch.nn.modules.module",
    "torch.nn.parameter",
    "torch.optim.optimizer",
    "torch.utils",
    "torch._tensor",
    "torch.nn.init",
)
"""Modules whose functions other modules import for their own use, and students may use, too."""


class Forbidden(RuntimeError):
    """The student's code called what this part may not call."""

    nnkata_kind = "forbidden"


def install(names: tuple[str, ...], *, calls: bool = True, operators: bool = True, gpu: bool = False) -> None:
    """Make the groups refuse, for the rest of this process's life.

    Args:
        names: names of `forbidden.GROUPS`.
        calls, operators: the layers to put in place; each is left out by tests alone.
        gpu: cover the GPU's kernels too.
    """
    _import_torchvision(names)
    if calls:
        for group in (*map(find_group, names), ALWAYS):
            _forbid_calls(group)
        _forbid_decompositions(names)
        for name in BYPASSES:
            if hasattr(torch._C, name):
                delattr(torch._C, name)
        sys.modules.pop("torch._C._te", None)
        if "autograd" in names:
            _forbid_engine(find_group("autograd").advice)
    if operators and (pattern := build_operator_pattern(names)):
        groups = {name: find_group(name) for name in names}
        _forbid_operators(pattern, groups, DISPATCH_KEYS + GPU_DISPATCH_KEYS if gpu else DISPATCH_KEYS)


def list_hidden_modules(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the modules whose source a worker with these groups may not read."""
    return (*ALWAYS_HIDDEN, *(module for name in names for module in find_group(name).hidden_modules))


# -- calls -------------------------------------------------------------------------------------------------------------


def _forbid_calls(group: ForbiddenGroup) -> None:
    owners = {name: owner for name in OWNERS if (owner := _lookup(name)) is not None}
    for owner_name, owner in owners.items():
        for name in group.functions:
            if (target := getattr(owner, name, None)) is not None:
                _forbid(owner, name, target, f"{owner_name}.{name}", group.advice)
    for name in group.classes:
        target = getattr(torch.nn, name, None)
        if isinstance(target, type):
            _forbid_class(target, f"torch.nn.{name}", group.advice)
    for module_name in group.modules:
        _forbid_module(module_name, group.advice)
    for dotted in group.dotted:
        owner_name, _, name = dotted.rpartition(".")
        target = getattr(_lookup(owner_name), name, None)
        if target is not None and not isinstance(target, types.ModuleType):
            _forbid(_lookup(owner_name), name, target, dotted, group.advice)


def _forbid_decompositions(names: tuple[str, ...]) -> None:
    """Forbid PyTorch's Python decompositions of the operators (`torch._decomp`, `torch._refs`).

    They are known by the operators' names alone, with or without underscores around them.
    """
    pattern = build_operator_pattern(names)
    for module_name, module in list(sys.modules.items()):
        if pattern and module_name.startswith(("torch._decomp", "torch._refs")):
            for name, value in list(vars(module).items()):
                if isinstance(value, types.FunctionType) and (
                    pattern.fullmatch(name) or pattern.fullmatch(name.strip("_"))
                ):
                    _forbid_code(value, f"{module_name}.{name}", "write it yourself")


def _forbid_engine(advice: str) -> None:
    """Forbid the autograd engine itself, below `backward` and `grad`."""

    class RefusingEngine:
        run_backward = queue_callback = is_checkpoint_valid = staticmethod(_make_stub("the autograd engine", advice))

    torch.autograd.Variable._execution_engine = RefusingEngine()  # type: ignore[assignment]
    for name in ("_EngineBase", "_ImperativeEngine", "_enter_dual_level"):
        if hasattr(torch._C, name):
            delattr(torch._C, name)


def _forbid(owner: Any, name: str, target: Any, dotted: str, advice: str) -> None:
    """Make `owner.name`, which is `target`, refuse; `dotted` is what the message calls it."""
    if isinstance(target, type):
        _forbid_class(target, dotted, advice)
        return
    _forbid_code(target, dotted, advice)
    stub = _make_stub(dotted, advice)
    stub.__name__ = name
    try:
        setattr(owner, name, stub)
    except (AttributeError, TypeError):
        pass  # a class or module of C's: its operators refuse


def _forbid_code(function: Any, dotted: str, advice: str) -> None:
    """Replace the code of a Python function, and of every function that it wraps, so that aliases refuse too."""
    seen: set[int] = set()
    while isinstance(function, types.FunctionType) and id(function) not in seen:
        seen.add(id(function))
        code = _make_refusing_code(dotted, advice)
        # a function's code can only be replaced by code that closes over as many variables
        function.__code__ = code.replace(co_freevars=function.__code__.co_freevars)
        function = getattr(function, "__wrapped__", None)


def _make_refusing_code(dotted: str, advice: str) -> types.CodeType:
    """Return the template's code with this message in it; it closes over nothing and needs no globals of its own."""
    code = _refuse_template.__code__
    consts = tuple(_format_refusal(dotted, advice) if const == "message" else const for const in code.co_consts)
    return code.replace(co_consts=consts)


def _refuse_template(*_args: Any, **_kwargs: Any) -> Any:
    # its code runs with the globals of the function that it is put into, so it looks everything up itself
    import sys

    raise sys.modules["nnkata.grader.worker.guard"].Forbidden("message")


def _forbid_class(target: type, dotted: str, advice: str) -> None:
    for name in ("__init__", "forward", "step"):
        method = target.__dict__.get(name)
        if isinstance(method, types.FunctionType):
            _forbid_code(method, dotted, advice)
    if "__init__" not in target.__dict__:
        try:
            target.__init__ = _make_stub(dotted, advice)  # type: ignore[misc]
        except TypeError:
            pass  # a class of C's: its operators refuse


def _forbid_module(module_name: str, advice: str) -> None:
    """Forbid every class and function that is a module's own, not what it only imports."""
    module = sys.modules.get(module_name)
    if module is None:
        return
    for name, value in list(vars(module).items()):
        origin = getattr(value, "__module__", "")
        if name.startswith("__") or origin.split(".")[0] not in ("torch", "torchvision"):
            continue
        dotted = f"{module_name}.{name}"
        if isinstance(value, type) and origin.startswith(module_name):
            _forbid_class(value, dotted, advice)
        elif (
            inspect.isfunction(value)
            and not origin.startswith(ALLOWED_ORIGINS)
            and (origin == module_name or module_name == "torch.func")  # which only collects what others define
        ):
            _forbid_code(value, dotted, advice)
            setattr(module, name, _make_stub(dotted, advice))


def _make_stub(dotted: str, advice: str) -> Callable[..., Any]:
    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise Forbidden(_format_refusal(dotted, advice))

    return refuse


def _format_refusal(dotted: str, advice: str) -> str:
    return f"may not call {dotted}: {advice}"


def _lookup(dotted: str) -> Any:
    """Return the object of a dotted name, or None."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        module = sys.modules.get(".".join(parts[:cut]))
        if module is None:
            continue
        target: Any = module
        for name in parts[cut:]:
            target = getattr(target, name, None)
        return target
    return None


# -- operators ---------------------------------------------------------------------------------------------------------


def _forbid_operators(pattern: re.Pattern[str], groups: dict[str, ForbiddenGroup], keys: tuple[str, ...]) -> None:
    """Register kernels that refuse for every operator whose base name the pattern matches."""
    handles: dict[tuple[str, str], Any] = {}
    for namespace, base, full in _find_operators(pattern):
        kernel = _make_stub(f"torch's operator {base}", _find_advice(base, groups))
        has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
        composite = any(has_kernel(full, alias) for alias in COMPOSITE_KEYS)
        for key in keys:
            if (composite and key in BACKEND_KEYS) or has_kernel(full, key):
                if (namespace, key) not in handles:
                    handles[namespace, key] = torch._C._dispatch_library("IMPL", namespace, key, "", 0)
                handles[namespace, key].impl(full.partition("::")[2], key, kernel)
    for handle in handles.values():
        # what is never released can never be taken back: no Python name leads to the handle after this
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle))


def _find_operators(pattern: re.Pattern[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the namespace, base name and full name (with its overload) of each operator that the pattern matches."""
    for full in torch._C._dispatch_get_all_op_names():
        namespace, _, rest = full.partition("::")
        base = rest.partition(".")[0]
        if namespace in NAMESPACES and pattern.fullmatch(base):
            yield namespace, base, full


def _find_advice(base: str, groups: dict[str, ForbiddenGroup]) -> str:
    """Return the advice of the first group whose operators have this base name."""
    for name, group in groups.items():
        pattern = build_operator_pattern((name,))
        if pattern and pattern.fullmatch(base):
            return group.advice
    return "write it yourself"


def _import_torchvision(names: tuple[str, ...]) -> None:
    """Import what the groups forbid of torchvision, so that there is something to forbid."""
    modules = [module for name in names for module in find_group(name).modules]
    for module in modules:
        if module.startswith("torchvision"):
            with contextlib.suppress(Exception):  # not installed, or not importable here: nobody can use it
                importlib.import_module(module)
