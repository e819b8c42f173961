"""PyTorch's compiler, left out: nothing here compiles, and importing it costs more than all of torch.

`torch.optim` imports `torch._dynamo` at an optimizer's first step only to tell it to keep away, and torchvision to
ask whether it is supported. A stand-in that is told so instead saves that; another takes the settings of
`torch._inductor`. Whatever asks the stand-ins for more gets the real modules, where those may be read. This module
runs beside the student's code: the standard library and torch only.
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

BACKEND = "torch._inductor"
"""Imported by `torch.use_deterministic_algorithms` and by the profiler, for a setting each."""

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


class _BackendStandIn(types.ModuleType):
    """The settings that PyTorch asks for, or makes, without compiling anything."""

    def __init__(self) -> None:
        super().__init__(BACKEND)
        self.__path__: list[str] = []
        self.config = types.ModuleType(f"{BACKEND}.config")
        self.config.deterministic = False  # type: ignore[attr-defined]
        self.config.triton = types.SimpleNamespace(cudagraphs=False)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_import_real(BACKEND), name)


class _Finder(importlib.abc.MetaPathFinder):
    """Modules below the stand-ins: the real ones, but for what PyTorch and torchvision ask of two of them."""

    def find_spec(
        self, fullname: str, *_path_and_target: Any, **_by_name: Any
    ) -> importlib.machinery.ModuleSpec | None:
        package = ".".join(fullname.split(".")[:2])
        stand_in = sys.modules.get(package)
        if package == fullname or not isinstance(stand_in, _CompilerStandIn | _BackendStandIn):
            return None
        if fullname == f"{COMPILER}.utils":
            module = types.ModuleType(fullname)
            module.is_compile_supported = lambda _device_type: False  # type: ignore[attr-defined]
        elif fullname == f"{BACKEND}.config":
            module = stand_in.config
        else:
            _import_real(package)
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
    """Put the stand-ins where `torch._dynamo` and `torch._inductor` would be, unless those are there already."""
    if COMPILER not in sys.modules:
        _put({COMPILER: _CompilerStandIn()})
        sys.meta_path.insert(0, _Finder())
        if BACKEND not in sys.modules:
            _put({BACKEND: _BackendStandIn()})
    if SYMBOLIC_SHAPES not in sys.modules:
        sys.modules[SYMBOLIC_SHAPES] = _ShapesStandIn(SYMBOLIC_SHAPES)
    sys.modules.setdefault(FORWARD_FORMULAS, types.ModuleType(FORWARD_FORMULAS))


def import_compiler() -> types.ModuleType:
    """Import the real compiler in place of the stand-in, and return it."""
    return _import_real(COMPILER)


def _import_real(name: str) -> types.ModuleType:
    """Import one of the real packages in place of both stand-ins; these stay if it cannot be imported."""
    removed = _remove(_CompilerStandIn, _BackendStandIn)
    try:
        return importlib.import_module(name)
    except BaseException:  # a worker may not read all of it
        for package in (COMPILER, BACKEND):
            if package in removed:
                _remove(types.ModuleType, packages=(package,))
        _put(removed)
        raise


def _remove(
    *kinds: type[types.ModuleType], packages: tuple[str, ...] = (COMPILER, BACKEND)
) -> dict[str, types.ModuleType]:
    """Take packages of these kinds out of `sys.modules` and of torch, modules in them too; return what was taken."""
    removed: dict[str, types.ModuleType] = {}
    for package in packages:
        if isinstance(sys.modules.get(package), kinds):
            names = [name for name in sys.modules if name == package or name.startswith(package + ".")]
            removed |= {name: sys.modules.pop(name) for name in names}
            vars(torch).pop(package.partition(".")[2], None)
    return removed


def _put(modules: dict[str, types.ModuleType]) -> None:
    sys.modules.update(modules)
    for name, module in modules.items():
        if name in (COMPILER, BACKEND):
            setattr(torch, name.partition(".")[2], module)
