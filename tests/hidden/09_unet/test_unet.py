"""What is expected of 09_unet."""

import math

import pytest
import torch
from nnkata.grader.authors import bar, part, rung, training_checks
from torch.nn import functional as F

NORM = (5e-3, 5e-3)
"""Wide enough for norms that are computed in another order, or with an eps of their own."""


def kernels(draw, *shapes, dtype=torch.float64):
    """Weights of these shapes, of a size that keeps activations near 1."""
    return [draw.normal(*shape, dtype=dtype, scale=math.prod(shape[1:]) ** -0.5) for shape in shapes]


def halves():
    """A picture of −1 and 1 in equal number, as a batch of one image with one channel."""
    return torch.tensor([-1.0, 1.0, 1.0, -1.0]).repeat(4).reshape(1, 1, 4, 4)


def identity():
    """A 3×3 kernel that gives every pixel back as it is."""
    kernel = torch.zeros(1, 1, 3, 3)
    kernel[0, 0, 1, 1] = 1.0
    return kernel


def answers_there(place):
    """What is wrong with a module that answers here when it was asked elsewhere."""
    return "moved to another device, and asked there, it answers on the CPU" if place == "cpu" else None


# -- DoubleConv ------------------------------------------------------------------------------------------------------


@part("DoubleConv")
@rung("shape")
@pytest.mark.parametrize("out_channels", [3, 8, 1])
def test_double_conv_keeps_height_and_width(judge, draw, out_channels):
    def check(said):
        height_and_width = said["shape"][2:]
        if height_and_width != [7, 9]:
            return f"height and width go from [7, 9] to {height_and_width}; with padding 1 they stay"
        if said["shape"] != [2, out_channels, 7, 9]:
            return f"the result has the shape {said['shape']}; expected {[2, out_channels, 7, 9]}"
        return None

    judge.holds(check, "double_conv_shape", draw.normal(2, 3, 7, 9), out_channels)


@part("DoubleConv")
@rung("shape")
def test_double_conv_has_two_convolutions_and_two_norms(judge, draw):
    weights, norms = 2 * 6 * 6 * 9, 2 * 2 * 6

    def check(said):
        count = said["parameters"]
        if count in (weights + norms, weights + norms + 6, weights + norms + 12):
            return None
        hint = "two 3×3 convolutions, each with its own weights and its own batch norm"
        return f"{count} parameters, not {weights + norms} or (with biases) {weights + norms + 12}: {hint}"

    judge.holds(check, "double_conv_shape", draw.normal(2, 6, 5, 5), 6)


@part("DoubleConv")
@rung("number")
def test_double_conv_by_hand(judge):
    x = halves()

    def check(said):
        if not isinstance(said["train"], torch.Tensor) or said["train"].shape != x.shape:
            return "the result has another shape than the input"
        expected = (x > 0).to(x.dtype)
        if (said["train"] - expected).abs().max() < 1e-2:
            return None
        got = sorted({round(v, 3) + 0.0 for v in said["train"].flatten().tolist()})
        return f"pixels of −3 and 5 in equal number, two kernels that copy: expected 0 and 1, got {got[:4]}"

    judge.holds(check, "double_conv", 4 * x + 1, [identity()])


@part("DoubleConv")
@rung("values")
def test_double_conv_of_given_weights(judge, draw):
    weights = kernels(draw, (5, 3, 3, 3), (5, 5, 3, 3))
    judge.using(tolerance=NORM).probe("double_conv", draw.normal(2, 3, 7, 6, dtype=torch.float64), weights)
    weights = kernels(draw, (4, 1, 3, 3), (4, 4, 3, 3))
    judge.using(tolerance=NORM).probe("double_conv", draw.normal(3, 1, 5, 5, dtype=torch.float64) + 3, weights)


def scaled_and_shifted(x, weights, scale, shift):
    """What the probe `double_conv` gets in train mode and, after two more batches, in eval mode."""
    channels, scale, shift = len(scale), scale.to(x.dtype), shift.to(x.dtype)
    running = [(torch.zeros(channels, dtype=x.dtype), torch.ones(channels, dtype=x.dtype)) for _ in weights]

    def passed(x, training):
        for weight, (mean, var) in zip(weights, running, strict=True):
            x = F.batch_norm(F.conv2d(x, weight, padding=1), mean, var, scale, shift, training).relu()
        return x

    first = passed(x, True)
    for factor in (2.0, 3.0):
        passed(factor * x + 1.0, True)
    return {"train": first, "eval": passed(x, False)}


@part("DoubleConv")
@rung("edge")
def test_double_conv_norms_scale_and_shift(judge, draw):
    scale, shift = draw.uniform(5, low=0.5, high=2.0), draw.normal(5)
    weights = kernels(draw, (5, 3, 3, 3), (5, 5, 3, 3))
    x = draw.normal(2, 3, 6, 7, dtype=torch.float64)

    def check(said):
        if "train" not in said:
            return None  # norms of one's own, with other names: nobody can set their scale and shift
        for mode, expected in scaled_and_shifted(x, weights, scale, shift).items():
            got = said[mode]
            if got.shape != expected.shape:
                return f"the result has the shape {list(got.shape)}; expected {list(expected.shape)}"
            if ((got - expected).abs() > NORM[1] + NORM[0] * expected.abs()).any():
                gap = (got - expected).abs().max().item()
                return (
                    f"norms with other scales (weight) and shifts (bias): the result in {mode} mode is wrong by up "
                    f"to {gap:.3g}; each norm scales and shifts, and ReLU comes after that"
                )
        return None

    judge.holds(check, "double_conv", x, weights, scale=scale, shift=shift)


