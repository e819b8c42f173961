"""One question to an implementation: which probe it runs, with which inputs, and on which device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..worker import probing

FAKE_DEVICE = "elsewhere"
"""The simulated device's name in a question."""


@dataclass(frozen=True)
class Question:
    """A probe and its inputs.

    Attributes:
        probe: the name of a shared probe (`call`, `gradient`: then the first of `args` is the part's name), or of one
            in the exercise's `probes.py`.
        args, options: the probe's positional and keyword arguments; Any, since a test passes what it likes.
        device: where the inputs are moved first; `FAKE_DEVICE` is a simulated one.
    """

    probe: str
    args: list[Any]
    options: dict[str, Any]
    device: str = "cpu"

    @property
    def is_shared(self) -> bool:
        """True for the probes that every exercise has."""
        return self.probe in probing.SHARED

    def on(self, device: str) -> Question:
        """Return the same question about inputs on another device."""
        return replace(self, device=device)
