"""What is expected of 03_losses."""

import math

import pytest
import torch
from nnkata.grader.authors import part, parts, rung

REDUCTIONS = ["mean", "sum", "none"]
OTHER_REDUCTIONS = ["average", "batchmean", "median", "prod", "Mean", "me", ""]


def tensors(*lists):
    return [torch.tensor(values) for values in lists]


def other_shapes(draw):
    """Pairs whose shapes differ: in dimensions, in a size that broadcasts, in the order of sizes alone."""
    differ = [
        ((4, 1), (4,)),
        ((4,), (4, 1)),
        ((4, 3), (3,)),
        ((4,), ()),
        ((4, 3), (4, 1)),
        ((1, 3), (4, 3)),
        ((4, 3), (3, 4)),
        ((6,), (2, 3)),
    ]
    return [(draw.uniform(*input), draw.uniform(*target)) for input, target in differ]


def class_weights(draw, dtype=torch.float32):
    """Weights of four classes, so far apart that rows never happen to weigh as much as they are many."""
    spread = torch.tensor([0.25, 2.0, 0.5, 3.0], dtype=dtype)
    return spread * draw.uniform(4, low=0.8, high=1.2, dtype=dtype)


# -- mse_loss and l1_loss ------------------------------------------------------------------------------------


@part("mse_loss")
@rung("number")
def test_mse_by_hand(judge):
    input, target = tensors([1.0, 2.0, 3.0], [1.0, 4.0, 0.0])
    judge.expect(13 / 3, input, target)
    judge.expect(13.0, input, target, reduction="sum")
    judge.expect(torch.tensor([0.0, 4.0, 9.0]), input, target, reduction="none")
    judge.expect(7.5, torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.zeros(2, 2))


@parts(mse="mse_loss", l1="l1_loss")
@rung("values")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_mse_matches_pytorch(judge, draw, reduction):
    judge.value(draw.normal(4, 3), draw.normal(4, 3), reduction=reduction)
    judge.value(draw.normal(2, 3, 5, scale=10), draw.normal(2, 3, 5), reduction=reduction)


@parts(mse="mse_loss", l1="l1_loss")
@rung("values")
def test_mse_mean_is_the_default(judge, draw):
    judge.value(draw.normal(7), draw.normal(7))
    judge.value(draw.normal(5, 1), draw.normal(5, 1))
    judge.value(draw.normal(), draw.normal())


@parts(mse="mse_loss", l1="l1_loss")
@rung("gradient")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_mse_gradient(judge, draw, reduction):
    judge.gradient(draw.normal(4, 3), draw.normal(4, 3), wrt=[0, 1], reduction=reduction)


@part("mse_loss")
@rung("gradient")
def test_mse_gradient_where_the_error_is_zero(judge):
    judge.gradient(*tensors([1.0, -2.0, 3.0], [1.0, -2.0, 3.0]), wrt=[0, 1])


@parts(mse="mse_loss", l1="l1_loss")
@rung("edge")
def test_mse_rejects_other_shapes(judge, draw):
    judge.value(draw.normal(4, 1), draw.normal(4, 1))
    for input, target in other_shapes(draw):
        judge.using(builtin=False).rejects(ValueError, input, target)


@parts(mse="mse_loss", l1="l1_loss")
@rung("edge")
def test_mse_rejects_other_reductions(judge, draw):
    judge.value(draw.normal(3), draw.normal(3), reduction="sum")
    for word in OTHER_REDUCTIONS:
        judge.rejects(ValueError, draw.normal(3), draw.normal(3), reduction=word)


@part("mse_loss")
@rung("edge")
def test_mse_of_large_values(judge, draw):
    judge.value(draw.normal(3, scale=1e3), draw.normal(3, scale=1e3))
    input, target = tensors([10000.5, -9999.5], [10000.0, -10000.0])
    judge.using(tolerance=(1e-6, 1e-3)).expect(0.25, input, target)


@parts(mse="mse_loss", l1="l1_loss", bce="binary_cross_entropy", bce_logits="binary_cross_entropy_with_logits")
@rung("edge")
def test_mse_of_an_empty_batch(judge):
    for reduction in REDUCTIONS:
        judge.value(torch.zeros(0, 3), torch.zeros(0, 3), reduction=reduction)


