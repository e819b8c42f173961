"""The contract of `train_classifier`, which several exercises ask for: its hidden tests and its misconceptions.

    def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None) -> nn.Module

`images` is float32 (N, 1, 28, 28) in [−1, 1], `labels` int64 (N,) from 0 to 9; the docstring that students read is that
of the reference in `solutions/07_mlp/mlp.py`. The probes are always there (`worker/training_probes.py`). The part must
have this name, and the network behind it is free.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

import pytest
import torch
from torch import Tensor, nn

from ..exercise.content import bar, part, rung
from ..judge.draw import Draw
from ..judge.judge import Judge
from . import training_checks, training_mistakes
from .small_training import Training
from .training_mistakes import Wording

CLASSES = (0, 2, 5, 7, 9)
"""The labels of the little data set: five of the ten classes."""


def add_tests(namespace: MutableMapping[str, object], *, bars: bool = False) -> None:
    """Add the hidden tests of `train_classifier` to a test module: `classifier_training.add_tests(globals())`.

    Args:
        namespace: the test module's `globals()`.
        bars: also ask for two bars on MNIST, `quick` and `full`, which exercise.toml must then describe; their probe
            is `train_on_mnist`.
    """
    namespace.update({name: test for name, test in globals().items() if name.startswith("test_")})
    if not bars:
        for name in (test_a_short_training_learns_digits, test_training_reaches_the_bar_on_mnist):
            del namespace[name.__name__]


def small_network(classes: int = 10) -> nn.Module:
    """Make a perceptron with one hidden layer of 16 units, enough for the mistakes to train."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, classes))


def add_misconceptions(model: Callable[[int], nn.Module] = small_network) -> None:
    """Register the misconceptions of `train_classifier`, in an exercise's misconceptions.py.

    Args:
        model: makes the untrained network that the mistakes train, from the number of classes.
    """
    training = Training(lambda classes=10: model(classes), batch_size=32, rate=3e-3)
    training_mistakes.add_misconceptions("train_classifier", training, Wording(), FAILS)


