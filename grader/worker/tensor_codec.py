"""One tensor as a description and raw bytes, and back; what reads it trusts neither.

A description is a JSON object (see `wire`): dtype, shape, where in the payload the bytes begin, and what the sender
says of the tensor, which arrives on the CPU without a graph. Between the grader and its own worker it has strides,
too. This module runs beside the student's code: torch and the standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import WireError

ALIGNMENT = 64
"""Bytes: every tensor's data begins at a multiple of these, counted from the start of the payload."""

MAX_EXTENT = 1 << 40
"""Every size, stride and offset, and the product of a shape, stays below this, so that no arithmetic overflows."""

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
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def encode_tensor(tensor: torch.Tensor, *, offset: int, max_bytes: int, strides: bool) -> tuple[dict[str, Any], bytes]:
    """Return a tensor's description, and its bytes padded to `ALIGNMENT`.

    Args:
        offset: where in the payload the bytes will begin.
        max_bytes: WireError if the payload would be longer than this.
        strides: keep the strides of a tensor that is not contiguous.
    """
    shape = list(tensor.shape)
    node = {
        "$": "tensor",
        "dtype": DTYPE_NAMES[tensor.dtype],
        "shape": shape,
        "offset": offset,
        "device": getattr(tensor, "nnkata_device", tensor.device.type),
        "grad": bool(tensor.requires_grad),
    }
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    if strides and not plain.is_contiguous() and plain.numel():
        node["strides"] = list(plain.stride())
        plain = plain.as_strided((_memory_span(plain.shape, plain.stride()),), (1,), plain.storage_offset())
    size = plain.numel() * plain.element_size()
    if offset + size > max_bytes:
        raise WireError(f"a tensor of shape {tuple(shape)} is too large to send back")
    # a copy of our own: contiguous() leaves odd strides on dimensions of one element
    dense = torch.empty(plain.numel(), dtype=plain.dtype).copy_(plain.reshape(-1))
    data = dense.view(torch.uint8).numpy().tobytes() if size else b""
    return node, data + bytes(-size % ALIGNMENT)


@dataclass(frozen=True)
class TensorSpec:
    """A tensor's description, parsed: its form is checked, but not yet against the payload.

    Attributes:
        count: elements that it takes from the payload.
        offset: in bytes.
    """

    dtype: torch.dtype
    shape: list[int]
    strides: list[int] | None
    offset: int
    count: int

    @property
    def nbytes(self) -> int:
        """Bytes that it takes from the payload."""
        return self.count * self.dtype.itemsize


def parse_spec(node: dict[str, Any], *, max_dims: int, strides: bool) -> TensorSpec:
    """Parse a description from outside; WireError if it is malformed, or has strides where `strides` is False."""
    dtype = DTYPES.get(node["dtype"]) if isinstance(node.get("dtype"), str) else None
    shape, (offset, *_) = _parse_sizes(node.get("shape")), _parse_sizes([node.get("offset")])
    if dtype is None or len(shape) > max_dims:
        raise WireError("a tensor's description is malformed")
    if "strides" in node and not strides:
        raise WireError("strides are not allowed in replies")
    steps = _parse_sizes(node["strides"]) if "strides" in node else None
    if steps is None:
        count = math.prod(shape)
    elif len(steps) == len(shape):
        count = _memory_span(shape, steps) if all(shape) else 0
    else:
        raise WireError("a tensor's description is malformed")
    if math.prod(n for n in shape if n) >= MAX_EXTENT:  # without the zeros, which would hide an absurd size beside them
        raise WireError("a tensor's shape is out of range")
    return TensorSpec(dtype=dtype, shape=shape, strides=steps, offset=offset, count=count)


def check_bounds(spec: TensorSpec, payload_size: int) -> None:
    """Raise WireError if a tensor's data is not aligned, or does not lie inside of a payload of so many bytes."""
    if spec.offset % ALIGNMENT or spec.offset + spec.nbytes > payload_size:
        raise WireError("a tensor's data lies outside of the payload")


def build_tensor(spec: TensorSpec, payload: bytearray) -> torch.Tensor:
    """Copy a tensor out of the payload, whose bounds it keeps (see `check_bounds`)."""
    if spec.count == 0:
        tensor = torch.empty(spec.shape, dtype=spec.dtype)
    elif spec.dtype is torch.bool:
        # any byte may have come: make it a real truth value
        tensor = torch.frombuffer(payload, dtype=torch.uint8, count=spec.count, offset=spec.offset) != 0
    else:
        tensor = torch.frombuffer(payload, dtype=spec.dtype, count=spec.count, offset=spec.offset).clone()
    return tensor.reshape(spec.shape) if spec.strides is None else tensor.as_strided(spec.shape, spec.strides)


def attach_sender_info(tensor: torch.Tensor, node: dict[str, Any]) -> torch.Tensor:
    """Keep beside a decoded tensor what its sender says of it: its device, and whether it required a gradient."""
    device = node.get("device")
    tensor.sent_device = device[:20] if isinstance(device, str) else ""  # type: ignore[attr-defined]
    tensor.sent_grad = node.get("grad") is True  # type: ignore[attr-defined]
    return tensor


def sent_device(tensor: torch.Tensor) -> str:
    """Return the device type that a decoded tensor lived on when it was sent."""
    return str(getattr(tensor, "sent_device", tensor.device.type))


def sent_grad(tensor: torch.Tensor) -> bool:
    """Return True if a decoded tensor required a gradient when it was sent."""
    return bool(getattr(tensor, "sent_grad", tensor.requires_grad))


def _memory_span(shape: list[int] | torch.Size, strides: list[int] | tuple[int, ...]) -> int:
    """Return the number of elements from the first to the last of a tensor without empty dimensions, in memory."""
    return 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))


def _parse_sizes(values: object) -> list[int]:
    """Return a list of sizes as it is; WireError if it is anything else."""
    if isinstance(values, list) and all(type(n) is int and 0 <= n < MAX_EXTENT for n in values):
        return values
    raise WireError("a tensor's description is malformed")
