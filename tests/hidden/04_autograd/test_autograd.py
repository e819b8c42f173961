"""What is expected of 04_autograd."""

import math

import pytest
import torch
from nnkata.grader.authors import compare, part, rung
from torch.nn import functional as F


def tensors(*lists, dtype=torch.float32):
    return [torch.tensor(values, dtype=dtype) for values in lists]


def number(draw, low, high):
    """A float between low and high."""
    return draw.uniform(low=low, high=high, dtype=torch.float64).item()


def agrees_with(expected):
    """A check that says where a value differs from the expected one."""

    def check(value):
        found = compare.difference(value, expected, device="any")
        return found and found.lines[0]

    return check


def by_hand(judge, expected, probe, *args, **options):
    """The probe agrees with the reference, and the reference with what was worked out without it."""
    judge.probe(probe, *args, **options)
    judge.holds(agrees_with(expected), probe, *args, **options)


# -- numerical_gradient ----------------------------------------------------------------------------------------------

SLOPE = (1e-6, 1e-6)  # nudges of 1e-6 leave about nine digits of a slope


@part("numerical_gradient")
@rung("number")
def test_numerical_gradient_by_hand(judge):
    x = torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64)
    expected = torch.tensor([9.0, 12.0, 1.0], dtype=torch.float64)
    by_hand(judge, expected, "numerical", "x[0] * x[1] ** 2 + x[2]", x, eps=0.5)


@part("numerical_gradient")
@rung("values")
@pytest.mark.parametrize("f", ["sum of i * x[i] ** 3", "exp of the mean of i * x[i]", "product of all elements"])
def test_numerical_gradient_of_several_functions(judge, draw, f):
    x = draw.uniform(5, low=0.5, high=1.5, dtype=torch.float64)
    judge.using(tolerance=SLOPE).probe("numerical", f, x)
    judge.using(tolerance=SLOPE).probe("numerical", f, -x)


@part("numerical_gradient")
@rung("values")
def test_numerical_gradient_is_central(judge):
    # at a nudge of 0.1 the forward slope of x³ at 1 is 3.31, the central one 3.01, and the exact one 3
    x = torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)
    expected = torch.tensor([3.01, 6.02, 2.28], dtype=torch.float64)
    by_hand(judge, expected, "numerical", "sum of i * x[i] ** 3", x, eps=0.1)


@part("numerical_gradient")
@rung("values")
@pytest.mark.parametrize("shape", [(2, 3), (3, 1, 2), (1,), (4, 4)])
def test_numerical_gradient_has_the_shape_of_x(judge, draw, shape):
    x = draw.uniform(*shape, low=0.5, high=1.5, dtype=torch.float64)
    judge.using(tolerance=SLOPE).probe("numerical", "sum of i * x[i] ** 3", x)
    judge.probe("numerical", "exp of the mean of i * x[i]", x, eps=0.25)


@part("numerical_gradient")
@rung("edge")
def test_numerical_gradient_of_a_single_number(judge, draw):
    x = draw.uniform(low=0.5, high=1.5, dtype=torch.float64)
    judge.using(tolerance=SLOPE).probe("numerical", "x ** 2", x)
    judge.probe("numerical", "sum of i * x[i] ** 3", x, eps=0.5)


@part("numerical_gradient")
@rung("edge")
def test_numerical_gradient_of_equal_elements(judge):
    x = torch.tensor([2.0, 2.0, 3.0, 2.0], dtype=torch.float64)
    judge.probe("numerical", "sum of i * x[i] ** 3", x, eps=0.5)


@part("numerical_gradient")
@rung("edge")
def test_numerical_gradient_of_an_f_that_returns_a_view(judge):
    # such a result changes with the tensor that f was given
    x = torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64)
    by_hand(judge, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), "numerical", "x[1]", x, eps=0.5)


@part("numerical_gradient")
@rung("edge")
def test_numerical_gradient_nudges_by_eps(judge):
    # near the kink of |x| the central slope is x / eps, so that it tells how far the nudge went
    x = torch.tensor([0.03, -0.06, 0.2, 0.0], dtype=torch.float64)
    expected = torch.tensor([0.3, -0.6, 1.0, 0.0], dtype=torch.float64)
    by_hand(judge, expected, "numerical", "sum of abs(x)", x, eps=0.1)
    judge.probe("numerical", "sum of abs(x)", x, eps=1.0)


