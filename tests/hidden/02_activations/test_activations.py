"""What is expected of 02_activations."""

import math

import pytest
import torch
from nnkata.grader.authors import part, parts, rung

DTYPES = [torch.float64, torch.bfloat16]
WIDE = [torch.float32, torch.float64]
LARGE = [20.0, -20.0, 60.0, -60.0, 100.0, -100.0, 800.0, -800.0, 1e4, -1e4, 1e30, -1e30]


def tensors(*lists):
    return [torch.tensor(values) for values in lists]


# -- relu ------------------------------------------------------------------------------------------------------------


@parts("relu", "sigmoid", "tanh", "gelu", "sigmoid_grad", "tanh_grad", "relu_grad")
@rung("shape")
def test_relu_keeps_the_shape(judge, draw):
    judge.value(draw.normal(4, 3))
    judge.value(draw.normal(2, 3, 5))


@part("relu")
@rung("number")
def test_relu_by_hand(judge):
    judge.expect(torch.tensor([0.0, 0.0, 0.0, 0.25, 3.0]), torch.tensor([-2.0, -0.5, 0.0, 0.25, 3.0]))


@part("relu")
@rung("values")
def test_relu_matches_pytorch(judge, draw):
    judge.value(draw.normal(5, 7))
    judge.value(draw.normal(5, 7, scale=20))


@part("relu")
@rung("gradient")
def test_relu_gradient(judge, draw):
    judge.gradient(draw.normal(5, 7))
    judge.gradient(torch.tensor([-3.0, -0.5, 0.5, 1.0, 4.0]))


@part("relu")
@rung("edge")
def test_relu_gradient_at_zero(judge):
    judge.gradient(torch.tensor([-1.0, 0.0, 1.0, 0.0]))


@part("relu")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_relu_of_large_values(judge, dtype):
    judge.gradient(torch.tensor([1e4, -1e4, 1e-4, -1e-4, 1e30, -1e30], dtype=dtype))


@parts("relu", "gelu", "relu_grad")
@rung("edge")
def test_relu_of_one_number_and_of_none(judge, draw):
    judge.value(draw.uniform(low=0.5, high=2.0))
    judge.value(torch.zeros(0, 3))


@part("relu")
@rung("edge")
def test_relu_keeps_nothing_between_calls(judge, draw):
    judge.probe("two_calls", "relu", draw.normal(4, 3), draw.normal(4, 3))


@part("relu")
@rung("edge")
def test_relu_result_is_a_new_tensor(judge, draw):
    judge.probe("changed_result", "relu", draw.uniform(4, 3, low=0.5, high=2.0))


@parts("relu", "sigmoid", "tanh", "gelu", "sigmoid_grad", "tanh_grad", "relu_grad")
@rung("layout")
def test_relu_of_other_memory_layouts(judge, draw):
    for _, x in draw.layouts(draw.normal(4, 3)):
        judge.value(x)
    judge.value(draw.normal(1, 3).expand(4, 3))


@parts("relu", "sigmoid")
@rung("dtype")
@pytest.mark.parametrize("dtype", DTYPES)
def test_relu_keeps_the_dtype(judge, draw, dtype):
    judge.gradient(draw.normal(4, 3, scale=3, dtype=dtype))


@parts("relu", "sigmoid", "tanh", "gelu", "sigmoid_grad", "tanh_grad", "relu_grad")
@rung("device")
def test_relu_on_another_device(judge, draw):
    judge.elsewhere(draw.normal(4, 3))


# -- leaky_relu ------------------------------------------------------------------------------------------------------

SLOPES = [0.2, 0.0, 1.0, 2.5, -0.5]


@part("leaky_relu")
@rung("shape")
def test_leaky_relu_keeps_the_shape(judge, draw):
    judge.value(draw.normal(4, 3))
    judge.value(draw.normal(2, 3, 5), negative_slope=0.1)


@part("leaky_relu")
@rung("number")
def test_leaky_relu_by_hand(judge):
    x = torch.tensor([-20.0, -1.0, 0.0, 0.5, 3.0])
    judge.expect(torch.tensor([-4.0, -0.2, 0.0, 0.5, 3.0]), x, negative_slope=0.2)


