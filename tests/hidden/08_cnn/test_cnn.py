"""What is expected of 08_cnn."""

import math

import pytest
import torch
from nnkata.grader.authors import bar, classifier_training, part, rung


def answers_there(place):
    """What is wrong with a module that answers here when it was asked elsewhere."""
    return "moved to another device, and asked there, it answers on the CPU" if place == "cpu" else None


# -- conv_output_size ------------------------------------------------------------------------------------------------


@part("conv_output_size")
@rung("number")
def test_size_by_hand(judge):
    judge.expect(26, 28, 3)
    judge.expect(28, 28, 3, padding=1)
    judge.expect(14, 28, 2, stride=2)
    judge.expect(24, 28, 3, dilation=2)
    judge.expect(4, 11, 3, stride=3, padding=1)
    judge.expect(112, 224, 7, stride=2, padding=3)


@part("conv_output_size")
@rung("values")
def test_size_rounds_down(judge):
    judge.expect(3, 7, 2, stride=2)
    judge.expect(2, 8, 3, stride=4)
    judge.expect(3, 10, 3, stride=3)
    judge.expect(5, 9, 4, stride=2, padding=2)


@part("conv_output_size")
@rung("values")
def test_size_with_everything_together(judge, draw):
    judge.expect(1, 5, 5)
    judge.expect(1, 1, 1, stride=5)
    judge.expect(9, 20, 3, stride=2, padding=1, dilation=2)
    for _ in range(20):
        size, kernel, dilation = draw.integer(20, 60), draw.integer(1, 5), draw.integer(1, 4)
        judge.value(size, kernel, stride=draw.integer(1, 5), padding=draw.integer(0, 3), dilation=dilation)


@part("conv_output_size")
@rung("edge")
def test_size_rejects_kernels_that_do_not_fit(judge):
    judge.rejects(ValueError, 3, 5)
    judge.rejects(ValueError, 3, 4)
    judge.rejects(ValueError, 4, 3, dilation=2)
    judge.rejects(ValueError, 1, 10, padding=2)
    judge.expect(1, 3, 5, padding=1)


@part("conv_output_size")
@rung("edge")
def test_size_rejects_kernels_that_do_not_fit_with_a_stride(judge):
    """(4 − 5) / 10 rounds down to −1, so there is no place, while rounding towards 0 would find one."""
    judge.rejects(ValueError, 4, 5, stride=10)
    judge.rejects(ValueError, 3, 5, stride=3)
    judge.expect(1, 5, 5, stride=10)


@part("conv_output_size")
@rung("edge")
def test_size_rejects_impossible_settings(judge):
    judge.expect(10, 10, 1, stride=1, padding=0, dilation=1)
    judge.rejects(ValueError, 10, 3, stride=0)
    judge.rejects(ValueError, 10, 3, stride=-1)
    judge.rejects(ValueError, 10, 3, padding=-1)
    judge.rejects(ValueError, 10, 3, dilation=0)
    judge.rejects(ValueError, 10, 3, dilation=-1)


# -- conv2d ----------------------------------------------------------------------------------------------------------

SETTINGS = {
    "plain": {},
    "stride": {"stride": 2},
    "stride and padding": {"stride": 3, "padding": 1},
    "padding": {"padding": 2},
    "dilation": {"dilation": 2},
    "pairs": {"stride": [1, 2], "padding": [2, 0], "dilation": [2, 1]},
    "other pairs": {"stride": [3, 1], "padding": [0, 1], "dilation": [1, 2]},
    "all": {"stride": 2, "padding": 3, "dilation": 2},
}


def image_and_kernel(draw, n=2, c_in=3, c_out=4, dtype=torch.float32):
    """Neither is square, so that height and width cannot be mixed up."""
    return draw.normal(n, c_in, 9, 11, dtype=dtype), draw.normal(c_out, c_in, 3, 2, dtype=dtype)


@part("conv2d")
@rung("number")
def test_conv_by_hand(judge):
    """A kernel that subtracts the lower right neighbour tells flipped kernels from others."""
    image = torch.tensor([[[[1.0, 2.0, 0.0], [3.0, 5.0, 1.0], [0.0, 4.0, 2.0]]]])
    kernel = torch.tensor([[[[1.0, 0.0], [0.0, -1.0]]]])
    judge.expect(torch.tensor([[[[-4.0, 1.0], [-1.0, 3.0]]]]), image, kernel)
    judge.expect(torch.tensor([[[[-3.5, 1.5], [-0.5, 3.5]]]]), image, kernel, bias=torch.tensor([0.5]))


