"""Exercise 09: U-Net. Which pixels belong to what? A network that sees the whole picture and draws fine borders.

Images go down a contracting path that gains context and loses sharpness, and come back up an expansive path that is
handed the sharp feature maps of the way down: the skip connections.

May not be called: `torchvision.models`. Everything else of PyTorch is allowed (`nn.Conv2d`, `nn.BatchNorm2d`,
`nn.ConvTranspose2d`, `F.cross_entropy`, `torch.optim`, …).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DoubleConv(nn.Module):
    """The building block of U-Net: twice a 3×3 convolution, batch normalisation and ReLU.

    Args:
        in_channels: channels that come in.
        out_channels: channels that both convolutions give out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """(conv, padding 1 → batch norm → ReLU) twice.

        Args:
            x: float `(N, in_channels, H, W)`.

        Returns:
            `(N, out_channels, H, W)`: the same height and width.
        """
        ### BEGIN SOLUTION
        return self.layers(x)
        ### END SOLUTION


class Down(nn.Module):
    """One step down the contracting path: half the height and width, other channels.

    Args:
        in_channels: channels that come in.
        out_channels: channels that go out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.pool = nn.MaxPool2d(2)
        self.conv = DoubleConv(in_channels, out_channels)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """2×2 max pooling, then DoubleConv.

        Args:
            x: float `(N, in_channels, H, W)`.

        Returns:
            `(N, out_channels, H // 2, W // 2)`.
        """
        ### BEGIN SOLUTION
        return self.conv(self.pool(x))
        ### END SOLUTION


class Up(nn.Module):
    """One step up the expansive path: twice the height and width, joined with the skip connection of that level.

    Args:
        in_channels: channels of x, an even number. The skip has half as many.
        out_channels: channels that go out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
        self.conv = DoubleConv(in_channels, out_channels)
        ### END SOLUTION

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Enlarge x by a 2×2 transposed convolution of stride 2, pad it, join `[skip, x]` as channels, then DoubleConv.

        Args:
            x: float `(N, in_channels, h, w)`, from below.
            skip: float `(N, in_channels // 2, H, W)`, from the contracting path; H is 2·h or 2·h + 1, W likewise.
                Where it is larger than the enlarged x, x is padded with zeros to its height and width, on any side.

        Returns:
            `(N, out_channels, H, W)`.
        """
        ### BEGIN SOLUTION
        x = self.up(x)
        missing_rows, missing_columns = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        x = F.pad(x, (0, missing_columns, 0, missing_rows))
        return self.conv(torch.cat([skip, x], dim=1))
        ### END SOLUTION


class UNet(nn.Module):
    """U-Net: DoubleConv, `depth` steps down, `depth` steps up, and a layer that gives every pixel one logit a class.

    O. Ronneberger, P. Fischer, T. Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation (2015),
    figure 1, with padding, batch normalisation and a choice of depth.

    Args:
        in_channels: channels of the image.
        out_channels: how many classes there are.
        base_channels: channels at full height and width; they double at each level, so that the lowest has
            base_channels · 2^depth.
        depth: how many steps down there are, and as many up.
    """

    def __init__(self, in_channels: int, out_channels: int, base_channels: int = 16, depth: int = 3) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        channels = [base_channels * 2**level for level in range(depth + 1)]
        self.first = DoubleConv(in_channels, channels[0])
        self.downs = nn.ModuleList(Down(channels[i], channels[i + 1]) for i in range(depth))
        self.ups = nn.ModuleList(Up(channels[i + 1], channels[i]) for i in reversed(range(depth)))
        self.last = nn.Conv2d(channels[0], out_channels, kernel_size=1)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Logits for every pixel: no activation after the last layer.

        Args:
            x: float `(N, in_channels, H, W)`, H and W at least 2^depth, odd ones too.

        Returns:
            `(N, out_channels, H, W)`.
        """
        ### BEGIN SOLUTION
        x = self.first(x)
        skips = []
        for down in self.downs:
            skips.append(x)
            x = down(x)
        for up in self.ups:
            x = up(x, skips.pop())
        return self.last(x)
        ### END SOLUTION


