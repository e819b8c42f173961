"""What is expected of 01_neurons."""

import math

import pytest
import torch
from nnkata.grader.authors import part, rung

SHAPES = [(5,), (4, 5), (2, 3, 5), (3, 1), (1, 5), (1, 1, 2), (5, 5)]


def tensors(*lists):
    return [torch.tensor(values) for values in lists]


def dyadic(draw, *shape, dtype=torch.float32):
    """Multiples of ½ from −2 to 2: their sums of products are exact in every dtype and in any order.

    They are multiples of ¼, never 0.125 or 0.625: only tests about equality let a sum reach its threshold exactly.
    """
    return (draw.integers(5, *shape, low=-4) / 2).to(dtype)


# -- neuron ----------------------------------------------------------------------------------------------------------


@part("neuron")
@rung("number")
def test_neuron_by_hand(judge):
    judge.expect(4.75, *tensors([1.0, 2.0, 3.0], [0.5, -1.0, 2.0], 0.25))
    judge.expect(torch.tensor([1.0, 2.0, 4.0]), *tensors([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [2.0, 3.0], -1.0))
    judge.expect(torch.tensor([-3.5, 0.5]), *tensors([[1.0, 1.0], [-1.0, -1.0]], [-1.0, -1.0], -1.5))


@part("neuron")
@rung("shape")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_neuron_answers_each_sample(judge, draw, shape):
    judge.value(draw.normal(*shape), draw.normal(shape[-1]), draw.normal())


@part("neuron")
@rung("gradient")
def test_neuron_gradient(judge, draw):
    for shape in SHAPES:
        judge.gradient(draw.normal(*shape), draw.normal(shape[-1]), draw.normal(), wrt=[0, 1, 2])


@part("neuron")
@rung("edge")
def test_neuron_of_large_values_and_empty_batches(judge):
    x, weight, bias = tensors([[1e4, -1e4, 1.0], [-1e4, 0.0, 2.0], [1e4, 1e4, 1e4]], [1.0, 1.0, 2.0], 0.5)
    judge.using(tolerance=(1e-6, 1e-3)).expect(torch.tensor([2.5, -9995.5, 40000.5]), x, weight, bias)
    judge.value(torch.zeros(0, 3), weight, bias)
    judge.value(torch.zeros(2, 0, 3), weight, bias)


@part("neuron")
@rung("layout")
def test_neuron_of_other_memory_layouts(judge, draw):
    for _, x in draw.layouts(draw.normal(2, 4, 3)):
        judge.value(x, draw.normal(3), draw.normal())
    for _, weight in draw.layouts(draw.normal(3)):
        judge.value(draw.normal(4, 3), weight, draw.normal())
    judge.value(draw.normal(1, 3).expand(4, 3), draw.normal(1).expand(3), draw.normal(1)[0])


@part("neuron")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_neuron_keeps_the_dtype(judge, draw, dtype):
    x, weight = draw.uniform(4, 3, low=-1, dtype=dtype), draw.uniform(3, low=-1, dtype=dtype)
    judge.gradient(x, weight, draw.uniform(dtype=dtype), wrt=[0, 1, 2])
    judge.value(x[0], weight, draw.uniform(dtype=dtype))


@part("neuron")
@rung("device")
def test_neuron_on_another_device(judge, draw):
    judge.elsewhere(draw.normal(4, 3), draw.normal(3), draw.normal())
    judge.elsewhere(draw.normal(3), draw.normal(3), draw.normal())


# -- fires -----------------------------------------------------------------------------------------------------------

CORNERS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]


@part("fires")
@rung("number")
def test_fires_by_hand(judge):
    corners, ones = tensors(CORNERS, [1.0, 1.0])
    judge.expect(torch.tensor([False, False, False, True]), corners, ones, 1.5)
    judge.expect(torch.tensor([False, True, True, True]), corners, ones, 0.5)
    judge.expect(torch.tensor([True, False, True, False]), *tensors(CORNERS, [0.5, -2.0]), -0.25)
    judge.expect(torch.tensor(True), *tensors([1.0, 2.0, 3.0], [0.5, -1.0, 2.0]), 4.0)


@part("fires")
@rung("shape")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_fires_answers_each_sample(judge, draw, shape):
    judge.value(dyadic(draw, *shape), dyadic(draw, shape[-1]), 0.125)


@part("fires")
@rung("values")
def test_fires_for_many_inputs(judge, draw):
    x, weight = dyadic(draw, 40, 4), dyadic(draw, 4)
    judge.value(x, weight, 1.125)
    judge.value(x, weight, -2.125)