@part("conv2d")
@rung("values")
@pytest.mark.parametrize("name", ["plain", "stride", "padding", "stride and padding"])
def test_conv_matches_pytorch(judge, draw, name):
    judge.value(*image_and_kernel(draw), **SETTINGS[name])
    judge.value(draw.normal(2, 3, 8, 8), draw.normal(3, 3, 3, 3), **SETTINGS[name])
    judge.value(draw.normal(1, 1, 6, 9), draw.normal(1, 1, 2, 4), **SETTINGS[name])


@part("conv2d")
@rung("values")
def test_conv_bias(judge, draw):
    judge.value(*image_and_kernel(draw), bias=draw.normal(4))
    judge.value(*image_and_kernel(draw), bias=draw.normal(4), stride=2, padding=1)
    judge.value(*image_and_kernel(draw), bias=None)


@part("conv2d")
@rung("edge")
@pytest.mark.parametrize("name", ["dilation", "all"])
def test_conv_dilation(judge, draw, name):
    judge.value(*image_and_kernel(draw), **SETTINGS[name])


@part("conv2d")
@rung("edge")
@pytest.mark.parametrize("name", ["pairs", "other pairs"])
def test_conv_pairs(judge, draw, name):
    judge.probe("with_pairs", "conv2d", *image_and_kernel(draw), draw.normal(4), **SETTINGS[name])
    judge.probe("with_pairs", "conv2d", *image_and_kernel(draw), draw.normal(4), stride=[2, 1], padding=1, dilation=2)


@part("conv2d")
@rung("edge")
def test_conv_of_extreme_kernels(judge, draw):
    judge.value(draw.normal(2, 3, 5, 4), draw.normal(6, 3, 1, 1))
    judge.value(draw.normal(2, 3, 5, 4), draw.normal(6, 3, 5, 4))
    judge.value(draw.normal(1, 2, 2, 3), draw.normal(3, 2, 4, 4), padding=2)
    judge.value(draw.normal(2, 3, 7, 6), draw.normal(2, 3, 1, 2), stride=5)


@part("conv2d")
@rung("gradient")
@pytest.mark.parametrize("name", ["plain", "stride and padding", "all"])
def test_conv_gradients(judge, draw, name):
    judge.gradient(*image_and_kernel(draw), draw.normal(4), wrt=[0, 1, 2], **SETTINGS[name])
    judge.gradient(*image_and_kernel(draw), wrt=[0, 1], **SETTINGS[name])


@part("conv2d")
@rung("gradient")
def test_conv_gradients_with_pairs(judge, draw):
    judge.probe(
        "gradients_with_pairs",
        "conv2d",
        *image_and_kernel(draw),
        draw.normal(4),
        wrt=[0, 1, 2],
        **SETTINGS["pairs"],
    )


@part("conv2d")
@rung("gradient")
def test_conv_bias_of_zeros_learns(judge, draw):
    judge.gradient(*image_and_kernel(draw), torch.zeros(4), wrt=[0, 1, 2])


@part("conv2d")
@rung("layout")
def test_conv_of_other_memory_layouts(judge, draw):
    image, kernel = image_and_kernel(draw)
    for _, other in draw.layouts(image):
        judge.value(other, kernel, padding=1)
    for _, other in draw.layouts(kernel):
        judge.value(image, other, stride=2)
    judge.value(draw.normal(1, 3, 1, 11).expand(2, 3, 9, 11), kernel)


@part("conv2d")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_conv_keeps_the_dtype(judge, draw, dtype):
    image, kernel = image_and_kernel(draw, dtype=dtype)
    judge.value(image * 0.3, kernel * 0.3, bias=draw.normal(4, dtype=dtype), padding=1)
    judge.value(image * 0.3, kernel * 0.3, stride=2)


@part("conv2d")
@rung("device")
def test_conv_on_another_device(judge, draw):
    judge.elsewhere(*image_and_kernel(draw), bias=draw.normal(4), stride=2, padding=1)
    judge.elsewhere(*image_and_kernel(draw))


# -- max_pool2d ------------------------------------------------------------------------------------------------------


def distinct(draw, *shape, low=-1.0, high=1.0):
    """Values in random order, no two of them equal."""
    count = math.prod(shape)
    return (low + (high - low) * (draw.permutation(count).float() + 0.5) / count).reshape(shape)


