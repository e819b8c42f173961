"""A worker's allowlist of system calls as a seccomp filter: what computing needs, and nothing else.

This module runs beside the student's code: the standard library and pyseccomp only.
"""

from __future__ import annotations

import errno
import platform
from typing import Any

PR_SET_NAME, PR_GET_NAME, PR_SET_VMA = 15, 16, 0x53564D41
CLONE_THREAD = 0x10000
MAP_TYPE, MAP_PRIVATE = 0xF, 0x2
TCGETS, FIOCLEX, FIONCLEX, FIONREAD, TIOCGWINSZ = 0x5401, 0x5451, 0x5450, 0x541B, 0x5413
F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC = 0, 1, 2, 3, 4, 1030

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
"""System calls that are allowed with any arguments."""

GPU_ALLOWED = [
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
]
"""System calls that CUDA needs besides; without a GPU some of them are allowed with certain arguments only."""


def has_seccomp() -> bool:
    """Return True if this machine can filter system calls."""
    try:
        import pyseccomp  # noqa: F401

        return platform.machine() in ("x86_64", "aarch64")
    except Exception:  # pyseccomp raises RuntimeError without libseccomp
        return False


def install_filter(pid: int, *, gpu: bool) -> None:
    """Filter this process's system calls for good; `pid` is its own, the only one that it may signal."""
    import pyseccomp as seccomp

    # an unknown call is told so (EPERM) rather than killed, so that libraries take another way; foreign call tables
    # are killed
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    rules.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.KILL_PROCESS)
    arg, allow = seccomp.Arg, seccomp.ALLOW
    for name in [*ALLOWED, *GPU_ALLOWED] if gpu else ALLOWED:
        _add_rule(rules, allow, name)
    if not gpu:
        _add_rule(rules, allow, "mmap", arg(3, seccomp.MASKED_EQ, MAP_TYPE, MAP_PRIVATE))
        for request in (TCGETS, FIOCLEX, FIONCLEX, FIONREAD, TIOCGWINSZ):
            _add_rule(rules, allow, "ioctl", arg(1, seccomp.EQ, request))
        for command in (F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC):
            _add_rule(rules, allow, "fcntl", arg(1, seccomp.EQ, command))
        _add_rule(rules, allow, "sched_setaffinity", arg(0, seccomp.EQ, 0))
    _add_rule(rules, allow, "clone", arg(0, seccomp.MASKED_EQ, CLONE_THREAD, CLONE_THREAD))
    # clone3's flags lie in memory, where a filter cannot read them; without it the C library uses clone
    _add_rule(rules, seccomp.ERRNO(errno.ENOSYS), "clone3")
    for own_pid in (0, pid):  # 0 stands for the caller; the third argument is a new limit: none may be set
        _add_rule(rules, allow, "prlimit64", arg(0, seccomp.EQ, own_pid), arg(2, seccomp.EQ, 0))
    for option in (PR_SET_NAME, PR_GET_NAME, PR_SET_VMA):
        _add_rule(rules, allow, "prctl", arg(0, seccomp.EQ, option))
    _add_rule(rules, allow, "tgkill", arg(0, seccomp.EQ, pid))
    rules.load()


def _add_rule(rules: Any, action: int, name: str, *args: Any) -> None:
    try:
        rules.add_rule(action, name, *args)
    except OSError as error:
        if error.errno not in (errno.EFAULT, errno.EINVAL, errno.EDOM):
            raise  # those mean: no such call on this architecture
