"""The fork server: a process with torch imported, from which each worker is forked.

It is started with a clean environment and holds nothing that a worker may not see. One Unix socket leads to it: each
request carries a worker's own channel, each answer the worker's pid and pidfd. It ends when that socket closes, and
its workers with it.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any


def main(fd: int, hidden: list[str]) -> None:
    """Serve requests that come over the socket `fd` until it closes; `hidden` paths are never readable in a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=fd)
    gc.disable()  # nothing that is imported here is ever thrown away
    import torch

    from . import confine, guard, nocompiler, vision, worker

    nocompiler.install()
    vision.prepare()

    torch.set_num_threads(1)
    gc.freeze()
    gc.enable()
    prepared: dict[tuple[bool, bool, bool, tuple[str, ...]], confine.Confinement] = {}
    control.send(json.dumps({"ready": confine.available()}).encode())
    while True:
        message, fds, _, _ = socket.recv_fds(control, 1 << 20, 1)
        if not message:
            break
        request: dict[str, Any] = json.loads(message)
        if request["op"] == "reap":
            control.send(json.dumps({"status": _reap(request["pid"])}).encode())
            continue
        key = (request["landlock"], request["seccomp"], request["gpu"], tuple(request["forbidden"]))
        if key not in prepared:
            sources = confine.sources(guard.hidden(key[3]) if request["guard_calls"] else ())
            prepared[key] = confine.Confinement(confine.Layers(key[0], key[1]), key[2], (*map(Path, hidden), *sources))
        pid = os.fork()
        if pid == 0:
            try:
                confine.die_with_parent()
                control.close()
                worker.serve(worker.Channel.of(fds[0]), request, prepared[key], fds[0])
            finally:
                os._exit(0)
        os.close(fds[0])
        pidfd = os.pidfd_open(pid)
        socket.send_fds(control, [json.dumps({"pid": pid}).encode()], [pidfd])
        os.close(pidfd)


def _reap(pid: int) -> int | None:
    """A dead child's exit status as `os.waitstatus_to_exitcode` gives it; None if it is no child, or not dead."""
    try:
        found, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if found else None


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