@part("max_pool2d")
@rung("number")
def test_pool_by_hand(judge):
    image = torch.tensor(
        [[[[1.0, -2.0, 3.0, 0.5], [4.0, 0.0, -1.0, 2.0], [-5.0, -6.0, 7.0, 8.0], [-3.0, -4.0, 9.0, 6.0]]]]
    )
    judge.expect(torch.tensor([[[[4.0, 3.0], [-3.0, 9.0]]]]), image, 2)
    judge.expect(torch.tensor([[[[4.0, 3.0, 3.0], [4.0, 7.0, 8.0], [-3.0, 9.0, 9.0]]]]), image, 2, stride=1)


@part("max_pool2d")
@rung("values")
def test_pool_matches_pytorch(judge, draw):
    judge.value(distinct(draw, 2, 3, 8, 6), 2)
    judge.value(distinct(draw, 2, 3, 9, 7), 3)
    judge.value(distinct(draw, 1, 1, 5, 8), 2, stride=None)
    judge.value(distinct(draw, 1, 2, 7, 5), 1)


@part("max_pool2d")
@rung("values")
def test_pool_stride(judge, draw):
    judge.value(distinct(draw, 2, 3, 9, 7), 3, stride=2)
    judge.value(distinct(draw, 2, 3, 9, 7), 2, stride=1)
    judge.value(distinct(draw, 2, 3, 9, 8), 2, stride=3)


@part("max_pool2d")
@rung("edge")
def test_pool_pads_with_minus_infinity(judge, draw):
    judge.value(distinct(draw, 2, 3, 8, 6, low=-9, high=-1), 3, stride=2, padding=1)
    judge.value(distinct(draw, 2, 3, 5, 6, low=-9, high=-1), 2, padding=1)
    judge.value(distinct(draw, 2, 3, 5, 6, low=-30_000, high=-10_000), 4, padding=2)
    judge.value(distinct(draw, 2, 3, 5, 6, low=-9e30, high=-1e30), 3, stride=2, padding=1)


@part("max_pool2d")
@rung("edge")
def test_pool_pairs(judge, draw):
    judge.probe("with_pairs", "max_pool2d", distinct(draw, 2, 3, 9, 10), [3, 2])
    judge.probe("with_pairs", "max_pool2d", distinct(draw, 2, 3, 9, 10), [2, 3], stride=[1, 2])
    judge.probe("with_pairs", "max_pool2d", distinct(draw, 2, 3, 9, 10), 3, stride=[2, 1], padding=[0, 1])
    judge.probe("with_pairs", "max_pool2d", distinct(draw, 2, 3, 9, 10) - 2, [4, 2], stride=2, padding=[2, 0])
    judge.probe("with_pairs", "max_pool2d", distinct(draw, 3, 9, 10), [3, 2])


@part("max_pool2d")
@rung("edge")
def test_pool_of_a_single_image(judge, draw):
    judge.value(distinct(draw, 3, 8, 6), 2)
    judge.value(distinct(draw, 3, 7, 6), 3, stride=2, padding=1)


@part("max_pool2d")
@rung("edge")
def test_pool_keeps_dimensions_of_size_1(judge, draw):
    judge.value(distinct(draw, 1, 8, 6), 2)
    judge.value(distinct(draw, 3, 2, 6), 2)
    judge.value(distinct(draw, 1, 1, 2, 2), 2)


@part("max_pool2d")
@rung("gradient")
def test_pool_gradients(judge, draw):
    judge.gradient(distinct(draw, 2, 3, 8, 6), 2)
    judge.gradient(distinct(draw, 2, 3, 9, 7), 3, stride=2, padding=1)
    judge.gradient(distinct(draw, 3, 9, 7), 2, stride=1)
    judge.probe("gradients_with_pairs", "max_pool2d", distinct(draw, 2, 3, 9, 7), [3, 2], wrt=[0], stride=[1, 2])


@part("max_pool2d")
@rung("layout")
def test_pool_of_other_memory_layouts(judge, draw):
    for _, image in draw.layouts(distinct(draw, 2, 3, 8, 6)):
        judge.value(image, 2)
        judge.value(image, 3, stride=2, padding=1)


