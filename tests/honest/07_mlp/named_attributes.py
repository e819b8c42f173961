"""Layers as numbered attributes, F.dropout with the module's mode, one-cycle learning rate, label smoothing."""

import itertools

import torch
import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        self.count = len(sizes) - 1
        self.dropout = dropout
        for number, pair in enumerate(itertools.pairwise(sizes), start=1):
            setattr(self, f"layer{number}", nn.Linear(*pair))

    def forward(self, images):
        x = torch.flatten(images, 1)
        for number in range(1, self.count):
            x = getattr(self, f"layer{number}")(x)
            x = F.dropout(x, self.dropout, training=self.training)  # before or after ReLU is the same
            x = torch.relu(x)
        return getattr(self, f"layer{self.count}")(x)


class LogSoftmaxMLP(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [784, 128, 64, 10]
        for i in range(3):
            self.add_module(f"fc{i + 1}", nn.Linear(sizes[i], sizes[i + 1]))

    def forward(self, images):
        x = images.flatten(1)
        x = F.relu(self.fc1(x), inplace=True)
        x = F.relu(self.fc2(x), inplace=True)
        return F.log_softmax(self.fc3(x), dim=-1)


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.random.manual_seed(seed)
    model = MLP((784, 256, 10), dropout=0.1)
    model.to(device)
    steps_an_epoch = (len(images) + 127) // 128
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=epochs * steps_an_epoch)
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(images.shape[0])
        shuffled, answers = images[order], labels[order]
        losses = []
        for x, y in zip(shuffled.split(128), answers.split(128), strict=False):
            loss = F.cross_entropy(model(x.to(device)), y.to(device), label_smoothing=0.05)
            model.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        if on_epoch is not None:
            on_epoch(epoch=epoch + 1, mean_loss=torch.stack(losses).mean().item())
    return model.eval()
