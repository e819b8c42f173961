"""The first difference between two values, from coarse to fine: kind, structure, shape, dtype, device, values.

It is described in one or two lines, never as a dump of tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ..model import Opaque, Value
from ..worker.tensor_codec import sent_device


@dataclass(frozen=True)
class Tolerance:
    """The rule |actual − expected| ≤ atol + rtol·|expected|."""

    rtol: float
    atol: float

    def scaled(self, factor: float) -> Tolerance:
        """Return this tolerance, wider by a factor."""
        return Tolerance(rtol=self.rtol * factor, atol=self.atol * factor)


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
"""For Python's floats."""

GPU_FACTOR = 30.0
"""How much wider tolerances are on a GPU, whose sums run in another order."""

GPU_FACTORS = {torch.float16: 2.0, torch.bfloat16: 2.0}
"""The same for half precision. Sums are kept in float32 there and rounded once, so that another order moves the result
by a unit in the last place or two; 30 times bfloat16's 5e-2 would let every answer pass."""

GPU = "cuda"

ANY_DEVICE = "any"
"""Instead of a device's name: the tensors may live anywhere."""


@dataclass(frozen=True)
class Mismatch:
    """The first difference between two values.

    Attributes:
        kind: of the difference: `type`, `keys`, `length`, `shape`, `dtype`, `device` or `value`; the judge adds
            `gradient` and `changed`.
        lines: for people: where the values differ, yours and the expected one; then how many differ, and by how much.
    """

    kind: str
    lines: tuple[str, ...]


def tolerance_for(dtype: torch.dtype | None, device: str = "cpu", tolerance: Tolerance | None = None) -> Tolerance:
    """Return the tolerance for values of a dtype (None: Python floats) that were computed on a device.

    Args:
        tolerance: instead of the one in `TOLERANCES`; on a GPU it is widened as that would be.
    """
    usual, factor = FLOAT, GPU_FACTOR
    if dtype is not None:
        usual, factor = TOLERANCES.get(dtype, EXACT), GPU_FACTORS.get(dtype, GPU_FACTOR)
    allowed = tolerance or usual
    return allowed.scaled(factor) if device == GPU else allowed


def difference(
    actual: Value, expected: Value, *, tolerance: Tolerance | None = None, device: str = "cpu", path: str = "the result"
) -> Mismatch | None:
    """Return the first difference, or None.

    Args:
        actual: the value that came back.
        expected: the value that should have.
        tolerance: instead of the one for the expected dtype; for both see `tolerance_for`.
        device: the device type that tensors must have been on when they were sent, or `ANY_DEVICE`.
        path: the name of the value in the lines.
    """
    if isinstance(expected, torch.Tensor):
        if not isinstance(actual, torch.Tensor):
            return Mismatch("type", (f"{path} is {named(actual)}; expected a torch.Tensor {_form(expected)}",))
        return _tensor_difference(actual, expected, tolerance, device=device, path=path)
    if isinstance(actual, torch.Tensor):
        return Mismatch("type", (f"{path} is a torch.Tensor {_form(actual)}; expected {named(expected)}",))
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return Mismatch("type", (f"{path} is {named(actual)}; expected a dict",))
        if sorted(actual) != sorted(expected):
            return Mismatch("keys", (f"{path} has the keys {sorted(actual)}; expected {sorted(expected)}",))
        items = [(f"{path}[{key!r}]", actual[key], expected[key]) for key in expected]
        return _first_difference(items, tolerance, device)
    if isinstance(expected, list):
        if not isinstance(actual, list):
            return Mismatch("type", (f"{path} is {named(actual)}; expected a list or tuple",))
        if len(actual) != len(expected):
            return Mismatch("length", (f"{path} has {len(actual)} items; expected {len(expected)}",))
        items = [(f"{path}[{i}]", a, e) for i, (a, e) in enumerate(zip(actual, expected, strict=True))]
        return _first_difference(items, tolerance, device)
    return _scalar_difference(actual, expected, tolerance_for(None, device, tolerance), path)


def same(actual: Value, expected: Value, tolerance: Tolerance | None = None) -> bool:
    """Return True if two values are the same within tolerance, wherever they lived."""
    return difference(actual, expected, tolerance=tolerance, device=ANY_DEVICE) is None


def _first_difference(
    items: list[tuple[str, Value, Value]], tolerance: Tolerance | None, device: str
) -> Mismatch | None:
    for path, actual, expected in items:
        mismatch = difference(actual, expected, tolerance=tolerance, device=device, path=path)
        if mismatch:
            return mismatch
    return None


def _scalar_difference(actual: Value, expected: Value, allowed: Tolerance, path: str) -> Mismatch | None:
    if isinstance(actual, float) and isinstance(expected, float):
        if _close(actual, expected, allowed):
            return None
        return Mismatch("value", (f"{path} is {_actual_and_expected(actual, expected)}",))
    if type(actual) is type(expected) and actual == expected:
        return None
    kind = "value" if type(actual) is type(expected) else "type"
    return Mismatch(kind, (f"{path} is {_scalar_text(actual, kind)}; expected {_scalar_text(expected, kind)}",))


