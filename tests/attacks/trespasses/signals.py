"""Sends signals to the parent, to every process, to its group."""

import os
import signal

gained = []
for pid in (os.getppid(), 1, -1):
    for number in (0, signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
            gained.append((pid, number))
        except OSError:
            pass
for call in (lambda: os.killpg(os.getpgid(0), 0), lambda: os.pidfd_open(os.getppid()), lambda: os.kill(0, 0)):
    try:
        call()
        gained.append("group or pidfd")
    except (OSError, AttributeError):
        pass

raise RuntimeError("gained: " + repr(gained) if gained else "held")