def dice_loss(logits: Tensor, target: Tensor, eps: float = 1.0) -> Tensor:
    """One minus the Dice overlap of the predicted probabilities with the truth, averaged over the classes.

    With p = softmax of the logits over the classes and t = 1 where a pixel is of the class and 0 elsewhere, the
    overlap of a class is (2·Σ p·t + eps) / (Σ p + Σ t + eps); each Σ runs over all pixels of the whole batch.
    F. Milletari, N. Navab, S.-A. Ahmadi: V-Net (2016), here without the squares and smoothed with eps.

    Args:
        logits: float `(N, C, H, W)`, not probabilities.
        target: true classes, int64 `(N, H, W)`, from 0 to C − 1.
        eps: added above and below, so that an absent class has an overlap too.

    Returns:
        0-d.
    """
    ### BEGIN SOLUTION
    probabilities = logits.softmax(dim=1)
    truth = F.one_hot(target, logits.shape[1]).movedim(-1, 1).to(logits.dtype)
    over = (0, 2, 3)
    both = (probabilities * truth).sum(dim=over)
    overlap = (2 * both + eps) / (probabilities.sum(dim=over) + truth.sum(dim=over) + eps)
    return 1 - overlap.mean()
    ### END SOLUTION


def iou(prediction: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """Intersection over union (Jaccard index) of every class, over all pixels of the batch together.

    Args:
        prediction: predicted classes, int64 `(N, H, W)`, from 0 to num_classes − 1.
        target: true classes, int64 `(N, H, W)`.
        num_classes: how many classes there are, seen here or not.

    Returns:
        float32 or float64 `(num_classes,)`: pixels that are of the class in both, divided by pixels that are of it in
        at least one. A class in neither has no union and is NaN.
    """
    ### BEGIN SOLUTION
    classes = torch.arange(num_classes, device=target.device)[:, None]
    predicted, true = prediction.reshape(1, -1) == classes, target.reshape(1, -1) == classes
    return (predicted & true).sum(dim=1) / (predicted | true).sum(dim=1)
    ### END SOLUTION


def train_segmenter(
    images: Tensor,
    masks: Tensor,
    *,
    num_classes: int,
    epochs: int,
    seed: int,
    device: str | torch.device = "cpu",
    on_epoch: Callable[[int, float], None] | None = None,
) -> nn.Module:
    """Train a U-Net that gives every pixel a class.

    Args:
        images: float32 `(N, 1, H, W)`, in [−1, 1].
        masks: the class of every pixel, int64 `(N, H, W)`, from 0 to num_classes − 1.
        num_classes: how many logits each pixel gets, even if not every class is seen.
        epochs: how often every image is used.
        seed: the same seed gives the same model on the CPU. The global random state may change.
        device: where to train, and where the model is when it is returned.
        on_epoch: called after each epoch with its number, from 1, and its mean loss, a float.

    Returns:
        The trained module, in eval mode: images `(N, 1, H, W)` to logits `(N, num_classes, H, W)`.
    """
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    # channels next to each other in memory: CPUs convolve that nearly twice as fast
    model = UNet(1, num_classes).to(device, memory_format=torch.channels_last)
    images, masks = images.to(device), masks.to(device)
    batch_size = 16
    steps = epochs * -(-len(images) // batch_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=max(steps, 1))
    model.train()
    for epoch in range(1, epochs + 1):
        total = 0.0
        for batch in torch.randperm(len(images)).to(device).split(batch_size):
            logits = model(images[batch])
            loss = F.cross_entropy(logits, masks[batch]) + dice_loss(logits, masks[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        if on_epoch is not None:
            on_epoch(epoch, total / len(images))
    return model.eval()
    ### END SOLUTION
