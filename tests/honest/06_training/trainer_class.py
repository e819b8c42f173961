"""A class does the work; the parts are thin."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn


def normalize(images: torch.Tensor) -> torch.Tensor:
    flat = images.flatten(1).type(torch.float32)
    weight = torch.tensor(2 / 255, device=images.device)
    return torch.unflatten(flat * weight - 1.0, 1, (1, 28, 28))


class _Deck:
    def __init__(self, x, y, size, shuffle, generator, drop_last):
        self.x, self.y, self.size, self.drop_last = x, y, size, drop_last
        keys = torch.empty(len(x), dtype=torch.float64)
        self.order = keys.uniform_(generator=generator).sort().indices if shuffle else torch.arange(len(x))

    def __iter__(self):
        start = 0
        while start < len(self.order):
            hand = self.order[start : start + self.size]
            start += self.size
            if self.drop_last and start > len(self.order):
                break
            yield self.x[hand], self.y[hand]


def iterate_batches(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    yield from _Deck(x, y, batch_size, shuffle, generator, drop_last)


@dataclass
class _Mean:
    total: float = 0.0
    count: int = 0

    def add(self, value, times):
        self.total += float(value) * times
        self.count += times

    def __float__(self):
        return self.total / self.count


@dataclass
class _Trainer:
    model: nn.Module
    optimizer: Any
    loss_fn: Any
    history: dict = field(default_factory=lambda: {"train_loss": [], "val_loss": [], "val_accuracy": []})

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.loss_fn(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def epoch(self, batches):
        self.model.train()
        mean = _Mean()
        for x, y in batches:
            mean.add(self.step(x, y), len(x))
        return float(mean)


def train_step(model, optimizer, loss_fn, x, y):
    return _Trainer(model, optimizer, loss_fn).step(x, y)


def train_epoch(model, optimizer, loss_fn, batches):
    return _Trainer(model, optimizer, loss_fn).epoch(iter(batches))


def evaluate(model, loss_fn, batches):
    def freeze(module, noted):
        noted[module] = module.training
        module.training = False
        for child in module.children():
            freeze(child, noted)
        return noted

    noted = freeze(model, {})
    loss, accuracy = _Mean(), _Mean()
    with torch.set_grad_enabled(False):
        for x, y in batches:
            scores = torch.log_softmax(model(x), dim=1)
            loss.add(loss_fn(scores, y), len(y))
            accuracy.add((scores.sort(dim=1, descending=True).indices[:, 0] == y).sum() / len(y), len(y))
    for module, mode in noted.items():
        module.training = mode
    return float(loss), float(accuracy)


def fit(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    trainer = _Trainer(model, optimizer, loss_fn)
    for epoch in range(1, epochs + 1):
        deck = _Deck(*train, batch_size, True, generator, False)
        metrics = {"train_loss": trainer.epoch(deck)}
        metrics["val_loss"], metrics["val_accuracy"] = evaluate(model, loss_fn, _Deck(*val, 128, False, None, False))
        for name, value in metrics.items():
            trainer.history[name].append(value)
        if on_epoch is not None:
            on_epoch(epoch, metrics.copy())
    return trainer.history
