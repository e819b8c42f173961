"""Wrong losses that people write, each with what to say about it."""

import math

import torch
from nnkata.grader.authors import misconception, recurring
from torch.nn import functional as F


def reduce(losses, reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(reduction)
    return losses if reduction == "none" else getattr(losses, reduction)()


def reduce_carelessly(losses, reduction):
    return getattr(losses, reduction)() if reduction in ("mean", "sum") else losses


def same_shape(input, target):
    if input.shape != target.shape:
        raise ValueError("the shapes differ")


def known(reduction):
    """A word that PyTorch knows, whatever was asked for."""
    return reduction if reduction in ("mean", "sum") else "none"


# -- mse_loss --------------------------------------------------------------------------------------------------


@misconception(
    "mse_loss",
    "sum-instead-of-mean",
    "You add the squared errors up but never divide by how many there are: for the errors 0, −2 and 3 "
    "your mean is 13, not 4.33. A sum grows with the batch, and so would every step of training.",
    "Which operation belongs to which word of `reduction`? Try `reduction='mean'` and `'sum'` on three numbers.",
    fails="test_mse_by_hand",
)
def sum_instead_of_mean(input, target, reduction="mean"):
    same_shape(input, target)
    reduce(input, reduction)
    return F.mse_loss(input, target, reduction="none" if reduction == "none" else "sum")


@misconception(
    "mse_loss",
    "mean-over-rows-only",
    "You divide the sum by the number of rows. The mean is over all numbers: a (2, 2) input holds four "
    "errors, not two, so your loss is twice what it should be there (and right for a vector, which "
    "hides it).",
    "How many numbers does a (2, 2) tensor hold? There is a method that tells, and one that averages over all of them.",
    fails="test_mse_by_hand",
)
def mean_over_rows_only(input, target, reduction="mean"):
    same_shape(input, target)
    losses = (input - target) ** 2
    return losses.sum() / len(losses) if reduction == "mean" else reduce(losses, reduction)


@misconception(
    "mse_loss",
    "one-mean-for-each-row",
    "You average over the last dimension, so a (2, 2) input leaves two numbers. `backward` needs a single one.",
    "Take the mean over all dimensions at once.",
    fails="test_mse_by_hand",
)
def one_mean_for_each_row(input, target, reduction="mean"):
    same_shape(input, target)
    losses = (input - target) ** 2
    return losses.mean(dim=-1) if reduction == "mean" else reduce(losses, reduction)


@misconception(
    "mse_loss",
    "root-of-the-mean",
    "You take the square root of the mean: that is the RMSE. For the errors 0, −2 and 3 it is 2.08, "
    "where the mean squared error is 4.33.",
    "Which of the three words M, S and E asks for a root?",
    fails="test_mse_by_hand",
)
def root_of_the_mean(input, target, reduction="mean"):
    same_shape(input, target)
    losses = (input - target) ** 2
    return losses.mean().sqrt() if reduction == "mean" else reduce(losses, reduction)


@misconception(
    "mse_loss",
    "half-of-the-square",
    "You halve the squares. Textbooks do that to make the derivative prettier; PyTorch does not, and "
    "every value comes out half as large.",
    "Leave out the factor: the derivative is then 2·(input − target).",
    fails="test_mse_by_hand",
)
def half_of_the_square(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(0.5 * (input - target) ** 2, reduction)


@misconception(
    "mse_loss",
    "difference-not-squared",
    "You average the differences themselves, so an error of +2 and one of −2 cancel to a loss of 0.",
    "What does squaring do to the sign? When does it have to happen: before the mean, or after it?",
    fails="test_mse_by_hand",
)
def difference_not_squared(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(input - target, reduction)


@misconception(
    "mse_loss",
    "silent-broadcasting",
    "You do not compare the shapes (or not fully). (4, 1) minus (4,) is silently (4, 4): every "
    "prediction is compared with every target, the loss is a number that looks fine, and the network "
    "learns to predict the average.",
    "Compare `input.shape` with `target.shape` before you subtract, and raise a ValueError if they differ.",
    fails="test_mse_rejects_other_shapes",
)
def silent_broadcasting(input, target, reduction="mean"):
    return reduce((input - target) ** 2, reduction)


@misconception(
    "mse_loss",
    "target-reshaped-to-fit",
    "You reshape the target to the shape of the input. That hides a mistake of the caller: a (2, 3) "
    "target in another order would go unnoticed. Shapes that differ have to be a ValueError.",
    "Refuse, do not repair: compare the two shapes first.",
    fails="test_mse_rejects_other_shapes",
)
def target_reshaped_to_fit(input, target, reduction="mean"):
    if input.numel() != target.numel():
        raise ValueError("the sizes differ")
    return reduce((input - target.reshape(input.shape)) ** 2, reduction)


@misconception(
    "mse_loss",
    "square-multiplied-out",
    "You compute x² − 2xt + t². On paper that is (x − t)²; in float32 it is not: at 10,000.5 against "
    "10,000 each square is about 10⁸, where neighbouring numbers are 8 apart, and the 0.25 that you "
    "want is lost.",
    "Subtract first, while the numbers are small, and square the difference.",
    fails="test_mse_of_large_values",
)
def square_multiplied_out(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(input**2 - 2 * input * target + target**2, reduction)


@misconception(
    "mse_loss",
    "square-after-the-mean",
    "You put the differences together first and square at the end. By then errors of +2 and −2 have cancelled.",
    "Every single difference has to be squared, before anything is added up.",
    fails="test_mse_by_hand",
)
def square_after_the_mean(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(input - target, reduction) ** 2


@misconception(
    "mse_loss",
    "absolute-instead-of-squared",
    "You take the absolute value of the differences: that is `l1_loss`. An error of 3 costs 3 here, and must cost 9.",
    "Which of the three words M, S and E asks for another operation?",
    fails="test_mse_by_hand",
)
def absolute_instead_of_squared(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce((input - target).abs(), reduction)


@misconception(
    "mse_loss",
    "mean-and-sum-exchanged",
    "Your 'mean' is the sum, and your 'sum' is the mean.",
    "Try both words on three numbers.",
    fails="test_mse_by_hand",
)
def mean_and_sum_exchanged(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce((input - target) ** 2, {"mean": "sum", "sum": "mean"}.get(reduction, reduction))


@misconception(
    "mse_loss",
    "empty-batch-gives-zero",
    "The mean of an empty batch is 0 in yours. A mean of nothing is 0 / 0, NaN, as PyTorch has it; a 0 would look like "
    "a perfect batch.",
    "Leave out the guard (`max(n, 1)`, say): only the sum of nothing is 0.",
    fails="test_mse_of_an_empty_batch",
)
def empty_batch_gives_zero(input, target, reduction="mean"):
    same_shape(input, target)
    losses = (input - target) ** 2
    return losses.sum() / max(losses.numel(), 1) if reduction == "mean" else reduce(losses, reduction)


# -- l1_loss ---------------------------------------------------------------------------------------------------


@misconception(
    "l1_loss",
    "l1-sum-instead-of-mean",
    "You add the absolute errors up but never divide by how many there are: for the errors 0, −2 and 3 "
    "your mean is 5, not 1.67.",
    "Which operation belongs to which word of `reduction`?",
    fails="test_l1_by_hand",
)
def l1_sum_instead_of_mean(input, target, reduction="mean"):
    same_shape(input, target)
    reduce(input, reduction)
    return F.l1_loss(input, target, reduction="none" if reduction == "none" else "sum")


@misconception(
    "l1_loss",
    "l1-mean-over-rows-only",
    "You divide the sum by the number of rows. The mean is over all numbers: a (2, 2) input holds four "
    "errors, not two.",
    "How many numbers does a (2, 2) tensor hold?",
    fails="test_l1_by_hand",
)
def l1_mean_over_rows_only(input, target, reduction="mean"):
    same_shape(input, target)
    losses = (input - target).abs()
    return losses.sum() / len(losses) if reduction == "mean" else reduce(losses, reduction)


@misconception(
    "l1_loss",
    "one-l1-for-each-row",
    "You average over the last dimension, so a (2, 2) input leaves two numbers. `backward` needs a single one.",
    "Take the mean over all dimensions at once.",
    fails="test_l1_by_hand",
)
def one_l1_for_each_row(input, target, reduction="mean"):
    same_shape(input, target)
    losses = (input - target).abs()
    return losses.mean(dim=-1) if reduction == "mean" else reduce(losses, reduction)


@misconception(
    "l1_loss",
    "errors-cancel",
    "You never take the absolute value, so an error of +2 and one of −2 cancel, and the loss can even be negative.",
    "What makes a difference of −2 cost as much as one of +2?",
    fails="test_l1_by_hand",
)
def errors_cancel(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(input - target, reduction)


@misconception(
    "l1_loss",
    "absolute-value-after-the-mean",
    "You take the absolute value at the very end. By then the errors have cancelled: −2 and 3 leave 1, "
    "where the loss is 5.",
    "Every single error must lose its sign before they are put together.",
    fails="test_l1_by_hand",
)
def absolute_value_after_the_mean(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(input - target, reduction).abs()


@misconception(
    "l1_loss",
    "squared-instead-of-absolute",
    "You square the differences: that is `mse_loss`. An error of 3 costs 9 here, where the absolute error is 3.",
    "Same skeleton, another operation on the difference.",
    fails="test_l1_by_hand",
)
def squared_instead_of_absolute(input, target, reduction="mean"):
    return F.mse_loss(input, target, reduction=reduction)


@misconception(
    "l1_loss",
    "smooth-instead-of-absolute",
    "Your loss is rounded off near zero (the smooth L1 or Huber loss): an error of 2 costs 1.5 there, "
    "and here it costs 2.",
    "The plain absolute value is all that is asked for.",
    fails="test_l1_by_hand",
)
def smooth_instead_of_absolute(input, target, reduction="mean"):
    same_shape(input, target)
    return F.smooth_l1_loss(input, target, reduction=reduction)


@misconception(
    "l1_loss",
    "root-of-the-square",
    "√(d²) has the right value, but at d = 0 its derivative is 0 / 0: one prediction that is exactly "
    "right turns the gradient into NaN, and after the next step the whole network is NaN.",
    "There is an operation for the absolute value whose slope at 0 is 0.",
    fails="test_l1_gradient_where_the_error_is_zero",
)
def root_of_the_square(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(((input - target) ** 2).sqrt(), reduction)


@misconception(
    "l1_loss",
    "slope-at-zero-from-one-branch",
    "You choose between d and −d. Where d is exactly 0 one of the branches is taken, and a prediction "
    "that is exactly right is pushed away with slope ±1; the slope there must be 0.",
    "There is an operation for the absolute value whose slope at 0 is 0.",
    fails="test_l1_gradient_where_the_error_is_zero",
)
def slope_at_zero_from_one_branch(input, target, reduction="mean"):
    same_shape(input, target)
    difference = input - target
    return reduce(torch.where(difference > 0, difference, -difference), reduction)


@misconception(
    "l1_loss",
    "l1-silent-broadcasting",
    "You do not compare the shapes (or not fully). (4, 1) minus (4,) is silently (4, 4), and every "
    "prediction is compared with every target.",
    "Compare `input.shape` with `target.shape` first; a difference is a ValueError.",
    fails="test_l1_rejects_other_shapes",
)
def l1_silent_broadcasting(input, target, reduction="mean"):
    return reduce((input - target).abs(), reduction)


@misconception(
    "l1_loss",
    "only-one-direction-counts",
    "Only predictions that are too large cost anything in yours; one that is 2 too small is free.",
    "Too small is as bad as too large: what does the absolute value do to −2?",
    fails="test_l1_by_hand",
)
def only_one_direction_counts(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(torch.where(input > target, input - target, 0.0), reduction)


@misconception(
    "l1_loss",
    "slope-one-where-the-error-is-zero",
    "Your values are right, but where the prediction is exactly right your gradient is that of an error above 0: the "
    "prediction is pushed away with slope 1, and the slope there must be 0.",
    "There is an operation for the absolute value whose slope at 0 is 0.",
    fails="test_l1_gradient_where_the_error_is_zero",
)
def slope_of_the_larger(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(torch.where(input >= target, input - target, target - input), reduction)


@misconception(
    "l1_loss",
    "never-quite-zero",
    "Where a prediction is exactly right, your loss is small but not 0: that is what comes out of √(d² + a small "
    "number), which rounds the corner off.",
    "The plain absolute value is all that is asked for, and PyTorch gives it the slope 0 at 0.",
    fails="test_l1_of_perfect_predictions",
)
def never_quite_zero(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(((input - target) ** 2 + 1e-12).sqrt(), reduction)


# -- nll_loss --------------------------------------------------------------------------------------------------


def rows(input, target, weight, ignore_index):
    """What each row loses (right), and how much it counts."""
    counts = target != ignore_index
    classes = torch.where(counts, target, 0)
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    row_weights = weights[classes] * counts
    return -row_weights * input.gather(1, classes[:, None])[:, 0], row_weights, counts


def reduce_rows(losses, row_weights, reduction):
    return losses.sum() / row_weights.sum() if reduction == "mean" else reduce(losses, reduction)


@misconception(
    "nll_loss",
    "sign-forgotten",
    "Your loss is negative. Log-probabilities are never above 0; the loss is minus the one of the true "
    "class, so that it is small when things go well. As it stands, training would make the network "
    "worse.",
    "The N of NLL stands for negative.",
    fails="test_nll_by_hand",
)
def sign_forgotten(input, target, weight=None, ignore_index=-100, reduction="mean"):
    return -F.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=reduction)


@misconception(
    "nll_loss",
    "log-of-a-log",
    "You take the logarithm of the input, but the input holds log-probabilities already: negative "
    "numbers, whose logarithm is NaN.",
    "What is left to do once the log-probability of the true class is picked?",
    fails="test_nll_by_hand",
)
def log_of_a_log(input, target, weight=None, ignore_index=-100, reduction="mean"):
    return F.nll_loss(input.log(), target, weight, ignore_index=ignore_index, reduction=reduction)


@misconception(
    "nll_loss",
    "exp-undone",
    "You return minus the probability of the true class, not minus its logarithm: your loss never "
    "exceeds 0 nor falls below −1, and being sure and wrong hardly costs anything.",
    "The input is logarithmic already and may stay so.",
    fails="test_nll_by_hand",
)
def exp_undone(input, target, weight=None, ignore_index=-100, reduction="mean"):
    return F.nll_loss(input.exp(), target, weight, ignore_index=ignore_index, reduction=reduction)


@misconception(
    "nll_loss",
    "columns-instead-of-pairs",
    "`input[:, target]` gives every row the classes of all rows, an (N, N) tensor. Its mean mixes the "
    "rows with each other's targets.",
    "One number for each row: pair row i with target i, as `gather` or two index tensors do.",
    fails="test_nll_by_hand",
)
def columns_instead_of_pairs(input, target, weight=None, ignore_index=-100, reduction="mean"):
    return reduce(-input[:, target], reduction)


@misconception(
    "nll_loss",
    "one-hot-too-narrow",
    "Your one-hot rows have as many columns as the largest target of this batch needs. If the last "
    "class does not occur, the shapes do not fit; if only class 0 occurs, they even broadcast and you "
    "add up all classes.",
    "The number of classes is `input.shape[1]`, whatever targets happen to occur. Can you tell the one-hot function?",
    fails="test_nll_of_batches_without_some_classes",
)
def one_hot_too_narrow(input, target, weight=None, ignore_index=-100, reduction="mean"):
    counts = target != ignore_index
    one_hot = F.one_hot(torch.where(counts, target, 0))
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    row_weights = weights[torch.where(counts, target, 0)] * counts
    return reduce_rows(-(input * one_hot).sum(dim=1) * row_weights, row_weights, reduction)


@misconception(
    "nll_loss",
    "weighted-mean-divided-by-n",
    "You multiply by the class weights but divide by the number of rows. Two rows with the losses 0.69 "
    "and 1.39 and the weights 1 and 3 have the weighted mean (1 · 0.69 + 3 · 1.39) / 4 = 1.21; yours is"
    " 2.43.",
    "A weighted mean divides by the sum of the weights that went into it. Check: equal losses must have"
    " that loss as their mean.",
    fails=["test_nll_weighted_by_hand", "test_nll_class_weights"],
)
def weighted_mean_divided_by_n(input, target, weight=None, ignore_index=-100, reduction="mean"):
    losses, _, counts = rows(input, target, weight, ignore_index)
    return losses.sum() / counts.sum() if reduction == "mean" else reduce(losses, reduction)


@misconception(
    "nll_loss",
    "mean-divided-by-all-class-weights",
    "You divide by the sum of the whole `weight` vector. It must be the weights of the rows: a class "
    "that occurs three times counts three times, one that does not occur not at all.",
    "Look up each row's weight with its target, and add those up.",
    fails=["test_nll_weighted_by_hand", "test_nll_class_weights"],
)
def mean_divided_by_all_class_weights(input, target, weight=None, ignore_index=-100, reduction="mean"):
    losses, row_weights, _ = rows(input, target, weight, ignore_index)
    return reduce_rows(losses, row_weights if weight is None else weight, reduction)


@misconception(
    "nll_loss",
    "weights-scaled-to-one",
    "You scale the class weights so that they sum to 1. The mean does not notice, but the sum and the "
    "single losses come out too small.",
    "Use the weights as they come; only the mean divides by anything.",
    fails="test_nll_class_weights",
)
def weights_scaled_to_one(input, target, weight=None, ignore_index=-100, reduction="mean"):
    weight = weight if weight is None else weight / weight.sum()
    return F.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=reduction)


@misconception(
    "nll_loss",
    "weight-unused",
    "Your result does not depend on `weight`: every class counts the same.",
    "Row i counts as much as the weight of its class, `weight[target[i]]`.",
    fails=["test_nll_weighted_by_hand", "test_nll_class_weights"],
)
def weight_unused(input, target, weight=None, ignore_index=-100, reduction="mean"):
    return F.nll_loss(input, target, ignore_index=ignore_index, reduction=reduction)


@misconception(
    "nll_loss",
    "ignored-rows-in-the-mean",
    "Ignored rows have the loss 0, as they should, but they are still counted when you divide: with two"
    " of six rows ignored your mean is a third too small. The more padding a batch holds, the better "
    "your network would seem.",
    "Divide by the rows that count (with weights: by their summed weights).",
    fails="test_nll_ignored_rows",
)
def ignored_rows_in_the_mean(input, target, weight=None, ignore_index=-100, reduction="mean"):
    losses, _, counts = rows(input, target, weight, ignore_index)
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    return reduce_rows(losses, weights[torch.where(counts, target, 0)], reduction)


@misconception(
    "nll_loss",
    "ignored-rows-dropped",
    "With `reduction='none'` you return only the rows that count. There must be a number for each row, "
    "0 for an ignored one, so that the losses still line up with the batch.",
    "Give ignored rows the weight 0 instead of leaving them out.",
    fails="test_nll_ignored_rows",
)
def ignored_rows_dropped(input, target, weight=None, ignore_index=-100, reduction="mean"):
    counts = target != ignore_index
    return F.nll_loss(input[counts], target[counts], weight, reduction=reduction)


@misconception(
    "nll_loss",
    "ignore-index-unused",
    "You ignore the target −100 whatever `ignore_index` says. With `ignore_index=2` the rows of class 2"
    " must not count.",
    "Where in your code does −100 stand that should be the argument?",
    fails="test_nll_ignored_rows",
)
def ignore_index_unused(input, target, weight=None, ignore_index=-100, reduction="mean"):
    counts = target >= 0
    return F.nll_loss(input, torch.where(counts & (target < input.shape[1]), target, -100), weight, reduction=reduction)


@misconception(
    "nll_loss",
    "ignored-target-as-an-index",
    "You look up the target −100 in a row with only a few classes, and that is out of range. An ignored"
    " target is no class.",
    "Before you index, replace ignored targets by a class that exists (0, say); then make sure that "
    "these rows do not count.",
    fails="test_nll_ignored_rows",
)
def ignored_target_as_an_index(input, target, weight=None, ignore_index=-100, reduction="mean"):
    picked = input[torch.arange(len(input), device=input.device), target]
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    row_weights = weights[target] * (target != ignore_index)
    return reduce_rows(-row_weights * picked, row_weights, reduction)


@misconception(
    "nll_loss",
    "ignored-target-gathered",
    "You gather the target −100 from a row with only a few classes, and that is out of range. An "
    "ignored target is no class.",
    "Before you gather, replace ignored targets by a class that exists (0, say); then make sure that "
    "these rows do not count.",
    fails="test_nll_ignored_rows",
)
def ignored_target_gathered(input, target, weight=None, ignore_index=-100, reduction="mean"):
    picked = input.gather(1, target[:, None])[:, 0]
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    row_weights = weights[target] * (target != ignore_index)
    return reduce_rows(-row_weights * picked, row_weights, reduction)


@misconception(
    "nll_loss",
    "ignored-target-clamped",
    "You make ignored targets harmless with `clamp(min=0)`. That is enough for −100, but `ignore_index`"
    " may be any number, such as the 255 of image masks, which is beyond the last class.",
    "Replace exactly the targets that equal `ignore_index`, whatever it is.",
    fails="test_nll_ignored_rows",
)
def ignored_target_clamped(input, target, weight=None, ignore_index=-100, reduction="mean"):
    classes = target.clamp(min=0)
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    row_weights = weights[classes] * (target != ignore_index)
    return reduce_rows(-row_weights * input.gather(1, classes[:, None])[:, 0], row_weights, reduction)


@recurring.changes_input_in_place(
    "nll_loss",
    id="target-changed-in-place",
    fails="test_nll_ignored_rows",
    argument="target",
    how="The next epoch would find class 0 where −100 stood.",
)
def target_changed_in_place(input, target, weight=None, ignore_index=-100, reduction="mean"):
    counts = target != ignore_index
    target[~counts] = 0
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    row_weights = weights[target] * counts
    return reduce_rows(-row_weights * input.gather(1, target[:, None])[:, 0], row_weights, reduction)


@misconception(
    "nll_loss",
    "nothing-counts-gives-zero",
    "Where nothing counts (rows that are all ignored, or that all weigh 0), you give a mean of 0. A mean of nothing"
    " is 0 / 0, NaN, and PyTorch says so; a 0 would look like a perfect batch.",
    "Leave out the guard (the `clamp`, the small number) before the division: only the sum of nothing is 0.",
    fails="test_nll_with_every_row_ignored",
)
def nothing_counts_gives_zero(input, target, weight=None, ignore_index=-100, reduction="mean"):
    losses, row_weights, _ = rows(input, target, weight, ignore_index)
    if reduction == "mean" and row_weights.sum() == 0:
        return losses.sum()
    return reduce_rows(losses, row_weights, reduction)


@misconception(
    "nll_loss",
    "ones-in-float32-on-the-cpu",
    "Your weights of ones have not the dtype and the device of the input: they come from `torch.ones(C)`"
    " (float32, on the CPU), or were kept from an earlier call. A bfloat16 input then gives a float32 loss,"
    " and an input on a GPU an error.",
    "`input.new_ones(...)`, called anew for every input, makes a tensor with the dtype and the device of that input.",
    fails=["test_nll_keeps_the_dtype", "test_nll_on_another_device"],
)
def ones_in_float32_on_the_cpu(input, target, weight=None, ignore_index=-100, reduction="mean"):
    weight = torch.ones(input.shape[1]) if weight is None else weight
    losses, row_weights, _ = rows(input, target, weight, ignore_index)
    return reduce_rows(losses, row_weights, reduction)


@misconception(
    "nll_loss",
    "ignored-rows-keep-their-loss",
    "Ignored rows are left out below the line, but above it (and in the sum, and with 'none') they keep a loss: that "
    "of whatever class stands in for them.",
    "Rows that do not count have the weight 0 everywhere: multiply the losses by it, too.",
    fails="test_nll_ignored_rows",
)
def ignored_rows_keep_their_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    _, row_weights, counts = rows(input, target, weight, ignore_index)
    classes = torch.where(counts, target, 0)
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    losses = -weights[classes] * input.gather(1, classes[:, None])[:, 0]
    return reduce_rows(losses, row_weights, reduction)


@misconception(
    "nll_loss",
    "all-classes-added-up",
    "You add up the log-probabilities of all classes of a row. Only the one of the true class tells how surprised the "
    "network was.",
    "Pick one number from each row: `gather` or two index tensors.",
    fails="test_nll_by_hand",
)
def all_classes_added_up(input, target, weight=None, ignore_index=-100, reduction="mean"):
    return reduce(-input.sum(dim=1), reduction)


@misconception(
    "nll_loss",
    "class-weights-applied-twice",
    "The class weights are applied twice: yours are squared, in effect, where the losses are multiplied by them.",
    "Each row's loss is multiplied by its weight once; the mean divides by the sum of the same weights.",
    fails="test_nll_class_weights",
)
def weighted_twice(input, target, weight=None, ignore_index=-100, reduction="mean"):
    losses, row_weights, counts = rows(input, target, weight, ignore_index)
    return reduce_rows(losses * torch.where(counts, row_weights, 0.0), row_weights, reduction)


@misconception(
    "nll_loss",
    "unreduced-losses-divided-too",
    "With `reduction='none'` your losses are divided by the summed weights already, as they are in the mean.",
    "'none' means the losses of the rows as they are: weighted, but divided by nothing.",
    fails="test_nll_class_weights",
)
def none_divided_too(input, target, weight=None, ignore_index=-100, reduction="mean"):
    losses, row_weights, _ = rows(input, target, weight, ignore_index)
    reduce(losses, reduction)
    if reduction == "sum":
        return losses.sum()
    losses = losses / row_weights.sum()
    return losses.sum() if reduction == "mean" else losses


@misconception(
    "nll_loss",
    "unreduced-ignored-rows-keep-their-loss",
    "Mean and sum leave ignored rows out, but with `reduction='none'` yours still have a loss: that of whatever class "
    "stands in for them. It must be 0.",
    "Give ignored rows the weight 0 before you look at `reduction`.",
    fails="test_nll_ignored_rows",
)
def unreduced_ignored_rows_keep_their_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    if reduction != "none":
        return F.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=reduction)
    classes = torch.where(target != ignore_index, target, 0)
    return F.nll_loss(input, classes, weight, reduction="none")


# -- cross_entropy ---------------------------------------------------------------------------------------------


def options(weight, ignore_index, reduction, label_smoothing=0.0):
    return {
        "weight": weight,
        "ignore_index": ignore_index,
        "reduction": reduction,
        "label_smoothing": label_smoothing,
    }


def from_log_probabilities(log_probabilities, target, weight, ignore_index, reduction, label_smoothing):
    """The cross-entropy (right) of whatever stands in for log-probabilities."""
    losses, row_weights, counts = rows(log_probabilities, target, weight, ignore_index)
    weights = log_probabilities.new_ones(log_probabilities.shape[1]) if weight is None else weight
    spread = torch.where(counts, -(weights * log_probabilities).mean(dim=1), 0.0)
    if label_smoothing:
        losses = (1 - label_smoothing) * losses + label_smoothing * spread
    return reduce_rows(losses, row_weights, reduction)


@misconception(
    "cross_entropy",
    "softmax-applied-twice",
    "The softmax is applied twice: your values are what you get when the input is taken through a "
    "softmax before the real cross-entropy. After the first one all scores lie in [0, 1], so with ten "
    "classes your loss never gets below 1.461, however good the network is.",
    "Count the places where scores are normalised: a softmax and `logsumexp` are two.",
    fails="test_cross_entropy_by_hand",
)
def softmax_applied_twice(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return F.cross_entropy(input.softmax(dim=1), target, **options(weight, ignore_index, reduction, label_smoothing))


@misconception(
    "cross_entropy",
    "logits-as-log-probabilities",
    "You take the logits for log-probabilities: minus the raw score of the true class. Nothing holds "
    "the other scores down, so this loss falls without end when all scores grow. Ten equal scores must "
    "give log 10 = 2.303.",
    "The row must first be normalised so that its exponentials sum to 1: log softmax.",
    fails="test_cross_entropy_by_hand",
)
def logits_as_log_probabilities(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return from_log_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)


@misconception(
    "cross_entropy",
    "logits-as-probabilities",
    "You take the logarithm of the logits themselves. Logits are raw scores, not probabilities: they "
    "may be negative (NaN) or 0 (infinite).",
    "The logarithm that is needed is the one of the softmax, in a form that is stable.",
    fails="test_cross_entropy_by_hand",
)
def logits_as_probabilities(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return from_log_probabilities(input.log(), target, weight, ignore_index, reduction, label_smoothing)


@misconception(
    "cross_entropy",
    "softmax-over-the-batch",
    "You normalise over the rows (dim 0), as if the samples of a batch competed with each other. Three "
    "rows of equal scores then give log 3 = 1.099 instead of log 10 = 2.303.",
    "One row is one sample, and its classes lie along dim 1.",
    fails="test_cross_entropy_by_hand",
)
def softmax_over_the_batch(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    scores = input.log_softmax(dim=0)
    return from_log_probabilities(scores, target, weight, ignore_index, reduction, label_smoothing)


@misconception(
    "cross_entropy",
    "cross-entropy-sign-forgotten",
    "Your loss is negative: it is the log-probability of the true class, which training would push down.",
    "Minus the log-probability: small when the network is right.",
    fails="test_cross_entropy_by_hand",
)
def cross_entropy_sign_forgotten(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return -F.cross_entropy(input, target, **options(weight, ignore_index, reduction, label_smoothing))


@misconception(
    "cross_entropy",
    "cross-entropy-in-bits",
    "You take logarithms to the base 2: ten equal scores give you 3.32 (bits) instead of 2.303 (nats).",
    "`log` and `logsumexp` are natural logarithms, and exp is their inverse.",
    fails="test_cross_entropy_by_hand",
)
def cross_entropy_in_bits(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return F.cross_entropy(input, target, **options(weight, ignore_index, reduction, label_smoothing)) / math.log(2)


@misconception(
    "cross_entropy",
    "mean-over-classes-too",
    "You multiply with one-hot targets and then average over rows and classes. All but one of a row's "
    "terms are 0 but still counted: with ten classes your mean is 0.230 where 2.303 is right.",
    "First the sum over the classes of a row, then the mean over the rows.",
    fails="test_cross_entropy_by_hand",
)
def mean_over_classes_too(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    loss = F.cross_entropy(input, target, **options(weight, ignore_index, reduction, label_smoothing))
    return loss / input.shape[1] if reduction == "mean" else loss


@misconception(
    "cross_entropy",
    "log-of-naive-softmax",
    "You take exp of the raw scores. exp(89) is already infinite in float32, infinite / infinite is "
    "NaN, and so is your loss.",
    "Subtracting the same number from all scores of a row leaves its softmax as it is. Or let `logsumexp` do it.",
    fails="test_cross_entropy_is_stable",
)
def log_of_naive_softmax(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    scores = (input.exp() / input.exp().sum(dim=1, keepdim=True)).log()
    return from_log_probabilities(scores, target, weight, ignore_index, reduction, label_smoothing)


@misconception(
    "cross_entropy",
    "log-of-the-softmax",
    "Your softmax is stable, but its logarithm is not: a probability below 10⁻⁴⁵ is rounded to 0, and "
    "log 0 is −∞. Where the loss should be 20,000, yours is infinite.",
    "Work the logarithm into the formula before you compute: log(e^z / Σ e^z) has no division and no "
    "tiny number in it.",
    fails="test_cross_entropy_is_stable",
)
def log_of_the_softmax(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return from_log_probabilities(input.softmax(dim=1).log(), target, weight, ignore_index, reduction, label_smoothing)


@misconception(
    "cross_entropy",
    "clamped-softmax",
    "You keep the softmax away from 0 before taking the logarithm. No loss can then be larger than "
    "16.1, where 20,000 is right, and what is clamped has the gradient 0: the worst mistakes are the "
    "ones that the network cannot learn from.",
    "Nothing needs clamping if exp and log never meet: write log softmax as a difference.",
    fails="test_cross_entropy_is_stable",
)
def clamped_softmax(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    scores = input.softmax(dim=1).clamp(min=1e-7).log()
    return from_log_probabilities(scores, target, weight, ignore_index, reduction, label_smoothing)


@misconception(
    "cross_entropy",
    "epsilon-inside-the-log",
    "You add a small number to the softmax before taking the logarithm. No loss can then be larger than"
    " 18.4, where 20,000 is right, and the gradient of the worst mistakes all but vanishes.",
    "Nothing needs protecting if exp and log never meet: write log softmax as a difference.",
    fails="test_cross_entropy_is_stable",
)
def epsilon_inside_the_log(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    scores = (input.softmax(dim=1) + 1e-8).log()
    return from_log_probabilities(scores, target, weight, ignore_index, reduction, label_smoothing)


@misconception(
    "cross_entropy",
    "maximum-of-the-whole-batch",
    "You subtract the largest score of the whole batch. A row whose scores all lie far below it becomes"
    " exp(−20000) = 0 everywhere, and the logarithm of its sum −∞.",
    "Each row needs its own maximum: `dim=1, keepdim=True`.",
    fails="test_cross_entropy_is_stable",
)
def maximum_of_the_whole_batch(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    shifted = input - input.max() if input.numel() else input
    scores = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    return from_log_probabilities(scores, target, weight, ignore_index, reduction, label_smoothing)


@misconception(
    "cross_entropy",
    "normaliser-detached",
    "Your values are right, but the gradient is not: the sum of exponentials is cut off from the graph,"
    " so the scores of the wrong classes get no gradient and are never pushed down.",
    "Only a maximum that is subtracted for stability may be detached (it cancels); the logarithm of the sum may not.",
    fails="test_cross_entropy_gradient",
)
def normaliser_detached(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    scores = input - input.logsumexp(dim=1, keepdim=True).detach()
    return from_log_probabilities(scores, target, weight, ignore_index, reduction, label_smoothing)


@misconception(
    "cross_entropy",
    "cross-entropy-weighted-mean-divided-by-n",
    "You multiply by the class weights but divide by the number of rows. A weighted mean divides by the"
    " summed weights of the rows.",
    "Equal losses must have that loss as their mean, whatever the weights: check it with three rows of zeros.",
    fails="test_cross_entropy_class_weights",
)
def cross_entropy_weighted_mean_divided_by_n(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    losses = F.cross_entropy(input, target, **options(weight, ignore_index, "none", label_smoothing))
    counted = (target != ignore_index).sum()
    return losses.sum() / counted if reduction == "mean" else reduce(losses, reduction)


@misconception(
    "cross_entropy",
    "cross-entropy-ignored-rows-in-the-mean",
    "Ignored rows have the loss 0, as they should, but they are still counted when you divide.",
    "Divide by the rows that count (with weights: by their summed weights).",
    fails="test_cross_entropy_ignored_rows",
)
def cross_entropy_ignored_rows_in_the_mean(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    losses = F.cross_entropy(input, target, **options(weight, ignore_index, "none", label_smoothing))
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    row_weights = weights[torch.where(target != ignore_index, target, 0)]
    return reduce_rows(losses, row_weights, reduction)


@misconception(
    "cross_entropy",
    "cross-entropy-of-nothing-is-zero",
    "If every row is ignored, your mean is 0. A mean of nothing is 0 / 0, NaN; a 0 would look like a perfect batch.",
    "Leave out the guard (the `clamp`, the small number) before the division.",
    fails="test_cross_entropy_with_every_row_ignored",
)
def cross_entropy_of_nothing_is_zero(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    loss = F.cross_entropy(input, target, **options(weight, ignore_index, reduction, label_smoothing))
    return loss.nan_to_num() if not (target != ignore_index).any() else loss


@misconception(
    "cross_entropy",
    "smoothing-unused",
    "Your result does not depend on `label_smoothing`.",
    "The target is no longer all on the true class: which part of it goes where?",
    fails="test_cross_entropy_label_smoothing",
)
def smoothing_unused(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return F.cross_entropy(input, target, **options(weight, ignore_index, reduction))


@misconception(
    "cross_entropy",
    "smoothing-spread-over-the-others",
    "You give ε/(C − 1) to each wrong class and 1 − ε to the true one. PyTorch spreads ε over all C "
    "classes, the true one too: with C = 4 and ε = 0.4 the true class gets 0.7, not 0.6.",
    "Think of it as (1 − ε) · one-hot + ε · uniform: what is the uniform distribution over C classes?",
    fails="test_cross_entropy_label_smoothing",
)
def smoothing_spread_over_the_others(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    plain = F.cross_entropy(input, target, **options(weight, ignore_index, reduction))
    if not label_smoothing:
        return plain
    uniform = F.cross_entropy(input, target, **options(weight, ignore_index, reduction, 1.0))
    return plain + label_smoothing * input.shape[1] / (input.shape[1] - 1) * (uniform - plain)


@misconception(
    "cross_entropy",
    "smoothing-added-on-top",
    "You add the smoothing without taking anything from the true class: the target sums to 1 + ε.",
    "What goes to the other classes has to come from the true one: 1 − ε stays there.",
    fails="test_cross_entropy_label_smoothing",
)
def smoothing_added_on_top(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    plain = F.cross_entropy(input, target, **options(weight, ignore_index, reduction))
    uniform = F.cross_entropy(input, target, **options(weight, ignore_index, reduction, 1.0))
    return plain + label_smoothing * uniform if label_smoothing else plain


@misconception(
    "cross_entropy",
    "smoothing-without-the-true-class",
    "You spread ε/C over the wrong classes only and leave 1 − ε on the true one: the target sums to less than 1.",
    "The true class gets its ε/C too, on top of 1 − ε.",
    fails="test_cross_entropy_label_smoothing",
)
def smoothing_without_the_true_class(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    plain = F.cross_entropy(input, target, **options(weight, ignore_index, reduction))
    smooth = F.cross_entropy(input, target, **options(weight, ignore_index, reduction, label_smoothing))
    return smooth - label_smoothing / input.shape[1] * plain if label_smoothing else plain


@misconception(
    "cross_entropy",
    "ignored-rows-smoothed",
    "Ignored rows drop out of the usual loss but not out of the smoothing term, which adds up the "
    "log-probabilities of every row.",
    "Both terms need the same rows left out.",
    fails="test_cross_entropy_smoothing_with_ignored_rows",
)
def ignored_rows_smoothed(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    nll = F.cross_entropy(input, target, **options(weight, ignore_index, reduction))
    if not label_smoothing:
        return nll
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    spread = -(weights * input.log_softmax(dim=1)).mean(dim=1)
    row_weights = rows(input, target, weight, ignore_index)[1]
    return (1 - label_smoothing) * nll + label_smoothing * reduce_rows(spread, row_weights, reduction)


@misconception(
    "cross_entropy",
    "smoothing-unweighted",
    "The class weights do not reach your smoothing term. Each class's share of it counts as much as that class.",
    "Multiply the log-probabilities by `weight` (one for each column) before you add the row up.",
    fails="test_cross_entropy_smoothing_with_weights",
)
def smoothing_unweighted(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    nll = F.cross_entropy(input, target, **options(weight, ignore_index, reduction))
    if not label_smoothing:
        return nll
    spread = torch.where(target != ignore_index, -input.log_softmax(dim=1).mean(dim=1), 0.0)
    row_weights = rows(input, target, weight, ignore_index)[1]
    return (1 - label_smoothing) * nll + label_smoothing * reduce_rows(spread, row_weights, reduction)


@misconception(
    "cross_entropy",
    "smoothing-weighted-by-the-true-class",
    "You weight the whole smoothing term of a row with the weight of its true class. Each of the C "
    "classes in it counts with its own weight.",
    "Multiply the log-probabilities by `weight` (one for each column) before you add the row up.",
    fails="test_cross_entropy_smoothing_with_weights",
)
def smoothing_weighted_by_the_true_class(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    losses = F.cross_entropy(input, target, **options(None, ignore_index, "none", label_smoothing))
    row_weights = rows(input, target, weight, ignore_index)[1]
    return reduce_rows(losses * row_weights, row_weights, reduction)


@misconception(
    "cross_entropy",
    "smoothed-mean-counts-ignored-rows",
    "In the term of label smoothing, ignored rows have no loss, as it should be, but they are counted when you divide "
    "(by the weight of whatever class stands in for them).",
    "Both terms of the mean are divided by the same number: the summed weights of the rows that count.",
    fails=["test_cross_entropy_smoothing_with_ignored_rows", "test_cross_entropy_smoothing_with_weights"],
)
def smoothed_mean_counts_ignored_rows(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    nll = F.cross_entropy(input, target, **options(weight, ignore_index, reduction))
    if not label_smoothing:
        return nll
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    counts = target != ignore_index
    spread = torch.where(counts, -(weights * input.log_softmax(dim=1)).mean(dim=1), 0.0)
    spread = reduce_rows(spread, weights[torch.where(counts, target, 0)], reduction)
    return (1 - label_smoothing) * nll + label_smoothing * spread


@misconception(
    "cross_entropy",
    "smoothed-mean-divided-by-the-rows",
    "The mean of your smoothing term is divided by the number of rows that count, that of the usual loss by their "
    "summed weights.",
    "Both terms of the mean are divided by the same number: the summed weights of the rows that count.",
    fails="test_cross_entropy_smoothing_with_weights",
)
def smoothed_mean_divided_by_the_rows(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    nll = F.cross_entropy(input, target, **options(weight, ignore_index, reduction))
    if not label_smoothing:
        return nll
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    counts = target != ignore_index
    spread = torch.where(counts, -(weights * input.log_softmax(dim=1)).mean(dim=1), 0.0)
    spread = reduce_rows(spread, counts.to(input.dtype), reduction)
    return (1 - label_smoothing) * nll + label_smoothing * spread


@misconception(
    "cross_entropy",
    "smoothing-not-divided-by-the-classes",
    "Your smoothing term adds ε for each of the C classes, C times too much: the target sums to 1 − ε + C · ε.",
    "ε is shared out: each class gets ε / C of it.",
    fails="test_cross_entropy_label_smoothing",
)
def smoothing_not_divided(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    plain = F.cross_entropy(input, target, **options(weight, ignore_index, reduction))
    if not label_smoothing:
        return plain
    uniform = F.cross_entropy(input, target, **options(weight, ignore_index, reduction, 1.0))
    return (1 - label_smoothing) * plain + label_smoothing * input.shape[1] * uniform


@misconception(
    "cross_entropy",
    "smoothing-the-wrong-way-round",
    "You leave ε on the true class and spread 1 − ε over all: with ε = 0.1 the network is asked to know almost "
    "nothing.",
    "ε is the small part that is given away; 1 − ε stays on the true class.",
    fails="test_cross_entropy_label_smoothing",
)
def smoothing_exchanged(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    amount = 1 - label_smoothing if label_smoothing else 0.0
    return F.cross_entropy(input, target, **options(weight, ignore_index, reduction, amount))


@misconception(
    "cross_entropy",
    "shift-never-put-back",
    "You subtract the row's maximum inside of exp only. The logarithm of the sum is then too small by it, and so is "
    "your loss.",
    "Subtract it from the true class's score too, or add it to the logarithm again.",
    fails="test_cross_entropy_by_hand",
)
def shift_never_put_back(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    scores = input.log_softmax(dim=1) + input.amax(dim=1, keepdim=True)
    return from_log_probabilities(scores, target, weight, ignore_index, reduction, label_smoothing)


@misconception(
    "cross_entropy",
    "cross-entropy-weight-unused",
    "Your result does not depend on `weight`: every class counts the same.",
    "Row i counts as much as the weight of its class, and with smoothing each class's term as much as that class.",
    fails=["test_cross_entropy_class_weights", "test_cross_entropy_smoothing_with_weights"],
)
def cross_entropy_weight_unused(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return F.cross_entropy(input, target, **options(None, ignore_index, reduction, label_smoothing))


@misconception(
    "cross_entropy",
    "cross-entropy-ignore-index-unused",
    "You ignore the target −100 whatever `ignore_index` says. With `ignore_index=2` the rows of class 2 must not "
    "count.",
    "Is the argument handed on to whatever looks at the targets?",
    fails="test_cross_entropy_ignored_rows",
)
def cross_entropy_ignore_index_unused(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    return F.cross_entropy(input, target, **options(weight, -100, reduction, label_smoothing))


@misconception(
    "cross_entropy",
    "cross-entropy-never-ignores",
    "No row is ever ignored in yours: a target that is no class (−100, 255) is looked up like the others.",
    "A row whose target is `ignore_index` has the loss 0 and the weight 0; look up a class that exists for it.",
    fails="test_cross_entropy_ignored_rows",
)
def cross_entropy_never_ignores(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return F.cross_entropy(input, target, **options(weight, -(10**6), reduction, label_smoothing))


@misconception(
    "cross_entropy",
    "cross-entropy-of-all-pairs",
    "`scores[:, target]` gives every row the classes of all rows, an (N, N) tensor. Its mean mixes the rows with each "
    "other's targets.",
    "One number for each row: pair row i with target i, as `gather` or two index tensors do.",
    fails="test_cross_entropy_by_hand",
)
def cross_entropy_of_all_pairs(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return reduce(-input.log_softmax(dim=1)[:, target], reduction)


@misconception(
    "cross_entropy",
    "mean-divided-by-the-smoothed-weights",
    "You divide the smoothed mean by the weights of the smoothed targets, Σ q·w. PyTorch divides by the weights of the "
    "true classes alone, smoothing or not.",
    "Both terms of the mean are divided by the same number: the summed weights of the rows that count.",
    fails="test_cross_entropy_smoothing_with_weights",
)
def mean_divided_by_the_smoothed_weights(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    if reduction != "mean":
        return F.cross_entropy(input, target, **options(weight, ignore_index, reduction, label_smoothing))
    losses = F.cross_entropy(input, target, **options(weight, ignore_index, "none", label_smoothing))
    weights = input.new_ones(input.shape[1]) if weight is None else weight
    row_weights, counts = rows(input, target, weight, ignore_index)[1:]
    smoothed = (1 - label_smoothing) * row_weights + label_smoothing * weights.mean() * counts
    return losses.sum() / smoothed.sum()


@misconception(
    "cross_entropy",
    "smoothing-knows-no-weights",
    "The class weights do not reach your smoothing term: neither each class's share of it, nor what its mean is "
    "divided by.",
    "Multiply the log-probabilities by `weight` (one for each column), and divide both terms by the same number.",
    fails="test_cross_entropy_smoothing_with_weights",
)
def smoothing_knows_no_weights(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    nll = F.cross_entropy(input, target, **options(weight, ignore_index, reduction))
    if not label_smoothing:
        return nll
    spread = F.cross_entropy(input, target, **options(None, ignore_index, reduction, 1.0))
    return (1 - label_smoothing) * nll + label_smoothing * spread


@misconception(
    "cross_entropy",
    "probability-without-the-logarithm",
    "You return minus the probability of the true class, not minus its logarithm: your loss lies between −1 and 0, and "
    "being sure and wrong hardly costs anything.",
    "The surprise is the logarithm: −log p, and log p can be had without p.",
    fails="test_cross_entropy_by_hand",
)
def probability_without_the_logarithm(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    return from_log_probabilities(input.softmax(dim=1), target, weight, ignore_index, reduction, label_smoothing)


# -- binary_cross_entropy --------------------------------------------------------------------------------------


def yes_and_no(input, floor=-100.0):
    return input.log().clamp(min=floor), (-input).log1p().clamp(min=floor)


@misconception(
    "binary_cross_entropy",
    "yes-term-only",
    "You have the term −t · log p but not the one for the answer no. A network that always says yes "
    "would then be perfect.",
    "If t is 0, which probability should have been large, and what is it in terms of p?",
    fails="test_bce_by_hand",
)
def yes_term_only(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(-target * yes_and_no(input)[0], reduction)


@misconception(
    "binary_cross_entropy",
    "bce-sign-forgotten",
    "Your loss is negative: logarithms of probabilities are never above 0, and the loss is minus their mean.",
    "There is a minus in front of the whole formula.",
    fails="test_bce_by_hand",
)
def bce_sign_forgotten(input, target, reduction="mean"):
    return -F.binary_cross_entropy(input, target, reduction=reduction)


@misconception(
    "binary_cross_entropy",
    "yes-and-no-swapped",
    "Your two terms are swapped: t goes with log(1 − p). You punish the network for being right.",
    "If the answer is yes (t = 1), which probability should be large?",
    fails="test_bce_by_hand",
)
def yes_and_no_swapped(input, target, reduction="mean"):
    return F.binary_cross_entropy(input, 1 - target, reduction=reduction)


@misconception(
    "binary_cross_entropy",
    "probability-through-a-sigmoid",
    "You put the input through a sigmoid, but it holds probabilities already. That is for the function with logits.",
    "Use p as it comes.",
    fails="test_bce_by_hand",
)
def probability_through_a_sigmoid(input, target, reduction="mean"):
    same_shape(input, target)
    return F.binary_cross_entropy_with_logits(input, target, reduction=reduction)


@misconception(
    "binary_cross_entropy",
    "bce-in-bits",
    "You take logarithms to the base 2: p = 0.5 costs you 1 instead of log 2 = 0.693.",
    "`log` is the natural logarithm.",
    fails="test_bce_by_hand",
)
def bce_in_bits(input, target, reduction="mean"):
    return F.binary_cross_entropy(input, target, reduction=reduction) / math.log(2)


@misconception(
    "binary_cross_entropy",
    "bce-sum-instead-of-mean",
    "You add the losses up but never divide by how many there are.",
    "Can the helper of your first two losses serve here too?",
    fails="test_bce_by_hand",
)
def bce_sum_instead_of_mean(input, target, reduction="mean"):
    reduce(input, reduction)
    return F.binary_cross_entropy(input, target, reduction="none" if reduction == "none" else "sum")


@misconception(
    "binary_cross_entropy",
    "target-taken-as-yes-or-no",
    "You choose one term by looking whether the target is a yes. Targets may lie in between (0.3 after "
    "smoothing, say): then both terms count, with t and with 1 − t.",
    "Multiply by t and 1 − t instead of choosing.",
    fails="test_bce_matches_pytorch",
)
def target_taken_as_yes_or_no(input, target, reduction="mean"):
    same_shape(input, target)
    yes, no = yes_and_no(input)
    return reduce(-torch.where(target > 0.5, yes, no), reduction)


@misconception(
    "binary_cross_entropy",
    "logarithm-of-zero",
    "log 0 is −∞, and the other term's 0 · ∞ is NaN: a probability of exactly 0 or 1 (a sigmoid gives 1"
    " from about 17 on) ruins the whole mean.",
    "PyTorch cuts each logarithm off at −100. What has to be cut off: p, or log p?",
    fails="test_bce_at_zero_and_one",
)
def logarithm_of_zero(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(-(target * input.log() + (1 - target) * (1 - input).log()), reduction)


@misconception(
    "binary_cross_entropy",
    "bce-epsilon-inside-the-log",
    "You compute log(p + 1e-8). At p = 0 that is −18.4, where the cut-off −100 is asked for; and every "
    "other value is a little off too.",
    "Take the logarithm of p itself, and cut off what comes out of it.",
    fails="test_bce_at_zero_and_one",
)
def bce_epsilon_inside_the_log(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(-(target * (input + 1e-8).log() + (1 - target) * (1 - input + 1e-8).log()), reduction)


@misconception(
    "binary_cross_entropy",
    "probability-clamped",
    "You keep the probability within [1e-7, 1 − 1e-7]. At p = 0 the loss is then 16.1, where the "
    "cut-off 100 is asked for, and a network that is more wrong than that gets no gradient at all.",
    "Do not clamp what goes into the logarithm, but what comes out of it.",
    fails="test_bce_at_zero_and_one",
)
def probability_clamped(input, target, reduction="mean"):
    same_shape(input, target)
    return F.binary_cross_entropy(input.clamp(1e-7, 1 - 1e-7), target, reduction=reduction)


@misconception(
    "binary_cross_entropy",
    "only-the-exact-zero-cut-off",
    "You replace the logarithm of an exact 0 by −100 but leave others below −100 as they are: in "
    "float64, p = 1e-60 costs you 138.2 instead of 100, more than p = 0 does.",
    "Cut off whatever is below −100, wherever it comes from.",
    fails="test_bce_at_zero_and_one",
)
def only_the_exact_zero_cut_off(input, target, reduction="mean"):
    same_shape(input, target)
    yes = torch.where(input == 0, -100.0, input.log())
    no = torch.where(input == 1, -100.0, (1 - input).log())
    return reduce(-(target * yes + (1 - target) * no), reduction)


@misconception(
    "binary_cross_entropy",
    "bce-silent-broadcasting",
    "You do not compare the shapes (or not fully): (4, 1) against (4,) silently becomes (4, 4).",
    "Compare `input.shape` with `target.shape` first; a difference is a ValueError.",
    fails="test_bce_rejects_other_shapes",
)
def bce_silent_broadcasting(input, target, reduction="mean"):
    yes, no = yes_and_no(input)
    return reduce(-(target * yes + (1 - target) * no), reduction)


@misconception(
    "binary_cross_entropy",
    "no-term-only",
    "You have the term −(1 − t) · log(1 − p) but not the one for the answer yes. A network that always says no would "
    "then be perfect.",
    "If t is 1, which probability should have been large?",
    fails="test_bce_by_hand",
)
def no_term_only(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(-(1 - target) * yes_and_no(input)[1], reduction)


@misconception(
    "binary_cross_entropy",
    "cut-off-after-the-target",
    "You cut the products t · log p off at −100, not the logarithms: with p = 0 and t = 0.25 that costs 100, where "
    "0.25 · 100 = 25 is right.",
    "First the logarithm, then the cut-off, then t.",
    fails="test_bce_at_zero_and_one",
)
def cut_off_after_the_target(input, target, reduction="mean"):
    same_shape(input, target)
    yes = torch.special.xlogy(target, input).clamp(min=-100)
    no = torch.special.xlog1py(1 - target, -input).clamp(min=-100)
    return reduce(-(yes + no), reduction)


@misconception(
    "binary_cross_entropy",
    "zero-times-log-alone",
    "0 · log 0 is 0 in yours, as it should be, but a logarithm of 0 that counts is still −∞: p = 0 with t = 1 must "
    "cost 100.",
    "PyTorch cuts each logarithm off at −100.",
    fails="test_bce_at_zero_and_one",
)
def zero_times_log_alone(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce(-(torch.special.xlogy(target, input) + torch.special.xlog1py(1 - target, -input)), reduction)


@misconception(
    "binary_cross_entropy",
    "squared-error-of-probabilities",
    "You take the squared error of the probabilities: being sure and wrong costs 1 at the most, and hardly teaches.",
    "The loss is a surprise: minus the logarithm of the probability that the right answer got.",
    fails="test_bce_by_hand",
)
def squared_error_of_probabilities(input, target, reduction="mean"):
    return F.mse_loss(input, target, reduction=reduction)


@misconception(
    "binary_cross_entropy",
    "cut-off-on-the-wrong-side",
    "You cut the logarithms off above −100 (`max`), so that all of them are −100 or less. None may get below −100.",
    "`clamp(min=…)` is what nothing may be less than.",
    fails=["test_bce_by_hand", "test_bce_at_zero_and_one"],
)
def cut_off_on_the_wrong_side(input, target, reduction="mean"):
    same_shape(input, target)
    yes, no = input.log().clamp(max=-100), (-input).log1p().clamp(max=-100)
    return reduce(-(target * yes + (1 - target) * no), reduction)


@misconception(
    "binary_cross_entropy",
    "only-an-exact-one-is-a-yes",
    "You choose one term by asking whether the target is exactly 1. Targets may lie in between (0.9 after smoothing, "
    "say): then both terms count, with t and with 1 − t.",
    "Multiply by t and 1 − t instead of choosing.",
    fails="test_bce_matches_pytorch",
)
def only_an_exact_one_is_a_yes(input, target, reduction="mean"):
    same_shape(input, target)
    yes, no = yes_and_no(input)
    return reduce(-torch.where(target == 1, yes, no), reduction)


# -- binary_cross_entropy_with_logits --------------------------------------------------------------------------


def with_logits(input, target, pos_weight, reduction):
    return F.binary_cross_entropy_with_logits(input, target, pos_weight=pos_weight, reduction=reduction)


def weighted(yes, pos_weight):
    return yes if pos_weight is None else pos_weight * yes


@misconception(
    "binary_cross_entropy_with_logits",
    "logits-without-sigmoid",
    "You take the logits for probabilities. A logit of 0 means p = 0.5, and the logarithm of a negative logit is NaN.",
    "Which function turns a logit into a probability? And then: can you do without computing that probability?",
    fails="test_bce_logits_by_hand",
)
def logits_without_sigmoid(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    yes, no = yes_and_no(input)
    return reduce(-(target * weighted(yes, pos_weight) + (1 - target) * no), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "sigmoid-applied-twice",
    "The sigmoid is applied twice: to the logits, and once more inside of a formula that expects "
    "logits. Your probabilities all lie between 0.5 and 0.731.",
    "`softplus` and `logsigmoid` contain the sigmoid already.",
    fails="test_bce_logits_by_hand",
)
def sigmoid_applied_twice(input, target, pos_weight=None, reduction="mean"):
    return with_logits(input.sigmoid(), target, pos_weight, reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "softplus-signs-swapped",
    "Your two terms are swapped: a large logit means yes, but it costs you most when the answer is yes.",
    "−log σ(x) must be near 0 for large x. Is that softplus(x) or softplus(−x)?",
    fails="test_bce_logits_by_hand",
)
def softplus_signs_swapped(input, target, pos_weight=None, reduction="mean"):
    return with_logits(-input, target, pos_weight, reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "bce-logits-sum-instead-of-mean",
    "You add the losses up but never divide by how many there are.",
    "Can the helper of your first two losses serve here too?",
    fails="test_bce_logits_by_hand",
)
def bce_logits_sum_instead_of_mean(input, target, pos_weight=None, reduction="mean"):
    reduce(input, reduction)
    return with_logits(input, target, pos_weight, "none" if reduction == "none" else "sum")


@misconception(
    "binary_cross_entropy_with_logits",
    "sigmoid-then-log",
    "You compute the sigmoid and then its logarithm. From about 17 on the sigmoid is exactly 1 in "
    "float32, so 1 − σ(x) is 0, its logarithm −∞, and 0 · ∞ NaN. A logit of 30 should cost 30.",
    "Put the sigmoid into the formula on paper first: −log σ(x) = log(1 + e^−x), which has a name.",
    fails="test_bce_logits_is_stable",
)
def sigmoid_then_log(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    p = input.sigmoid()
    return reduce(-(target * weighted(p.log(), pos_weight) + (1 - target) * (1 - p).log()), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "sigmoid-then-binary-cross-entropy",
    "You compute the sigmoid and hand it to `binary_cross_entropy`, whose cut-off then decides: a logit"
    " of 30 costs you 100 instead of 30, one of 10,000 costs 100 instead of 10,000, and no gradient is "
    "left.",
    "The sigmoid must not be computed at all: work with softplus or logsigmoid of the logit.",
    fails="test_bce_logits_is_stable",
)
def sigmoid_then_binary_cross_entropy(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    yes, no = yes_and_no(input.sigmoid())
    return reduce(-(target * weighted(yes, pos_weight) + (1 - target) * no), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "sigmoid-clamped",
    "You keep the sigmoid within [1e-7, 1 − 1e-7]. No loss can then be larger than about 16, where "
    "10,000 is right, and what is clamped has no gradient: the worst mistakes are never corrected.",
    "The sigmoid must not be computed at all: work with softplus or logsigmoid of the logit.",
    fails="test_bce_logits_is_stable",
)
def sigmoid_clamped(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    yes, no = yes_and_no(input.sigmoid().clamp(1e-7, 1 - 1e-7))
    return reduce(-(target * weighted(yes, pos_weight) + (1 - target) * no), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "softplus-overflows",
    "You compute log(1 + e^x) as it stands. From x = 89 on e^x is infinite in float32, although log(1 +"
    " e^x) is then simply x.",
    "`F.softplus` knows that. By hand: take out max(x, 0) before exp.",
    fails="test_bce_logits_is_stable",
)
def softplus_overflows(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    yes, no = (-input).exp().log1p(), input.exp().log1p()
    return reduce(target * weighted(yes, pos_weight) + (1 - target) * no, reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "pos-weight-unused",
    "Your result does not depend on `pos_weight`.",
    "It makes a missed yes more expensive: which of the two terms is about that?",
    fails="test_bce_logits_pos_weight",
)
def pos_weight_unused(input, target, pos_weight=None, reduction="mean"):
    return with_logits(input, target, None, reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "pos-weight-on-both-terms",
    "You multiply the whole loss by `pos_weight`, the answer no as well as the yes. Then nothing "
    "changes between the two.",
    "Multiply before the two terms are added, and only the one with t.",
    fails="test_bce_logits_pos_weight",
)
def pos_weight_on_both_terms(input, target, pos_weight=None, reduction="mean"):
    return reduce(weighted(with_logits(input, target, None, "none"), pos_weight), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "pos-weight-on-the-no-term",
    "`pos_weight` stands at the wrong term: you make a wrong yes more expensive, not a missed one.",
    "Positive means yes: the term with t.",
    fails="test_bce_logits_pos_weight",
)
def pos_weight_on_the_no_term(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    return reduce(target * F.softplus(-input) + (1 - target) * weighted(F.softplus(input), pos_weight), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "mean-divided-by-pos-weight",
    "You divide the mean by summed weights, as `nll_loss` does. Here PyTorch divides by the number of "
    "elements, `pos_weight` or not.",
    "Multiply the yes-term, then reduce as usual.",
    fails="test_bce_logits_pos_weight",
)
def mean_divided_by_pos_weight(input, target, pos_weight=None, reduction="mean"):
    losses = with_logits(input, target, pos_weight, "none")
    if pos_weight is None or reduction != "mean":
        return reduce(losses, reduction)
    return losses.sum() / (target * pos_weight + 1 - target).sum()


@misconception(
    "binary_cross_entropy_with_logits",
    "bce-logits-silent-broadcasting",
    "You do not compare the shapes (or not fully): (4, 1) against (4,) silently becomes (4, 4).",
    "Compare `input.shape` with `target.shape` first; a difference is a ValueError.",
    fails="test_bce_logits_rejects_other_shapes",
)
def bce_logits_silent_broadcasting(input, target, pos_weight=None, reduction="mean"):
    yes, no = weighted(F.softplus(-input), pos_weight), F.softplus(input)
    return reduce(target * yes + (1 - target) * no, reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "soft-targets-as-signs",
    "You give −log σ((2t − 1) · x): right for targets 0 and 1, but not between them. With t = 0.5 yours is log 2 "
    "whatever the logit is, as if the network could not be wrong.",
    "With a soft target both terms count: t for the yes, 1 − t for the no.",
    fails=["test_bce_logits_matches_pytorch", "test_bce_logits_gradient"],
)
def soft_targets_as_signs(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    losses = F.softplus(-input * (2 * target - 1))
    return reduce(losses if pos_weight is None else losses * (1 + (pos_weight - 1) * target), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "pos-weight-for-the-whole-soft-loss",
    "You multiply the whole loss by 1 + (pos_weight − 1) · t. For targets 0 and 1 that is right; with a soft target, "
    "between them, the answer no is weighted too.",
    "`pos_weight` belongs to the term with t, before the two are added.",
    fails=["test_bce_logits_pos_weight", "test_bce_logits_gradient"],
)
def pos_weight_for_the_whole_soft_loss(input, target, pos_weight=None, reduction="mean"):
    losses = with_logits(input, target, None, "none")
    return reduce(losses if pos_weight is None else losses * (1 + (pos_weight - 1) * target), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "pos-weight-where-the-target-is-one",
    "You multiply the loss by `pos_weight` where the target is a yes (1, or above 0.5). With a soft target, between 0 "
    "and 1, the term with t is weighted and the other is not.",
    "`pos_weight` belongs to the term with t, before the two are added: no condition is needed.",
    fails=["test_bce_logits_pos_weight", "test_bce_logits_gradient"],
)
def pos_weight_where_yes(input, target, pos_weight=None, reduction="mean"):
    losses = with_logits(input, target, None, "none")
    return reduce(losses if pos_weight is None else torch.where(target > 0.5, pos_weight * losses, losses), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "logit-target-taken-as-yes-or-no",
    "You choose one term by looking whether the target is a yes. Targets may lie in between (0.3 after smoothing, "
    "say): then both terms count, with t and with 1 − t.",
    "Multiply by t and 1 − t instead of choosing.",
    fails="test_bce_logits_matches_pytorch",
)
def logit_target_taken_as_yes_or_no(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    return reduce(torch.where(target > 0.5, weighted(F.softplus(-input), pos_weight), F.softplus(input)), reduction)


def own_softplus(x, positive):
    return positive(x) + torch.log1p(torch.exp(-x.abs()))


@misconception(
    "binary_cross_entropy_with_logits",
    "flat-where-the-logit-is-zero",
    "Your values are right, but at a logit of exactly 0 your gradient is 0; it must be 1/2 − t. That is what comes out "
    "of max(x, 0) + log(1 + e^−|x|) with `relu` and `abs`: both have the slope 0 there. A layer that begins with zeros "
    "would never learn.",
    "`F.softplus`, `F.logsigmoid` and `torch.logaddexp` have the right slope; or choose between x and −x by a "
    "condition.",
    fails="test_bce_logits_gradient_where_the_logit_is_zero",
)
def flat_where_the_logit_is_zero(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    yes, no = weighted(own_softplus(-input, F.relu), pos_weight), own_softplus(input, F.relu)
    return reduce(target * yes + (1 - target) * no, reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "twice-too-steep-where-the-logit-is-zero",
    "Your values are right, but at a logit of exactly 0 your gradient is 1 − 2t, twice too large. That is what comes "
    "out of max(x, 0) + log(1 + e^−|x|) with `clamp(min=0)`, whose slope at 0 is 1, and `abs`, whose slope is 0.",
    "`F.softplus`, `F.logsigmoid` and `torch.logaddexp` have the right slope; or choose between x and −x by a "
    "condition.",
    fails="test_bce_logits_gradient_where_the_logit_is_zero",
)
def twice_too_steep_where_the_logit_is_zero(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    yes = weighted(own_softplus(-input, lambda x: x.clamp(min=0)), pos_weight)
    return reduce(target * yes + (1 - target) * own_softplus(input, lambda x: x.clamp(min=0)), reduction)


def in_one_formula(input, target, pos_weight, positive):
    if pos_weight is None:
        return positive(input) - input * target + torch.log1p(torch.exp(-input.abs()))
    yes = 1 + (pos_weight - 1) * target
    return (1 - target) * input + yes * (torch.log1p(torch.exp(-input.abs())) + positive(-input))


@misconception(
    "binary_cross_entropy_with_logits",
    "too-low-a-slope-where-the-logit-is-zero",
    "Your values are right, but at a logit of exactly 0 your gradient is −t instead of 1/2 − t: no answer is ever "
    "pushed towards no from there. In max(x, 0) − x·t + log(1 + e^−|x|), the maximum (`relu`, or a condition x > 0) "
    "and `abs` both have the slope 0 there.",
    "`F.softplus`, `F.logsigmoid` and `torch.logaddexp` have the right slope; or choose between x and −x by a "
    "condition.",
    fails="test_bce_logits_gradient_where_the_logit_is_zero",
)
def too_low_a_slope(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    return reduce(in_one_formula(input, target, pos_weight, F.relu), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "too-high-a-slope-where-the-logit-is-zero",
    "Your values are right, but at a logit of exactly 0 your gradient is 1 − t instead of 1/2 − t: no answer is ever "
    "pushed towards yes from there. In max(x, 0) − x·t + log(1 + e^−|x|), `clamp(min=0)` has the slope 1 there and "
    "`abs` the slope 0.",
    "`F.softplus`, `F.logsigmoid` and `torch.logaddexp` have the right slope; or choose between x and −x by a "
    "condition.",
    fails="test_bce_logits_gradient_where_the_logit_is_zero",
)
def too_high_a_slope(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    return reduce(in_one_formula(input, target, pos_weight, lambda x: x.clamp(min=0)), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "logits-sign-forgotten",
    "Your loss is negative: logarithms of probabilities are never above 0, and the loss is minus their mean.",
    "There is a minus in front of the whole formula.",
    fails="test_bce_logits_by_hand",
)
def logits_sign_forgotten(input, target, pos_weight=None, reduction="mean"):
    return -with_logits(input, target, pos_weight, reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "only-an-exact-one-is-a-yes-for-logits",
    "You choose one term by asking whether the target is exactly 1. Targets may lie in between (0.9 after smoothing, "
    "say): then both terms count, with t and with 1 − t.",
    "Multiply by t and 1 − t instead of choosing.",
    fails="test_bce_logits_matches_pytorch",
)
def only_an_exact_one_is_a_yes_for_logits(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    return reduce(torch.where(target == 1, weighted(F.softplus(-input), pos_weight), F.softplus(input)), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "slope-of-the-weighted-formula-where-the-logit-is-zero",
    "Your values are right, but at a logit of exactly 0 your gradient is 1 − t. That is what "
    "comes out of (1 − t)·x + w·(log(1 + e^−|x|) + max(−x, 0)) with `relu` (or a condition) and `abs`, both with the "
    "slope 0 there.",
    "`F.softplus`, `F.logsigmoid` and `torch.logaddexp` have the right slope; or choose between x and −x by a "
    "condition.",
    fails="test_bce_logits_gradient_where_the_logit_is_zero",
)
def slope_of_the_weighted_formula(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    return reduce(in_one_formula(input, target, 1 if pos_weight is None else pos_weight, F.relu), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "pos-weight-scales-the-target",
    "You multiply the target by `pos_weight` in both places: the other term then counts with 1 − pos_weight · t, which "
    "can be negative.",
    "`pos_weight` belongs to the term with t; 1 − t stays as it is.",
    fails=["test_bce_logits_pos_weight", "test_bce_logits_gradient"],
)
def pos_weight_scales_the_target(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    t = target if pos_weight is None else target * pos_weight
    return reduce(t * F.softplus(-input) + (1 - t) * F.softplus(input), reduction)


@misconception(
    "binary_cross_entropy_with_logits",
    "pos-weight-scales-the-logit",
    "You multiply the logits by `pos_weight`: the network then seems surer than it is, of the noes as well.",
    "`pos_weight` multiplies a loss, the one of the term with t.",
    fails=["test_bce_logits_pos_weight", "test_bce_logits_gradient"],
)
def pos_weight_scales_the_logit(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    return with_logits(weighted(input, pos_weight), target, None, reduction)


# -- all six ---------------------------------------------------------------------------------------------------


def mse(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce((input - target) ** 2, reduction)


def l1(input, target, reduction="mean"):
    same_shape(input, target)
    return reduce((input - target).abs(), reduction)


def nll(input, target, weight=None, ignore_index=-100, reduction="mean"):
    return F.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=reduction)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return F.cross_entropy(input, target, **options(weight, ignore_index, reduction, label_smoothing))


def bce(input, target, reduction="mean"):
    same_shape(input, target)
    return F.binary_cross_entropy(input, target, reduction=reduction)


def bce_logits(input, target, pos_weight=None, reduction="mean"):
    same_shape(input, target)
    return with_logits(input, target, pos_weight, reduction)


MEAN_ONLY_FAILS = {
    "mse_loss": ["test_mse_by_hand", "test_mse_matches_pytorch", "test_mse_rejects_other_reductions"],
    "l1_loss": ["test_l1_by_hand", "test_l1_matches_pytorch", "test_l1_rejects_other_reductions"],
    "nll_loss": ["test_nll_by_hand", "test_nll_matches_pytorch", "test_nll_rejects_other_reductions"],
    "cross_entropy": ["test_cross_entropy_by_hand", "test_cross_entropy_rejects_other_reductions"],
    "binary_cross_entropy": ["test_bce_by_hand", "test_bce_rejects_other_reductions"],
    "binary_cross_entropy_with_logits": ["test_bce_logits_by_hand", "test_bce_logits_rejects_other_reductions"],
}

for part, right in {
    "mse_loss": mse,
    "l1_loss": l1,
    "nll_loss": nll,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": bce,
    "binary_cross_entropy_with_logits": bce_logits,
}.items():
    tests, prefix = f"test_{right.__name__}", right.__name__.replace("_", "-")
    detached_id, mean_id = f"{prefix}-detached", f"{prefix}-always-the-mean"
    if right is mse:
        detached_id, mean_id = "detached-result", "always-the-mean"
    rejects = f"{tests}_rejects_other_reductions"
    recurring.detached(part, right, id=detached_id, fails=f"{tests}_gradient")
    recurring.always_the_mean(part, right, id=mean_id, fails=MEAN_ONLY_FAILS[part])
    recurring.any_reduction(part, right, id=f"{prefix}-any-reduction", fails=rejects)
    recurring.none_for_other_words(part, right, id=f"{prefix}-gives-none-for-other-words", fails=rejects)

recurring.python_number("mse_loss", mse, id="item-instead-of-tensor", fails="test_mse_by_hand")
recurring.python_number("l1_loss", l1, id="l1-item-instead-of-tensor", fails="test_l1_by_hand")
for right in (mse, l1):
    recurring.float32_only(
        f"{right.__name__}_loss",
        right,
        id=f"{right.__name__}-hard-coded-float32",
        fails=f"test_{right.__name__}_keeps_the_dtype",
    )
recurring.float32_only(
    "cross_entropy",
    cross_entropy,
    id="cross-entropy-hard-coded-float32",
    fails="test_cross_entropy_keeps_the_dtype",
)