@part("numerical_gradient")
@rung("edge")
def test_numerical_gradient_nudges_by_a_millionth_unless_told(judge):
    x = torch.tensor([4e-7, -2e-7, 1.0], dtype=torch.float64)
    expected = torch.tensor([0.4, -0.2, 1.0], dtype=torch.float64)
    judge = judge.using(tolerance=SLOPE)
    judge.probe("numerical", "sum of abs(x)", x)
    judge.holds(
        lambda value: None if torch.allclose(value, expected, atol=1e-6) else "the nudge is not 1e-6 by default",
        "numerical", "sum of abs(x)", x,
    )  # fmt: skip


@part("numerical_gradient")
@rung("edge")
def test_numerical_gradient_leaves_x_alone(judge, draw):
    x = torch.tensor([[0.1, 0.2, 0.3], [1.7, -2.3, 3.1], [0.7, 1.1, 1.3]], dtype=torch.float64)
    for nudged in (x, draw.normal(3, 4, dtype=torch.float64)):
        judge.using(tolerance=SLOPE).probe("numerical", "last row times first row", nudged)
        judge.using(tolerance=compare.EXACT).probe("x_afterwards", "last row times first row", nudged)
        judge.using(tolerance=compare.EXACT).probe("x_afterwards", "last row times first row", nudged, eps=0.3)


@part("numerical_gradient")
@rung("edge")
def test_numerical_gradient_calls_f_with_tensors_like_x(judge, draw):
    judge.probe("called_with", draw.normal(2, 3, dtype=torch.float64))
    judge.probe("called_with", draw.normal(1, 2, 1, dtype=torch.float64))


@part("numerical_gradient")
@rung("layout")
def test_numerical_gradient_of_other_memory_layouts(judge, draw):
    for _, x in draw.layouts(draw.normal(3, 4, dtype=torch.float64)):
        judge.probe("numerical", "last row times first row", x, eps=0.25)


@part("numerical_gradient")
@rung("device")
def test_numerical_gradient_on_another_device(judge, draw):
    judge.probe("where_slopes_live", "sum of i * x[i] ** 3", draw.normal(2, 3, dtype=torch.float64), eps=0.25)
    judge.probe("where_slopes_live", "x ** 2", draw.normal(dtype=torch.float64), eps=0.25)


# -- unbroadcast -----------------------------------------------------------------------------------------------------


@part("unbroadcast")
@rung("number")
def test_unbroadcast_by_hand(judge):
    grad = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    by_hand(judge, torch.tensor([5.0, 7.0, 9.0]), "sum_back", grad, [3])
    by_hand(judge, torch.tensor([[6.0], [15.0]]), "sum_back", grad, [2, 1])
    by_hand(judge, grad, "sum_back", grad, [2, 3])


@part("unbroadcast")
@rung("values")
def test_unbroadcast_matches_pytorch(judge, draw):
    for shape in ([3], [5, 1], [2, 1, 3], [1, 1]):
        grad = draw.normal(4, 2, 5, 3)
        by_hand(judge, grad.sum_to_size(shape), "sum_back", grad, shape)


@part("unbroadcast")
@rung("values")
@pytest.mark.parametrize("shape", [[3], [5, 3]])
def test_unbroadcast_dimensions_that_were_added_in_front(judge, draw, shape):
    judge.probe("sum_back", draw.normal(4, 2, 5, 3), shape)


@part("unbroadcast")
@rung("values")
@pytest.mark.parametrize("shape", [[2, 5, 1], [2, 1, 3], [1, 5, 3], [1, 5, 1]])
def test_unbroadcast_dimensions_of_size_one(judge, draw, shape):
    judge.probe("sum_back", draw.normal(2, 5, 3), shape)


@part("unbroadcast")
@rung("values")
@pytest.mark.parametrize("shape", [[5, 1], [1, 3], [1, 5, 1], [1]])
def test_unbroadcast_both_at_once(judge, draw, shape):
    judge.probe("sum_back", draw.normal(4, 2, 5, 3), shape)