@parts(mse="mse_loss", l1="l1_loss")
@rung("layout")
def test_mse_of_other_memory_layouts(judge, draw):
    for _, input in draw.layouts(draw.normal(4, 3)):
        judge.value(input, draw.normal(4, 3))
        judge.value(draw.normal(4, 3), input)
    judge.value(draw.normal(1, 3).expand(4, 3), draw.normal(4, 1).expand(4, 3))


@parts(mse="mse_loss", l1="l1_loss")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_mse_keeps_the_dtype(judge, draw, dtype):
    for reduction in ["mean", "none"]:
        judge.gradient(draw.normal(4, 3, dtype=dtype), draw.normal(4, 3, dtype=dtype), reduction=reduction)


@parts(mse="mse_loss", l1="l1_loss")
@rung("device")
def test_mse_on_another_device(judge, draw):
    judge.elsewhere(draw.normal(4, 3), draw.normal(4, 3))


@part("l1_loss")
@rung("number")
def test_l1_by_hand(judge):
    input, target = tensors([1.0, 2.0, 3.0], [1.0, 4.0, 0.0])
    judge.expect(5 / 3, input, target)
    judge.expect(5.0, input, target, reduction="sum")
    judge.expect(torch.tensor([0.0, 2.0, 3.0]), input, target, reduction="none")
    judge.expect(2.5, torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.zeros(2, 2))


@part("l1_loss")
@rung("gradient")
def test_l1_gradient_where_the_error_is_zero(judge):
    judge.gradient(*tensors([1.0, 2.0, 3.0], [1.0, 4.0, 3.0]), wrt=[0, 1])


@part("l1_loss")
@rung("edge")
def test_l1_of_large_values(judge, draw):
    judge.value(draw.normal(3, scale=1e4), draw.normal(3, scale=1e4))
    judge.expect(0.5, *tensors([10000.5, -9999.5], [10000.0, -10000.0]))


@part("l1_loss")
@rung("edge")
def test_l1_of_perfect_predictions(judge, draw):
    values = draw.normal(5, dtype=torch.float64)
    judge.value(values, values.clone())
    judge.value(values, values.clone(), reduction="none")


# -- nll_loss ------------------------------------------------------------------------------------------------


def log_probabilities(draw, rows=6, classes=4, dtype=torch.float32):
    return torch.log_softmax(draw.normal(rows, classes, dtype=torch.float64), dim=1).to(dtype)


@part("nll_loss")
@rung("number")
def test_nll_by_hand(judge):
    input = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]).log()
    target = torch.tensor([1, 2])
    judge.expect((math.log(4) + math.log(1.25)) / 2, input, target)
    judge.expect(math.log(5), input, target, reduction="sum")
    judge.expect(torch.tensor([math.log(4), math.log(1.25)]), input, target, reduction="none")


@part("nll_loss")
@rung("values")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nll_matches_pytorch(judge, draw, reduction):
    judge.value(log_probabilities(draw), draw.integers(4, 6), reduction=reduction)
    judge.value(log_probabilities(draw, 1, 9), draw.integers(9, 1), reduction=reduction)
    judge.value(log_probabilities(draw, 4), torch.tensor([3, 1, 0, 0]), reduction=reduction)


@part("nll_loss")
@rung("values")
def test_nll_mean_is_the_default(judge, draw):
    judge.value(log_probabilities(draw), draw.integers(4, 6))


@part("nll_loss")
@rung("values")
def test_nll_of_batches_without_some_classes(judge, draw):
    judge.value(log_probabilities(draw), torch.tensor([0, 1, 1, 0, 2, 1]))
    judge.value(log_probabilities(draw, 3), torch.tensor([0, 0, 0]), reduction="none")
    judge.value(log_probabilities(draw, 3), torch.tensor([2, 2, 2]), reduction="none")


@part("nll_loss")
@rung("edge")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nll_class_weights(judge, draw, reduction):
    target = torch.tensor([0, 1, 2, 3, 3, 1])
    judge.value(log_probabilities(draw), target, weight=class_weights(draw), reduction=reduction)
    weight = class_weights(draw) * torch.tensor([1.0, 0.0, 1.0, 1.0])
    judge.value(log_probabilities(draw), target, weight=weight, reduction=reduction)


