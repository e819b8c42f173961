"""Exercise 07: the multi-layer perceptron. Layers of neurons on layers of neurons, and your first classifier of digits.

Both networks take a batch of images and give ten numbers for each: one for each digit.
The third part trains a network of yours on handwritten digits, from the first random weight to the finished module.

May not be called: `torchvision.ops.MLP` and `torchvision.models`. Everything else is allowed: `nn.Linear`,
`nn.Sequential`, `nn.ModuleList`, `nn.ReLU`, `nn.Dropout`, `F.relu`, `F.dropout`, `F.log_softmax`, `F.cross_entropy`,
`torch.optim`, …
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MLP(nn.Module):
    """Linear layers with ReLU between them, and dropout after each hidden ReLU.

    With sizes (784, 512, 128, 10) that is: flatten, linear 784 → 512, ReLU, dropout, linear 512 → 128, ReLU, dropout,
    linear 128 → 10. After the last layer there is nothing: what comes out are logits.

    Dropout: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
    """

    def __init__(self, sizes: Sequence[int] = (784, 512, 128, 10), dropout: float = 0.0) -> None:
        """Make the layers.

        Args:
            sizes: how many numbers go in, how many units each hidden layer has, how many numbers come out; at least two
                entries. Two entries make one linear layer and nothing else.
            dropout: the probability with which a hidden unit is set to 0 while training.

        The parameters are registered in order of use: weight of the first layer `(sizes[1], sizes[0])`, its bias
        `(sizes[1],)`, weight of the second layer, and so on, all in the shapes that `nn.Linear` gives them.
        How they are called is up to you. Layers that find out their input's size at the first batch (`nn.LazyLinear`)
        are layers like any other, here and in `LogSoftmaxMLP`.
        """
        super().__init__()
        ### BEGIN SOLUTION
        self.layers = nn.ModuleList(nn.Linear(n_in, n_out) for n_in, n_out in pairwise(sizes))
        self.dropout = nn.Dropout(dropout)
        ### END SOLUTION

    def forward(self, images: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            images: float `(N, ...)`; the dimensions after the first are flattened to `sizes[0]` numbers. They may
                lie in memory in any way (transposed, or a part of something larger).

        Returns:
            Logits `(N, sizes[-1])`.
        """
        ### BEGIN SOLUTION
        x = images.flatten(start_dim=1)
        for layer in self.layers[:-1]:
            x = self.dropout(F.relu(layer(x)))
        return self.layers[-1](x)
        ### END SOLUTION


class LogSoftmaxMLP(nn.Module):
    """784 → 128 → 64 → 10 with ReLU after the first two layers, and log-probabilities at the end.

    The layers are attributes with the names `fc1`, `fc2` and `fc3`. The result goes with the negative log-likelihood
    loss.
    """

    def __init__(self) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)
        ### END SOLUTION

    def forward(self, images: Tensor) -> Tensor:
        """Log-probabilities of a batch.

        Args:
            images: float `(N, 1, 28, 28)` or any other `(N, ...)` with 784 numbers to an image.

        Returns:
            Log-probabilities `(N, 10)`: none is above 0, and `exp` of each row sums to 1. Finite for logits up to ±1e4.
        """
        ### BEGIN SOLUTION
        x = images.flatten(start_dim=1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return F.log_softmax(self.fc3(x), dim=1)
        ### END SOLUTION


def train_classifier(
    images: Tensor,
    labels: Tensor,
    *,
    epochs: int,
    seed: int,
    device: str | torch.device = "cpu",
    on_epoch: Callable[[int, float], None] | None = None,
) -> nn.Module:
    """Train a network of your choice to tell digits apart.

    Network, loss, optimizer, learning rate and batch size are yours to choose. 97 % of the test images are asked for
    after training on all of MNIST.

    Args:
        images: float32 `(N, 1, 28, 28)` in [−1, 1]. They are not changed.
        labels: int64 `(N,)`, 0 to 9. They are not changed.
        epochs: how many times every image is used; at least 1.
        seed: the same seed gives the same network on the CPU, whatever ran before; other seeds give others. The global
            random state may change.
        device: where to train.
        on_epoch: if given, called after each epoch with its number, from 1, and the epoch's mean training loss, as a
            float.

    Returns:
        The trained module, in eval mode, on `device`. It takes images as above and returns one score per class,
        `(N, 10)`: the highest is its answer.
    """
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    model = MLP(dropout=0.2).to(device)
    images, labels = images.to(device), labels.to(device)
    count, batch_size, peak = len(images), 128, 2e-3
    steps, step = epochs * -(-count // batch_size), 0
    optimizer = torch.optim.Adam(model.parameters(), lr=peak)
    model.train()
    for epoch in range(1, epochs + 1):
        total = torch.zeros((), device=device)
        for batch in torch.randperm(count).to(device).split(batch_size):
            for group in optimizer.param_groups:
                group["lr"] = peak * (1 - step / steps)  # falls to 0, so that the network settles down at the end
            loss = F.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(batch)
            step += 1
        if on_epoch:
            on_epoch(epoch, total.item() / count)
    return model.eval()
    ### END SOLUTION
