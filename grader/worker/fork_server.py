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

MAX_REQUEST_BYTES = 1 << 20


def main(fd: int, hidden: list[str]) -> None:
    """Fork templates for whoever asks over the socket `fd`, until it closes; no worker ever reads a `hidden` path."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=fd)
    gc.disable()  # nothing that is imported here is ever thrown away
    from . import confinement, process_setup

    process_setup.prepare_torch(torchvision=True)
    gc.freeze()
    _reply(control, {"ready": confinement.detect_layers()})
    for request, template_fd in _receive_requests(control):
        with socket.socket(fileno=template_fd) as template_control:
            _fork(partial(_serve_template, template_control, request, hidden), control)


def _serve_template(control: socket.socket, request: dict[str, Any], hidden: list[str]) -> None:
    """Put a guard in place, then fork workers behind it for whoever asks over `control`, until it closes."""
    from . import confinement, guard, process_setup, worker
    from .worker_config import TemplateConfig, WorkerConfig

    try:
        template = TemplateConfig.from_dict(request)
        process_setup.configure_process(template)
        hidden_modules = guard.list_hidden_modules(template.forbidden) if template.guard_calls else ()
        sources = confinement.find_source_files(hidden_modules)
        layers = confinement.Layers(landlock=template.landlock, seccomp=template.seccomp)
        applied = confinement.Confinement(layers, gpu=template.gpu, hidden=(*map(Path, hidden), *sources))
    except Exception as error:  # whatever it is, the grader is told
        _reply(control, {"refused": f"{type(error).__name__}: {error}"[:500]})
        return
    gc.freeze()
    gc.enable()
    _reply(control, {"ready": applied.name})
    for config_data, channel_fd in _receive_requests(control):
        config = WorkerConfig.from_dict(config_data)
        pid = _fork(partial(worker.serve, worker.Channel.of(channel_fd), config, applied, channel_fd), control)
        os.close(channel_fd)
        pidfd = os.pidfd_open(pid)
        _reply(control, {"pid": pid}, pidfd)
        os.close(pidfd)


def _receive_requests(control: socket.socket) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each request on a socket until it closes, with the descriptor that came with it.

    Requests to reap a dead child are answered on the way.
    """
    while True:
        message, fds, _, _ = socket.recv_fds(control, MAX_REQUEST_BYTES, 1)
        if not message:
            return
        request: dict[str, Any] = json.loads(message)
        if "reap" in request:
            _reply(control, {"status": _reap(request["reap"])})
        else:
            yield request, fds[0]


def _reply(control: socket.socket, reply: dict[str, Any], *fds: int) -> None:
    socket.send_fds(control, [json.dumps(reply).encode()], fds)


def _fork(run: Callable[[], None], control: socket.socket) -> int:
    """Fork a child that does nothing but `run` and return its pid; it ends with this process, without its socket."""
    from . import confinement

    pid = os.fork()
    if pid == 0:
        try:
            confinement.die_with_parent()
            control.close()
            run()
        finally:
            os._exit(0)  # not sys.exit: a fork must not run what its parent registered for the end
    return pid


def _reap(pid: int) -> int | None:
    """Return a dead child's exit code, negative for a signal; None if it is no child of ours, or not dead."""
    try:
        reaped_pid, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if reaped_pid else None


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
