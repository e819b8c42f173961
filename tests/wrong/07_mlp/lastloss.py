# ruff: noqa
# part: train_classifier
# mistake: The last batch's loss is told for the epoch.
# expects: last-batch-s-loss-told
import torch
from torch.nn import functional as F


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    m = MLP().to(device)
    o = torch.optim.Adam(m.parameters(), 1e-3)
    for e in range(epochs):
        for b in torch.randperm(len(images)).split(64):
            loss = F.cross_entropy(m(images[b].to(device)), labels[b].to(device))
            o.zero_grad()
            loss.backward()
            o.step()
        if on_epoch:
            on_epoch(e + 1, loss.item())
    return m.eval()
