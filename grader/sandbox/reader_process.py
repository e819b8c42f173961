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
"""CPU time that reading one file may take."""

MEMORY_BYTES = 512 << 20
"""Bytes that reading one file may take, beyond what a process holds that reads none."""

MEMORY_EXCEEDED = b'{"exceeded": "memory"}'

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
    """Have a child answer one request; return its exit code, negative for a signal."""
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
    applied.enter(Rlimits(memory=MEMORY_BYTES, cpu_seconds=CPU_SECONDS), keep_open={file, channel})
    _write(channel, make_answer(request, file))


def make_answer(request: Json, file: int) -> bytes:
    """Return a task's answer as JSON; that it took too much memory is an answer too."""
    try:
        with os.fdopen(file, "rb") as opened:
            return json.dumps(reading_tasks.TASKS[request["task"]](request, opened)).encode()
    except MemoryError:
        return MEMORY_EXCEEDED


def _write(channel: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(channel, view) :]


def main_unconfined(text: str) -> None:
    """Answer one request, given as JSON, about the file on standard input: where nothing can be confined."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on every system

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    request = json.loads(text)
    reading_tasks.prepare(request)
    sys.stdout.buffer.write(make_answer(request, os.dup(0)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
