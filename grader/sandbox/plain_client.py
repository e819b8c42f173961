"""Workers where Linux's confinement is unavailable: one fresh process each, with a time limit and nothing more.

Every report says `none` for the confinement then, and other people's code is graded so only when asked for by name.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys

from ..errors import SandboxError
from ..model import Exercise
from ..worker.worker_config import WorkerConfig

WORKER_START_SECONDS = 120.0
"""Seconds that a worker may take to import torch on a cold, slow disk."""


class PlainProcess:
    """One worker's process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process, self.pid = process, process.pid

    def kill(self) -> int | None:
        """End it; return its exit code, negative for a signal."""
        self.process.kill()
        return self.process.wait()


class PlainServer:
    """Starts a worker's process for each request; see `fork_client.WorkerServer` for the methods."""

    def __init__(self) -> None:
        self.processes: list[PlainProcess] = []

    def ready(self) -> str:
        """Return what its workers are confined by: nothing."""
        return "none"

    def prepare(self, _exercise: Exercise) -> None:
        """Do nothing: a process can only be started for one worker."""

    def start(self, config: WorkerConfig) -> tuple[PlainProcess, socket.socket]:
        """Start a worker; return its process and our end of its channel, a loopback connection."""
        # any process of this machine could connect first: only the worker knows the token, from its standard input
        token = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
            listener.settimeout(WORKER_START_SECONDS)
            port = listener.getsockname()[1]
            command = [sys.executable, "-I", "-W", "ignore", "-m", "nnkata.grader.worker.plain_worker", str(port)]
            process = PlainProcess(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            self.processes.append(process)
            assert process.process.stdin is not None
            process.process.stdin.write(json.dumps([token, config.to_dict()]).encode() + b"\n")
            process.process.stdin.close()
            try:
                channel, _ = listener.accept()
            except TimeoutError:
                process.kill()
                raise SandboxError("a worker's process did not start") from None
        channel.settimeout(WORKER_START_SECONDS)
        if channel.recv(64).decode("ascii", "replace") != token:
            process.kill()
            raise SandboxError("a stranger answered in a worker's place")
        return process, channel

    def close(self) -> None:
        """End every worker."""
        for process in self.processes:
            if process.process.poll() is None:
                process.kill()