@part("fires")
@rung("edge")
def test_fires_when_the_sum_is_the_threshold(judge, draw):
    corners, ones = tensors(CORNERS, [1.0, 1.0])
    judge.expect(torch.tensor([False, True, True, True]), corners, ones, 1.0)
    judge.expect(torch.tensor([True, True, True, True]), corners, ones, 0.0)
    judge.expect(torch.tensor([True, False, True, False]), *tensors(CORNERS, [2.0, -3.0]), 0.0)
    x, weight = dyadic(draw, 9, 4), dyadic(draw, 4)
    judge.value(x, weight, float((x[4] * weight).sum()))


@part("fires")
@rung("edge")
def test_fires_with_a_tensor_as_threshold(judge, draw):
    corners, ones = tensors(CORNERS, [1.0, 1.0])
    judge.expect(torch.tensor([False, False, False, True]), corners, ones, torch.tensor(1.5))
    judge.expect(torch.tensor([False, True, True, True]), corners, ones, torch.tensor(1.0))
    judge.value(dyadic(draw, 4), dyadic(draw, 4), torch.tensor(-0.625))


@part("fires")
@rung("edge")
def test_fires_just_below_and_far_away(judge):
    almost = 1 - 2.0**-20
    judge.expect(torch.tensor([False, True, True, False]), *tensors([[almost], [1.0], [1.0001], [0.0]], [1.0]), 1.0)
    x = torch.tensor([[1e4, -1e4, 1.0], [-1e4, 1e4, -1.0], [1e4, 1e4, 0.0], [-1e4, -1e4, -1e4]])
    judge.expect(torch.tensor([True, False, True, False]), x, torch.ones(3), 0.5)
    judge.expect(torch.tensor([True, True, True, False]), x, torch.ones(3), -5e3)
    judge.value(torch.zeros(0, 3), torch.ones(3), 0.5)


@part("fires")
@rung("layout")
def test_fires_of_other_memory_layouts(judge, draw):
    for _, x in draw.layouts(dyadic(draw, 2, 4, 3)):
        judge.value(x, dyadic(draw, 3), 0.125)
    judge.value(dyadic(draw, 1, 3).expand(4, 3), dyadic(draw, 1).expand(3), 0.125)


@part("fires")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_fires_in_other_dtypes(judge, draw, dtype):
    x, weight = dyadic(draw, 9, 3, dtype=dtype), dyadic(draw, 3, dtype=dtype)
    judge.value(x, weight, 0.625)
    judge.value(x, weight, torch.tensor(-1.125, dtype=dtype))
    judge.value(x[0], weight, 0.125)


@part("fires")
@rung("dtype")
def test_fires_sees_the_last_digits_of_float64(judge):
    x = torch.tensor([[1 - 2.0**-40], [1.0], [1 + 2.0**-40], [0.0]], dtype=torch.float64)
    judge.expect(torch.tensor([False, True, True, False]), x, torch.ones(1, dtype=torch.float64), 1.0)


@part("fires")
@rung("device")
def test_fires_on_another_device(judge, draw):
    judge.elsewhere(dyadic(draw, 4, 3), dyadic(draw, 3), 0.625)
    judge.elsewhere(dyadic(draw, 4, 3), dyadic(draw, 3), torch.tensor(0.625))


# -- linear ----------------------------------------------------------------------------------------------------------

LAYERS = [(5, 3), (4, 1)]
"""(in_features, out_features)."""


@part("linear")
@rung("number")
def test_linear_by_hand(judge):
    weight = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    x, bias = tensors([[1.0, 1.0], [3.0, 0.0], [0.0, 2.0]], [0.5, 10.0])
    judge.expect(torch.tensor([[3.5, 9.0], [3.5, 10.0], [4.5, 8.0]]), x, weight, bias)
    judge.expect(torch.tensor([3.5, 9.0]), x[0], weight, bias)


@part("linear")
@rung("shape")
@pytest.mark.parametrize("leading", [(), (6,), (1,), (2, 3), (4, 1), (2, 1, 3)], ids=str)
def test_linear_with_any_leading_dimensions(judge, draw, leading):
    for fan_in, fan_out in LAYERS:
        judge.value(draw.normal(*leading, fan_in), draw.normal(fan_out, fan_in), draw.normal(fan_out))


