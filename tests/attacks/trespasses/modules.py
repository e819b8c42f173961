"""Looks for the judge, the solutions and the seed among the loaded modules."""

import sys

BESIDE = ("nnkata.grader.worker", "nnkata.grader.model", "nnkata.grader.errors")
gained = [name for name in sys.modules if name.startswith(("pytest", "_pytest"))]
gained += [name for name in sys.modules if name.startswith("nnkata.") and name != "nnkata.grader" and not name.startswith(BESIDE)]
for name in ("nnkata.grader.judge.judge", "nnkata.grader.exercise.content", "nnkata.grader.engine.engine"):
    try:
        __import__(name)
        gained.append(name)
    except Exception:
        pass

raise RuntimeError("gained: " + repr(gained) if gained else "held")
