# ruff: noqa: B905
"""Steps through a closure, evaluation in inference mode, one method call where others take a loop."""

import itertools

import torch


def normalize(images):
    return torch.add(-1, images.reshape(-1, 1, 28, 28).to(torch.float32), alpha=2 / 255)


def iterate_batches(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    places = torch.rand(len(x), generator=generator).argsort() if shuffle else torch.tensor(range(len(x)))
    for chosen in places.split(batch_size):
        if len(chosen) == batch_size or not drop_last:
            yield x.index_select(0, chosen.to(x.device)), y.index_select(0, chosen.to(y.device))


def train_step(model, optimizer, loss_fn, x, y):
    def closure():
        optimizer.zero_grad(set_to_none=False)
        loss = loss_fn(model(x), y)
        loss.backward()
        return loss

    return float(optimizer.step(closure))


def train_epoch(model, optimizer, loss_fn, batches):
    model.train(True)
    pairs = [(train_step(model, optimizer, loss_fn, x, y), len(y)) for x, y in batches]
    losses, sizes = torch.tensor(pairs, dtype=torch.float64).T
    return torch.dot(losses, sizes / sizes.sum()).item()


def evaluate(model, loss_fn, batches):
    modules = list(model.modules())
    modes = [module.training for module in modules]
    model.train(False)
    try:
        with torch.inference_mode():
            rows = [(loss_fn(z := model(x), y), (z.argmax(-1) == y).double().mean(), len(y)) for x, y in batches]
    finally:
        for module, mode in zip(modules, modes):
            module.training = mode
    count = sum(n for *_, n in rows)
    return float(sum(loss * n for loss, _, n in rows) / count), float(sum(part * n for _, part, n in rows) / count)


def fit(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    tell = on_epoch or (lambda epoch, metrics: None)
    rows = []
    for epoch in itertools.count(1):
        if epoch > epochs:
            break
        train_loss = train_epoch(model, optimizer, loss_fn, iterate_batches(*train, batch_size, True, generator))
        rows.append((train_loss, *evaluate(model, loss_fn, [val])))
        tell(epoch, dict(zip(("train_loss", "val_loss", "val_accuracy"), rows[-1])))
    columns = list(zip(*rows)) or [(), (), ()]
    return dict(zip(("train_loss", "val_loss", "val_accuracy"), map(list, columns)))
