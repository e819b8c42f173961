"""Workers where Linux's confinement is not to be had: one fresh process each, with a time limit and nothing more.

Every report says `none` for the confinement then, and other people's code is graded so only when asked for by name.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
from typing import Any

from ..errors import SandboxError
from ..model import Exercise

START_SECONDS = 120.0


class PlainProcess:
    """One worker's process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process, self.pid = process, process.pid

    def kill(self) -> int | None:
        """End it; its exit code, negative for a signal."""
        self.process.kill()
        return self.process.wait()


class PlainServer:
    """Starts a worker's process for each request; see `fork_client.Server` for the methods."""

    def __init__(self) -> None:
        self.started: list[PlainProcess] = []

    def ready(self) -> str:
        """What its workers are confined by: nothing."""
        return "none"

    def prepare(self, exercise: Exercise) -> None:
        """Nothing can be prepared."""

    def start(self, config: dict[str, Any]) -> tuple[PlainProcess, socket.socket]:
        """Start a worker: its process and our end of its channel, a loopback connection that only it can open."""
        token = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0), backlog=1) as listening:
            listening.settimeout(START_SECONDS)
            place = listening.getsockname()[1]
            command = [sys.executable, "-I", "-W", "ignore", "-m", "nnkata.grader.worker.plain_worker", str(place)]
            process = PlainProcess(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            self.started.append(process)
            assert process.process.stdin is not None
            process.process.stdin.write(json.dumps({"token": token, **config}).encode() + b"\n")
            process.process.stdin.close()
            try:
                channel, _ = listening.accept()
            except TimeoutError:
                process.kill()
                raise SandboxError("a worker's process did not start") from None
        channel.settimeout(START_SECONDS)
        if channel.recv(64).decode("ascii", "replace") != token:
            process.kill()
            raise SandboxError("a stranger answered in a worker's place")
        return process, channel

    def close(self) -> None:
        """End every worker."""
        for process in self.started:
            if process.process.poll() is None:
                process.kill()
