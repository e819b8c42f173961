"""Confinement: a worker gives up files, processes, sockets, signals and privileges before it loads the student's code.

Landlock takes the file system away but for the Python installation, without this kit in it; a seccomp allowlist
(`syscall_filter`) leaves the system calls that computing needs. Both bind the calling thread only, so they are applied
while there is one. This module runs beside the student's code: the standard library, landlock and pyseccomp only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .syscall_filter import has_seccomp, install_filter

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_DUMPABLE = 1, 38, 24, 4

HARMLESS_FILES = (
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/usr/share/zoneinfo")
GPU_FILES = (
    "/dev/nvidiactl",
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
    "/dev/nvidia-modeset",
    "/proc/driver/nvidia",
    "/sys/module/nvidia",
    "/sys/bus/pci",
)
TRACES = ("nnkata", "__editable__", "__pycache__")
KIT = Path(__file__).resolve().parents[2]  # as in `exercise.catalog`, which a worker may not import


class CannotConfine(Exception):
    """This machine lacks what confinement needs; the message says what."""


@dataclass(frozen=True)
class Layers:
    """Layers of confinement; each is left out by tests alone, to see the others hold."""

    landlock: bool = True
    seccomp: bool = True


@dataclass(frozen=True)
class Rlimits:
    """Limits of one worker: bytes beyond what it holds already, and CPU seconds."""

    memory: int
    cpu_seconds: int


def detect_layers() -> str:
    """Return what this machine can confine with, for reports: `landlock+seccomp`, one of them, or `none`."""
    if not sys.platform.startswith("linux"):
        return "none"
    return _name_layers(landlock=_has_landlock(), seccomp=has_seccomp())


def _name_layers(*, landlock: bool, seccomp: bool) -> str:
    names = [name for name, present in (("landlock", landlock), ("seccomp", seccomp)) if present]
    return "+".join(names) or "none"


def _has_landlock() -> bool:
    try:
        import landlock

        return bool(landlock.landlock_abi_version() >= 1)
    except Exception:  # not installed, not built in, not enabled: it is not there
        return False


class Confinement:
    """Prepared once in a template, applied in each worker."""

    def __init__(self, layers: Layers, *, gpu: bool = False, hidden: tuple[Path, ...] = ()) -> None:
        self.gpu = gpu
        self.ruleset: Any = None
        if layers.landlock and _has_landlock():
            self.ruleset = _build_ruleset(gpu=gpu, hidden=(KIT, *hidden))
        self.filters_syscalls = layers.seccomp and has_seccomp()
        self.name = _name_layers(landlock=self.ruleset is not None, seccomp=self.filters_syscalls)

    def enter(self, limits: Rlimits, keep_open: set[int]) -> None:
        """Close every descriptor but these, leave the working directory, and give up everything.

        CannotConfine if this process has more than one thread, or the kernel refuses.
        """
        null = os.open("/dev/null", os.O_RDWR)
        for target in (0, 1, 2):
            os.dup2(null, target)
        kept = {0, 1, 2, *keep_open}
        ruleset_fd = None if self.ruleset is None else self.ruleset._fd  # the package has no public name for it
        for fd in map(int, os.listdir("/proc/self/fd")):
            if fd not in kept and fd != ruleset_fd:
                with contextlib.suppress(OSError):  # the descriptor that listed the folder is closed already
                    os.close(fd)
        os.chdir("/")
        self._apply(limits)
        if ruleset_fd is not None:
            os.close(ruleset_fd)

    def _apply(self, limits: Rlimits) -> None:
        if len(os.listdir("/proc/self/task")) != 1:
            raise CannotConfine("the worker has more than one thread before it is confined")
        _set_limits(limits, gpu=self.gpu)
        if self.name == "none":
            return
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise CannotConfine("the kernel refuses no_new_privs")
        if self.ruleset is not None:
            self.ruleset.apply()
        _drop_capabilities(libc)
        if self.filters_syscalls:  # last: what comes before needs calls that it does not allow
            install_filter(os.getpid(), gpu=self.gpu)


# -- files -------------------------------------------------------------------------------------------------------------


def _build_ruleset(*, gpu: bool, hidden: tuple[Path, ...]) -> Any:
    from landlock import FSAccess, Ruleset

    rules = Ruleset()
    list_folder, read = FSAccess.READ_DIR, FSAccess.READ_DIR | FSAccess.READ_FILE
    for path in list_readable_paths(hidden):
        _allow(rules, path, read if path.is_dir() else FSAccess.READ_FILE)
    for folder in list_package_folders():
        _allow(rules, folder, list_folder)
    for name in HARMLESS_FILES:
        path = Path(name)
        _allow(rules, path, read if path.is_dir() else FSAccess.READ_FILE)
    _allow(rules, Path("/dev/null"), FSAccess.READ_FILE | FSAccess.WRITE_FILE)
    if gpu:
        devices = [Path(name) for name in GPU_FILES] + sorted(Path("/dev").glob("nvidia[0-9]*"))
        control = getattr(FSAccess, "IOCTL_DEV", FSAccess.READ_FILE) & rules.restrict_rules
        for path in devices:
            _allow(rules, path, read if path.is_dir() else FSAccess.READ_FILE | FSAccess.WRITE_FILE | control)
    return rules


def _allow(rules: Any, path: Path, access: Any) -> None:
    try:
        rules.allow(str(path), rules=access)
    except OSError:
        pass  # not there, or not ours to open


def find_source_files(modules: tuple[str, ...]) -> list[Path]:
    """Return the files that modules are read from, compiled ones too; of a package its whole folder."""
    files: list[Path] = []
    for name in modules:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None:
            continue
        path = Path(file)
        if path.name == "__init__.py":
            files.append(path.parent)
        else:
            files += [path, *(path.parent / "__pycache__").glob(f"{path.stem}.*")]
    return files


def list_package_folders() -> list[Path]:
    """Return the folders of installed packages, which a worker may list."""
    names = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()}
    if site.ENABLE_USER_SITE:
        names.add(site.getusersitepackages())
    return [path for path in map(Path, sorted(names)) if path.is_dir()]


def list_readable_paths(hidden: tuple[Path, ...] = (KIT,)) -> list[Path]:
    """Return what a worker may read: standard library, shared libraries, installed packages; nothing `hidden`.

    Landlock can only add, so a folder that holds something hidden is replaced by those of its children that do not.
    """
    library, platform_library = (Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
    roots = [*map(Path, LIBRARIES), library, platform_library, *list_package_folders()]
    packages = {path.resolve() for path in list_package_folders()}
    hidden_paths = {path.resolve() for path in hidden}
    readable: dict[Path, None] = {}  # a dict for its order, as a set without doubles
    for path in roots:
        readable.update(dict.fromkeys(_exclude(path.resolve(), hidden_paths, packages)))
    return list(readable)


def _exclude(path: Path, hidden: set[Path], packages: set[Path]) -> Iterator[Path]:
    """Yield `path`, or what is left of it without anything hidden and without this kit's traces among the packages."""
    if path in hidden or (path.parent in packages and path.name.startswith(TRACES)):
        return
    if path.is_dir() and any(path == inner or path in inner.parents for inner in hidden | packages):
        for child in path.iterdir():
            if not child.is_symlink():  # where it leads is reached, and judged, by its own path
                yield from _exclude(child, hidden, packages)
    elif path.exists():
        yield path


