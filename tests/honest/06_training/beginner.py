"""Long-winded, one thing at a time."""

import random

import torch


def normalize(images):
    number_of_images = images.shape[0]
    result = torch.zeros(number_of_images, 1, 28, 28, dtype=torch.float32, device=images.device)
    for i in range(number_of_images):
        image = images[i]
        if image.dim() == 3:
            image = image[0]
        image = image.float()
        image = image / 255.0
        image = image * 2.0
        image = image - 1.0
        result[i, 0] = image
    return result


def iterate_batches(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    indices = list(range(len(x)))
    if shuffle:
        seed = torch.randint(0, 2**60, (1,), generator=generator).item()
        random.Random(seed).shuffle(indices)
    batch = []
    for index in indices:
        batch.append(index)
        if len(batch) == batch_size:
            yield torch.stack([x[i] for i in batch]), torch.stack([y[i] for i in batch])
            batch = []
    if len(batch) > 0 and drop_last == False:  # noqa: E712
        yield torch.stack([x[i] for i in batch]), torch.stack([y[i] for i in batch])


def train_step(model, optimizer, loss_fn, x, y):
    # zero the gradients
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p.grad is not None:
                p.grad.detach_()
                p.grad.zero_()
    # forward pass
    predictions = model(x)
    # loss
    loss = loss_fn(predictions, y)
    # backward pass
    loss.backward()
    # update
    optimizer.step()
    return float(loss.detach().cpu().numpy())


def train_epoch(model, optimizer, loss_fn, batches):
    model.train()
    all_losses = []
    for batch in batches:
        x = batch[0]
        y = batch[1]
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        for _ in range(len(x)):
            all_losses.append(loss.item())
    return sum(all_losses) / len(all_losses)


def evaluate(model, loss_fn, batches):
    modules_in_training = []
    for module in model.modules():
        if module.training:
            modules_in_training.append(module)
    model.eval()
    total_loss = 0.0
    correct = 0
    total = 0
    with torch.no_grad():
        for x, y in batches:
            scores = model(x)
            total_loss += loss_fn(scores, y).item() * len(x)
            for i in range(len(x)):
                best = 0
                for c in range(scores.shape[1]):
                    if scores[i][c] > scores[i][best]:
                        best = c
                if best == y[i]:
                    correct += 1
                total += 1
    for module in modules_in_training:
        module.training = True
    return total_loss / total, correct / total


def fit(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    x_train, y_train = train
    x_val, y_val = val
    train_losses = []
    val_losses = []
    val_accuracies = []
    for epoch in range(1, epochs + 1):
        train_batches = iterate_batches(x_train, y_train, batch_size, shuffle=True, generator=generator)
        train_loss = train_epoch(model, optimizer, loss_fn, train_batches)
        train_losses.append(train_loss)
        val_batches = iterate_batches(x_val, y_val, batch_size, shuffle=False)
        val_loss, val_accuracy = evaluate(model, loss_fn, val_batches)
        val_losses.append(val_loss)
        val_accuracies.append(val_accuracy)
        if on_epoch != None:  # noqa: E711
            metrics = {}
            metrics["train_loss"] = train_loss
            metrics["val_loss"] = val_loss
            metrics["val_accuracy"] = val_accuracy
            on_epoch(epoch, metrics)
    history = {}
    history["train_loss"] = train_losses
    history["val_loss"] = val_losses
    history["val_accuracy"] = val_accuracies
    return history
