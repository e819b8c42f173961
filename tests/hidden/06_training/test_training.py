"""What is expected of 06_training."""

import math
from itertools import pairwise

import pytest
import torch
from nnkata.grader.authors import bar, part, rung

# Which of a model's modules are in train mode: (the model itself, its batch norm, its dropout).
TRAINING, EVALUATING, FROZEN_NORM = [True, True, True], [False, False, False], [True, False, True]
MONTE_CARLO, SLEEPING = [False, False, True], [False, True, True]

# Such modes for seven modules inside of one another: all, none, and two mixtures.
NESTED_MODES = [[True] * 7, [False] * 7]
NESTED_MODES += [[True, True, False, False, True, False, True], [False, False, True, False, True, True, True]]


def by_hand(judge, check, name, *args, **options):
    """The probe gives what it gives on the reference, and the reference gives the numbers worked out by hand."""
    judge.probe(name, *args, **options)
    judge.holds(check, name, *args, **options)


def near(actual, expected):
    """Whether a claim is a Python float and this number."""
    return isinstance(actual, float) and math.isclose(actual, expected, rel_tol=1e-4, abs_tol=1e-5)


def line(draw, classes=3, features=4, dtype=torch.float32):
    return draw.normal(classes, features, dtype=dtype), draw.normal(classes, dtype=dtype)


def samples(draw, count=9, classes=3, features=4, dtype=torch.float32):
    return draw.normal(count, features, dtype=dtype), torch.arange(count) % classes


def statistics(draw, features=4):
    """Running mean and variance that no batch of standard normal values has."""
    return draw.uniform(features, low=2.0, high=3.0), draw.uniform(features, low=5.0, high=9.0)


# -- normalize -------------------------------------------------------------------------------------------------------


def bytes_of(draw, *shape):
    """Images whose values run neither down to 0 nor up to 255, but on both sides of 128."""
    return draw.integers(220, *shape, low=30, dtype=torch.uint8)


@part("normalize")
@rung("shape")
@pytest.mark.parametrize("shape", [(5, 28, 28), (5, 1, 28, 28)])
def test_normalize_shape(judge, draw, shape):
    judge.value(bytes_of(draw, *shape))


@part("normalize")
@rung("number")
def test_normalize_by_hand(judge):
    images = torch.tensor([0, 51, 102, 204, 255], dtype=torch.uint8)[:, None, None].expand(5, 28, 28).contiguous()
    expected = torch.tensor([-1.0, -0.6, -0.2, 0.6, 1.0])[:, None, None, None].expand(5, 1, 28, 28)
    judge.expect(expected, images)


@part("normalize")
@rung("values")
def test_normalize_every_byte(judge, draw):
    every = torch.arange(784).remainder(256).to(torch.uint8)
    judge.value(every[draw.permutation(784)].reshape(1, 28, 28))
    judge.value(every[draw.permutation(784)].reshape(1, 1, 28, 28).expand(3, 1, 28, 28).contiguous())


@part("normalize")
@rung("values")
def test_normalize_does_not_depend_on_the_other_pixels(judge, draw):
    judge.value(bytes_of(draw, 4, 28, 28))
    judge.value(torch.full((2, 28, 28), 200, dtype=torch.uint8))
    judge.value(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))


@part("normalize")
@rung("edge")
def test_normalize_a_single_image_and_none(judge, draw):
    judge.value(bytes_of(draw, 1, 28, 28))
    judge.value(bytes_of(draw, 1, 1, 28, 28))
    judge.value(torch.zeros(0, 28, 28, dtype=torch.uint8))
    judge.value(torch.zeros(0, 1, 28, 28, dtype=torch.uint8))


@part("normalize")
@rung("edge")
def test_normalize_as_many_images_as_rows(judge, draw):
    judge.value(bytes_of(draw, 28, 28, 28))
    judge.value(bytes_of(draw, 28, 1, 28, 28))


@part("normalize")
@rung("layout")
def test_normalize_other_memory_layouts(judge, draw):
    for _, images in draw.layouts(bytes_of(draw, 3, 28, 28)):
        judge.value(images)
    for _, images in draw.layouts(bytes_of(draw, 3, 1, 28, 28)):
        judge.value(images)
    judge.value(bytes_of(draw, 3, 28, 28).transpose(1, 2))


@part("normalize")
@rung("device")
def test_normalize_on_another_device(judge, draw):
    judge.elsewhere(bytes_of(draw, 3, 28, 28))
    judge.elsewhere(bytes_of(draw, 3, 1, 28, 28))


