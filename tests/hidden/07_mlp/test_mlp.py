"""What is expected of 07_mlp."""

import math
from itertools import pairwise

import pytest
import torch
from nnkata.grader.authors import classifier_training, part, rung


def layers(draw, *sizes, dtype=torch.float32):
    """Weights and biases for linear layers of these sizes, drawn so that about half of the hidden units fire."""
    filled = []
    for n_in, n_out in pairwise(sizes):
        filled += [
            draw.normal(n_out, n_in, scale=1.5 / math.sqrt(n_in), dtype=dtype),
            draw.normal(n_out, dtype=dtype),
        ]
    return filled


def named(parameters):
    """The same for fc1, fc2 and fc3."""
    names = [f"fc{number}.{kind}" for number in (1, 2, 3) for kind in ("weight", "bias")]
    return dict(zip(names, parameters, strict=True))


def answers_there(place):
    """What is wrong with a module that answers here when it was asked elsewhere."""
    return "moved to another device, and asked there, it answers on the CPU" if place == "cpu" else None


# -- MLP -------------------------------------------------------------------------------------------------------------


def by_hand(rows):
    """A check: the logits are those that were worked out by hand."""
    expected = torch.tensor(rows)

    def check(logits):
        if logits.shape != expected.shape:
            return f"the logits have the shape {tuple(logits.shape)}; expected {tuple(expected.shape)}"
        if (logits - expected).abs().max() > 1e-4:
            return f"the logits are {logits.tolist()}; worked out by hand they are {rows}"
        return None

    return check


@part("MLP")
@rung("shape")
def test_mlp_parameters_by_default(judge):
    judge.probe("mlp_shapes")


@part("MLP")
@rung("shape")
def test_mlp_parameters_follow_sizes(judge):
    judge.probe("mlp_shapes", sizes=[784, 512, 128, 10])
    judge.probe("mlp_shapes", sizes=[12, 7, 5, 6, 3])
    judge.probe("mlp_shapes", sizes=[20, 8, 4])
    judge.probe("mlp_shapes", sizes=[9, 5, 5, 5, 5, 3])
    judge.probe("mlp_shapes", sizes=[6, 2])


@part("MLP")
@rung("edge")
def test_mlp_takes_a_list_of_sizes(judge, draw):
    judge.probe("mlp_of_a_list", draw.normal(4, 12), layers(draw, 12, 7, 5, 3), [12, 7, 5, 3])
    judge.probe("mlp_of_a_list", draw.normal(4, 6), layers(draw, 6, 2), [6, 2])


@part("MLP")
@rung("shape")
def test_mlp_flattens_whatever_comes_in(judge, draw):
    parameters = layers(draw, 784, 16, 10)
    for shape in [(5, 1, 28, 28), (5, 28, 28), (5, 784), (1, 1, 28, 28)]:
        judge.probe("mlp_logits", draw.normal(*shape), parameters, sizes=[784, 16, 10])
    judge.probe("mlp_logits", draw.normal(4, 3, 2, 2), layers(draw, 12, 6, 3), sizes=[12, 6, 3])


@part("MLP")
@rung("number")
def test_mlp_solves_xor_by_hand(judge):
    """h = relu(x1 + x2), relu(x1 + x2 − 1); result −h1 + 2·h2 − 0.5."""
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    hidden = [torch.ones(2, 2), torch.tensor([0.0, -1.0])]
    output = [torch.tensor([[-1.0, 2.0]]), torch.tensor([-0.5])]
    rows = [[-0.5], [-1.5], [-1.5], [-0.5]]
    judge.probe("mlp_logits", corners, [*hidden, *output], sizes=[2, 2, 1])
    judge.holds(by_hand(rows), "mlp_logits", corners, [*hidden, *output], sizes=[2, 2, 1])


@part("MLP")
@rung("values")
@pytest.mark.parametrize("sizes", [[12, 7, 5, 3], [9, 6, 4], [8, 7, 6, 5, 4, 3], [5, 4]])
def test_mlp_computes_the_logits(judge, draw, sizes):
    judge.probe("mlp_logits", draw.normal(6, sizes[0]), layers(draw, *sizes), sizes=sizes)
    judge.probe("mlp_logits", draw.normal(6, sizes[0], scale=30), layers(draw, *sizes), sizes=sizes)