@part("linear")
@rung("values")
def test_linear_of_matching_sizes(judge, draw):
    judge.value(draw.normal(4, 4), draw.normal(4, 4), draw.normal(4))
    judge.value(draw.normal(3, 3, 3), draw.normal(3, 3), draw.normal(3))
    judge.value(draw.normal(3, 4), draw.normal(3, 4), bias=draw.normal(3))
    judge.value(draw.normal(3, 1), draw.normal(3, 1), draw.normal(3))
    judge.value(draw.normal(1, 1), draw.normal(1, 1), draw.normal(1))


@part("linear")
@rung("edge")
def test_linear_without_a_bias(judge, draw):
    judge.value(draw.normal(6, 4), draw.normal(3, 4))
    judge.value(draw.normal(4), draw.normal(3, 4), None)
    judge.gradient(draw.normal(2, 5, 4), draw.normal(3, 4), wrt=[0, 1], bias=None)


@part("linear")
@rung("gradient")
def test_linear_gradient(judge, draw):
    for leading in [(), (6,), (2, 3)]:
        for fan_in, fan_out in [(5, 3), (2, 4)]:
            x, weight, bias = (
                draw.normal(*leading, fan_in),
                draw.normal(fan_out, fan_in),
                draw.normal(fan_out),
            )
            judge.gradient(x, weight, bias, wrt=[0, 1, 2])


@part("linear")
@rung("edge")
def test_linear_of_large_values_and_empty_batches(judge, draw):
    x, weight, bias = tensors([[1e4, -1e4], [1e4, 1e4]], [[1.0, 1.0], [2.0, -1.0], [0.0, 0.5]], [0.5, 2.0, -0.5])
    judge.using(tolerance=(1e-6, 1e-3)).value(x, weight, bias)
    judge.value(torch.zeros(0, 2), weight, bias)
    judge.value(torch.zeros(3, 0, 2), weight)


@part("linear")
@rung("layout")
def test_linear_of_other_memory_layouts(judge, draw):
    for _, x in draw.layouts(draw.normal(2, 5, 4)):
        judge.value(x, draw.normal(3, 4), draw.normal(3))
    for _, weight in draw.layouts(draw.normal(3, 4)):
        judge.value(draw.normal(6, 4), weight, draw.normal(3))
    judge.value(draw.normal(1, 4).expand(6, 4), draw.normal(1, 4).expand(3, 4), draw.normal(1).expand(3))


@part("linear")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_linear_keeps_the_dtype(judge, draw, dtype):
    x, weight = draw.uniform(3, 4, low=-1, dtype=dtype), draw.uniform(2, 4, low=-1, dtype=dtype)
    judge.gradient(x, weight, draw.uniform(2, dtype=dtype), wrt=[0, 1, 2])
    judge.value(x, weight)


@part("linear")
@rung("device")
def test_linear_on_another_device(judge, draw):
    judge.elsewhere(draw.normal(6, 4), draw.normal(3, 4), draw.normal(3))
    judge.elsewhere(draw.normal(2, 6, 4), draw.normal(3, 4))


# -- Linear ----------------------------------------------------------------------------------------------------------


@part("Linear")
@rung("shape")
def test_module_registers_weight_and_bias(judge):
    judge.probe("registers", 3, 5)
    judge.probe("registers", 4, 1)
    judge.probe("attributes", 3, 5)


@part("Linear")
@rung("number")
def test_module_by_hand(judge):
    x, weight, bias = tensors([[1.0, 1.0], [3.0, 0.0]], [[1.0, 2.0], [0.0, -1.0]], [0.5, 10.0])
    judge.probe("answers", x, weight, bias)


@part("Linear")
@rung("values")
@pytest.mark.parametrize("leading", [(), (6,), (1,), (2, 3), (2, 1, 3)], ids=str)
def test_module_loads_a_state_and_answers(judge, draw, leading):
    for fan_in, fan_out in LAYERS:
        judge.probe("answers", draw.normal(*leading, fan_in), draw.normal(fan_out, fan_in), draw.normal(fan_out))


@part("Linear")
@rung("edge")
def test_module_saves_what_nn_linear_loads(judge, draw):
    judge.probe("saves", draw.normal(3, 4), draw.normal(3))
    judge.probe("saves", draw.normal(4, 4))
    for options in ({}, {"bias": True}, {"bias": False}):
        judge.holds(loadable(4, 3, **options), "first_state", 4, 3, seed=draw.integer(0, 10**6), **options)


@part("Linear")
@rung("edge")
def test_module_without_a_bias(judge, draw):
    judge.probe("attributes", 4, 3, bias=False)
    judge.probe("answers", draw.normal(6, 4), draw.normal(3, 4))
    judge.probe("learns", draw.normal(2, 5, 4), draw.normal(3, 4))