@part("max_pool2d")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_pool_keeps_the_dtype(judge, draw, dtype):
    judge.value(distinct(draw, 2, 2, 4, 6).to(dtype), 2)
    judge.value(distinct(draw, 2, 2, 4, 6).to(dtype) - 2, 3, stride=1, padding=1)


@part("max_pool2d")
@rung("device")
def test_pool_on_another_device(judge, draw):
    judge.elsewhere(distinct(draw, 2, 3, 8, 6), 2)
    judge.elsewhere(distinct(draw, 2, 3, 8, 6) - 2, 3, stride=2, padding=1)


# -- BatchNorm2d -----------------------------------------------------------------------------------------------------


def bn_state(draw, channels, dtype=torch.float32):
    """A state_dict with values that make every entry count."""
    return {
        "weight": draw.uniform(channels, low=0.5, high=2.0, dtype=dtype),
        "bias": draw.normal(channels, dtype=dtype),
        "running_mean": draw.normal(channels, dtype=dtype) + 1.5,
        "running_var": draw.uniform(channels, low=2.0, high=5.0, dtype=dtype),
        "num_batches_tracked": torch.tensor(7),
    }


def channels_apart(draw, *shape, dtype=torch.float32):
    """A batch whose channels have different means and scales."""
    c = shape[1]
    return draw.normal(*shape, dtype=dtype) * draw.uniform(c, 1, 1, low=0.5, high=3.0, dtype=dtype) + draw.normal(
        c, 1, 1, scale=3, dtype=dtype
    )


@part("BatchNorm2d")
@rung("shape")
def test_bn_begins_like_pytorch(judge):
    judge.probe("bn_fresh", 5)
    judge.probe("bn_fresh", 1)


@part("BatchNorm2d")
@rung("number")
def test_bn_by_hand(judge):
    """Values 0 and 2: mean 1, variance 1, and 2 where it is divided by the number of values − 1."""
    state = {
        "weight": torch.tensor([3.0]), "bias": torch.tensor([10.0]), "running_mean": torch.tensor([0.0]),
        "running_var": torch.tensor([1.0]), "num_batches_tracked": torch.tensor(0),
    }  # fmt: skip
    batch = torch.tensor([0.0, 2.0]).reshape(2, 1, 1, 1)

    def check(said):
        result, mean, var = (
            t.flatten().tolist()
            for t in (said["outputs"][0], *(said["state"][f"running_{k}"] for k in ("mean", "var")))
        )
        if max(abs(result[0] - 7), abs(result[1] - 13)) > 1e-3:
            return f"weight 3, bias 10: 0 and 2 become {result[0]:.4f} and {result[1]:.4f}; worked out by hand 7 and 13"
        if abs(mean[0] - 0.1) > 1e-5 or abs(var[0] - 1.1) > 1e-5:
            return (
                f"running mean and variance go from 0 and 1 to {mean[0]:.4f} and {var[0]:.4f}; worked out by "
                "hand 0.1 and 1.1"
            )
        return None

    judge.probe("bn_outputs", [batch], state)
    judge.holds(check, "bn_outputs", [batch], state)


@part("BatchNorm2d")
@rung("values")
def test_bn_normalises_the_batch(judge, draw):
    for shape in [(2, 3, 2, 1), (4, 3, 5, 6), (1, 3, 4, 2), (3, 1, 2, 2)]:
        judge.probe("bn_outputs", [channels_apart(draw, *shape)], bn_state(draw, shape[1]))


@part("BatchNorm2d")
@rung("values")
def test_bn_eval_uses_the_running_statistics(judge, draw):
    state = bn_state(draw, 3)
    judge.probe("bn_outputs", [channels_apart(draw, 4, 3, 5, 6)], state, training=False)
    judge.probe("bn_outputs", [channels_apart(draw, 1, 3, 1, 1)], state, training=False)


@part("BatchNorm2d")
@rung("edge")
@pytest.mark.parametrize("momentum", [0.1, 0.3, 0.8])
def test_bn_running_statistics(judge, draw, momentum):
    batches = [channels_apart(draw, 2, 3, 2, 2) for _ in range(3)]
    judge.probe("bn_outputs", batches, bn_state(draw, 3), momentum=momentum)


@part("BatchNorm2d")
@rung("edge")
def test_bn_momentum_of_0_and_1(judge, draw):
    batches = [channels_apart(draw, 2, 3, 2, 2) for _ in range(2)]
    judge.probe("bn_outputs", batches, bn_state(draw, 3), momentum=0.0)
    judge.probe("bn_outputs", batches, bn_state(draw, 3), momentum=1.0)