def _close(actual: float, expected: float, allowed: Tolerance) -> bool:
    if math.isnan(expected) or math.isinf(expected):
        return (math.isnan(actual) and math.isnan(expected)) or actual == expected
    return abs(actual - expected) <= allowed.atol + allowed.rtol * abs(expected)


def _scalar_text(value: Value, kind: str) -> str:
    text = str(value) if not isinstance(value, str) else repr(value[:60])
    return named(value) if kind == "type" and value is not None and not isinstance(value, bool | int | float) else text


def named(value: Value) -> str:
    """Return the kind of a value, as a sentence needs it: `None`, `a float`, `a numpy.ndarray`."""
    if value is None:
        return "None"
    name = value.type if isinstance(value, Opaque) else type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _tensor_difference(
    actual: torch.Tensor, expected: torch.Tensor, tolerance: Tolerance | None, *, device: str, path: str
) -> Mismatch | None:
    if actual.shape != expected.shape:
        return Mismatch("shape", (f"{path} has the shape {tuple(actual.shape)}; expected {tuple(expected.shape)}",))
    if actual.dtype != expected.dtype:
        return Mismatch("dtype", (f"{path} has the dtype {_dtype(actual)}; expected {_dtype(expected)}",))
    if device != ANY_DEVICE and sent_device(actual) != device:
        return Mismatch("device", (f"{path} lives on the device {sent_device(actual)}; its inputs live on {device}",))
    if torch.equal(actual, expected):  # the usual case, and much quicker than to ask how far apart they are
        return None
    allowed = tolerance_for(expected.dtype, device, tolerance)
    wide = torch.complex128 if expected.is_complex() else torch.float64
    if expected.dtype in (torch.bool, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
        wrong = actual != expected  # before they are widened: float64 cannot hold every int64
        absolute_difference = (actual.to(wide) - expected.to(wide)).abs()
    else:
        left, right = actual.detach().to(wide), expected.detach().to(wide)
        absolute_difference = (left - right).abs()
        equal = (left == right) | (left.isnan() & right.isnan())
        # next to inf every difference is small, so that only finite numbers can be close
        close = right.isfinite() & (absolute_difference <= allowed.atol + allowed.rtol * right.abs())
        wrong = ~(equal | close)
    if not wrong.any():
        return None
    return Mismatch("value", _value_lines(actual, expected, wrong, absolute_difference, allowed=allowed, path=path))


def _value_lines(
    actual: torch.Tensor,
    expected: torch.Tensor,
    wrong: torch.Tensor,
    absolute_difference: torch.Tensor,
    *,
    allowed: Tolerance,
    path: str,
) -> tuple[str, ...]:
    """Return the first wrong value beside the expected one, and how many are wrong by how much at most."""
    if actual.dim() == 0:
        return (f"{path} is {_actual_and_expected(actual.item(), expected.item())}",)
    index = tuple(int(i) for i in wrong.nonzero()[0])
    first = f"{path}[{', '.join(map(str, index))}] is "
    first += _actual_and_expected(actual[index].item(), expected[index].item())
    summary = f"{int(wrong.sum())} of {wrong.numel()} values differ"
    differences = absolute_difference[wrong & ~absolute_difference.isnan()]
    if len(differences) and expected.dtype is not torch.bool:
        summary += f", by up to {short(float(differences.max()))}"
        limit = 0.0
        if expected.is_floating_point():
            limit = allowed.atol + allowed.rtol * float(expected.abs().to(torch.float64).max())
        summary += f" ({short(limit)} is allowed)" if limit and math.isfinite(limit) else ""
    nans = int(actual.isnan().sum()) if actual.is_floating_point() else 0
    if nans and not (expected.is_floating_point() and expected.isnan().any()):
        summary += f"; {nans} of yours {'is' if nans == 1 else 'are'} NaN"
    return first, summary


def short(number: object) -> str:
    """Return a number as text, a float with five digits at most."""
    if isinstance(number, float):
        if math.isnan(number):
            return "NaN"
        return f"{number:.5g}"
    return str(number)


FLOAT64_DIGITS = 17
"""As many digits as tell any two float64 apart."""


def _actual_and_expected(actual: object, expected: object) -> str:
    """Return two numbers that differ, with as many digits as it takes to see it."""
    shown_actual, shown_expected = short(actual), short(expected)
    if isinstance(actual, float) and isinstance(expected, float) and actual != expected:
        for digits in range(6, FLOAT64_DIGITS + 1):
            if shown_actual != shown_expected:
                break
            shown_actual, shown_expected = f"{actual:.{digits}g}", f"{expected:.{digits}g}"
    return f"{shown_actual}; expected {shown_expected}"


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _form(tensor: torch.Tensor) -> str:
    return f"of shape {tuple(tensor.shape)}, {_dtype(tensor)}"
