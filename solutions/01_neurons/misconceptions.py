"""What people get wrong about neurons and layers: runnable, and explained."""

import torch
from nnkata.grader.authors import misconception, recurring
from torch import nn

# -- neuron ----------------------------------------------------------------------------------------------------------


@misconception(
    "neuron",
    "products-not-added-up",
    "You multiply each input by its weight and add the bias, but you never add the products up: a "
    "sample with 3 inputs gets 3 answers. A neuron has one output, however many inputs it has.",
    "Sum the products over the last dimension, the one of the inputs, before the bias comes in.",
    fails=["test_neuron_by_hand", "test_neuron_answers_each_sample"],
)
def products(x, weight, bias):
    return x * weight + bias


@misconception(
    "neuron",
    "batch-added-up-too",
    "You sum over all dimensions, so a whole batch melts into one number: for the samples [1, 0], [0, "
    "1] and [1, 1] you give a single answer instead of three.",
    "Say which dimension the sum is to take away: only the last one holds the inputs of a sample, the "
    "others hold samples.",
    fails=["test_neuron_by_hand", "test_neuron_answers_each_sample"],
)
def sums_batch(x, weight, bias):
    return (x * weight).sum() + bias


@misconception(
    "neuron",
    "bias-in-every-term",
    "You add the bias to each product before you sum, so it counts once for every input: with 3 inputs "
    "and a bias of 0.25 you are 0.5 too high. The bias belongs to the neuron, not to its connections.",
    "Close the sum first, then add the bias to its result.",
    fails=["test_neuron_by_hand", "test_neuron_gradient"],
)
def bias_each(x, weight, bias):
    return (x * weight + bias).sum(-1)


@misconception(
    "neuron",
    "bias-subtracted",
    "You subtract the bias as if it were a threshold. The two are opposites: bias = −threshold. A large "
    "bias makes a neuron answer easily, a large threshold makes that hard.",
    "Keep the sign of the definition: weighted sum plus bias.",
    fails=["test_neuron_by_hand", "test_neuron_gradient"],
)
def bias_subtracted(x, weight, bias):
    return x @ weight - bias


@misconception(
    "neuron",
    "squashed",
    "You send the sum through a sigmoid, so your answers all lie between 0 and 1: where 4.75 is right, "
    "you give 0.991. The activation is a step of its own and comes in the next exercise.",
    "Return the weighted sum plus bias as it is.",
    fails=["test_neuron_by_hand", "test_neuron_of_large_values_and_empty_batches"],
)
def squashed(x, weight, bias):
    return torch.sigmoid(x @ weight + bias)


@misconception(
    "neuron",
    "bias-taken-out-of-the-graph",
    "Your numbers are right, but you turn the bias into a plain Python number (`.item()` or `float`) on "
    "the way. Autograd does not see where that came from, so no gradient reaches the bias and training "
    "could never change it.",
    "A 0-d tensor adds to any other tensor: leave the bias a tensor.",
    fails="test_neuron_gradient",
)
def bias_item(x, weight, bias):
    return x @ weight + bias.item()


@misconception(
    "neuron",
    "one-dimension-too-many",
    "You make the weight a matrix of one column, so your answer keeps a dimension of size 1: four "
    "samples give (4, 1) instead of (4,). Against a target of the shape (4,) that would broadcast to "
    "(4, 4) without a word.",
    "Multiply by the vector as it is, or take the last dimension away at the end.",
    fails=["test_neuron_by_hand", "test_neuron_answers_each_sample"],
)
def column(x, weight, bias):
    return x @ weight[:, None] + bias


@recurring.squeezed(
    "neuron",
    id="batch-of-one-squeezed",
    fails="test_neuron_answers_each_sample",
    example="four samples give (4,), but a single one, (1, 5), gives a single number instead of (1,)",
)
def squeezed_batch(x, weight, bias):
    return (x @ weight + bias).squeeze()


