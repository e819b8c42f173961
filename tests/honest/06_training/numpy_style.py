# ruff: noqa: B905, RUF007
"""NumPy keeps the books; its float64 is a float."""

import numpy as np
import torch


def normalize(images):
    return (
        torch.stack(
            [torch.lerp(torch.tensor(-1.0), torch.tensor(1.0), image.cpu().double().float() / 255) for image in images]
        ).view(-1, 1, 28, 28)
        if len(images) and images.device.type == "cpu"
        else (images.float() - 255 / 2).reshape(-1, 1, 28, 28) / (255 / 2)
    )


def iterate_batches(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    weights = torch.ones(len(x))
    order = (
        torch.multinomial(weights, len(x), replacement=False, generator=generator) if shuffle else torch.arange(len(x))
    )
    bounds = np.arange(0, len(x) + batch_size, batch_size).clip(max=len(x))
    for low, high in zip(bounds[:-1], bounds[1:]):
        if high - low == batch_size or (high > low and not drop_last):
            yield x[order[low:high]], y[order[low:high]]


def train_step(model, optimizer, loss_fn, x, y):
    output = model(x)
    loss = loss_fn(output, y)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
    torch.autograd.backward([loss])
    optimizer.step()
    return np.float64(loss.item())


def train_epoch(model, optimizer, loss_fn, batches):
    model.train()
    losses, sizes = zip(*((train_step(model, optimizer, loss_fn, x, y), y.shape[0]) for x, y in batches))
    return np.average(losses, weights=sizes)


def evaluate(model, loss_fn, batches):
    modes = np.array([module.training for module in model.modules()])
    model.eval()
    losses, sizes, hits = [], [], []
    for x, y in batches:
        with torch.no_grad():
            logits = model(x)
            losses.append(loss_fn(logits, y).item())
        sizes.append(len(x))
        hits.append((logits.cpu().numpy().argmax(axis=1) == y.cpu().numpy()).mean())
    for module, mode in zip(model.modules(), modes):
        module.training = bool(mode)
    return np.average(losses, weights=sizes), np.average(hits, weights=sizes)


def fit(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    table = np.zeros((3, epochs))
    for epoch in range(epochs):
        batches = iterate_batches(train[0], train[1], batch_size, True, generator)
        table[0, epoch] = train_epoch(model, optimizer, loss_fn, batches)
        table[1:, epoch] = evaluate(model, loss_fn, iterate_batches(val[0], val[1], batch_size, False))
        if on_epoch is not None:
            on_epoch(
                epoch + 1, {"train_loss": table[0, epoch], "val_loss": table[1, epoch], "val_accuracy": table[2, epoch]}
            )
    return {"train_loss": list(table[0]), "val_loss": table[1].tolist(), "val_accuracy": table[2].tolist()}