@part("MLP")
@rung("values")
def test_mlp_of_the_default_sizes(judge, draw):
    parameters = layers(draw, 784, 512, 128, 10)
    judge.probe("mlp_logits", draw.normal(3, 1, 28, 28), parameters)
    judge.probe("mlp_logits", draw.normal(3, 1, 28, 28), parameters, training=True)


@part("MLP")
@rung("gradient")
def test_mlp_gradients(judge, draw):
    judge.probe("mlp_gradients", draw.normal(5, 12), layers(draw, 12, 7, 5, 3), sizes=[12, 7, 5, 3])
    judge.probe("mlp_gradients", draw.normal(5, 2, 3), layers(draw, 6, 4, 3), sizes=[6, 4, 3], dropout=0.4)


def starts_well(said):
    """A check: gradients reach every parameter, and the units of the first layer differ."""
    if not said["reached"]:
        return "the model has no parameters: are its layers attributes of the module, or in a plain list?"
    if not all(said["reached"]):
        return (
            f"no gradient reaches parameter number {said['reached'].index(False) + 1}: it takes no part in the result"
        )
    if said["first"] is None:
        return "no parameter is a matrix: where are the weights of the linear layers?"
    rows = said["first"]
    if (rows - rows[:1]).abs().max() < 1e-6:
        return (
            "all units of the first layer start with the same weights, so they will always stay the same: "
            "draw them at random"
        )
    return None


@part("MLP")
@rung("gradient")
def test_mlp_parameters_can_learn(judge, draw):
    judge.holds(starts_well, "mlp_start", draw.integer(0, 10**6), sizes=[12, 7, 5, 3])


P, WIDTH = 0.25, 80
"""Dropout is tried with this probability on an MLP of 80 units to a layer, all weights the identity, all inputs 1."""

ROUNDS = {0: "no dropout", 1: "one dropout", 2: "two dropouts", 3: "three dropouts", 4: "four dropouts"}


def drops_twice(logits):
    """A check of an identity network's outputs: each input has passed two dropouts that scaled what they kept."""
    kept = logits[logits != 0]
    share = len(kept) / logits.numel()
    if len(kept) == 0:
        return "everything is 0 in training mode"
    gone = logits == 0
    if gone.any() and (gone == gone[:, :1]).all():
        return "an image loses all of its units or none: draw for every value on its own"
    counted = min(ROUNDS, key=lambda n: abs((1 - P) ** n - share))
    if counted != 2 or abs(share - (1 - P) ** 2) > 0.06:
        if abs(share - P**2) < 0.06:
            return (
                f"{share:.3f} of the values survive two hidden layers: `dropout` is taken for the probability to stay"
            )
        told = ROUNDS[counted] if abs((1 - P) ** counted - share) < 0.06 else "something else"
        return (
            f"{share:.3f} of the values survive two hidden layers; dropout {P} leaves {(1 - P) ** 2:.3f}: "
            f"this looks like {told}"
        )
    if (kept - kept[0]).abs().max() > 1e-3 or abs(float(kept[0]) - 1 / (1 - P) ** 2) > 1e-3:
        told = f"values that survive two hidden layers become {float(kept.mean()):.4f}; expected {1 / (1 - P) ** 2:.4f}"
        return f"{told}: what stays must be scaled up so that the mean stays"
    if len(gone.unique(dim=0)) < len(gone):
        return "images of the batch lose the very same units: draw for every value on its own"
    return None


@part("MLP")
@rung("edge")
def test_mlp_drops_after_each_hidden_relu(judge, draw):
    identity = [torch.eye(WIDTH), torch.zeros(WIDTH)] * 3
    options = {"training": True, "sizes": [WIDTH] * 4, "dropout": P}
    judge.holds(drops_twice, "mlp_logits", torch.ones(100, WIDTH), identity, seed=draw.integer(0, 10**6), **options)


def drops_nowhere_else(logits):
    """A check of a single layer whose units each average all inputs, which are 1: there is nothing to drop."""
    if (logits - 1).abs().max() < 1e-4:
        return None
    if ((logits.abs() < 1e-6) | ((logits - logits.max()).abs() < 1e-4)).all():
        return "the result itself is dropped: after the last layer there is no dropout"
    return "a network without hidden layers must not drop anything: the pixels themselves are dropped"


