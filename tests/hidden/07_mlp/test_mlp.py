"""What is expected of 07_mlp."""

import math
from itertools import pairwise

import pytest
import torch
from nnkata.grader.authors import bar, part, rung

CLASSES = [0, 2, 5, 7, 9]
"""The labels of the little data set: five of the ten classes."""


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


def patterns(draw, count):
    """Images of five kinds that are easy to tell apart, with noise, and their labels."""
    rows, columns = torch.arange(28)[:, None].expand(28, 28), torch.arange(28)[None, :].expand(28, 28)
    kinds = torch.stack([
        torch.zeros(28, 28),
        ((rows // 2) % 2 == 0) & (rows < 14),
        ((columns // 2) % 2 == 0) & (columns < 14),
        (rows - 20) ** 2 + (columns - 20) ** 2 < 45,
        (rows + columns) % 2 == 0,
    ]).float()  # fmt: skip
    which = draw.permutation(count) % len(kinds)
    images = kinds[which] * 1.7 - 0.9 + draw.uniform(count, 28, 28, low=-0.1, high=0.1)
    return images[:, None].clamp(-1, 1), torch.tensor(CLASSES)[which]


def returned_a_module(said):
    """What is wrong with the module itself, if anything."""
    if not said["module"]:
        return f"train_classifier returned a {said['type']}; it must return the trained module"
    return None


def is_ready(count):
    """A check: a module in eval mode that gives ten scores to each of `count` images."""

    def check(said):
        if told := returned_a_module(said):
            return told
        if any(said["training"]):
            return "the module comes back in training mode; it must be in eval mode, so that dropout is off"
        scores = said["scores"]
        if scores.dim() == 2 and len(scores) != count:
            return f"{count} images come back as {len(scores)} rows of scores; there is to be one row for each image"
        if tuple(scores.shape) != (count, 10):
            return (
                f"the module gives scores of the shape {tuple(scores.shape)} for {count} images; "
                f"expected ({count}, 10), whichever labels it was trained on"
            )
        if not scores.isfinite().all():
            return "some scores are not finite"
        return None

    return check


@part("train_classifier")
@rung("shape")
def test_train_returns_a_module_in_eval_mode(judge, draw):
    images, labels = patterns(draw, 100)
    judge.holds(is_ready(7), "trained", images, labels, draw.normal(7, 1, 28, 28), 1, draw.integer(0, 10**6))


@part("train_classifier")
@rung("edge")
def test_train_gives_ten_scores_whatever_the_labels(judge, draw):
    """Labels 0 and 1 only: the images of this training are no sign of how many digits there are."""
    images, labels = patterns(draw, 64)
    judge.holds(is_ready(3), "trained", images, labels % 2, draw.normal(3, 1, 28, 28), 1, draw.integer(0, 10**6))


def reports(epochs):
    """A check: on_epoch was called once an epoch, from 1, with a float."""

    def check(said):
        told = said["told"]
        if not told:
            return "on_epoch was never called"
        numbers, losses = zip(*told, strict=True)
        if len(told) != epochs and len(set(numbers)) == len(numbers):
            return f"on_epoch was told of {len(told)} epochs; {epochs} are asked for"
        if len(told) != epochs:
            return f"on_epoch was called {len(told)} times in {epochs} epochs; call it once at the end of each epoch"
        if list(numbers) != list(range(1, epochs + 1)):
            return f"on_epoch got the epoch numbers {list(numbers)}; they run from 1 to {epochs}"
        if not all(type(loss) is float for loss in losses):
            return "on_epoch must be given the mean loss as a float, not as a tensor or another type"
        if not all(math.isfinite(loss) for loss in losses):
            return "a mean loss is not finite"
        return None

    return check


@part("train_classifier")
@rung("values")
@pytest.mark.parametrize("epochs", [1, 4])
def test_train_tells_each_epoch(judge, draw, epochs):
    images, labels = patterns(draw, 256)
    judge.holds(reports(epochs), "trained", images, labels, images[:2], epochs, draw.integer(0, 10**6))


def means_do_not_grow(told):
    """A check of the first epoch's loss for few and for many grey images, where no network can do more than guess."""
    (few,), (many,) = told
    if few > 0 and many > 2.5 * few:
        return (
            f"the loss of an epoch grows with the number of images, from {few:.3f} to {many:.3f}: divide the "
            "sum to get a mean"
        )
    if 0 < many < 0.4 * few:
        return f"the loss of an epoch shrinks with the number of images, from {few:.3f} to {many:.3f}: that is no mean"
    return None


def grey(draw, count):
    """Images from which nothing can be learned: all alike, with labels that are evenly spread."""
    labels = torch.cat([torch.arange(10)[draw.permutation(10)] for _ in range(count // 10)])
    return torch.zeros(count, 1, 28, 28), labels


@part("train_classifier")
@rung("values")
def test_train_tells_the_mean_loss(judge, draw):
    """Eight times as many images make a sum of losses larger, but not a mean."""
    runs = [[160, 1, 0], [1280, 1, 0]]
    judge.holds(means_do_not_grow, "losses_of_runs", *grey(draw, 1280), runs, draw.integer(0, 10**6))


def means_are_over_images(told):
    """A check of the first epoch's loss for 2, for 10 and for 640 grey images."""
    (two,), (ten,), (many,) = told
    if 0 in (two, ten) and many:
        return "two or ten images have no loss at all: a batch that is not full counts, too"
    losses = f"two grey images have a mean loss of {two:.3f}, ten of {ten:.3f}, and 640 of {many:.3f}"
    known = f"{losses}, though nothing can be learned from them"
    if min(two, ten) > 0 and many > 2.5 * ten and many > 2.5 * two:
        return f"{known}: losses of single images, added up, are to be divided by the number of images, not of batches"
    if many > 0 and (many < 0.35 * ten or many < 0.2 * two):
        return f"{known}: mean losses of batches, added up, are to be divided by the number of batches, not of images"
    return None


@part("train_classifier")
@rung("edge")
def test_train_tells_the_mean_over_the_images(judge, draw):
    """A single batch and many batches have the same mean loss per image."""
    runs = [[2, 1, 0], [10, 1, 0], [640, 1, 0]]
    judge.holds(means_are_over_images, "losses_of_runs", *grey(draw, 640), runs, draw.integer(0, 10**6))


def means_are_over_the_epoch(told):
    """A check of two epochs of 128 images and one of 256, all alike: the same steps, of which the last is no mean.

    Dropout makes the losses jump, so that it is asked with two seeds, and closely.
    """
    for (first, second), (both,) in (told[:2], told[2:]):
        fall = first - second
        if second < 0 or fall < 0.002 * second or abs(both - second) > 0.03 * fall:
            return None
    return (
        f"256 images that are all alike have a loss of {both:.3f} in an epoch; half of them have {first:.3f} and "
        f"{second:.3f} in two, after as many steps. As a mean, the one should lie between the two: tell the mean over "
        "all batches of the epoch, not what the last one gave"
    )


@part("train_classifier")
@rung("edge")
def test_train_tells_the_mean_over_the_epoch(judge, draw):
    """All images and labels are alike, so that the loss falls from step to step, whichever images a batch holds."""
    images, labels = torch.full((256, 1, 28, 28), 0.3), torch.full((256,), draw.integer(0, 10))
    runs = [[128, 2, 0], [256, 1, 0], [128, 2, 1], [256, 1, 1]]
    judge.holds(means_are_over_the_epoch, "losses_of_runs", images, labels, runs, draw.integer(0, 10**6))


def has_learned(answers, epochs):
    """A check: most images that it has not seen are recognised, all epochs are told, and the loss fell."""

    def check(said):
        if told := returned_a_module(said):
            return told
        share = (said["scores"].argmax(dim=1) == answers).float().mean().item()
        losses = [loss for _, loss in said["told"]]
        if share < 0.6:
            return (
                f"after training {share:.0%} of images that are easy to tell apart are recognised; guessing gives 20 %"
            )
        if len(losses) < epochs:
            return (
                f"on_epoch was called {len(losses)} times in {epochs} epochs; go through all epochs, however small the "
                "loss, and call it after each"
            )
        if len(losses) > epochs:
            return f"on_epoch was called {len(losses)} times in {epochs} epochs; call it once at the end of each epoch"
        if len(losses) > 1 and not losses[-1] < losses[0]:
            return f"the loss does not fall: {losses[0]:.4f} in the first epoch, {losses[-1]:.4f} in the last"
        return None

    return check


@part("train_classifier")
@rung("values")
def test_train_learns(judge, draw):
    images, labels = patterns(draw, 320)
    others, answers = patterns(draw, 100)
    judge.holds(has_learned(answers, 10), "trained", images, labels, others, 10, draw.integer(0, 10**6))


def make_a_difference(told):
    """A check: trainings on different labels gave different networks."""

    def check(scores):
        return told if any(torch.equal(scores[0], other) for other in scores[1:]) else None

    return check


@part("train_classifier")
@rung("edge")
def test_train_uses_a_batch_that_is_not_full(judge, draw):
    """Ten images, fewer than a batch has in most trainings: it must make a difference whether they are 3s or 7s."""
    images, _ = patterns(draw, 10)
    labels = [torch.full((10,), 3), torch.full((10,), 7)]
    told = "ten images train nothing: a batch that is not full counts, too"
    judge.holds(make_a_difference(told), "taught", images, labels, images[:5], 3, draw.integer(0, 10**6))


@part("train_classifier")
@rung("edge")
def test_train_uses_the_first_and_the_last_images(judge, draw):
    """Other labels for the last tenth of the images, or for the first, must make a difference."""
    images, labels = patterns(draw, 60)
    last, first = labels.clone(), labels.clone()
    last[-6:], first[:6] = (labels[-6:] + 1) % 10, (labels[:6] + 1) % 10
    told = "the labels of some images make no difference: train on every image, hold none out, leave none over"
    judge.holds(make_a_difference(told), "taught", images, [labels, last, first], images[:5], 3, draw.integer(0, 10**6))


def both_alike(told):
    """A check: two trainings gave the same network."""

    def check(scores):
        gap = (scores[0] - scores[1]).abs().max().item()
        allowed = 1e-3 * max(1.0, scores[0].abs().max().item())
        return None if gap <= allowed else f"{told}: the scores differ by up to {gap:.4f}"

    return check


@part("train_classifier")
@rung("edge")
def test_train_same_seed_same_network(judge, draw):
    """First with images that are all alike, where their order cannot matter, then with real differences."""
    seed, state = draw.integer(0, 10**6), draw.integer(0, 10**6)
    images, labels = patterns(draw, 256)
    same = torch.full((64, 1, 28, 28), 0.5), torch.full((64,), 3)
    begins = "with the same seed two trainings begin with different weights (seed before you make the network)"
    judge.holds(both_alike(begins), "trained_twice", *same, images[:20], 1, [seed, seed], [state, state + 1])
    differs = "with the same seed two trainings give different networks (is the images' order drawn after seeding?)"
    judge.holds(both_alike(differs), "trained_twice", images, labels, images[:20], 2, [seed, seed], [state, state + 1])
    zero = "with the seed 0 two trainings begin with different weights (0 is a seed like any other)"
    judge.holds(both_alike(zero), "trained_twice", *same, images[:20], 1, [0, 0], [state, state + 1])


@part("train_classifier")
@rung("edge")
def test_train_other_seed_other_network(judge, draw):
    def check(scores):
        if (scores[0] - scores[1]).abs().max() > 1e-4:
            return None
        return "two different seeds give the same network: use the argument `seed`, not a number of your own"

    seed, state = draw.integer(0, 10**6), draw.integer(0, 10**6)
    images, labels = patterns(draw, 256)
    judge.holds(check, "trained_twice", images, labels, images[:20], 1, [seed, seed + 1], [state, state])


@part("train_classifier")
@rung("edge")
def test_train_leaves_its_inputs_alone(judge, draw):
    images, labels = patterns(draw, 128)

    def check(said):
        for name, before in [("images", images), ("labels", labels)]:
            if said[name].dtype != before.dtype or not torch.equal(said[name], before):
                return f"the argument {name!r} was changed in place; work on a new tensor"
        return None

    judge.holds(check, "trained", images, labels, images[:2], 1, draw.integer(0, 10**6))


@part("train_classifier")
@rung("edge")
def test_train_without_on_epoch(judge, draw):
    images, labels = patterns(draw, 128)

    def check(scores):
        return (
            None
            if tuple(scores.shape) == (5, 10)
            else f"the scores have the shape {tuple(scores.shape)}; expected (5, 10)"
        )

    judge.holds(check, "trained_silently", images, labels, images[:5], 1, draw.integer(0, 10**6))


@part("train_classifier")
@rung("device")
def test_train_on_the_device(judge, draw):
    images, labels = patterns(draw, 128)

    def check(said):
        wrong = [kind for kind in said["parameters"] if kind != said["device"]]
        return f"the module must live on {said['device']}; parts of it live on {wrong[0]}" if wrong else None

    judge.holds(check, "trained_on_device", images, labels, 1, draw.integer(0, 10**6))


# -- the bars ----------------------------------------------------------------------------------------------------------


@part("train_classifier")
@rung("bar")
@bar("quick")
def test_a_short_training_learns_digits(judge):
    judge.bar("quick")


@part("train_classifier")
@rung("bar")
@bar("full")
def test_training_reaches_the_bar_on_mnist(judge):
    judge.bar("full")
