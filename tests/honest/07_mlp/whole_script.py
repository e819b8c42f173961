"""A script as learners write it: plots, progress, logs, checkpoints, helper processes, layers of lazy sizes."""

import os
import random
import time

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from IPython.display import clear_output
from PIL import Image  # noqa: F401
from sklearn.metrics import confusion_matrix  # noqa: F401
from torch import nn
from torch.profiler import record_function
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.tensorboard import SummaryWriter
from torchsummary import summary
from tqdm import tqdm

matplotlib.use("Agg")
sns.set_theme(style="whitegrid")
plt.rcParams["figure.figsize"] = (8, 4)
os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
os.makedirs("checkpoints", exist_ok=True)
torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False
torch.set_float32_matmul_precision("high")
torch.use_deterministic_algorithms(True)


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)


class MLP(nn.Module):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        blocks = [nn.Sequential(nn.LazyLinear(size), nn.ReLU(), nn.Dropout(dropout)) for size in sizes[1:-1]]
        self.body = nn.Sequential(nn.Flatten(), *blocks, nn.LazyLinear(sizes[-1]))

    def forward(self, images):
        return self.body(images)


class LogSoftmaxMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = (nn.LazyLinear(size) for size in (128, 64, 10))

    def forward(self, images):
        hidden = torch.relu(self.fc1(torch.flatten(images, 1)))
        return torch.log_softmax(self.fc3(torch.relu(self.fc2(hidden))), dim=-1)


def plot_history(history):
    clear_output(wait=True)
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    left.plot(history["loss"], label="loss")
    (line,) = right.plot(history["seconds"])
    line.set_color("red")
    for axis in (left, right):
        axis.set_xlabel("epoch")
        axis.legend()
    fig.tight_layout()
    plt.savefig("history.png")
    plt.show()


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    seed_everything(seed)
    model = MLP((784, 256, 64, 10), dropout=0.1).to(device)
    model(images[:1].to(device))
    summary(model, (1, 28, 28))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(
        TensorDataset(images, labels), batch_size=64, shuffle=True, num_workers=2, persistent_workers=True
    )
    writer = SummaryWriter("runs/mlp")
    history, best = {"loss": [], "seconds": []}, float("inf")
    for epoch in range(1, epochs + 1):
        began, running = time.time(), 0.0
        progress = tqdm(loader, desc=f"epoch {epoch}/{epochs}", leave=False)
        with record_function("epoch"):
            for x, y in progress:
                x, y = x.to(device), y.to(device)
                optimizer.zero_grad(set_to_none=True)
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()
                running += loss.item() * len(x)
                progress.set_postfix(loss=f"{loss.item():.3f}")
        scheduler.step()
        mean = running / len(images)
        history["loss"].append(mean)
        history["seconds"].append(time.time() - began)
        writer.add_scalar("loss/train", mean, epoch)
        if mean < best:
            best = mean
            torch.save(model.state_dict(), "checkpoints/best.pt")
        if on_epoch is not None:
            on_epoch(epoch, mean)
    writer.close()
    plot_history(history)
    pd.DataFrame(history).to_csv("history.csv", index=False)
    model.load_state_dict(torch.load("checkpoints/best.pt", map_location=device, weights_only=True))
    return model.eval()


if __name__ == "__main__":
    from torchvision import datasets, transforms

    data = datasets.MNIST("data", train=True, download=True, transform=transforms.ToTensor())
    train_classifier(data.data[:, None] / 127.5 - 1, data.targets, epochs=1, seed=0)
