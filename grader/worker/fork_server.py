"""The fork server: a process with torch imported, from which templates are forked, and from each of these its workers.

It is started with a clean environment and holds nothing that a worker may not see. A template is a fork in which one
guard is in place; putting it there takes longer than all else that a worker needs, and is the same for every
submission. One Unix socket leads to the server and one to each template. A request to the server carries a new
template's socket; a request to a template carries a new worker's channel, and is answered with its pid and pidfd.
Each of them ends when its socket closes or its parent ends.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any


def main(fd: int, hidden: list[str]) -> None:
    """Fork templates for whoever asks over the socket `fd`, until it closes; no worker ever reads a `hidden` path."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=fd)
    gc.disable()  # nothing that is imported here is ever thrown away
    import torch

    from . import confinement, no_compiler, torchvision_compat

    no_compiler.install()
    torchvision_compat.prepare()
    torch.set_num_threads(1)
    gc.freeze()
    _tell(control, {"ready": confinement.available()})
    for settings, given in _requests(control):
        with socket.socket(fileno=given) as end:
            _fork(partial(_template, end, settings, hidden), control)


def _template(control: socket.socket, settings: dict[str, Any], hidden: list[str]) -> None:
    """Put a guard in place, then fork workers behind it for whoever asks over `control`, until it closes."""
    from . import confinement, guard, worker

    try:
        worker.settle(settings)
        sources = confinement.sources(guard.hidden(tuple(settings["forbidden"])) if settings["guard_calls"] else ())
        layers = confinement.Layers(settings["landlock"], settings["seccomp"])
        applied = confinement.Confinement(layers, settings["gpu"], (*map(Path, hidden), *sources))
    except Exception as error:  # whatever it is, the grader is told
        _tell(control, {"refused": f"{type(error).__name__}: {error}"[:500]})
        return
    gc.freeze()
    gc.enable()
    _tell(control, {"ready": applied.name})
    for config, fd in _requests(control):
        pid = _fork(partial(worker.serve, worker.Channel.of(fd), config, applied, fd), control)
        os.close(fd)
        pidfd = os.pidfd_open(pid)
        _tell(control, {"pid": pid}, pidfd)
        os.close(pidfd)


def _requests(control: socket.socket) -> Iterator[tuple[dict[str, Any], int]]:
    """What is asked over a socket until it closes, and the descriptor that came with each; dead children are reaped
    on the way.
    """
    while True:
        message, fds, _, _ = socket.recv_fds(control, 1 << 20, 1)
        if not message:
            return
        request: dict[str, Any] = json.loads(message)
        if "reap" in request:
            _tell(control, {"status": _reap(request["reap"])})
        else:
            yield request, fds[0]


def _tell(control: socket.socket, answer: dict[str, Any], *fds: int) -> None:
    socket.send_fds(control, [json.dumps(answer).encode()], fds)


def _fork(live: Callable[[], None], control: socket.socket) -> int:
    """A child that does nothing but `live`, ends with this process, and has no hold on its socket; its pid."""
    from . import confinement

    pid = os.fork()
    if pid == 0:
        try:
            confinement.die_with_parent()
            control.close()
            live()
        finally:
            os._exit(0)
    return pid


def _reap(pid: int) -> int | None:
    """A dead child's exit status as `os.waitstatus_to_exitcode` gives it; None if it is no child, or not dead."""
    try:
        found, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if found else None


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