@part("unbroadcast")
@rung("edge")
def test_unbroadcast_aligns_shapes_at_their_end(judge, draw):
    judge.probe("sum_back", draw.normal(3, 3), [3])
    judge.probe("sum_back", draw.normal(4, 4, 4), [4, 4])
    judge.probe("sum_back", draw.normal(2, 3, 2, 3), [2, 3])
    judge.probe("sum_back", draw.normal(3, 3, 3), [3, 1])


@part("unbroadcast")
@rung("edge")
def test_unbroadcast_to_a_single_number(judge, draw):
    judge.probe("sum_back", draw.normal(2, 3), [])
    judge.probe("sum_back", draw.normal(4), [])
    judge.probe("sum_back", draw.normal(), [])


@part("unbroadcast")
@rung("edge")
def test_unbroadcast_where_nothing_was_broadcast(judge, draw):
    judge.probe("sum_back", draw.normal(2, 3), [2, 3])
    judge.probe("sum_back", draw.normal(1, 3, 1), [1, 3, 1])
    judge.probe("sum_back", draw.normal(1, 1, 3), [1, 3])


@part("unbroadcast")
@rung("edge")
def test_unbroadcast_of_an_empty_batch(judge):
    judge.probe("sum_back", torch.zeros(0, 3), [3])
    judge.probe("sum_back", torch.zeros(0, 3), [0, 1])
    judge.probe("sum_back", torch.zeros(0, 3), [1, 3])  # a size of 1 was stretched to 0
    judge.probe("sum_back", torch.zeros(2, 0), [2, 1])


@part("unbroadcast")
@rung("edge")
def test_unbroadcast_takes_a_tuple_and_leaves_grad_alone(judge, draw):
    judge.probe("sum_back_to_tuple", draw.normal(4, 2, 3), [1, 3])
    judge.probe("sum_back_to_tuple", draw.normal(2, 3), [2, 3])
    judge.probe("sum_back_to_tuple", draw.normal(2, 3), [])


@part("unbroadcast")
@rung("layout")
def test_unbroadcast_of_other_memory_layouts(judge, draw):
    for _, grad in draw.layouts(draw.normal(4, 2, 3)):
        judge.probe("sum_back", grad, [2, 1])
    judge.probe("sum_back", draw.normal().expand(2, 3), [3])
    judge.probe("sum_back", draw.normal(2, 1).expand(2, 3), [2, 1])


@part("unbroadcast")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_unbroadcast_keeps_the_dtype(judge, draw, dtype):
    judge.probe("sum_back", draw.uniform(4, 2, 3, low=0.5, dtype=dtype), [2, 1])
    judge.probe("sum_back", draw.uniform(2, 3, low=0.5, dtype=dtype), [])


# -- LinearFunction --------------------------------------------------------------------------------------------------


def linear_inputs(draw, n=4, inside=3, outside=2, dtype=torch.float32):
    return (
        draw.normal(n, inside, dtype=dtype),
        draw.normal(outside, inside, dtype=dtype),
        draw.normal(outside, dtype=dtype),
    )


def as_pytorch(x, weight, bias):
    """What the probe `linear` gives with PyTorch's own linear."""
    leaves = [tensor.detach().requires_grad_() for tensor in (x, weight, bias) if tensor is not None]
    result = F.linear(*leaves)
    weights = torch.linspace(0.5, 1.5, max(result.numel(), 1), dtype=torch.float64)[: result.numel()]
    arrived = torch.autograd.grad((result * weights.to(result.dtype).reshape(result.shape)).sum(), leaves)
    names = ["gradient of x", "gradient of weight", "gradient of bias"][: len(leaves)]
    return {"result": result.detach()} | dict(zip(names, arrived, strict=True))


@part("LinearFunction")
@rung("number")
def test_linear_by_hand(judge):
    x, weight, bias = tensors([[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]], [10.0, 20.0, 30.0])
    expected = {"result": torch.tensor([[21.0, 37.0, 53.0]]), "requires a gradient": False}
    by_hand(judge, expected, "linear_without_graph", x, weight, bias)


@part("LinearFunction")
@rung("values")
def test_linear_value(judge, draw):
    judge.probe("linear_without_graph", *linear_inputs(draw))
    judge.probe("linear_without_graph", *linear_inputs(draw, 5, 4, 4))
    judge.probe("linear_without_graph", *linear_inputs(draw, 1, 6, 1))