@part("DoubleConv")
@rung("edge")
def test_double_conv_of_a_bright_pixel(judge):
    """One bright pixel of 64 lies √63 = 7.94 standard deviations above the mean, after the second norm as well."""
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 3, 4] = 100.0

    def check(said):
        if said["train"].shape != x.shape:
            return "the result has another shape than the input"
        bright = said["train"][0, 0, 3, 4].item()
        if abs(bright - math.sqrt(63)) < 0.1:
            return None
        return (
            f"one bright pixel of 64, kernels that copy: expected 7.94 there, got {bright:.3g}; ReLU has no upper end"
        )

    judge.holds(check, "double_conv", x, [identity()])


@part("DoubleConv")
@rung("edge")
def test_double_conv_of_one_pixel(judge, draw):
    weights = kernels(draw, (4, 2, 3, 3), (4, 4, 3, 3))
    judge.using(tolerance=NORM).probe("double_conv", draw.normal(6, 2, 1, 1, dtype=torch.float64), weights)


@part("DoubleConv")
@rung("layout")
def test_double_conv_of_other_memory_layouts(judge, draw):
    weights = kernels(draw, (5, 3, 3, 3), (5, 5, 3, 3))
    for _, x in draw.layouts(draw.normal(2, 3, 7, 6, dtype=torch.float64)):
        judge.using(tolerance=NORM).probe("double_conv", x, weights)


@part("DoubleConv")
@rung("dtype")
def test_double_conv_in_single_precision(judge, draw):
    weights = kernels(draw, (5, 3, 3, 3), (5, 5, 3, 3), dtype=torch.float32)
    judge.using(tolerance=NORM).probe("double_conv", draw.normal(2, 3, 7, 6), weights)


@part("DoubleConv")
@rung("device")
def test_double_conv_on_another_device(judge, draw):
    judge.holds(answers_there, "double_conv_elsewhere", draw.normal(3, 2, 5, 4), 4)


# -- Down ------------------------------------------------------------------------------------------------------------


@part("Down")
@rung("shape")
@pytest.mark.parametrize("size", [(8, 6), (7, 9), (2, 3)])
def test_down_halves_height_and_width(judge, draw, size):
    judge.probe("down_shape", draw.normal(2, 3, *size), 6)


@part("Down")
@rung("number")
def test_down_by_hand(judge):
    """The left blocks have the higher maximum (1 and −4), but the lower mean and the lower first pixel."""
    x = torch.tensor([[-9.0, -9.0, -4.0, -4.0], [-9.0, 1.0, -4.0, -4.0]]).repeat(2, 1)

    def check(said):
        got = said["train"]
        if tuple(got.shape) != (1, 1, 2, 2):
            return f"a 4×4 image became {list(got.shape)}; expected [1, 1, 2, 2]"
        if (got - torch.tensor([[1.0, 0.0], [1.0, 0.0]])).abs().max() < 1e-2:
            return None
        return f"blocks with the maxima 1 and −4, kernels that copy: expected 1 and 0, got {got.flatten().tolist()}"

    judge.holds(check, "down", x.reshape(1, 1, 4, 4), [identity()])


@part("Down")
@rung("values")
@pytest.mark.parametrize("size", [(8, 6), (7, 9)])
def test_down_of_given_weights(judge, draw, size):
    weights = kernels(draw, (5, 3, 3, 3), (5, 5, 3, 3))
    judge.using(tolerance=NORM).probe("down", draw.normal(3, 3, *size, dtype=torch.float64), weights)


@part("Down")
@rung("edge")
def test_down_of_dark_images(judge, draw):
    weights = kernels(draw, (5, 3, 3, 3), (5, 5, 3, 3))
    judge.using(tolerance=NORM).probe(
        "down", draw.uniform(3, 3, 7, 5, low=-9.0, high=-1.0, dtype=torch.float64), weights
    )


@part("Down")
@rung("device")
def test_down_on_another_device(judge, draw):
    judge.holds(answers_there, "down_elsewhere", draw.normal(3, 2, 5, 6), 4)


# -- Up --------------------------------------------------------------------------------------------------------------

UP = ((12, 6, 2, 2), (5, 12, 3, 3), (5, 5, 3, 3))


@part("Up")
@rung("shape")
@pytest.mark.parametrize("size", [(8, 6), (9, 7), (8, 7), (9, 6)])
def test_up_gives_the_size_of_the_skip(judge, draw, size):
    judge.probe("up_shape", draw.normal(2, 8, 4, 3), draw.normal(2, 4, *size), 4)


@part("Up")
@rung("shape")
def test_up_has_a_transposed_convolution(judge):
    def check(shapes):
        small = [shape for shape in shapes if len(shape) == 4 and shape[2:] == [2, 2]]
        if not small:
            return "there is no 2×2 kernel among the parameters: a transposed convolution has one"
        if small != [[12, 6, 2, 2]]:
            return f"Up(12, 6) enlarges with {small}; one 2×2 kernel that goes from 12 to 6 channels is expected"
        return None

    judge.holds(check, "up_weights", 12, 6)