@part("leaky_relu")
@rung("values")
def test_leaky_relu_matches_pytorch(judge, draw):
    judge.value(draw.normal(5, 7), negative_slope=0.2)
    judge.value(draw.normal(5, 7, scale=20), negative_slope=0.05)


@part("leaky_relu")
@rung("values")
def test_leaky_relu_default_slope(judge, draw):
    judge.value(torch.tensor([-100.0, -1.0, 1.0, 100.0]))
    judge.value(draw.normal(5, 7))


@part("leaky_relu")
@rung("gradient")
@pytest.mark.parametrize("slope", [0.2, 0.01])
def test_leaky_relu_gradient(judge, draw, slope):
    judge.gradient(draw.normal(5, 7), negative_slope=slope)


@part("leaky_relu")
@rung("edge")
@pytest.mark.parametrize("slope", SLOPES)
def test_leaky_relu_of_any_slope(judge, slope):
    judge.value(torch.tensor([-3.0, -0.5, 0.5, 2.0]), negative_slope=slope)


@part("leaky_relu")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_leaky_relu_of_large_values(judge, dtype):
    judge.gradient(torch.tensor([1e4, -1e4, 100.0, -100.0, 1e30, -1e30], dtype=dtype), negative_slope=0.125)


@part("leaky_relu")
@rung("edge")
def test_leaky_relu_of_one_number_and_of_none(judge, draw):
    judge.value(draw.uniform(low=-2.0, high=-0.5))
    judge.value(torch.zeros(0, 3))


@part("leaky_relu")
@rung("edge")
def test_leaky_relu_keeps_nothing_between_calls(judge, draw):
    judge.probe("two_calls", "leaky_relu", draw.normal(4, 3), draw.normal(4, 3))


@part("leaky_relu")
@rung("edge")
def test_leaky_relu_result_is_a_new_tensor(judge, draw):
    judge.probe("changed_result", "leaky_relu", draw.uniform(4, 3, low=0.5, high=2.0))
    judge.probe("changed_result", "leaky_relu", draw.normal(4, 3), negative_slope=1.0)


@part("leaky_relu")
@rung("layout")
def test_leaky_relu_of_other_memory_layouts(judge, draw):
    for _, x in draw.layouts(draw.normal(4, 3)):
        judge.value(x, negative_slope=0.3)
    judge.value(draw.normal(1, 3).expand(4, 3), negative_slope=0.3)


@part("leaky_relu")
@rung("dtype")
@pytest.mark.parametrize("dtype", DTYPES)
def test_leaky_relu_keeps_the_dtype(judge, draw, dtype):
    judge.gradient(draw.normal(4, 3, scale=3, dtype=dtype), negative_slope=0.25)


@part("leaky_relu")
@rung("device")
def test_leaky_relu_on_another_device(judge, draw):
    judge.elsewhere(draw.normal(4, 3), negative_slope=0.3)


@part("leaky_relu")
@rung("edge")
@pytest.mark.parametrize("slope", [0.2, 2.5])
def test_leaky_relu_gradient_at_zero(judge, slope):
    judge.gradient(torch.tensor([-1.0, 0.0, 1.0, 0.0]), negative_slope=slope)


# -- sigmoid ---------------------------------------------------------------------------------------------------------


@part("sigmoid")
@rung("number")
def test_sigmoid_by_hand(judge):
    three = math.log(3)
    judge.expect(torch.tensor([0.25, 0.5, 0.75, 0.8807971]), torch.tensor([-three, 0.0, three, 2.0]))


@part("sigmoid")
@rung("values")
def test_sigmoid_matches_pytorch(judge, draw):
    judge.value(draw.normal(5, 7))
    judge.value(draw.normal(5, 7, scale=4))
    judge.value(torch.linspace(-8, 8, 33))


@parts("sigmoid", "tanh")
@rung("gradient")
def test_sigmoid_gradient(judge, draw):
    judge.gradient(draw.normal(5, 7))
    judge.gradient(draw.normal(5, 7, scale=4))


@part("sigmoid")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_sigmoid_of_large_values(judge, dtype):
    judge.value(torch.tensor([10.0, -10.0, 14.0, -14.0, *LARGE], dtype=dtype))


@part("sigmoid")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_sigmoid_gradient_of_large_values(judge, dtype):
    judge.gradient(torch.tensor([10.0, -10.0, 14.0, -14.0, *LARGE], dtype=dtype))


