"""The fork server as the grader sees it: a process with torch imported, templates of it with a guard in place, and the
workers that these fork. Needs no torch itself.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ..errors import SandboxError
from ..model import Exercise
from ..worker.worker_config import TemplateConfig, WorkerConfig

FULL = "landlock+seccomp"
"""The whole of the confinement, as a server names it."""

SERVER_START_SECONDS = 120.0
"""Seconds that the server may take to import torch on a cold, slow disk."""

REPLY_SECONDS = 30.0
"""Seconds that the server and its templates may take over anything else."""

MAX_REPLY_BYTES = 1 << 16
MAX_QUOTED_BYTES = 600

PASSED_VARIABLES = ("LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "CUDA_VISIBLE_DEVICES")
"""Environment variables that the server inherits from the grader."""


class WorkerProcess(Protocol):
    """One worker's process."""

    pid: int

    def kill(self) -> int | None:
        """End it, whatever it is doing; return its exit code, negative for the signal that ended it."""
        ...


class WorkerServer(Protocol):
    """Whatever starts workers: `ForkServer`, or `plain_client.PlainServer` where there is no confinement."""

    def ready(self) -> str:
        """Wait until workers can be started; return what they are confined by."""
        ...

    def prepare(self, exercise: Exercise, /) -> None:
        """Get ready for an exercise's workers meanwhile, where that helps; does not wait."""
        ...

    def start(self, config: WorkerConfig) -> tuple[WorkerProcess, socket.socket]:
        """Start a worker; return its process and our end of its channel."""
        ...

    def close(self) -> None:
        """End every worker."""
        ...


def start_server(hidden: tuple[Path, ...]) -> WorkerServer:
    """Start what starts workers on this system; on Linux torch is being imported in it when this returns."""
    if sys.platform.startswith("linux"):
        return ForkServer(hidden)
    from .plain_client import PlainServer

    return PlainServer()


class ControlSocket:
    """A Unix socket to the server, or to one of its templates: one request, one reply.

    Args:
        last_words: returns what the server wrote before it fell silent, for messages.
    """

    def __init__(self, end: socket.socket, last_words: Callable[[], str]) -> None:
        self.end, self.last_words = end, last_words
        self.ready = False

    def send(self, request: dict[str, Any], attached: socket.socket) -> None:
        """Send a request, and a socket with it."""
        try:
            socket.send_fds(self.end, [json.dumps(request).encode()], [attached.fileno()])
        except OSError as error:
            raise self._gone_error(error) from None

    def receive(self, seconds: float) -> dict[str, Any]:
        """Wait for the next reply and return it; a descriptor that came with it is its `fd`."""
        self.end.settimeout(seconds)
        try:
            message, fds, _, _ = socket.recv_fds(self.end, MAX_REPLY_BYTES, 1)
        except TimeoutError:
            raise SandboxError(
                f"the worker server did not answer within {seconds:.0f} s; {self.last_words()}"
            ) from None
        except OSError as error:
            raise self._gone_error(error) from None
        if not message:
            raise SandboxError(f"the worker server ended; {self.last_words()}")
        reply: dict[str, Any] = json.loads(message)
        return {**reply, "fd": fds[0]} if fds else reply

    def reap(self, pid: int) -> int | None:
        """Return the exit code of a dead worker, negative for the signal that killed it; None if it has none."""
        try:
            self.end.send(json.dumps({"reap": pid}).encode())
        except OSError as error:
            raise self._gone_error(error) from None
        status = self.receive(REPLY_SECONDS)["status"]
        return status if isinstance(status, int) else None

    def _gone_error(self, error: OSError) -> SandboxError:
        return SandboxError(f"the worker server is gone ({error}); {self.last_words()}")


class ForkedProcess:
    """A worker that a template forked."""

    def __init__(self, template: ControlSocket, pid: int, pidfd: int) -> None:
        self.template, self.pid, self.pidfd = template, pid, pidfd

    def kill(self) -> int | None:
        """See `WorkerProcess.kill`. By its pidfd, so that no other process can be hit."""
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except OSError:
            pass  # it is dead already
        os.close(self.pidfd)
        return self.template.reap(self.pid)


class ForkServer:
    """The fork server. Starting it returns at once; torch is imported in it meanwhile.

    Args:
        hidden: folders that no worker may read, besides this kit.
    """

    def __init__(self, hidden: tuple[Path, ...] = ()) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = ControlSocket(ours, self._read_last_words)
        self.templates: dict[TemplateConfig, ControlSocket] = {}
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the server)
        self.confinement: str | None = None
        try:
            self.process = self._start_process(theirs, hidden)
        except OSError as error:
            raise SandboxError(f"the worker server could not be started: {error}") from None
        finally:
            theirs.close()

    def _start_process(self, control: socket.socket, hidden: tuple[Path, ...]) -> subprocess.Popen[bytes]:
        # -I and an environment of its own: nothing of ours, and nothing beside the submission, is imported in it
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": "/",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **{name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ},
        }
        module = "nnkata.grader.worker.fork_server"
        return subprocess.Popen(
            [sys.executable, "-I", "-W", "ignore", "-m", module, str(control.fileno()), *map(str, hidden)],
            env=environment,
            cwd="/",
            pass_fds=[control.fileno()],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
        )

    def ready(self) -> str:
        """Wait until torch is imported; return what this machine confines with (`landlock+seccomp`, …, `none`)."""
        if self.confinement is None:
            self.confinement = str(self.control.receive(SERVER_START_SECONDS)["ready"])
        return self.confinement

    def prepare(self, exercise: Exercise, /) -> None:
        """See `WorkerServer.prepare`. The server makes the templates as soon as torch is imported."""
        for part in exercise.parts:
            self._get_template(TemplateConfig(forbidden=part.forbidden, threads=exercise.limits.threads))

    def start(self, config: WorkerConfig) -> tuple[ForkedProcess, socket.socket]:
        """Fork a worker; return its process and our end of its channel."""
        self.ready()
        template = self._get_template(config.template)
        ours, theirs = socket.socketpair()
        try:
            if not template.ready:
                reply = template.receive(SERVER_START_SECONDS)
                if "refused" in reply:
                    raise SandboxError(f"a worker could not be guarded: {reply['refused']}")
                template.ready = True
            template.send(config.to_dict(), theirs)
            reply = template.receive(REPLY_SECONDS)
        except SandboxError:
            ours.close()
            self.templates.pop(config.template).end.close()  # the next worker gets a new one
            raise
        finally:
            theirs.close()
        return ForkedProcess(template, pid=reply["pid"], pidfd=reply["fd"]), ours

    def close(self) -> None:
        """End the server, its templates and every worker."""
        for control in (*self.templates.values(), self.control):
            control.end.close()
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def _get_template(self, config: TemplateConfig) -> ControlSocket:
        """Return the template with this configuration, made if there is none; it may not be ready yet."""
        if config not in self.templates:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self.control.send(config.to_dict(), theirs)
            self.templates[config] = ControlSocket(ours, self._read_last_words)
        return self.templates[config]

    def _read_last_words(self) -> str:
        try:
            self.errors.seek(0)
            text = self.errors.read()[-MAX_QUOTED_BYTES:].decode("utf-8", "replace").strip()
        except ValueError:  # closed already
            text = ""
        return f"it said: {text}" if text else "it said nothing"