@part("LinearFunction")
@rung("gradient")
def test_linear_gradients_by_hand(judge):
    x, weight, bias = tensors([[1.0, 2.0], [3.0, 5.0]], [[3.0, 4.0]], [10.0])
    expected = {
        "gradient of x": torch.tensor([[3.0, 4.0], [3.0, 4.0]]),
        "gradient of weight": torch.tensor([[4.0, 7.0]]),
        "gradient of bias": torch.tensor([2.0]),
    }
    by_hand(judge, expected, "linear_summed", x, weight, bias)


@part("LinearFunction")
@rung("gradient")
@pytest.mark.parametrize("n, inside, outside", [(4, 3, 2), (1, 5, 3), (6, 1, 4), (2, 3, 1)])
def test_linear_gradients_match_pytorch(judge, draw, n, inside, outside):
    inputs = linear_inputs(draw, n, inside, outside, torch.float64)
    by_hand(judge, as_pytorch(*inputs), "linear", *inputs)


@part("LinearFunction")
@rung("gradient")
def test_linear_gradients_with_a_square_weight(judge, draw):
    inputs = linear_inputs(draw, 3, 3, 3, torch.float64)
    by_hand(judge, as_pytorch(*inputs), "linear", *inputs)


@part("LinearFunction")
@rung("gradient")
def test_linear_gradients_through_several_layers(judge, draw):
    weights = [draw.normal(*shape, dtype=torch.float64) for shape in ((4, 3), (4, 4), (2, 4))]
    biases = [draw.normal(size, dtype=torch.float64) for size in (4, 4, 2)]
    judge.probe("linear_layers", draw.normal(5, 3, dtype=torch.float64), weights, biases)


@part("LinearFunction")
@rung("edge")
def test_linear_without_a_bias(judge, draw):
    x, weight, _ = linear_inputs(draw)
    by_hand(judge, as_pytorch(x, weight, None), "linear", x, weight, None)
    judge.probe("linear_some", x, weight, None, [False, True, False])
    judge.probe("linear_some", x, weight, None, [True, False, False])


@part("LinearFunction")
@rung("edge")
@pytest.mark.parametrize("needs", ["x", "weight", "bias", "x weight", "x bias", "weight bias", "x weight bias"])
def test_linear_gives_only_the_gradients_that_are_needed(judge, draw, needs):
    needed = [name in needs.split() for name in ("x", "weight", "bias")]
    judge.probe("linear_some", *linear_inputs(draw), needed)


@part("LinearFunction")
@rung("edge")
def test_linear_leaves_its_inputs_alone(judge, draw):
    judge.probe("linear_leaves_alone", *linear_inputs(draw), draw.normal(4, 2))


@part("LinearFunction")
@rung("edge")
def test_linear_differentiated_twice(judge, draw):
    judge.probe("linear_twice", *linear_inputs(draw))


@part("LinearFunction")
@rung("edge")
def test_linear_of_an_empty_batch(judge, draw):
    judge.probe("linear", *linear_inputs(draw, n=0))


@part("LinearFunction")
@rung("layout")
def test_linear_of_other_memory_layouts(judge, draw):
    x, weight, bias = linear_inputs(draw)
    for _, other in draw.layouts(x):
        judge.probe("linear", other, weight, bias)
    for _, other in draw.layouts(weight):
        judge.probe("linear", x, other, bias)
    judge.probe("linear_summed", draw.normal(1, 3).expand(4, 3), weight, bias)


@part("LinearFunction")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_linear_keeps_the_dtype(judge, draw, dtype):
    judge.probe("linear", *linear_inputs(draw, dtype=dtype))


@part("LinearFunction")
@rung("gradient")
def test_linear_gradients_with_as_many_rows_as_outputs(judge, draw):
    inputs = linear_inputs(draw, 3, 2, 3, torch.float64)
    by_hand(judge, as_pytorch(*inputs), "linear", *inputs)


# -- Value -----------------------------------------------------------------------------------------------------------


def abc(draw, count=3):
    """Values of a, b and c that are far from 0, from 1 and from each other."""
    return [number(draw, 1.3, 1.9), number(draw, 2.2, 2.8), number(draw, -0.9, -0.4)][:count]


