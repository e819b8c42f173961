"""Starts processes by every road that Python has."""

import os
import subprocess

gained = []
for start in (os.fork, lambda: subprocess.Popen(["/bin/true"]), lambda: os.posix_spawn("/bin/true", ["true"], {}), os.forkpty):
    try:
        start()
        gained.append(str(start))
    except OSError:
        pass
if os.system("true") == 0:
    gained.append("os.system")
try:
    os.execv("/bin/true", ["true"])
    gained.append("exec")
except OSError:
    pass

raise RuntimeError("gained: " + repr(gained) if gained else "held")