@part("Linear")
@rung("edge")
def test_module_registers_the_absent_bias(judge):
    judge.probe("registers", 3, 5, bias=True)
    judge.probe("registers", 3, 5, bias=False)


@part("Linear")
@rung("edge")
@pytest.mark.parametrize(
    ("name", "fan_in", "fan_out"),
    [("weight", 400, 40), ("weight", 64, 256), ("bias", 16, 4096)],
)
def test_module_draws_from_the_right_range(judge, draw, name, fan_in, fan_out):
    judge.holds(drawn_uniformly(name, fan_in, fan_out), "drawn", fan_in, fan_out, seed=draw.integer(0, 10**6))


@part("Linear")
@rung("edge")
def test_module_draws_each_time_anew(judge, draw):
    judge.holds(drawn_anew, "drawn_again", 6, 5, seed=draw.integer(0, 10**6))


@part("Linear")
@rung("edge")
def test_module_is_your_own(judge):
    judge.holds(your_own, "made_of", 4, 3)


@part("Linear")
@rung("gradient")
def test_module_gradient(judge, draw):
    for leading in [(), (6,), (2, 3)]:
        judge.probe("learns", draw.normal(*leading, 4), draw.normal(3, 4), draw.normal(3))


@part("Linear")
@rung("layout")
def test_module_of_other_memory_layouts(judge, draw):
    for _, x in draw.layouts(draw.normal(2, 5, 4)):
        judge.probe("answers", x, draw.normal(3, 4), draw.normal(3))


@part("Linear")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_module_in_other_dtypes(judge, draw, dtype):
    x, weight = draw.uniform(3, 4, low=-1, dtype=dtype), draw.uniform(2, 4, low=-1, dtype=dtype)
    judge.probe("learns", x, weight, draw.uniform(2, dtype=dtype))
    judge.probe("saves", weight, draw.uniform(2, dtype=dtype))


@part("Linear")
@rung("device")
@pytest.mark.parametrize("bias", [True, False])
def test_module_moves_to_another_device(judge, bias):
    judge.holds(answers_there, "moved", 4, 3, bias=bias)


@part("Linear")
@rung("training")
def test_module_learns(judge, draw):
    x, target = draw.normal(8, 3), draw.normal(8, 2)
    judge.probe("descends", x, target, draw.normal(2, 3), draw.normal(2), steps=5, lr=0.1)


def loadable(fan_in, fan_out, bias=True):
    def check(state):
        layer = torch.nn.Linear(fan_in, fan_out, bias=bias)
        names = sorted(layer.state_dict())
        if sorted(state) != names:
            return f"its state_dict has the names {sorted(state)}; that of nn.Linear has {names}"
        for name, values in layer.state_dict().items():
            if state[name].shape != values.shape:
                return f"{name} has the shape {tuple(state[name].shape)}; that of nn.Linear has {tuple(values.shape)}"
        layer.load_state_dict(state)
        return None

    return check


def drawn_uniformly(name, fan_in, fan_out):
    bound = fan_in**-0.5

    def check(drawn):
        values = drawn[name].double().flatten()
        low, high, reach = float(values.min()), float(values.max()), float(values.abs().max())
        told = f"1/√in_features = {bound:.4g}"
        if low == high:
            return f"every number of the {name} is {low:.4g}; they must be drawn, each for itself"
        if len(values.unique()) < 0.9 * len(values):
            return f"the {name} holds only {len(values.unique())} different numbers in {len(values)} places"
        if min(-low, high) < 0.5 * reach:
            return f"the {name} lies between {low:.4g} and {high:.4g}; it must reach as far below 0 as above it"
        inner = float((values.abs() < reach / 2).double().mean())
        if abs(inner - 0.5) > 0.06 and reach > 2:
            return f"the {name} reaches out to ±{reach:.4g}, most of it far further in, as a standard normal draw does"
        if abs(inner - 0.5) > 0.06:
            return f"{inner:.0%} of the {name} lie in the inner half of its range; a uniform draw has 50% of it there"
        for other, text in [
            (fan_out**-0.5, "which is 1/√out_features"),
            (1 / fan_in, "which is 1/in_features, without the root"),
            (bound / 2, "half as far as it should"),
        ]:
            if other * 0.98 < reach < other * 1.0001:
                return f"the {name} reaches out to ±{reach:.4g}, {text}: the bound is {told}"
        if reach > bound * 1.0001:
            return f"the {name} reaches out to ±{reach:.4g}, too far: the bound is {told}"
        if reach < bound * 0.98:
            return f"the {name} stays within ±{reach:.4g}, too near to 0: the bound is {told}"
        mean, spread = float(values.mean()), float(values.std())
        if abs(mean) > 0.08 * bound:
            return f"the mean of the {name} is {mean:.4g}; that of U(-{bound:.4g}, {bound:.4g}) is 0"
        if abs(spread / bound * math.sqrt(3) - 1) > 0.08:
            return f"the standard deviation of the {name} is {spread:.4g}; it must be {bound / math.sqrt(3):.4g}"
        return None

    return check


