"""Check what this machine has and lacks for grading, and say what to do about it."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from .. import files
from ..errors import NnkataError
from ..exercise import catalog
from ..sandbox.fork_client import start_server
from ..worker import torchvision_compat
from ..worker.confinement import detect_layers
from ..workspace import workspace

GPU_QUESTION = "import torch; print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else '')"


@dataclass(frozen=True)
class Finding:
    """One line of the report; `fix` says what to do, and grading does not work without what is `needed`."""

    name: str
    good: bool
    text: str
    fix: str = ""
    needed: bool = False


def examine() -> Iterator[Finding]:
    """Yield the findings one by one, as they are made."""
    version = platform.python_version()
    recent = sys.version_info >= (3, 11)
    yield Finding("Python", recent, version, "" if recent else "Install Python 3.11 or newer.", needed=True)
    yield from _examine_torch()
    yield _examine_gpu()
    yield from _examine_confinement()
    yield _examine_exercises()
    yield _examine_workspace()


def _examine_torch() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # a broken installation may raise anything
        yield Finding("torch", False, f"cannot be imported: {error}", "Install it: pip install torch", needed=True)
        return
    threads = torch.get_num_threads()
    yield Finding("torch", True, f"{torch.__version__}, {threads} thread{'s' if threads > 1 else ''}")
    module, text = torchvision_compat.import_torchvision()
    yield Finding("torchvision", module is not None, text, "" if module else "Install it: pip install torchvision")


def _examine_gpu() -> Finding:
    try:
        run = subprocess.run(
            [sys.executable, "-c", GPU_QUESTION], capture_output=True, text=True, timeout=120, check=False
        )
        name = run.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        name = ""
    return Finding("GPU", True, name or "none: everything runs on the CPU, and --device cuda skips its tests")


def _examine_confinement() -> Iterator[Finding]:
    confinement = detect_layers()
    fixes = {
        "none": "Grade only code that you trust on this machine; for a class, use Linux 5.13 or newer with libseccomp.",
        "landlock": "Install libseccomp (Debian, Ubuntu: libseccomp2).",
        "seccomp": "Landlock is missing: use Linux 5.13 or newer with Landlock enabled.",
    }
    yield Finding("confinement", confinement == "landlock+seccomp", confinement, fixes.get(confinement, ""))
    if confinement == "none":
        return
    try:
        server = start_server(())
        try:
            server.ready()
        finally:
            server.close()
        yield Finding("workers", True, "start")
    except NnkataError as error:
        yield Finding("workers", False, str(error), "Nothing can be graded without workers.", needed=True)


def _examine_exercises() -> Finding:
    try:
        exercises = catalog.exercises()
    except NnkataError as error:
        return Finding("exercises", False, str(error), "Fix the exercise that is named.", needed=True)
    fix = "" if exercises else "The installation is incomplete: reinstall nnkata."
    roots = ", ".join(map(str, catalog.roots()))
    return Finding("exercises", bool(exercises), f"{len(exercises)} in {roots}", fix, needed=True)


def _examine_workspace() -> Finding:
    try:
        folder = files.find_working_folder()
    except NnkataError as error:
        return Finding("workspace", False, str(error))
    try:
        space = workspace.find(folder, catalog.KIT)
    except NnkataError:
        return Finding("workspace", True, "none here", "`nnkata init` creates one.")
    return Finding("workspace", not space.warnings, str(space.folder), "; ".join(space.warnings))
