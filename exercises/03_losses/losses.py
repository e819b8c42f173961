"""Exercise 03: losses. How wrong is the network? One number says it, and training makes it small.

Everything here takes tensors and returns a tensor, and the gradient must flow through it.
`reduction` says what becomes of the individual losses: their "mean", their "sum", or "none" (all of them).
Where there is nothing to reduce (an empty batch, N = 0), the mean is NaN and the sum 0. Results keep the dtype of
the input (float32, float64 or bfloat16) and live on its device.

May not be called: every loss that PyTorch has (`F.mse_loss`, `F.cross_entropy`, `nn.BCELoss` and all the
others), `softmax` and `log_softmax`. Allowed: everything else, such as `exp`, `log`, `log1p`, `logsumexp`,
`sigmoid`, `logsigmoid`, `softplus`, `gather`, `clamp`, `where`.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Squared error: (input − target)².

    Args:
        input: predictions, float, any shape.
        target: what they should have been, same shape.
        reduction: "mean", "sum" or "none".

    Returns:
        0-d for "mean" and "sum", the shape of input for "none".

    Raises:
        ValueError: if the shapes differ, or for another reduction.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Absolute error: |input − target|.

    Args:
        input: predictions, float, any shape.
        target: what they should have been, same shape.
        reduction: "mean", "sum" or "none".

    Returns:
        0-d for "mean" and "sum", the shape of input for "none". Where input and target are equal, the slope is 0.

    Raises:
        ValueError: if the shapes differ, or for another reduction.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood: minus the log-probability that each row gives to its true class.

    Args:
        input: log-probabilities `(N, C)`.
        target: true classes, int64 `(N,)`.
        weight: how much each class counts, `(C,)`; None: all count 1.
        ignore_index: rows whose target is this number do not count at all.
        reduction: "mean", "sum" or "none". The mean divides by the summed weights of the rows that count.

    Returns:
        0-d for "mean" and "sum", `(N,)` for "none", where an ignored row has the loss 0.
        If no row counts (all are ignored, or N = 0), the mean is NaN and the sum 0.

    Raises:
        ValueError: for another reduction.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of raw scores (logits) with the true classes: logsumexp(row) − row[true class].

    Args:
        input: logits `(N, C)`, not probabilities. Finite for values up to ±1e4.
        target: true classes, int64 `(N,)`.
        weight: how much each class counts, `(C,)`; None: all count 1.
        ignore_index: rows whose target is this number do not count at all.
        reduction: "mean", "sum" or "none". The mean divides by the summed weights of the rows that count.
        label_smoothing: ε in [0, 1]. The target is 1 − ε on the true class, plus ε/C on each of the C classes
            (the true one too), every class's term weighted with its own weight. The mean still divides by the
            summed weights of the true classes. (Szegedy et al., "Rethinking the Inception Architecture for
            Computer Vision", 2016, section 7.)

    Returns:
        0-d for "mean" and "sum", `(N,)` for "none", where an ignored row has the loss 0.
        If no row counts (all are ignored, or N = 0), the mean is NaN and the sum 0.

    Raises:
        ValueError: for another reduction.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def binary_cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy for yes-or-no answers given as probabilities: −(t·log p + (1 − t)·log(1 − p)).

    Args:
        input: probabilities in [0, 1], any shape. Each logarithm is cut off at −100, so that 0 and 1 stay
            finite.
        target: what they should have been, in [0, 1], same shape and dtype.
        reduction: "mean", "sum" or "none".

    Returns:
        0-d for "mean" and "sum", the shape of input for "none".

    Raises:
        ValueError: if the shapes differ, or for another reduction.
    """
    # YOUR CODE HERE
    raise NotImplementedError


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, pos_weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """Cross-entropy for yes-or-no answers given as logits: the sigmoid and the logarithm in one, stable.

    Args:
        input: logits, any shape. Finite for values up to ±1e4.
        target: what they should have been, in [0, 1], same shape and dtype.
        pos_weight: how much a yes counts (the term with t, not the one with 1 − t), broadcastable to input;
            None: as much as a no. The mean still divides by the number of elements.
        reduction: "mean", "sum" or "none".

    Returns:
        0-d for "mean" and "sum", the shape of input for "none". The slope is σ(x) − t (with a pos_weight the one of
        the formula), at a logit of exactly 0 too: 1/2 − t.

    Raises:
        ValueError: if the shapes differ, or for another reduction.
    """
    # YOUR CODE HERE
    raise NotImplementedError
