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

### BEGIN SOLUTION


def _reduce(losses: Tensor, reduction: str) -> Tensor:
    """What becomes of the individual losses."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")


def _same_shape(input: Tensor, target: Tensor) -> None:
    """Refuses what broadcasting would silently stretch."""
    if input.shape != target.shape:
        raise ValueError(f"input has the shape {tuple(input.shape)}, target {tuple(target.shape)}")


def _class_weights(input: Tensor, weight: Tensor | None) -> Tensor:
    """`weight`, or a one for each column of input."""
    return input.new_ones(input.shape[1]) if weight is None else weight


def _row_weights(target: Tensor, class_weights: Tensor, ignore_index: int) -> Tensor:
    """How much each row counts: as much as its class, and not at all if it is ignored."""
    counts = target != ignore_index
    classes = torch.where(counts, target, 0)  # an ignored row's target need not be a class: look up one that exists
    return torch.where(counts, class_weights[classes], 0.0)


def _reduce_rows(losses: Tensor, row_weights: Tensor, reduction: str) -> Tensor:
    """As `_reduce`, but the mean is the weighted one: NaN (0 / 0) if no row counts."""
    if reduction == "mean":
        return losses.sum() / row_weights.sum()
    return _reduce(losses, reduction)


### END SOLUTION


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
    ### BEGIN SOLUTION
    _same_shape(input, target)
    return _reduce((input - target) ** 2, reduction)
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    _same_shape(input, target)
    return _reduce((input - target).abs(), reduction)
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    row_weights = _row_weights(target, _class_weights(input, weight), ignore_index)
    classes = torch.where(target != ignore_index, target, 0)
    losses = -row_weights * input.gather(1, classes[:, None])[:, 0]
    return _reduce_rows(losses, row_weights, reduction)
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    log_probabilities = input - torch.logsumexp(input, dim=1, keepdim=True)  # log softmax, without an exp to overflow
    nll = nll_loss(log_probabilities, target, weight, ignore_index, reduction)
    if label_smoothing == 0.0:
        return nll
    class_weights = _class_weights(input, weight)
    spread = -(class_weights * log_probabilities).mean(dim=1)  # what ε/C on every class costs, once ε is outside
    spread = torch.where(target != ignore_index, spread, 0.0)
    spread = _reduce_rows(spread, _row_weights(target, class_weights, ignore_index), reduction)
    return (1 - label_smoothing) * nll + label_smoothing * spread
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    _same_shape(input, target)
    yes = input.log().clamp(min=-100)
    no = (-input).log1p().clamp(min=-100)
    return _reduce(-(target * yes + (1 - target) * no), reduction)
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    _same_shape(input, target)
    yes = F.softplus(-input)
    if pos_weight is not None:
        yes = pos_weight * yes
    return _reduce(target * yes + (1 - target) * F.softplus(input), reduction)
    ### END SOLUTION
