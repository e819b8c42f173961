# ruff: noqa
# part: train_classifier
# mistake: A tenth of the images is held out.
# expects: some-images-held-out
import torch
from torch.nn import functional as F


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    m = MLP().to(device)
    o = torch.optim.Adam(m.parameters(), 1e-3)
    n = int(len(images) * 0.9)
    for e in range(epochs):
        t = 0
        for b in torch.randperm(n).split(64):
            loss = F.cross_entropy(m(images[b].to(device)), labels[b].to(device))
            o.zero_grad()
            loss.backward()
            o.step()
            t += loss.item() * len(b)
        if on_epoch:
            on_epoch(e + 1, t / n)
    return m.eval()
