"""Forbidden built-ins made to refuse, inside of the worker and before the student's module is imported.

Two layers, each of which stands alone. Calls: Python functions have their code replaced, so that every alias of them
refuses, and built-in ones are replaced where they are kept. Operators: kernels that refuse are registered in
PyTorch's dispatcher, through a handle that Python has no way back to, so that whatever road a call takes, it ends
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
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch

from .forbidden import ALWAYS, ALWAYS_HIDDEN, EVASIONS, PLACES, Family, family, operator_pattern

KEYS = (
    "CPU",
    "AutogradCPU",
    "CompositeImplicitAutograd",
    "MkldnnCPU",
    "SparseCPU",
    "SparseCsrCPU",
    "QuantizedCPU",
    "NestedTensorCPU",
)
GPU_KEYS = ("CUDA", "AutogradCUDA")
PLAIN = ("CPU", "AutogradCPU", "CUDA", "AutogradCUDA")
COMPOSITE = ("CompositeImplicitAutograd", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional")
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


class Forbidden(RuntimeError):
    """The student's code called what this part may not call."""

    nnkata_kind = "forbidden"


def install(names: tuple[str, ...], *, calls: bool = True, operators: bool = True, gpu: bool = False) -> None:
    """Make the families refuse, for the rest of this process's life.

    Args:
        names: families of `forbidden.FAMILIES`.
        calls, operators: the layers to put in place; each is left out by tests alone.
        gpu: cover the GPU's kernels too.
    """
    _import_torchvision(names)
    if calls:
        for entry in (*map(family, names), ALWAYS):
            _forbid_calls(entry)
        _forbid_retellings(names)
        for name in EVASIONS:
            if hasattr(torch._C, name):
                delattr(torch._C, name)
        sys.modules.pop("torch._C._te", None)
        if "autograd" in names:
            _forbid_engine(family("autograd").advice)
    if operators and (pattern := operator_pattern(names)):
        _forbid_operators(pattern, {name: family(name) for name in names}, KEYS + GPU_KEYS if gpu else KEYS)


def hidden(names: tuple[str, ...]) -> tuple[str, ...]:
    """Modules whose source a worker with these families may not read."""
    return (*ALWAYS_HIDDEN, *(module for name in names for module in family(name).hidden()))


# -- calls -------------------------------------------------------------------------------------------------------------


def _forbid_calls(entry: Family) -> None:
    places = {name: found for name in PLACES if (found := _lookup(name)) is not None}
    for place_name, place in places.items():
        for name in entry.functions:
            if (found := _own(place, name)) is not None:
                _forbid(place, name, found, f"{place_name}.{name}", entry.advice)
    for name in entry.classes:
        found = getattr(torch.nn, name, None)
        if isinstance(found, type):
            _forbid_class(found, f"torch.nn.{name}", entry.advice)
    for module_name in entry.modules:
        _forbid_module(module_name, entry.advice)
    for dotted in entry.dotted:
        place_name, _, name = dotted.rpartition(".")
        place = _lookup(place_name)
        if place is not None and (found := _own(place, name)) is not None and not isinstance(found, types.ModuleType):
            _forbid(place, name, found, dotted, entry.advice)


def _forbid_retellings(names: tuple[str, ...]) -> None:
    """PyTorch's own retellings of operators in Python (`torch._decomp`, `torch._refs`), whatever they are called."""
    pattern = operator_pattern(names)
    for module_name, module in list(sys.modules.items()):
        if pattern and module_name.startswith(("torch._decomp", "torch._refs")):
            for key, found in list(vars(module).items()):
                if isinstance(found, types.FunctionType) and (
                    pattern.fullmatch(key) or pattern.fullmatch(key.strip("_"))
                ):
                    _forbid_code(found, f"{module_name}.{key}", "write it yourself")


def _forbid_engine(advice: str) -> None:
    """The autograd engine itself, below `backward` and `grad`."""

    class Refusing:
        run_backward = queue_callback = is_checkpoint_valid = staticmethod(_refusal("the autograd engine", advice))

    torch.autograd.Variable._execution_engine = Refusing()  # type: ignore[assignment]
    for name in ("_EngineBase", "_ImperativeEngine", "_enter_dual_level"):
        if hasattr(torch._C, name):
            delattr(torch._C, name)


def _forbid(place: Any, name: str, found: Any, dotted: str, advice: str) -> None:
    if isinstance(found, type):
        _forbid_class(found, dotted, advice)
        return
    _forbid_code(found, dotted, advice)
    refuse = _refusal(dotted, advice)
    refuse.__name__ = name
    try:
        setattr(place, name, refuse)
    except (AttributeError, TypeError):
        pass  # a place of C's: its operators refuse