@part("Up")
@rung("shape")
def test_up_joins_before_both_convolutions(judge):
    def check(shapes):
        wide = sorted(shape for shape in shapes if len(shape) == 4 and shape[2:] == [3, 3])
        if wide == [[5, 5, 3, 3], [5, 12, 3, 3]]:
            return None
        told = "Up(12, 5) has 3×3 convolutions " + " and ".join(f"from {i} to {o}" for o, i, _, _ in wide) + " channels"
        if len(wide) == 2 and wide[0][1] == 6 and wide[1][1] == 12:
            return f"{told}: the skip joins after the first of them; both come after it has joined"
        if [5, 6, 3, 3] in wide:
            return f"{told}: the first takes half of the channels that skip and x have together"
        return f"{told}; expected from 12 to 5 and from 5 to 5"

    judge.holds(check, "up_weights", 12, 5)


@part("Up")
@rung("number")
def test_up_by_hand(judge):
    """Channel 0 of the joined maps is the skip, channel 1 comes from below."""
    skip, x = halves(), torch.tensor([-1.0, 1.0]).reshape(1, 1, 1, 2).repeat(1, 2, 2, 1)
    enlarge = torch.full((2, 1, 2, 2), 0.5)  # the mean of both channels, in all four places
    first, second = torch.zeros(2, 2, 3, 3), torch.zeros(2, 2, 3, 3)
    first[0, 0, 1, 1] = second[0, 0, 1, 1] = first[1, 1, 1, 1] = second[1, 1, 1, 1] = 1.0
    below = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(4, 4)
    expected = torch.stack([(skip[0, 0] > 0).float(), below])[None]

    def check(said):
        got = said["train"]
        if got.shape != expected.shape:
            return f"the result has the shape {list(got.shape)}; expected {list(expected.shape)}"
        if (got - expected).abs().max() < 1e-2:
            return None
        if (got - expected.flip(1)).abs().max() < 1e-2:
            return "kernels that copy: the skip's map came out where the enlarged map belongs; the order is [skip, x]"
        return f"kernels that copy: first rows {expected[0, :, 0].tolist()} expected, got {got[0, :, 0].tolist()}"

    judge.holds(check, "up", x, skip, [enlarge, first])


@part("Up")
@rung("values")
@pytest.mark.parametrize("size", [(3, 4), (1, 2)])
def test_up_of_given_weights(judge, draw, size):
    x = draw.normal(2, 12, *size, dtype=torch.float64)
    skip = draw.normal(2, 6, 2 * size[0], 2 * size[1], dtype=torch.float64)
    judge.using(tolerance=NORM).probe("up", x, skip, kernels(draw, *UP))


def padded_ups(x, skip, weights, *modes):
    """What Up gives in train mode for each side that x can be padded on, and for each filling."""
    large = F.conv_transpose2d(x, weights[0], stride=2)
    rows, columns = skip.shape[2] - large.shape[2], skip.shape[3] - large.shape[3]
    for top in {0, rows}:
        for left in {0, columns}:
            sides = (left, columns - left, top, rows - top)
            for mode in modes:
                joined = torch.cat([skip, F.pad(large, sides, mode=mode)], dim=1)
                for weight in weights[1:]:
                    joined = F.batch_norm(F.conv2d(joined, weight, padding=1), None, None, training=True).relu()
                yield joined


@part("Up")
@rung("edge")
@pytest.mark.parametrize("size", [(7, 8), (6, 9), (7, 9)])
def test_up_pads_to_odd_sizes(judge, draw, size):
    x, skip = draw.normal(2, 12, 3, 4, dtype=torch.float64), draw.normal(2, 6, *size, dtype=torch.float64)
    weights = kernels(draw, *UP)

    def check(said):
        got = said["train"]
        if list(got.shape) != [2, 5, *size]:
            return f"skip {list(size)}, enlarged x [6, 8], result {list(got.shape[2:])}: pad x to the skip's size"

        def near(*modes):
            return min(float((got - up).abs().max()) for up in padded_ups(x, skip, weights, *modes)) < 2e-2

        if near("constant", "reflect"):
            return None
        if near("replicate"):
            return "where x is too small a row or column of it was repeated, as resizing does: pad it with zeros"
        return "the enlarged x was not padded to the skip's size: its numbers should stay, with zeros along one side"

    judge.holds(check, "up", x, skip, weights)


@part("Up")
@rung("device")
def test_up_on_another_device(judge, draw):
    x = draw.normal(2, 6, 3, 4)
    judge.holds(answers_there, "up_elsewhere", x, draw.normal(2, 3, 6, 8), 3)
    judge.holds(answers_there, "up_elsewhere", x, draw.normal(2, 3, 7, 9), 3)


# -- UNet ------------------------------------------------------------------------------------------------------------

SMALL = {"base_channels": 4, "depth": 3}


@part("UNet")
@rung("shape")
@pytest.mark.parametrize("size", [(16, 24), (8, 8), (37, 53), (9, 15), (64, 11)])
def test_unet_gives_the_size_of_its_input(judge, draw, size):
    judge.probe("unet_shape", draw.normal(2, 1, *size), 5, 0, **SMALL)