@part("MLP")
@rung("edge")
def test_mlp_drops_only_hidden_units(judge, draw):
    mean = [torch.full((WIDTH, WIDTH), 1 / WIDTH), torch.zeros(WIDTH)]
    options = {"training": True, "sizes": [WIDTH] * 2, "dropout": P}
    judge.holds(drops_nowhere_else, "mlp_logits", torch.ones(50, WIDTH), mean, seed=draw.integer(0, 10**6), **options)


@part("MLP")
@rung("edge")
def test_mlp_drops_nothing_in_eval_mode(judge, draw):
    sizes = [12, 30, 20, 3]
    judge.probe("mlp_logits", draw.normal(6, 12), layers(draw, *sizes), sizes=sizes, dropout=0.5)
    judge.probe("mlp_logits", draw.normal(6, 12), layers(draw, *sizes), sizes=sizes, dropout=0.9)


@part("MLP")
@rung("edge")
def test_mlp_drops_nothing_by_default(judge, draw):
    sizes = [12, 30, 20, 3]
    judge.probe("mlp_logits", draw.normal(6, 12), layers(draw, *sizes), sizes=sizes, training=True)
    judge.probe("mlp_logits", draw.normal(6, 12), layers(draw, *sizes), sizes=sizes, training=True, dropout=0.0)


@part("MLP")
@rung("layout")
def test_mlp_of_other_memory_layouts(judge, draw):
    for _, images in draw.layouts(draw.normal(4, 1, 4, 3)):
        judge.probe("mlp_logits", images, layers(draw, 12, 6, 3), sizes=[12, 6, 3])
    judge.probe("mlp_logits", draw.normal(1, 1, 4, 3).expand(4, 1, 4, 3), layers(draw, 12, 6, 3), sizes=[12, 6, 3])


@part("MLP")
@rung("dtype")
def test_mlp_in_double_precision(judge, draw):
    parameters = layers(draw, 12, 7, 5, 3, dtype=torch.float64)
    judge.probe("mlp_gradients", draw.normal(5, 12, dtype=torch.float64), parameters, sizes=[12, 7, 5, 3])
    options = {"training": True, "sizes": [12, 7, 5, 3], "dropout": 0.0}
    judge.probe("mlp_logits", draw.normal(5, 12, dtype=torch.float64), parameters, **options)


@part("MLP")
@rung("device")
def test_mlp_on_another_device(judge, draw):
    for dropout in (0.0, 0.5):
        judge.holds(answers_there, "mlp_elsewhere", draw.normal(4, 1, 3, 4), sizes=[12, 7, 6, 5], dropout=dropout)


# -- LogSoftmaxMLP ---------------------------------------------------------------------------------------------------


@part("LogSoftmaxMLP")
@rung("shape")
def test_log_layers_have_their_names(judge):
    judge.probe("log_shapes")


@part("LogSoftmaxMLP")
@rung("shape")
def test_log_flattens_whatever_comes_in(judge, draw):
    parameters = named(layers(draw, 784, 128, 64, 10))
    for shape in [(4, 1, 28, 28), (4, 28, 28), (4, 784), (1, 1, 28, 28)]:
        judge.probe("log_probabilities", draw.normal(*shape), parameters)


@part("LogSoftmaxMLP")
@rung("number")
def test_log_of_an_undecided_network(judge):
    """All weights 0: ten equal logits, and ln 10 below zero; then a bias of ln 11 for class 3: 11 chances of 20."""
    parameters = named([t for a, b in [(784, 128), (128, 64), (64, 10)] for t in (torch.zeros(b, a), torch.zeros(b))])
    parameters["fc3.bias"][3] = math.log(11)
    judge.probe("log_probabilities", torch.ones(2, 1, 28, 28), parameters)

    def check(result):
        if tuple(result.shape) != (2, 10):
            return f"the result has the shape {tuple(result.shape)}; expected (2, 10)"
        mine = [float(result[0, 0]), float(result[0, 3])]
        if abs(mine[0] - math.log(1 / 20)) > 1e-4 or abs(mine[1] - math.log(11 / 20)) > 1e-4:
            return (
                f"classes 0 and 3 get {mine[0]:.4f} and {mine[1]:.4f}; worked out by hand ln(1/20) = −2.9957 and "
                "ln(11/20) = −0.5978"
            )
        return None

    judge.holds(check, "log_probabilities", torch.ones(2, 1, 28, 28), parameters)