def as_torch(text, numbers):
    """What the probe `expression` gives when PyTorch computes it."""
    leaves = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in numbers]
    result = eval(text, dict(zip("abc", leaves, strict=False)))
    arrived = torch.autograd.grad(result, leaves)
    grads = {f"grad of {name}": g.item() for name, g in zip("abc", arrived, strict=False)}
    return {"data": result.item()} | grads


@part("Value")
@rung("number")
def test_value_by_hand(judge):
    expected = {"data": 4.0, "grad of a": -3.0, "grad of b": 2.0, "grad of c": 1.0}
    by_hand(judge, expected, "expression", "a * b + c", [2.0, -3.0, 10.0])


@part("Value")
@rung("number")
def test_value_alone(judge):
    by_hand(judge, {"data": 2.5, "grad at first": 0.0, "grad after backward": 1.0}, "leaf", 2.5)


@part("Value")
@rung("values")
@pytest.mark.parametrize("text", ["a + b", "a * b", "a - b", "-a"])
def test_value_plus_times_and_minus(judge, draw, text):
    judge.probe("expression", text, abc(draw, 2 if "b" in text else 1))


@part("Value")
@rung("values")
@pytest.mark.parametrize("text", ["a + 2.5", "2.5 + a", "a * 3.0", "3.0 * a", "a - 1.5", "1.5 - a"])
def test_value_beside_floats(judge, draw, text):
    judge.probe("expression", text, abc(draw, 1))


@part("Value")
@rung("gradient")
@pytest.mark.parametrize("text", ["a / b", "a / 4.0", "4.0 / a"])
def test_value_quotients(judge, draw, text):
    judge.probe("expression", text, abc(draw, 2 if "b" in text else 1))


@part("Value")
@rung("gradient")
@pytest.mark.parametrize("text", ["a ** 3.0", "a ** 0.5", "a ** -2.0"])
def test_value_powers(judge, draw, text):
    judge.probe("expression", text, abc(draw, 1))


@part("Value")
@rung("gradient")
@pytest.mark.parametrize("text", ["a.exp()", "a.log()", "a.tanh()", "a.relu()"])
def test_value_functions(judge, draw, text):
    judge.probe("expression", text, abc(draw, 1))


@part("Value")
@rung("gradient")
@pytest.mark.parametrize("text", ["a + a", "a * a", "a / a * a"])
def test_value_used_twice_in_one_operation(judge, draw, text):
    judge.probe("expression", text, abc(draw, 1))


@part("Value")
@rung("gradient")
@pytest.mark.parametrize(
    "text",
    [
        "(d := a * b) * d.exp()",
        "(d := a * b) + (d * c).tanh().exp() * d",
        "(d := a * c).exp() + (e := d * b).tanh() * e + d",
        "((1.0 - a * b) / (b.exp() + 2.0)).relu() - (c ** 2.0).log() / -a",
    ],
)
def test_value_graphs_that_branch_and_meet(judge, draw, text):
    numbers = [number(draw, 0.3, 0.6), number(draw, 0.8, 1.2), number(draw, -0.9, -0.4)][: 3 if "c" in text else 2]
    by_hand(judge, as_torch(text, numbers), "expression", text, numbers)


@part("Value")
@rung("gradient")
def test_value_every_step_has_its_grad(judge, draw):
    judge.probe("steps", [number(draw, 0.3, 0.6), number(draw, 0.8, 1.2), number(draw, -0.9, -0.4)])
    judge.probe("unrelated", abc(draw))


@part("Value")
@rung("edge")
def test_value_equal_numbers_are_not_the_same(judge):
    judge.probe("expression", "a * b + c", [2.0, 2.0, 2.0])
    judge.probe("expression", "a / b", [1.0, 1.0])


@part("Value")
@rung("edge")
def test_value_relu_at_and_below_zero(judge):
    for at in (0.0, -2.0, 2.0):
        judge.probe("expression", "a.relu()", [at])
        judge.probe("expression", "3.0 * a.relu()", [at])


@part("Value")
@rung("edge")
def test_value_powers_of_zero_and_of_negative_numbers(judge):
    judge.probe("expression", "a ** 2.0", [0.0])
    judge.probe("expression", "a ** 1.0", [0.0])
    judge.probe("expression", "a ** 3.0", [-2.0])
    judge.probe("expression", "a ** -2.0", [-0.5])
    judge.probe("expression", "4.0 / a", [-0.5])
    judge.probe("expression", "a / b", [0.0, -2.0])