@parts("sigmoid", "tanh", "sigmoid_grad", "tanh_grad")
@rung("edge")
def test_sigmoid_of_one_number_and_of_none(judge, draw):
    judge.value(draw.normal())
    judge.value(torch.zeros(0, 3))


@part("sigmoid")
@rung("edge")
def test_sigmoid_keeps_nothing_between_calls(judge, draw):
    judge.probe("two_calls", "sigmoid", draw.normal(4, 3), draw.normal(4, 3))


@parts("sigmoid", "tanh")
@rung("edge")
def test_sigmoid_gradient_at_zero(judge):
    judge.gradient(torch.tensor([-1.0, 0.0, 1.0, 0.0]))
    judge.gradient(torch.zeros(2, 3))


LEFTWARDS = [-10.0, -14.0, -18.0, -20.0, -22.0]


def goes_on_falling(found):
    values = found["result"].tolist()
    for place, x in enumerate(LEFTWARDS[:-1]):
        if not values[place + 1] < values[place]:
            return f"leftwards the sigmoid falls without end; yours stays at {values[place]:.3g} from {x:g} on"
    return None


@part("sigmoid")
@rung("edge")
def test_sigmoid_never_levels_off(judge):
    judge.holds(goes_on_falling, "call", torch.tensor(LEFTWARDS, dtype=torch.float64))


# -- tanh ------------------------------------------------------------------------------------------------------------


@part("tanh")
@rung("number")
def test_tanh_by_hand(judge):
    half = math.log(3) / 2
    judge.expect(torch.tensor([-0.5, 0.0, 0.5, 0.7615942]), torch.tensor([-half, 0.0, half, 1.0]))


@part("tanh")
@rung("values")
def test_tanh_matches_pytorch(judge, draw):
    judge.value(draw.normal(5, 7))
    judge.value(draw.normal(5, 7, scale=4))
    judge.value(torch.linspace(-6, 6, 25))


@part("tanh")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_tanh_of_large_values(judge, dtype):
    judge.value(torch.tensor([5.0, -5.0, 7.0, -7.0, *LARGE], dtype=dtype))


@part("tanh")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_tanh_gradient_of_large_values(judge, dtype):
    judge.gradient(torch.tensor([5.0, -5.0, 7.0, -7.0, *LARGE], dtype=dtype))


@part("tanh")
@rung("edge")
def test_tanh_keeps_nothing_between_calls(judge, draw):
    judge.probe("two_calls", "tanh", draw.normal(4, 3), draw.normal(4, 3))


@part("tanh")
@rung("dtype")
@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_keeps_the_dtype(judge, draw, dtype):
    judge.gradient(draw.normal(4, 3, scale=2, dtype=dtype))


# -- gelu ------------------------------------------------------------------------------------------------------------


@part("gelu")
@rung("number")
def test_gelu_by_hand(judge):
    judge.expect(torch.tensor([-0.1586553, 0.0, 0.8413447, 1.9544997]), torch.tensor([-1.0, 0.0, 1.0, 2.0]))


@part("gelu")
@rung("values")
def test_gelu_matches_pytorch(judge, draw):
    judge.value(draw.normal(5, 7))
    judge.value(draw.normal(5, 7, scale=3))
    judge.value(torch.linspace(-4, 4, 33))


@part("gelu")
@rung("gradient")
def test_gelu_gradient(judge, draw):
    judge.gradient(draw.normal(5, 7))
    judge.gradient(torch.linspace(-4, 4, 17))


@part("gelu")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_gelu_of_large_values(judge, dtype):
    judge.using(tolerance=(1e-6, 1e-3)).gradient(torch.tensor([6.0, -6.0, 100.0, -100.0, 1e4, -1e4], dtype=dtype))


@part("gelu")
@rung("edge")
def test_gelu_keeps_nothing_between_calls(judge, draw):
    judge.probe("two_calls", "gelu", draw.normal(4, 3), draw.normal(4, 3))


@part("gelu")
@rung("dtype")
def test_gelu_keeps_float64(judge, draw):
    # wide enough for a √2 that was rounded to float32, not for a computation in float32
    judge.using(tolerance=(1e-8, 1e-8)).gradient(draw.normal(8, 10, scale=1.5, dtype=torch.float64))