def _forbid_code(found: Any, dotted: str, advice: str) -> None:
    """Replace the code of a Python function, and of every function that it wraps, so that aliases refuse too."""
    seen: set[int] = set()
    while isinstance(found, types.FunctionType) and id(found) not in seen:
        seen.add(id(found))
        refusing = _refusing_code(dotted, advice)
        found.__code__ = refusing.replace(co_freevars=found.__code__.co_freevars)
        found = getattr(found, "__wrapped__", None)


def _refusing_code(dotted: str, advice: str) -> types.CodeType:
    """The template's code with this message in it; it closes over nothing and needs no globals of its own."""
    code = _template.__code__
    consts = tuple(_message(dotted, advice) if const == "message" else const for const in code.co_consts)
    return code.replace(co_consts=consts)


def _template(*args: Any, **kwargs: Any) -> Any:
    import sys

    raise sys.modules["nnkata.grader.worker.guard"].Forbidden("message")


def _forbid_class(found: type, dotted: str, advice: str) -> None:
    for name in ("__init__", "forward", "step"):
        method = found.__dict__.get(name)
        if isinstance(method, types.FunctionType):
            _forbid_code(method, dotted, advice)
    if "__init__" not in found.__dict__:
        try:
            found.__init__ = _refusal(dotted, advice)  # type: ignore[misc]
        except TypeError:
            pass


def _forbid_module(name: str, advice: str) -> None:
    module = sys.modules.get(name)
    if module is None:
        return
    for key, found in list(vars(module).items()):
        if key.startswith("__") or getattr(found, "__module__", "").split(".")[0] not in ("torch", "torchvision"):
            continue
        kept = (
            "torch.nn.modules.module",
            "torch.nn.parameter",
            "torch.optim.optimizer",
            "torch.utils",
            "torch._tensor",
            "torch.nn.init",
        )
        owner = getattr(found, "__module__", "")
        if isinstance(found, type) and owner.startswith(name):
            _forbid_class(found, f"{name}.{key}", advice)
        elif inspect.isfunction(found) and not owner.startswith(kept) and (owner == name or name == "torch.func"):
            _forbid_code(found, f"{name}.{key}", advice)
            setattr(module, key, _refusal(f"{name}.{key}", advice))


def _refusal(dotted: str, advice: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise Forbidden(_message(dotted, advice))

    return refuse


def _message(dotted: str, advice: str) -> str:
    return f"may not call {dotted}: {advice}"


def _own(place: Any, name: str) -> Any:
    """An attribute that a place has itself, or inherits from torch's C base of tensors."""
    return getattr(place, name, None)


def _lookup(dotted: str) -> Any:
    """The object of a dotted name, or None."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        module = sys.modules.get(".".join(parts[:cut]))
        if module is None:
            continue
        found: Any = module
        for name in parts[cut:]:
            found = getattr(found, name, None)
        return found
    return None


# -- operators ---------------------------------------------------------------------------------------------------------


def _forbid_operators(pattern: Any, families: dict[str, Family], keys: tuple[str, ...]) -> None:
    """Register kernels that refuse for every operator whose base name the pattern matches."""
    handles: dict[tuple[str, str], Any] = {}
    for namespace, base, full in _operators(pattern):
        refuse = _refusing_kernel(base, next(_advice(base, families)))
        has = torch._C._dispatch_has_kernel_for_dispatch_key
        composite = any(has(full, alias) for alias in COMPOSITE)
        for key in keys:
            if (composite and key in PLAIN) or has(full, key):
                if (namespace, key) not in handles:
                    handles[namespace, key] = torch._C._dispatch_library("IMPL", namespace, key, "", 0)
                handles[namespace, key].impl(full.partition("::")[2], key, refuse)
    for handle in handles.values():
        # what is never released can never be taken back: no Python name leads to the handle after this
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle))


def _operators(pattern: Any) -> Iterator[tuple[str, str, str]]:
    for full in torch._C._dispatch_get_all_op_names():
        namespace, _, rest = full.partition("::")
        base = rest.partition(".")[0]
        if namespace in NAMESPACES and pattern.fullmatch(base):
            yield namespace, base, full


def _advice(base: str, families: dict[str, Family]) -> Iterator[str]:
    for name, entry in families.items():
        single = operator_pattern((name,))
        if single and single.fullmatch(base):
            yield entry.advice
    yield "write it yourself"


def _refusing_kernel(base: str, advice: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise Forbidden(_message(f"torch's operator {base}", advice))

    return refuse


def _import_torchvision(names: tuple[str, ...]) -> None:
    """Import what the families forbid of torchvision, so that there is something to forbid."""
    for module in (module for name in names for module in family(name).modules if module.startswith("torchvision")):
        with contextlib.suppress(Exception):  # not installed, or not importable here: nobody can use it
            importlib.import_module(module)
