"""The format between the grader and a worker: plain data and tensors, and nothing that can carry code.

A message is `NNK1`, the header's length (u32), the payload's length (u64), a JSON header and a payload of raw
tensor bytes, little-endian. In the header a list is a list; everything else that JSON lacks is an object
with a `$` that says what it is:

    {"$": "dict", "items": {...}}
    {"$": "tensor", "dtype": "float32", "shape": [2, 3], "offset": 0, "device": "cpu", "grad": false}
    {"$": "other", "type": "numpy.ndarray", "text": "array([1., 2.])"}

The reader trusts nothing: sizes, depth, dtypes and shapes are checked before anything is allocated for them.
`tensor_codec` has the tensors. This module runs beside the student's code too: torch and the standard library only.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import WireError
from ..model import Opaque, Value
from . import tensor_codec
from .printable import strip_unprintable
from .stand_ins import StandIn

MAGIC = b"NNK1"
PREFIX = struct.Struct("<4sIQ")
MAX_INT = 1 << 63
CHUNK_BYTES = 1 << 20
MAX_NAME = 200


@dataclass(frozen=True)
class SizeLimits:
    """Limits of one message: bytes of header and payload, nesting, number of values, tensor dimensions, characters.

    Attributes:
        text: characters of one text; longer ones are cut there. None: texts, names too, are never cut, and what the
            header cannot hold is refused.
    """

    header: int = 1 << 20
    payload: int = 64 << 20
    depth: int = 12
    values: int = 20_000
    dims: int = 12
    text: int | None = 20_000

    @property
    def name(self) -> int | None:
        """Characters of a name in a dict, cut likewise."""
        return None if self.text is None else MAX_NAME


UNTRUSTED = SizeLimits()
TRUSTED = SizeLimits(header=8 << 20, payload=1 << 30, text=None)
"""What is sent to a worker: a submission's whole source, which may have 200,000 bytes, takes 1.2 MB at most."""


def encode(value: object, *, layout: bool = False, limits: SizeLimits = TRUSTED) -> bytes:
    """Encode a message for `value`: None, bool, int, float, str, tensors, and lists, tuples and dicts of these.

    Anything else travels as its type's name and a short text, and arrives as `Opaque`.

    Args:
        layout: keep a tensor's strides (views, transposed and expanded tensors arrive as such).
        limits: a value beyond these raises WireError.
    """
    writer = _MessageWriter(layout=layout, limits=limits)
    header = json.dumps(writer.write_value(value, 0), separators=(",", ":")).encode()
    if len(header) > limits.header:
        raise WireError(f"the value's description takes {len(header):,} bytes; {limits.header:,} are allowed")
    payload = b"".join(writer.chunks)
    return PREFIX.pack(MAGIC, len(header), len(payload)) + header + payload