@part("gelu")
@rung("dtype")
def test_gelu_keeps_bfloat16(judge, draw):
    judge.gradient(draw.normal(4, 3, scale=1.5, dtype=torch.bfloat16))


def is_the_exact_form(found):
    for x, value in zip((1.0, 2.0, 2.5), found["result"].tolist(), strict=True):
        share = (1 + math.erf(x / math.sqrt(2))) / 2
        if abs(value / x - share) > 1e-5:
            return (
                f"the exact form is x · Φ(x), and Φ({x:g}), the share of the normal distribution below {x:g}, "
                f"is {share:.6f}; your gelu({x:g}) is {x:g} times {value / x:.6f}"
            )
    return None


@part("gelu")
@rung("values")
def test_gelu_is_the_exact_form(judge):
    judge.holds(is_the_exact_form, "call", torch.tensor([1.0, 2.0, 2.5]))


# -- softmax ---------------------------------------------------------------------------------------------------------

DIMS = [0, 1, 2, -1, -2, -3]
SLICES = [
    [1000.0, 1001.0, 1002.0],
    [-1002.0, -1000.0, -1001.0],
    [0.0, 1.0, -1.0],
    [1e4, 9999.0, -1e4],
    [-1e4, -9998.0, -9999.0],
    [-100.0, 0.0, 100.0],
]


@parts("softmax", "log_softmax")
@rung("shape")
def test_softmax_keeps_the_shape(judge, draw):
    judge.value(draw.normal(4, 3), dim=1)
    judge.value(draw.normal(4, 3), dim=0)


@part("softmax")
@rung("number")
def test_softmax_by_hand(judge):
    x = torch.tensor([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]]).log()
    judge.expect(torch.tensor([[0.125, 0.25, 0.625], [0.25, 0.25, 0.5]]), x, dim=1)
    judge.expect(torch.tensor([0.25, 0.75]), torch.tensor([0.0, math.log(3)]), dim=0)


@parts("softmax", "log_softmax")
@rung("values")
@pytest.mark.parametrize("dim", DIMS)
def test_softmax_along_every_dimension(judge, draw, dim):
    judge.value(draw.normal(4, 3, 5, scale=2), dim=dim)


@parts("softmax", "log_softmax")
@rung("values")
def test_softmax_of_a_square_and_of_four_dimensions(judge, draw):
    judge.value(draw.normal(4, 4), dim=1)
    judge.value(draw.normal(4, 4), dim=0)
    judge.value(draw.normal(2, 3, 4, 5), dim=1)
    judge.value(draw.normal(3, 3, 3, 3), dim=-2)


@parts("softmax", "log_softmax")
@rung("gradient")
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_gradient(judge, draw, dim):
    judge.gradient(draw.normal(4, 3), dim=dim)
    judge.gradient(draw.normal(2, 3, 4), dim=dim)


@part("softmax")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_softmax_of_large_values(judge, dtype):
    judge = judge.using(tolerance=(1e-4, 1e-3))
    judge.value(torch.tensor([100.0, 99.0, 0.0], dtype=dtype), dim=0)
    judge.value(torch.tensor([[1e4, 0.0, -1e4], [0.0, -1e4, 1e4]], dtype=dtype), dim=1)
    judge.value(torch.tensor([[1e4, 9999.0, 9998.0], [-9999.0, -1e4, -1e4]], dtype=dtype), dim=1)


@part("softmax")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_softmax_gradient_of_large_values(judge, dtype):
    judge = judge.using(tolerance=(1e-4, 1e-3))
    judge.gradient(torch.tensor([[1e4, 9999.0, -1e4], [9999.0, -1e4, 1e4]], dtype=dtype), dim=1)
    judge.gradient(torch.tensor([-1e4, -9999.0, -9998.0], dtype=dtype), dim=0)


@part("softmax")
@rung("edge")
def test_softmax_of_slices_of_very_different_size(judge):
    judge = judge.using(tolerance=(1e-4, 1e-3))
    judge.value(torch.tensor(SLICES), dim=1)
    judge.value(torch.tensor(SLICES).T.contiguous(), dim=0)
    judge.gradient(torch.tensor(SLICES).reshape(2, 3, 3), dim=-1)