@part("Value")
@rung("edge")
def test_value_log_and_quotient_near_zero(judge):
    for at in (1e-6, 1e-9):
        judge.probe("expression", "a.log()", [at])
        judge.probe("expression", "a / b", [2.0, at])


@part("Value")
@rung("edge")
@pytest.mark.parametrize("text", ["a.relu()", "a + 0.0", "0.0 + a", "a * 1.0", "a / 1.0", "a ** 1.0"])
def test_value_the_same_number_is_a_new_value(judge, text):
    expected = {"a new Value": True, "grad of a": 4.0, "grad of b": 3.0}
    by_hand(judge, expected, "same_number", text, 2.0)


@part("Value")
@rung("edge")
def test_value_leaves_what_it_is_given_alone(judge):
    for text in ("a.relu()", "-a", "a + 2.5", "2.5 + a", "a * 3.0", "3.0 * a", "a - 1.5", "1.5 - a"):
        judge.probe("given_afterwards", text, [-1.0])
    for text in ("a ** 3.0", "a / 4.0", "4.0 / a", "a.exp()", "a.tanh()"):
        judge.probe("given_afterwards", text, [-1.25])
    judge.probe("given_afterwards", "a.log()", [0.5])
    for text in ("a + b", "a * b", "a - b", "a / b"):
        judge.probe("given_afterwards", text, [-1.25, 0.5])


@part("Value")
@rung("edge")
@pytest.mark.parametrize("at", [1000.0, -1000.0])
def test_value_tanh_far_out(judge, at):
    judge.probe("expression", "a.tanh()", [at])


@part("Value")
@rung("edge")
def test_value_backward_twice_adds_twice(judge, draw):
    judge.probe("twice", [number(draw, 0.3, 0.6), number(draw, 0.8, 1.2), number(draw, -0.9, -0.4)])


@part("Value")
@rung("edge")
def test_value_two_results_of_one_graph(judge, draw):
    judge.probe("two_results", [number(draw, 0.3, 0.6), number(draw, 0.8, 1.2), number(draw, -0.9, -0.4)])
    judge.probe("result_and_inner", [number(draw, 0.3, 0.6), number(draw, 0.8, 1.2), number(draw, -0.9, -0.4)])


@part("Value")
@rung("edge")
def test_value_backward_through_a_chain_of_10_000(judge):
    judge.probe("chain", 10_000)


@part("Value")
@rung("edge")
def test_value_backward_does_not_walk_every_path(judge):
    times = 18

    def check(value):
        if value["data"] != 2.0**times or value["grad"] != 2.0**times:
            return f"after {times} doublings data is {value['data']} and grad {value['grad']}; expected {2**times}"
        if value["seconds"] > 0.02:
            return (
                f"backward took {value['seconds']:.2f} seconds for {times} additions, as if it went along each of the "
                f"{2**times:,} paths: visit each Value once"
            )
        return None

    judge.holds(check, "doubled", times)


@part("Value")
@rung("edge")
def test_value_backward_takes_time_in_proportion(judge):
    short, long = 600, 6_000

    def check(value):
        if value["grad of x"] != 1.0 or value["grad of step"] != float(long):
            return f"grads are {value['grad of x']} and {value['grad of step']}; expected 1 and {long}"
        if value["long"] > 0.1 and value["long"] > 35 * value["short"]:
            return (
                f"a graph of {long} Values took {value['long'] / value['short']:.0f} times as long as one of {short}: "
                "is something looked up in a list at every step?"
            )
        return None

    judge.holds(check, "chain_times", short, long)


@part("Value")
@rung("training")
def test_value_trains_a_neuron(judge, draw):
    inputs = [-1.5, -0.5, 0.5, 1.5]
    targets = [math.tanh(1.5 * x - 0.5) for x in inputs]
    judge.probe("neuron", inputs, targets, number(draw, 0.2, 0.6), number(draw, 0.2, 0.6), 0.1, 10)


