"""Grades, lists and looks up answers through `import nnkata`, the door for programs."""

import importlib

import nnkata

gained = []
for name in ("grade", "Grader", "exercises", "check", "Exercise", "Result"):
    try:
        gained.append(repr(getattr(nnkata, name)))
    except Exception:
        pass
for name in ("nnkata.grader.api", "nnkata.grader.authors"):
    try:
        gained.append(repr(importlib.import_module(name)))
    except Exception:
        pass
for name in ("grader/api.py", "grader/authors.py", "solutions/03_losses/losses.py"):
    try:
        gained.append(open(nnkata.__path__[0] + "/" + name).read()[:40])
    except Exception:
        pass

raise RuntimeError("gained: " + repr(gained) if gained else "held")
