"""What a worker gives up for good before the student's code is loaded: files, processes, sockets, signals, privileges.

Landlock takes the file system away but for the Python installation, without this kit in it; a seccomp allowlist
leaves the system calls that computing needs. Both bind the calling thread only, so they are applied while there is
one. This module runs beside the student's code: the standard library, landlock and pyseccomp only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import site
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_DUMPABLE = 1, 38, 24, 4
PR_SET_NAME, PR_GET_NAME, PR_SET_VMA = 15, 16, 0x53564D41
CLONE_THREAD = 0x10000
MAP_TYPE, MAP_PRIVATE = 0xF, 0x2

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
KIT = Path(__file__).resolve().parents[2]

ALLOWED = [
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "close",
    "fstat",
    "newfstatat",
    "stat",
    "lstat",
    "statx",
    "lseek",
    "access",
    "faccessat",
    "faccessat2",
    "open",
    "openat",
    "readlink",
    "readlinkat",
    "getdents64",
    "getdents",
    "getcwd",
    "dup",
    "dup2",
    "dup3",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "munmap",
    "brk",
    "mprotect",
    "madvise",
    "mremap",
    "futex",
    "futex_waitv",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "membarrier",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigpending",
    "rt_sigsuspend",
    "sigaltstack",
    "restart_syscall",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "getrusage",
    "getpid",
    "gettid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getgroups",
    "getpgrp",
    "uname",
    "sysinfo",
    "getcpu",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getrandom",
    "exit",
    "exit_group",
    "alarm",
    "setitimer",
    "getitimer",
    "getrlimit",
    "umask",
    "arch_prctl",
    "set_tid_address",
]


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


def available() -> str:
    """What this machine can confine with, for reports: `landlock+seccomp`, one of them, or `none`."""
    if not sys.platform.startswith("linux"):
        return "none"
    found = [name for name, there in (("landlock", _has_landlock()), ("seccomp", _has_seccomp())) if there]
    return "+".join(found) or "none"


def _has_landlock() -> bool:
    try:
        import landlock

        return bool(landlock.landlock_abi_version() >= 1)
    except Exception:  # not installed, not built in, not enabled: it is not there
        return False


def _has_seccomp() -> bool:
    try:
        import pyseccomp  # noqa: F401

        return platform.machine() in ("x86_64", "aarch64")
    except Exception:  # pyseccomp raises RuntimeError without libseccomp
        return False


class Confinement:
    """Prepared once in the server, applied in each worker."""

    def __init__(self, layers: Layers, gpu: bool = False, hidden: tuple[Path, ...] = ()) -> None:
        self.gpu = gpu
        self.ruleset: Any = _ruleset(gpu, (KIT, *hidden)) if layers.landlock and _has_landlock() else None
        self.program = _seccomp_program(gpu) if layers.seccomp and _has_seccomp() else None
        names = [name for name, there in (("landlock", self.ruleset), ("seccomp", self.program)) if there is not None]
        self.name = "+".join(names) or "none"

    def apply(self, limits: Rlimits) -> None:
        """Give up everything. CannotConfine if this process has more than one thread, or the kernel refuses."""
        if len(os.listdir("/proc/self/task")) != 1:
            raise CannotConfine("the worker has more than one thread before it is confined")
        _limit(limits, self.gpu)
        if self.name == "none":
            return
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise CannotConfine("the kernel refuses no_new_privs")
        if self.ruleset is not None:
            self.ruleset.apply()
        _drop_capabilities(libc)
        if self.program is not None:
            _load(libc, self.program, os.getpid())


# -- files -------------------------------------------------------------------------------------------------------------


def _ruleset(gpu: bool, hidden: tuple[Path, ...]) -> Any:
    from landlock import FSAccess, Ruleset

    rules = Ruleset()
    look, read = FSAccess.READ_DIR, FSAccess.READ_DIR | FSAccess.READ_FILE
    for path in readable(hidden):
        _allow(rules, path, read if path.is_dir() else FSAccess.READ_FILE)
    for folder in package_folders():
        _allow(rules, folder, look)
    for name in HARMLESS_FILES:
        path = Path(name)
        _allow(rules, path, read if path.is_dir() else FSAccess.READ_FILE)
    _allow(rules, Path("/dev/null"), FSAccess.READ_FILE | FSAccess.WRITE_FILE)
    if gpu:
        devices = [Path(name) for name in GPU_FILES] + sorted(Path("/dev").glob("nvidia[0-9]*"))
        extra = getattr(FSAccess, "IOCTL_DEV", FSAccess.READ_FILE) & rules.restrict_rules
        for path in devices:
            _allow(rules, path, read if path.is_dir() else FSAccess.READ_FILE | FSAccess.WRITE_FILE | extra)
    return rules


def _allow(rules: Any, path: Path, access: Any) -> None:
    try:
        rules.allow(str(path), rules=access)
    except OSError:
        pass  # not there, or not ours to open


def sources(modules: tuple[str, ...]) -> list[Path]:
    """The files that modules are read from, compiled ones too; a package's whole folder."""
    found: list[Path] = []
    for name in modules:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None:
            continue
        path = Path(file)
        if path.name == "__init__.py":
            found.append(path.parent)
        else:
            found += [path, *(path.parent / "__pycache__").glob(f"{path.stem}.*")]
    return found


