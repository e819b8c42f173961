"""Checks of what a training function returned and told, for `judge.holds`: None, or what is wrong in one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Check = Callable[[Any], str | None]
Said = dict[str, Any]
"""What the probe `trained` returns (see `worker/training_probes.py`)."""
Losses = list[list[float]]
"""What the probe `losses_of_runs` returns: for each run the mean loss that was told after each epoch."""


def returned_a_module(said: Said) -> str | None:
    """Return what is wrong with the kind of thing that train_classifier returned, if anything."""
    if not said["module"]:
        return f"train_classifier returned a {said['type']}; it must return the trained module"
    return None


def is_ready(count: int) -> Check:
    """Make a check: a module in eval mode that gives ten scores to each of `count` images."""

    def check(said: Said) -> str | None:
        if told := returned_a_module(said):
            return told
        if any(said["training"]):
            return "the module comes back in training mode; it must be in eval mode, so that dropout is off"
        scores = said["scores"]
        if scores.dim() == 2 and len(scores) != count:
            return f"{count} images come back as {len(scores)} rows of scores; there is to be one row for each image"
        if tuple(scores.shape) != (count, 10):
            return (
                f"the module gives scores of the shape {tuple(scores.shape)} for {count} images; "
                f"expected ({count}, 10), whichever labels it was trained on"
            )
        if not scores.isfinite().all():
            return "some scores are not finite"
        return None

    return check


def reports(epochs: int) -> Check:
    """Make a check: on_epoch was called once an epoch, from 1, with a float."""

    def check(said: Said) -> str | None:
        told = said["told"]
        if not told:
            return "on_epoch was never called"
        numbers, losses = zip(*told, strict=True)
        if len(told) != epochs and len(set(numbers)) == len(numbers):
            return f"on_epoch was told of {len(told)} epochs; {epochs} are asked for"
        if len(told) != epochs:
            return f"on_epoch was called {len(told)} times in {epochs} epochs; call it once at the end of each epoch"
        if list(numbers) != list(range(1, epochs + 1)):
            return f"on_epoch got the epoch numbers {list(numbers)}; they run from 1 to {epochs}"
        if not all(type(loss) is float for loss in losses):
            return "on_epoch must be given the mean loss as a float, not as a tensor or another type"
        if not all(math.isfinite(loss) for loss in losses):
            return "a mean loss is not finite"
        return None

    return check


def means_do_not_grow(told: Losses) -> str | None:
    """Check the first epoch's loss for few and for many grey images, where no network can do more than guess."""
    (few,), (many,) = told
    if few > 0 and many > 2.5 * few:
        return (
            f"the loss of an epoch grows with the number of images, from {few:.3f} to {many:.3f}: divide the "
            "sum to get a mean"
        )
    if 0 < many < 0.4 * few:
        return f"the loss of an epoch shrinks with the number of images, from {few:.3f} to {many:.3f}: that is no mean"
    return None


def means_are_over_images(told: Losses) -> str | None:
    """Check the first epoch's loss for 2, for 10 and for 640 grey images."""
    (two,), (ten,), (many,) = told
    if 0 in (two, ten) and many:
        return "two or ten images have no loss at all: a batch that is not full counts, too"
    losses = f"two grey images have a mean loss of {two:.3f}, ten of {ten:.3f}, and 640 of {many:.3f}"
    known = f"{losses}, though nothing can be learned from them"
    if min(two, ten) > 0 and many > 2.5 * ten and many > 2.5 * two:
        return f"{known}: losses of single images, added up, are to be divided by the number of images, not of batches"
    if many > 0 and (many < 0.35 * ten or many < 0.2 * two):
        return f"{known}: mean losses of batches, added up, are to be divided by the number of batches, not of images"
    return None


def means_are_over_the_epoch(count: int) -> Check:
    """Make a check of two epochs of half of `count` images and one of all, which are alike; two seeds, two runs each.

    Both take the same steps, of which the last is no mean. Dropout makes the losses jump, so that it is asked with two
    seeds, and closely.
    """

    def check(told: Losses) -> str | None:
        for (first, second), (both,) in (told[:2], told[2:]):
            fall = first - second
            if second < 0 or fall < 0.002 * second or abs(both - second) > 0.03 * fall:
                return None
        return (
            f"{count} images that are all alike have a loss of {both:.3f} in an epoch; half of them have {first:.3f} "
            f"and {second:.3f} in two, after as many steps. As a mean, the one should lie between the two: tell the "
            "mean over all batches of the epoch, not what the last one gave"
        )

    return check


def has_learned(answers: Tensor, epochs: int) -> Check:
    """Make a check: most images that it has not seen are recognised, all epochs are told, and the loss fell."""

    def check(said: Said) -> str | None:
        if told := returned_a_module(said):
            return told
        share = (said["scores"].argmax(dim=1) == answers).float().mean().item()
        losses = [loss for _, loss in said["told"]]
        if share < 0.6:
            return (
                f"after training {share:.0%} of images that are easy to tell apart are recognised; guessing gives 20 %"
            )
        if len(losses) < epochs:
            return (
                f"on_epoch was called {len(losses)} times in {epochs} epochs; go through all epochs, however small the "
                "loss, and call it after each"
            )
        if len(losses) > epochs:
            return f"on_epoch was called {len(losses)} times in {epochs} epochs; call it once at the end of each epoch"
        if len(losses) > 1 and not losses[-1] < losses[0]:
            return f"the loss does not fall: {losses[0]:.4f} in the first epoch, {losses[-1]:.4f} in the last"
        return None

    return check


def make_a_difference(told: str) -> Check:
    """Make a check that says `told` if trainings on different labels gave the same network."""

    def check(scores: Sequence[Tensor]) -> str | None:
        return told if any(torch.equal(scores[0], other) for other in scores[1:]) else None

    return check


def both_alike(told: str) -> Check:
    """Make a check that says `told`, and how far they are apart, if two trainings gave different networks."""

    def check(scores: Sequence[Tensor]) -> str | None:
        gap = (scores[0] - scores[1]).abs().max().item()
        allowed = 1e-3 * max(1.0, scores[0].abs().max().item())
        return None if gap <= allowed else f"{told}: the scores differ by up to {gap:.4f}"

    return check


def both_differ(scores: Sequence[Tensor]) -> str | None:
    """Check that two seeds gave two networks."""
    if (scores[0] - scores[1]).abs().max() > 1e-4:
        return None
    return "two different seeds give the same network: use the argument `seed`, not a number of your own"


def inputs_unchanged(images: Tensor, labels: Tensor) -> Check:
    """Make a check: images and labels are as they were before the training."""

    def check(said: Said) -> str | None:
        for name, before in [("images", images), ("labels", labels)]:
            if said[name].dtype != before.dtype or not torch.equal(said[name], before):
                return f"the argument {name!r} was changed in place; work on a new tensor"
        return None

    return check


def scores_of(count: int) -> Check:
    """Make a check: ten scores for each of `count` images."""

    def check(scores: Tensor) -> str | None:
        shape = tuple(scores.shape)
        return None if shape == (count, 10) else f"the scores have the shape {shape}; expected ({count}, 10)"

    return check


def lives_on_its_device(said: Said) -> str | None:
    """Check that all parameters live on the device that was asked for."""
    wrong = [kind for kind in said["parameters"] if kind != said["device"]]
    return f"the module must live on {said['device']}; parts of it live on {wrong[0]}" if wrong else None