@part("UNet")
@rung("shape")
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_unet_of_other_depths(judge, draw, depth):
    judge.probe("unet_shape", draw.normal(1, 3, 2**depth, 2**depth), 2, 0, base_channels=2, depth=depth)
    judge.probe("unet_shape", draw.normal(1, 3, 19, 2 ** (depth + 1) - 1), 2, 0, base_channels=2, depth=depth)


def channels_double(base, depth, in_channels):
    """A check that the parameters' shapes are those of a U-Net with this base and depth."""

    def check(shapes):
        wide = [shape for shape in shapes if len(shape) == 4]
        steps = [shape for shape in wide if shape[2:] == [2, 2]]
        if not steps:
            return "no step up is among the parameters: nn.ModuleList registers modules, a plain list does not"
        if len(steps) < depth:
            return f"depth is {depth}, but there are only {len(steps)} steps up: one transposed convolution each"
        for level in range(depth + 1):
            below, here = (in_channels if level == 0 else base * 2 ** (level - 1)), base * 2**level
            if [here, below, 3, 3] not in wide:
                return f"going down, level {level} has no 3×3 convolution from {below} to {here} channels"
        for level in range(depth):
            here, below = base * 2**level, base * 2 ** (level + 1)
            if [below, here, 2, 2] not in wide:
                return f"going up, level {level} has no 2×2 transposed convolution from {below} to {here} channels"
            if [here, below, 3, 3] not in wide:
                return f"going up, level {level} has no 3×3 convolution from {below} (skip and x) to {here} channels"
        if max(shape[0] for shape in wide) > base * 2**depth:
            most = max(shape[0] for shape in wide)
            return f"{most} channels are more than base_channels · 2^depth = {base * 2**depth}"
        return None

    return check


@part("UNet")
@rung("values")
@pytest.mark.parametrize("base, depth", [(4, 3), (6, 2), (2, 4), (5, 1)])
def test_unet_doubles_its_channels_at_each_level(judge, base, depth):
    judge.holds(channels_double(base, depth, 3), "unet_weights", 0, 3, 3, base_channels=base, depth=depth)


@part("UNet")
@rung("values")
def test_unet_has_16_channels_and_3_levels_by_default(judge):
    judge.holds(channels_double(16, 3, 1), "unet_weights", 0, 1, 2)


def are_logits(said):
    """A check that what comes out are raw scores of a linear last layer."""
    logits, scaled = said["logits"], said["scaled"]
    if (logits.sum(dim=1) - 1).abs().max() < 1e-4:
        return "the scores of each pixel sum to 1: a softmax has been applied, but logits are asked for"
    if (logits.exp().sum(dim=1) - 1).abs().max() < 1e-4:
        return "each pixel's exp(scores) sum to 1: a log softmax has been applied, but logits are asked for"
    if logits.min() >= 0 and logits.max() <= 1:
        return "all scores lie between 0 and 1: a sigmoid has been applied, but logits are asked for"
    if scaled is None:
        return None
    if (scaled + 2 * logits).abs().max() > 1e-3 * logits.abs().max():
        return "with the last layer's numbers multiplied by −2 the scores are not: something comes after that layer"
    return None


@part("UNet")
@rung("values")
def test_unet_returns_logits(judge, draw):
    judge.holds(are_logits, "unet_logits", draw.normal(4, 3, 16, 16), 5, draw.integer(0, 10**6), **SMALL)


def are_logits_in_eval_mode(said):
    """A check of a fresh UNet in eval mode, whose scores may be small and all of one sign."""
    logits, scaled = said["logits"], said["scaled"]
    sums = [(scores.sum(dim=1) - 1).abs().max() for scores in (logits, logits if scaled is None else scaled)]
    if max(sums) < 1e-4:
        return "in eval mode the scores of each pixel sum to 1: a softmax has been applied, but logits are asked for"
    if scaled is not None and (scaled + 2 * logits).abs().max() > 1e-3 * logits.abs().max():
        return (
            "in eval mode, with the last layer's numbers multiplied by −2 the scores are not: something comes after "
            "that layer"
        )
    return None


@part("UNet")
@rung("values")
def test_unet_returns_logits_in_eval_mode(judge, draw):
    x, seed = draw.normal(4, 3, 16, 16), draw.integer(0, 10**6)
    judge.holds(are_logits_in_eval_mode, "unet_logits", x, 5, seed, training=False, **SMALL)


def a_logit_of_one_class(said):
    """A check of a UNet with one class, before and after the sign of its last layer is turned."""
    logits, scaled = said["logits"], said["scaled"]
    if list(logits.shape) != [4, 1, 16, 16]:
        return f"with one class the scores have the shape {list(logits.shape)}; expected [4, 1, 16, 16]"
    both = logits if scaled is None else torch.cat([logits, scaled])
    if scaled is not None and logits.abs().max() > 1e-6 and both.min() >= 0 and both.max() <= 1:
        return "with one class all scores lie between 0 and 1: a sigmoid has been applied, but logits are asked for"
    return None