def as_received(value: Any) -> Value:  # Any: what a probe returned
    """Return what `value` would arrive as, without encoding and decoding it."""
    if isinstance(value, dict):
        return {key: as_received(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_received(item) for item in value]
    if isinstance(value, torch.Tensor):
        return value.detach()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    node = opaque_node(value)
    return Opaque(str(node["type"]), str(node["text"]))


def decode(message: bytes | bytearray, *, layout: bool = False, limits: SizeLimits = UNTRUSTED) -> Value:
    """Decode a message; WireError for whatever is not one.

    Args:
        layout: allow strides (only for messages from the grader to its worker).
    """
    view = memoryview(message)
    if len(view) < PREFIX.size:
        raise WireError("the message is shorter than its prefix")
    header_size, payload_size = parse_prefix(bytes(view[: PREFIX.size]), limits)
    if len(view) != PREFIX.size + header_size + payload_size:
        raise WireError("the message is not as long as its prefix says")
    body = view[PREFIX.size :]
    reader = _MessageReader(bytearray(body[header_size:]), layout=layout, limits=limits)
    return reader.read_value(_parse_header(bytes(body[:header_size])))


def parse_prefix(prefix: bytes, limits: SizeLimits = UNTRUSTED) -> tuple[int, int]:
    """Return the lengths of header and payload, from the first `PREFIX.size` bytes; WireError beyond `limits`."""
    magic, header, payload = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise WireError("the message does not begin as one")
    if header > limits.header or payload > limits.payload:
        raise WireError(f"the message announces {header + payload:,} bytes, more than is taken")
    return header, payload


def receive(read: Callable[[int], bytes], limits: SizeLimits = UNTRUSTED) -> bytearray:
    """Read one whole message with `read(n)`, which gives at most n bytes and none at the end; EOFError at the end."""
    message = bytearray()

    def take(count: int) -> None:
        while count:
            chunk = read(min(count, CHUNK_BYTES))
            if not chunk:
                raise EOFError("the channel was closed")
            message.extend(chunk)
            count -= len(chunk)

    take(PREFIX.size)
    header, payload = parse_prefix(bytes(message), limits)
    take(header + payload)
    return message


def _parse_header(text: bytes) -> object:
    try:
        node: object = json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise WireError(f"the header is not JSON: {type(error).__name__}") from None
    return node


class _MessageWriter:
    """Collects the payload of one message while it makes the nodes of its header."""

    def __init__(self, *, layout: bool, limits: SizeLimits) -> None:
        self.layout, self.limits = layout, limits
        self.chunks: list[bytes] = []
        self.size = 0
        self.count = 0

    def write_value(self, value: Any, depth: int) -> object:  # Any: whatever a student returned
        self.count += 1
        if depth > self.limits.depth or self.count > self.limits.values:
            raise WireError("the value has too many parts or is nested too deeply")
        # exact types: a subclass may be a student's, whose methods may do anything
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int and abs(value) < MAX_INT:
            return value
        if kind is str:
            return value[: self.limits.text]
        if kind is list or kind is tuple:
            return [self.write_value(item, depth + 1) for item in value]
        if kind is dict and all(type(key) is str for key in value):
            return {"$": "dict", "items": {key: self.write_value(item, depth + 1) for key, item in value.items()}}
        if (
            isinstance(value, torch.Tensor)
            and value.layout == torch.strided
            and value.dtype in tensor_codec.DTYPE_NAMES
        ):
            try:
                return self.write_tensor(value)
            except NotImplementedError:  # a tensor on `meta` holds no numbers
                return opaque_node(value)
        return opaque_node(value)

    def write_tensor(self, value: torch.Tensor) -> object:
        node, data = tensor_codec.encode_tensor(
            value, offset=self.size, max_bytes=self.limits.payload, strides=self.layout
        )
        self.chunks.append(data)
        self.size += len(data)
        return node


def opaque_node(value: object) -> dict[str, object]:
    """Return the node of something that is no plain data: its type's name and a short text."""
    kind = type(value)
    if isinstance(value, StandIn) and kind is StandIn:
        name = f"stand-in for {value._name}, which is left out here"
    else:
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        text = repr(value)[:200]
    except Exception:  # a student's __repr__ may do anything
        text = ""
    return {"$": "other", "type": str(name)[:200], "text": text}


class _MessageReader:
    """Makes values of the nodes of one message's header, and counts what they take."""

    def __init__(self, payload: bytearray, *, layout: bool, limits: SizeLimits) -> None:
        self.payload, self.layout, self.limits = payload, layout, limits
        self.count = 0
        self.bytes_taken = 0

    def read_value(self, node: Any, depth: int = 0) -> Value:  # Any: JSON
        self.count += 1
        if depth > self.limits.depth or self.count > self.limits.values:
            raise WireError("the value has too many parts or is nested too deeply")
        if isinstance(node, int) and abs(node) >= MAX_INT:
            raise WireError("a whole number is out of range")
        if node is None or isinstance(node, bool | int | float):
            return node
        if isinstance(node, str):
            # what the grader sends is a student's own source, and stays as it is
            return node[: self.limits.text] if self.layout else strip_unprintable(node[: self.limits.text])
        if isinstance(node, list):
            return [self.read_value(item, depth + 1) for item in node]
        kind = node.get("$")
        if kind == "dict" and isinstance(node.get("items"), dict):
            return {key[: self.limits.name]: self.read_value(item, depth + 1) for key, item in node["items"].items()}
        if kind == "tensor":
            return self.read_tensor(node)
        if kind == "other":
            return Opaque(
                strip_unprintable(_truncate(node.get("type"))) or "object",
                strip_unprintable(_truncate(node.get("text"))),
            )
        raise WireError("the header has an object of unknown kind")

    def read_tensor(self, node: dict[str, Any]) -> torch.Tensor:
        spec = tensor_codec.parse_spec(node, max_dims=self.limits.dims, strides=self.layout)
        tensor_codec.check_bounds(spec, len(self.payload))
        self.bytes_taken += spec.nbytes
        if self.bytes_taken > len(self.payload):
            raise WireError("tensors share their data")  # each is copied: a small message would fill the memory
        return tensor_codec.attach_sender_info(tensor_codec.build_tensor(spec, self.payload), node)


def _truncate(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""
