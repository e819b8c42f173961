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
from collections.abc import Callable, Sequence
from typing import Any

import torch

NAME = "torch._dynamo"


SHAPES = "torch.fx.experimental.symbolic_shapes"

FORWARD = "torch._decomp.decompositions_for_jvp"
"""Formulas for the few functions that have none of their own for forward-mode gradients, compiled when the first one is
asked for. Left out: a worker may not read their source, and everything else can be differentiated forward without."""


class _Shapes(types.ModuleType):
    """What `backward(gradient)` asks of the symbolic shapes, answered for sizes that are plain numbers."""

    @staticmethod
    def expect_true(a: Any, skip: int = 0) -> bool:
        """Whether it holds."""
        return bool(a)

    @staticmethod
    def sym_eq(x: Any, y: Any) -> bool:
        """Whether two sizes are the same."""
        return bool(x == y)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(SHAPES) is self:
            del sys.modules[SHAPES]
        return getattr(importlib.import_module(SHAPES), name)


class _Config(types.ModuleType):
    """The one setting that `torch.utils.checkpoint` asks for."""

    error_on_nested_fx_trace = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(real().config, name)


class _StandIn(types.ModuleType):
    def __init__(self) -> None:
        super().__init__(NAME)
        self.__path__: list[str] = []
        # what torch.func asks for: that compiled autograd keeps away meanwhile
        self.compiled_autograd = types.SimpleNamespace(_disable=contextlib.nullcontext)
        self.config = _Config(f"{NAME}.config")

    @staticmethod
    def graph_break(msg: str = "") -> None:
        """There is no graph to break."""

    @staticmethod
    def disable(fn: Callable[..., Any] | None = None, recursive: bool = True, **options: Any) -> Any:
        """A function that nobody compiles, as it is."""
        return fn if fn is not None else lambda function: function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(real(), name)


class _Finder(importlib.abc.MetaPathFinder):
    """`import torch._dynamo.something`: the real one, but for what torchvision asks of `utils`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(NAME + ".") or not isinstance(sys.modules.get(NAME), _StandIn):
            return None
        if fullname == f"{NAME}.utils":
            module = types.ModuleType(fullname)
            module.is_compile_supported = lambda device_type: False  # type: ignore[attr-defined]
        else:
            real()
            module = importlib.import_module(fullname)
        return importlib.util.spec_from_loader(fullname, _Loaded(module))


class _Loaded(importlib.abc.Loader):
    def __init__(self, module: types.ModuleType) -> None:
        self.module = module

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return self.module

    def exec_module(self, module: types.ModuleType) -> None:
        """It is loaded already."""


def install() -> None:
    """Put the stand-in where `torch._dynamo` would be, unless that is there already."""
    if NAME not in sys.modules:
        stand_in = _StandIn()
        sys.modules[NAME] = stand_in
        torch._dynamo = stand_in
        sys.meta_path.insert(0, _Finder())
    if SHAPES not in sys.modules:
        sys.modules[SHAPES] = _Shapes(SHAPES)
    sys.modules.setdefault(FORWARD, types.ModuleType(FORWARD))


def real() -> types.ModuleType:
    """The real compiler, imported now."""
    if isinstance(sys.modules.get(NAME), _StandIn):
        for name in [name for name in sys.modules if name == NAME or name.startswith(NAME + ".")]:
            del sys.modules[name]
        del torch._dynamo
    return importlib.import_module(NAME)