@part("UNet")
@rung("edge")
def test_unet_of_one_class(judge, draw):
    x, seed = draw.normal(4, 3, 16, 16), draw.integer(0, 10**6)
    judge.holds(a_logit_of_one_class, "unet_logits", x, 1, seed, **SMALL)
    judge.holds(a_logit_of_one_class, "unet_logits", x, 1, seed, training=False, **SMALL)


@part("UNet")
@rung("edge")
@pytest.mark.parametrize("level", [0, 1, 2])
def test_unet_needs_every_skip(judge, draw, level):
    def check(said):
        if not said["found"]:
            return "the 3×3 convolutions into this level and on to the next were not found: do channels double?"
        if not said["change"] > 1e-4:
            return f"the skip at level {level} changes nothing: with all below silenced, the output ignores that level"
        if not said["gradient"] > 0:
            return f"the skip at level {level} carries numbers but no gradient: somewhere it is detached"
        return None

    judge.holds(check, "unet_skip", draw.normal(4, 3, 16, 16), level, draw.integer(0, 10**6), 5, **SMALL)


@part("UNet")
@rung("values")
def test_unet_gradients_reach_everything(judge, draw):
    def check(said):
        for name, shape, size in zip(said["names"], said["shapes"], said["sizes"], strict=True):
            if size is None:
                return f"no gradient reaches {name}: it takes no part in the output"
            if not math.isfinite(size) or (size == 0 and len(shape) == 4):
                return f"the gradient of {name} is {size:g} everywhere"
        return None if len(said["names"]) > 20 else "there are too few parameters for three levels down and up"

    judge.holds(check, "unet_gradients", draw.normal(4, 3, 17, 16), 5, draw.integer(0, 10**6), **SMALL)


@part("UNet")
@rung("edge")
def test_unet_norms_by_batch_only_while_training(judge, draw):
    def check(said):
        if not said["train"] > 1e-3:
            return "in train mode an image's scores do not depend on the batch: batch norm does not use the batch"
        if not said["eval"] < 1e-4:
            return "in eval mode an image's scores depend on the other images: batch norm still uses the batch"
        return None

    judge.holds(check, "unet_modes", draw.normal(4, 3, 16, 16), 5, draw.integer(0, 10**6), **SMALL)


@part("UNet")
@rung("layout")
def test_unet_of_other_memory_layouts(judge, draw):
    def check(gap):
        return (
            None if gap < 1e-4 else f"the same images, laid out otherwise in memory, give scores that differ by {gap:g}"
        )

    for _, x in draw.layouts(draw.normal(2, 3, 9, 12)):
        judge.holds(check, "unet_of_layouts", x, 5, 0, **SMALL)


@part("UNet")
@rung("dtype")
def test_unet_in_double_precision(judge, draw):
    judge.probe("unet_shape", draw.normal(2, 1, 9, 15, dtype=torch.float64), 5, 0, **SMALL)


@part("UNet")
@rung("device")
def test_unet_on_another_device(judge, draw):
    judge.holds(answers_there, "unet_elsewhere", draw.normal(2, 1, 16, 16), 3, **SMALL)
    judge.holds(answers_there, "unet_elsewhere", draw.normal(2, 1, 13, 19), 3, **SMALL)


# -- dice_loss -------------------------------------------------------------------------------------------------------


@part("dice_loss")
@rung("number")
def test_dice_by_hand(judge):
    """Two pixels of the classes 0 and 1, predicted with 0.8 and 0.6."""
    logits = torch.tensor([[0.8, 0.4], [0.2, 0.6]]).log().reshape(1, 2, 1, 2)
    target = torch.tensor([[[0, 1]]])
    judge.expect(1 - (2.6 / 3.2 + 2.2 / 2.8) / 2, logits, target)
    judge.expect(1 - (1.6 / 2.2 + 1.2 / 1.8) / 2, logits, target, eps=0.0)


@part("dice_loss")
@rung("values")
def test_dice_of_batches(judge, draw):
    judge.value(draw.normal(3, 4, 5, 6, scale=2), draw.integers(4, 3, 5, 6))
    judge.value(draw.normal(1, 2, 7, 7), draw.integers(2, 1, 7, 7))
    judge.value(draw.normal(2, 7, 4, 4) + 5, draw.integers(7, 2, 4, 4))


@part("dice_loss")
@rung("values")
@pytest.mark.parametrize("eps", [0.01, 5.0])
def test_dice_with_another_eps(judge, draw, eps):
    judge.value(draw.normal(2, 3, 4, 5), draw.integers(3, 2, 4, 5), eps=eps)


@part("dice_loss")
@rung("edge")
def test_dice_sums_over_the_whole_batch(judge, draw):
    target = torch.zeros(3, 6, 6, dtype=torch.int64)
    target[1, :3], target[2, 5, 5] = 1, 1
    judge.value(draw.normal(3, 2, 6, 6, scale=3), target)


@part("dice_loss")
@rung("edge")
def test_dice_of_absent_classes(judge, draw):
    judge.value(draw.normal(2, 4, 5, 5), 2 * draw.integers(2, 2, 5, 5))
    sure = torch.tensor([30.0, 0.0, 0.0]).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)
    judge.expect(0.0, sure, torch.zeros(1, 4, 4, dtype=torch.int64))