@parts("softmax", "log_softmax")
@rung("edge")
def test_softmax_of_an_empty_batch_and_of_one_class(judge, draw):
    judge.value(torch.zeros(0, 3), dim=1)
    judge.value(draw.normal(4, 1), dim=1)


@part("softmax")
@rung("edge")
def test_softmax_keeps_nothing_between_calls(judge, draw):
    judge.probe("two_calls", "softmax", draw.normal(4, 3), draw.normal(4, 3), dim=1)


@parts("softmax", "log_softmax")
@rung("layout")
def test_softmax_of_other_memory_layouts(judge, draw):
    for _, x in draw.layouts(draw.normal(4, 3)):
        judge.value(x, dim=1)
        judge.value(x, dim=0)
    judge.value(draw.normal(1, 3).expand(4, 3), dim=1)


@parts("softmax", "log_softmax")
@rung("dtype")
@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_keeps_the_dtype(judge, draw, dtype):
    judge.gradient(draw.normal(4, 3, scale=2, dtype=dtype), dim=1)


@parts("softmax", "log_softmax")
@rung("device")
def test_softmax_on_another_device(judge, draw):
    judge.elsewhere(draw.normal(4, 3), dim=1)


def sums_to_one(found):
    along = found["result"].sum(dim=1)
    furthest = along[(along - 1).abs().argmax()].item()
    if not abs(furthest - 1) <= 1e-9:
        return f"each slice along dim must sum to 1; one of yours sums to {furthest:.10g}"
    return None


@part("softmax")
@rung("edge")
def test_softmax_sums_to_one(judge, draw):
    judge.holds(sums_to_one, "call", draw.normal(4, 3, dtype=torch.float64), dim=1)
    judge.holds(sums_to_one, "call", draw.normal(5, 8, scale=3, dtype=torch.float64), dim=1)


# -- log_softmax -----------------------------------------------------------------------------------------------------


@part("log_softmax")
@rung("number")
def test_log_softmax_by_hand(judge):
    x = torch.tensor([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]]).log()
    judge.expect(torch.tensor([[0.125, 0.25, 0.625], [0.25, 0.25, 0.5]]).log(), x, dim=1)
    judge.expect(torch.tensor([-math.log(4), math.log(0.75)]), torch.tensor([0.0, math.log(3)]), dim=0)


@part("log_softmax")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_log_softmax_of_large_values(judge, dtype):
    judge = judge.using(tolerance=(1e-6, 1e-3))
    judge.value(torch.tensor([100.0, 99.0, 0.0], dtype=dtype), dim=0)
    judge.value(torch.tensor([[1e4, 0.0, -1e4], [0.0, -1e4, 1e4]], dtype=dtype), dim=1)
    judge.value(torch.tensor([[1e4, 9999.0, 9998.0], [-9999.0, -1e4, -1e4]], dtype=dtype), dim=1)


@part("log_softmax")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_log_softmax_gradient_of_large_values(judge, dtype):
    judge = judge.using(tolerance=(1e-6, 1e-3))
    judge.gradient(torch.tensor([[1e4, 9999.0, -1e4], [9999.0, -1e4, 1e4]], dtype=dtype), dim=1)
    judge.gradient(torch.tensor([-1e4, -9999.0, -9998.0], dtype=dtype), dim=0)


@part("log_softmax")
@rung("edge")
def test_log_softmax_of_slices_of_very_different_size(judge):
    judge = judge.using(tolerance=(1e-6, 1e-3))
    judge.value(torch.tensor(SLICES), dim=1)
    judge.value(torch.tensor(SLICES).T.contiguous(), dim=0)
    judge.gradient(torch.tensor(SLICES).reshape(2, 3, 3), dim=-1)


@part("log_softmax")
@rung("edge")
def test_log_softmax_keeps_nothing_between_calls(judge, draw):
    judge.probe("two_calls", "log_softmax", draw.normal(4, 3), draw.normal(4, 3), dim=1)


def has_no_floor(found):
    for score, value in zip((-50, -1000), found["result"].tolist()[1:], strict=True):
        if value == -math.inf:
            return f"for the scores 0, −50 and −1000 the result at {score} is −∞: the logarithm of a 0 was taken"
        if value > score + 1:
            return (
                f"for the scores 0, −50 and −1000 the result at {score} is {value:.4g}; expected {score}: "
                "a clamp, or a small number inside of the log, lets nothing get lower"
            )
    return None


