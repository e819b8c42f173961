# ruff: noqa
# part: iterate_batches
# mistake: The generator is seeded anew at each call.
# expects: generator-seeded-anew
import torch


def iterate_batches(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    if generator is not None:
        generator.manual_seed(generator.initial_seed())
    o = torch.randperm(len(x), generator=generator) if shuffle else torch.arange(len(x))
    for c in o.split(batch_size):
        if len(c) and not (drop_last and len(c) < batch_size):
            yield x[c], y[c]