@part("dice_loss")
@rung("edge")
def test_dice_of_extreme_logits(judge, draw):
    target = draw.integers(3, 2, 4, 4)
    logits = (draw.permutation(3 * 32).reshape(2, 3, 4, 4) * 200 - 9600).to(torch.float32)
    judge.gradient(logits, target)


@part("dice_loss")
@rung("gradient")
def test_dice_gradient(judge, draw):
    judge.gradient(draw.normal(3, 4, 5, 6), draw.integers(4, 3, 5, 6))
    judge.gradient(draw.normal(2, 3, 4, 4, dtype=torch.float64), 2 * draw.integers(2, 2, 4, 4), eps=0.1)


@part("dice_loss")
@rung("layout")
def test_dice_of_other_memory_layouts(judge, draw):
    target = draw.integers(3, 2, 4, 5)
    for _, logits in draw.layouts(draw.normal(2, 3, 4, 5)):
        judge.value(logits, target)
    for _, other in draw.layouts(target):
        judge.value(draw.normal(2, 3, 4, 5), other)


@part("dice_loss")
@rung("dtype")
def test_dice_keeps_double_precision(judge, draw):
    judge.gradient(draw.normal(2, 3, 4, 5, dtype=torch.float64), draw.integers(3, 2, 4, 5))


@part("dice_loss")
@rung("device")
def test_dice_on_another_device(judge, draw):
    judge.elsewhere(draw.normal(2, 3, 4, 5), draw.integers(3, 2, 4, 5))


@part("dice_loss")
@rung("training")
def test_dice_can_be_descended(judge, draw):
    target = draw.integers(3, 2, 4, 4)
    target[0, 0, :3] = torch.tensor([0, 1, 2])
    judge.using(tolerance=(1e-3, 1e-3)).probe("dice_learns", draw.normal(2, 3, 4, 4), target, 8)


# -- iou -------------------------------------------------------------------------------------------------------------


def measured(judge, prediction, target, num_classes, by_hand=None):
    """Ask for the IoU of two class maps, in float32 or float64, and compare with numbers worked out by hand."""
    near = judge.using(tolerance=(1e-4, 1e-5))
    near.probe("overlaps", prediction, target, num_classes)
    if by_hand is None:
        return

    def check(said):
        expected = torch.tensor(by_hand, dtype=torch.float64)
        if torch.allclose(said["iou"], expected, rtol=1e-4, atol=1e-5, equal_nan=True):
            return None
        return f"the IoU is {said['iou'].tolist()}; worked out by hand it is {by_hand}"

    near.holds(check, "overlaps", prediction, target, num_classes)


@part("iou")
@rung("shape")
def test_iou_has_one_number_a_class(judge, draw):
    everything = torch.arange(5).repeat(8).reshape(2, 4, 5)
    measured(judge, everything, draw.permutation(40).remainder(5).reshape(2, 4, 5), 5)


@part("iou")
@rung("number")
def test_iou_by_hand(judge):
    prediction, target = torch.tensor([[[0, 0, 1], [1, 1, 2]]]), torch.tensor([[[0, 1, 1], [1, 2, 2]]])
    measured(judge, prediction, target, 3, by_hand=[1 / 2, 2 / 4, 1 / 2])
    prediction, target = torch.tensor([[[0, 0, 0, 0, 1]]]), torch.tensor([[[0, 0, 0, 1, 1]]])
    measured(judge, prediction, target, 2, by_hand=[3 / 4, 1 / 2])


@part("iou")
@rung("values")
def test_iou_of_random_maps(judge, draw):
    for classes in (2, 3, 6):
        cover = torch.arange(60).remainder(classes)
        target = cover[draw.permutation(60)].reshape(3, 4, 5)
        prediction = torch.where(draw.uniform(3, 4, 5) < 0.6, target, draw.integers(classes, 3, 4, 5))
        measured(judge, prediction, target, classes)


@part("iou")
@rung("values")
def test_iou_counts_the_whole_batch_together(judge):
    prediction, target = torch.zeros(2, 4, 4, dtype=torch.int64), torch.zeros(2, 4, 4, dtype=torch.int64)
    target[0], target[1, 0, :2] = 1, 1
    prediction[0, :2], prediction[1, 0] = 1, 1
    measured(judge, prediction, target, 2, by_hand=[12 / 22, 10 / 20])


@part("iou")
@rung("values")
def test_iou_of_large_maps(judge, draw):
    """Hundreds of pixels in each count."""
    cover = torch.arange(3000).remainder(2)
    measured(judge, cover[draw.permutation(3000)].reshape(1, 50, 60), cover.reshape(1, 50, 60), 2)


@part("iou")
@rung("edge")
def test_iou_of_a_class_in_neither_is_nan(judge):
    prediction, target = torch.tensor([[[0, 0, 3]]]), torch.tensor([[[0, 3, 3]]])
    measured(judge, prediction, target, 4, by_hand=[1 / 2, math.nan, math.nan, 1 / 2])
    ones = torch.ones(1, 2, 2, dtype=torch.int64)
    measured(judge, ones, ones, 2, by_hand=[math.nan, 1.0])