# -- limits and privileges -----------------------------------------------------------------------------------------


def _set_limits(limits: Rlimits, *, gpu: bool) -> None:
    import resource  # not on every system, and this module is imported on all of them

    hard = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64 if not gpu else 1024,
        resource.RLIMIT_MEMLOCK: 0 if not gpu else resource.RLIM_INFINITY,
        resource.RLIMIT_CPU: limits.cpu_seconds,
    }
    if not gpu:
        hard[resource.RLIMIT_DATA] = _read_private_memory() + limits.memory
    for name, value in hard.items():
        current = resource.getrlimit(name)[1]
        if resource.RLIM_INFINITY not in (current, value):
            value = min(value, current)  # a lower limit that is set already stays
        resource.setrlimit(name, (value, value))


def _read_private_memory() -> int:
    """Return the bytes of private writable memory that this process has already."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


def _drop_capabilities(libc: Any) -> None:
    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    class Data(ctypes.Structure):
        _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))

    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header, data = Header(0x20080522, 0), (Data * 2)()
    if libc.capset(ctypes.byref(header), data) != 0:
        raise CannotConfine(f"the kernel refuses to drop capabilities ({os.strerror(ctypes.get_errno())})")


def die_with_parent() -> None:
    """Have the kernel kill this process when the server ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