# -- iterate_batches -------------------------------------------------------------------------------------------------

PLENTY, BATCH = 60, 25


def numbered(draw, count=PLENTY):
    """Samples that say who they are: the first feature and the label of sample i are i."""
    x = draw.normal(count, 3)
    x[:, 0] = torch.arange(count)
    return x, torch.arange(count)


def complaint_about_sizes(batches, expected):
    """What is wrong with the sizes of batches."""
    sizes = [len(batch) for batch in batches]
    if sizes == expected:
        return None
    if sum(sizes) != sum(expected):
        much = "fewer" if sum(sizes) < sum(expected) else "more"
        return f"{sum(sizes)} samples come in all, {much} than the expected {sum(expected)}"
    if max(sizes) > max(expected):
        return f"a batch of {max(sizes)} samples comes; no more than {max(expected)} were asked for"
    return f"the batches have the sizes {sizes}; expected {expected}"


def complaint_about_batches(value, x, y, sizes):
    """What is wrong with batches of numbered samples, in whatever order they come."""
    order = [label for labels in value["y"] for label in labels.tolist()]
    if len(set(order)) < len(order):
        return "some samples come more than once"
    if complaint := complaint_about_sizes(value["x"], sizes) or complaint_about_sizes(value["y"], sizes):
        return complaint
    if not torch.equal(value["the argument x"], x) or not torch.equal(value["the argument y"], y):
        return "x or y was changed in place; leave the caller's data as it is"
    inputs, labels = torch.cat(value["x"]), torch.cat(value["y"])
    if not torch.equal(inputs[:, 0].long(), labels):
        return "x and y no longer belong together: each was shuffled on its own"
    if not torch.equal(inputs, x[labels]):
        return "the inputs of the batches are not rows of x"
    return None


def complaint_about_order(order, batch_size):
    """Why an order (batch by batch) of 0, 1, 2 … is not a shuffled one."""
    flat = [sample for batch in order for sample in batch]
    if flat == sorted(flat):
        return "the samples come in their original order; nothing is shuffled"
    if sum(b - a == 1 for a, b in pairwise(flat)) > 0.7 * len(flat):  # 0.4 in sorted batches
        return "neighbours stay neighbours: whole stretches of samples change places, single samples do not"
    if any(set(batch) == set(range(k * batch_size, k * batch_size + len(batch))) for k, batch in enumerate(order)):
        return "a batch holds the very samples that it would hold without shuffling, only their order inside is drawn"
    if set(flat) == set(range(len(flat))) and len(flat) < PLENTY:
        return "the samples that drop_last leaves out are always the last of x: shuffle first, then drop"
    return None


def complaint_about_orders(orders):
    """Whether orders of two epochs for each of several generators follow their generators' seeds: 1, 1, 2."""
    (first, second), again, other = orders
    if first == second:
        return "two epochs come in the same order; each should be drawn anew"
    if [first, second] != again:
        return "the same seed of the generator gives another order; draw from the generator and from nothing else"
    if first == other[0] or second == other[1]:
        return "another seed of the generator gives the same order"
    return None


def complaint_about_global_orders(orders):
    """Whether orders drawn without a generator follow PyTorch's global one, seeded with 1, 1, 2."""
    (first, second), again, other = orders
    if first == second:
        return "without a generator two epochs come in the same order; each should be drawn anew"
    if [first, second] != again or first == other[0] or second == other[1]:
        return "without a generator the order does not follow torch.manual_seed; draw from PyTorch's global generator"
    return None


@part("iterate_batches")
@rung("shape")
def test_batches_come_as_pairs_of_the_right_sizes(judge, draw):
    x, y = numbered(draw, 10)
    judge.probe("batches", x, y, 4, shuffle=False)


@part("iterate_batches")
@rung("values")
def test_batches_in_order(judge, draw):
    x, y = numbered(draw, 12)
    judge.probe("batches", x, y, 4, shuffle=False)
    judge.probe("batches", x, y.flip(0), 5, shuffle=False)
    judge.probe("batches", x, y, 1, shuffle=False)


