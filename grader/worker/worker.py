"""The worker: one forked process that confines itself, loads a student's module and answers probes about it.

It imports torch, numpy, the standard library and, of the project, only what says in its first lines that it runs
beside the student's code: the wire format, the probes, the guard and the confinement. What it sends back is a claim
and nothing more.
"""

from __future__ import annotations

import ctypes
import linecache
import os
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import WireError
from . import guard, probing, stand_ins, wire
from .confinement import CannotConfine, Confinement, Rlimits
from .worker_config import WorkerConfig


@dataclass(frozen=True)
class Channel:
    """The worker's way to the grader: `read(n)` gives at most n bytes, `write` says how many it took."""

    read: Callable[[int], bytes]
    write: Callable[[memoryview], int]

    @staticmethod
    def of(fd: int) -> Channel:
        """Return a channel over a descriptor, with the two system calls that confinement leaves."""
        return Channel(lambda count: os.read(fd, count), lambda data: os.write(fd, data))


def serve(channel: Channel, config: WorkerConfig, confinement: Confinement | None, fd: int = -1) -> None:
    """Answer the messages of one channel until it closes, in a process that `process_setup` has set up.

    Args:
        confinement: None where there is none; else `fd` is the channel's descriptor, and every other one is closed.
    """
    try:
        if confinement is not None:
            limits = Rlimits(memory=config.memory_mb << 20, cpu_seconds=config.cpu_seconds)
            confinement.enter(limits, keep_open={fd})
    except (CannotConfine, OSError, ValueError, RuntimeError) as error:
        _send(channel, {"refused": f"{type(error).__name__}: {error}"[:500]})
        return
    if config.template.guard_calls:
        _disable_ctypes()
    _send(channel, {"ready": confinement.name if confinement else "none"})
    student = StudentModule(config)
    while True:
        try:
            message = wire.decode(wire.receive(channel.read, wire.TRUSTED), layout=True, limits=wire.TRUSTED)
        except (EOFError, ConnectionError):
            return
        assert isinstance(message, dict)
        _send(channel, student.handle(message, channel))


def _disable_ctypes() -> None:
    """Replace the functions of ctypes: whoever can call C can undo the guard.

    What only a walk through the interpreter's objects can still find is left to `source`, which flags such walks.
    """

    def refuse(*_args: object, **_kwargs: object) -> object:
        raise guard.Forbidden("may not use ctypes")

    class RefusedType:
        """In place of a type: libraries may name it, nobody may make one."""

        __init__ = refuse
        from_address = from_buffer = in_dll = staticmethod(refuse)

    word_size = ctypes.sizeof(ctypes.c_long)
    # CPython fills a module that is imported again from a copy of its first contents: that is emptied too
    module_dicts = [vars(sys.modules["_ctypes"]), vars(ctypes), _initial_module_dict(sys.modules["_ctypes"])]
    for module_dict in module_dicts:
        for name, value in list(module_dict.items()):
            if name == "sizeof":  # libraries ask for a machine word's when they are imported, and nothing comes of it
                module_dict[name] = lambda _type: word_size
            elif not name.startswith("__") and not isinstance(value, int | str | types.ModuleType):
                module_dict[name] = RefusedType if isinstance(value, type) else refuse


def _initial_module_dict(module: types.ModuleType) -> dict[str, Any]:
    """Return the copy of an extension module's contents that CPython keeps (`m_copy` of its PyModuleDef), or {}."""
    get_definition = ctypes.pythonapi.PyModule_GetDef
    get_definition.argtypes, get_definition.restype = [ctypes.py_object], ctypes.c_void_p
    definition_address = get_definition(module)
    if not definition_address or sys.implementation.name != "cpython":
        return {}
    # PyModuleDef_Base: the object's head, then m_init, m_index and m_copy
    copy_address = definition_address + object.__basicsize__ + 2 * ctypes.sizeof(ctypes.c_void_p)
    dict_address = ctypes.c_void_p.from_address(copy_address).value
    initial = ctypes.cast(dict_address, ctypes.py_object).value if dict_address else {}
    return initial if isinstance(initial, dict) else {}


class StudentModule:
    """The student's module inside of the worker."""

    def __init__(self, config: WorkerConfig) -> None:
        self.file = f"<{config.file}>"
        self.module_name = config.module
        self.probes = probing.load_probes(config.probes)
        self.namespace: dict[str, object] = {}

    def handle(self, message: dict[str, Any], channel: Channel) -> dict[str, object]:
        """Do what one message of the grader's asks for, and return the reply."""
        if message["op"] == "load":
            return self.load(message["source"])
        return self.run(message, channel)

    def load(self, source: str) -> dict[str, object]:
        """Execute the student's module; the reply has `prints`, and `failure` if it raised."""
        linecache.cache[self.file] = (len(source), None, source.splitlines(True), self.file)
        module = types.ModuleType(self.module_name)
        module.__file__ = self.file
        notebook = self.file.lower().endswith(".ipynb>")
        vars(module)["__builtins__"] = stand_ins.make_builtins(source, self.file, notebook=notebook)
        sys.modules[self.module_name] = module
        reply: dict[str, object] = {}
        with probing.captured_prints() as prints:
            try:
                exec(compile(source, self.file, "exec"), module.__dict__)
            except BaseException as error:  # whatever it raises, importing it failed
                reply["failure"] = probing.describe_exception(error, self.file)
        reply["prints"] = prints.text()
        self.namespace = module.__dict__
        return reply

    def run(self, message: dict[str, Any], channel: Channel) -> dict[str, object]:
        """Run one probe; the reply is what `probing.run` returns, and progress is sent before it."""

        def send_progress(**numbers: float) -> None:
            _send(channel, {"id": message["id"], "progress": numbers})

        outcome = probing.run(
            probing.Implementation(self.namespace),
            self.probes[message["probe"]],
            message["args"],
            message["options"],
            file=self.file,
            device=message["device"],
            on_progress=send_progress,
        )
        return {"id": message["id"], **outcome}


def _send(channel: Channel, value: dict[str, object]) -> None:
    try:
        data = wire.encode(value, limits=wire.UNTRUSTED)
    except (WireError, RuntimeError, MemoryError, RecursionError) as error:
        failure = {"kind": "refused", "type": "Unsendable", "message": f"what it returned cannot be sent back: {error}"}
        data = wire.encode({"id": value.get("id"), "failure": failure, "prints": ""})
    view = memoryview(data)
    while view:
        view = view[channel.write(view) :]
