# ruff: noqa
# part: train_classifier
# mistake: Images and labels are shuffled apart.
# expects: labels-of-other-images
import torch
from torch.nn import functional as F


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    m = MLP().to(device)
    o = torch.optim.Adam(m.parameters(), 1e-3)
    for e in range(epochs):
        t = 0
        for b, c in zip(torch.randperm(len(images)).split(64), torch.randperm(len(images)).split(64)):
            loss = F.cross_entropy(m(images[b].to(device)), labels[c].to(device))
            o.zero_grad()
            loss.backward()
            o.step()
            t += loss.item() * len(b)
        if on_epoch:
            on_epoch(e + 1, t / len(images))
    return m.eval()
