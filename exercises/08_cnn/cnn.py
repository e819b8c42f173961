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
    # YOUR CODE HERE
    raise NotImplementedError


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
    # YOUR CODE HERE
    raise NotImplementedError


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
    # YOUR CODE HERE
    raise NotImplementedError


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
        # YOUR CODE HERE
        raise NotImplementedError

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
        # YOUR CODE HERE
        raise NotImplementedError


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
    # YOUR CODE HERE
    raise NotImplementedError


class CNN(nn.Module):
    """A convolutional network of your own for digits: convolutions and poolings in any number and order.

    At most 500,000 parameters. You may use all that `torch.nn` has: its convolutions are much faster than hand-made
    ones.
    """

    def __init__(self) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            images: float `(N, 1, 28, 28)`.

        Returns:
            Logits `(N, 10)`: what the last linear layer gives, no softmax, no activation. In eval mode each image's
            logits depend on this image alone.
        """
        # YOUR CODE HERE
        raise NotImplementedError


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
    # YOUR CODE HERE
    raise NotImplementedError