@part("log_softmax")
@rung("edge")
def test_log_softmax_has_no_floor(judge):
    judge.holds(has_no_floor, "call", torch.tensor([0.0, -50.0, -1000.0]), dim=0)


# -- sigmoid_grad ----------------------------------------------------------------------------------------------------

FAR = [20.0, -20.0, 40.0, -40.0, 60.0, -60.0, 100.0, -100.0, 800.0, -800.0, 1e4, -1e4]


@part("sigmoid_grad")
@rung("number")
def test_sigmoid_grad_by_hand(judge):
    three = math.log(3)
    judge.expect(torch.tensor([0.1875, 0.25, 0.1875, 0.1049936]), torch.tensor([-three, 0.0, three, 2.0]))


@part("sigmoid_grad")
@rung("values")
def test_sigmoid_grad_is_the_slope(judge, draw):
    judge.value(draw.normal(5, 7))
    judge.value(draw.normal(5, 7, scale=4))
    judge.value(torch.linspace(-8, 8, 33))


@part("sigmoid_grad")
@rung("gradient")
def test_sigmoid_grad_without_autograd(judge, draw):
    judge.probe("without_graph", "sigmoid_grad", draw.normal(4, 3))


@parts("sigmoid_grad", "tanh_grad")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_sigmoid_grad_of_large_values(judge, dtype):
    judge.value(torch.tensor(FAR, dtype=dtype))


@parts("sigmoid_grad", "tanh_grad", "relu_grad")
@rung("dtype")
@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_grad_keeps_the_dtype(judge, draw, dtype):
    judge.value(draw.normal(4, 3, scale=2, dtype=dtype))


# -- tanh_grad -------------------------------------------------------------------------------------------------------


@part("tanh_grad")
@rung("number")
def test_tanh_grad_by_hand(judge):
    half = math.log(3) / 2
    judge.expect(torch.tensor([0.75, 1.0, 0.75, 0.4199743]), torch.tensor([-half, 0.0, half, 1.0]))


@part("tanh_grad")
@rung("values")
def test_tanh_grad_is_the_slope(judge, draw):
    judge.value(draw.normal(5, 7))
    judge.value(draw.normal(5, 7, scale=3))
    judge.value(torch.linspace(-6, 6, 25))


@part("tanh_grad")
@rung("gradient")
def test_tanh_grad_without_autograd(judge, draw):
    judge.probe("without_graph", "tanh_grad", draw.normal(4, 3))


# -- relu_grad -------------------------------------------------------------------------------------------------------


@part("relu_grad")
@rung("number")
def test_relu_grad_by_hand(judge):
    judge.expect(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([-2.0, -0.5, 0.25, 3.0]))


@part("relu_grad")
@rung("values")
def test_relu_grad_is_the_slope(judge, draw):
    judge.value(draw.normal(5, 7))
    judge.value(draw.normal(5, 7, scale=20))


@part("relu_grad")
@rung("gradient")
def test_relu_grad_without_autograd(judge, draw):
    judge.probe("without_graph", "relu_grad", draw.normal(4, 3))


@part("relu_grad")
@rung("edge")
def test_relu_grad_at_zero(judge):
    judge.expect(torch.tensor([0.0, 0.0, 1.0, 0.0]), torch.tensor([-1.0, 0.0, 1.0, 0.0]))


@part("relu_grad")
@rung("edge")
@pytest.mark.parametrize("dtype", WIDE)
def test_relu_grad_of_large_and_of_small_values(judge, dtype):
    judge.value(torch.tensor([1e4, -1e4, 100.0, -100.0, 1e-4, -1e-4, 1e-12, -1e-12], dtype=dtype))


# -- ActivationNet ---------------------------------------------------------------------------------------------------

SHAPES = {
    "layer1.weight": [20, 10],
    "layer1.bias": [20],
    "layer2.weight": [10, 20],
    "layer2.bias": [10],
    "output_layer.weight": [1, 10],
    "output_layer.bias": [1],
}


def weights(draw, first=1.0, second=0.4, last=0.7, dtype=torch.float32):
    """Weights and biases in the order of SHAPES, scaled so that no layer saturates throughout."""
    scales = [first, first, second, second, last, last]
    return [draw.normal(*shape, scale=scale, dtype=dtype) for shape, scale in zip(SHAPES.values(), scales, strict=True)]