@part("Value")
@rung("gradient")
@pytest.mark.parametrize("text", ["a ** 3.0", "a.exp()", "a.log()", "a.tanh()", "a.relu()", "(a + b)", "(a * b)"])
def test_value_operations_pass_on_what_arrives(judge, draw, text):
    judge.probe("expression", f"-2.5 * {text}", abc(draw, 2 if "b" in text else 1))


# -- named_parameters ------------------------------------------------------------------------------------------------


def in_this_order(expected):
    """A check of the names, and of their order."""

    def check(value):
        if sorted(value["order"]) != sorted(expected):
            return f"expected the names {expected}, yours are {value['order']}"
        return None if value["order"] == expected else f"expected the order {expected}, yours is {value['order']}"

    return check


@part("named_parameters")
@rung("number")
def test_named_parameters_of_one_module(judge):
    labels = {name: name for name in ("weight", "bias", "alpha")}
    expected = {"parameters": labels, "order": ["weight", "bias", "alpha"]}
    by_hand(judge, expected, "parameters_of", "one module with weight, bias and alpha")


@part("named_parameters")
@rung("values")
def test_named_parameters_of_nested_modules(judge):
    judge.probe("parameters_of", "modules in modules in modules")
    judge.probe("parameters_of", "an nn.Sequential of twelve layers")


@part("named_parameters")
@rung("values")
def test_named_parameters_in_pytorchs_order(judge):
    expected = ["scale", "inner.scale", "inner.layer.weight", "inner.layer.bias"]
    which = "a module whose own parameter was registered after its children"
    judge.probe("parameters_of", which)
    judge.holds(in_this_order(expected), "parameters_of", which)
    judge.probe("parameters_of", "a deep child before a shallow one")


@part("named_parameters")
@rung("values")
def test_named_parameters_in_containers(judge):
    judge.probe("parameters_of", "ModuleList, ModuleDict, ParameterList and ParameterDict")
    judge.probe("parameters_of", "an nn.ParameterList alone")


@part("named_parameters")
@rung("edge")
def test_named_parameters_shared_ones_once(judge):
    expected = ["encoder.weight", "encoder.bias", "decoder.bias"]
    which = "a decoder that shares the encoder's weight"
    judge.probe("parameters_of", which)
    judge.holds(in_this_order(expected), "parameters_of", which)
    judge.probe("parameters_of", "a decoder, an encoder and the whole that share a weight")
    judge.probe("parameters_of", "a layer that is registered under several names")


@part("named_parameters")
@rung("edge")
def test_named_parameters_equal_values_are_not_the_same(judge):
    judge.probe("parameters_of", "different parameters with equal values")
    judge.probe("parameters_of", "two parameters that are views of one storage")


@part("named_parameters")
@rung("edge")
def test_named_parameters_of_any_size(judge):
    judge.probe("parameters_of", "a parameter of one number and two without any")


@part("named_parameters")
@rung("edge")
def test_named_parameters_asked_twice(judge):
    judge.probe("parameters_again", "modules in modules in modules")


@part("named_parameters")
@rung("edge")
def test_named_parameters_skips_none(judge):
    judge.probe("parameters_of", "layers whose bias is registered as None")
    judge.probe("parameters_of", "a child that is registered as None")


@part("named_parameters")
@rung("edge")
def test_named_parameters_only_what_is_registered_as_one(judge):
    judge.probe("parameters_of", "buffers beside parameters")
    judge.probe("parameters_of", "layers in a plain list and a plain dict")


@part("named_parameters")
@rung("edge")
def test_named_parameters_frozen_ones_too(judge):
    judge.probe("parameters_of", "a frozen parameter")


@part("named_parameters")
@rung("edge")
def test_named_parameters_of_modules_without_any(judge):
    judge.probe("parameters_of", "activations without parameters")
    judge.probe("parameters_of", "an empty module")


@part("named_parameters")
@rung("edge")
def test_named_parameters_is_a_list(judge):
    judge.probe("kind_of_list", "modules in modules in modules")
    judge.probe("kind_of_list", "an empty module")


# -- accumulate_gradients --------------------------------------------------------------------------------------------


def small_net(draw, outputs=2, dtype=torch.float32):
    return [draw.normal(3, 4, dtype=dtype), draw.normal(4, outputs, dtype=dtype), draw.normal(2, dtype=dtype)]