@part("iou")
@rung("edge")
def test_iou_of_a_class_in_one_only_is_zero(judge):
    prediction, target = torch.tensor([[[0, 0, 1]]]), torch.tensor([[[0, 2, 2]]])
    measured(judge, prediction, target, 3, by_hand=[1 / 2, 0.0, 0.0])


@part("iou")
@rung("edge")
def test_iou_of_more_classes_than_are_seen(judge, draw):
    cover = torch.arange(24).remainder(2)
    measured(judge, cover[draw.permutation(24)].reshape(1, 4, 6), cover.reshape(1, 4, 6), 7)


@part("iou")
@rung("layout")
def test_iou_of_other_memory_layouts(judge, draw):
    target = torch.arange(30).remainder(3)[draw.permutation(30)].reshape(2, 3, 5)
    for _, prediction in draw.layouts(torch.arange(30).remainder(3).reshape(2, 3, 5)):
        measured(judge, prediction, target, 3)
        measured(judge, target, prediction, 3)


def measures_there(place):
    """What is wrong with a measure that answers here when it was asked elsewhere."""
    return "the result lives on the CPU while its inputs live on another device" if place == "cpu" else None


@part("iou")
@rung("device")
def test_iou_on_another_device(judge):
    prediction, target = torch.tensor([[[0, 0, 1], [1, 1, 3]]]), torch.tensor([[[0, 1, 1], [1, 3, 3]]])
    judge.holds(measures_there, "overlaps_elsewhere", prediction, target, 4)


# -- train_segmenter -------------------------------------------------------------------------------------------------


def squares(draw, number, size=16, side=6):
    """Images with a bright (class 1) or a grey square (class 2) of 6 by 6 (or other) pixels on dark noise."""
    images = 0.05 * draw.normal(number, 1, size, size) - 0.9
    masks = torch.zeros(number, size, size, dtype=torch.int64)
    for i in range(number):
        kind, row, column = 1 + i % 2, draw.integer(0, size - side), draw.integer(0, size - side)
        images[i, 0, row : row + side, column : column + side] += 1.8 if kind == 1 else 0.9
        masks[i, row : row + side, column : column + side] = kind
    return images.clamp(-1, 1), masks


@part("train_segmenter")
@rung("shape")
def test_segmenter_gives_logits_of_all_classes(judge, draw):
    expected = [4, 5, 16, 16]

    def check(said):
        if "type" in said:
            return f"train_segmenter returned a {said['type']}; it must return the trained module"
        if said["shape"] != expected:
            return f"5 classes, some of them unseen: the model gives {said['shape']}; expected {expected}"
        return None if said["on the device"] else "the model does not live on the device that was asked for"

    judge.holds(check, "train", *squares(draw, 4), 5, 1, 3)


@part("train_segmenter")
@rung("values")
def test_segmenter_is_given_back_in_eval_mode(judge, draw):
    def check(said):
        return (
            f"{said['training']} modules are still in train mode: switch the model to eval mode"
            if said["training"]
            else None
        )

    judge.holds(check, "train", *squares(draw, 4), 3, 1, 3)


@part("train_segmenter")
@rung("edge")
def test_segmenter_tells_of_every_epoch(judge, draw):
    def check(said):
        numbers = said["epochs"]
        if len(numbers) != 3 and len(set(numbers)) == len(numbers) > 0:
            return f"on_epoch was told of {len(numbers)} epochs; 3 are asked for"
        if numbers != [1, 2, 3]:
            return f"three epochs, and on_epoch was told the numbers {said['epochs']}; expected [1, 2, 3]"
        if not all(math.isfinite(loss) for loss in said["losses"]):
            return "a loss that on_epoch was told is not finite"
        if not said["losses are floats"]:
            return "on_epoch must be told the mean loss as a float, not as a tensor or another type"
        return None

    judge.holds(check, "train", *squares(draw, 4), 3, 3, 3)


@part("train_segmenter")
@rung("edge")
def test_segmenter_tells_the_mean_loss(judge, draw):
    """Of grey images no network can do more than guess: eight times as many make a sum larger, but not a mean."""
    images, masks = torch.zeros(128, 1, 16, 16), draw.integers(3, 128, 16, 16)
    check, runs = training_checks.means_do_not_grow, [[16, 1, 0], [128, 1, 0]]
    judge.holds(check, "losses_of_runs", images, masks, runs, 3, draw.integer(0, 10**6))


def means_are_over_images(told):
    """A check of the first epoch's loss for 2 and for 256 grey images."""
    (two,), (many,) = told
    if two == 0 and many:
        return "two images have no loss at all: a batch that is not full counts, too"
    known = (
        f"two grey images have a mean loss of {two:.3f} and 256 of {many:.3f}, though nothing can be learned from them"
    )
    if two > 0 and many > 3.5 * two:
        return f"{known}: losses of single images, added up, are to be divided by the number of images, not of batches"
    if 0 < many < 0.3 * two:
        return f"{known}: mean losses of batches, added up, are to be divided by the number of batches, not of images"
    return None


@part("train_segmenter")
@rung("edge")
def test_segmenter_tells_the_mean_over_the_images(judge, draw):
    """A single batch and many batches have the same mean loss per image."""
    images, masks = torch.zeros(256, 1, 16, 16), draw.integers(3, 256, 16, 16)
    judge.holds(
        means_are_over_images, "losses_of_runs", images, masks, [[2, 1, 0], [256, 1, 0]], 3, draw.integer(0, 10**6)
    )