@misconception(
    "neuron",
    "bias-never-added",
    "You never add the bias: your neuron answers 0 when it hears nothing.",
    "The weighted sum comes first, then the bias.",
    fails=["test_neuron_by_hand", "test_neuron_gradient"],
)
def no_neuron_bias(x, weight, bias):
    return x @ weight + 0 * bias


@misconception(
    "neuron",
    "mean-instead-of-a-sum",
    "You average the products where they are to be added up: with 3 inputs what arrives is three times too small.",
    "A weighted sum is divided by nothing.",
    fails=["test_neuron_by_hand", "test_neuron_gradient"],
)
def neuron_mean(x, weight, bias):
    return (x * weight).mean(-1) + bias


@misconception(
    "neuron",
    "negative-answers-cut-off",
    "Your neuron never answers below 0: there is a ReLU in it. The activation is a step of its own and comes in the "
    "next exercise.",
    "Return the weighted sum plus bias as it is.",
    fails=["test_neuron_by_hand", "test_neuron_of_large_values_and_empty_batches"],
)
def neuron_relu(x, weight, bias):
    return torch.relu(x @ weight + bias)


@misconception(
    "neuron",
    "bias-multiplied",
    "You multiply by the bias where it is to be added: with a bias of 0 your neuron is deaf.",
    "Sum first, then plus the bias.",
    fails=["test_neuron_by_hand", "test_neuron_gradient"],
)
def neuron_bias_multiplied(x, weight, bias):
    return (x @ weight) * bias


def weighted_sum(x, weight, bias):
    return x @ weight + bias


recurring.detached("neuron", weighted_sum, id="neuron-cut-off-from-the-graph", fails="test_neuron_gradient")


# -- fires -----------------------------------------------------------------------------------------------------------


@misconception(
    "fires",
    "must-exceed-the-threshold",
    "Your neuron fires only above its threshold. A sum that is exactly the threshold reaches it, and "
    "must fire too: with the weights [1, 1] and the threshold 1, the input [0, 1] does.",
    'Look at the comparison: one of the two that say "greater" includes equality.',
    fails="test_fires_when_the_sum_is_the_threshold",
)
def above(x, weight, threshold):
    return x @ weight > threshold


@misconception(
    "fires",
    "threshold-added",
    "You add the threshold to the sum and compare with 0, as one does with a bias. But a threshold "
    "works against firing: with the threshold 1.5 your neuron fires without any input.",
    "Compare the sum with the threshold itself, or remember that the bias is minus the threshold.",
    fails="test_fires_by_hand",
)
def threshold_added(x, weight, threshold):
    return x @ weight + threshold >= 0


@misconception(
    "fires",
    "numbers-instead-of-truth-values",
    "You answer with the numbers 0 and 1. They look alike, but they cannot be used as a mask, and `~` "
    "or `&` mean something else for them.",
    "A comparison already gives a tensor of dtype bool: do not convert it.",
    fails="test_fires_by_hand",
)
def as_numbers(x, weight, threshold):
    return (x @ weight >= threshold).to(x.dtype)


@misconception(
    "fires",
    "each-connection-for-itself",
    "You compare each weighted input with the threshold and fire if one of them reaches it. A neuron "
    "adds first: two inputs of 1 together reach 1.5, though neither does alone.",
    "Sum over the inputs before you compare.",
    fails="test_fires_by_hand",
)
def any_alone(x, weight, threshold):
    return (x * weight >= threshold).any(-1)


@misconception(
    "fires",
    "strength-without-sign",
    "You compare the size of the sum, so a strongly negative sum fires too. Negative weights are there "
    "to keep a neuron silent: the sum −2 does not reach the threshold 1.",
    "Compare the sum as it is, with its sign.",
    fails=["test_fires_by_hand", "test_fires_just_below_and_far_away"],
)
def absolute(x, weight, threshold):
    return (x @ weight).abs() >= threshold


@misconception(
    "fires",
    "comparison-the-wrong-way-round",
    "Your neuron fires when its sum stays at or below the threshold, and is silent above it. It is the other way "
    "round: with the threshold 1.5 a sum of 2 fires and a sum of 0 does not.",
    "Read your comparison aloud: which side has to be the larger one?",
    fails=["test_fires_by_hand", "test_fires_for_many_inputs"],
)
def at_most(x, weight, threshold):
    return x @ weight <= threshold


