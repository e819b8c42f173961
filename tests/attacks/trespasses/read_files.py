"""Reads the solution, the tests, the parent's memory and other people's files."""

import os

import torch

HERE = os.environ.get("NNKATA_ROOT", "")
PLACES = [
    "/etc/passwd", "/proc/self/environ", "/proc/self/mem", "/proc/self/maps", "/proc/1/environ", "/proc/self/cmdline",
    f"/proc/{os.getppid()}/mem", f"/proc/{os.getppid()}/environ", f"/proc/{os.getppid()}/cmdline", "@KIT@/solutions/03_losses/losses.py",
    "@KIT@/tests/hidden/03_losses/test_losses.py", "@KIT@/grader/engine/engine.py", "@KIT@/exercises/03_losses/losses.py", os.path.expanduser("~"), "/tmp", "/",
]
gained = []
for place in PLACES:
    try:
        if os.path.isdir(place):
            os.listdir(place)
        else:
            open(place, "rb").read(10)
        gained.append(place)
    except OSError:
        pass

raise RuntimeError("gained: " + repr(gained) if gained else "held")
