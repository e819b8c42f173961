"""What is optional and may be missing: said with the command that installs it."""

from __future__ import annotations

import importlib.util

from .errors import UsageError


def needed(module: str, extra: str) -> None:
    """Nothing if the module can be imported; UsageError says how to install the extra that brings it."""
    if importlib.util.find_spec(module) is None:
        raise UsageError(f"This needs {module}, which is not installed. Run: pip install 'nnkata[{extra}]'")