def has_the_layers(found):
    for name, expected in SHAPES.items():
        shape = found["shapes"][name]
        if shape is None:
            return f"there is no {name}"
        if shape != expected:
            return f"{name} has not the right size: its shape is {tuple(shape)}; expected {tuple(expected)}"
    return None


def registers_its_parameters(found):
    if found["registered"] < 441:
        return f"parameters() gives {found['registered']} numbers; the three layers have 441: some are not registered"
    if found["registered"] > 441:
        return f"parameters() gives {found['registered']} numbers; the three layers have only 441"
    return None


def is_a_column_of_probabilities(output):
    if not isinstance(output, torch.Tensor):
        return "forward gives no tensor: does it end with a return?"
    if list(output.shape) != [6, 1]:
        return f"six rows go in, and what comes out has the shape {tuple(output.shape)}; expected (6, 1)"
    outside = output[(output < 0) | (output > 1)]
    if len(outside):
        return f"an output is {outside[0].item():.4f}, and a probability lies between 0 and 1"
    certain = output[(output == 0) | (output == 1)]
    if len(certain):
        return f"an output of a fresh network is exactly {certain[0].item():g}; the sigmoid never quite reaches 0 or 1"
    return None


@part("ActivationNet")
@rung("shape")
def test_net_has_three_layers_of_the_right_size(judge):
    judge.holds(has_the_layers, "made")


@part("ActivationNet")
@rung("shape")
def test_net_registers_its_parameters(judge):
    judge.holds(registers_its_parameters, "made")


@part("ActivationNet")
@rung("number")
def test_net_gives_a_column_of_probabilities(judge, draw):
    judge.holds(is_a_column_of_probabilities, "fresh_answer", draw.integer(0, 10_000), draw.normal(6, 10))


@part("ActivationNet")
@rung("values")
def test_net_with_given_weights(judge, draw):
    judge.probe("forward", weights(draw), draw.normal(16, 10))
    judge.probe("forward", weights(draw), draw.normal(16, 10))
    judge.probe("forward", weights(draw), draw.normal(1, 10))


@part("ActivationNet")
@rung("gradient")
def test_net_gradient(judge, draw):
    judge.probe("backward", weights(draw), draw.normal(16, 10))


@part("ActivationNet")
@rung("edge")
def test_net_with_large_pre_activations(judge, draw):
    judge.probe("forward", weights(draw, second=0.1), draw.normal(16, 10, scale=5))


@part("ActivationNet")
@rung("edge")
def test_net_of_an_empty_batch(judge, draw):
    judge.probe("forward", weights(draw), torch.zeros(0, 10))


@part("ActivationNet")
@rung("edge")
def test_two_nets_have_weights_of_their_own(judge, draw):
    judge.probe("two_networks", weights(draw), weights(draw), draw.normal(16, 10))


@part("ActivationNet")
@rung("edge")
def test_net_in_evaluation_mode(judge, draw):
    judge.probe("evaluated", weights(draw), draw.normal(16, 10))


@part("ActivationNet")
@rung("layout")
def test_net_of_other_memory_layouts(judge, draw):
    given = weights(draw)
    for _, x in draw.layouts(draw.normal(8, 10)):
        judge.probe("forward", given, x)


@part("ActivationNet")
@rung("dtype")
def test_net_in_float64(judge, draw):
    judge.probe("backward", weights(draw, dtype=torch.float64), draw.normal(16, 10, dtype=torch.float64))


@part("ActivationNet")
@rung("dtype")
def test_net_in_bfloat16(judge, draw):
    given = weights(draw, first=0.3, second=0.3, last=0.3, dtype=torch.bfloat16)
    judge.probe("forward", given, draw.normal(8, 10, dtype=torch.bfloat16))


@part("ActivationNet")
@rung("training")
def test_net_learns(judge, draw):
    given = weights(draw, first=0.3, second=0.3, last=0.3)
    target = draw.integers(2, 16, 1, dtype=torch.float32)
    judge.using(tolerance=(1e-3, 1e-4)).probe("descent", given, draw.normal(16, 10), target, lr=0.5, steps=5)