@part("nll_loss")
@rung("edge")
def test_nll_weighted_by_hand(judge):
    input = torch.tensor([[0.5, 0.5], [0.75, 0.25]]).log()
    weight = torch.tensor([1.0, 3.0])
    judge.expect((math.log(2) + 3 * math.log(4)) / 4, input, torch.tensor([0, 1]), weight=weight)
    judge.expect(math.log(4), input, torch.tensor([-100, 1]), weight=weight)


@part("nll_loss")
@rung("edge")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nll_ignored_rows(judge, draw, reduction):
    target = torch.tensor([0, -100, 2, 3, -100, 1])
    judge.value(log_probabilities(draw), target, reduction=reduction)
    target = torch.tensor([0, 2, 2, 3, 1, 1])
    judge.value(log_probabilities(draw), target, ignore_index=2, reduction=reduction)
    judge.value(log_probabilities(draw), target - (target == 2) * 3, ignore_index=-1, reduction=reduction)
    judge.value(log_probabilities(draw), target + (target == 2) * 253, ignore_index=255, reduction=reduction)


@part("nll_loss")
@rung("edge")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nll_weights_and_ignored_rows_together(judge, draw, reduction):
    target = torch.tensor([3, -100, 2, 3, 0, 1])
    judge.value(log_probabilities(draw), target, weight=class_weights(draw), reduction=reduction)
    target = torch.tensor([3, 0, 2, 3, 0, 1])
    judge.value(log_probabilities(draw), target, weight=class_weights(draw), ignore_index=0, reduction=reduction)


@part("nll_loss")
@rung("edge")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nll_with_every_row_ignored(judge, draw, reduction):
    judge.value(log_probabilities(draw, 3), torch.tensor([0, 1, 2]), reduction=reduction)
    target = torch.tensor([-100, -100, -100])
    judge.value(log_probabilities(draw, 3), target, reduction=reduction)
    judge.value(log_probabilities(draw, 3), target, weight=class_weights(draw), reduction=reduction)


@part("nll_loss")
@rung("edge")
def test_nll_where_every_row_weighs_nothing(judge, draw):
    # the mean divides by the summed weights: 0 / 0
    judge.value(log_probabilities(draw, 2), torch.tensor([1, 1]), weight=torch.tensor([1.0, 0.0, 2.0, 1.0]))


@parts(nll="nll_loss", cross_entropy="cross_entropy")
@rung("edge")
def test_nll_of_an_empty_batch(judge):
    for reduction in REDUCTIONS:
        judge.value(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), reduction=reduction)


@part("nll_loss")
@rung("edge")
def test_nll_of_a_single_class(judge, draw):
    # what stands in for an ignored row's class must be a class that there is
    for reduction in REDUCTIONS:
        judge.value(draw.uniform(3, 1, low=-2.0, high=-1.0), torch.tensor([0, -100, 0]), reduction=reduction)


@part("nll_loss")
@rung("gradient")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nll_gradient(judge, draw, reduction):
    judge.gradient(log_probabilities(draw), torch.tensor([0, 0, 2, 3, 0, 1]), reduction=reduction)
    target = torch.tensor([3, -100, 2, 3, 0, 1])
    judge.gradient(log_probabilities(draw), target, weight=class_weights(draw), reduction=reduction)


@part("nll_loss")
@rung("edge")
def test_nll_rejects_other_reductions(judge, draw):
    judge.value(log_probabilities(draw), draw.integers(4, 6), reduction="sum")
    for word in OTHER_REDUCTIONS:
        judge.rejects(ValueError, log_probabilities(draw), draw.integers(4, 6), reduction=word)


@part("nll_loss")
@rung("layout")
def test_nll_of_other_memory_layouts(judge, draw):
    for _, input in draw.layouts(log_probabilities(draw)):
        judge.value(input, draw.integers(4, 6))
    for _, target in draw.layouts(torch.tensor([3, -100, 2, 3, 0, 1])):
        judge.value(log_probabilities(draw), target, weight=class_weights(draw)[:1].expand(4))
    judge.value(log_probabilities(draw), draw.integers(4, 1).expand(6))


