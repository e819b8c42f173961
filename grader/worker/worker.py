"""The worker: one forked process that confines itself, loads a student's module and answers probes about it.

It imports torch, numpy, the standard library and, of the project, only what says in its first lines that it runs
beside the student's code: the wire format, the probes, the guard and the confinement. What it sends back is a claim
and nothing more.
"""

from __future__ import annotations

import contextlib
import ctypes
import linecache
import os
import signal
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import WireError
from . import guard, probing, wire
from .confinement import CannotConfine, Confinement, Rlimits


@dataclass(frozen=True)
class Channel:
    """The worker's way to the grader: `read(n)` gives at most n bytes, `write` says how many it took."""

    read: Callable[[int], bytes]
    write: Callable[[memoryview], int]

    @staticmethod
    def of(fd: int) -> Channel:
        """A channel over a descriptor, with the two system calls that confinement leaves."""
        return Channel(lambda count: os.read(fd, count), lambda data: os.write(fd, data))


def serve(channel: Channel, config: dict[str, Any], confinement: Confinement | None, fd: int = -1) -> None:
    """Answer the messages of one channel until it closes, in a process that is settled (see `settle`).

    Args:
        confinement: None where there is none; else `fd` is the channel's descriptor, and every other one is closed.
    """
    try:
        if confinement is not None:
            _confine(config, confinement, fd)
    except (CannotConfine, OSError, ValueError, RuntimeError) as error:
        _answer(channel, {"refused": f"{type(error).__name__}: {error}"[:500]})
        return
    if config["guard_calls"]:
        _forget_ways_out()
    _answer(channel, {"ready": confinement.name if confinement else "none"})
    student = Student(config)
    while True:
        try:
            message = wire.decode(wire.receive(channel.read, wire.TRUSTED), layout=True, caps=wire.TRUSTED)
        except (EOFError, ConnectionError):
            return
        assert isinstance(message, dict)
        _answer(channel, student.handle(message, channel))


def settle(config: dict[str, Any]) -> None:
    """Settle this process before it serves: threads, randomness, arithmetic, and the guard. A fork inherits them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(config["threads"])
    torch.manual_seed(0)
    if config["gpu"]:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    guard.install(
        tuple(config["forbidden"]), calls=config["guard_calls"], operators=config["guard_operators"], gpu=config["gpu"]
    )


def _confine(config: dict[str, Any], confinement: Confinement, fd: int) -> None:
    """Close every descriptor but the channel's, and give up everything that is not needed."""
    null = os.open("/dev/null", os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(null, target)
    kept = {0, 1, 2, fd}
    if confinement.ruleset is not None:
        kept.add(confinement.ruleset._fd)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))
    os.chdir("/")
    confinement.apply(Rlimits(config["memory_mb"] << 20, config["cpu_seconds"]))
    if confinement.ruleset is not None:
        os.close(confinement.ruleset._fd)


def _forget_ways_out() -> None:
    """Take foreign functions out of reach: whoever can call C can undo the guard.

    What only a walk through the interpreter's objects can still find is left to `source`, which flags such walks.
    """

    def refuse(*args: object, **kwargs: object) -> object:
        raise guard.Forbidden("may not use ctypes")

    class Refused:
        """In place of a type: libraries may name it, nobody may make one."""

        __init__ = refuse
        from_address = from_buffer = in_dll = staticmethod(refuse)

    # CPython fills a module that is imported again from a copy of its first contents: that is emptied too
    word = ctypes.sizeof(ctypes.c_long)
    tables = [vars(sys.modules["_ctypes"]), vars(ctypes), _first_contents(sys.modules["_ctypes"])]
    for table in tables:
        for name, found in list(table.items()):
            if name == "sizeof":  # libraries ask for a machine word's when they are imported, and nothing comes of it
                table[name] = lambda kind: word
            elif not name.startswith("__") and not isinstance(found, int | str | types.ModuleType):
                table[name] = Refused if isinstance(found, type) else refuse


def _first_contents(module: types.ModuleType) -> dict[str, Any]:
    """The copy of an extension module's contents that CPython keeps (`m_copy` of its PyModuleDef), or nothing."""
    definition = ctypes.pythonapi.PyModule_GetDef
    definition.argtypes, definition.restype = [ctypes.py_object], ctypes.c_void_p
    address = definition(module)
    if not address or sys.implementation.name != "cpython":
        return {}
    # PyModuleDef_Base: the object's head, then m_init, m_index and m_copy
    place = address + object.__basicsize__ + 2 * ctypes.sizeof(ctypes.c_void_p)
    kept = ctypes.c_void_p.from_address(place).value
    found = ctypes.cast(kept, ctypes.py_object).value if kept else {}
    return found if isinstance(found, dict) else {}


class Student:
    """The student's module inside of the worker."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.file = f"<{config['file']}>"
        self.module_name = str(config["module"])
        self.probes = probing.load_probes(config["probes"])
        self.namespace: dict[str, object] = {}

    def handle(self, message: dict[str, Any], channel: Channel) -> dict[str, object]:
        """The answer to one message of the grader's."""
        if message["op"] == "load":
            return self.load(message["source"])
        return self.run(message, channel)

    def load(self, source: str) -> dict[str, object]:
        """Execute the student's module."""
        linecache.cache[self.file] = (len(source), None, source.splitlines(True), self.file)
        module = types.ModuleType(self.module_name)
        module.__file__ = self.file
        sys.modules[self.module_name] = module
        said: dict[str, object] = {}
        with probing.captured_prints() as prints:
            try:
                exec(compile(source, self.file, "exec"), module.__dict__)
            except BaseException as error:  # whatever it raises, importing it failed
                said["failure"] = probing.describe(error, self.file)
        said["prints"] = prints.text()
        self.namespace = module.__dict__
        return said

    def run(self, message: dict[str, Any], channel: Channel) -> dict[str, object]:
        """Run one probe."""
        probe = self.probes[message["probe"]]

        def progress(**numbers: float) -> None:
            _answer(channel, {"id": message["id"], "progress": numbers})

        probing.progress = progress
        said = probing.run(
            probing.Submission(self.namespace), probe, message["args"], message["options"], self.file, message["device"]
        )
        return {"id": message["id"], **said}


def _answer(channel: Channel, value: dict[str, object]) -> None:
    try:
        data = wire.encode(value, caps=wire.UNTRUSTED)
    except (WireError, RuntimeError, MemoryError, RecursionError) as error:
        failure = {"kind": "refused", "type": "Unsendable", "message": f"what it returned cannot be sent back: {error}"}
        data = wire.encode({"id": value.get("id"), "failure": failure, "prints": ""})
    view = memoryview(data)
    while view:
        view = view[channel.write(view) :]
