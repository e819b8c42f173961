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

FULL = "landlock+seccomp"
"""The whole of the confinement, as a server names it."""

START_SECONDS = 120.0
"""How long the server may take to import torch on a cold, slow disk."""

TEMPLATE = {
    "forbidden": [],
    "guard_calls": True,
    "guard_operators": True,
    "landlock": True,
    "seccomp": True,
    "threads": 1,
    "gpu": False,
}
"""What of a worker's configuration is settled in the template that it is forked from, as it is for most."""


class Process(Protocol):
    """One worker's process."""

    pid: int

    def kill(self) -> int | None:
        """End it, whatever it is doing; its exit code, negative for the signal that ended it."""
        ...


class Workers(Protocol):
    """Whatever starts workers: `Server`, or `plain_client.PlainServer` where there is no confinement."""

    def ready(self) -> str:
        """What its workers are confined by; waits until they can be started."""
        ...

    def prepare(self, exercise: Exercise) -> None:
        """Get ready for an exercise's workers meanwhile, where that helps; does not wait."""
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
    from .plain_client import PlainServer

    return PlainServer()


class Control:
    """A Unix socket to the server, or to one of its templates: one request, one answer.

    Args:
        last_words: what the server wrote before it fell silent, for messages.
    """

    def __init__(self, end: socket.socket, last_words: Callable[[], str]) -> None:
        self.end, self.last_words = end, last_words
        self.ready = False

    def send(self, request: dict[str, Any], given: socket.socket) -> None:
        """Send a request, and a descriptor with it."""
        try:
            socket.send_fds(self.end, [json.dumps(request).encode()], [given.fileno()])
        except OSError as error:
            raise self._gone(error) from None

    def answer(self, seconds: float) -> dict[str, Any]:
        """The next answer; a descriptor that came with it is its `fd`."""
        self.end.settimeout(seconds)
        try:
            message, got, _, _ = socket.recv_fds(self.end, 1 << 16, 1)
        except TimeoutError:
            raise SandboxError(
                f"the worker server did not answer within {seconds:.0f} s; {self.last_words()}"
            ) from None
        except OSError as error:
            raise self._gone(error) from None
        if not message:
            raise SandboxError(f"the worker server ended; {self.last_words()}")
        answer: dict[str, Any] = json.loads(message)
        return {**answer, "fd": got[0]} if got else answer

    def reap(self, pid: int) -> int | None:
        """The exit code of a dead worker, negative for the signal that killed it; None if it has none."""
        try:
            self.end.send(json.dumps({"reap": pid}).encode())
        except OSError as error:
            raise self._gone(error) from None
        status = self.answer(30.0)["status"]
        return status if isinstance(status, int) else None

    def _gone(self, error: OSError) -> SandboxError:
        return SandboxError(f"the worker server is gone ({error}); {self.last_words()}")


class Forked:
    """A worker that a template forked."""

    def __init__(self, template: Control, pid: int, pidfd: int) -> None:
        self.template, self.pid, self.pidfd = template, pid, pidfd

    def kill(self) -> int | None:
        """See `Process.kill`. By its pidfd, so that no other process can be hit."""
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except OSError:
            pass  # it is dead already
        os.close(self.pidfd)
        return self.template.reap(self.pid)


class Server:
    """The fork server. Starting it returns at once; torch is imported in it meanwhile.

    Args:
        hidden: folders that no worker may read, besides this kit.
    """

    def __init__(self, hidden: tuple[Path, ...] = ()) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = Control(ours, self._last_words)
        self.templates: dict[str, Control] = {}
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
                    "nnkata.grader.worker.fork_server",
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
            self.confinement = str(self.control.answer(START_SECONDS)["ready"])
        return self.confinement

    def prepare(self, exercise: Exercise) -> None:
        """See `Workers.prepare`. The server makes the templates as soon as torch is imported."""
        for part in exercise.parts:
            self._template({**TEMPLATE, "forbidden": list(part.forbidden), "threads": exercise.limits.threads})

    def start(self, config: dict[str, Any]) -> tuple[Forked, socket.socket]:
        """Fork a worker: its process and our end of its channel."""
        self.ready()
        settings = {name: config[name] for name in TEMPLATE}
        template = self._template(settings)
        ours, theirs = socket.socketpair()
        try:
            if not template.ready:
                said = template.answer(START_SECONDS)
                if "refused" in said:
                    raise SandboxError(f"a worker could not be guarded: {said['refused']}")
                template.ready = True
            template.send(config, theirs)
            answer = template.answer(30.0)
        except SandboxError:
            ours.close()
            self.templates.pop(json.dumps(settings)).end.close()  # the next worker gets a new one
            raise
        finally:
            theirs.close()
        return Forked(template, answer["pid"], answer["fd"]), ours

    def close(self) -> None:
        """End the server, its templates and every worker."""
        for control in (*self.templates.values(), self.control):
            control.end.close()
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def _template(self, settings: dict[str, Any]) -> Control:
        """The template with these settings, which are all that its workers have in common; it may not be ready yet."""
        key = json.dumps(settings)
        if key not in self.templates:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self.control.send(settings, theirs)
            self.templates[key] = Control(ours, self._last_words)
        return self.templates[key]

    def _last_words(self) -> str:
        try:
            self.errors.seek(0)
            text = self.errors.read()[-600:].decode("utf-8", "replace").strip()
        except ValueError:
            text = ""
        return f"it said: {text}" if text else "it said nothing"
