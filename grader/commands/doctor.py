"""What this machine has and lacks for grading, and what to do about it."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import NnkataError
from ..exercise import catalog
from ..sandbox.fork_client import start_server
from ..worker import torchvision_compat
from ..worker.confinement import detect_layers
from ..workspace import workspace

GPU_QUESTION = "import torch; print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else '')"


@dataclass(frozen=True)
class Finding:
    """One line of the report; `fix` says what to do; without what is `needed` grading does not work."""

    name: str
    good: bool
    text: str
    fix: str = ""
    needed: bool = False


def findings() -> Iterator[Finding]:
    """The findings, as they come."""
    version = platform.python_version()
    yield Finding(
        "Python",
        sys.version_info >= (3, 11),
        version,
        "" if sys.version_info >= (3, 11) else "Install Python 3.11 or newer.",
        True,
    )
    yield from _torch()
    yield _gpu()
    yield from _confinement()
    yield _exercises()
    yield _workspace()


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # a broken installation may raise anything
        yield Finding("torch", False, f"cannot be imported: {error}", "Install it: pip install torch", True)
        return
    threads = torch.get_num_threads()
    yield Finding("torch", True, f"{torch.__version__}, {threads} thread{'s' if threads > 1 else ''}")
    module, text = torchvision_compat.import_torchvision()
    yield Finding("torchvision", module is not None, text, "" if module else "Install it: pip install torchvision")


def _gpu() -> Finding:
    try:
        run = subprocess.run(
            [sys.executable, "-c", GPU_QUESTION], capture_output=True, text=True, timeout=120, check=False
        )
        name = run.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        name = ""
    return Finding("GPU", True, name or "none: everything runs on the CPU, and --device cuda skips its tests")


def _confinement() -> Iterator[Finding]:
    what = detect_layers()
    fixes = {
        "none": "Grade only code that you trust here; for a class use Linux 5.13 or newer with libseccomp.",
        "landlock": "Install libseccomp (Debian, Ubuntu: libseccomp2).",
        "seccomp": "Landlock is missing: use Linux 5.13 or newer with Landlock enabled.",
    }
    yield Finding("confinement", what == "landlock+seccomp", what, fixes.get(what, ""))
    if what == "none":
        return
    try:
        server = start_server(())
        try:
            server.ready()
        finally:
            server.close()
        yield Finding("workers", True, "start")
    except NnkataError as error:
        yield Finding("workers", False, str(error), "Without workers nothing can be graded.", True)


def _exercises() -> Finding:
    try:
        found = catalog.exercises()
    except NnkataError as error:
        return Finding("exercises", False, str(error), "Mend the exercise that is named.", True)
    fix = "" if found else "The installation is incomplete: install nnkata anew."
    return Finding("exercises", bool(found), f"{len(found)} in {', '.join(map(str, catalog.roots()))}", fix, True)


def _workspace() -> Finding:
    from pathlib import Path

    try:
        space = workspace.find(Path.cwd().resolve(), catalog.KIT)
    except NnkataError:
        return Finding("workspace", True, "none here", "`nnkata init` makes one.")
    return Finding("workspace", not space.warnings, str(space.folder), "; ".join(space.warnings))