def batches(draw, *sizes, dtype=torch.float32):
    """Micro-batches whose losses and gradients clearly differ."""
    return [[draw.normal(n, 3, dtype=dtype), draw.normal(n, 2, dtype=dtype) + 2.0 * i] for i, n in enumerate(sizes)]


@part("accumulate_gradients")
@rung("number")
def test_accumulate_by_hand(judge):
    # the mean of (3x)² over x = 1, 2, 3 is 42, and that of 6x² is 28
    micro_batches = [tensors([1.0], [0.0]), tensors([2.0, 3.0], [0.0, 0.0])]
    expected = {"loss": 42.0, "gradient": torch.tensor(28.0)}
    by_hand(judge, expected, "accumulate_one", torch.tensor(3.0), micro_batches)


@part("accumulate_gradients")
@rung("values")
def test_accumulate_batches_of_one_size(judge, draw):
    judge.probe("accumulate", small_net(draw), batches(draw, 3, 3, 3))
    judge.probe("accumulate", small_net(draw), batches(draw, 4))


@part("accumulate_gradients")
@rung("values")
@pytest.mark.parametrize("loss", ["squared error", "absolute error", "cross-entropy"])
def test_accumulate_batches_of_different_sizes(judge, draw, loss):
    weights = small_net(draw, dtype=torch.float64)
    micro_batches = batches(draw, 5, 1, 2, dtype=torch.float64)
    if loss == "cross-entropy":
        micro_batches = [[x, (torch.arange(len(x)) + i) % 2] for i, (x, _) in enumerate(micro_batches)]
    judge.probe("accumulate", weights, micro_batches, loss=loss)


@part("accumulate_gradients")
@rung("gradient")
def test_accumulate_is_one_large_batch(judge, draw):
    weights, micro_batches = small_net(draw), batches(draw, 1, 4, 2)
    first, second, _ = [weight.clone().requires_grad_() for weight in weights]
    x, y = (torch.cat(tensors) for tensors in zip(*micro_batches, strict=True))
    loss = (((x @ first).tanh() @ second - y) ** 2).mean()
    loss.backward()

    def check(value):
        expected = {"loss": loss.item(), "first": first.grad, "second": second.grad}
        return agrees_with(expected)(
            {
                "loss": value["loss"],
                "first": value["gradients"]["first"],
                "second": value["gradients"]["second"],
            }
        )

    judge.holds(check, "accumulate", weights, micro_batches, training=False)


@part("accumulate_gradients")
@rung("edge")
def test_accumulate_discards_old_gradients(judge, draw):
    weights = small_net(draw)
    judge.probe("accumulate", weights, batches(draw, 2, 3), old=[draw.normal(*w.shape) + 3.0 for w in weights])
    judge.probe("accumulate", weights, batches(draw, 2, 3), old=[None, draw.normal(4, 2) + 3.0, None])


@part("accumulate_gradients")
@rung("edge")
def test_accumulate_where_two_layers_share_a_weight(judge, draw):
    micro_batches = [[draw.normal(n, 3), draw.normal(n, 3) + 2.0 * i] for i, n in enumerate((1, 3))]
    judge.probe("accumulate_tied", draw.normal(3, 4), micro_batches)


@part("accumulate_gradients")
@rung("edge")
def test_accumulate_again_starts_afresh(judge, draw):
    judge.probe("accumulate_again", small_net(draw), batches(draw, 2, 3), batches(draw, 1, 4))


@part("accumulate_gradients")
@rung("edge")
@pytest.mark.parametrize("training", [True, False])
def test_accumulate_leaves_the_mode_alone(judge, draw, training):
    judge.probe("accumulate", small_net(draw), batches(draw, 2, 3), training=training)


@part("accumulate_gradients")
@rung("dtype")
def test_accumulate_in_float64(judge, draw):
    judge.probe("accumulate", small_net(draw, dtype=torch.float64), batches(draw, 2, 5, dtype=torch.float64))


@part("accumulate_gradients")
@rung("training")
def test_accumulate_trains_a_network(judge, draw):
    weights = small_net(draw, dtype=torch.float64)
    judge.probe("accumulate_and_descend", weights, batches(draw, 5, 1, 2, dtype=torch.float64), 0.05, 5)