@misconception(
    "fires",
    "fires-below-the-threshold",
    "Your neuron fires when its sum stays below the threshold, and is silent where the sum reaches it: every answer is "
    "the opposite of the right one.",
    "Read your comparison aloud: which side has to be the larger one, and what if both are equal?",
    fails=["test_fires_by_hand", "test_fires_for_many_inputs"],
)
def below(x, weight, threshold):
    return x @ weight < threshold


@misconception(
    "fires",
    "threshold-ignored",
    "You compare the sum with 0, whatever the threshold is. With the threshold 1.5 a sum of 1 must not fire, and with "
    "−0.25 a sum of −0.2 must.",
    "The argument `threshold` says what the sum has to reach: it belongs into the comparison.",
    fails=["test_fires_by_hand", "test_fires_for_many_inputs"],
)
def against_zero(x, weight, threshold):
    return x @ weight >= 0


@misconception(
    "fires",
    "threshold-cut-to-a-whole-number",
    "You make the threshold an int, which cuts off what stands behind the point: 1.5 becomes 1, and a sum of 1 fires "
    "though it does not reach 1.5.",
    "Compare with the threshold as it comes, a float or a 0-d tensor.",
    fails=["test_fires_by_hand", "test_fires_with_a_tensor_as_threshold"],
)
def whole_threshold(x, weight, threshold):
    return x @ weight >= int(threshold)


@misconception(
    "fires",
    "one-answer-for-the-batch",
    "You sum over all dimensions, or ask whether any sample fires: a whole batch gets one answer.",
    "Only the last dimension holds the inputs of a sample; sum over that one.",
    fails=["test_fires_by_hand", "test_fires_for_many_inputs"],
)
def one_answer_for_the_batch(x, weight, threshold):
    return (x * weight).sum() >= threshold


# -- linear ----------------------------------------------------------------------------------------------------------


@misconception(
    "linear",
    "weight-not-transposed",
    "You multiply x by the weight as it is stored. Each row of the weight belongs to a neuron, so x "
    "must meet the rows, not the columns. With as many neurons as inputs the sizes fit by accident and "
    "all the numbers are wrong; otherwise there is an error.",
    "The weight is (out_features, in_features): turn it around before the product.",
    fails=["test_linear_by_hand", "test_linear_of_matching_sizes"],
)
def not_transposed(x, weight, bias=None):
    y = x @ weight
    return y if bias is None else y + bias


@misconception(
    "linear",
    "neurons-before-samples",
    "Your answer has the neurons along the first dimension and the samples along the last: "
    "(out_features, N) where (N, out_features) is asked for. The next layer would take samples for "
    "inputs.",
    "Put x on the left of the product, so that its leading dimensions stay where they are.",
    fails=["test_linear_by_hand", "test_linear_with_any_leading_dimensions"],
)
def neurons_first(x, weight, bias=None):
    y = weight @ (x.T if x.dim() == 2 else x.transpose(-1, -2) if x.dim() > 2 else x)
    if bias is None:
        return y
    return y + (bias if x.dim() == 1 else bias[:, None])


@misconception(
    "linear",
    "leading-dimensions-flattened",
    "You flatten all leading dimensions into one for the product and leave them so: an input (2, 3, 5) "
    "gives (6, out_features) instead of (2, 3, out_features).",
    "Give the answer its leading dimensions back, or use `@`, which needs no flattening.",
    fails="test_linear_with_any_leading_dimensions",
)
def flattened(x, weight, bias=None):
    y = x.reshape(-1, x.shape[-1]) @ weight.T
    return y if bias is None else y + bias


@misconception(
    "linear",
    "bias-left-out",
    "You never add the bias, so every neuron answers 0 when it hears nothing. That is right without a "
    "bias, and wrong whenever there is one.",
    "If a bias is given, add it: number j of it belongs to neuron j.",
    fails=["test_linear_by_hand", "test_linear_gradient"],
)
def no_bias(x, weight, bias=None):
    return x @ weight.T