def patterns(draw: Draw, count: int) -> tuple[Tensor, Tensor]:
    """Draw images of five kinds that are easy to tell apart, with noise, and their labels."""
    rows, columns = torch.arange(28)[:, None].expand(28, 28), torch.arange(28)[None, :].expand(28, 28)
    kinds = torch.stack([
        torch.zeros(28, 28),
        ((rows // 2) % 2 == 0) & (rows < 14),
        ((columns // 2) % 2 == 0) & (columns < 14),
        (rows - 20) ** 2 + (columns - 20) ** 2 < 45,
        (rows + columns) % 2 == 0,
    ]).float()  # fmt: skip
    which = draw.permutation(count) % len(kinds)
    images = kinds[which] * 1.7 - 0.9 + draw.uniform(count, 28, 28, low=-0.1, high=0.1)
    return images[:, None].clamp(-1, 1), torch.tensor(CLASSES)[which]


def grey(draw: Draw, count: int) -> tuple[Tensor, Tensor]:
    """Draw images from which nothing can be learned: all alike, with labels that are evenly spread."""
    labels = torch.cat([torch.arange(10)[draw.permutation(10)] for _ in range(count // 10)])
    return torch.zeros(count, 1, 28, 28), labels


@part("train_classifier")
@rung("shape")
def test_train_returns_a_module_in_eval_mode(judge: Judge, draw: Draw) -> None:
    images, labels = patterns(draw, 100)
    check = training_checks.is_ready(7)
    judge.holds(check, "trained", images, labels, draw.normal(7, 1, 28, 28), 1, draw.integer(0, 10**6))


@part("train_classifier")
@rung("edge")
def test_train_gives_ten_scores_whatever_the_labels(judge: Judge, draw: Draw) -> None:
    """Labels 0 and 1 only: the images of this training are no sign of how many digits there are."""
    images, labels = patterns(draw, 64)
    check = training_checks.is_ready(3)
    judge.holds(check, "trained", images, labels % 2, draw.normal(3, 1, 28, 28), 1, draw.integer(0, 10**6))


@part("train_classifier")
@rung("values")
@pytest.mark.parametrize("epochs", [1, 4])
def test_train_tells_each_epoch(judge: Judge, draw: Draw, epochs: int) -> None:
    images, labels = patterns(draw, 256)
    check = training_checks.reports(epochs)
    judge.holds(check, "trained", images, labels, images[:2], epochs, draw.integer(0, 10**6))


@part("train_classifier")
@rung("values")
def test_train_tells_the_mean_loss(judge: Judge, draw: Draw) -> None:
    """Eight times as many images make a sum of losses larger, but not a mean."""
    check, runs = training_checks.means_do_not_grow, [[160, 1, 0], [1280, 1, 0]]
    judge.holds(check, "losses_of_runs", *grey(draw, 1280), runs, draw.integer(0, 10**6))


@part("train_classifier")
@rung("edge")
def test_train_tells_the_mean_over_the_images(judge: Judge, draw: Draw) -> None:
    """A single batch and many batches have the same mean loss per image."""
    check, runs = training_checks.means_are_over_images, [[2, 1, 0], [10, 1, 0], [640, 1, 0]]
    judge.holds(check, "losses_of_runs", *grey(draw, 640), runs, draw.integer(0, 10**6))


@part("train_classifier")
@rung("edge")
def test_train_tells_the_mean_over_the_epoch(judge: Judge, draw: Draw) -> None:
    """All images and labels are alike, so that the loss falls from step to step, whichever images a batch holds."""
    images, labels = torch.full((256, 1, 28, 28), 0.3), torch.full((256,), draw.integer(0, 9))
    check, runs = training_checks.means_are_over_the_epoch(256), [[128, 2, 0], [256, 1, 0], [128, 2, 1], [256, 1, 1]]
    judge.holds(check, "losses_of_runs", images, labels, runs, draw.integer(0, 10**6))


@part("train_classifier")
@rung("values")
def test_train_learns(judge: Judge, draw: Draw) -> None:
    images, labels = patterns(draw, 320)
    others, answers = patterns(draw, 100)
    check = training_checks.has_learned(answers, 10)
    judge.holds(check, "trained", images, labels, others, 10, draw.integer(0, 10**6))


@part("train_classifier")
@rung("edge")
def test_train_uses_a_batch_that_is_not_full(judge: Judge, draw: Draw) -> None:
    """Ten images, fewer than a batch has in most trainings: it must make a difference whether they are 3s or 7s."""
    images, _ = patterns(draw, 10)
    labels = [torch.full((10,), 3), torch.full((10,), 7)]
    check = training_checks.make_a_difference("ten images train nothing: a batch that is not full counts, too")
    judge.holds(check, "taught", images, labels, images[:5], 3, draw.integer(0, 10**6))


@part("train_classifier")
@rung("edge")
def test_train_uses_the_first_and_the_last_images(judge: Judge, draw: Draw) -> None:
    """Other labels for the last tenth of the images, or for the first, must make a difference."""
    images, labels = patterns(draw, 60)
    last, first = labels.clone(), labels.clone()
    last[-6:], first[:6] = (labels[-6:] + 1) % 10, (labels[:6] + 1) % 10
    check = training_checks.make_a_difference(
        "the labels of some images make no difference: train on every image, hold none out, leave none over"
    )
    judge.holds(check, "taught", images, [labels, last, first], images[:5], 3, draw.integer(0, 10**6))


@part("train_classifier")
@rung("edge")
def test_train_same_seed_same_network(judge: Judge, draw: Draw) -> None:
    """First with images that are all alike, where their order cannot matter, then with real differences."""
    seed, state = draw.integer(0, 10**6), draw.integer(0, 10**6)
    states = [state, state + 1]
    images, labels = patterns(draw, 256)
    same, others = (torch.full((64, 1, 28, 28), 0.5), torch.full((64,), 3)), images[:20]
    begins = training_checks.both_alike(
        "with the same seed two trainings begin with different weights (seed before you make the network)"
    )
    judge.holds(begins, "trained_twice", *same, others, 1, [seed, seed], states)
    differs = training_checks.both_alike(
        "with the same seed two trainings give different networks (is the images' order drawn after seeding?)"
    )
    judge.holds(differs, "trained_twice", images, labels, others, 2, [seed, seed], states)
    zero = training_checks.both_alike(
        "with the seed 0 two trainings begin with different weights (0 is a seed like any other)"
    )
    judge.holds(zero, "trained_twice", *same, others, 1, [0, 0], states)


@part("train_classifier")
@rung("edge")
def test_train_other_seed_other_network(judge: Judge, draw: Draw) -> None:
    seed, state = draw.integer(0, 10**6), draw.integer(0, 10**6)
    images, labels = patterns(draw, 256)
    check, seeds = training_checks.both_differ, [seed, seed + 1]
    judge.holds(check, "trained_twice", images, labels, images[:20], 1, seeds, [state, state])


@part("train_classifier")
@rung("edge")
def test_train_leaves_its_inputs_alone(judge: Judge, draw: Draw) -> None:
    images, labels = patterns(draw, 128)
    check = training_checks.inputs_unchanged(images, labels)
    judge.holds(check, "trained", images, labels, images[:2], 1, draw.integer(0, 10**6))


@part("train_classifier")
@rung("edge")
def test_train_without_on_epoch(judge: Judge, draw: Draw) -> None:
    images, labels = patterns(draw, 128)
    judge.holds(training_checks.scores_of(5), "trained_silently", images, labels, images[:5], 1, draw.integer(0, 10**6))


@part("train_classifier")
@rung("device")
def test_train_on_the_device(judge: Judge, draw: Draw) -> None:
    images, labels = patterns(draw, 128)
    judge.holds(training_checks.lives_on_its_device, "trained_on_device", images, labels, 1, draw.integer(0, 10**6))


@part("train_classifier")
@rung("bar")
@bar("quick")
def test_a_short_training_learns_digits(judge: Judge) -> None:
    judge.bar("quick")


@part("train_classifier")
@rung("bar")
@bar("full")
def test_training_reaches_the_bar_on_mnist(judge: Judge) -> None:
    judge.bar("full")


FAILS: dict[str, str | list[str]] = {
    "left-in-training-mode": ["test_train_returns_a_module_in_eval_mode"],
    "losses-returned": ["test_train_returns_a_module_in_eval_mode", "test_train_learns"],
    "never-steps": ["test_train_learns"],
    "epochs-from-0": ["test_train_tells_each_epoch"],
    "told-after-each-batch": ["test_train_tells_each_epoch"],
    "loss-told-as-a-tensor": ["test_train_tells_each_epoch"],
    "losses-summed-up": ["test_train_tells_the_mean_loss"],
    "seed-never-used": ["test_train_same_seed_same_network", "test_train_other_seed_other_network"],
    "seeded-after-the-weights": ["test_train_same_seed_same_network"],
    "a-seed-of-its-own": ["test_train_other_seed_other_network"],
    "order-not-seeded": ["test_train_same_seed_same_network"],
    "images-changed-in-place": ["test_train_leaves_its_inputs_alone"],
    "on-epoch-always-called": ["test_train_without_on_epoch"],
    "batch-means-over-images": ["test_train_tells_the_mean_over_the_images"],
    "image-losses-over-batches": ["test_train_tells_the_mean_over_the_images"],
    "loss-never-begins-anew": ["test_train_learns"],
    "loss-before-epoch": ["test_train_tells_each_epoch"],
    "a-number-of-epochs-of-its-own": ["test_train_tells_each_epoch"],
    "one-epoch-missing": ["test_train_tells_each_epoch"],
    "module-and-more-returned": ["test_train_returns_a_module_in_eval_mode", "test_train_learns"],
    "labels-of-other-images": ["test_train_learns"],
    "small-last-batch-left-out": ["test_train_uses_a_batch_that_is_not_full"],
    "some-images-held-out": ["test_train_uses_the_first_and_the_last_images"],
    "no-seed-for-0": ["test_train_same_seed_same_network"],
    "as-many-scores-as-labels-seen": ["test_train_gives_ten_scores_whatever_the_labels"],
    "last-batch-s-loss-told": ["test_train_tells_the_mean_over_the_epoch"],
}
"""The tests that each misconception must fail."""
