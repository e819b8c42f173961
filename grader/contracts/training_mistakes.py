"""Misconceptions of a training function, each made of a right training: what is asked of it, or told of it, changes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import ContentError
from ..exercise.content import misconception
from .small_training import Call, OnEpoch, Training, mean_over_images


@dataclass(frozen=True)
class Wording:
    """The words in which the sentences differ: `label` and `labels` are what belongs to an image (or mask, masks)."""

    label: str = "label"
    labels: str = "labels"
    batch: int = 64
    """The batch size that the sentences take for their example."""
    few: str = "ten"
    """How many images make no full batch, in the hidden tests."""


Run = Callable[[Training, Call], object]

_mistakes: dict[str, tuple[str, str, Run]] = {}
"""By id: explanation, advice, and what it does. All three texts may hold the fields of `Wording` in braces."""


def _mistake(id: str, explanation: str, advice: str) -> Callable[[Run], Run]:
    def keep(run: Run) -> Run:
        _mistakes[id] = explanation, advice, run
        return run

    return keep


def add_misconceptions(part: str, training: Training, wording: Wording, fails: Mapping[str, str | list[str]]) -> None:
    """Register misconceptions of a training function, in an exercise's misconceptions.py.

    Args:
        part: the function, which is called as (images, labels, *, epochs, seed, device="cpu", on_epoch=None) and with
            the options that `training.make_model` takes.
        training: a right training, in which the mistakes are made.
        wording: the words of this exercise.
        fails: the hidden tests that each must fail, by the misconception's id; those that are not named are left out.

    Raises:
        ContentError: an id in `fails` is not one of these misconceptions.
    """
    words = vars(wording)
    named = {id.format(**words): mistake for id, mistake in _mistakes.items()}
    if unknown := set(fails) - set(named):
        raise ContentError(f"there is no training mistake {min(unknown)!r}; there are {', '.join(named)}")
    for id, (explanation, advice, run) in named.items():
        if id in fails:
            register = misconception(part, id, explanation.format(**words), advice.format(**words), fails=fails[id])
            register(_implement(run, training))


def _implement(run: Run, training: Training) -> Callable[..., object]:
    def train(
        images: Tensor,
        labels: Tensor,
        *,
        epochs: int,
        seed: int,
        device: object = "cpu",
        on_epoch: OnEpoch | None = None,
        **options: object,
    ) -> object:
        del device  # mistakes are tried on the CPU
        return run(training, Call(images, labels, epochs, seed, on_epoch, options))

    return train


@_mistake(
    "left-in-training-mode",
    "You return the module in training mode: its dropout stays on, and every look at an image gives another answer.",
    "One call switches a module over before you return it.",
)
def train_mode(training: Training, call: Call) -> object:
    return training.run(call).train()


@_mistake(
    "losses-returned",
    "You return the losses. The trained module is what is asked for; losses go to `on_epoch`.",
    "Return the network itself, in eval mode.",
)
def returns_losses(training: Training, call: Call) -> object:
    losses: list[float] = []

    def note(epoch: int, loss: float) -> None:
        losses.append(loss)
        if call.on_epoch:
            call.on_epoch(epoch, loss)

    training.run(replace(call, on_epoch=note))
    return losses


@_mistake(
    "never-steps",
    "You compute losses and gradients, but the weights never move: after ten epochs the network still guesses.",
    "After `backward`, the optimizer has to take its step.",
)
def never_steps(training: Training, call: Call) -> object:
    return training.run(call, learn=False)


@_mistake(
    "epochs-from-0",
    "Your epochs are counted from 0. `on_epoch` is told 1 after the first.",
    "Begin the count at 1.",
)
def from_0(training: Training, call: Call) -> object:
    return training.run(call.told(lambda epoch, loss: (epoch - 1, loss)))


@_mistake(
    "told-after-each-batch",
    "You call `on_epoch` after each batch. It is called once at the end of each epoch, with the mean over all of "
    "its batches.",
    "Collect the losses, and make the call behind the inner loop.",
)
def tells_each_batch(training: Training, call: Call) -> object:
    return training.run(call, each_batch=True)


@_mistake(
    "loss-told-as-a-tensor",
    "You hand a tensor to `on_epoch`. It is asked for a float; a loss that still hangs on its graph would even "
    "keep the whole graph in memory.",
    "`.item()` makes a Python number of a tensor with one element.",
)
def tells_a_tensor(training: Training, call: Call) -> object:
    return training.run(call.told(lambda epoch, loss: (epoch, torch.tensor(loss))))


@_mistake(
    "losses-summed-up",
    "You tell the sum of the batches' losses, not their mean: with eight times as many images the loss seems "
    "eight times as large.",
    "Divide by the number of batches, or weight each batch with its size and divide by the number of images.",
)
def tells_the_sum(training: Training, call: Call) -> object:
    return training.run(call, tell=lambda losses, _: sum(losses))


@_mistake(
    "seed-never-used",
    "You never use `seed`: which network comes out depends on what drew random numbers before.",
    "Seed PyTorch's generator before anything random happens.",
)
def unseeded(training: Training, call: Call) -> object:
    return training.run(call, seeded="never")


@_mistake(
    "seeded-after-the-weights",
    "You seed after the network was made. Its first weights were already drawn by then, from whatever state the "
    "generator was in.",
    "Seeding comes first, making the network second.",
)
def seeded_late(training: Training, call: Call) -> object:
    return training.run(call, seeded="late")


@_mistake(
    "a-seed-of-its-own",
    "You seed with a number of your own, so every `seed` gives the same network.",
    "Use the argument.",
)
def own_seed(training: Training, call: Call) -> object:
    return training.run(replace(call, seed=42))


@_mistake(
    "order-not-seeded",
    "The weights follow the seed, but the order of the images does not: it is drawn from a generator that you "
    "did not seed.",
    "Draw the order with PyTorch after you have seeded it (or from a `torch.Generator` seeded with `seed`).",
)
def order_unseeded(training: Training, call: Call) -> object:
    chance = random.SystemRandom()
    return training.run(call, order=lambda count: torch.tensor(chance.sample(range(count), count)))


@_mistake(
    "images-changed-in-place",
    "You normalise the images in place, so the caller's images are others after the training.",
    "Work on a new tensor: operations that end in `_`, and `-=`, change the one that they are given.",
)
def changes_images(training: Training, call: Call) -> object:
    call.images.sub_(call.images.mean())
    return training.run(call)


@_mistake(
    "on-epoch-always-called",
    "You call `on_epoch` without asking whether there is one: None cannot be called.",
    "Its default is None. Ask first.",
)
def calls_none(training: Training, call: Call) -> object:
    return training.run(replace(call, on_epoch=lambda epoch, loss: call.on_epoch(epoch, loss)))  # type: ignore[misc]


@_mistake(
    "batch-means-over-images",
    "You add up the batches' mean losses, one to a batch, and divide by the number of images: with batches of "
    "{batch} the loss that you tell is {batch} times too small.",
    "A sum with one number for each batch is divided by the number of batches; or weight each batch with its "
    "size first.",
)
def tells_too_little(training: Training, call: Call) -> object:
    return training.run(call, tell=lambda losses, sizes: sum(losses) / sum(sizes))


@_mistake(
    "image-losses-over-batches",
    "You add up the losses of all images and divide by the number of batches: with batches of {batch} the loss "
    "that you tell is {batch} times too large.",
    "A sum with one number for each image is divided by the number of images.",
)
def tells_too_much(training: Training, call: Call) -> object:
    return training.run(call, tell=lambda losses, sizes: mean_over_images(losses, sizes) * sum(sizes) / len(sizes))


@_mistake(
    "loss-never-begins-anew",
    "The loss that you tell grows from epoch to epoch: the sum goes on from the last epoch instead of beginning at 0.",
    "Where does the sum have to be set to 0: before the loop over the epochs, or inside?",
)
def sum_goes_on(training: Training, call: Call) -> object:
    told: list[float] = []

    def add(epoch: int, loss: float) -> tuple[int, float]:
        told.append(loss)
        return epoch, sum(told)

    return training.run(call.told(add))


@_mistake(
    "loss-before-epoch",
    "You hand the loss to `on_epoch` first and the epoch's number second.",
    "`on_epoch(epoch, mean_loss)`.",
)
def tells_loss_first(training: Training, call: Call) -> object:
    return training.run(call.told(lambda epoch, loss: (loss, epoch)))


@_mistake(
    "a-number-of-epochs-of-its-own",
    "You train for the same number of epochs whatever `epochs` says.",
    "Use the argument.",
)
def own_epochs(training: Training, call: Call) -> object:
    return training.run(replace(call, epochs=5))


@_mistake(
    "one-epoch-missing",
    "You train for one epoch too few: `range(1, epochs)` ends before its second number.",
    "Write down the numbers that your `range` gives for epochs=3.",
)
def one_epoch_less(training: Training, call: Call) -> object:
    return training.run(replace(call, epochs=call.epochs - 1))


@_mistake(
    "module-and-more-returned",
    "You return a tuple. The trained module alone is what is asked for.",
    "Losses go to `on_epoch`; return the network itself.",
)
def returns_more(training: Training, call: Call) -> object:
    return training.run(call), []


@_mistake(
    "{labels}-of-other-images",
    "Your network's weights move, but it does not learn what the images show: that is what comes out if images "
    "and {labels} are shuffled apart, so that each image carries some other image's {label}.",
    "Draw one order in each epoch, and pick images and {labels} with it.",
)
def shuffled_apart(training: Training, call: Call) -> object:
    torch.manual_seed(call.seed)
    shuffled = call.labels[torch.randperm(len(call.labels))]
    return training.run(replace(call, labels=shuffled))


@_mistake(
    "small-last-batch-left-out",
    "Images that do not fill a batch train nothing: of {few} images not one.",
    "The last batch may be smaller: `drop_last` is off, and a count of batches is rounded up.",
)
def full_batches_only(training: Training, call: Call) -> object:
    size = training.batch_size
    return training.run(call.on_the_first(len(call.images) // size * size))


@_mistake(
    "some-images-held-out",
    "Some images are never trained on: their {labels} make no difference. The grader has test images of its own; "
    "all that you are given are for training.",
    "Go through all `len(images)` images in each epoch.",
)
def holds_out(training: Training, call: Call) -> object:
    count = len(call.images)
    return training.run(call.on_the_first(count - count // 10))


@_mistake(
    "no-seed-for-0",
    "With the seed 0 your training is not repeatable: `if seed:` takes 0 for no seed at all.",
    "0 is a seed like any other; seed without asking.",
)
def unseeded_at_0(training: Training, call: Call) -> object:
    return training.run(call, seeded="first" if call.seed else "never")


@_mistake(
    "as-many-scores-as-labels-seen",
    "Your network has as many scores as the labels at hand need. There are ten digits, whether each of them "
    "comes or not.",
    "The last layer has ten units.",
)
def counts_labels(training: Training, call: Call) -> object:
    return training.run(replace(call, options={"classes": int(call.labels.max()) + 1}))


@_mistake(
    "last-batch-s-loss-told",
    "You tell the loss of the epoch's last batch, as it comes out of the loop. It jumps about with whatever "
    "happens to be in that batch.",
    "Keep the books over the whole epoch: a sum that begins at 0, and a division at the end.",
)
def tells_the_last(training: Training, call: Call) -> object:
    return training.run(call, tell=lambda losses, _: losses[-1])
