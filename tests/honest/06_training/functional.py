# ruff: noqa: B905
"""Gradients by torch.autograd.grad, evaluation on a copy."""

import copy

import torch
from torch import autograd

TABLE = torch.linspace(-1, 1, 256, dtype=torch.float64).float()


def normalize(images):
    return TABLE.to(images.device)[images.long()].view(images.shape[0], 1, 28, 28)


def iterate_batches(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    n = x.shape[0]
    if shuffle:
        places = torch.randperm(n, generator=generator)
        x, y = x[places], y[places]
    end = n - n % batch_size if drop_last else n
    return [(x[i : min(i + batch_size, end)], y[i : min(i + batch_size, end)]) for i in range(0, end, batch_size)]


def train_step(model, optimizer, loss_fn, x, y):
    loss = loss_fn(model(x), y)
    leaves = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    for leaf, grad in zip(leaves, autograd.grad(loss, leaves, allow_unused=True)):
        leaf.grad = grad
    optimizer.step()
    return loss.detach().item()


def train_epoch(model, optimizer, loss_fn, batches):
    model.train()
    mean, seen = 0.0, 0
    for x, y in batches:
        seen += len(x)
        mean += (train_step(model, optimizer, loss_fn, x, y) - mean) * len(x) / seen
    return mean


def evaluate(model, loss_fn, batches):
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    losses, hits = [], []
    for x, y in batches:
        logits = twin(x)
        losses += [loss_fn(logits[i : i + 1], y[i : i + 1]).item() for i in range(len(y))]
        hits += (logits.argmax(1) == y).tolist()
    return sum(losses) / len(losses), sum(hits) / len(hits)


def fit(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {"val_accuracy": [], "val_loss": [], "train_loss": []}
    epoch = 0
    while epoch < epochs:
        epoch += 1
        metrics = {
            "train_loss": train_epoch(
                model, optimizer, loss_fn, iterate_batches(*train, batch_size, generator=generator)
            )
        }
        metrics["val_loss"], metrics["val_accuracy"] = evaluate(model, loss_fn, iterate_batches(*val, 1000, False))
        for name in metrics:
            history[name] += [metrics[name]]
        if callable(on_epoch):
            on_epoch(epoch=epoch, metrics=metrics)
    return history
