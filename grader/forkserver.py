"""The fork server as the grader sees it: a process with torch imported that forks workers. Needs no torch itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

from .errors import SandboxError

START_SECONDS = 120.0
"""How long the server may take to import torch on a cold, slow disk."""


class Process(Protocol):
    """One worker's process."""

    pid: int

    def kill(self) -> int | None:
        """End it, whatever it is doing; its exit code, negative for the signal that ended it."""
        ...


class Workers(Protocol):
    """Whatever starts workers: `Server`, or `plainserver.PlainServer` where there is no confinement."""

    def ready(self) -> str:
        """What its workers are confined by; waits until they can be started."""
        ...

    def start(self, config: dict[str, Any]) -> tuple[Process, socket.socket]:
        """Start a worker: its process and our end of its channel."""
        ...

    def close(self) -> None:
        """End every worker."""
        ...


def workers(hidden: tuple[Path, ...]) -> Workers:
    """What starts workers on this system; on Linux torch is being imported in it when this returns."""
    if sys.platform.startswith("linux"):
        return Server(hidden)
    from .plainserver import PlainServer

    return PlainServer()


class Forked:
    """A worker that the server forked."""

    def __init__(self, server: Server, pid: int, pidfd: int) -> None:
        self.server, self.pid, self.pidfd = server, pid, pidfd

    def kill(self) -> int | None:
        """See `Process.kill`. By its pidfd, so that no other process can be hit."""
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except OSError:
            pass  # it is dead already
        os.close(self.pidfd)
        return self.server.reap(self.pid)


class Server:
    """The fork server. Starting it returns at once; torch is imported in it meanwhile.

    Args:
        hidden: folders that no worker may read, besides this kit.
    """

    def __init__(self, hidden: tuple[Path, ...] = ()) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the server)
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": "/",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **{
                name: os.environ[name]
                for name in ("LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "CUDA_VISIBLE_DEVICES")
                if name in os.environ
            },
        }
        try:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-W",
                    "ignore",
                    "-m",
                    "nnkata.grader.server",
                    str(theirs.fileno()),
                    *map(str, hidden),
                ],
                env=environment,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.errors,
            )
        except OSError as error:
            raise SandboxError(f"the worker server could not be started: {error}") from None
        finally:
            theirs.close()
        self.confinement: str | None = None

    def ready(self) -> str:
        """Wait until torch is imported; what this machine can confine with (`landlock+seccomp`, …, `none`)."""
        if self.confinement is None:
            self.confinement = str(self._answer(START_SECONDS)["ready"])
        return self.confinement

    def start(self, config: dict[str, Any]) -> tuple[Forked, socket.socket]:
        """Fork a worker: its process and our end of its channel."""
        self.ready()
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self.control, [json.dumps({"op": "start", **config}).encode()], [theirs.fileno()])
            answer = self._answer(30.0, fds=1)
        except OSError as error:
            ours.close()
            raise SandboxError(f"the worker server is gone ({error}); {self._last_words()}") from None
        finally:
            theirs.close()
        return Forked(self, answer["pid"], answer["fd"]), ours

    def reap(self, pid: int) -> int | None:
        """The exit code of a dead worker, negative for the signal that killed it."""
        try:
            self.control.send(json.dumps({"op": "reap", "pid": pid}).encode())
            status = self._answer(30.0)["status"]
        except OSError:
            return None
        return status if isinstance(status, int) else None

    def close(self) -> None:
        """End the server and every worker."""
        self.control.close()
        try:
            self.process.wait(0.2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()

    def _answer(self, seconds: float, fds: int = 0) -> dict[str, Any]:
        self.control.settimeout(seconds)
        try:
            message, got, _, _ = socket.recv_fds(self.control, 1 << 16, fds)
        except TimeoutError:
            raise SandboxError(
                f"the worker server did not answer within {seconds:.0f} s; {self._last_words()}"
            ) from None
        if not message:
            raise SandboxError(f"the worker server ended; {self._last_words()}")
        answer: dict[str, Any] = json.loads(message)
        return {**answer, "fd": got[0]} if got else answer

    def _last_words(self) -> str:
        try:
            self.errors.seek(0)
            text = self.errors.read()[-600:].decode("utf-8", "replace").strip()
        except ValueError:
            text = ""
        return f"it said: {text}" if text else "it said nothing"
