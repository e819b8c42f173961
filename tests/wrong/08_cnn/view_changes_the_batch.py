# ruff: noqa
# part: CNN
# mistake: The maps are viewed as rows of 784 numbers where an image has 1568, so twice as many rows as images come out.
# expects: maps-cut-into-other-rows
from torch import nn
from torch.nn import functional as F


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(784, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, 784)
        x = F.relu(self.fc1(x))
        return self.fc2(x)