@part("LogSoftmaxMLP")
@rung("values")
def test_log_computes_the_log_probabilities(judge, draw):
    for _ in range(2):
        parameters = named(layers(draw, 784, 128, 64, 10))
        judge.probe("log_probabilities", draw.normal(6, 1, 28, 28), parameters)


def alike_in_both_modes(said):
    """A check: training mode and eval mode give the same."""
    if (said["training"] - said["eval"]).abs().max() <= 1e-3:
        return None
    return (
        "in training mode the same images get other log-probabilities than in eval mode: this network has no dropout "
        "and no batch norm"
    )


@part("LogSoftmaxMLP")
@rung("values")
def test_log_is_the_same_in_both_modes(judge, draw):
    parameters = named(layers(draw, 784, 128, 64, 10))
    judge.holds(alike_in_both_modes, "log_in_both_modes", draw.normal(6, 1, 28, 28), parameters)


def is_a_distribution(result):
    """A check: log-probabilities, one distribution to a row."""
    sums = result.exp().sum(dim=1)
    if (result > 1e-6).any():
        return f"a log-probability is {float(result.max()):.4f}, but the logarithm of a probability is never above 0"
    if (sums - 1).abs().max() > 1e-4:
        return f"exp of a row sums to {float(sums[0]):.4f}; expected 1, the probabilities of all ten digits"
    return None


@part("LogSoftmaxMLP")
@rung("values")
def test_log_rows_are_distributions(judge, draw):
    parameters = named(layers(draw, 784, 128, 64, 10))
    judge.holds(is_a_distribution, "log_probabilities", draw.normal(6, 1, 28, 28), parameters)


@part("LogSoftmaxMLP")
@rung("gradient")
def test_log_gradients(judge, draw):
    judge.probe("log_gradients", draw.normal(3, 1, 28, 28), named(layers(draw, 784, 128, 64, 10)))


@part("LogSoftmaxMLP")
@rung("gradient")
def test_log_parameters_can_learn(judge, draw):
    judge.holds(starts_well, "log_start", draw.integer(0, 10**6))


@part("LogSoftmaxMLP")
@rung("edge")
def test_log_stays_finite(judge, draw):
    """Logits of about ±1e4: the probability rounds to 0, its logarithm must not."""
    parameters = named(layers(draw, 784, 128, 64, 10))
    parameters["fc3.bias"] = torch.tensor([1e4, 0.0, -1e4, 9.9e3, 500.0, -500.0, 0.0, 1.0, 2.0, 3.0])
    steady = judge.using(tolerance=(1e-6, 1e-2))
    steady.probe("log_probabilities", draw.normal(4, 784, scale=0.3), parameters)
    judge.using(tolerance=(1e-4, 1e-3)).probe("log_gradients", draw.normal(4, 784, scale=0.3), parameters)


@part("LogSoftmaxMLP")
@rung("layout")
def test_log_of_other_memory_layouts(judge, draw):
    parameters = named(layers(draw, 784, 128, 64, 10))
    for _, images in draw.layouts(draw.normal(3, 1, 28, 28)):
        judge.probe("log_probabilities", images, parameters)


@part("LogSoftmaxMLP")
@rung("dtype")
def test_log_in_double_precision(judge, draw):
    parameters = named(layers(draw, 784, 128, 64, 10, dtype=torch.float64))
    judge.probe("log_probabilities", draw.normal(3, 784, dtype=torch.float64), parameters)


@part("LogSoftmaxMLP")
@rung("device")
def test_log_on_another_device(judge, draw):
    judge.holds(answers_there, "log_elsewhere", draw.normal(3, 1, 28, 28))


# -- train_classifier ------------------------------------------------------------------------------------------------


classifier_training.add_tests(globals(), bars=True)