@part("iterate_batches")
@rung("values")
@pytest.mark.parametrize(("batch_size", "sizes"), [(25, [25, 25, 10]), (20, [20, 20, 20]), (59, [59, 1])])
def test_batches_keep_pairs_and_use_every_sample_once(judge, draw, batch_size, sizes):
    x, y = numbered(draw)
    seed = draw.integer(0, 10**6)
    judge.holds(lambda value: complaint_about_batches(value, x, y, sizes), "batches", x, y, batch_size, seed=seed)
    judge.holds(lambda value: complaint_about_batches(value, x, y, sizes), "batches", x, y, batch_size, world=seed)


@part("iterate_batches")
@rung("edge")
def test_batches_are_shuffled(judge, draw):
    x, y = numbered(draw)

    def check(orders):
        return next(filter(None, (complaint_about_order(order, BATCH) for pair in orders for order in pair)), None)

    seed = draw.integer(0, 10**6)
    judge.holds(check, "orders", x, y, BATCH, [seed, seed + 1], [0, 0])
    judge.holds(check, "orders", x, y, BATCH, [seed, None], [0, seed], shuffle=True)


@part("iterate_batches")
@rung("edge")
def test_batches_are_drawn_from_the_generator(judge, draw):
    x, y = numbered(draw)
    seed = draw.integer(0, 10**6)
    judge.holds(complaint_about_orders, "orders", x, y, BATCH, [seed, seed, seed + 1], [1, 2, 1])


@part("iterate_batches")
@rung("edge")
def test_batches_without_a_generator_follow_the_global_one(judge, draw):
    x, y = numbered(draw)
    world = draw.integer(0, 10**6)
    worlds = [world, world, world + 1]
    judge.holds(complaint_about_global_orders, "orders", x, y, BATCH, [None, None, None], worlds)


@part("iterate_batches")
@rung("edge")
def test_batches_without_the_last(judge, draw):
    x, y = numbered(draw)
    seed = draw.integer(0, 10**6)
    options = {"seed": seed, "drop_last": True}
    judge.probe("batches", x, y, 7, shuffle=False, drop_last=True)
    judge.holds(lambda value: complaint_about_batches(value, x, y, [25, 25]), "batches", x, y, 25, **options)


@part("iterate_batches")
@rung("edge")
def test_batches_keep_a_full_last_one(judge, draw):
    x, y = numbered(draw)
    judge.probe("batches", x, y, 20, shuffle=False, drop_last=True)
    judge.probe("batches", x, y, 60, shuffle=False, drop_last=True)


@part("iterate_batches")
@rung("edge")
def test_batches_are_dropped_after_shuffling(judge, draw):
    x, y = numbered(draw)

    def check(orders):
        return next(filter(None, (complaint_about_order(order, BATCH) for pair in orders for order in pair)), None)

    judge.holds(check, "orders", x, y, BATCH, [draw.integer(0, 10**6)], [0], drop_last=True)


@part("iterate_batches")
@rung("edge")
def test_batches_larger_than_the_data(judge, draw):
    x, y = numbered(draw, 7)
    judge.probe("batches", x, y, 8, shuffle=False)
    judge.probe("batches", x, y, 1000, shuffle=False)
    judge.probe("batches", x, y, 8, shuffle=False, drop_last=True)
    judge.holds(lambda value: complaint_about_batches(value, x, y, [7]), "batches", x, y, 64, seed=1)


@part("iterate_batches")
@rung("layout")
def test_batches_of_other_shapes_and_layouts(judge, draw):
    judge.probe("batches", draw.normal(5, 1, 4, 4), draw.normal(5, 2), 2, shuffle=False)
    for _, x in draw.layouts(draw.normal(5, 3)):
        judge.probe("batches", x, draw.integers(9, 5), 2, shuffle=False)


@part("iterate_batches")
@rung("dtype")
def test_batches_keep_the_dtypes(judge, draw):
    judge.probe("batches", draw.normal(5, 3, dtype=torch.float64), draw.normal(5), 2, shuffle=False)
    judge.probe("batches", draw.integers(256, 5, 3, dtype=torch.uint8), draw.integers(2, 5) == 1, 2, shuffle=False)


@part("iterate_batches")
@rung("training")
def test_batches_can_be_learned_from(judge, draw):
    classes = 10
    y = torch.arange(200) % classes
    x = torch.eye(classes)[y] * 3 + draw.normal(200, classes, scale=0.2)

    def check(accuracy):
        if accuracy > 0.9:
            return None
        return f"a classifier trained on these batches gets {accuracy:.0%} right; 100% is easy, 10% is chance"

    judge.holds(check, "learned_from_batches", x, y, classes, 5, draw.integer(0, 10**6))


