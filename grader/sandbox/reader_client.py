"""Confined reading as the grader sees it: a file and a task in, plain data or a reason out. Needs no torch.

The grader opens a file and never looks into it: a process that has given up everything does (see `reader_process`).
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

from ..errors import SandboxError, SubmissionError
from ..model import Exercise
from ..submission import location, reading, reading_tasks, source
from ..submission.examination import Examined
from ..submission.location import Location
from ..submission.reading import FileBytes, Unreadable
from .reader_process import CPU_SECONDS, MEMORY_BYTES

MAX_ANSWER_BYTES = 16 << 20
"""Bytes that an answer may have: a submission's text with a label for every line is a fifth of that."""

WALL_SECONDS = 600.0
"""After this the machine is to blame: reading is bounded in CPU seconds."""

COMMAND = (sys.executable, "-I", "-W", "ignore", "-m", "nnkata.grader.sandbox.reader_process")

Json = dict[str, Any]
Origin = Location | FileBytes


class Reader:
    """Has files read in confined processes, one at a time. Starting it returns at once."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the reader)
        self.confinement = ""

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm_up(self) -> None:
        """Start the process now, so that it gets ready while this one does something else."""
        if self._process is not None or not sys.platform.startswith("linux"):
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/", "PYTHONDONTWRITEBYTECODE": "1"}
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        try:
            self._process = subprocess.Popen(
                [*COMMAND, str(theirs.fileno())],
                env=environment,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
            )
        except OSError as error:
            ours.close()
            raise SandboxError(f"the reading process could not be started: {error}") from None
        finally:
            theirs.close()
        self._control = ours

    def examine(self, origin: Origin, exercise: Exercise) -> tuple[Examined | Unreadable, str]:
        """Return all that a submission's text says, or why it cannot be graded; and the SHA-256 of its file.

        Raises:
            SandboxError: the reading process failed us.
        """
        try:
            with _open(origin) as file:
                request = {
                    "task": "examine",
                    "name": origin.name if isinstance(origin, FileBytes) else origin.path.name,
                    "members": [] if isinstance(origin, FileBytes) else list(origin.members),
                    "exercise": [str(exercise.folder), str(exercise.root)],
                }
                answer = self.run(request, file)
        except SubmissionError as error:
            return Unreadable(origin.name, str(error)), reading.digest_of_reason(str(error))
        return reading_tasks.examined_from_json(answer), str(answer["sha256"])

    def digest(self, place: Location) -> str:
        """Return the SHA-256 of a file's bytes, or of why there are none; a plain file needs no other process."""
        try:
            with location.open_regular(place.path) as file:
                if not place.members:
                    return reading.digest(file, place)
                request = {"task": "digest", "name": place.path.name, "members": list(place.members)}
                return str(self.run(request, file)["sha256"])
        except SubmissionError as error:
            return reading.digest_of_reason(str(error))

    def list_zip(self, file: BinaryIO, name: str, limit: int) -> Json:
        """Return what an open zip file lists; see `discover.listing`.

        Raises:
            SubmissionError: it is no zip file, a damaged one, or one made to stall or to swell.
        """
        answer = self.run({"task": "list", "name": name, "limit": limit}, file)
        if "problem" in answer:
            raise SubmissionError(answer["problem"])
        return answer

    def cells(self, path: Path) -> list[Json]:
        """Return a notebook's raw cells with nothing but their type, grade id and text.

        Raises:
            SubmissionError: it is no notebook, or one made to stall or to swell.
        """
        with source.open_regular(path) as file:
            answer = self.run({"task": "cells", "name": path.name}, file)
        if "problem" in answer:
            raise SubmissionError(answer["problem"])
        cells: list[Json] = answer["cells"]
        return cells

    def run(self, request: Json, file: IO[bytes]) -> Json:
        """Return the answer to a task about an open file.

        Raises:
            SubmissionError: reading it took more time or memory than it may, or crashed; in words for the student.
            SandboxError: the reading process failed us.
        """
        if sys.platform.startswith("linux"):
            answer, status = self._run_confined(request, file.fileno())
        else:
            answer, status = _run_unconfined(request, file)
        name = str(request["name"])
        if not answer:
            raise SubmissionError(_describe_exit(name, status))
        if len(answer) > MAX_ANSWER_BYTES:
            raise SubmissionError(f"{name}: there is far too much in it. Is it the right file?")
        table: Json = json.loads(answer)
        if table.get("exceeded") == "memory":
            raise SubmissionError(
                f"{name}: reading it took more than {MEMORY_BYTES >> 20} MB of memory. Is it the right file?"
                " A notebook gets smaller with its outputs cleared."
            )
        return table

    def close(self) -> None:
        """End the process."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        self._process = self._control = None

    def _run_confined(self, request: Json, file: int) -> tuple[bytes, int]:
        self.warm_up()
        assert self._control is not None
        deadline = time.monotonic() + WALL_SECONDS
        if not self.confinement:
            self.confinement = str(self._receive(deadline)["ready"])
        ours, theirs = socket.socketpair()
        with ours:
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], [file, theirs.fileno()])
            except OSError as error:
                raise self._gone_error(str(error)) from None
            finally:
                theirs.close()
            answer = self._read(ours, deadline)
        return answer, int(self._receive(deadline)["status"])

    def _read(self, channel: socket.socket, deadline: float) -> bytes:
        """Return what a child says until it ends, or a little more than it may say."""
        chunks: list[bytes] = []
        size = 0
        with selectors.DefaultSelector() as selector:
            selector.register(channel, selectors.EVENT_READ)
            while size <= MAX_ANSWER_BYTES:
                if not selector.select(max(deadline - time.monotonic(), 0.0)):
                    raise self._gone_error("it did not answer in time")
                chunk = channel.recv(1 << 20)
                if not chunk:
                    break
                chunks.append(chunk)
                size += len(chunk)
        return b"".join(chunks)

    def _receive(self, deadline: float) -> Json:
        assert self._control is not None
        self._control.settimeout(max(deadline - time.monotonic(), 0.0))
        try:
            message = self._control.recv(1 << 16)
        except OSError as error:
            raise self._gone_error(str(error)) from None
        if not message:
            raise self._gone_error("it ended")
        answer: Json = json.loads(message)
        return answer

    def _gone_error(self, why: str) -> SandboxError:
        """Return the error to raise, with this reader ready to begin anew."""
        self._errors.seek(0)
        words = self._errors.read()[-600:].decode("utf-8", "replace").strip()
        self.close()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the reader)
        self.confinement = ""
        return SandboxError(f"the reading process failed ({why})" + (f"; it said: {words}" if words else ""))


@contextlib.contextmanager
def _open(origin: Origin) -> Iterator[IO[bytes]]:
    if isinstance(origin, FileBytes):
        with tempfile.TemporaryFile() as file:
            file.write(origin.data)
            file.seek(0)
            yield file
    else:
        with location.open_regular(origin.path) if origin.members else source.open_regular(origin.path) as file:
            yield file


def _run_unconfined(request: Json, file: IO[bytes]) -> tuple[bytes, int]:
    """Run a task where processes cannot be confined: in a fresh one per file, with a time limit and nothing more."""
    code = "import sys; from nnkata.grader.sandbox.reader_process import main_unconfined; main_unconfined(sys.argv[1])"
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-W", "ignore", "-c", code, json.dumps(request)],
            stdin=file,
            capture_output=True,
            timeout=6 * CPU_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return b"", -9
    return done.stdout, done.returncode


def _describe_exit(name: str, status: int) -> str:
    """Return why a child that answered nothing ended, in words for the student."""
    if status < 0 and -status in (9, 24):  # SIGKILL and SIGXCPU: the limit of CPU time
        return f"{name}: reading it took more than {CPU_SECONDS} seconds of computing time. Is it the right file?"
    return f"{name} cannot be read: what is in it crashes the parser. Is it the right file?"