@part("BatchNorm2d")
@rung("edge")
def test_bn_eval_updates_nothing(judge, draw):
    batches = [channels_apart(draw, 2, 3, 2, 2) for _ in range(2)]
    judge.probe("bn_outputs", batches, bn_state(draw, 3), training=False, momentum=0.5)


@part("BatchNorm2d")
@rung("edge")
def test_bn_switches_between_training_and_eval(judge, draw):
    judge.probe("bn_switches", channels_apart(draw, 2, 3, 2, 2), channels_apart(draw, 3, 3, 2, 4), bn_state(draw, 3))


@part("BatchNorm2d")
@rung("edge")
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_bn_eps(judge, draw, eps):
    small = channels_apart(draw, 4, 2, 3, 3) * 3e-3
    judge.probe("bn_outputs", [small], bn_state(draw, 2), eps=eps)
    state = bn_state(draw, 2)
    state["running_var"] = torch.tensor([1e-5, 1e-3])
    judge.probe("bn_outputs", [small], state, eps=eps, training=False)


@part("BatchNorm2d")
@rung("edge")
def test_bn_eps_of_0(judge, draw):
    """In eval mode, where PyTorch takes it: in training it wants more than 0."""
    state = bn_state(draw, 2)
    state["running_var"] = torch.tensor([1e-5, 1e-3])
    judge.probe("bn_outputs", [channels_apart(draw, 4, 2, 3, 3) * 3e-3], state, eps=0.0, training=False)


@part("BatchNorm2d")
@rung("edge")
def test_bn_rejects_a_single_value_per_channel(judge, draw):
    judge.probe("bn_single_value", draw.normal(1, 3, 1, 1), draw.normal(2, 3, 1, 1), bn_state(draw, 3))
    judge.probe("bn_single_value", draw.normal(1, 2, 1, 1), draw.normal(1, 2, 1, 2), bn_state(draw, 2))


@part("BatchNorm2d")
@rung("gradient")
@pytest.mark.parametrize("training", [True, False])
def test_bn_gradients(judge, draw, training):
    judge.probe("bn_gradients", channels_apart(draw, 3, 2, 3, 2), bn_state(draw, 2), training=training)
    judge.probe("bn_gradients", channels_apart(draw, 2, 4, 1, 2), bn_state(draw, 4), training=training, eps=0.1)


@part("BatchNorm2d")
@rung("gradient")
def test_bn_buffers_hold_no_graph(judge, draw):
    judge.probe("bn_graphs", channels_apart(draw, 3, 2, 3, 2), bn_state(draw, 2))


@part("BatchNorm2d")
@rung("layout")
def test_bn_of_other_memory_layouts(judge, draw):
    for _, batch in draw.layouts(channels_apart(draw, 2, 3, 4, 5)):
        judge.probe("bn_outputs", [batch], bn_state(draw, 3))


@part("BatchNorm2d")
@rung("dtype")
def test_bn_in_double_precision(judge, draw):
    state = bn_state(draw, 3, dtype=torch.float64)
    judge.probe("bn_outputs", [channels_apart(draw, 2, 3, 4, 5, dtype=torch.float64)], state)
    judge.probe("bn_gradients", channels_apart(draw, 2, 3, 4, 5, dtype=torch.float64), state, training=False)


@part("BatchNorm2d")
@rung("device")
def test_bn_on_another_device(judge, draw):
    judge.holds(answers_there, "bn_elsewhere", draw.normal(4, 3, 5, 2))


# -- dropout ---------------------------------------------------------------------------------------------------------


@part("dropout")
@rung("number")
def test_dropout_of_certain_cases(judge, draw):
    x = draw.normal(4, 5)
    judge.expect(x, x, p=0.0)
    judge.expect(x, x, p=0.5, training=False)
    judge.expect(x, x, training=False)
    judge.expect(torch.zeros(4, 5), x, p=1.0)


def factor(kept, p):
    """How the factor of what is kept could have come about."""
    for number, words in [
        (1 / p, "which is one over p"),
        (2.0, "as if p were one half"),
        (1 - p, "a factor, not a divisor"),
    ]:
        if (kept - number).abs().max() < 1e-3:
            return words
    return "which is something else" if (kept - kept[0]).abs().max() < 1e-3 else "and not all values alike"