# -- train_step ------------------------------------------------------------------------------------------------------


def complaint_about_steps(noted):
    """What is wrong with the order of events in each of several training steps."""
    for events in noted:
        made = [event for event in events if event.startswith("step")]
        if "backward" not in events:
            return "no gradient ever comes back through the model's output"
        if not made and "moved" in events:
            return "the parameters are moved by something else than the optimizer that was handed in"
        if not made:
            return "the optimizer makes no step"
        if len(made) > 1:
            return f"the optimizer makes {len(made)} steps for one batch"
        if events.index(made[0]) < events.index("backward"):
            return "the optimizer steps before this batch's gradient is there"
        if made[0] == "step":
            return "when the optimizer steps, the gradients have been zeroed again"
    return None


@part("train_step")
@rung("number")
def test_step_by_hand(judge):
    weight, bias = torch.tensor([[1.0]]), torch.tensor([0.0])
    x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [5.0]])

    def check(value):
        (loss,), weight, bias = value["losses"], float(value["weight"]), float(value["bias"])
        if not near(loss, 6.5):
            return f"the loss comes back as {loss}; expected the float 6.5"
        if not near(weight, 1.8) or not near(bias, 0.5):
            return f"after one step the weight is {weight:.4g} and the bias {bias:.4g}; expected 1.8 and 0.5"
        return None

    by_hand(judge, check, "steps", weight, bias, x, y, [2], 0.1, loss="mse")


@part("train_step")
@rung("values")
def test_step_by_step(judge, draw):
    judge.probe("steps", *line(draw), *samples(draw), [4, 4, 1], 0.1)
    judge.probe("steps", *line(draw), *samples(draw), [2, 2, 2, 3], 0.5)


@part("train_step")
@rung("values")
def test_step_hands_output_and_target_to_the_loss(judge, draw):
    judge.probe("steps", *line(draw), draw.normal(6, 4), draw.normal(6, 3), [3, 3], 0.01, loss="lopsided")


@part("train_step")
@rung("edge")
def test_step_does_things_in_order(judge, draw):
    judge.holds(complaint_about_steps, "order_in_steps", *line(draw), *samples(draw), [4, 4, 1], 0.1)


@part("train_step")
@rung("edge")
def test_step_is_free_of_old_gradients(judge, draw):
    judge.probe("step_over_old_gradients", *line(draw), *samples(draw), 5.0, 0.1)


@part("train_step")
@rung("edge")
@pytest.mark.parametrize("modes", [TRAINING, EVALUATING, FROZEN_NORM, SLEEPING])
def test_step_leaves_the_mode(judge, draw, modes):
    judge.probe("step_in_modes", *line(draw), *samples(draw), modes, 0.1)


@part("train_step")
@rung("edge")
def test_step_on_some_parameters(judge, draw):
    judge.probe("step_on_some_parameters", *line(draw), *samples(draw), 0.1)


@part("train_step")
@rung("dtype")
def test_step_in_double_precision(judge, draw):
    judge.probe("steps", *line(draw, dtype=torch.float64), *samples(draw, dtype=torch.float64), [4, 5], 0.1)


# -- train_epoch -----------------------------------------------------------------------------------------------------


@part("train_epoch")
@rung("number")
def test_epoch_counts_every_sample_alike(judge):
    x, y = torch.zeros(5, 2), torch.tensor([0, 0, 0, 0, 1])
    weight, bias = torch.zeros(2, 2), torch.tensor([1.0, -1.0])
    expected = (4 * math.log1p(math.exp(-2)) + math.log1p(math.exp(2))) / 5

    def check(value):
        (loss,) = value["mean losses"]
        return (
            None if near(loss, expected) else f"the mean loss per sample is told as {loss}; expected the float 0.52693"
        )

    by_hand(judge, check, "epoch", weight, bias, x, y, [4, 1], 0.0)


@part("train_epoch")
@rung("values")
@pytest.mark.parametrize("sizes", [[3, 3, 3], [4, 4, 1], [1, 6, 2], [9]])
def test_epoch_matches(judge, draw, sizes):
    judge.probe("epoch", *line(draw), *samples(draw), sizes, 0.1, epochs=2)