@part("nll_loss")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_nll_keeps_the_dtype(judge, draw, dtype):
    target = torch.tensor([3, -100, 2, 3, 0, 1])
    for reduction in ["mean", "none"]:
        judge.gradient(log_probabilities(draw, dtype=dtype), draw.integers(4, 6), reduction=reduction)
        weight = class_weights(draw, dtype=dtype)
        judge.value(log_probabilities(draw, dtype=dtype), target, weight=weight, reduction=reduction)


@part("nll_loss")
@rung("device")
def test_nll_on_another_device(judge, draw):
    judge.elsewhere(log_probabilities(draw), torch.tensor([0, -100, 2, 3, 0, 1]))
    judge.elsewhere(log_probabilities(draw), draw.integers(4, 6), weight=class_weights(draw))


# -- cross_entropy -------------------------------------------------------------------------------------------


@part("cross_entropy")
@rung("number")
def test_cross_entropy_by_hand(judge):
    judge.expect(math.log(10), torch.zeros(3, 10), torch.tensor([0, 4, 9]))
    judge.expect(math.log1p(math.exp(-2)), torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
    judge.expect(math.log1p(9 * math.exp(-20)), 20 * torch.eye(10)[:2], torch.tensor([0, 1]))
    logits, target = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]), torch.tensor([2, 0])
    judge.expect(torch.tensor([0.4076059, 1.0986123]), logits, target, reduction="none")


@part("cross_entropy")
@rung("values")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_matches_pytorch(judge, draw, reduction):
    judge.value(draw.normal(6, 4), draw.integers(4, 6), reduction=reduction)
    judge.value(draw.normal(3, 10, scale=5), draw.integers(10, 3), reduction=reduction)
    judge.value(draw.normal(4, 4), torch.tensor([3, 1, 0, 2]), reduction=reduction)
    judge.value(draw.normal(1, 5), torch.tensor([2]), reduction=reduction)


@part("cross_entropy")
@rung("values")
def test_cross_entropy_mean_is_the_default(judge, draw):
    judge.value(draw.normal(6, 4), draw.integers(4, 6))


@part("cross_entropy")
@rung("values")
def test_cross_entropy_of_batches_without_some_classes(judge, draw):
    judge.value(draw.normal(6, 4), torch.tensor([0, 1, 1, 0, 2, 1]))
    judge.value(draw.normal(3, 4), torch.tensor([0, 0, 0]), reduction="none")


@part("cross_entropy")
@rung("edge")
def test_cross_entropy_is_stable(judge):
    judge.gradient(torch.tensor([[200.0, -200.0, 0.0], [-90.0, -95.0, -120.0]]), torch.tensor([0, 2]))
    judge.expect(20000.0, torch.tensor([[1e4, 0.0, -1e4]]), torch.tensor([2]))
    logits = torch.tensor([[1e4, 0.0, -1e4], [-1e4, 1e4, 0.0], [1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]])
    target = torch.tensor([2, 1, 0, 1])
    judge.using(tolerance=(1e-6, 1e-3)).value(logits, target, reduction="none")
    judge.using(tolerance=(1e-6, 1e-2)).value(logits, target, reduction="none", label_smoothing=0.3)
    judge.using(tolerance=(1e-6, 1e-3)).gradient(logits, target)
    judge.gradient(torch.tensor([[200.0, -200.0, 0.0], [-90.0, -95.0, -120.0]]), torch.tensor([1, 2]))


@part("cross_entropy")
@rung("edge")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_class_weights(judge, draw, reduction):
    target = torch.tensor([0, 1, 2, 3, 3, 1])
    judge.value(draw.normal(6, 4), target, weight=class_weights(draw), reduction=reduction)


@part("cross_entropy")
@rung("edge")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_ignored_rows(judge, draw, reduction):
    judge.value(draw.normal(6, 4), torch.tensor([0, -100, 2, 3, -100, 1]), reduction=reduction)
    judge.value(draw.normal(6, 4), torch.tensor([0, 2, 2, 3, 1, 1]), ignore_index=2, reduction=reduction)
    judge.value(draw.normal(6, 4), torch.tensor([0, 255, 2, 3, 255, 1]), ignore_index=255, reduction=reduction)


@part("cross_entropy")
@rung("edge")
def test_cross_entropy_with_every_row_ignored(judge, draw):
    target = torch.tensor([-100, -100, -100])
    for reduction in REDUCTIONS:
        judge.value(draw.normal(3, 4), target, reduction=reduction)
    judge.value(draw.normal(3, 4), target, label_smoothing=0.3)


