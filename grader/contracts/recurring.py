"""Misconceptions that recur from part to part, made by factories with their sentences.

Some take the right function and make the wrong one of it; the others decorate a wrong implementation, since it is wrong
in a way of its own. `id` and `fails` are as for `misconception`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch.utils._pytree import tree_map

from ..exercise.content import misconception

F = TypeVar("F", bound=Callable[..., Any])
Right = Callable[..., Any]
"""A right implementation of the part, with the part's own signature."""
Fails = str | list[str]


# -- the wrong one is made of the right one ----------------------------------------------------------------------------


def detached(part: str, right: Right, *, id: str, fails: Fails, besides: str = "") -> None:
    """Register: the values are right, but the result is cut off from the graph.

    Args:
        besides: a sentence to end the advice with, such as what may be detached.
    """

    @misconception(
        part,
        id,
        "Your values are right, but the result is cut off from the graph: no gradient gets back through it, and "
        "nothing before it would ever learn.",
        "Look for `.detach()`, `.data`, `.item()`, `.tolist()`, NumPy, `no_grad()`, or a `torch.tensor(...)` around "
        "something that is a tensor already." + (f" {besides}" if besides else ""),
        fails=fails,
    )
    @functools.wraps(right)
    def wrong(*args: Any, **options: Any) -> Any:
        return right(*args, **options).detach()


def float32_only(part: str, right: Right, *, id: str, fails: Fails) -> None:
    """Register: the result is float32, whatever dtype goes in."""

    @misconception(
        part,
        id,
        "Your result is float32, whatever dtype goes in. What goes in as float64 must come out as float64, with all of "
        "its digits.",
        "Do without `.float()` and `dtype=torch.float32`: arithmetic keeps the dtype by itself, and `new_ones`, "
        "`zeros_like` and `.to(x.dtype)` follow x.",
        fails=fails,
    )
    @functools.wraps(right)
    def wrong(*args: Any, **options: Any) -> Any:
        args, options = tree_map(_in_float32, (args, options))
        return _in_float32(right(*args, **options))


