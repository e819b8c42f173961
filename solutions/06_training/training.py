"""Exercise 06: training. The loop that turns a network, a loss and a heap of examples into something that works.

You write the loop by hand, from the bytes of the images to the history of a whole training run. Nothing in it is magic.

May not be called: nothing beyond what no exercise allows (PyTorch's private names, `torch.jit`, `torch.compile`, …).
Allowed: everything else, `DataLoader`, `TensorDataset` and transforms included. They are worth a look once you have
written your own.
"""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

Loss = Callable[[Tensor, Tensor], Tensor]
"""Takes a model's output and the targets of a batch, in this order; returns the batch's mean loss, 0-d."""

Batches = Iterable[tuple[Tensor, Tensor]]
"""Pairs (x, y), to be gone through once: a list, a generator, a DataLoader."""


def normalize(images: Tensor) -> Tensor:
    """Bytes to numbers that a network likes: 0 becomes −1, 255 becomes 1, and what lies between lies evenly between.

    Args:
        images: uint8 `(N, 28, 28)` or `(N, 1, 28, 28)`; it is left as it is.

    Returns:
        float32 `(N, 1, 28, 28)`.
    """
    ### BEGIN SOLUTION
    return (images.to(torch.float32) / 127.5 - 1).reshape(len(images), 1, 28, 28)
    ### END SOLUTION


def iterate_batches(
    x: Tensor,
    y: Tensor,
    batch_size: int,
    shuffle: bool = True,
    generator: Generator | None = None,
    drop_last: bool = False,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Once through all samples, a batch at a time; the last batch may be smaller.

    Args:
        x: inputs, `(N, ...)`; left as they are.
        y: targets, `(N, ...)`; y[i] belongs to x[i]. Left as they are.
        batch_size: samples in a batch; may be larger than N.
        shuffle: a new random order at each call; else the order of x.
        generator: where the random order is drawn from (a generator of the CPU): the same seed gives the same order,
            and the next call with the same generator another one. None: PyTorch's global generator.
        drop_last: leave out the last batch if it is smaller than batch_size.

    Yields:
        `(x, y)` of one batch: `(B, ...)` and `(B, ...)`, with the dtypes of x and y.
    """
    ### BEGIN SOLUTION
    order = torch.randperm(len(x), generator=generator) if shuffle else torch.arange(len(x))
    for start in range(0, len(x), batch_size):
        chosen = order[start : start + batch_size]
        if drop_last and len(chosen) < batch_size:
            return
        yield x[chosen], y[chosen]
    ### END SOLUTION


def train_step(model: nn.Module, optimizer: Optimizer, loss_fn: Loss, x: Tensor, y: Tensor) -> float:
    """One update of the parameters, from the gradient of this batch and of nothing else.

    Args:
        model: called as `model(x)`; stays in the mode (train or eval) that it is in, with all of its submodules.
        optimizer: makes exactly one step. Whatever is in the parameters' `.grad` beforehand must not matter.
        loss_fn: called as `loss_fn(model(x), y)`.
        x: inputs, `(B, ...)`.
        y: targets, `(B, ...)`.

    Returns:
        The loss that the update was made from, as a Python float.
    """
    ### BEGIN SOLUTION
    loss = loss_fn(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


def train_epoch(model: nn.Module, optimizer: Optimizer, loss_fn: Loss, batches: Batches) -> float:
    """One training step for each batch, with the model in train mode.

    Args:
        model: may come in either mode.
        optimizer: makes one step for each batch.
        loss_fn: as in `train_step`.
        batches: pairs (x, y), gone through once (it may be a generator); their sizes may differ. There is at least one.

    Returns:
        The mean loss per sample over the epoch, as a Python float: each batch's loss, as it was when its turn came,
        counts as often as it has samples.
    """
    ### BEGIN SOLUTION
    model.train()
    total, count = 0.0, 0
    for x, y in batches:
        total += train_step(model, optimizer, loss_fn, x, y) * len(x)
        count += len(x)
    return total / count
    ### END SOLUTION


def evaluate(model: nn.Module, loss_fn: Loss, batches: Batches) -> tuple[float, float]:
    """How good the model is, without changing it: eval mode, no graph recorded.

    Args:
        model: returns logits `(B, C)`. No parameter and no buffer of it changes, and every submodule is left in the
            mode that it came in, which need not be the same for all.
        loss_fn: as in `train_step`.
        batches: pairs (x, y) with y int64 `(B,)`, gone through once (it may be a generator); their sizes may differ.
            There is at least one.

    Returns:
        The mean loss per sample and the accuracy (the share of samples whose largest logit is at their class, from 0
        to 1), as Python floats.
    """
    ### BEGIN SOLUTION
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for x, y in batches:
            logits = model(x)
            total += loss_fn(logits, y).item() * len(x)
            right += int((logits.argmax(dim=1) == y).sum())
            count += len(x)
    for module, training in modes:
        module.training = training
    return total / count, right / count
    ### END SOLUTION


def fit(
    model: nn.Module,
    optimizer: Optimizer,
    loss_fn: Loss,
    train: tuple[Tensor, Tensor],
    val: tuple[Tensor, Tensor],
    epochs: int,
    batch_size: int = 64,
    generator: Generator | None = None,
    on_epoch: Callable[[int, dict[str, float]], object] | None = None,
) -> dict[str, list[float]]:
    """A whole training run: in each epoch once through the training data in a new random order, then validation.

    Args:
        model: the network to train.
        optimizer: updates its parameters.
        loss_fn: as in `train_step`.
        train: `(x, y)`, all training samples; each is used once an epoch.
        val: `(x, y)`, samples to measure on; never trained on.
        epochs: how many times through the training data; may be 0.
        batch_size: samples in a training batch; the last batch of an epoch may be smaller.
        generator: where the order of the training samples is drawn from; None: PyTorch's global generator.
        on_epoch: called as `on_epoch(epoch, metrics)` after each epoch and its validation. Epochs count from 1;
            metrics is a dict of this epoch's three values, under the names below.

    Returns:
        A dict of three lists with one float for each epoch: `train_loss` (as `train_epoch` returns it), `val_loss` and
        `val_accuracy` (as `evaluate` returns them, after the epoch).
    """
    ### BEGIN SOLUTION
    history: dict[str, list[float]] = {"train_loss": [], "val_loss": [], "val_accuracy": []}
    for epoch in range(1, epochs + 1):
        batches = iterate_batches(*train, batch_size, generator=generator)
        train_loss = train_epoch(model, optimizer, loss_fn, batches)
        val_loss, val_accuracy = evaluate(model, loss_fn, iterate_batches(*val, batch_size, shuffle=False))
        metrics = {"train_loss": train_loss, "val_loss": val_loss, "val_accuracy": val_accuracy}
        for name, value in metrics.items():
            history[name].append(value)
        if on_epoch is not None:
            on_epoch(epoch, metrics)
    return history
    ### END SOLUTION
