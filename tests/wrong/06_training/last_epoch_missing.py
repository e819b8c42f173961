# ruff: noqa
# part: fit
# mistake: range(1, epochs) makes one epoch too few.
# expects: last-epoch-missing
def fit(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {"train_loss": [], "val_loss": [], "val_accuracy": []}
    for epoch in range(1, epochs):
        train_loss = train_epoch(model, optimizer, loss_fn, iterate_batches(*train, batch_size, generator=generator))
        val_loss, val_accuracy = evaluate(model, loss_fn, iterate_batches(*val, batch_size, shuffle=False))
        metrics = dict(train_loss=train_loss, val_loss=val_loss, val_accuracy=val_accuracy)
        for key in history:
            history[key].append(metrics[key])
        if on_epoch is not None:
            on_epoch(epoch, metrics)
    return history