@part("cross_entropy")
@rung("edge")
def test_cross_entropy_of_a_single_class(judge, draw):
    for reduction in REDUCTIONS:
        judge.value(draw.normal(3, 1), torch.tensor([0, -100, 0]), reduction=reduction)


@part("cross_entropy")
@rung("edge")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_label_smoothing(judge, draw, reduction):
    logits, target = torch.tensor([[0.7, 0.1, 0.1, 0.1]]).log(), torch.tensor([0])
    by_hand = -0.7 * math.log(0.7) - 0.3 * math.log(0.1)
    judge.expect(
        torch.tensor([by_hand]) if reduction == "none" else by_hand,
        logits,
        target,
        label_smoothing=0.4,
        reduction=reduction,
    )
    judge.value(draw.normal(6, 4), draw.integers(4, 6), label_smoothing=0.3, reduction=reduction)
    judge.value(draw.normal(6, 3), draw.integers(3, 6), label_smoothing=1.0, reduction=reduction)


@part("cross_entropy")
@rung("edge")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_smoothing_with_ignored_rows(judge, draw, reduction):
    target = torch.tensor([0, -100, 2, 3, -100, 1])
    judge.value(draw.normal(6, 4), target, label_smoothing=0.3, reduction=reduction)
    target = torch.tensor([0, 2, 2, 3, 1, 1])
    judge.value(draw.normal(6, 4), target, ignore_index=2, label_smoothing=0.3, reduction=reduction)


@part("cross_entropy")
@rung("edge")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_smoothing_with_weights(judge, draw, reduction):
    target = torch.tensor([3, 0, 2, 3, 0, 1])
    judge.value(draw.normal(6, 4), target, weight=class_weights(draw), label_smoothing=0.3, reduction=reduction)
    target = torch.tensor([3, -100, 2, 3, -100, 1])
    judge.value(draw.normal(6, 4), target, weight=class_weights(draw), label_smoothing=0.3, reduction=reduction)
    # the term with ε of a row whose class weighs nothing still counts
    target, weight = torch.tensor([3, 1, 2, 3, 0, 1]), class_weights(draw) * torch.tensor([1.0, 0.0, 1.0, 1.0])
    judge.value(draw.normal(6, 4), target, weight=weight, label_smoothing=0.3, reduction=reduction)


@part("cross_entropy")
@rung("gradient")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_gradient(judge, draw, reduction):
    judge.gradient(draw.normal(6, 4), torch.tensor([0, 0, 2, 3, 0, 1]), reduction=reduction)
    target = torch.tensor([3, -100, 2, 3, -100, 1])
    judge.gradient(draw.normal(6, 4), target, weight=class_weights(draw), label_smoothing=0.2, reduction=reduction)


@part("cross_entropy")
@rung("edge")
def test_cross_entropy_rejects_other_reductions(judge, draw):
    judge.value(draw.normal(6, 4), draw.integers(4, 6), reduction="sum")
    for word in OTHER_REDUCTIONS:
        judge.rejects(ValueError, draw.normal(6, 4), draw.integers(4, 6), reduction=word)
    judge.rejects(ValueError, draw.normal(6, 4), draw.integers(4, 6), reduction="batchmean", label_smoothing=0.1)


@part("cross_entropy")
@rung("layout")
def test_cross_entropy_of_other_memory_layouts(judge, draw):
    for _, input in draw.layouts(draw.normal(6, 4)):
        judge.value(input, draw.integers(4, 6))
    for _, target in draw.layouts(torch.tensor([3, -100, 2, 3, 0, 1])):
        judge.value(draw.normal(6, 4), target)
    judge.value(draw.normal(1, 4).expand(6, 4), draw.integers(4, 6))


@part("cross_entropy")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_cross_entropy_keeps_the_dtype(judge, draw, dtype):
    for reduction in ["mean", "none"]:
        judge.gradient(draw.normal(6, 4, dtype=dtype), draw.integers(4, 6), reduction=reduction)
    target = torch.tensor([3, -100, 2, 3, 0, 1])
    judge.value(draw.normal(6, 4, dtype=dtype), target, weight=class_weights(draw, dtype=dtype))
    judge.value(draw.normal(6, 4, dtype=dtype), target, label_smoothing=0.2)