def _in_float32(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def python_number(part: str, right: Right, *, id: str, fails: Fails) -> None:
    """Register: a Python number comes back in place of a tensor with no dimensions."""

    @misconception(
        part,
        id,
        "You return a Python number. It is the right number, but a number has forgotten the graph: nothing can be "
        "learnt from it.",
        "`.item()` is for printing. Return the 0-d tensor itself.",
        fails=fails,
    )
    @functools.wraps(right)
    def wrong(*args: Any, **options: Any) -> Any:
        result = right(*args, **options)
        return result.item() if result.dim() == 0 else result


def any_reduction(part: str, right: Right, *, id: str, fails: Fails) -> None:
    """Register: any other word than 'mean' and 'sum' counts as 'none'. `right` has an argument `reduction`."""

    @misconception(
        part,
        id,
        "Whatever word is not 'mean' or 'sum' counts as 'none' for you. A typing mistake such as 'average' then gives "
        "a whole tensor instead of an error that says what is wrong.",
        "Three words are known. What should happen after the third `if`?",
        fails=fails,
    )
    @functools.wraps(right)
    def wrong(*args: Any, **options: Any) -> Any:
        return _reduced(right, args, options, lambda word: word if word in ("mean", "sum") else "none")


def always_the_mean(part: str, right: Right, *, id: str, fails: Fails) -> None:
    """Register: the result is the mean, whatever `reduction` says. `right` has an argument `reduction`."""

    @misconception(
        part,
        id,
        "Your result is the mean, whatever `reduction` says.",
        "Three words, three results: which of them does your code look at?",
        fails=fails,
    )
    @functools.wraps(right)
    def wrong(*args: Any, **options: Any) -> Any:
        return _reduced(right, args, options, lambda _: "mean")


def none_for_other_words(part: str, right: Right, *, id: str, fails: Fails) -> None:
    """Register: for an unknown word None comes back. `right` has an argument `reduction`."""

    @misconception(
        part,
        id,
        "For a word that is none of the three, your function reaches its end without a return, and gives None. A "
        "typing mistake such as 'average' then shows up far from its cause; it must be a ValueError.",
        "Three words are known. What should happen after the third `if`?",
        fails=fails,
    )
    @functools.wraps(right)
    def wrong(*args: Any, **options: Any) -> Any:
        known = inspect.signature(right).bind(*args, **options).arguments.get("reduction", "mean")
        return right(*args, **options) if known in ("mean", "sum", "none") else None


def _reduced(right: Right, args: Any, options: Any, change: Callable[[str], str]) -> Any:
    """Call `right` with another word for its `reduction`."""
    bound = inspect.signature(right).bind(*args, **options)
    bound.apply_defaults()
    bound.arguments["reduction"] = change(bound.arguments["reduction"])
    return right(*bound.args, **bound.kwargs)


# -- the wrong one is decorated ----------------------------------------------------------------------------------------


def changes_input_in_place(part: str, *, id: str, fails: Fails, argument: str = "x", how: str = "") -> Callable[[F], F]:
    """Decorate a wrong implementation that writes into an argument.

    Args:
        argument: the argument's name.
        how: what it writes, in a sentence that is true of whoever fails like this; none if that is not known.
    """
    return misconception(
        part,
        id,
        f"You change `{argument}` in place, so whoever gave it to you finds other numbers in it afterwards."
        + (f" {how}" if how else ""),
        f"Make a new tensor and leave `{argument}` as it is: operations whose names end in `_`, `-=` and the like, and "
        f"an assignment to `{argument}[...]` change the one that they are given.",
        fails=fails,
    )


def on_two_devices(part: str, *, id: str, fails: Fails, noun: str = "network") -> Callable[[F], F]:
    """Decorate a wrong module that, moved to another device, brings tensors of two devices together.

    Args:
        noun: what the module is called in the sentence: network, layer, block.
    """
    return misconception(
        part,
        id,
        f"Moved to another device, your {noun} brings tensors of two devices together. Somewhere it makes one on the "
        "CPU (`torch.zeros(n)` without a device), keeps one where `to(device)` does not look, or sends one to the CPU.",
        "Make a tensor where its partner lives (`device=x.device`, `torch.zeros_like`, `x.new_zeros`), and register "
        "what the module keeps.",
        fails=fails,
    )


def answers_on_the_cpu(part: str, *, id: str, fails: Fails, noun: str = "network") -> Callable[[F], F]:
    """Decorate a wrong module whose result lives on the CPU, wherever the module was moved; `noun` as above."""
    return misconception(
        part,
        id,
        f"Your {noun} answers on the CPU wherever it was moved: its result is made there, or sent there at the end.",
        "Leave the result where the input is: whoever wants it on the CPU can call `.cpu()`.",
        fails=fails,
    )


def squeezed(part: str, *, id: str, fails: Fails, example: str) -> Callable[[F], F]:
    """Decorate a wrong implementation that drops every dimension of size 1.

    Args:
        example: what becomes of one example: "a single image comes back as (10,) instead of (1, 10)".
    """
    return misconception(
        part,
        id,
        f"Where the result has a dimension of size 1, it is gone: {example}.",
        "`squeeze()` removes every dimension of size 1, also that of a batch of one. Name the one that you mean, or "
        "remove none.",
        fails=fails,
    )


def probabilities_at_the_end(part: str, *, id: str, fails: Fails, last: str = "linear layer") -> Callable[[F], F]:
    """Decorate a wrong network that ends in a softmax, where logits are asked for.

    Args:
        last: what the right network ends with.
    """
    return misconception(
        part,
        id,
        "Your network returns probabilities, where logits are asked for. Cross-entropy takes the softmax itself; with "
        "a second one its gradient is small, and a loss over ten classes never gets below 1.461.",
        f"Return what the last {last} gives, as it is.",
        fails=fails,
    )


def log_probabilities_at_the_end(part: str, *, id: str, fails: Fails, last: str = "linear layer") -> Callable[[F], F]:
    """Decorate a wrong network that ends in a log-softmax, where logits are asked for; `last` as above."""
    return misconception(
        part,
        id,
        f"Your network returns log-probabilities, where logits are asked for: the last {last}'s numbers as they are.",
        "Leave the log-softmax to whoever takes the loss.",
        fails=fails,
    )


def probabilities_in_eval_mode(part: str, *, id: str, fails: Fails) -> Callable[[F], F]:
    """Decorate a wrong network that returns logits in training mode and probabilities in eval mode."""
    return misconception(
        part,
        id,
        "In training mode your network returns logits, in eval mode probabilities. Whoever measures a loss in eval "
        "mode takes the softmax of a softmax.",
        "Return logits in both modes; the largest logit is at the same class as the largest probability.",
        fails=fails,
    )