@part("train_segmenter")
@rung("edge")
def test_segmenter_tells_the_mean_over_the_epoch(judge, draw):
    """All images and masks are alike, so that the loss falls from step to step, whichever images a batch holds."""
    images, masks = (one[:1].repeat(64, *[1] * (one.dim() - 1)) for one in squares(draw, 1))
    runs = [[32, 2, 0], [64, 1, 0], [32, 2, 1], [64, 1, 1]]
    check = training_checks.means_are_over_the_epoch(64)
    judge.holds(check, "losses_of_runs", images, masks, runs, 3, draw.integer(0, 10**6))


def gives(*shape, unchanged=False):
    """A check: the model gives logits of this shape, and, if asked for, images and masks are as they were."""

    def check(said):
        if said["shape"] != list(shape):
            return f"the model gives scores of the shape {said['shape']}; expected {list(shape)}"
        if unchanged and not said["unchanged"]:
            return "images or masks were changed in place; work on new tensors"
        return None

    return check


@part("train_segmenter")
@rung("edge")
def test_segmenter_needs_no_on_epoch(judge, draw):
    judge.holds(gives(4, 3, 16, 16, unchanged=True), "train_quietly", *squares(draw, 4), 3, 1, 3)


@part("train_segmenter")
@rung("shape")
def test_segmenter_of_oblong_images(judge, draw):
    images, masks = squares(draw, 6, 24)
    images, masks = images[:, :, :17].contiguous(), masks[:, :17].contiguous()
    judge.holds(gives(6, 3, 17, 24), "train_quietly", images, masks, 3, 1, 3)


@part("train_segmenter")
@rung("edge")
def test_segmenter_depends_on_its_seed_alone(judge, draw):
    def check(logits):
        if (logits[0] - logits[1]).abs().max() > 1e-4:
            return "twice the same seed gave two models: set it before anything random happens, the weights included"
        if (logits[0] - logits[2]).abs().max() < 1e-6:
            return "two seeds gave the same model: the argument seed has no effect"
        return None

    def check_zero(logits):
        if (logits[0] - logits[1]).abs().max() > 1e-4:
            return "twice the seed 0 gave two models: 0 is a seed like any other"
        return None

    images, masks = squares(draw, 4)
    judge.holds(check, "train_twice", images, masks, 3, 1, [7, 7, 8])
    judge.holds(check_zero, "train_twice", images, masks, 3, 1, [0, 0])


@part("train_segmenter")
@rung("edge")
def test_segmenter_uses_a_batch_that_is_not_full(judge, draw):
    """Four images are fewer than most batches have: it must make a difference what is on them."""
    images, masks = squares(draw, 4)
    told = "four images train nothing, their masks make no difference: a batch that is not full counts, too"
    judge.holds(training_checks.make_a_difference(told), "train_with_each", images, [masks, 2 - masks], 3, 3, 5)


@part("train_segmenter")
@rung("edge")
def test_segmenter_uses_the_first_and_the_last_images(judge, draw):
    """Other masks for the last two of 24 images, or for the first, must make a difference."""
    images, masks = squares(draw, 24)
    last, first = masks.clone(), masks.clone()
    last[-2:], first[:2] = 2 - masks[-2:], 2 - masks[:2]
    told = "the masks of some images make no difference: train on every image, hold none out, leave none over"
    judge.holds(training_checks.make_a_difference(told), "train_with_each", images, [masks, last, first], 3, 3, 5)


@part("train_segmenter")
@rung("values")
def test_segmenter_learns_squares(judge, draw):
    """Any class for all pixels has a mean IoU of 0.2 at most: 0.61 for the background, 0 for both kinds of squares."""
    images, masks = squares(draw, 48, side=10)

    def check(said):
        if "type" in said:
            return f"train_segmenter returned a {said['type']}; it must return the trained module"
        prediction = said["prediction"]
        if prediction.shape != masks.shape:
            return "the model's class maps have another shape than the masks"
        overlaps = []
        for kind in range(3):
            mine, true = prediction == kind, masks == kind
            overlaps.append(float((mine & true).sum() / (mine | true).sum()))
        mean = sum(overlaps) / 3
        losses = said["losses"]
        if 0 < len(losses) < 30:
            return f"on_epoch was called {len(losses)} times in 30 epochs: train for all that are asked for"
        if losses and not losses[-1] < 0.85 * losses[0]:
            path = f"from {losses[0]:.3f} to {losses[-1]:.3f}"
            return f"in 30 epochs on 48 images the loss only went {path}: it does not fall"
        if mean < 0.4:
            return (
                f"after 30 epochs on 48 images of squares the mean IoU on these is {mean:.2f}; one class for all "
                "pixels would get 0.20"
            )
        return None

    judge.holds(check, "train", images, masks, 3, 30, 3)


# -- the bars ----------------------------------------------------------------------------------------------------------


@part("train_segmenter")
@rung("bar")
@bar("quick")
def test_a_short_training_learns_scenes(judge):
    judge.bar("quick")


@part("train_segmenter")
@rung("bar")
@bar("full")
def test_training_reaches_the_bar_on_scenes(judge):
    judge.bar("full")