def inverted(p, x):
    """A check: each value is 0 with probability p and else divided by 1 − p, each on its own."""

    def check(said):
        result = said["result"]
        if result.shape != x.shape:
            return f"the result has the shape {tuple(result.shape)}; expected {tuple(x.shape)}"
        if not torch.equal(said["x"], x):
            return "x was changed in place; work on a new tensor"
        if not result.isfinite().all():
            return "some values of the result are not finite"
        ratio = result / x
        kept = ratio[ratio != 0]
        share = len(kept) / x.numel()
        if share == 1.0:
            return f"nothing is dropped, with p={p} in training"
        if abs(share - (1 - p)) > 0.05:
            told = "p is taken for the probability to stay" if abs(share - p) < 0.05 else "that is another probability"
            return f"{share:.3f} of the values are kept with p={p}; expected {1 - p:.3f}: {told}"
        if (kept - 1).abs().max() < 1e-3:
            return (
                f"what is kept is kept as it is; with p={p} it must become {1 / (1 - p):.4f} times as large, so "
                "that the mean stays"
            )
        if (kept - 1 / (1 - p)).abs().max() > 1e-3:
            told = f"what is kept becomes {float(kept.mean()):.4f} times as large with p={p}"
            return f"{told}, {factor(kept, p)}; expected {1 / (1 - p):.4f}"
        dropped = ratio == 0
        if bool((dropped == dropped[:1]).all()):
            return "the same places are dropped in every row: draw for each value on its own"
        if bool((dropped == dropped[:, :1]).all()):
            return "whole rows are dropped: draw for each value on its own"
        return None

    return check


def not_near_zero(draw, *shape):
    x = draw.normal(*shape)
    return x + x.sign() * 0.5


@part("dropout")
@rung("values")
@pytest.mark.parametrize("p", [0.2, 0.7])
def test_dropout_is_inverted(judge, draw, p):
    x = not_near_zero(draw, 100, 80)
    judge.holds(inverted(p, x), "dropped", x, draw.integer(0, 10**6), p=p)
    judge.holds(inverted(p, x), "dropped", x, draw.integer(0, 10**6), p=p, training=True)


@part("dropout")
@rung("values")
def test_dropout_drops_half_by_default(judge, draw):
    x = not_near_zero(draw, 100, 80)
    judge.holds(inverted(0.5, x), "dropped", x, draw.integer(0, 10**6))


@part("dropout")
@rung("edge")
def test_dropout_draws_anew(judge, draw):
    def check(results):
        return "two calls drop exactly the same values" if torch.equal(*results) else None

    judge.holds(check, "dropped_twice", torch.ones(20, 20), draw.integer(0, 10**6), p=0.5)


@part("dropout")
@rung("edge")
def test_dropout_of_any_shape(judge, draw):
    for shape in [(4000,), (40, 5, 2, 10)]:
        x = not_near_zero(draw, *shape)

        def check(said, x=x):
            if said["result"].shape != x.shape:
                return f"the result has the shape {tuple(said['result'].shape)}; expected {tuple(x.shape)}"
            share = (said["result"] == 0).float().mean().item()
            return None if 0.22 < share < 0.38 else f"{share:.3f} of the values are dropped with p=0.3"

        judge.holds(check, "dropped", x, draw.integer(0, 10**6), p=0.3)


@part("dropout")
@rung("edge")
def test_dropout_of_a_single_value(judge, draw):
    def check(results):
        share = (results == 0).float().mean().item()
        if 0.2 < share < 0.8:
            return None
        return f"a single value is dropped in {share:.0%} of 100 calls with p=0.5; draw for each value on its own"

    for shape in [(1,), (1, 1), ()]:
        judge.holds(check, "dropped_often", torch.ones(shape), draw.integer(0, 10**6), 100, p=0.5)


@part("dropout")
@rung("edge")
def test_dropout_rejects_what_is_no_probability(judge, draw):
    x = draw.normal(3, 4)
    judge.expect(x, x, p=0.0, training=True)
    judge.rejects(ValueError, x, p=1.1)
    judge.rejects(ValueError, x, p=-0.1)


@part("dropout")
@rung("edge")
def test_dropout_rejects_in_eval_mode_too(judge, draw):
    x = draw.normal(3, 4)
    judge.expect(x, x, p=1.0, training=False)
    judge.rejects(ValueError, x, p=-0.1, training=False)
    judge.rejects(ValueError, x, p=1.1, training=False)


