"""Everything the kit raises on purpose.

NnkataError
├── UsageError           what was asked for does not exist or makes no sense (exit code 2)
│   └── UnknownExercise  no exercise of that name; carries the nearest ones
├── SubmissionError      the student's file cannot be graded, and why (exit code 1)
└── GraderError          our own failure: never a grade (exit code 3)
    ├── ContentError     an exercise breaks its own contract; names the exercise and the fix
    ├── WireError        bytes that are not a message of ours
    └── SandboxError     a worker could not be started or confined
        └── NotConfined  this machine cannot confine submissions wholly, and that was asked for
"""

from __future__ import annotations


class NnkataError(Exception):
    """Base of every error raised on purpose; `str()` of it is fit for a person to read."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback (IPython's own way)."""
        return [str(self)]


class UsageError(NnkataError):
    """What was asked for does not exist or makes no sense."""


class UnknownExercise(UsageError):
    """No exercise has this name.

    Args:
        wanted: what was asked for.
        nearest: ids that resemble it, best first.
        known: every id there is.
    """

    def __init__(self, wanted: str, nearest: list[str], known: list[str]) -> None:
        self.wanted, self.nearest, self.known = wanted, nearest, known
        if nearest:
            advice = f"Did you mean {' or '.join(nearest)}?"
        elif known:
            advice = f"There are: {', '.join(known)}."
        else:
            advice = "No exercises were found at all: run `nnkata doctor`."
        super().__init__(f"There is no exercise {wanted!r}. {advice}")


class SubmissionError(NnkataError):
    """The student's file cannot be graded; the message names the file and what to do."""


class GraderError(NnkataError):
    """The grader itself failed. Whoever catches it reports `error`, never a grade."""


class ContentError(GraderError):
    """An exercise breaks its own contract; the message names the exercise and the fix."""


class WireError(GraderError):
    """Bytes that are not a message of ours, or a message beyond its limits."""


class SandboxError(GraderError):
    """A worker could not be started or confined."""


class NotConfined(SandboxError):
    """This machine cannot confine submissions wholly.

    Args:
        confinement: what it can confine with, as a worker server says it.
    """

    def __init__(self, confinement: str) -> None:
        super().__init__(
            f"This machine confines with {confinement!r} only: running other people's code is not safe."
            " Run `nnkata doctor`, or pass --allow-unconfined if you trust what was handed in."
        )