@part("train_epoch")
@rung("values")
def test_epoch_makes_one_step_for_each_batch(judge, draw):
    def check(count):
        if count < 2:
            return (
                "the optimizer makes no step at all"
                if count == 0
                else "the optimizer makes a single step in the whole epoch"
            )
        return (
            None
            if count == 4
            else f"the optimizer makes {count} steps for 4 batches, too {'few' if count < 4 else 'many'}"
        )

    judge.holds(check, "steps_in_an_epoch", *line(draw), *samples(draw), [3, 3, 2, 1], 0.1)


@part("train_epoch")
@rung("edge")
@pytest.mark.parametrize("training", [True, False])
def test_epoch_is_in_train_mode(judge, draw, training):
    judge.probe("epoch_in_modes", *line(draw), *samples(draw), [4, 3, 2], training, 0.1)


@part("train_epoch")
@rung("edge")
def test_epoch_trains_modules_inside_of_modules(judge, draw):
    def check(during):
        if not during:
            return "no gradient ever comes back through the model's output"
        if not all(during):
            return "a module inside of another is not in train mode while training; model.train() reaches all of them"
        return None

    for modes in NESTED_MODES:
        judge.holds(check, "epoch_of_nested_modules", *line(draw), *samples(draw), [4, 3, 2], modes, 0.1)


@part("train_epoch")
@rung("edge")
def test_epoch_over_a_generator(judge, draw):
    judge.probe("epoch", *line(draw), *samples(draw), [4, 4, 1], 0.1, lazy=True)


@part("train_epoch")
@rung("edge")
def test_epoch_is_free_of_old_gradients(judge, draw):
    judge.probe("epoch_over_old_gradients", *line(draw), *samples(draw), [4, 4, 1], 5.0, 0.1)


@part("train_epoch")
@rung("edge")
def test_epoch_with_another_loss(judge, draw):
    judge.probe("epoch", *line(draw), draw.normal(6, 4), draw.normal(6, 3), [4, 2], 0.01, loss="lopsided")


@part("train_epoch")
@rung("dtype")
def test_epoch_in_double_precision(judge, draw):
    judge.probe("epoch", *line(draw, dtype=torch.float64), *samples(draw, dtype=torch.float64), [4, 4, 1], 0.1)


@part("train_epoch")
@rung("training")
def test_epochs_make_the_loss_fall(judge, draw):
    x, y = samples(draw, 12)
    x = x + 4 * torch.eye(4)[y]

    def check(value):
        first, *_, last = value["mean losses"]
        return (
            None
            if last < first / 3
            else f"after 15 epochs the mean loss is {last:.4g}; in the first it was {first:.4g}"
        )

    judge.holds(check, "epoch", torch.zeros(3, 4), torch.zeros(3), x, y, [5, 5, 2], 0.05, epochs=15)


# -- evaluate --------------------------------------------------------------------------------------------------------

RIGHT, WRONG = math.log1p(math.exp(-2)), math.log1p(math.exp(2))


def told(loss, accuracy):
    """The check that evaluate returned these two numbers, worked out by hand."""

    def check(value):
        if not isinstance(value, list) or len(value) != 2:
            return "what comes back is no pair (mean loss, accuracy)"
        if not near(value[0], loss):
            return f"the mean loss per sample is told as {value[0]}; expected the float {loss:.5g}"
        if not near(value[1], accuracy):
            return f"the accuracy is told as {value[1]}; expected the float {accuracy:.5g}"
        return None

    return check


@part("evaluate")
@rung("number")
def test_evaluation_by_hand(judge):
    logits, y = torch.tensor([[2.0, 0.0], [0.0, 2.0], [-5.0, -3.0], [1.0, -1.0]]), torch.tensor([0, 1, 1, 1])
    by_hand(judge, told((3 * RIGHT + WRONG) / 4, 0.75), "evaluation_of_logits", logits, y, [4])
    by_hand(judge, told((3 * RIGHT + WRONG) / 4, 0.75), "evaluation_of_logits", logits, y, [2, 2])
    by_hand(judge, told(RIGHT, 1.0), "evaluation_of_logits", logits[:3], y[:3], [1, 2])
    by_hand(judge, told(WRONG, 0.0), "evaluation_of_logits", logits[3:], y[3:], [1])


@part("evaluate")
@rung("number")
def test_evaluation_counts_every_sample_alike(judge):
    logits, y = torch.tensor([[2.0, 0.0]]).repeat(5, 1), torch.tensor([0, 0, 0, 0, 1])
    by_hand(judge, told((4 * RIGHT + WRONG) / 5, 0.8), "evaluation_of_logits", logits, y, [4, 1])
    by_hand(judge, told((4 * RIGHT + WRONG) / 5, 0.8), "evaluation_of_logits", logits, y, [1, 1, 3])


