"""Whether an answer agrees with the right one: the result, and what else its probe gives (arguments, gradients)."""

from __future__ import annotations

import functools
import inspect

import torch

from ..exercise import content
from ..model import Exercise, Value
from . import compare
from .compare import Mismatch, Tolerance
from .question import Question

NO_REPLY_TO_THIS = Mismatch("type", ("the worker's reply does not match the request",))


def mismatch(
    exercise: Exercise,
    part: str,
    question: Question,
    *,
    actual: Value,
    expected: Value,
    tolerance: Tolerance | None,
) -> Mismatch | None:
    """Return the first thing in which an answer differs from the right one, or None.

    `call` must also leave its arguments as they were, bit by bit; `gradient` must give the right gradients, too.
    """
    device = question.device
    if not question.is_shared:
        return compare.difference(actual, expected, tolerance=tolerance, device=device)
    if not isinstance(actual, dict) or not isinstance(expected, dict) or set(actual) != set(expected):
        return NO_REPLY_TO_THIS
    first = compare.difference(actual["result"], expected["result"], tolerance=tolerance, device=device)
    if first:
        return first
    names = _argument_names(exercise, part, question)
    if question.probe == "call":
        return _changed_argument(names, actual=actual["arguments"], before=expected["arguments"])
    return _gradient_mismatch(
        names, question, actual=actual["gradient"], expected=expected["gradient"], tolerance=tolerance
    )


def as_result(by_hand: Value, expected: Value) -> Value:
    """Return a number worked out by hand as a tensor of the reference's dtype, if that gives a tensor."""
    if isinstance(expected, torch.Tensor) and not isinstance(by_hand, torch.Tensor):
        return torch.tensor(by_hand, dtype=expected.dtype)
    return by_hand


def _changed_argument(names: list[str], *, actual: Value, before: Value) -> Mismatch | None:
    assert isinstance(before, list)
    if not isinstance(actual, list) or len(actual) != len(before):
        return NO_REPLY_TO_THIS
    for name, argument, original in zip(names, actual, before, strict=True):
        if compare.difference(argument, original, tolerance=compare.EXACT, device=compare.ANY_DEVICE):
            return Mismatch("changed", (f"the argument {name!r} was changed in place; work on a new tensor",))
    return None


def _gradient_mismatch(
    names: list[str], question: Question, *, actual: Value, expected: Value, tolerance: Tolerance | None
) -> Mismatch | None:
    assert isinstance(expected, list)
    if not isinstance(actual, list) or len(actual) != len(expected):
        return NO_REPLY_TO_THIS
    for index, actual_grad, expected_grad in zip(question.options["wrt"], actual, expected, strict=True):
        name = repr(names[index])
        if actual_grad is None and expected_grad is not None:
            return Mismatch("gradient", (f"no gradient reaches {name}: the result was detached from the graph",))
        first = compare.difference(
            actual_grad, expected_grad, tolerance=tolerance, device=question.device, path=f"the gradient of {name}"
        )
        if first:
            return first
    return None


@functools.cache
def _parameters(exercise: Exercise, part: str) -> list[str]:
    return [*inspect.signature(content.reference(exercise)[part]).parameters]  # type: ignore[arg-type]


def _argument_names(exercise: Exercise, part: str, question: Question) -> list[str]:
    """Return the names of a call's arguments, in the order in which the shared probes give them back."""
    count = len(question.args) - 1  # the first is the part's name
    names = _parameters(exercise, part)[:count]
    names += [f"argument {i}" for i in range(len(names), count)]
    return names + [name for name in question.options if name != "wrt"]
