# ruff: noqa
# part: evaluate
# mistake: argmax without dim gives one index for the whole batch instead of one class per sample.
# expects: argmax-of-the-whole-batch
import torch


def evaluate(model, loss_fn, batches):
    modes = {k: k.training for k in model.modules()}
    model.eval()
    total, hits, count, number, size = 0.0, 0, 0, 0, None
    with torch.no_grad():
        for x, y in batches:
            out = model(x)
            total += loss_fn(out, y).item() * len(x)
            hits += int((torch.argmax(out) == y).sum())
            count += len(x)
            number += 1
            size = size or len(x)
    for k, mode in modes.items():
        k.training = mode
    return total / count, hits / count
