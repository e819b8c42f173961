"""PyTorch's compiler, left out: nothing here compiles, and importing it costs more than all of torch.

`torch.optim` imports `torch._dynamo` at an optimizer's first step only to tell it to keep away. A stand-in that is told so instead saves
that. Whatever asks the stand-in for more gets the real module. This module runs beside the student's code: the standard library and torch only.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable
from typing import Any

import torch

NAME = "torch._dynamo"


class _StandIn(types.ModuleType):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

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


def install() -> None:
    """Put the stand-in where `torch._dynamo` would be, unless that is there already."""
    if NAME not in sys.modules:
        stand_in = _StandIn(NAME)
        sys.modules[NAME] = stand_in
        torch._dynamo = stand_in


def real() -> types.ModuleType:
    """The real compiler, imported now."""
    if isinstance(sys.modules.get(NAME), _StandIn):
        del sys.modules[NAME]
        del torch._dynamo
    return importlib.import_module(NAME)
