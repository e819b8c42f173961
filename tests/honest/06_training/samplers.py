# ruff: noqa: B905
"""Samplers, tensor accounts that become numbers at the very end, modes kept by a context manager."""

import contextlib

import torch
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler


def normalize(images):
    return (
        images.unflatten(0, (-1, 1))[:, 0].reshape(len(images), 1, 28, 28).to(torch.float32).mul_(2).sub_(255).div_(255)
    )


def iterate_batches(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    sampler = RandomSampler(range(len(x)), generator=generator) if shuffle else SequentialSampler(range(len(x)))
    for places in BatchSampler(sampler, batch_size, drop_last):
        yield x[places], y[places]


@contextlib.contextmanager
def _evaluating(model):
    modes = {module: module.training for module in model.modules()}
    was_on = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    model.eval()
    try:
        yield
    finally:
        torch.set_grad_enabled(was_on)
        for module, mode in modes.items():
            module.train(mode) if not list(module.children()) else setattr(module, "training", mode)


def train_step(model, optimizer, loss_fn, x, y):
    with torch.enable_grad():
        model.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def train_epoch(model, optimizer, loss_fn, batches):
    model.train()
    total = count = 0
    for x, y in batches:
        model.zero_grad(set_to_none=False)
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total = total + loss.detach() * x.shape[0]
        count = count + x.shape[0]
    return (total / count).item()


def evaluate(model, loss_fn, batches):
    outputs, targets, losses = [], [], []
    with _evaluating(model):
        for x, y in batches:
            outputs.append(model(x))
            targets.append(y)
            losses.append(loss_fn(outputs[-1], y).expand(len(y)))
        right = torch.cat(outputs).argmax(1) == torch.cat(targets)
    return torch.cat(losses).mean().item(), right.float().mean().item()


def fit(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    names = ["train_loss", "val_loss", "val_accuracy"]
    history = {name: [] for name in names}
    for epoch in range(1, 1 + epochs):
        loss = train_epoch(model, optimizer, loss_fn, iterate_batches(*train, batch_size, generator=generator))
        numbers = [loss, *evaluate(model, loss_fn, iterate_batches(*val, batch_size, generator=generator))]
        for name, number in zip(names, numbers):
            history[name].append(number)
        if on_epoch:
            on_epoch(epoch, dict(zip(names, numbers)))
    return history