@part("cross_entropy")
@rung("device")
def test_cross_entropy_on_another_device(judge, draw):
    judge.elsewhere(draw.normal(6, 4), torch.tensor([0, -100, 2, 3, 0, 1]), label_smoothing=0.1)
    judge.elsewhere(draw.normal(6, 4), draw.integers(4, 6), weight=class_weights(draw))


def costs_what_it_costs(found):
    for expected, loss in zip((50, 1000), found["result"].tolist(), strict=True):
        if math.isinf(loss):
            return (
                f"a class whose score lies {expected} below the others costs infinitely much: the log of a 0 was taken"
            )
        if loss < expected - 1:
            return (
                f"a class whose score lies {expected} below the others costs {loss:.4g}; expected {expected}: a clamp, "
                "or a small number inside of the log, lets no loss get larger"
            )
    return None


@part("cross_entropy")
@rung("edge")
def test_cross_entropy_has_no_ceiling(judge):
    logits = torch.tensor([[0.0, -50.0], [0.0, -1000.0]])
    judge.holds(costs_what_it_costs, "call", logits, torch.tensor([1, 1]), reduction="none")


# -- binary_cross_entropy ------------------------------------------------------------------------------------


@part("binary_cross_entropy")
@rung("number")
def test_bce_by_hand(judge):
    input, target = tensors([0.5, 0.25, 0.9], [1.0, 0.0, 1.0])
    each = [math.log(2), -math.log(0.75), -math.log(0.9)]
    judge.expect(sum(each) / 3, input, target)
    judge.expect(sum(each), input, target, reduction="sum")
    judge.expect(torch.tensor(each), input, target, reduction="none")
    judge.expect(math.log(2), torch.full((2, 3), 0.5), torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]))


@part("binary_cross_entropy")
@rung("values")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_bce_matches_pytorch(judge, draw, reduction):
    input = draw.uniform(4, 3, low=0.05, high=0.95)
    judge.value(input, draw.integers(2, 4, 3, dtype=torch.float32), reduction=reduction)
    judge.value(input, draw.uniform(4, 3), reduction=reduction)


@part("binary_cross_entropy")
@rung("values")
def test_bce_mean_is_the_default(judge, draw):
    judge.value(draw.uniform(2, 3, 5, low=0.05, high=0.95), draw.uniform(2, 3, 5))
    judge.value(draw.uniform(low=0.05, high=0.95), draw.uniform())


@part("binary_cross_entropy")
@rung("edge")
def test_bce_at_zero_and_one(judge):
    input, target = tensors([0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0])
    judge.value(input, target, reduction="none")
    judge.value(input, torch.tensor([0.25, 0.5, 0.75, 0.5]), reduction="none")
    judge.value(torch.tensor([1e-9, 1e-20, 1e-30, 1e-12]), torch.ones(4), reduction="none")
    judge.value(torch.tensor([1e-60], dtype=torch.float64), torch.ones(1, dtype=torch.float64))


@part("binary_cross_entropy")
@rung("gradient")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_bce_gradient(judge, draw, reduction):
    judge.gradient(draw.uniform(4, 3, low=0.05, high=0.95), draw.uniform(4, 3), wrt=[0, 1], reduction=reduction)
    input = torch.tensor([0.001, 0.999, 0.001, 0.999])
    judge.gradient(input, torch.tensor([1.0, 0.0, 0.0, 1.0]), reduction=reduction)


@part("binary_cross_entropy")
@rung("edge")
def test_bce_rejects_other_shapes(judge, draw):
    judge.value(draw.uniform(4, 1), draw.uniform(4, 1))
    for input, target in other_shapes(draw):
        judge.rejects(ValueError, input, target)


@part("binary_cross_entropy")
@rung("edge")
def test_bce_rejects_other_reductions(judge, draw):
    judge.value(draw.uniform(3), draw.uniform(3), reduction="sum")
    for word in OTHER_REDUCTIONS:
        judge.rejects(ValueError, draw.uniform(3), draw.uniform(3), reduction=word)


