"""A right training of a small network, with seams in which mistakes are made (see `training_mistakes`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

OnEpoch = Callable[[int, Any], None]  # Any: some mistakes tell a tensor
Tell = Callable[[Sequence[float], Sequence[int]], object]
"""Makes what is told after an epoch from the batches' mean losses and their sizes."""


@dataclass(frozen=True)
class Call:
    """One call of a training function: (images, labels, *, epochs, seed, on_epoch=None, **options)."""

    images: Tensor
    labels: Tensor
    epochs: int
    seed: int
    on_epoch: OnEpoch | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def told(self, change: Callable[[int, Any], tuple[Any, Any]]) -> Call:
        """Return the same call whose on_epoch, if there is one, is given what `change` makes of epoch and loss."""
        tell = self.on_epoch
        return replace(self, on_epoch=tell and (lambda epoch, loss: tell(*change(epoch, loss))))

    def on_the_first(self, count: int) -> Call:
        """Return the same call with the first `count` images only."""
        return replace(self, images=self.images[:count], labels=self.labels[:count])


def mean_over_images(losses: Sequence[float], sizes: Sequence[int]) -> float:
    """Return an epoch's mean loss from the batches' means and their sizes; 0 where there was no batch."""
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / max(sum(sizes), 1)


@dataclass(frozen=True)
class Training:
    """A right training of a small network, with cross-entropy and Adam.

    Attributes:
        make_model: makes the untrained network, from the options of the call.
        batch_size: in images.
        rate: the learning rate.
    """

    make_model: Callable[..., nn.Module]
    batch_size: int
    rate: float

    def run(
        self,
        call: Call,
        *,
        seeded: Literal["first", "late", "never"] = "first",
        learn: bool = True,
        each_batch: bool = False,
        tell: Tell = mean_over_images,
        order: Callable[[int], Tensor] = torch.randperm,
    ) -> nn.Module:
        """Train, and return the module in eval mode; every option is a seam for a mistake."""
        if seeded == "first":
            torch.manual_seed(call.seed)
        model = self.make_model(**call.options)
        if seeded == "late":
            torch.manual_seed(call.seed)
        optimizer = torch.optim.Adam(model.parameters(), lr=self.rate)
        for epoch in range(1, call.epochs + 1):
            losses: list[float] = []
            sizes: list[int] = []
            for batch in filter(len, order(len(call.images)).split(self.batch_size)):
                loss = F.cross_entropy(model(call.images[batch]), call.labels[batch])
                optimizer.zero_grad()
                loss.backward()
                if learn:
                    optimizer.step()
                losses.append(loss.item())
                sizes.append(len(batch))
                if each_batch and call.on_epoch:
                    call.on_epoch(epoch, loss.item())
            if call.on_epoch and not each_batch:
                call.on_epoch(epoch, tell(losses, sizes))
        return model.eval()
