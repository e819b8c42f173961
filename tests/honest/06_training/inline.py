# ruff: noqa: B905
"""One long fit that calls none of the other parts; nothing is shared between them."""

from collections import defaultdict

import torch


def normalize(images):
    out = torch.empty(len(images), 1, 28, 28, device=images.device)
    out.copy_(images if images.dim() == 4 else images.unsqueeze(1))
    return (out - 127.5).div(127.5)


def iterate_batches(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    owner = torch.arange(len(x)) // batch_size
    if shuffle:
        owner = owner[torch.randperm(len(x), generator=generator)]
    for batch in range((len(x) + batch_size - 1) // batch_size):
        mask = owner == batch
        if drop_last and int(mask.sum()) < batch_size:
            continue
        yield x[mask], y[mask]


def train_step(model, optimizer, loss_fn, x, y):
    loss = loss_fn(model.forward(x), y)
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()
    (value,) = loss.detach().reshape(1).tolist()
    return value


def train_epoch(model, optimizer, loss_fn, batches):
    model.train()
    account = defaultdict(float)
    optimizer.zero_grad()
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        account["loss"] += loss.item() * len(y)
        account["samples"] += len(y)
    return account["loss"] / account["samples"]


def evaluate(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    flags = [p.requires_grad for p in model.parameters()]
    for p in model.parameters():
        p.requires_grad_(False)
    model.eval()
    account = defaultdict(float)
    for x, y in batches:
        logits = model(x)
        account["loss"] += loss_fn(logits, y).item() * len(y)
        account["right"] += (logits.topk(1, dim=1).indices.squeeze(1) == y).count_nonzero().item()
        account["samples"] += len(y)
    for module, mode in zip(model.modules(), modes):
        module.training = mode
    for p, flag in zip(model.parameters(), flags):
        p.requires_grad_(flag)
    return account["loss"] / account["samples"], account["right"] / account["samples"]


def fit(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    train_loss, val_loss, val_accuracy = [], [], []
    for epoch in range(1, epochs + 1):
        model.train()
        order, total = torch.randperm(len(train[0]), generator=generator), 0.0
        for start in range(0, len(order), batch_size):
            x, y = (data[order[start : start + batch_size]] for data in train)
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        model.eval()
        with torch.no_grad():
            logits = model(val[0])
            val_loss.append(loss_fn(logits, val[1]).item())
            val_accuracy.append((logits.argmax(dim=1) == val[1]).float().mean().item())
        train_loss.append(total / len(order))
        if on_epoch is not None:
            on_epoch(epoch, {"train_loss": train_loss[-1], "val_loss": val_loss[-1], "val_accuracy": val_accuracy[-1]})
    return {"train_loss": train_loss, "val_loss": val_loss, "val_accuracy": val_accuracy}
