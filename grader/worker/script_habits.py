"""What training scripts do beside computing, made harmless: helper processes for loading data, files for weights.

A worker has neither processes nor files. `DataLoader(num_workers=2)` loads in the worker itself; `torch.save` to a
relative path keeps the bytes in memory, where `torch.load` finds them again; a relative folder is made without a trace.
Nothing here is visible outside of the worker. This module runs beside the student's code: the standard library and
torch only.
"""

from __future__ import annotations

import functools
import inspect
import io
import os
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import DataLoader

HELPERS_LEFT_OUT = {
    "num_workers": 0,
    "persistent_workers": False,
    "prefetch_factor": None,
    "timeout": 0,
    "multiprocessing_context": None,
    "worker_init_fn": None,
}
"""Arguments of a DataLoader that are about its helper processes, without any."""


def install() -> None:
    """Make them harmless in this process and its forks."""
    DataLoader.__init__ = _without_helpers(DataLoader.__init__)  # type: ignore[method-assign]
    kept: dict[str, bytes] = {}
    torch.save, torch.load = _keep_in_memory(torch.save, kept), _load_from_memory(torch.load, kept)
    os.mkdir, os.makedirs = _without_trace(os.mkdir), _without_trace(os.makedirs)


def _without_helpers(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)

    @functools.wraps(init)
    def init_without_helpers(*args: Any, **options: Any) -> None:
        try:
            bound = signature.bind(*args, **options)
        except TypeError:
            init(*args, **options)  # its own message says what is wrong
            return
        bound.arguments |= {name: HELPERS_LEFT_OUT[name] for name in bound.arguments if name in HELPERS_LEFT_OUT}
        init(*bound.args, **bound.kwargs)

    return init_without_helpers


def _keep_in_memory(save: Callable[..., None], kept: dict[str, bytes]) -> Callable[..., None]:
    @functools.wraps(save)
    def save_in_memory(obj: object, f: Any, *args: Any, **options: Any) -> None:
        if not _is_relative(f):
            save(obj, f, *args, **options)
            return
        buffer = io.BytesIO()
        save(obj, buffer, *args, **options)
        kept[_name(f)] = buffer.getvalue()

    return save_in_memory


def _load_from_memory(load: Callable[..., Any], kept: dict[str, bytes]) -> Callable[..., Any]:
    @functools.wraps(load)
    def load_from_memory(f: Any, *args: Any, **options: Any) -> Any:
        if _is_relative(f) and _name(f) in kept:
            f = io.BytesIO(kept[_name(f)])
        return load(f, *args, **options)

    return load_from_memory


def _without_trace(make: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(make)
    def make_nothing(*args: Any, **options: Any) -> None:
        if not _is_relative(args[0] if args else options.get("name", options.get("path"))):
            make(*args, **options)

    return make_nothing


def _is_relative(path: object) -> bool:
    """Return True for a path below the working folder."""
    if not isinstance(path, str | os.PathLike):
        return False
    name = os.fspath(path)
    return isinstance(name, str) and not os.path.isabs(name) and not os.path.normpath(name).startswith("..")


def _name(path: str | os.PathLike[str]) -> str:
    return os.path.normpath(os.fspath(path))
