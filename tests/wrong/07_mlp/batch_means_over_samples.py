# ruff: noqa
# part: train_classifier
# mistake: on_epoch is told the sum of the batches' means divided by the number of samples, about 64 times too little.
# expects: batch-means-over-images

import torch
from torch.nn import functional as F


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    model = MLP().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    n = len(images)
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for index in torch.randperm(n).split(64):
            x, y = images[index].to(device), labels[index].to(device)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        if on_epoch is not None:
            on_epoch(epoch, total / n)
    return model.eval()