@misconception(
    "linear",
    "bias-always-expected",
    "You add the bias without looking whether there is one: for `bias=None`, which is the default, "
    "Python cannot add None to a tensor.",
    "Ask `if bias is None` first. `if bias` does not do: a tensor of several numbers is neither true nor false.",
    fails="test_linear_without_a_bias",
)
def bias_expected(x, weight, bias=None):
    return x @ weight.T + bias


@misconception(
    "linear",
    "dimensions-of-one-dropped",
    "You squeeze your answer. That takes away every dimension of size 1, also those that belong there: "
    "a batch of one sample, or a layer of one neuron, loses its dimension.",
    "The product gives the right shape by itself: leave it alone.",
    fails="test_linear_with_any_leading_dimensions",
)
def squeezed(x, weight, bias=None):
    y = x @ weight.T
    return (y if bias is None else y + bias).squeeze()


@misconception(
    "linear",
    "linear-bias-subtracted",
    "You subtract the bias as if it were a threshold. The two are opposites: bias = −threshold.",
    "y = x·Wᵀ + b: keep the sign of the definition.",
    fails=["test_linear_by_hand", "test_linear_gradient"],
)
def linear_bias_subtracted(x, weight, bias=None):
    return x @ weight.T if bias is None else x @ weight.T - bias


@misconception(
    "linear",
    "linear-cut-off-below-zero",
    "Your layer never answers below 0: there is a ReLU in it. A linear layer ends with the sum; the activation comes "
    "after it.",
    "Return x·Wᵀ + b as it is.",
    fails=["test_linear_of_matching_sizes", "test_linear_of_large_values_and_empty_batches"],
)
def linear_relu(x, weight, bias=None):
    y = x @ weight.T
    return torch.relu(y if bias is None else y + bias)


@misconception(
    "linear",
    "no-gradient-for-the-layers-bias",
    "Your numbers are right, but the bias is cut off from the graph (`.data`, `.detach()`, `.tolist()`): training "
    "would never change it.",
    "Add the bias itself.",
    fails="test_linear_gradient",
)
def linear_bias_detached(x, weight, bias=None):
    return x @ weight.T if bias is None else x @ weight.T + bias.detach()


# -- Linear ----------------------------------------------------------------------------------------------------------


