# ruff: noqa
# part: train_epoch
# mistake: Means of batches are divided by the number of samples.
# expects: batch-means-over-samples


def train_epoch(model, optimizer, loss_fn, batches):
    model.train()
    t = n = 0
    for x, y in batches:
        t += train_step(model, optimizer, loss_fn, x, y)
        n += len(x)
    return t / n
