"""How far a long training is: told by a probe beside the student's code, heard by whoever runs the probe."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

OnProgress = Callable[..., None]
"""Called by a long probe with how far it is: `on_progress(epoch=3, loss=0.2)`."""

_on_progress: ContextVar[OnProgress | None] = ContextVar("on_progress", default=None)
"""Set by `reported_to` for `report`, which probes call by a name that they are given."""


def report(**numbers: float) -> None:
    """Tell whoever runs this probe how far it is; see `reported_to`."""
    if on_progress := _on_progress.get():
        on_progress(**numbers)


@contextlib.contextmanager
def reported_to(on_progress: OnProgress | None) -> Iterator[None]:
    """Hand what is reported meanwhile to `on_progress`, or to nobody."""
    token = _on_progress.set(on_progress)
    try:
        yield
    finally:
        _on_progress.reset(token)