class Right(nn.Module):
    """A layer as it should be, to be spoilt below."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(self.draw(in_features, out_features, out_features, in_features))
        values = nn.Parameter(self.draw(in_features, out_features, out_features)) if bias else None
        self.register_parameter("bias", values)

    def draw(self, fan_in, fan_out, *shape):
        return (torch.rand(shape) * 2 - 1) / fan_in**0.5

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


@misconception(
    "Linear",
    "plain-tensors",
    "You keep weight and bias as plain tensors. The module does not know them: `parameters()` and "
    "`state_dict()` are empty, no optimizer would ever change them, and they are neither saved nor "
    "moved to a GPU. `requires_grad=True` does not change that.",
    "Wrap each tensor into `nn.Parameter` before you assign it to self.",
    fails=[
        "test_module_registers_weight_and_bias",
        "test_module_loads_a_state_and_answers",
        "test_module_learns",
    ],
)
class PlainTensors(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        bound = in_features**-0.5
        self.weight = torch.empty(out_features, in_features).uniform_(-bound, bound).requires_grad_()
        self.bias = torch.empty(out_features).uniform_(-bound, bound).requires_grad_() if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


@misconception(
    "Linear",
    "weight-stored-the-other-way-round",
    "Your weight is (in_features, out_features). The product gets shorter that way, but no `state_dict` "
    "of `nn.Linear` fits into your layer, and none of yours into it.",
    "Store the weight as (out_features, in_features), one row a neuron, and turn it around in forward.",
    fails=["test_module_registers_weight_and_bias", "test_module_saves_what_nn_linear_loads"],
)
class StoredTransposed(Right):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        self.weight = nn.Parameter(self.draw(in_features, out_features, in_features, out_features))

    def forward(self, x):
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


@misconception(
    "Linear",
    "begins-with-zeros",
    "Your weight begins with zeros. Then all neurons of a layer answer alike, get the same gradient and "
    "stay alike for ever: a layer of a hundred neurons is worth one.",
    "Draw the first values at random, from U(−1/√in_features, 1/√in_features).",
    fails=["test_module_draws_from_the_right_range", "test_module_draws_each_time_anew"],
)
class Zeros(Right):
    def draw(self, fan_in, fan_out, *shape):
        return torch.zeros(shape)


@misconception(
    "Linear",
    "bias-begins-with-zeros",
    "Your weight is drawn well, but your bias begins with zeros. Many networks do it so, `nn.Linear` "
    "does not: it draws the bias from the same distribution as the weight.",
    "Draw the bias as you draw the weight, with the same bound.",
    fails=["test_module_draws_from_the_right_range", "test_module_draws_each_time_anew"],
)
class ZeroBias(Right):
    def draw(self, fan_in, fan_out, *shape):
        return torch.zeros(shape) if len(shape) == 1 else super().draw(fan_in, fan_out, *shape)


@misconception(
    "Linear",
    "drawn-normal",
    "You draw from a standard normal distribution (`torch.randn`). With 784 inputs of size 1 the "
    "weighted sum is then about 28 in size instead of 0.6, and grows again from layer to layer.",
    "The draw is uniform and its bound shrinks as the inputs become more: 1/√in_features.",
    fails="test_module_draws_from_the_right_range",
)
class Normal(Right):
    def draw(self, fan_in, fan_out, *shape):
        return torch.randn(shape)


@misconception(
    "Linear",
    "bound-from-the-outputs",
    "Your bound is 1/√out_features. What keeps a sum from growing is the number of terms in it, and "
    "these are the inputs: with 400 inputs and 40 neurons your weights are 3.2 times too large.",
    "Use in_features for the bound, for the bias too.",
    fails="test_module_draws_from_the_right_range",
)
class BoundOfOutputs(Right):
    def draw(self, fan_in, fan_out, *shape):
        return (torch.rand(shape) * 2 - 1) / fan_out**0.5


@misconception(
    "Linear",
    "root-forgotten",
    "Your bound is 1/in_features, without the root. With 64 inputs your weights are 8 times too small, "
    "and so are the answers: they fade from layer to layer.",
    "A sum of n random terms grows like √n, so the bound is 1/√n.",
    fails="test_module_draws_from_the_right_range",
)
class NoRoot(Right):
    def draw(self, fan_in, fan_out, *shape):
        return (torch.rand(shape) * 2 - 1) / fan_in


@misconception(
    "Linear",
    "half-the-range",
    "You shift what `torch.rand` gives by −0.5 and divide by √in_features. From −0.5 to 0.5 is a range "
    "of length 1; from −1 to 1 it is 2. So your numbers reach half as far as they should.",
    "Work out the two ends: what does your formula give for rand = 0 and for rand = 1?",
    fails="test_module_draws_from_the_right_range",
)
class HalfRange(Right):
    def draw(self, fan_in, fan_out, *shape):
        return (torch.rand(shape) - 0.5) / fan_in**0.5


@misconception(
    "Linear",
    "never-negative",
    "`torch.rand` gives numbers between 0 and 1, so none of your first values is negative, and a sum "
    "over many inputs of one sign drifts far away from 0.",
    "Draw between −bound and +bound: `uniform_` takes both ends, or stretch and shift what rand gives.",
    fails="test_module_draws_from_the_right_range",
)
class OneSided(Right):
    def draw(self, fan_in, fan_out, *shape):
        return torch.rand(shape) / fan_in**0.5


@misconception(
    "Linear",
    "same-draw-every-time",
    "You set the seed inside of the layer, so every layer of a network begins with the same numbers, "
    "and so does everything that is drawn after it in the whole program.",
    "Leave the seed to whoever runs the program: draw, and nothing else.",
    fails="test_module_draws_each_time_anew",
)
class Seeded(Right):
    def __init__(self, in_features, out_features, bias=True):
        torch.manual_seed(0)
        super().__init__(in_features, out_features, bias)


@misconception(
    "Linear",
    "absent-bias-not-registered",
    "With `bias=False` you set `self.bias = None`. That is a plain attribute: assigning None to a new "
    "name registers nothing, so the module does not know that it has a place for a bias.",
    "`register_parameter` takes None as well, and then the name is known to the module.",
    fails="test_module_registers_the_absent_bias",
)
class NotRegistered(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        bound = in_features**-0.5
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


@misconception(
    "Linear",
    "bias-never-off",
    "You make a bias whatever the argument says. With `bias=False` your layer still has one, so it has "
    "more parameters than it should, and the `state_dict` of an `nn.Linear` without a bias does not "
    "fit.",
    "Look at the argument `bias` in `__init__`, and in forward expect that there may be none.",
    fails=["test_module_without_a_bias", "test_module_registers_the_absent_bias"],
)
class AlwaysBias(Right):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, True)


@misconception(
    "Linear",
    "works-on-the-data",
    "In forward you use `.data` (or `.detach()`) of the parameters. The answers are right, but autograd "
    "no longer sees where they come from: no gradient reaches weight and bias, and training changes "
    "nothing.",
    "Use the parameters themselves: they are tensors like any other.",
    fails=["test_module_gradient", "test_module_learns"],
)
class OnData(Right):
    def forward(self, x):
        y = x @ self.weight.data.T
        return y if self.bias is None else y + self.bias.data


@misconception(
    "Linear",
    "holds-nn-linear",
    "You keep an `nn.Linear` inside of your own layer. Then the work is done by what you were to write, "
    "and the names in your `state_dict` become `inner.weight` and so on, which fit no other layer.",
    "Make the two parameters yourself, right on self.",
    fails=["test_module_registers_weight_and_bias", "test_module_is_your_own"],
)
class Holds(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.inner = nn.Linear(in_features, out_features, bias=bias)

    @property
    def weight(self):
        return self.inner.weight

    @property
    def bias(self):
        return self.inner.bias

    def forward(self, x):
        return self.inner(x)


@misconception(
    "Linear",
    "extends-nn-linear",
    "Your class extends `nn.Linear`, so you inherit everything that you were to write.",
    "Extend `nn.Module`, as the stub does, and make the two parameters yourself.",
    fails="test_module_is_your_own",
)
class Extends(nn.Linear):
    pass


@misconception(
    "Linear",
    "forward-without-the-bias",
    "The layer has a bias, but forward never adds it: it gets no gradient, and every neuron answers 0 when it hears "
    "nothing.",
    "If there is a bias, add it.",
    fails=["test_module_by_hand", "test_module_loads_a_state_and_answers"],
)
class ForwardWithoutBias(Right):
    def forward(self, x):
        return x @ self.weight.T


@misconception(
    "Linear",
    "frozen-from-the-start",
    "Your parameters are registered but frozen (`requires_grad=False`): no gradient reaches them, and training changes "
    "nothing.",
    "`nn.Parameter` requires a gradient unless told otherwise.",
    fails=["test_module_gradient", "test_module_learns"],
)
class Frozen(Right):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        self.requires_grad_(False)


@misconception(
    "Linear",
    "drawn-normal-with-a-small-spread",
    "You draw from a normal distribution of a suitable width. The draw that is asked for is uniform: all numbers "
    "between −bound and +bound are equally likely, and none lies beyond.",
    "There is a `uniform_` beside `normal_`, in `nn.init` and as a method.",
    fails="test_module_draws_from_the_right_range",
)
class SmallNormal(Right):
    def draw(self, fan_in, fan_out, *shape):
        return torch.randn(shape) / fan_in**0.5


@misconception(
    "Linear",
    "bound-for-relu",
    "Your bound is larger than 1/√in_features: that is what `kaiming_uniform_` or `xavier_uniform_` give with their "
    "defaults.",
    "With `kaiming_uniform_`, `a=√5` gives 1/√in_features; or draw with `uniform_` between the two ends.",
    fails="test_module_draws_from_the_right_range",
)
class KaimingBound(Right):
    def draw(self, fan_in, fan_out, *shape):
        return (torch.rand(shape) * 2 - 1) * (6 / fan_in) ** 0.5 if len(shape) == 2 else super().draw(fan_in, 1, *shape)


@misconception(
    "Linear",
    "activation-inside-the-layer",
    "Your layer's answers are never below 0: there is a ReLU in its forward. `nn.Linear` ends with the sum.",
    "Return x·Wᵀ + b as it is.",
    fails="test_module_loads_a_state_and_answers",
)
class ActivationInside(Right):
    def forward(self, x):
        return torch.relu(super().forward(x))


# -- count_parameters ------------------------------------------------------------------------------------------------


@misconception(
    "count_parameters",
    "tensors-counted",
    "You count the tensors, not the numbers in them: for a layer from 4 to 3 you give 2, its weight and "
    "its bias. It has 12 + 3 = 15 parameters.",
    "Ask each tensor how many numbers it holds, and add these up.",
    fails="test_count_by_hand",
)
def tensors(module, trainable_only=True):
    return len([p for p in module.parameters() if p.requires_grad or not trainable_only])


@misconception(
    "count_parameters",
    "shared-counted-twice",
    "You count a parameter once for each place that it is registered in. It is one tensor, learnt once "
    "and kept in memory once: a model that uses its first weight again in its last layer has it once.",
    "`module.parameters()` gives each parameter once. If you walk through the modules yourself, "
    "remember which tensors you have met (`is`, not `==`).",
    fails="test_count_of_shared_parameters",
)
def twice(module, trainable_only=True):
    own = [p for p in module._parameters.values() if p is not None and (p.requires_grad or not trainable_only)]
    return sum(p.numel() for p in own) + sum(twice(child, trainable_only) for child in module._modules.values())


@misconception(
    "count_parameters",
    "buffers-counted",
    "You count what stands in the `state_dict`. It holds buffers too, such as the running mean of a "
    "batch norm, which nobody trains; it holds a shared tensor under each of its names; and it does not "
    "say what is frozen.",
    "Go through `parameters()`: it knows the parameters only, and each one once.",
    fails=["test_count_leaves_buffers_out", "test_count_of_shared_parameters"],
)
def whole_state(module, trainable_only=True):
    state = module.state_dict(keep_vars=True)
    kept = [t for t in state.values() if t.requires_grad or not trainable_only or not isinstance(t, nn.Parameter)]
    return sum(t.numel() for t in kept)


@misconception(
    "count_parameters",
    "frozen-always-counted",
    "You count frozen parameters even when only the trainable ones are asked for, which is the default. "
    "They take no gradient and stay as they are.",
    "Leave out what has `requires_grad` False, unless `trainable_only` is False.",
    fails=["test_count_leaves_frozen_parameters_out_by_default", "test_count_of_frozen_parameters"],
)
def all_of_them(module, trainable_only=True):
    return sum(p.numel() for p in module.parameters())


@misconception(
    "count_parameters",
    "frozen-never-counted",
    "You leave frozen parameters out whatever `trainable_only` says. With `trainable_only=False` all of them count.",
    "Use the argument: a parameter counts if it is trainable, or if that is not asked.",
    fails="test_count_of_frozen_parameters",
)
def never_frozen(module, trainable_only=True):
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


@misconception(
    "count_parameters",
    "only-the-frozen",
    "With `trainable_only=False` you count the frozen parameters alone. The word says that the "
    "restriction is off: trainable and frozen ones count, all together.",
    "Do not compare `requires_grad` with the argument: ask for it only when the argument is True.",
    fails=["test_count_of_frozen_parameters", "test_count_goes_into_nested_modules"],
)
def only_frozen(module, trainable_only=True):
    return sum(p.numel() for p in module.parameters() if p.requires_grad == trainable_only)


@misconception(
    "count_parameters",
    "outermost-module-only",
    "You count what the module itself has registered and leave out the modules inside of it. A network "
    "is a tree: most of its parameters are in the leaves, and for an `nn.Sequential` you would always "
    "give 0.",
    "Go down into the modules inside too; `parameters()` does so if you let it.",
    fails="test_count_goes_into_nested_modules",
)
def outermost(module, trainable_only=True):
    return sum(p.numel() for p in module.parameters(recurse=False) if p.requires_grad or not trainable_only)


@misconception(
    "count_parameters",
    "a-tensor-instead-of-an-int",
    "The number is right, but you return a tensor. A count is a plain Python int: it can be printed, "
    "formatted and compared without surprises.",
    "`numel()` and `math.prod(shape)` give ints; a sum of ints is an int.",
    fails=["test_count_by_hand", "test_count_goes_into_nested_modules"],
)
def a_tensor(module, trainable_only=True):
    counts = [p.numel() for p in module.parameters() if p.requires_grad or not trainable_only]
    return torch.tensor(counts, dtype=torch.int64).sum()


@misconception(
    "count_parameters",
    "everything-by-default",
    "Called without `trainable_only` you count the frozen parameters too: your default is False. It is True, so that "
    "whoever asks without a word gets the number that training changes.",
    "Look at the signature in the stub.",
    fails="test_count_leaves_frozen_parameters_out_by_default",
)
def everything_by_default(module, trainable_only=False):
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable_only)


@misconception(
    "count_parameters",
    "zeros-not-counted",
    "You count the numbers that are not 0. A parameter that happens to be 0, as many biases are at first, is learnt "
    "and kept in memory like any other.",
    "How many numbers a tensor holds does not depend on what they are.",
    fails=["test_count_by_hand", "test_count_goes_into_nested_modules"],
)
def zeros_not_counted(module, trainable_only=True):
    return sum(int(p.count_nonzero()) for p in module.parameters() if p.requires_grad or not trainable_only)


@misconception(
    "count_parameters",
    "only-matrices-counted",
    "You count what has two dimensions or more, or what is called `weight`: biases, scales and single numbers are "
    "missing.",
    "Every parameter counts, of whatever shape and name.",
    fails=["test_count_by_hand", "test_count_of_any_shape"],
)
def only_matrices_counted(module, trainable_only=True):
    return sum(p.numel() for p in module.parameters() if p.dim() > 1 and (p.requires_grad or not trainable_only))


@misconception(
    "count_parameters",
    "rows-counted",
    "You take `len` of each parameter: that is its first dimension, the number of its rows.",
    "`numel()` tells how many numbers a tensor holds.",
    fails="test_count_by_hand",
)
def rows_counted(module, trainable_only=True):
    return sum(len(p) for p in module.parameters() if p.requires_grad or not trainable_only)


@misconception(
    "count_parameters",
    "children-but-not-theirs",
    "You count the module and its children, but not the children of these.",
    "`parameters()` goes all the way down; if you walk yourself, ask each child the same question.",
    fails="test_count_goes_into_nested_modules",
)
def children_but_not_theirs(module, trainable_only=True):
    kept = {id(p): p for part in (module, *module.children()) for p in part.parameters(recurse=False)}
    return sum(p.numel() for p in kept.values() if p.requires_grad or not trainable_only)


@misconception(
    "count_parameters",
    "equal-ones-counted-once",
    "You count parameters that are equal only once. Two layers that both begin with zeros are equal, and still each is "
    "learnt on its own.",
    "The same object is the question (`is`, `id`), not the same numbers.",
    fails="test_count_of_equal_parameters_that_are_not_shared",
)
def equal_ones_counted_once(module, trainable_only=True):
    kept = []
    for p in module.parameters():
        if (p.requires_grad or not trainable_only) and not any(torch.equal(p, other) for other in kept):
            kept.append(p)
    return sum(p.numel() for p in kept)
