"""Optional packages: a missing one is reported with the command that installs it."""

from __future__ import annotations

import importlib.util

from .errors import UsageError


def needed(module: str, extra: str) -> None:
    """Raise UsageError, with the command that installs the extra, unless the module can be imported."""
    if importlib.util.find_spec(module) is None:
        raise UsageError(f"This needs {module}, which is not installed. Run: pip install 'nnkata[{extra}]'")