@part("evaluate")
@rung("edge")
def test_evaluation_tells_large_logits_apart(judge):
    """A sigmoid, or an exponential divided by the sum of both, would be alike for the two, or 0, or no number."""
    logits, y = torch.tensor([[30.0, 40.0], [-200.0, -190.0], [700.0, 720.0], [50.0, 30.0]]), torch.tensor([1, 1, 1, 0])
    expected = 2 * math.log1p(math.exp(-10)) / 4
    by_hand(judge, told(expected, 1.0), "evaluation_of_logits", logits, y, [2, 2])


@part("evaluate")
@rung("values")
@pytest.mark.parametrize("sizes", [[3, 3, 3], [4, 4, 1], [1, 6, 2], [9]])
def test_evaluation_matches(judge, draw, sizes):
    judge.probe("evaluation", *line(draw), *samples(draw), sizes)
    judge.probe("evaluation", *line(draw, 10), *samples(draw, classes=10), sizes)


@part("evaluate")
@rung("edge")
@pytest.mark.parametrize("modes", [TRAINING, EVALUATING, FROZEN_NORM, MONTE_CARLO, SLEEPING])
def test_evaluation_is_in_eval_mode(judge, draw, modes):
    weight, bias = line(draw)
    seed = draw.integer(0, 10**6)
    judge.probe("evaluation_in_modes", weight, bias, *statistics(draw), *samples(draw), [4, 3, 2], modes, seed)


@part("evaluate")
@rung("edge")
@pytest.mark.parametrize("modes", [TRAINING, EVALUATING])
def test_evaluation_leaves_the_mode(judge, draw, modes):
    weight, bias = line(draw)
    judge.probe("modes_after_evaluation", weight, bias, *statistics(draw), *samples(draw), [4, 3, 2], modes)


@part("evaluate")
@rung("edge")
@pytest.mark.parametrize("modes", [FROZEN_NORM, MONTE_CARLO, SLEEPING])
def test_evaluation_leaves_mixed_modes(judge, draw, modes):
    weight, bias = line(draw)
    judge.probe("modes_after_evaluation", weight, bias, *statistics(draw), *samples(draw), [4, 3, 2], modes)


@part("evaluate")
@rung("edge")
def test_evaluation_reaches_modules_inside_of_modules(judge, draw):
    def check(value):
        if any(value["during"]):
            return "a module inside of another is not in eval mode while evaluating; model.eval() reaches all of them"
        if value["after"] != value["before"]:
            return "a module inside of another is left in another mode than it came in; model.modules() names them all"
        return None

    for modes in NESTED_MODES:
        judge.holds(check, "evaluation_of_nested_modules", *line(draw), *samples(draw), [4, 3, 2], modes)


@part("evaluate")
@rung("edge")
@pytest.mark.parametrize("modes", [TRAINING, EVALUATING])
def test_evaluation_changes_no_parameter_and_no_buffer(judge, draw, modes):
    weight, bias = line(draw)
    judge.probe("state_after_evaluation", weight, bias, *statistics(draw), *samples(draw), [4, 3, 2], modes)


@part("evaluate")
@rung("edge")
def test_evaluation_records_no_graph(judge, draw):
    def check(value):
        if not value["passes"]:
            return "the model is never called"
        if value["graphs"]:
            return "a graph is recorded: the model's output requires a gradient"
        if not value["still on"]:
            return "autograd stays switched off afterwards, for everybody"
        return None

    judge.holds(check, "graph_of_evaluation", *line(draw), *samples(draw), [4, 4, 1])


@part("evaluate")
@rung("edge")
def test_evaluation_over_a_generator(judge, draw):
    judge.probe("evaluation", *line(draw), *samples(draw), [4, 4, 1], lazy=True)


@part("evaluate")
@rung("dtype")
def test_evaluation_in_double_precision(judge, draw):
    judge.probe("evaluation", *line(draw, dtype=torch.float64), *samples(draw, dtype=torch.float64), [4, 4, 1])


# -- fit -------------------------------------------------------------------------------------------------------------

EPOCHS = 3


