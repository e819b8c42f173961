"""The format between the grader and a worker: plain data and tensors, and nothing that can carry code.

A message is `NNK1`, the header's length (u32), the payload's length (u64), a JSON header and a payload of raw
tensor bytes, little-endian. In the header a list is a list; everything else that JSON lacks is an object
with a `$` that says what it is:

    {"$": "dict", "items": {...}}
    {"$": "tensor", "dtype": "float32", "shape": [2, 3], "offset": 0, "device": "cpu", "grad": false}
    {"$": "other", "type": "numpy.ndarray", "text": "array([1., 2.])"}

The reader trusts nothing: sizes, depth, dtypes and shapes are checked before anything is allocated for them.
This module runs beside the student's code too, so it imports torch and the standard library alone.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import WireError
from ..model import Opaque, Value
from .printable import strip_unprintable

MAGIC = b"NNK1"
PREFIX = struct.Struct("<4sIQ")
ALIGN = 64

DTYPES: Mapping[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    )
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Caps:
    """The most that a reader takes: bytes of header and payload, nesting, number of values, tensor dimensions."""

    header: int = 1 << 20
    payload: int = 64 << 20
    depth: int = 12
    values: int = 20_000
    dims: int = 12
    text: int = 20_000


UNTRUSTED = Caps()
TRUSTED = Caps(header=8 << 20, payload=1 << 30)


def encode(value: object, *, layout: bool = False, caps: Caps = TRUSTED) -> bytes:
    """The message for `value`: None, bool, int, float, str, tensors, and lists, tuples and dicts of these.

    Anything else travels as its type's name and a short text, and arrives as `Opaque`.

    Args:
        layout: keep a tensor's strides (views, transposed and expanded tensors arrive as such).
        caps: a value beyond these raises WireError.
    """
    writer = _Writer(layout, caps)
    header = json.dumps(writer.node(value, 0), separators=(",", ":")).encode()
    if len(header) > caps.header:
        raise WireError(f"the value's description takes {len(header):,} bytes; {caps.header:,} are allowed")
    payload = b"".join(writer.chunks)
    return PREFIX.pack(MAGIC, len(header), len(payload)) + header + payload


def plain(value: Any) -> Value:  # Any: what a probe returned
    """What `value` would arrive as, without the journey."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, torch.Tensor):
        return value.detach()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    told = other(value)
    return Opaque(str(told["type"]), str(told["text"]))


def decode(message: bytes | bytearray, *, layout: bool = False, caps: Caps = UNTRUSTED) -> Value:
    """The value of a message; WireError for whatever is not one.

    Args:
        layout: allow strides (only for messages from the grader to its worker).
    """
    view = memoryview(message)
    if len(view) < PREFIX.size:
        raise WireError("the message is shorter than its prefix")
    header_size, payload_size = sizes(bytes(view[: PREFIX.size]), caps)
    if len(view) != PREFIX.size + header_size + payload_size:
        raise WireError("the message is not as long as its prefix says")
    body = view[PREFIX.size :]
    return _Reader(bytearray(body[header_size:]), layout, caps).value(_header(bytes(body[:header_size])))


def sizes(prefix: bytes, caps: Caps = UNTRUSTED) -> tuple[int, int]:
    """Lengths of header and payload, from the first `PREFIX.size` bytes of a message; WireError beyond `caps`."""
    magic, header, payload = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise WireError("the message does not begin as one")
    if header > caps.header or payload > caps.payload:
        raise WireError(f"the message announces {header + payload:,} bytes, more than is taken")
    return header, payload


def receive(read: Callable[[int], bytes], caps: Caps = UNTRUSTED) -> bytearray:
    """One whole message from `read(n)`, which gives at most n bytes and none at the end; EOFError at the end."""
    message = bytearray()

    def take(count: int) -> None:
        while count:
            chunk = read(min(count, 1 << 20))
            if not chunk:
                raise EOFError("the channel was closed")
            message.extend(chunk)
            count -= len(chunk)

    take(PREFIX.size)
    header, payload = sizes(bytes(message), caps)
    take(header + payload)
    return message


def _header(text: bytes) -> object:
    try:
        node: object = json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise WireError(f"the header is not JSON: {type(error).__name__}") from None
    return node


class _Writer:
    def __init__(self, layout: bool, caps: Caps) -> None:
        self.layout, self.caps = layout, caps
        self.chunks: list[bytes] = []
        self.size = 0
        self.count = 0

    def node(self, value: Any, depth: int) -> object:  # Any: whatever a student returned
        self.count += 1
        if depth > self.caps.depth or self.count > self.caps.values:
            raise WireError("the value has too many parts or is nested too deeply")
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int and abs(value) < 1 << 63:
            return value
        if kind is str:
            return value[: self.caps.text]
        if kind is list or kind is tuple:
            return [self.node(item, depth + 1) for item in value]
        if kind is dict and all(type(key) is str for key in value):
            return {"$": "dict", "items": {key: self.node(item, depth + 1) for key, item in value.items()}}
        if isinstance(value, torch.Tensor) and value.layout == torch.strided and value.dtype in NAMES:
            try:
                return self.tensor(value)
            except NotImplementedError:  # a tensor on `meta` holds no numbers
                return other(value)
        return other(value)

    def tensor(self, value: torch.Tensor) -> object:
        shape, dtype = list(value.shape), value.dtype
        node = {
            "$": "tensor",
            "dtype": NAMES[dtype],
            "shape": shape,
            "offset": self.size,
            "device": getattr(value, "nnkata_device", value.device.type),
            "grad": bool(value.requires_grad),
        }
        plain = value.detach().cpu().resolve_conj().resolve_neg()
        if self.layout and not plain.is_contiguous() and plain.numel():
            span = 1 + sum((n - 1) * s for n, s in zip(plain.shape, plain.stride(), strict=True))
            node["strides"] = list(plain.stride())
            plain = plain.as_strided((span,), (1,), plain.storage_offset())
        size = plain.numel() * plain.element_size()
        if self.size + size > self.caps.payload:
            raise WireError(f"a tensor of shape {tuple(shape)} is too large to send back")
        # a copy of our own: contiguous() leaves odd strides on dimensions of one element
        dense = torch.empty(plain.numel(), dtype=plain.dtype).copy_(plain.reshape(-1))
        data = dense.view(torch.uint8).numpy().tobytes() if size else b""
        padding = -size % ALIGN
        self.chunks += [data, bytes(padding)]
        self.size += size + padding
        return node


