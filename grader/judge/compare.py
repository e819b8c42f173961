"""How two values differ, from coarse to fine: kind, structure, shape, dtype, device, values.

The first difference found is told as a small ladder of lines, never as a dump of tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ..model import Opaque, Value
from ..worker.tensor_codec import sent_device


@dataclass(frozen=True)
class Tolerance:
    """|actual − expected| ≤ atol + rtol·|expected|."""

    rtol: float
    atol: float


TOLERANCES = {
    torch.float64: Tolerance(1e-8, 1e-9),
    torch.float32: Tolerance(1e-4, 1e-5),
    torch.float16: Tolerance(1e-2, 1e-2),
    torch.bfloat16: Tolerance(5e-2, 5e-2),
    torch.complex64: Tolerance(1e-4, 1e-5),
    torch.complex128: Tolerance(1e-8, 1e-9),
}
EXACT = Tolerance(0.0, 0.0)
FLOAT = Tolerance(1e-4, 1e-5)


@dataclass(frozen=True)
class Mismatch:
    """The first difference between two values.

    Attributes:
        kind: what differs.
        lines: the ladder, for people: what differs, then where, expected and yours, how many and how much.
    """

    kind: str
    lines: tuple[str, ...]


def difference(
    actual: Value, expected: Value, *, tolerance: Tolerance | None = None, device: str = "cpu", path: str = "the result"
) -> Mismatch | None:
    """The first difference, or None.

    Args:
        actual: what came back.
        expected: what should have.
        tolerance: instead of the one that suits the expected dtype.
        device: the device type that floating-point results must have been on when they were sent.
        path: what to call the value.
    """
    if isinstance(expected, torch.Tensor):
        if not isinstance(actual, torch.Tensor):
            return Mismatch("type", (f"{path} is {named(actual)}; expected a torch.Tensor {_form(expected)}",))
        return _tensors(actual, expected, tolerance, device, path)
    if isinstance(actual, torch.Tensor):
        return Mismatch("type", (f"{path} is a torch.Tensor {_form(actual)}; expected {named(expected)}",))
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return Mismatch("type", (f"{path} is {named(actual)}; expected a dict",))
        if sorted(actual) != sorted(expected):
            return Mismatch("keys", (f"{path} has the keys {sorted(actual)}; expected {sorted(expected)}",))
        pairs = [(f"{path}[{key!r}]", actual[key], expected[key]) for key in expected]
        return _first(pairs, tolerance, device)
    if isinstance(expected, list):
        if not isinstance(actual, list):
            return Mismatch("type", (f"{path} is {named(actual)}; expected a list or tuple",))
        if len(actual) != len(expected):
            return Mismatch("length", (f"{path} has {len(actual)} items; expected {len(expected)}",))
        return _first(
            [(f"{path}[{i}]", a, e) for i, (a, e) in enumerate(zip(actual, expected, strict=True))], tolerance, device
        )
    return _scalars(actual, expected, tolerance, path)


def same(actual: Value, expected: Value, tolerance: Tolerance | None = None) -> bool:
    """Whether two values are the same within tolerance, wherever they lived."""
    return difference(actual, expected, tolerance=tolerance, device="any") is None


def _first(pairs: list[tuple[str, Value, Value]], tolerance: Tolerance | None, device: str) -> Mismatch | None:
    for path, actual, expected in pairs:
        found = difference(actual, expected, tolerance=tolerance, device=device, path=path)
        if found:
            return found
    return None


def _scalars(actual: Value, expected: Value, tolerance: Tolerance | None, path: str) -> Mismatch | None:
    numbers = (int, float)
    both = isinstance(actual, numbers) and isinstance(expected, numbers)
    if both and not isinstance(actual, bool) and not isinstance(expected, bool) and isinstance(expected, float):
        allowed = tolerance or FLOAT
        if isinstance(actual, float) and _close(actual, expected, allowed):
            return None
        if isinstance(actual, float):
            return Mismatch("value", (f"{path} is {_both(actual, expected)}",))
    elif type(actual) is type(expected) and actual == expected:
        return None
    kind = "value" if type(actual) is type(expected) else "type"
    return Mismatch(kind, (f"{path} is {_told(actual, kind)}; expected {_told(expected, kind)}",))


def _close(actual: float, expected: float, allowed: Tolerance) -> bool:
    if math.isnan(expected) or math.isinf(expected):
        return (math.isnan(actual) and math.isnan(expected)) or actual == expected
    return abs(actual - expected) <= allowed.atol + allowed.rtol * abs(expected)


def _told(value: Value, kind: str) -> str:
    text = str(value) if not isinstance(value, str) else repr(value[:60])
    return named(value) if kind == "type" and value is not None and not isinstance(value, bool | int | float) else text


def named(value: Value) -> str:
    """A value by its kind, as a sentence needs it: `None`, `a float`, `a numpy.ndarray`."""
    if value is None:
        return "None"
    name = value.type if isinstance(value, Opaque) else type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _tensors(
    actual: torch.Tensor, expected: torch.Tensor, tolerance: Tolerance | None, device: str, path: str
) -> Mismatch | None:
    if actual.shape != expected.shape:
        return Mismatch("shape", (f"{path} has the shape {tuple(actual.shape)}; expected {tuple(expected.shape)}",))
    if actual.dtype != expected.dtype:
        return Mismatch("dtype", (f"{path} has the dtype {_dtype(actual)}; expected {_dtype(expected)}",))
    if device != "any" and sent_device(actual) != device:
        return Mismatch("device", (f"{path} lives on the device {sent_device(actual)}; its inputs live on {device}",))
    if torch.equal(actual, expected):  # the usual case, and much quicker than to ask how far apart they are
        return None
    allowed = tolerance or TOLERANCES.get(expected.dtype, EXACT)
    wide = torch.complex128 if expected.is_complex() else torch.float64
    if expected.dtype in (torch.bool, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
        wrong = actual != expected
        gap = (actual.to(wide) - expected.to(wide)).abs()
    else:
        left, right = actual.detach().to(wide), expected.detach().to(wide)
        gap = (left - right).abs()
        equal = (left == right) | (left.isnan() & right.isnan())
        near = right.isfinite() & (gap <= allowed.atol + allowed.rtol * right.abs())  # next to inf, all gaps are small
        wrong = ~(equal | near)
    if not wrong.any():
        return None
    return Mismatch("value", _ladder(actual, expected, wrong, gap, allowed, path))


def _ladder(
    actual: torch.Tensor, expected: torch.Tensor, wrong: torch.Tensor, gap: torch.Tensor, allowed: Tolerance, path: str
) -> tuple[str, ...]:
    if actual.dim() == 0:
        return (f"{path} is {_both(actual.item(), expected.item())}",)
    index = tuple(int(i) for i in wrong.nonzero()[0])
    place = ", ".join(map(str, index))
    count, total = int(wrong.sum()), wrong.numel()
    lines = [f"{path}[{place}] is {_both(actual[index].item(), expected[index].item())}"]
    much = gap[wrong & ~gap.isnan()]
    text = f"{count} of {total} values differ"
    if len(much) and expected.dtype is not torch.bool:
        text += f", by up to {short(float(much.max()))}"
        limit = (
            allowed.atol + allowed.rtol * float(expected.abs().to(torch.float64).max())
            if expected.is_floating_point()
            else 0
        )
        text += f" ({short(limit)} is allowed)" if limit and math.isfinite(limit) else ""
    nans = int(actual.isnan().sum()) if actual.is_floating_point() else 0
    if nans and not (expected.is_floating_point() and expected.isnan().any()):
        text += f"; {nans} of yours {'is' if nans == 1 else 'are'} NaN"
    return (*lines, text)


def short(number: object) -> str:
    """A number in at most about eight characters."""
    if isinstance(number, float):
        if math.isnan(number):
            return "NaN"
        return f"{number:.5g}"
    return str(number)


DIGITS = 17
"""As many digits as a float64 has."""


def _both(actual: object, expected: object) -> str:
    """Two numbers that differ, with as many digits as it takes to see it."""
    mine, right = short(actual), short(expected)
    if isinstance(actual, float) and isinstance(expected, float) and actual != expected:
        for digits in range(6, DIGITS + 1):
            if mine != right:
                break
            mine, right = f"{actual:.{digits}g}", f"{expected:.{digits}g}"
    return f"{mine}; expected {right}"


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _form(tensor: torch.Tensor) -> str:
    return f"of shape {tuple(tensor.shape)}, {_dtype(tensor)}"