@part("dropout")
@rung("gradient")
def test_dropout_gradient(judge, draw):
    x = not_near_zero(draw, 20, 10)

    def check(said):
        if said["gradient"] is None:
            return "no gradient reaches x: somewhere the result is cut off from the graph"
        if (said["gradient"] - said["result"] / x).abs().max() > 1e-4:
            return "the gradient is not 1/(1 − p) where a value was kept and 0 where it was dropped"
        return None

    judge.holds(check, "dropout_gradient", x, draw.integer(0, 10**6), p=0.4)
    judge.gradient(x, p=0.4, training=False)
    judge.gradient(x, p=0.0)


@part("dropout")
@rung("layout")
def test_dropout_of_other_memory_layouts(judge, draw):
    for _, x in draw.layouts(not_near_zero(draw, 90, 80)):
        judge.holds(inverted(0.4, x), "dropped", x, draw.integer(0, 10**6), p=0.4)


@part("dropout")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dropout_keeps_the_dtype(judge, draw, dtype):
    judge.value(draw.normal(6, 5, dtype=dtype), p=0.0)
    judge.value(draw.normal(6, 5, dtype=dtype), p=1.0)

    def check(said):
        if said["result"].dtype != dtype:
            return f"the result has the dtype {said['result'].dtype}; expected {dtype}"
        return None

    judge.holds(check, "dropped", draw.normal(6, 5, dtype=dtype), draw.integer(0, 10**6), p=0.5)


@part("dropout")
@rung("device")
def test_dropout_on_another_device(judge, draw):
    judge.elsewhere(draw.normal(6, 5), p=1.0)
    judge.elsewhere(draw.normal(6, 5), p=0.0)
    judge.holds(answers_there, "dropout_elsewhere", draw.normal(6, 5), p=0.5, training=True)


# -- CNN -------------------------------------------------------------------------------------------------------------


def small_and_convolutional(shapes):
    """A check: at most 500,000 parameters, and not one weight for every pixel."""
    count = sum(math.prod(shape) for shape in shapes)
    if count == 0:
        return "the network has no parameters: are its layers in a plain list?"
    if count > 500_000:
        return f"the network has {count:,} parameters; at most 500,000 are allowed"
    matrices = [shape for shape in shapes if len(shape) > 1]
    if all(len(shape) == 2 for shape in matrices) and (not matrices or 784 in matrices[0]):
        return (
            "the first layer has a weight for each of the 784 pixels: that is no convolution, which uses a "
            "few weights everywhere"
        )
    return None


@part("CNN")
@rung("shape")
def test_cnn_is_small_and_convolutional(judge):
    judge.holds(small_and_convolutional, "cnn_parameters")


def ten_logits(count):
    """A check: ten finite logits for each of so many images."""

    def check(logits):
        if logits.dim() == 2 and len(logits) != count:
            return f"{count} images come back as {len(logits)} rows of logits; there is to be one row for each image"
        if tuple(logits.shape) != (count, 10):
            return f"the logits of {count} images have the shape {tuple(logits.shape)}; expected ({count}, 10)"
        return None if logits.isfinite().all() else "some logits are not finite"

    return check


@part("CNN")
@rung("shape")
@pytest.mark.parametrize("training", [True, False])
def test_cnn_gives_ten_logits(judge, draw, training):
    for count in (5, 2 if training else 1):
        images, seed = draw.normal(count, 1, 28, 28), draw.integer(0, 10**6)
        judge.holds(ten_logits(count), "cnn_logits", images, seed, training=training)


def are_logits(logits):
    """A check of what networks with enlarged parameters give: no probabilities, no activation's results."""
    if logits.abs().max() < 1e-6:
        return None  # a last layer that starts at 0
    sums, exp_sums = logits.sum(dim=1), logits.exp().sum(dim=1)
    if logits.min() >= 0 and (sums - 1).abs().max() < 1e-4:
        return "the network returns probabilities (each row sums to 1); logits are asked for"
    if (exp_sums - 1).abs().max() < 1e-3:
        return "the network returns log-probabilities (exp of each row sums to 1); logits are asked for"
    if logits.min() >= 0 and logits.max() <= 1 + 1e-6:
        return "all logits lie between 0 and 1: there must be no sigmoid after the last layer"
    if logits.min() >= 0:
        return "no logit is ever negative: there must be no ReLU after the last layer"
    if -logits.min() < 0.05 * logits.max():
        return (
            "negative logits are always far smaller than positive ones: there must be no activation (leaky ReLU, ELU, "
            "GELU, …) after the last layer"
        )
    if 0.95 < logits.abs().max() <= 1 + 1e-6:
        return "no logit ever leaves [-1, 1]: there must be no tanh after the last layer"
    return None