def other(value: object) -> dict[str, object]:
    """The node of something that is no plain data."""
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        text = repr(value)[:200]
    except Exception:  # a student's __repr__ may do anything
        text = ""
    return {"$": "other", "type": str(name)[:200], "text": text}


class _Reader:
    def __init__(self, payload: bytearray, layout: bool, caps: Caps) -> None:
        self.payload, self.layout, self.caps = payload, layout, caps
        self.count = 0
        self.taken = 0

    def value(self, node: Any, depth: int = 0) -> Value:  # Any: JSON
        self.count += 1
        if depth > self.caps.depth or self.count > self.caps.values:
            raise WireError("the value has too many parts or is nested too deeply")
        if isinstance(node, int) and abs(node) >= 1 << 63:
            raise WireError("a whole number is beyond all measure")
        if node is None or isinstance(node, bool | int | float):
            return node
        if isinstance(node, str):
            # what the grader sends is a student's own source, and stays as it is
            return node[: self.caps.text] if self.layout else strip_unprintable(node[: self.caps.text])
        if isinstance(node, list):
            return [self.value(item, depth + 1) for item in node]
        kind = node.get("$")
        if kind == "dict" and isinstance(node.get("items"), dict):
            return {key[:200]: self.value(item, depth + 1) for key, item in node["items"].items()}
        if kind == "tensor":
            return self.tensor(node)
        if kind == "other":
            return Opaque(
                strip_unprintable(_text(node.get("type"), 200)) or "object",
                strip_unprintable(_text(node.get("text"), 200)),
            )
        raise WireError("the header has an object of unknown kind")

    def tensor(self, node: dict[str, Any]) -> torch.Tensor:
        dtype = DTYPES.get(node["dtype"]) if isinstance(node.get("dtype"), str) else None
        shape, (offset, *_) = _naturals(node.get("shape")), _naturals([node.get("offset")])
        if dtype is None or len(shape) > self.caps.dims:
            raise WireError("a tensor's description is malformed")
        strides = _naturals(node["strides"]) if self.layout and "strides" in node else None
        if strides is None and "strides" not in node:
            count = math.prod(shape)
        elif strides is not None and len(strides) == len(shape):
            count = 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) if all(shape) else 0
        else:
            raise WireError("a tensor's strides are not welcome here")
        if math.prod(n for n in shape if n) >= 1 << 40:
            raise WireError("a tensor's shape is beyond all measure")
        size = dtype.itemsize
        if offset % ALIGN or offset + count * size > len(self.payload):
            raise WireError("a tensor's data lies outside of the payload")
        self.taken += count * size
        if self.taken > len(self.payload):
            raise WireError("tensors share their data")  # each is copied: a small message would fill the memory
        if count == 0:
            tensor = torch.empty(shape, dtype=dtype)
        elif dtype is torch.bool:
            # any byte may have come: make it a real truth value
            tensor = torch.frombuffer(self.payload, dtype=torch.uint8, count=count, offset=offset) != 0
        else:
            tensor = torch.frombuffer(self.payload, dtype=dtype, count=count, offset=offset).clone()
        tensor = tensor.as_strided(shape, strides) if strides is not None else tensor.reshape(shape)
        return _Travelled.mark(tensor, node)


class _Travelled:
    """What a tensor said of itself before it travelled, kept beside it (the tensor itself arrives on the CPU)."""

    @staticmethod
    def mark(tensor: torch.Tensor, node: dict[str, Any]) -> torch.Tensor:
        tensor.sent_device = _text(node.get("device"), 20)  # type: ignore[attr-defined]
        tensor.sent_grad = node.get("grad") is True  # type: ignore[attr-defined]
        return tensor


def sent_device(tensor: torch.Tensor) -> str:
    """The device type that a decoded tensor lived on when it was sent."""
    return str(getattr(tensor, "sent_device", tensor.device.type))


def sent_grad(tensor: torch.Tensor) -> bool:
    """Whether a decoded tensor required a gradient when it was sent."""
    return bool(getattr(tensor, "sent_grad", tensor.requires_grad))


def _text(value: object, limit: int) -> str:
    return value[:limit] if isinstance(value, str) else ""


def _naturals(values: object) -> list[int]:
    """A list of sizes; WireError for anything else."""
    if isinstance(values, list) and all(type(n) is int and 0 <= n < 1 << 40 for n in values):
        return values
    raise WireError("a tensor's description is malformed")