def drawn_anew(drawn):
    def alike(name, other):
        same = drawn["first"][name] == drawn[other][name]
        return float(same.double().mean()) > 0.5

    for name in ("weight", "bias"):
        if len(drawn["first"][name].unique()) == 1:
            return f"every number of the {name} is the same; they must be drawn, each for itself"
        if alike(name, "second"):
            return f"two modules made one after the other begin with the same {name}; each must draw its own"
        if not alike(name, "same seed"):
            return f"after the same torch.manual_seed the {name} begins otherwise; draw from PyTorch's random numbers"
        if alike(name, "other seed"):
            return f"after another torch.manual_seed the {name} begins with the same numbers; leave the seed alone"
    return None


def your_own(made):
    theirs = "torch.nn.modules.linear."
    if any(name.startswith(theirs) for name in made["extends"]):
        return "your class extends PyTorch's linear layer; extend nn.Module and hold the parameters yourself"
    if any(name.startswith(theirs) for name in made["contains"]):
        return "your class holds one of PyTorch's linear layers; hold the parameters yourself"
    if "torch.nn.modules.module.Module" not in made["extends"]:
        return "your class is no nn.Module"
    return None


def answers_there(place):
    return "moved to another device, and asked there, it answers on the CPU" if place == "cpu" else None


# -- count_parameters ------------------------------------------------------------------------------------------------

BOTH = [True, False]


@part("count_parameters")
@rung("number")
def test_count_by_hand(judge):
    judge.probe("count_layer", 4, 3)
    judge.holds(lambda count: None if count == 15 else f"it gives {count}: 3·4 and 3 are 15", "count_layer", 4, 3)
    judge.probe("count_layer", 784, 128)
    judge.probe("count_layer", 1, 1)


@part("count_parameters")
@rung("values")
def test_count_goes_into_nested_modules(judge, draw):
    judge.probe("count_network", [784, 128, 64, 10])
    judge.probe("count_network", [draw.integer(2, 9) for _ in range(5)], trainable_only=False)


@part("count_parameters")
@rung("edge")
@pytest.mark.parametrize("trainable_only", BOTH)
def test_count_of_frozen_parameters(judge, trainable_only):
    judge.probe("count_frozen", [5, 4, 3], trainable_only=trainable_only)
    judge.probe("count_frozen", [2, 7, 1], trainable_only=trainable_only)


@part("count_parameters")
@rung("edge")
def test_count_leaves_frozen_parameters_out_by_default(judge):
    judge.probe("count_frozen", [5, 4, 3])
    judge.probe("count_frozen", [2, 7, 1])


@part("count_parameters")
@rung("edge")
@pytest.mark.parametrize("trainable_only", BOTH)
def test_count_of_shared_parameters(judge, trainable_only):
    judge.probe("count_tied", 11, 4, trainable_only=trainable_only)
    judge.probe("count_tied_frozen", 11, 4, trainable_only=trainable_only)
    judge.probe("count_used_twice", 6, trainable_only=trainable_only)


@part("count_parameters")
@rung("edge")
def test_count_of_equal_parameters_that_are_not_shared(judge):
    judge.probe("count_shapes", [[3, 2], [3, 2], [2, 3], [6]])


@part("count_parameters")
@rung("edge")
@pytest.mark.parametrize("trainable_only", BOTH)
def test_count_leaves_buffers_out(judge, trainable_only):
    judge.probe("count_buffers", 5, trainable_only=trainable_only)


@part("count_parameters")
@rung("edge")
def test_count_of_any_shape(judge):
    judge.probe("count_shapes", [[], [7], [2, 3, 4, 5], [1, 1], [0, 3]])
    judge.probe("count_without_bias", 4, 3)


@part("count_parameters")
@rung("edge")
def test_count_of_a_module_without_parameters(judge):
    judge.probe("count_nothing")
    judge.probe("count_nothing", trainable_only=False)