@part("binary_cross_entropy")
@rung("layout")
def test_bce_of_other_memory_layouts(judge, draw):
    for _, input in draw.layouts(draw.uniform(4, 3, low=0.05, high=0.95)):
        judge.value(input, draw.uniform(4, 3))
        judge.value(draw.uniform(4, 3, low=0.05, high=0.95), input)
    judge.value(draw.uniform(1, 3, low=0.05, high=0.95).expand(4, 3), draw.uniform(4, 1).expand(4, 3))


@part("binary_cross_entropy")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_bce_keeps_the_dtype(judge, draw, dtype):
    for reduction in ["mean", "none"]:
        input = draw.uniform(4, 3, low=0.2, high=0.8, dtype=dtype)
        judge.gradient(input, draw.uniform(4, 3, dtype=dtype), reduction=reduction)


@part("binary_cross_entropy")
@rung("device")
def test_bce_on_another_device(judge, draw):
    judge.elsewhere(draw.uniform(4, 3, low=0.05, high=0.95), draw.uniform(4, 3))


def is_cut_off_at_100(found):
    for case, loss in zip(("p = 0, t = 1", "p = 1, t = 0"), found["result"].tolist(), strict=True):
        if not abs(loss - 100) < 1e-3:
            return f"{case} costs {loss:.4g}; expected 100: each logarithm is cut off at −100, once it is taken"
    return None


@part("binary_cross_entropy")
@rung("edge")
def test_bce_is_cut_off_at_100(judge):
    judge.holds(is_cut_off_at_100, "call", *tensors([0.0, 1.0], [1.0, 0.0]), reduction="none")


# -- binary_cross_entropy_with_logits ------------------------------------------------------------------------


@part("binary_cross_entropy_with_logits")
@rung("number")
def test_bce_logits_by_hand(judge):
    judge.expect(math.log(2), torch.zeros(3), torch.tensor([0.0, 1.0, 0.5]))
    judge.expect(torch.tensor([0.1269280, 2.1269280]), *tensors([2.0, 2.0], [1.0, 0.0]), reduction="none")


@part("binary_cross_entropy_with_logits")
@rung("values")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_bce_logits_matches_pytorch(judge, draw, reduction):
    judge.value(draw.normal(4, 3, scale=2), draw.integers(2, 4, 3, dtype=torch.float32), reduction=reduction)
    judge.value(draw.normal(4, 3, scale=2), draw.uniform(4, 3), reduction=reduction)


@part("binary_cross_entropy_with_logits")
@rung("values")
def test_bce_logits_mean_is_the_default(judge, draw):
    judge.value(draw.normal(2, 3, 5), draw.uniform(2, 3, 5))
    judge.value(draw.normal(), draw.uniform())


@part("binary_cross_entropy_with_logits")
@rung("edge")
def test_bce_logits_is_stable(judge):
    judge.gradient(*tensors([30.0, -30.0, 18.0, -18.0], [0.0, 1.0, 0.0, 1.0]), reduction="none")
    judge.expect(20000.0, *tensors([1e4, -1e4], [0.0, 1.0]), reduction="sum")
    logits = torch.tensor([1e4, -1e4, 1e4, -1e4, 100.0, -100.0, 1e4])
    target = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.5])
    judge.using(tolerance=(1e-6, 1e-3)).value(logits, target, reduction="none")
    judge.using(tolerance=(1e-6, 1e-3)).gradient(logits, target, reduction="sum")
    logits = torch.linspace(-16, 16, 33)
    judge.value(logits, torch.zeros(33), reduction="none")
    judge.value(logits, torch.ones(33), reduction="none")


@part("binary_cross_entropy_with_logits")
@rung("edge")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_bce_logits_pos_weight(judge, draw, reduction):
    weight = draw.uniform(3, low=2.0, high=5.0)
    judge.value(draw.normal(4, 3), draw.uniform(4, 3), pos_weight=weight, reduction=reduction)
    judge.value(draw.normal(4, 3), draw.uniform(4, 3), pos_weight=torch.tensor(3.0), reduction=reduction)
    judge.value(draw.normal(4, 3), draw.uniform(4, 3), pos_weight=torch.tensor(0.0), reduction=reduction)
    weight = draw.uniform(3, 1, low=2.0, high=5.0)
    judge.value(draw.normal(2, 3, 5), draw.uniform(2, 3, 5), pos_weight=weight, reduction=reduction)
    weight = draw.uniform(3, low=2.0, high=5.0)
    judge.value(draw.normal(3, 3), draw.uniform(3, 3), pos_weight=weight, reduction=reduction)


