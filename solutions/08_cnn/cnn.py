"""Exercise 08: convolutional networks. The same small detector everywhere on the image, and a better reader of digits.

First the parts by hand: convolution, max pooling, batch normalisation, dropout. Then a network of your own (with
PyTorch's fast layers, or with yours), and its training.

May not be called, each in its own part only: convolutions in `conv2d` (`F.conv2d`, `nn.Conv2d`, transposed ones …),
max pooling in `max_pool2d`, normalisation layers in `BatchNorm2d`, dropout in `dropout`, `torchvision.models` in `CNN`.
Allowed: `F.unfold`, `F.pad`, `Tensor.unfold`, `einsum`, `amax`, `var`, `torch.rand_like`, …; in `CNN` all of
`torch.nn`.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

### BEGIN SOLUTION


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) from one number or two."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


### END SOLUTION


def conv_output_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """How many places a kernel has along one side of an image.

    That is ⌊(size + 2·padding − dilation·(kernel_size − 1) − 1) / stride⌋ + 1.

    Args:
        size: height or width of the input.
        kernel_size: height or width of the kernel.
        stride: how far the kernel moves from one place to the next; at least 1.
        padding: how many pixels are added at each of the two ends; at least 0.
        dilation: the distance between neighbouring taps of the kernel; 1 means that they touch.

    Returns:
        Height or width of the output, an int.

    Raises:
        ValueError: if the output would not have at least one pixel, if stride or dilation is below 1, or if padding is
            negative.
    """
    ### BEGIN SOLUTION
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError(f"stride {stride} and dilation {dilation} must be at least 1, padding {padding} at least 0")
    reach = dilation * (kernel_size - 1) + 1
    output = (size + 2 * padding - reach) // stride + 1
    if output < 1:
        raise ValueError(f"a kernel that reaches over {reach} pixels does not fit into {size} + 2·{padding}")
    return output
    ### END SOLUTION


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> Tensor:
    """Two-dimensional convolution, as deep learning means it: the kernel is not flipped.

    output[n, o, y, x] = bias[o]
        + Σ over c, i, j of weight[o, c, i, j] · padded[n, c, y·stride + i·dilation, x·stride + j·dilation],
    where stride and dilation have one value for the height and one for the width.

    Args:
        input: float `(N, C_in, H, W)`.
        weight: `(C_out, C_in, kernel height, kernel width)`.
        bias: `(C_out,)`, or None.
        stride: one int, or a pair (height, width).
        padding: zeros added at each side; one int, or a pair (height, width).
        dilation: distance between taps; one int, or a pair (height, width).

    Returns:
        `(N, C_out, H_out, W_out)`, see `conv_output_size`.
    """
    ### BEGIN SOLUTION
    n, _, height, width = input.shape
    channels, _, *kernel = weight.shape
    stride, padding, dilation = _pair(stride), _pair(padding), _pair(dilation)
    h_out, w_out = (
        conv_output_size(*each) for each in zip((height, width), kernel, stride, padding, dilation, strict=True)
    )
    patches = F.unfold(
        input, tuple(kernel), dilation, padding, stride
    )  # (N, C_in · kernel height · kernel width, places)
    output = weight.reshape(channels, -1) @ patches
    if bias is not None:
        output = output + bias[:, None]
    return output.reshape(n, channels, h_out, w_out)
    ### END SOLUTION


def max_pool2d(
    input: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """The largest value in each window.

    Args:
        input: float `(N, C, H, W)` or `(C, H, W)`.
        kernel_size: the window; one int, or a pair (height, width).
        stride: how far the window moves; one int, or a pair; None: as far as the window is large.
        padding: how far the windows reach over the edge; one int, or a pair; at most half of the window. What lies
            there never is the largest: it counts as −∞.

    Returns:
        `(N, C, H_out, W_out)` or `(C, H_out, W_out)`, see `conv_output_size`.
    """
    ### BEGIN SOLUTION
    (kernel_h, kernel_w), (pad_h, pad_w) = _pair(kernel_size), _pair(padding)
    step_h, step_w = (kernel_h, kernel_w) if stride is None else _pair(stride)
    padded = F.pad(input, (pad_w, pad_w, pad_h, pad_h), value=float("-inf"))
    windows = padded.unfold(-2, kernel_h, step_h).unfold(
        -2, kernel_w, step_w
    )  # (..., H_out, W_out, kernel_h, kernel_w)
    return windows.amax(dim=(-2, -1))
    ### END SOLUTION


class BatchNorm2d(nn.Module):
    """Batch normalisation: each channel gets mean 0 and variance 1, then a scale and a shift that are learned.

    S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift", 2015.

    In training mode mean and variance are those of the batch, over N, H and W, the variance divided by the number of
    values (biased). In eval mode they are the running ones.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        """Make parameters and buffers, with the names and shapes of `nn.BatchNorm2d`, so that a `state_dict` fits both.

        Args:
            num_features: how many channels.
            eps: is added to the variance before the root is taken.
            momentum: how much of each new batch goes into the running statistics.

        Parameters `weight` (ones) and `bias` (zeros), buffers `running_mean` (zeros), `running_var` (ones), all
        `(num_features,)`, and the buffer `num_batches_tracked`, a 0-d int64 that begins at 0.
        """
        super().__init__()
        ### BEGIN SOLUTION
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))
        ### END SOLUTION

    def forward(self, input: Tensor) -> Tensor:
        """Normalise, scale and shift.

        In training mode the running statistics are updated too: running = (1 − momentum) · running + momentum · new.
        The new variance is the unbiased one (divided by the number of values − 1). `num_batches_tracked` goes up by 1.

        Args:
            input: float `(N, num_features, H, W)`.

        Returns:
            The same shape: (input − mean) / √(variance + eps) · weight + bias.

        Raises:
            ValueError: in training mode, if there is only one value per channel.
        """
        ### BEGIN SOLUTION
        if self.training:
            count = input.numel() // input.shape[1]
            if count <= 1:
                raise ValueError(
                    f"training needs more than one value per channel; the input has the shape {tuple(input.shape)}"
                )
            mean = input.mean(dim=(0, 2, 3))
            var = input.var(dim=(0, 2, 3), correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
                self.running_var.lerp_((var * count / (count - 1)).to(self.running_var.dtype), self.momentum)
                self.num_batches_tracked += 1
        else:
            mean, var = self.running_mean, self.running_var
        scale = self.weight / (var + self.eps).sqrt()
        return (input - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]
        ### END SOLUTION


def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Inverted dropout: in training each value becomes 0 with probability p, and the others are divided by 1 − p.

    G. E. Hinton et al., "Improving neural networks by preventing co-adaptation of feature detectors", 2012.

    Args:
        x: float, any shape.
        p: the probability to be dropped, in [0, 1]; 1 drops everything.
        training: if False, nothing is dropped and nothing scaled.

    Returns:
        The shape of x.

    Raises:
        ValueError: if p is outside of [0, 1], in training or not.
    """
    ### BEGIN SOLUTION
    if not 0 <= p <= 1:
        raise ValueError(f"p must be a probability, not {p}")
    if not training or p == 0:
        return x
    if p == 1:
        return x * 0
    kept = torch.rand_like(x, dtype=torch.float32) >= p
    return x * kept / (1 - p)
    ### END SOLUTION


class CNN(nn.Module):
    """A convolutional network of your own for digits: convolutions and poolings in any number and order.

    At most 500,000 parameters. You may use all that `torch.nn` has: its convolutions are much faster than hand-made
    ones.
    """

    def __init__(self) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=5, bias=False),  # 28 → 24; batch norm has a bias of its own
            nn.MaxPool2d(2),  # 24 → 12
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=5, bias=False),  # 12 → 8
            nn.MaxPool2d(2),  # 8 → 4
            nn.BatchNorm2d(32),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10))
        ### END SOLUTION

    def forward(self, images: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            images: float `(N, 1, 28, 28)`.

        Returns:
            Logits `(N, 10)`: what the last linear layer gives, no softmax, no activation. In eval mode each image's
            logits depend on this image alone.
        """
        ### BEGIN SOLUTION
        return self.head(self.features(images))
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

    Network, loss, optimizer, learning rate and batch size are yours to choose. 98.5 % of the test images are asked for
    after training on all of MNIST, and 99 % earn the last point.

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
    model = CNN().to(
        device, memory_format=torch.channels_last
    )  # the same numbers in another order: faster on most machines
    images, labels = images.to(device), labels.to(device)
    count, batch_size, peak = len(images), 64, 4e-3
    steps, step = epochs * -(-count // batch_size), 0
    optimizer = torch.optim.Adam(model.parameters(), lr=peak)
    model.train()
    for epoch in range(1, epochs + 1):
        total = torch.zeros((), device=device)
        for batch in torch.randperm(count).to(device).split(batch_size):
            done = (step + 1) / (steps + 1)
            for group in optimizer.param_groups:
                group["lr"] = peak * min(done / 0.2, (1 - done) / 0.8)  # up for a fifth of the way, then down to 0
            loss = F.cross_entropy(model(_shifted(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(batch)
            step += 1
        if on_epoch:
            on_epoch(epoch, total.item() / count)
    return model.eval()
    ### END SOLUTION


### BEGIN SOLUTION


def _shifted(images: Tensor) -> Tensor:
    """The batch moved by up to one pixel each way: new images of the same digits."""
    y, x = torch.randint(0, 3, (2,)).tolist()
    return F.pad(images, (1, 1, 1, 1), value=-1.0)[:, :, y : y + 28, x : x + 28]


### END SOLUTION
