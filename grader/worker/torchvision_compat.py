"""torchvision made importable where its native operators do not load, as beside a CPU build of torch.

This module runs beside the student's code too: the standard library and torch only.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

_libraries: list[Any] = []  # Any: torch.library.Library; what is registered lasts as long as this does


def import_torchvision() -> tuple[types.ModuleType | None, str]:
    """Import torchvision; return it and one sentence on how that was done, or None and why not."""
    try:
        module = importlib.import_module("torchvision")
        how = "its two missing operators were declared first" if _libraries else "as it is"
        return module, f"{module.__version__}, imported {how}"
    except ImportError as error:
        return None, f"not installed ({error})"
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            return None, f"fails to import ({str(error).splitlines()[0]})"
    declare_operators()
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    module = importlib.import_module("torchvision")
    return (
        module,
        f"{module.__version__}; its native operators do not load beside this torch; the two it misses were declared",
    )


def prepare() -> None:
    """Make a later `import torchvision` work, whoever does it: load its native operators, or declare them."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return
    import torch

    for library in sorted(Path(spec.submodule_search_locations[0]).glob("_C*.so")):
        try:
            torch.ops.load_library(str(library))
        except OSError:
            declare_operators()
        return


def declare_operators() -> None:
    """Declare the operators that `import torchvision` asks for, without implementations."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)