@part("CNN")
@rung("values")
def test_cnn_returns_logits(judge, draw):
    seeds = [draw.integer(0, 10**6) for _ in range(4)]  # 40 logits of different weights: they cannot all be positive
    judge.holds(are_logits, "cnn_enlarged", draw.normal(8, 1, 28, 28), seeds, scale=30.0)


def are_logits_while_training(logits):
    """A check of what a new network gives in training mode, when dropout is on: nothing comes after the last layer."""
    if logits.abs().max() < 1e-6:
        return None  # a last layer that starts at 0
    if logits.min() >= 0 and (logits.sum(dim=1) - 1).abs().max() < 1e-4:
        return "in training mode the network returns probabilities (each row sums to 1); logits are asked for"
    if (logits.exp().sum(dim=1) - 1).abs().max() < 1e-3:
        return "in training mode the network returns log-probabilities; logits are asked for"
    if (logits == 0).float().mean() > 0.02:
        return "in training mode some logits are exactly 0: there must be no dropout and no ReLU after the last layer"
    return None


@part("CNN")
@rung("values")
def test_cnn_returns_logits_while_training(judge, draw):
    images, seed = draw.normal(40, 1, 28, 28), draw.integer(0, 10**6)
    judge.holds(are_logits_while_training, "cnn_logits", images, seed, training=True)


@part("CNN")
@rung("values")
def test_cnn_gives_the_same_answer_twice(judge, draw):
    def check(said):
        if torch.equal(*said):
            return None
        return "in eval mode two looks at the same images give two answers: something is still drawn at random"

    judge.holds(check, "cnn_twice", draw.normal(6, 1, 28, 28), draw.integer(0, 10**6))


@part("CNN")
@rung("values")
def test_cnn_looks_at_its_images(judge, draw):
    """All parameters moved a little, for a last layer may start at 0."""

    def check(logits):
        if (logits - logits[:1]).abs().max() > 1e-6:
            return None
        return "all images get the same logits, whatever the weights are: the images take no part in the result"

    judge.holds(check, "cnn_moved", draw.normal(8, 1, 28, 28), draw.integer(0, 10**6))


def alone_as_together(said):
    """A check: in eval mode it makes no difference for an image which others are in the batch."""
    gap = (said["together"] - said["alone"]).abs().max().item()
    if gap > 1e-3 * max(1.0, said["together"].abs().max().item()):
        return f"in eval mode an image's logits change by {gap:.4f} when it comes alone instead of in a batch"
    return None


@part("CNN")
@rung("values")
def test_cnn_looks_at_each_image_alone(judge, draw):
    judge.holds(alone_as_together, "cnn_one_by_one", draw.normal(6, 1, 28, 28), draw.integer(0, 10**6))


@part("CNN")
@rung("values")
def test_cnn_parameters_can_learn(judge, draw):
    def check(reached):
        if not reached:
            return "the network has no parameters: are its layers in a plain list?"
        if not all(reached):
            return f"no gradient reaches parameter number {reached.index(False) + 1}: it takes no part in the result"
        return None

    judge.holds(check, "cnn_reached", draw.normal(4, 1, 28, 28), draw.integer(0, 10**6))


@part("CNN")
@rung("dtype")
def test_cnn_in_double_precision(judge, draw):
    def check(logits):
        if logits.dtype == torch.float64:
            return None
        return f"parameters and images in float64 give logits in {logits.dtype}: keep the dtype of the images"

    for training in (True, False):
        judge.holds(check, "cnn_logits", draw.normal(2, 1, 28, 28, dtype=torch.float64), 1, training=training)


@part("CNN")
@rung("device")
def test_cnn_on_another_device(judge, draw):
    judge.holds(answers_there, "cnn_elsewhere", draw.normal(3, 1, 28, 28))


# -- train_classifier ------------------------------------------------------------------------------------------------


classifier_training.add_tests(globals(), bars=True)


@part("train_classifier")
@rung("bar")
@bar("best")
def test_training_reaches_99_percent(judge):
    judge.bar("best")
