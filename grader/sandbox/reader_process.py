"""The process that reads what people hand in: it forks a child for each file, which gives up everything, then reads.

It is started with a clean environment and imports no torch. Over one Unix socket come requests, each with two
descriptors: the file, open, and a channel for the child's answer. The child applies the same confinement as a worker;
its time is measured in CPU seconds, so that a busy machine fails nobody.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
from typing import Any

from ..submission import reading_tasks
from ..worker import confinement
from ..worker.confinement import Confinement, Layers, Rlimits

CPU_SECONDS = 10
"""What reading one file may take."""

MEMORY = 512 << 20
"""Bytes that reading one file may take, beyond what a process holds that reads none."""

TOO_BIG = b'{"exceeded": "memory"}'

Json = dict[str, Any]


def main(fd: int) -> None:
    """Serve requests over the socket `fd` until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    confinement.die_with_parent()
    control = socket.socket(fileno=fd)
    applied = Confinement(Layers(landlock=True, seccomp=True))
    gc.freeze()
    control.send(json.dumps({"ready": applied.name}).encode())
    while True:
        message, fds, _, _ = socket.recv_fds(control, 1 << 20, 2)
        if not message:
            return
        status = _serve(json.loads(message), *fds, applied=applied, control=control)
        control.send(json.dumps({"status": status}).encode())


def _serve(request: Json, file: int, channel: int, *, applied: Confinement, control: socket.socket) -> int:
    """Have a child answer one request; its exit status as `os.waitstatus_to_exitcode` gives it."""
    reading_tasks.prepare(request)
    pid = os.fork()
    if pid == 0:
        try:
            confinement.die_with_parent()
            control.close()
            _answer(request, file, channel, applied)
        finally:
            os._exit(0)
    os.close(file)
    os.close(channel)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _answer(request: Json, file: int, channel: int, applied: Confinement) -> None:
    """Confine this process, do the task, and write its answer."""
    null = os.open("/dev/null", os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(null, target)
    kept = {0, 1, 2, file, channel, *([applied.ruleset._fd] if applied.ruleset is not None else [])}
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))
    os.chdir("/")
    applied.apply(Rlimits(MEMORY, CPU_SECONDS))
    if applied.ruleset is not None:
        os.close(applied.ruleset._fd)
    _write(channel, answer_of(request, file))


def answer_of(request: Json, file: int) -> bytes:
    """Return a task's answer as JSON; that it took too much memory is an answer too."""
    try:
        with os.fdopen(file, "rb") as opened:
            return json.dumps(reading_tasks.TASKS[request["task"]](request, opened)).encode()
    except MemoryError:
        return TOO_BIG


def _write(channel: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(channel, view) :]


def spawned(text: str) -> None:
    """Answer one request, given as JSON, about the file on standard input: where nothing can be confined."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on every system

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    request = json.loads(text)
    reading_tasks.prepare(request)
    sys.stdout.buffer.write(answer_of(request, os.dup(0)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