def two_sets(draw, count=12, held=17):
    """Training and validation samples; the latter are the more, and their first feature is negative."""
    x, y = samples(draw, count)
    val_x, val_y = samples(draw, held)
    x[:, 0] = x[:, 0].abs()
    val_x[:, 0] = -val_x[:, 0].abs() - 0.1
    return x, y, val_x, val_y


def runs_of(draw, count):
    """A model and numbered training samples for `samples_of_runs`, where the learning rate is 0."""
    x, y = numbered(draw, count)
    weight, bias = draw.normal(3, 3, scale=0.01), draw.normal(3)
    return weight, bias, x, y % 3, -x[:4] - 1, y[:4] % 3


def complaint_about_runs(runs, count, sizes):
    """What is wrong with the training batches of each run, in whatever order the samples come."""
    for run in runs:
        if any(sample < 0 for batch in run for sample in batch):
            return "validation samples are trained on"
        if complaint := complaint_about_sizes(run, sizes * EPOCHS):
            return f"training for {EPOCHS} epochs: {complaint}"
        for order in by_epochs(run, len(sizes)):
            if sorted(sample for batch in order for sample in batch) != list(range(count)):
                return "an epoch does not use every training sample once"
    return None


def by_epochs(run, batches):
    """The batches of training samples, epoch by epoch."""
    run = [batch for batch in run if min(batch) >= 0]
    return [run[start : start + batches] for start in range(0, len(run), batches)]


@part("fit")
@rung("shape")
def test_fit_returns_three_lists(judge, draw):
    def check(value):
        history = value["history"]
        if not isinstance(history, dict) or sorted(history) != ["train_loss", "val_accuracy", "val_loss"]:
            return "what comes back is no dict of 'train_loss', 'val_loss' and 'val_accuracy'"
        if any(isinstance(values, list) and len(values) > EPOCHS for values in history.values()):
            return "the history is longer than there were epochs; does it still hold an earlier run's?"
        if not all(isinstance(values, list) and len(values) == EPOCHS for values in history.values()):
            return "the history does not hold a list with one value an epoch under each name"
        if not all(isinstance(number, float) for values in history.values() for number in values):
            return "the history holds something else than floats"
        return None

    for _ in range(2):  # a second run has a history of its own
        judge.holds(check, "run_of_whole_batches", *line(draw), *two_sets(draw), EPOCHS, 0.1)


@part("fit")
@rung("values")
def test_fit_matches(judge, draw):
    judge.probe("run_of_whole_batches", *line(draw), *two_sets(draw), EPOCHS, 0.3)
    judge.probe("run_of_whole_batches", *line(draw), *two_sets(draw), 1, 0.3)


@part("fit")
@rung("values")
def test_fit_uses_every_sample_in_batches(judge, draw):
    options = {"batch_size": 10}
    seed = draw.integer(0, 10**6)
    check = lambda runs: complaint_about_runs(runs, 23, [10, 10, 3])  # noqa: E731
    judge.holds(check, "samples_of_runs", *runs_of(draw, 23), EPOCHS, [seed], [0], **options)


@part("fit")
@rung("edge")
def test_fit_takes_batches_of_64_by_default(judge, draw):
    seed = draw.integer(0, 10**6)
    check = lambda runs: complaint_about_runs(runs, 130, [64, 64, 2])  # noqa: E731
    judge.holds(check, "samples_of_runs", *runs_of(draw, 130), EPOCHS, [seed, None], [0, seed])


@part("fit")
@rung("edge")
def test_fit_shuffles(judge, draw):
    seed = draw.integer(0, 10**6)

    def check(runs):
        for run in runs:
            for order in by_epochs(run, 3):
                if complaint := complaint_about_order(order, BATCH):
                    return complaint
        return None

    judge.holds(check, "samples_of_runs", *runs_of(draw, PLENTY), EPOCHS, [seed, None], [0, seed], batch_size=BATCH)


@part("fit")
@rung("edge")
def test_fit_draws_from_the_generator(judge, draw):
    seed = draw.integer(0, 10**6)
    seeds, worlds = [seed, seed, seed + 1], [1, 2, 1]

    def check(runs):
        if any(len(by_epochs(run, 3)) < EPOCHS for run in runs):
            return "there are fewer epochs than were asked for"
        if all(order == epochs[0] for epochs in (by_epochs(run, 3) for run in runs) for order in epochs):
            return "every epoch comes in the same order; each should be drawn anew"
        return complaint_about_orders([by_epochs(run, 3)[:2] for run in runs])

    judge.holds(check, "samples_of_runs", *runs_of(draw, PLENTY), EPOCHS, seeds, worlds, batch_size=BATCH)


