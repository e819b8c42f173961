"""Everything that torch.utils.data offers."""

import torch
from torch.utils.data import DataLoader, TensorDataset


def normalize(images):
    images = images.float().sub(127.5).div(127.5)
    return images if images.dim() == 4 else images[:, None]


def iterate_batches(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    return DataLoader(TensorDataset(x, y), batch_size, shuffle=shuffle, generator=generator, drop_last=drop_last)


def train_step(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    output = model(x)
    loss = loss_fn(output, y)
    loss.backward()
    optimizer.step()
    return loss.item()


def train_epoch(model, optimizer, loss_fn, batches):
    model.train()
    running_loss, seen = 0.0, 0
    for inputs, targets in batches:
        running_loss += train_step(model, optimizer, loss_fn, inputs, targets) * inputs.size(0)
        seen += inputs.size(0)
    return running_loss / seen


@torch.no_grad()
def evaluate(model, loss_fn, batches):
    was = {name: module.training for name, module in model.named_modules()}
    model.eval()
    running_loss, correct, seen = 0.0, 0, 0
    for inputs, targets in batches:
        output = model(inputs)
        running_loss += loss_fn(output, targets).item() * inputs.size(0)
        _, predicted = torch.max(output, 1)
        correct += predicted.eq(targets).sum().item()
        seen += inputs.size(0)
    for name, module in model.named_modules():
        module.training = was[name]
    return running_loss / seen, correct / seen


def fit(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    train_loader = DataLoader(TensorDataset(*train), batch_size=batch_size, shuffle=True, generator=generator)
    val_loader = DataLoader(TensorDataset(*val), batch_size=batch_size)
    history = {"train_loss": [], "val_loss": [], "val_accuracy": []}
    for epoch in range(epochs):
        history["train_loss"].append(train_epoch(model, optimizer, loss_fn, train_loader))
        val_loss, val_accuracy = evaluate(model, loss_fn, val_loader)
        history["val_loss"].append(val_loss)
        history["val_accuracy"].append(val_accuracy)
        if on_epoch is not None:
            on_epoch(epoch + 1, {name: values[-1] for name, values in history.items()})
    return history
