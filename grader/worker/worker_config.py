"""A worker's configuration, as it travels from the grader to the process beside the student's code. Needs no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class TemplateConfig:
    """Configuration that all workers of one template share: it is set up before they are forked from it.

    Attributes:
        forbidden: names of `forbidden.GROUPS`.
        guard_calls, guard_operators: the layers of the guard; each is left out by tests alone.
        landlock, seccomp: the layers of the confinement; likewise.
        threads: torch's threads in each worker.
        gpu: whether the workers may use a GPU.
    """

    forbidden: tuple[str, ...] = ()
    guard_calls: bool = True
    guard_operators: bool = True
    landlock: bool = True
    seccomp: bool = True
    threads: int = 1
    gpu: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TemplateConfig:
        """Build it from what `to_dict` returned, after its way through JSON."""
        return cls(**{**data, "forbidden": tuple(data["forbidden"])})


@dataclass(frozen=True)
class WorkerConfig:
    """One worker.

    Attributes:
        file: the name of the student's file, for messages.
        module: the name under which the student's module is imported.
        probes: the source of the exercise's `probes.py`.
        memory_mb: beyond what the worker holds when it starts.
    """

    template: TemplateConfig
    file: str
    module: str
    probes: str
    memory_mb: int
    cpu_seconds: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> WorkerConfig:
        """Build it from what `to_dict` returned, after its way through JSON."""
        return cls(**{**data, "template": TemplateConfig.from_dict(data["template"])})