@part("fit")
@rung("edge")
def test_fit_without_a_generator_follows_the_global_one(judge, draw):
    def check(runs):
        if any(len(by_epochs(run, 3)) < EPOCHS for run in runs):
            return "there are fewer epochs than were asked for"
        return complaint_about_global_orders([by_epochs(run, 3)[:2] for run in runs])

    world = draw.integer(0, 10**6)
    seeds, worlds = [None, None, None], [world, world, world + 1]
    judge.holds(check, "samples_of_runs", *runs_of(draw, PLENTY), EPOCHS, seeds, worlds, batch_size=BATCH)


@part("fit")
@rung("edge")
def test_fit_leaves_the_data_alone(judge, draw):
    def check(alike):
        return None if all(alike) else "fit changed the caller's data in place; shuffle places, not the data"

    judge.holds(check, "data_after_a_run", *line(draw), *two_sets(draw), 1, 0.1)


@part("fit")
@rung("edge")
def test_fit_goes_on_whatever_the_validation_says(judge, draw):
    """The validation labels contradict the training labels, so the validation loss is lowest after the first epoch."""
    epochs = 12
    x, y = samples(draw, 12)
    val_y = (y + 1) % 3

    def check(value):
        losses = value["history"]["val_loss"]
        if len(losses) < epochs:
            return (
                f"the validation loss does nothing but rise, and fit ends after {len(losses)} of {epochs} epochs; "
                "it is to go through all of them"
            )
        mine = float(torch.nn.functional.cross_entropy(x @ value["weight"].T + value["bias"], val_y))
        if near(mine, min(losses)) and not near(mine, losses[-1]):
            return "fit goes back to the epoch with the lowest validation loss; leave the model as the last one left it"
        return None

    start = torch.zeros(3, 4), torch.zeros(3)
    judge.holds(check, "run_of_whole_batches", *start, x, y, x, val_y, epochs, 0.3)
    judge.probe("run_of_whole_batches", *start, x, y, x, val_y, epochs, 0.3)


@part("fit")
@rung("edge")
def test_fit_reports_each_epoch(judge, draw):
    def check(value):
        if value["told"] != value["kept"]:
            return "the dict that on_epoch is given changes afterwards; make a new one for each epoch"
        return None

    judge.probe("reports_of_a_run", *line(draw), *two_sets(draw), EPOCHS, 0.3)
    judge.holds(check, "kept_reports", *line(draw), *two_sets(draw), EPOCHS, 0.3)


@part("fit")
@rung("edge")
def test_fit_for_no_epochs(judge, draw):
    judge.probe("run_of_whole_batches", *line(draw), *two_sets(draw), 0, 0.1)
    judge.probe("reports_of_a_run", *line(draw), *two_sets(draw), 0, 0.1)


@part("fit")
@rung("edge")
def test_fit_switches_between_the_modes(judge, draw):
    judge.probe("modes_of_a_run", *line(draw), *two_sets(draw, 12, 8), EPOCHS, 0.1)


@part("fit")
@rung("training")
def test_fit_learns(judge, draw):
    y, val_y = torch.arange(160) % 4, torch.arange(50) % 4
    x = torch.eye(4)[y] * 3 + draw.normal(160, 4, scale=0.2)
    val_x = torch.eye(4)[val_y] * 3 + draw.normal(50, 4, scale=0.2)

    def check(history):
        accuracy, losses = history["val_accuracy"][-1], history["train_loss"]
        if not accuracy > 0.95:
            return f"after 5 epochs {accuracy:.0%} of the validation samples are right; they are easy, 100% is expected"
        if not losses[-1] < losses[0] / 2:
            return f"the training loss should fall; it goes from {losses[0]:.3g} to {losses[-1]:.3g} in 5 epochs"
        return None

    judge.holds(
        check,
        "trained",
        torch.zeros(4, 4),
        torch.zeros(4),
        x,
        y,
        val_x,
        val_y,
        5,
        draw.integer(0, 10**6),
        0.1,
    )


# -- the bar -----------------------------------------------------------------------------------------------------------


@part("fit")
@rung("bar")
@bar("quick")
def test_fit_learns_from_a_few_digits(judge):
    judge.bar("quick")


@part("fit")
@rung("bar")
@bar("full")
def test_fit_reaches_the_bar_on_mnist(judge):
    judge.bar("full")
