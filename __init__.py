"""nnkata for programs: grade a submission, list the exercises, check from a notebook.

    from pathlib import Path
    import nnkata

    result = nnkata.grade(Path("losses.py"), "03_losses")
    print(result.status, result.score, result.max_score)

Importing this loads no torch and nothing else of the project: a name is fetched from `grader/api.py` when it is first
asked for. That is also why a worker, which runs this file beside a student's code, gains nothing by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .grader.api import (
        Exercise,
        Grader,
        GraderError,
        NnkataError,
        Result,
        UsageError,
        check,
        exercises,
        grade,
        hint,
    )

__version__ = "0.1.0"

__all__ = [
    "Exercise",
    "Grader",
    "GraderError",
    "NnkataError",
    "Result",
    "UsageError",
    "__version__",
    "check",
    "exercises",
    "grade",
    "hint",
]

if not TYPE_CHECKING:  # else a type checker would take every misspelt name for one of ours

    def __getattr__(name: str) -> object:
        """Fetch a public name when it is first asked for."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from .grader import api

        # not kept: a folder called `exercises` lies beside, which `import nnkata.exercises` would put in its place
        return getattr(api, name)

    def __dir__() -> list[str]:
        """List the public names."""
        return sorted(__all__)
