"""PyTorch's compiler, left out: nothing here compiles, and importing it costs more than all of torch.

`torch.optim` imports `torch._dynamo` at an optimizer's first step only to tell it to keep away, and torchvision to
ask whether it is supported. A stand-in that is told so instead saves that. Whatever asks the stand-in for more gets
the real module. This module runs beside the student's code: the standard library and torch only.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import torch

COMPILER = "torch._dynamo"

SYMBOLIC_SHAPES = "torch.fx.experimental.symbolic_shapes"

FORWARD_FORMULAS = "torch._decomp.decompositions_for_jvp"
"""Formulas for the few functions that have none of their own for forward-mode gradients, compiled when the first one is
asked for. Left out: a worker may not read their source, and everything else can be differentiated forward without."""


class _ShapesStandIn(types.ModuleType):
    """The functions of the symbolic shapes that `backward(gradient)` calls, for sizes that are plain numbers."""

    @staticmethod
    def expect_true(a: Any, *_skip: int, **_options: int) -> bool:
        """Return True if it holds."""
        return bool(a)

    @staticmethod
    def sym_eq(x: Any, y: Any) -> bool:
        """Return True if two sizes are the same."""
        return bool(x == y)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(SYMBOLIC_SHAPES) is self:
            del sys.modules[SYMBOLIC_SHAPES]
        return getattr(importlib.import_module(SYMBOLIC_SHAPES), name)


class _ConfigStandIn(types.ModuleType):
    """The one setting that `torch.utils.checkpoint` asks for."""

    error_on_nested_fx_trace = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_compiler().config, name)


class _CompilerStandIn(types.ModuleType):
    def __init__(self) -> None:
        super().__init__(COMPILER)
        self.__path__: list[str] = []
        # what torch.func asks for: that compiled autograd keeps away meanwhile
        self.compiled_autograd = types.SimpleNamespace(_disable=contextlib.nullcontext)
        self.config = _ConfigStandIn(f"{COMPILER}.config")

    @staticmethod
    def graph_break(msg: str = "") -> None:
        """Do nothing: there is no graph to break."""

    @staticmethod
    def disable(fn: Callable[..., Any] | None = None, *_recursive: bool, **_options: Any) -> Any:
        """Return a function as it is, since nobody compiles it."""
        return fn if fn is not None else lambda function: function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_compiler(), name)


class _Finder(importlib.abc.MetaPathFinder):
    """`import torch._dynamo.something`: the real one, but for what torchvision asks of `utils`."""

    def find_spec(
        self, fullname: str, *_path_and_target: Any, **_by_name: Any
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(COMPILER + ".") or not isinstance(sys.modules.get(COMPILER), _CompilerStandIn):
            return None
        if fullname == f"{COMPILER}.utils":
            module = types.ModuleType(fullname)
            module.is_compile_supported = lambda _device_type: False  # type: ignore[attr-defined]
        else:
            import_compiler()
            module = importlib.import_module(fullname)
        return importlib.util.spec_from_loader(fullname, _LoadedModuleLoader(module))


class _LoadedModuleLoader(importlib.abc.Loader):
    def __init__(self, module: types.ModuleType) -> None:
        self.module = module

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return self.module

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: it is loaded already."""


def install() -> None:
    """Put the stand-in where `torch._dynamo` would be, unless that is there already."""
    if COMPILER not in sys.modules:
        stand_in = _CompilerStandIn()
        sys.modules[COMPILER] = stand_in
        torch._dynamo = stand_in
        sys.meta_path.insert(0, _Finder())
    if SYMBOLIC_SHAPES not in sys.modules:
        sys.modules[SYMBOLIC_SHAPES] = _ShapesStandIn(SYMBOLIC_SHAPES)
    sys.modules.setdefault(FORWARD_FORMULAS, types.ModuleType(FORWARD_FORMULAS))


def import_compiler() -> types.ModuleType:
    """Import the real compiler in place of the stand-in, and return it."""
    if isinstance(sys.modules.get(COMPILER), _CompilerStandIn):
        for name in [name for name in sys.modules if name == COMPILER or name.startswith(COMPILER + ".")]:
            del sys.modules[name]
        del torch._dynamo
    return importlib.import_module(COMPILER)
