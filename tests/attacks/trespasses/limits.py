"""Lifts its own limits and changes those of the parent."""

import os
import resource

gained = []
for pid in (0, os.getppid(), 1):
    for name in (resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
        try:
            resource.prlimit(pid, name, (resource.RLIM_INFINITY,) * 2)
            gained.append((pid, name))
        except (OSError, ValueError):
            pass
for call in (
    lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19), lambda: os.sched_setaffinity(os.getppid(), {0}), lambda: os.setuid(0),
    lambda: os.setsid(), lambda: os.chroot("/"), lambda: os.nice(-5), lambda: os.unshare(0x10000000),
):
    try:
        call()
        gained.append(str(call))
    except (OSError, AttributeError):
        pass

raise RuntimeError("gained: " + repr(gained) if gained else "held")