@part("binary_cross_entropy_with_logits")
@rung("edge")
def test_bce_logits_pos_weight_is_stable(judge, draw):
    extreme, weight = torch.tensor([[1e4, -1e4, 100.0, -1e4]]), draw.uniform(4, low=2.0, high=5.0)
    target = torch.tensor([[0.0, 1.0, 0.5, 0.5]])
    judge.using(tolerance=(1e-6, 1e-3)).value(extreme, target, pos_weight=weight, reduction="none")
    judge.using(tolerance=(1e-6, 1e-3)).gradient(extreme, target, pos_weight=weight)


@part("binary_cross_entropy_with_logits")
@rung("gradient")
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_bce_logits_gradient(judge, draw, reduction):
    judge.gradient(draw.normal(4, 3), draw.uniform(4, 3), wrt=[0, 1], reduction=reduction)
    weight = draw.uniform(3, low=2.0, high=5.0)
    judge.gradient(draw.normal(4, 3), draw.uniform(4, 3), wrt=[0, 1], pos_weight=weight, reduction=reduction)


@part("binary_cross_entropy_with_logits")
@rung("edge")
def test_bce_logits_rejects_other_shapes(judge, draw):
    judge.value(draw.normal(4, 1), draw.uniform(4, 1))
    for input, target in other_shapes(draw):
        judge.rejects(ValueError, input, target)


@part("binary_cross_entropy_with_logits")
@rung("edge")
def test_bce_logits_rejects_other_reductions(judge, draw):
    judge.value(draw.normal(3), draw.uniform(3), reduction="sum")
    for word in OTHER_REDUCTIONS:
        judge.rejects(ValueError, draw.normal(3), draw.uniform(3), reduction=word)


@part("binary_cross_entropy_with_logits")
@rung("layout")
def test_bce_logits_of_other_memory_layouts(judge, draw):
    for _, input in draw.layouts(draw.uniform(4, 3)):
        judge.value(input, draw.uniform(4, 3))
        judge.value(draw.normal(4, 3), input)
    judge.value(draw.normal(1, 3).expand(4, 3), draw.uniform(4, 1).expand(4, 3))


@part("binary_cross_entropy_with_logits")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_bce_logits_keeps_the_dtype(judge, draw, dtype):
    for reduction in ["mean", "none"]:
        judge.gradient(draw.normal(4, 3, dtype=dtype), draw.uniform(4, 3, dtype=dtype), reduction=reduction)
    weight = draw.uniform(3, low=2.0, high=5.0, dtype=dtype)
    judge.value(draw.normal(4, 3, dtype=dtype), draw.uniform(4, 3, dtype=dtype), pos_weight=weight)


@part("binary_cross_entropy_with_logits")
@rung("device")
def test_bce_logits_on_another_device(judge, draw):
    judge.elsewhere(draw.normal(4, 3), draw.uniform(4, 3), pos_weight=draw.uniform(3, low=2.0, high=5.0))


@part("binary_cross_entropy_with_logits")
@rung("edge")
def test_bce_logits_gradient_where_the_logit_is_zero(judge):
    logits, target = tensors([0.0, 0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.25, 0.8, 1.0])
    judge.gradient(logits, target, reduction="sum")


@part("binary_cross_entropy_with_logits")
@rung("edge")
def test_bce_logits_weighted_gradient_where_the_logit_is_zero(judge):
    logits, target = tensors([0.0, 0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.25, 0.8, 1.0])
    judge.gradient(logits, target, pos_weight=torch.tensor(3.0), reduction="sum")


def costs_as_much_as_the_logit(found):
    for logit, loss in zip((30, 1000), found["result"].tolist(), strict=True):
        if not abs(loss - logit) < 1e-2:
            return (
                f"a logit of {logit} costs {loss:.4g} if the answer was no; expected {logit}: what a sigmoid rounds to "
                "1, or a clamp cuts off, is lost"
            )
    return None


@part("binary_cross_entropy_with_logits")
@rung("edge")
def test_bce_logits_has_no_ceiling(judge):
    judge.holds(costs_as_much_as_the_logit, "call", *tensors([30.0, 1000.0], [0.0, 0.0]), reduction="none")