def package_folders() -> list[Path]:
    """The folders of installed packages, which a worker may list."""
    names = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()}
    if site.ENABLE_USER_SITE:
        names.add(site.getusersitepackages())
    return [path for path in map(Path, sorted(names)) if path.is_dir()]


def readable(hidden: tuple[Path, ...] = (KIT,)) -> list[Path]:
    """What a worker may read: the standard library, shared libraries and installed packages, but nothing that is
    `hidden`.

    Landlock can only add, so a folder that holds something hidden is replaced by those of its children that do not.
    """
    library, platform_library = (Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
    wanted = [*map(Path, LIBRARIES), library, platform_library, *package_folders()]
    packages = {path.resolve() for path in package_folders()}
    found: dict[Path, None] = {}
    for path in wanted:
        found.update(dict.fromkeys(_without(path.resolve(), {path.resolve() for path in hidden}, packages)))
    return list(found)


def _without(path: Path, hidden: set[Path], packages: set[Path]) -> Iterator[Path]:
    """`path`, or what is left of it without anything hidden and without this kit's traces among the packages."""
    if path in hidden or (path.parent in packages and path.name.startswith(TRACES)):
        return
    if path.is_dir() and any(path == inner or path in inner.parents for inner in hidden | packages):
        for child in path.iterdir():
            if not child.is_symlink():
                yield from _without(child, hidden, packages)
    elif path.exists():
        yield path


# -- limits ------------------------------------------------------------------------------------------------------------


def _limit(limits: Rlimits, gpu: bool) -> None:
    import resource  # not on every system, and this module is imported on all of them

    held = _held()
    hard = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64 if not gpu else 1024,
        resource.RLIMIT_MEMLOCK: 0 if not gpu else resource.RLIM_INFINITY,
        resource.RLIMIT_CPU: limits.cpu_seconds,
    }
    if not gpu:
        hard[resource.RLIMIT_DATA] = held + limits.memory
    for name, value in hard.items():
        most = resource.getrlimit(name)[1]
        value = value if most == resource.RLIM_INFINITY or value == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(name, (value, value))


def _held() -> int:
    """Bytes of private writable memory that this process has already."""
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


# -- system calls ------------------------------------------------------------------------------------------------------


def _seccomp_program(gpu: bool) -> Any:
    """The allowlist, but for the rules that name the worker's own process id; see `_load`."""
    import pyseccomp

    return (pyseccomp, gpu)


def _load(libc: Any, program: Any, pid: int) -> None:
    seccomp, gpu = program
    # an unknown call is told so (EPERM) rather than killed, so that libraries take another way; foreign call tables
    # are killed
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    rules.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.KILL_PROCESS)
    arg, allow = seccomp.Arg, seccomp.ALLOW
    for name in ALLOWED:
        _rule(rules, allow, name)
    if gpu:
        for name in (
            "mmap",
            "ioctl",
            "memfd_create",
            "ftruncate",
            "eventfd2",
            "mlock",
            "munlock",
            "mbind",
            "set_mempolicy",
            "get_mempolicy",
            "socketpair",
            "fcntl",
            "sched_setaffinity",
        ):
            _rule(rules, allow, name)
    else:
        _rule(rules, allow, "mmap", arg(3, seccomp.MASKED_EQ, MAP_TYPE, MAP_PRIVATE))
        for request in (0x5401, 0x5451, 0x5450, 0x541B, 0x5413):  # TCGETS, FIOCLEX, FIONCLEX, FIONREAD, TIOCGWINSZ
            _rule(rules, allow, "ioctl", arg(1, seccomp.EQ, request))
        for command in (0, 1, 2, 3, 4, 1030):  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC
            _rule(rules, allow, "fcntl", arg(1, seccomp.EQ, command))
        _rule(rules, allow, "sched_setaffinity", arg(0, seccomp.EQ, 0))
    _rule(rules, allow, "clone", arg(0, seccomp.MASKED_EQ, CLONE_THREAD, CLONE_THREAD))
    _rule(rules, seccomp.ERRNO(errno.ENOSYS), "clone3")  # its flags cannot be read here; the C library then uses clone
    for name in ("prlimit64",):
        _rule(rules, allow, name, arg(0, seccomp.EQ, 0), arg(2, seccomp.EQ, 0))
        _rule(rules, allow, name, arg(0, seccomp.EQ, pid), arg(2, seccomp.EQ, 0))
    for option in (PR_SET_NAME, PR_GET_NAME, PR_SET_VMA):
        _rule(rules, allow, "prctl", arg(0, seccomp.EQ, option))
    _rule(rules, allow, "tgkill", arg(0, seccomp.EQ, pid))
    rules.load()


def _rule(rules: Any, action: int, name: str, *args: Any) -> None:
    try:
        rules.add_rule(action, name, *args)
    except OSError as error:
        if error.errno != errno.EFAULT and error.errno != errno.EINVAL and error.errno != errno.EDOM:
            raise  # those mean: no such call on this architecture


def die_with_parent() -> None:
    """Have the kernel kill this process when the server ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
