"""Wrong ways to write 02_activations, each with what to say about it."""

import math

import torch
from nnkata.grader.authors import misconception, recurring
from torch import nn
from torch.nn import functional as F

# -- relu ------------------------------------------------------------------------------------------------------------


@misconception(
    "relu",
    "half-a-gradient-at-zero",
    "Your values are right, but your gradient at exactly 0 is 0.5; it must be 0. `maximum(x, 0)` shares the "
    "gradient out where both sides are equal, and (x + |x|) / 2 has the slope 1/2 there.",
    "Choose by a condition instead: which of > and >= gives 0 its zero gradient?",
    fails="test_relu_gradient_at_zero",
)
def relu_by_maximum(x):
    return torch.maximum(x, torch.zeros_like(x))


@misconception(
    "relu",
    "full-gradient-at-zero",
    "Your values are right, but your gradient at exactly 0 is 1; it must be 0. `clamp(min=0)` and a condition "
    "x >= 0 both count 0 among the positive numbers.",
    "Let only numbers strictly above 0 through.",
    fails="test_relu_gradient_at_zero",
)
def relu_by_clamp(x):
    return x.clamp(min=0)


@misconception(
    "relu",
    "absolute-value",
    "You turn negative numbers into positive ones: your relu(−2) is 2. ReLU makes them 0.",
    "Nothing of a negative number may be left in the result.",
    fails="test_relu_by_hand",
)
def relu_as_abs(x):
    return x.abs()


@recurring.changes_input_in_place(
    "relu", id="overwrites-its-input", fails=["test_relu_matches_pytorch", "test_relu_gradient"]
)
def relu_in_place(x):
    x[x < 0] = 0
    return x


@misconception(
    "relu",
    "mask-in-float32",
    "You turn the mask into float32, whatever dtype x has: a bfloat16 input comes back as float32.",
    "Let the mask take the dtype of x, or choose by `where`.",
    fails="test_relu_keeps_the_dtype",
)
def relu_float_mask(x):
    return x * (x > 0).float()


recurring.detached("relu", torch.relu, id="cut-off-from-the-graph", fails="test_relu_gradient")


@misconception(
    "relu",
    "negative-numbers-kept",
    "You keep the wrong side: your relu(−2) is −2 and your relu(3) is 0. It must be 0 and 3.",
    "Positive numbers pass unchanged: which side does your condition (or `clamp`, or minimum) let through?",
    fails=["test_relu_by_hand", "test_relu_gradient"],
)
def relu_other_side(x):
    return torch.where(x < 0, x, 0.0)


@misconception(
    "relu",
    "gate-without-what-passes-it",
    "You return 1 where x is positive and 0 elsewhere: that is the slope of ReLU. Your relu(3) is 1 and must be 3.",
    "ReLU lets x itself through where the gate is open.",
    fails=["test_relu_by_hand", "test_relu_matches_pytorch"],
)
def relu_mask_alone(x):
    return (x > 0).to(x.dtype)


@misconception(
    "relu",
    "cut-off-at-six",
    "Your results never exceed 6: that is ReLU6. ReLU has no upper end, its relu(100) is 100.",
    "Only the negative side is cut off.",
    fails=["test_relu_matches_pytorch", "test_relu_of_large_values"],
)
def relu_six(x):
    return torch.where(x > 0, torch.where(x < 6, x, 6.0), 0.0)


@misconception(
    "relu",
    "leaks-below-zero",
    "Below 0 your result is 0.01 · x: that is the leaky ReLU. ReLU gives 0 there, and its slope is 0 too.",
    "Nothing of a negative number may be left in the result.",
    fails=["test_relu_by_hand", "test_relu_gradient"],
)
def relu_leaks(x):
    return torch.where(x > 0, x, 0.01 * x)


@misconception(
    "relu",
    "root-of-the-square-has-no-slope-at-zero",
    "Your values are right, but your gradient at exactly 0 is NaN; it must be 0. That is what comes out of √(x²): its "
    "derivative at 0 is 0 / 0.",
    "Choose by a condition: no root and no absolute value are needed.",
    fails="test_relu_gradient_at_zero",
)
def relu_root(x):
    return (x + (x**2).sqrt()) / 2


# -- leaky_relu ------------------------------------------------------------------------------------------------------


@misconception(
    "leaky_relu",
    "always-0.01",
    "Your slope below 0 is 0.01, whatever `negative_slope` says.",
    "Use the argument instead of the number.",
    fails="test_leaky_relu_by_hand",
)
def leaky_always_001(x, negative_slope=0.01):
    return F.leaky_relu(x, 0.01)


@misconception(
    "leaky_relu",
    "another-default",
    "Called without `negative_slope`, your slope below 0 is not 0.01 but 0.2.",
    "Look at the default in the signature of the stub.",
    fails="test_leaky_relu_default_slope",
)
def leaky_other_default(x, negative_slope=0.2):
    return F.leaky_relu(x, negative_slope)


@misconception(
    "leaky_relu",
    "the-larger-of-the-two",
    "You take the larger of x and negative_slope · x. That is the leaky ReLU only for slopes below 1: with "
    "the slope 2.5 your function of 2 is 5. And where both are equal, at 0, the gradient is shared out: yours "
    "is the mean of 1 and the slope.",
    "Decide by the sign of x, not by which result is larger.",
    fails=["test_leaky_relu_of_any_slope"],
)
def leaky_by_maximum(x, negative_slope=0.01):
    return torch.maximum(x, negative_slope * x)


@misconception(
    "leaky_relu",
    "wrong-sign-below-zero",
    "Below 0 your results are positive: your leaky_relu(−20) with the slope 0.2 is +4 and must be −4. x is "
    "negative there already.",
    "Multiply x itself by the slope, not −x or |x|.",
    fails="test_leaky_relu_by_hand",
)
def leaky_sign(x, negative_slope=0.01):
    return torch.where(x > 0, x, -negative_slope * x)


@misconception(
    "leaky_relu",
    "leaks-on-the-wrong-side",
    "You shrink the positive numbers and leave the negative ones as they are.",
    "Positive numbers pass unchanged: exchange the two sides.",
    fails="test_leaky_relu_by_hand",
)
def leaky_sides(x, negative_slope=0.01):
    return torch.where(x > 0, negative_slope * x, x)


@misconception(
    "leaky_relu",
    "elu-instead",
    "Below 0 you return e^x − 1, as ELU does. Leaky ReLU is a straight line there. (And `where` computes e^x "
    "for the positive numbers too: at +100 the gradient of where(x > 0, x, exp(x) − 1) is NaN.)",
    "Two straight lines that meet at 0: no exp is needed.",
    fails=["test_leaky_relu_by_hand", "test_leaky_relu_of_large_values"],
)
def leaky_as_elu(x, negative_slope=0.01):
    return torch.where(x > 0, x, torch.exp(x) - 1)


@misconception(
    "leaky_relu",
    "slope-one-at-zero",
    "Your values are right, but your gradient at exactly 0 is 1; it must be `negative_slope`. 0 is counted among the "
    "positive numbers.",
    "Only numbers strictly above 0 have the slope 1: look at your comparison.",
    fails="test_leaky_relu_gradient_at_zero",
)
def leaky_one_at_zero(x, negative_slope=0.01):
    return torch.where(x >= 0, x, negative_slope * x)


@misconception(
    "leaky_relu",
    "mean-of-both-slopes-at-zero",
    "Your values are right, but your gradient at exactly 0 is half-way between 1 and `negative_slope`; it must be "
    "`negative_slope`. That is what `abs`, or `maximum` and `minimum` with 0, make of it.",
    "Choose by a condition, and look what becomes of 0 in it.",
    fails="test_leaky_relu_gradient_at_zero",
)
def leaky_mean_at_zero(x, negative_slope=0.01):
    return ((1 + negative_slope) * x + (1 - negative_slope) * x.abs()) / 2


@misconception(
    "leaky_relu",
    "both-slopes-at-zero",
    "Your values are right, but your gradient at exactly 0 is 1 + `negative_slope`; it must be `negative_slope`. The "
    "positive and the negative side both count 0 as theirs, as `clamp(min=0)` and `clamp(max=0)` do.",
    "Choose by a condition: every number then lies on one side only.",
    fails="test_leaky_relu_gradient_at_zero",
)
def leaky_both_at_zero(x, negative_slope=0.01):
    return x.clamp(min=0) + negative_slope * x.clamp(max=0)


@misconception(
    "leaky_relu",
    "no-slope-at-zero",
    "Your values are right, but your gradient at exactly 0 is 0; it must be `negative_slope`. Neither of your two "
    "sides counts 0 as its own, as in relu(x) − negative_slope · relu(−x).",
    "Choose by one condition: every number then lies on one side or the other.",
    fails="test_leaky_relu_gradient_at_zero",
)
def leaky_none_at_zero(x, negative_slope=0.01):
    return F.relu(x) - negative_slope * F.relu(-x)


@misconception(
    "leaky_relu",
    "leak-on-both-sides",
    "You add negative_slope · x on both sides: with the slope 0.2 your function of 3 is 3.6 and must be 3.",
    "The leak is for negative numbers only; positive ones pass unchanged.",
    fails=["test_leaky_relu_by_hand", "test_leaky_relu_gradient"],
)
def leaky_on_both_sides(x, negative_slope=0.01):
    return F.relu(x) + negative_slope * x


@misconception(
    "leaky_relu",
    "constant-below-zero",
    "Below 0 you return `negative_slope` itself, a constant: with the slope 0.2 your function of −20 is 0.2 and must "
    "be −4. The slope says how steep the line is, not how high.",
    "A slope has to be multiplied by x.",
    fails=["test_leaky_relu_by_hand", "test_leaky_relu_gradient"],
)
def leaky_constant(x, negative_slope=0.01):
    return torch.where(x > 0, x, negative_slope)


@misconception(
    "leaky_relu",
    "divided-by-the-slope",
    "Below 0 you divide by the slope: with 0.2 your function of −20 is −100 and must be −4. (Some papers write the "
    "leaky ReLU as x / a, with an a above 1.)",
    "`negative_slope` is the slope itself: y = slope · x.",
    fails=["test_leaky_relu_by_hand", "test_leaky_relu_default_slope"],
)
def leaky_divided(x, negative_slope=0.01):
    return torch.where(x > 0, x, x / negative_slope)


@recurring.changes_input_in_place(
    "leaky_relu", id="leaky-overwrites-its-input", fails=["test_leaky_relu_by_hand", "test_leaky_relu_gradient"]
)
def leaky_in_place(x, negative_slope=0.01):
    x[x < 0] *= negative_slope
    return x


recurring.detached("leaky_relu", F.leaky_relu, id="leaky-cut-off-from-the-graph", fails="test_leaky_relu_gradient")


# -- sigmoid ---------------------------------------------------------------------------------------------------------


@misconception(
    "sigmoid",
    "nan-gradient-of-the-plain-formula",
    "Your values are right, but your gradient at −100 is NaN. 1 / (1 + exp(−x)) computes exp(100), which is "
    "infinite in float32; 1/∞ is a fine 0, but backwards the chain rule multiplies 0 by ∞.",
    "Only ever take exp of numbers that are not positive, and use another form of the formula on the other side.",
    fails="test_sigmoid_gradient_of_large_values",
)
def sigmoid_plain(x):
    return 1 / (1 + torch.exp(-x))


@misconception(
    "sigmoid",
    "nan-at-plus-100",
    "exp(x) / (1 + exp(x)) is ∞/∞ = NaN at +100, since exp(100) is infinite in float32.",
    "Only ever take exp of numbers that are not positive, and use another form of the formula on the other side.",
    fails=["test_sigmoid_of_large_values", "test_sigmoid_gradient_of_large_values"],
)
def sigmoid_other_plain(x):
    return torch.exp(x) / (1 + torch.exp(x))


@misconception(
    "sigmoid",
    "where-computes-both-sides",
    "You chose the right formula on each side, and your values are right. But `where` computes both formulas "
    "for every number and only then picks one: the overflow of the other comes back in the gradient as 0 · ∞ "
    "= NaN, at −100 and at +100.",
    "Choose before exp, not after it: make the argument of exp safe on both sides.",
    fails="test_sigmoid_gradient_of_large_values",
)
def sigmoid_where(x):
    return torch.where(x >= 0, 1 / (1 + torch.exp(-x)), torch.exp(x) / (1 + torch.exp(x)))


@misconception(
    "sigmoid",
    "clamped-too-tight",
    "You clamp x to ±10 before exp. Nothing overflows, but your sigmoid never gets below 0.0000454, and "
    "beyond ±10 its gradient is 0, not merely small.",
    "float32 bears exp up to 88: clamp much further out, or arrange the formula so that no clamp is needed.",
    fails="test_sigmoid_of_large_values",
)
def sigmoid_clamped(x):
    return torch.sigmoid(x.clamp(-10, 10))


@misconception(
    "sigmoid",
    "falls-instead-of-rising",
    "Your sigmoid falls: it gives 0.88 at −2 and 0.12 at 2. You left out the minus: 1 / (1 + exp(x)) is the "
    "sigmoid of −x.",
    "Large positive x must give nearly 1.",
    fails="test_sigmoid_by_hand",
)
def sigmoid_mirrored(x):
    return torch.sigmoid(-x)


@misconception(
    "sigmoid",
    "flat-at-zero",
    "Your values are right, but your gradient at exactly 0 is 0; it must be 1/4, the steepest of all. That is what "
    "comes out if x reaches exp through `abs` alone (or through `sign`), whose slope at 0 is 0. A layer that begins "
    "with zeros answers exactly 0, and would never learn.",
    "Make the number that is never positive in another way, with the slope 1 or −1 at 0: a condition can choose "
    "between x and −x.",
    fails="test_sigmoid_gradient_at_zero",
)
def sigmoid_abs(x):
    decay = torch.exp(-x.abs())
    return torch.where(x >= 0, 1 / (1 + decay), decay / (1 + decay))


@misconception(
    "sigmoid",
    "too-steep-at-zero",
    "Your values are right, but your gradient at exactly 0 is 1/2; it must be 1/4. Of what you compute from x, one "
    "part counts 0 on both sides (as `clamp(max=0)` and `clamp(min=0)` do), or has no slope there (as `abs`).",
    "Let one condition decide for the whole formula, and 0 lie on one side of it.",
    fails="test_sigmoid_gradient_at_zero",
)
def sigmoid_clamp_and_abs(x):
    return torch.exp(x.clamp(max=0)) / (1 + torch.exp(-x.abs()))


@misconception(
    "sigmoid",
    "brackets-missing",
    "You compute 1/1 + e^−x: a division comes before a sum. Your sigmoid is 2 at 0 and must be 0.5.",
    "What is under the fraction bar needs brackets.",
    fails=["test_sigmoid_by_hand", "test_sigmoid_gradient"],
)
def sigmoid_no_brackets(x):
    return 1 / 1 + torch.exp(-x)


@misconception(
    "sigmoid",
    "twice-too-steep",
    "You give σ(2x): twice too steep, with 0.98 at 2 instead of 0.88. That comes out of (1 + tanh x) / 2, which needs "
    "half of x.",
    "tanh(x) = 2σ(2x) − 1: solve that for σ of x, not of 2x.",
    fails=["test_sigmoid_by_hand", "test_sigmoid_gradient"],
)
def sigmoid_of_double(x):
    return torch.sigmoid(2 * x)


@misconception(
    "sigmoid",
    "tanh-for-the-sigmoid",
    "You return tanh(x): it is 0 at 0 and negative below. The sigmoid lies between 0 and 1, and is 0.5 at 0.",
    "The two are relatives: tanh is the sigmoid, stretched and moved.",
    fails=["test_sigmoid_by_hand", "test_sigmoid_gradient"],
)
def sigmoid_as_tanh(x):
    return torch.tanh(x)


@misconception(
    "sigmoid",
    "piecewise-linear",
    "Yours consists of straight lines (x/6 + 1/2, cut off at 0 and 1): the hard sigmoid. It is 0.83 at 2, the sigmoid "
    "0.88.",
    "Use exp, in the form that is safe on both sides.",
    fails=["test_sigmoid_by_hand", "test_sigmoid_gradient"],
)
def sigmoid_hard(x):
    return F.hardsigmoid(x)


recurring.detached("sigmoid", torch.sigmoid, id="sigmoid-cut-off-from-the-graph", fails="test_sigmoid_gradient")


# -- tanh ------------------------------------------------------------------------------------------------------------


@misconception(
    "tanh",
    "plain-ratio-overflows",
    "(e^x − e^−x) / (e^x + e^−x) is ∞/∞ = NaN at ±100, since exp(100) is infinite in float32.",
    "Divide numerator and denominator by the larger of the two, so that only e^(−2|x|) is left.",
    fails=["test_tanh_of_large_values", "test_tanh_gradient_of_large_values"],
)
def tanh_plain(x):
    return (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x))


@misconception(
    "tanh",
    "one-side-overflows",
    "(e^2x − 1) / (e^2x + 1) works for negative x, but at +100 it is ∞/∞ = NaN: exp(200) is infinite in float32.",
    "Use this form below 0 and its mirror image above, with an exp that never gets above 1.",
    fails=["test_tanh_of_large_values", "test_tanh_gradient_of_large_values"],
)
def tanh_one_side(x):
    return (torch.exp(2 * x) - 1) / (torch.exp(2 * x) + 1)


@misconception(
    "tanh",
    "nan-gradient-on-one-side",
    "Your values are right, but your gradient at −100 is NaN: 2 / (1 + exp(−2x)) − 1 computes exp(200), which "
    "is infinite in float32, and backwards the chain rule multiplies 0 by ∞.",
    "The same cure as for the sigmoid: an exp that never sees a positive number, or your stable sigmoid itself.",
    fails="test_tanh_gradient_of_large_values",
)
def tanh_plain_sigmoid(x):
    return 2 / (1 + torch.exp(-2 * x)) - 1


@misconception(
    "tanh",
    "nan-gradient-on-the-other-side",
    "Your values are right, but your gradient at +100 is NaN: 1 − 2 / (1 + exp(2x)) computes exp(200), which "
    "is infinite in float32, and backwards the chain rule multiplies 0 by ∞.",
    "The same cure as for the sigmoid: an exp that never sees a positive number, or your stable sigmoid itself.",
    fails="test_tanh_gradient_of_large_values",
)
def tanh_plain_sigmoid_mirrored(x):
    return 1 - 2 / (1 + torch.exp(2 * x))


@misconception(
    "tanh",
    "where-computes-both-sides-of-tanh",
    "Your values are right, but your gradient is NaN at −100 and at +100. `where` computes both formulas for "
    "every number and only then picks one: the overflow of the other comes back in the gradient as 0 · ∞.",
    "Choose before exp, not after it: make the argument of exp safe on both sides.",
    fails="test_tanh_gradient_of_large_values",
)
def tanh_where(x):
    up, down = torch.exp(2 * x), torch.exp(-2 * x)
    return torch.where(x > 0, (1 - down) / (1 + down), (up - 1) / (up + 1))


@misconception(
    "tanh",
    "half-the-argument",
    "Your curve is twice too wide: 2σ(x) − 1 is tanh(x/2). Your tanh(1) is 0.462 and must be 0.762.",
    "tanh is the sigmoid stretched from (0, 1) to (−1, 1) and squeezed along x: by which factor?",
    fails="test_tanh_by_hand",
)
def tanh_half(x):
    return torch.tanh(x / 2)


@misconception(
    "tanh",
    "tanh-flat-at-zero",
    "Your values are right, but your gradient at exactly 0 is 0; it must be 1, the steepest of all. That is what comes "
    "out if x reaches exp through `abs` alone, or the sign through `sign`: both have the slope 0 at 0.",
    "Make the number that is never positive in another way, with the slope 1 or −1 at 0: a condition can choose "
    "between x and −x.",
    fails="test_tanh_gradient_at_zero",
)
def tanh_abs(x):
    decay = torch.exp(-2 * x.abs())
    return torch.sign(x) * (1 - decay) / (1 + decay)


@misconception(
    "tanh",
    "tanh-too-steep-at-zero",
    "Your values are right, but your gradient at exactly 0 is 2; it must be 1. Two parts of your formula both count 0 "
    "as theirs, as `clamp(min=0)` and `clamp(max=0)` do, and their slopes add up.",
    "Let one condition decide for the whole formula, and 0 lie on one side of it.",
    fails="test_tanh_gradient_at_zero",
)
def tanh_two_clamps(x):
    below, above = torch.exp(2 * x.clamp(max=0)), torch.exp(-2 * x.clamp(min=0))
    return (below - above) / (below + above)


@misconception(
    "tanh",
    "never-moved-down",
    "Yours runs from 0 to 2 and is 1 at 0: you give 2σ(2x). tanh is 0 at 0.",
    "Stretched from (0, 1) to (0, 2), the sigmoid has still to move down by 1.",
    fails=["test_tanh_by_hand", "test_tanh_of_large_values"],
)
def tanh_not_moved(x):
    return 2 * torch.sigmoid(2 * x)


@misconception(
    "tanh",
    "tanh-falls",
    "Your tanh falls: it is positive below 0 and negative above. Numerator or exponents have their signs exchanged.",
    "(e^x − e^−x) comes first in the numerator: large positive x must give nearly 1.",
    fails=["test_tanh_by_hand", "test_tanh_gradient"],
)
def tanh_mirrored(x):
    return torch.tanh(-x)


@misconception(
    "tanh",
    "upside-down",
    "Your fraction is upside down: (e^x + e^−x) / (e^x − e^−x) is 1 / tanh(x), infinite at 0 and never between −1 and "
    "1.",
    "The difference stands above the fraction bar, the sum below.",
    fails=["test_tanh_by_hand", "test_tanh_matches_pytorch"],
)
def tanh_upside_down(x):
    return 1 / torch.tanh(x)


@misconception(
    "tanh",
    "divided-by-two",
    "You divide e^x − e^−x by 2: that is sinh, which grows without end. At 1 it is 1.175, tanh 0.762.",
    "tanh is sinh divided by cosh: what stands below the fraction bar is a sum of two exps.",
    fails=["test_tanh_by_hand", "test_tanh_of_large_values"],
)
def tanh_as_sinh(x):
    return (torch.exp(x) - torch.exp(-x)) / 2


@misconception(
    "tanh",
    "tanh-clamped-too-tight",
    "You clamp x to ±5 before exp. Nothing overflows, but beyond ±5 your tanh stays at 0.99991, and its gradient is 0 "
    "there, not merely small.",
    "Clamp much further out, or arrange the formula so that no clamp is needed.",
    fails=["test_tanh_of_large_values", "test_tanh_gradient_of_large_values"],
)
def tanh_clamped(x):
    return torch.tanh(x.clamp(-5, 5))


recurring.detached("tanh", torch.tanh, id="tanh-cut-off-from-the-graph", fails="test_tanh_gradient")


# -- gelu ------------------------------------------------------------------------------------------------------------


@misconception(
    "gelu",
    "tanh-approximation",
    "You use the approximation with tanh and 0.044715. It is off by up to 0.00047 (near ±2.7); asked for is "
    "the exact form.",
    "`torch.erf` is allowed, and gives Φ exactly.",
    fails="test_gelu_matches_pytorch",
)
def gelu_tanh(x):
    return F.gelu(x, approximate="tanh")


@misconception(
    "gelu",
    "sigmoid-approximation",
    "You use the approximation x · σ(1.702 x). It is off by up to 0.02; asked for is the exact form.",
    "`torch.erf` is allowed, and gives Φ exactly.",
    fails="test_gelu_by_hand",
)
def gelu_sigmoid(x):
    return x * torch.sigmoid(1.702 * x)


@misconception(
    "gelu",
    "silu-instead",
    "You multiply x by its sigmoid: that is SiLU (Swish), and gives 0.731 at 1. GELU multiplies x by Φ(x), "
    "and gives 0.841.",
    "Φ is the distribution function of the normal distribution; `torch.erf` is the way to it.",
    fails="test_gelu_by_hand",
)
def gelu_silu(x):
    return x * torch.sigmoid(x)


@misconception(
    "gelu",
    "root-of-two-missing",
    "You take erf(x) where erf(x / √2) belongs: your gelu(1) is 0.921 and must be 0.841. erf is made for a "
    "bell of another width.",
    "Look at the definition of Φ in the docstring again, inside of erf.",
    fails="test_gelu_by_hand",
)
def gelu_no_root(x):
    return 0.5 * x * (1 + torch.erf(x))


@misconception(
    "gelu",
    "half-missing",
    "Your results are twice too large: your gelu(1) is 1.683. 1 + erf runs from 0 to 2, and a probability from 0 to 1.",
    "Halve once.",
    fails="test_gelu_by_hand",
)
def gelu_no_half(x):
    return x * (1 + torch.erf(x / math.sqrt(2)))


@misconception(
    "gelu",
    "sigmoid-with-the-constant-of-tanh",
    "You give x · σ(√(2/π) x). √(2/π) = 0.798 belongs into the approximation with tanh; with a sigmoid it would have "
    "to be about twice that (or 1.702), and would still be an approximation. Yours is 0.690 at 1; the exact form gives "
    "0.841.",
    "`torch.erf` is allowed, and gives Φ exactly.",
    fails=["test_gelu_by_hand", "test_gelu_gradient"],
)
def gelu_sigmoid_root(x):
    return x * torch.sigmoid(math.sqrt(2 / math.pi) * x)


@misconception(
    "gelu",
    "approximation-without-the-cube",
    "You give x/2 · (1 + tanh(√(2/π) x)). That is the approximation with tanh, without its term 0.044715 x³; it is off "
    "by up to 0.02. Asked for is the exact form.",
    "`torch.erf` is allowed, and gives Φ exactly.",
    fails=["test_gelu_by_hand", "test_gelu_matches_pytorch"],
)
def gelu_tanh_no_cube(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * x))


@misconception(
    "gelu",
    "approximation-without-its-root",
    "You give x/2 · (1 + tanh(x + 0.044715 x³)). The approximation with tanh has a factor √(2/π) in there, and even "
    "with it, it is not the exact form that is asked for.",
    "`torch.erf` is allowed, and gives Φ exactly.",
    fails=["test_gelu_by_hand", "test_gelu_matches_pytorch"],
)
def gelu_tanh_no_root(x):
    return 0.5 * x * (1 + torch.tanh(x + 0.044715 * x**3))


@misconception(
    "gelu",
    "root-of-two-outside-of-erf",
    "You divide erf(x) by √2; it is x that is divided, inside of erf. Far on the right yours is 0.85 x instead of x.",
    "Look at the definition of Φ in the docstring again: what goes into erf?",
    fails=["test_gelu_by_hand", "test_gelu_of_large_values"],
)
def gelu_root_outside(x):
    return 0.5 * x * (1 + torch.erf(x) / math.sqrt(2))


@misconception(
    "gelu",
    "multiplied-by-the-root",
    "You give erf the number x · √2; it must be x / √2. Your gelu(1) is 0.977 and must be 0.841.",
    "Look at the definition of Φ in the docstring again, inside of erf.",
    fails=["test_gelu_by_hand", "test_gelu_gradient"],
)
def gelu_root_times(x):
    return 0.5 * x * (1 + torch.erf(x * math.sqrt(2)))


@misconception(
    "gelu",
    "density-for-the-distribution",
    "You multiply x by the density of the normal distribution, the bell e^(−x²/2) / √(2π): far on the right your "
    "result is 0. Φ is the share of it that lies below x, and nearly 1 there.",
    "`torch.erf` is the way to Φ.",
    fails=["test_gelu_by_hand", "test_gelu_of_large_values"],
)
def gelu_density(x):
    return x * torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


@misconception(
    "gelu",
    "distribution-alone",
    "You return Φ(x) itself, which never exceeds 1. GELU is x times that: your result at 2 is 0.977 and must be 1.954.",
    "Φ is the gate; x has to go through it.",
    fails=["test_gelu_by_hand", "test_gelu_gradient"],
)
def gelu_gate_alone(x):
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


recurring.detached("gelu", F.gelu, id="gelu-cut-off-from-the-graph", fails="test_gelu_gradient")


@misconception(
    "gelu",
    "relu-for-the-gelu",
    "You return ReLU: a gate that is open or closed. That of GELU opens gradually: its result at 1 is 0.841, at −1 "
    "−0.159.",
    "Multiply x by Φ(x); `torch.erf` is the way to it.",
    fails=["test_gelu_by_hand", "test_gelu_matches_pytorch"],
)
def gelu_relu(x):
    return F.relu(x)


# -- softmax ---------------------------------------------------------------------------------------------------------


@misconception(
    "softmax",
    "overflows",
    "exp(100) is infinite in float32 and ∞/∞ is NaN; with −1e4 everywhere it is 0/0. The plain formula works "
    "for small scores only.",
    "Adding the same number to all scores of a slice changes nothing: which number makes the largest exp equal to 1?",
    fails=["test_softmax_of_large_values", "test_softmax_gradient_of_large_values"],
)
def softmax_plain(x, dim):
    return torch.exp(x) / torch.exp(x).sum(dim, keepdim=True)


@misconception(
    "softmax",
    "one-maximum-for-all",
    "You subtract the largest number of the whole tensor. A row that lies 1000 below it becomes exp(−1000) = "
    "0 everywhere, and 0/0 is NaN: one row with large scores destroys its neighbours.",
    "Each slice needs a maximum of its own: take it along `dim`, with keepdim=True.",
    fails="test_softmax_of_slices_of_very_different_size",
)
def softmax_global_max(x, dim):
    exps = torch.exp(x - x.max()) if x.numel() else torch.exp(x)
    return exps / exps.sum(dim, keepdim=True)


@misconception(
    "softmax",
    "subtracts-the-mean",
    "You subtract the mean. The scores [1e4, 0, −1e4] already have the mean 0, so exp(1e4) overflows all the same.",
    "Subtract what leaves nothing above 0.",
    fails="test_softmax_of_large_values",
)
def softmax_mean(x, dim):
    exps = torch.exp(x - x.mean(dim, keepdim=True))
    return exps / exps.sum(dim, keepdim=True)


@misconception(
    "softmax",
    "always-the-last-dimension",
    "Your results sum to 1 along the last dimension, whatever `dim` says.",
    "Take the maximum and the sum along `dim`.",
    fails="test_softmax_along_every_dimension",
)
def softmax_last(x, dim):
    return torch.softmax(x, -1)


@misconception(
    "softmax",
    "sums-over-everything",
    "You divide by the sum over the whole tensor: all of it together sums to 1, not each slice along `dim`.",
    "Sum along `dim` only, with keepdim=True.",
    fails="test_softmax_by_hand",
)
def softmax_total(x, dim):
    exps = torch.exp(x - x.amax(dim, keepdim=True))
    return exps / exps.sum()


@misconception(
    "softmax",
    "keepdim-missing",
    "Without keepdim=True the sums lose a dimension. For most shapes the division then fails; for a square "
    "matrix it goes through and divides each number by the sum of another row, which is worse.",
    "Keep the dimension, with size 1, so that the sums line up with their slices.",
    fails="test_softmax_of_a_square_and_of_four_dimensions",
)
def softmax_no_keepdim(x, dim):
    exps = torch.exp(x - x.amax(dim, keepdim=True))
    return exps / exps.sum(dim)


@recurring.changes_input_in_place(
    "softmax", id="subtracts-in-place", fails=["test_softmax_by_hand", "test_softmax_gradient"]
)
def softmax_in_place(x, dim):
    x -= x.amax(dim, keepdim=True)
    return torch.softmax(x, dim)


@misconception(
    "softmax",
    "divides-without-exp",
    "You divide the scores themselves by their sum. Negative scores then give negative “probabilities”, and a "
    "sum of 0 gives infinity.",
    "exp first: it makes every score positive.",
    fails="test_softmax_by_hand",
)
def softmax_no_exp(x, dim):
    return x / x.sum(dim, keepdim=True)


@misconception(
    "softmax",
    "constant-denominator",
    "Your values are right, but your gradient is not: you detach the sum, so a score that grows seems to take "
    "nothing away from the others.",
    "Only the maximum may be detached (it cancels); the sum must stay in the graph.",
    fails="test_softmax_gradient",
)
def softmax_detached_sum(x, dim):
    exps = torch.exp(x - x.detach().amax(dim, keepdim=True))
    return exps / exps.sum(dim, keepdim=True).detach()


@misconception(
    "softmax",
    "constant-added-to-the-denominator",
    "You add a small constant to the denominator (1e-5, say), against a division by zero. It cannot happen: once the "
    "maximum is subtracted, the sum is at least 1. With the constant your probabilities do not sum to 1.",
    "Divide by the sum of the exponentials and by nothing else.",
    fails="test_softmax_sums_to_one",
)
def softmax_eps(x, dim):
    exps = torch.exp(x - x.amax(dim, keepdim=True))
    return exps / (exps.sum(dim, keepdim=True) + 1e-5)


class _ByHand(torch.autograd.Function):
    """A softmax, or its logarithm, whose `backward` is the function that it is given."""

    @staticmethod
    def forward(ctx, x, dim, value, slope):
        y = value(x, dim)
        ctx.save_for_backward(y)
        ctx.dim, ctx.slope = dim, slope
        return y

    @staticmethod
    def backward(ctx, g):
        return ctx.slope(g, ctx.saved_tensors[0], ctx.dim), None, None, None


@misconception(
    "softmax",
    "only-the-diagonal-of-the-jacobian",
    "Your values are right, but your gradient is g · s · (1 − s), with g as what arrives: the formula of the sigmoid. "
    "With softmax every output depends on every input, since all share one sum; what flows through the others is "
    "missing.",
    "Let autograd differentiate, or add the derivatives of all outputs by one input: −sᵢ · sⱼ for the others.",
    fails=["test_softmax_gradient", "test_softmax_of_slices_of_very_different_size"],
)
def softmax_diagonal(x, dim):
    return _ByHand.apply(x, dim, torch.softmax, lambda g, s, dim: g * s * (1 - s))


@misconception(
    "softmax",
    "slope-without-the-probabilities-in-the-sum",
    "Your values are right, but your gradient is s · (g − Σ g), with g as what arrives and s as the softmax. What is "
    "subtracted must be the mean of g weighted by the probabilities.",
    "Let autograd differentiate, or write down the derivative of sⱼ by xᵢ and multiply by gⱼ before you add.",
    fails=["test_softmax_gradient", "test_softmax_keeps_the_dtype"],
)
def softmax_unweighted_sum(x, dim):
    return _ByHand.apply(x, dim, torch.softmax, lambda g, s, dim: s * (g - g.sum(dim, keepdim=True)))


@misconception(
    "softmax",
    "scores-with-a-minus",
    "You take exp of minus the scores: the largest score gets the smallest probability.",
    "Larger scores must get larger probabilities: look at the sign in front of x, and at which of x and the maximum is "
    "subtracted.",
    fails=["test_softmax_by_hand", "test_softmax_gradient"],
)
def softmax_minus(x, dim):
    return torch.softmax(-x, dim)


@misconception(
    "softmax",
    "denominator-without-the-maximum",
    "You subtract the maximum above the fraction bar only. The sum below is of other numbers, so your probabilities do "
    "not sum to 1.",
    "Compute the exponentials once, and use the same ones above and below.",
    fails=["test_softmax_by_hand", "test_softmax_sums_to_one"],
)
def softmax_half_shifted(x, dim):
    return torch.exp(x - x.amax(dim, keepdim=True)) / torch.exp(x).sum(dim, keepdim=True)


recurring.detached(
    "softmax",
    torch.softmax,
    id="softmax-cut-off-from-the-graph",
    fails="test_softmax_gradient",
    besides="Only the maximum may be detached.",
)


@misconception(
    "softmax",
    "slope-without-what-arrives",
    "Your values are right, but your gradient is s · (1 − s), whatever arrives from above: a loss ten times as large "
    "would have to give ten times that.",
    "A backward passes on what it is given, multiplied by the slopes of all outputs. Or let autograd do it.",
    fails=["test_softmax_gradient", "test_softmax_keeps_the_dtype"],
)
def softmax_no_upstream(x, dim):
    return _ByHand.apply(x, dim, torch.softmax, lambda g, s, dim: s * (1 - s))


@misconception(
    "softmax",
    "subtracts-the-minimum",
    "You subtract the smallest score: what is left is as large as the scores are far apart, and exp(200) overflows.",
    "Subtract what leaves nothing above 0.",
    fails=["test_softmax_of_large_values", "test_softmax_gradient_of_large_values"],
)
def softmax_min(x, dim):
    exps = torch.exp(x - x.amin(dim, keepdim=True))
    return exps / exps.sum(dim, keepdim=True)


@misconception(
    "softmax",
    "always-the-first-dimension",
    "Your results sum to 1 along the first dimension (0), whatever `dim` says.",
    "Take the maximum and the sum along `dim`.",
    fails=["test_softmax_along_every_dimension", "test_softmax_sums_to_one"],
)
def softmax_first(x, dim):
    return torch.softmax(x, 0)


@misconception(
    "softmax",
    "always-dimension-one",
    "Your results sum to 1 along dimension 1, whatever `dim` says.",
    "Take the maximum and the sum along `dim`.",
    fails="test_softmax_along_every_dimension",
)
def softmax_second(x, dim):
    return torch.softmax(x, 1)


@misconception(
    "softmax",
    "powers-of-two",
    "You raise 2 to the power of the scores instead of e: scores 1 apart are then a factor 2 apart, and must be 2.718.",
    "`torch.exp` is e to the power of x.",
    fails=["test_softmax_by_hand", "test_softmax_gradient"],
)
def softmax_two(x, dim):
    return torch.softmax(x * math.log(2), dim)


# -- log_softmax -----------------------------------------------------------------------------------------------------


@misconception(
    "log_softmax",
    "log-of-the-softmax",
    "You take the logarithm of the softmax. A probability that is rounded to 0 gives log 0 = −∞: for [1e4, 0, "
    "−1e4] you must get [0, −1e4, −2e4].",
    "Simplify on paper before you compute: log(e^x / Σ e^x) = x − log Σ e^x.",
    fails=["test_log_softmax_of_large_values", "test_log_softmax_gradient_of_large_values"],
)
def log_softmax_log(x, dim):
    return torch.softmax(x, dim).log()


@misconception(
    "log_softmax",
    "a-little-something-inside-the-log",
    "You add a small number inside of the logarithm. −∞ is gone, but nothing gets below log(1e-9) = −20.7: "
    "where −1e4 is right, you are off by 9979.",
    "Simplify on paper before you compute: log(e^x / Σ e^x) = x − log Σ e^x. There is no log 0 in it to be patched.",
    fails="test_log_softmax_of_large_values",
)
def log_softmax_eps(x, dim):
    return (torch.softmax(x, dim) + 1e-9).log()


@misconception(
    "log_softmax",
    "overflows-in-the-sum",
    "The formula is right, but exp(100) is infinite in float32, and so is the logarithm of the sum; with −1e4 "
    "everywhere you take log 0.",
    "Subtract the maximum of each slice first, from x in both places.",
    fails=["test_log_softmax_of_large_values", "test_log_softmax_gradient_of_large_values"],
)
def log_softmax_plain(x, dim):
    return x - torch.exp(x).sum(dim, keepdim=True).log()


@misconception(
    "log_softmax",
    "maximum-never-put-back",
    "You subtract the maximum inside of exp only. The logarithm of the sum is then too small by the maximum, "
    "and your result too large by it.",
    "Subtract it from x in both places, or add it to the logarithm again.",
    fails="test_log_softmax_by_hand",
)
def log_softmax_lost_max(x, dim):
    top = x.amax(dim, keepdim=True)
    return x - torch.exp(x - top).sum(dim, keepdim=True).log()


@misconception(
    "log_softmax",
    "one-maximum-for-all-logs",
    "You subtract the largest number of the whole tensor. In a row that lies 1000 below it every exp is 0, "
    "and log 0 is −∞.",
    "Each slice needs a maximum of its own: take it along `dim`, with keepdim=True.",
    fails="test_log_softmax_of_slices_of_very_different_size",
)
def log_softmax_global_max(x, dim):
    shifted = x - x.max() if x.numel() else x
    return shifted - torch.exp(shifted).sum(dim, keepdim=True).log()


@misconception(
    "log_softmax",
    "log-along-the-last-dimension",
    "You normalise along the last dimension, whatever `dim` says.",
    "Take the maximum and the sum along `dim`.",
    fails="test_log_softmax_along_every_dimension",
)
def log_softmax_last(x, dim):
    return torch.log_softmax(x, -1)


@misconception(
    "log_softmax",
    "other-sign",
    "You return the negative log-probabilities: yours are positive, and the logarithm of a probability is "
    "never above 0.",
    "x minus the logarithm of the sum, not the other way round.",
    fails="test_log_softmax_by_hand",
)
def log_softmax_negative(x, dim):
    return -torch.log_softmax(x, dim)


@misconception(
    "log_softmax",
    "backward-forgets-the-exp",
    "Your values are right, but your gradient is g − y · Σ g, with g as what arrives and y as the log-probabilities. "
    "The slope of the normaliser is the probability, not its logarithm.",
    "Let autograd differentiate, or take exp of y in your backward.",
    fails=["test_log_softmax_gradient", "test_log_softmax_of_slices_of_very_different_size"],
)
def log_softmax_backward_log(x, dim):
    return _ByHand.apply(x, dim, torch.log_softmax, lambda g, y, dim: g - y * g.sum(dim, keepdim=True))


@misconception(
    "log_softmax",
    "backward-forgets-the-sum",
    "Your values are right, but your gradient is g · (1 − p), with g as what arrives and p as the probabilities. Every "
    "output depends on every input, since all share one normaliser; what flows through the others is missing.",
    "Let autograd differentiate, or add up over the slice what arrives before you multiply by p.",
    fails=["test_log_softmax_gradient", "test_log_softmax_keeps_the_dtype"],
)
def log_softmax_backward_diagonal(x, dim):
    return _ByHand.apply(x, dim, torch.log_softmax, lambda g, y, dim: g * (1 - y.exp()))


@misconception(
    "log_softmax",
    "normaliser-cut-off-from-the-graph",
    "Your values are right, but your gradient is not: the logarithm of the sum is cut off from the graph, so a score "
    "that grows seems to take nothing away from the others.",
    "Only the maximum may be detached (it cancels); the sum must stay in the graph.",
    fails="test_log_softmax_gradient",
)
def log_softmax_detached_sum(x, dim):
    return x - torch.logsumexp(x, dim, keepdim=True).detach()


@misconception(
    "log_softmax",
    "maximum-subtracted-twice",
    "Your result is too small by the maximum of its slice: it is subtracted from x, and once more inside of the "
    "complete log Σ e^x.",
    "Either subtract the maximum everywhere, or put it back to the logarithm and take x as it is; not both.",
    fails=["test_log_softmax_by_hand", "test_log_softmax_along_every_dimension"],
)
def log_softmax_twice(x, dim):
    return x - x.amax(dim, keepdim=True) - torch.logsumexp(x, dim, keepdim=True)


@misconception(
    "log_softmax",
    "log-keepdim-missing",
    "Without keepdim=True the sums lose a dimension. For most shapes the subtraction then fails; for a square matrix "
    "it goes through and takes from each number what belongs to another row.",
    "Keep the dimension, with size 1, so that the sums line up with their slices.",
    fails="test_log_softmax_of_a_square_and_of_four_dimensions",
)
def log_softmax_no_keepdim(x, dim):
    shifted = x - x.amax(dim, keepdim=True)
    return shifted - torch.exp(shifted).sum(dim).log()


@misconception(
    "log_softmax",
    "normalised-over-everything",
    "You sum over the whole tensor: all of its probabilities together sum to 1, not those of each slice along `dim`.",
    "Sum along `dim` only, with keepdim=True.",
    fails=["test_log_softmax_by_hand", "test_log_softmax_along_every_dimension"],
)
def log_softmax_total(x, dim):
    shifted = x - x.amax(dim, keepdim=True)
    return shifted - torch.exp(shifted).sum().log()


@misconception(
    "log_softmax",
    "probabilities-clamped",
    "You keep the probabilities away from 0 before you take the logarithm. −∞ is gone, but nothing gets below "
    "log(1e-7) = −16.1, where −1e4 is right, and what is clamped has the gradient 0.",
    "Simplify on paper before you compute: log(e^x / Σ e^x) = x − log Σ e^x. There is no log 0 in it to be patched.",
    fails="test_log_softmax_of_large_values",
)
def log_softmax_clamped(x, dim):
    return torch.softmax(x, dim).clamp(min=1e-7).log()


@recurring.changes_input_in_place(
    "log_softmax", id="log-softmax-subtracts-in-place", fails=["test_log_softmax_by_hand", "test_log_softmax_gradient"]
)
def log_softmax_in_place(x, dim):
    x -= x.amax(dim, keepdim=True)
    return torch.log_softmax(x, dim)


@misconception(
    "log_softmax",
    "softmax-without-the-log",
    "You return the softmax itself: numbers between 0 and 1. Their logarithm is asked for, which is never above 0.",
    "In the logarithm the division becomes a subtraction.",
    fails=["test_log_softmax_by_hand", "test_log_softmax_gradient"],
)
def log_softmax_without_log(x, dim):
    return torch.softmax(x, dim)


recurring.detached(
    "log_softmax",
    torch.log_softmax,
    id="log-softmax-cut-off-from-the-graph",
    fails="test_log_softmax_gradient",
    besides="Only the maximum may be detached.",
)


@misconception(
    "log_softmax",
    "log-softmax-subtracts-the-mean",
    "You subtract the mean. The scores [1e4, 0, −1e4] already have the mean 0, so exp(1e4) overflows all the same.",
    "Subtract what leaves nothing above 0.",
    fails="test_log_softmax_of_large_values",
)
def log_softmax_mean(x, dim):
    shifted = x - x.mean(dim, keepdim=True)
    return shifted - torch.exp(shifted).sum(dim, keepdim=True).log()


@misconception(
    "log_softmax",
    "logarithm-to-the-base-ten",
    "Your logarithm of the sum is to the base 10, which does not undo exp. Two equal scores must give −0.693 each; "
    "yours give −0.301.",
    "`torch.log` is the natural logarithm.",
    fails=["test_log_softmax_by_hand", "test_log_softmax_gradient"],
)
def log_softmax_ten(x, dim):
    shifted = x - x.amax(dim, keepdim=True)
    return shifted - torch.exp(shifted).sum(dim, keepdim=True).log10()


@misconception(
    "log_softmax",
    "one-added-to-the-sum",
    "You take log(1 + Σ e^x) after the maximum was subtracted (`log1p` of the complete sum): the largest score's own "
    "e⁰ = 1 is counted twice.",
    "Either the logarithm of the complete sum, or log1p of the sum without the largest.",
    fails=["test_log_softmax_by_hand", "test_log_softmax_gradient"],
)
def log_softmax_one_more(x, dim):
    shifted = x - x.amax(dim, keepdim=True)
    return shifted - torch.exp(shifted).sum(dim, keepdim=True).log1p()


# -- sigmoid_grad ----------------------------------------------------------------------------------------------------


@misconception(
    "sigmoid_grad",
    "expects-the-output",
    "You compute x · (1 − x). That formula is for the sigmoid's output s; what you are given is its input.",
    "Compute s = sigmoid(x) first.",
    fails="test_sigmoid_grad_by_hand",
)
def sigmoid_grad_of_output(x):
    return x * (1 - x)


@misconception(
    "sigmoid_grad",
    "quotient-overflows",
    "e^−x / (1 + e^−x)² is right on paper, but at −100 it is ∞/∞ = NaN in float32.",
    "Write the derivative in terms of the sigmoid that you already have, and that is stable.",
    fails="test_sigmoid_grad_of_large_values",
)
def sigmoid_grad_plain(x):
    return torch.exp(-x) / (1 + torch.exp(-x)) ** 2


@misconception(
    "sigmoid_grad",
    "the-sigmoid-itself",
    "You return the sigmoid, not its derivative: yours is 0.5 at 0, and the steepest slope of the sigmoid is 0.25.",
    "The derivative is a hill: highest at 0, and 0 far out on both sides.",
    fails="test_sigmoid_grad_by_hand",
)
def sigmoid_grad_value(x):
    return torch.sigmoid(x)


@misconception(
    "sigmoid_grad",
    "asks-autograd-for-it",
    "You let autograd differentiate. Asked for is the formula: it needs no graph, and works under "
    "`torch.no_grad()` too.",
    "Differentiate 1 / (1 + e^−x) on paper, then express the result in the sigmoid itself.",
    fails="test_sigmoid_grad_without_autograd",
)
def sigmoid_grad_autograd(x):
    x = x.detach().clone().requires_grad_()
    torch.sigmoid(x).sum().backward()
    return x.grad


@misconception(
    "sigmoid_grad",
    "square-of-the-sigmoid",
    "You give σ(x)², which rises to 1. The slope is small again far on the right.",
    "The derivative of 1 / (1 + e^−x) has a factor e^−x above the fraction bar: what is e^−x / (1 + e^−x)?",
    fails=["test_sigmoid_grad_by_hand", "test_sigmoid_grad_of_large_values"],
)
def sigmoid_grad_square(x):
    return torch.sigmoid(x) ** 2


@misconception(
    "sigmoid_grad",
    "one-minus-the-input",
    "You give σ(x) · (1 − x): the second factor must contain the sigmoid too. Yours is 0.5 at 0, and negative above 1.",
    "Put s = sigmoid(x) in a variable, and use it in both places.",
    fails=["test_sigmoid_grad_by_hand", "test_sigmoid_grad_is_the_slope"],
)
def sigmoid_grad_mixed(x):
    return torch.sigmoid(x) * (1 - x)


@misconception(
    "sigmoid_grad",
    "slope-with-a-minus",
    "Your derivative is negative: s · (s − 1). The sigmoid rises everywhere.",
    "Two minus signs meet in this derivative: that of the quotient, and that of e^−x.",
    fails=["test_sigmoid_grad_by_hand", "test_sigmoid_grad_is_the_slope"],
)
def sigmoid_grad_negative(x):
    s = torch.sigmoid(x)
    return s * (s - 1)


@misconception(
    "sigmoid_grad",
    "growing-exps-overflow",
    "e^x / (1 + e^x)² is right on paper, but at +100 it is ∞/∞ = NaN in float32.",
    "Write the derivative in terms of the sigmoid that you already have, and that is stable.",
    fails="test_sigmoid_grad_of_large_values",
)
def sigmoid_grad_plain_mirrored(x):
    return torch.exp(x) / (1 + torch.exp(x)) ** 2


@misconception(
    "sigmoid_grad",
    "formula-of-tanh",
    "You give 1 − s², with s as the sigmoid: that is tanh's formula. Yours is 0.75 at 0, the slope of the sigmoid "
    "0.25.",
    "Differentiate 1 / (1 + e^−x): two factors, both of them made of s.",
    fails=["test_sigmoid_grad_by_hand", "test_sigmoid_grad_is_the_slope"],
)
def sigmoid_grad_as_tanh(x):
    return 1 - torch.sigmoid(x) ** 2


# -- tanh_grad -------------------------------------------------------------------------------------------------------


@misconception(
    "tanh_grad",
    "square-missing",
    "You return 1 − tanh(x): it is 2 far on the left, and a slope of tanh is never above 1.",
    "Something is squared in this derivative, so that left and right look alike.",
    fails="test_tanh_grad_by_hand",
)
def tanh_grad_no_square(x):
    return 1 - torch.tanh(x)


@misconception(
    "tanh_grad",
    "expects-the-output-of-tanh",
    "You compute 1 − x². That formula is for the output of tanh; what you are given is its input, and yours "
    "is −3 at 2.",
    "Compute t = tanh(x) first.",
    fails="test_tanh_grad_by_hand",
)
def tanh_grad_of_output(x):
    return 1 - x**2


@misconception(
    "tanh_grad",
    "quotient-of-exps-overflows",
    "You compute the derivative from a quotient of exponentials: at ±100 it is ∞/∞ = NaN in float32.",
    "Write the derivative in terms of the tanh that you already have, and that is stable.",
    fails="test_tanh_grad_of_large_values",
)
def tanh_grad_plain(x):
    up, down = torch.exp(x), torch.exp(-x)
    return 1 - ((up - down) / (up + down)) ** 2


@misconception(
    "tanh_grad",
    "derivative-of-the-sigmoid",
    "You return t · (1 − t), which would be the derivative if t were a sigmoid. For tanh it is 0 at 0, where "
    "tanh is steepest.",
    "tanh has a derivative of its own; its largest value is 1, at 0.",
    fails="test_tanh_grad_by_hand",
)
def tanh_grad_sigmoid(x):
    return torch.tanh(x) * (1 - torch.tanh(x))


@misconception(
    "tanh_grad",
    "asks-autograd-for-tanh",
    "You let autograd differentiate. Asked for is the formula: it needs no graph, and works under "
    "`torch.no_grad()` too.",
    "Differentiate on paper, then express the result in tanh itself.",
    fails="test_tanh_grad_without_autograd",
)
def tanh_grad_autograd(x):
    x = x.detach().clone().requires_grad_()
    torch.tanh(x).sum().backward()
    return x.grad


@misconception(
    "tanh_grad",
    "the-tanh-itself",
    "You return tanh, not its derivative: yours is 0 at 0, and tanh is steepest there, with the slope 1.",
    "The derivative is a hill: highest at 0, and 0 far out on both sides.",
    fails=["test_tanh_grad_by_hand", "test_tanh_grad_is_the_slope"],
)
def tanh_grad_value(x):
    return torch.tanh(x)


@misconception(
    "tanh_grad",
    "slope-of-tanh-with-a-minus",
    "Your derivative is negative: t² − 1. tanh rises everywhere.",
    "Which of the two is larger, 1 or t²?",
    fails=["test_tanh_grad_by_hand", "test_tanh_grad_is_the_slope"],
)
def tanh_grad_negative(x):
    return torch.tanh(x) ** 2 - 1


@misconception(
    "tanh_grad",
    "difference-squared",
    "You give (1 − t)²: at 0 that is 1, but elsewhere another number, and 4 far on the left. Only t is squared.",
    "Check your brackets: 1 minus the square, not the square of a difference.",
    fails=["test_tanh_grad_by_hand", "test_tanh_grad_is_the_slope"],
)
def tanh_grad_square_of_difference(x):
    return (1 - torch.tanh(x)) ** 2


@misconception(
    "tanh_grad",
    "cosh-not-squared",
    "You give 1 / cosh(x); the derivative of tanh is the square of that.",
    "Compare at 1: the slope there is 0.42, yours 0.648.",
    fails=["test_tanh_grad_by_hand", "test_tanh_grad_is_the_slope"],
)
def tanh_grad_sech(x):
    return 1 / torch.cosh(x)


@misconception(
    "tanh_grad",
    "one-side-of-the-slope-overflows",
    "4 e^2x / (e^2x + 1)² is right on paper, but at +100 it is ∞/∞ = NaN in float32.",
    "Write the derivative in terms of the tanh that you already have, and that is stable.",
    fails="test_tanh_grad_of_large_values",
)
def tanh_grad_one_side(x):
    return 4 * torch.exp(2 * x) / (torch.exp(2 * x) + 1) ** 2


# -- relu_grad -------------------------------------------------------------------------------------------------------


@misconception(
    "relu_grad",
    "one-at-zero",
    "Your derivative at exactly 0 is 1; by the convention of PyTorch it is 0.",
    "0 is not positive.",
    fails="test_relu_grad_at_zero",
)
def relu_grad_geq(x):
    return (x >= 0).to(x.dtype)


@misconception(
    "relu_grad",
    "half-at-zero",
    "Your derivative at exactly 0 is 0.5, half-way between the slopes 0 and 1; by the convention of PyTorch it is 0.",
    "Decide by a condition; 0 is not positive.",
    fails="test_relu_grad_at_zero",
)
def relu_grad_sign(x):
    return (x.sign() + 1) / 2


@misconception(
    "relu_grad",
    "bools-instead-of-floats",
    "You return True and False. A derivative is a number, of the dtype of x.",
    "Turn the mask into numbers: `.to(x.dtype)`.",
    fails="test_relu_grad_by_hand",
)
def relu_grad_bool(x):
    return x > 0


def relu_slope(x):
    return (x > 0).to(x.dtype)


recurring.float32_only("relu_grad", relu_slope, id="always-float32", fails="test_relu_grad_keeps_the_dtype")


@misconception(
    "relu_grad",
    "zero-over-zero",
    "You divide relu(x) by x, and at exactly 0 that is 0/0 = NaN.",
    "The derivative only depends on whether x is positive: no division is needed.",
    fails="test_relu_grad_at_zero",
)
def relu_grad_ratio(x):
    return F.relu(x) / x


@misconception(
    "relu_grad",
    "the-relu-itself",
    "You return ReLU, not its derivative: yours is 3 at 3, and the slope there is 1.",
    "How steep is the curve at x? There are only two answers.",
    fails="test_relu_grad_by_hand",
)
def relu_grad_value(x):
    return F.relu(x)


@misconception(
    "relu_grad",
    "minus-one-below-zero",
    "Below 0 you give −1: that is the sign of x. ReLU is flat there, its slope is 0.",
    "How steep is the curve at x? There are only two answers, 0 and 1.",
    fails=["test_relu_grad_by_hand", "test_relu_grad_is_the_slope"],
)
def relu_grad_as_sign(x):
    return torch.sign(x)


@misconception(
    "relu_grad",
    "whole-numbers-instead-of-floats",
    "You return whole numbers (int). A derivative is a number of the dtype of x.",
    "Turn the mask into numbers of the right kind: `.to(x.dtype)`.",
    fails=["test_relu_grad_by_hand", "test_relu_grad_keeps_the_dtype"],
)
def relu_grad_int(x):
    return (x > 0).long()


@misconception(
    "relu_grad",
    "one-everywhere-but-at-zero",
    "You give 1 for every x that is not 0, the negative ones too. ReLU is flat below 0: its slope is 0 there.",
    "Ask whether x is above 0, not whether it differs from 0.",
    fails=["test_relu_grad_by_hand", "test_relu_grad_is_the_slope"],
)
def relu_grad_nonzero(x):
    return (x != 0).to(x.dtype)


@misconception(
    "relu_grad",
    "ramp-instead-of-a-step",
    "You cut x off at 0 and 1. Between them yours is x itself; the slope of ReLU jumps from 0 to 1, with nothing "
    "between.",
    "The derivative only depends on whether x is positive.",
    fails=["test_relu_grad_by_hand", "test_relu_grad_is_the_slope"],
)
def relu_grad_ramp(x):
    return x.clamp(0, 1)


@recurring.changes_input_in_place(
    "relu_grad", id="relu-grad-overwrites-its-input", fails=["test_relu_grad_by_hand", "test_relu_grad_is_the_slope"]
)
def relu_grad_in_place(x):
    x.copy_((x > 0).to(x.dtype))
    return x


# -- ActivationNet ---------------------------------------------------------------------------------------------------


class Net(nn.Module):
    """The right layers; what follows changes one thing each."""

    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(10, 20)
        self.layer2 = nn.Linear(20, 10)
        self.output_layer = nn.Linear(10, 1)

    def through(self, x, first=torch.relu, second=torch.tanh, last=torch.sigmoid):
        return last(self.output_layer(second(self.layer2(first(self.layer1(x))))))

    def forward(self, x):
        return self.through(x)


def unchanged(x):
    return x


@misconception(
    "ActivationNet",
    "activations-exchanged",
    "You use tanh after `layer1` and ReLU after `layer2`; it is the other way round.",
    "Read the docstring from left to right, and call the layers in this order.",
    fails="test_net_with_given_weights",
)
class ExchangedNet(Net):
    def forward(self, x):
        return self.through(x, torch.tanh, torch.relu)


@misconception(
    "ActivationNet",
    "relu-twice",
    "You use ReLU after both hidden layers; tanh belongs after `layer2`.",
    "Three layers, three different activations.",
    fails="test_net_with_given_weights",
)
class ReluTwiceNet(Net):
    def forward(self, x):
        return self.through(x, torch.relu, torch.relu)


@misconception(
    "ActivationNet",
    "sigmoid-everywhere",
    "You use the sigmoid after every layer. Its slope is at most 1/4, so the gradient shrinks at each of "
    "them; asked for are ReLU and tanh inside.",
    "Only the last layer gets the sigmoid.",
    fails="test_net_with_given_weights",
)
class SigmoidNet(Net):
    def forward(self, x):
        return self.through(x, torch.sigmoid, torch.sigmoid)


@misconception(
    "ActivationNet",
    "logits-at-the-end",
    "You return the raw score of the last layer: it can be any number. A probability needs the sigmoid.",
    "Send the output of the last layer through its activation too.",
    fails=["test_net_with_given_weights"],
)
class LogitNet(Net):
    def forward(self, x):
        return self.through(x, last=unchanged)


@misconception(
    "ActivationNet",
    "tanh-at-the-end",
    "You use tanh after `output_layer` too: your answers lie between −1 and 1, and half of them are no probabilities.",
    "The sigmoid is tanh's relative between 0 and 1.",
    fails="test_net_with_given_weights",
)
class TanhEndNet(Net):
    def forward(self, x):
        return self.through(x, last=torch.tanh)


@misconception(
    "ActivationNet",
    "relu-at-the-end",
    "You use ReLU after `output_layer`: your answers can be 5, and where the score is negative they are exactly 0, "
    "with no gradient to learn from.",
    "A probability needs the sigmoid.",
    fails="test_net_with_given_weights",
)
class ReluEndNet(Net):
    def forward(self, x):
        return self.through(x, last=torch.relu)


@misconception(
    "ActivationNet",
    "softmax-over-one-number",
    "You use softmax at the end. Over a single number it is always exactly 1 (e^x / e^x), so your network "
    "gives the same answer to everything.",
    "For one yes-or-no output the sigmoid is the right one.",
    fails=["test_net_gives_a_column_of_probabilities", "test_net_with_given_weights"],
)
class SoftmaxNet(Net):
    def forward(self, x):
        return self.through(x, last=lambda y: torch.softmax(y, dim=-1))


@misconception(
    "ActivationNet",
    "no-bend-inside",
    "You left out the activations between the layers. Three linear layers in a row are one linear layer with "
    "more work.",
    "Call the activation on what each layer returns.",
    fails="test_net_with_given_weights",
)
class StraightNet(Net):
    def forward(self, x):
        return self.through(x, unchanged, unchanged)


@misconception(
    "ActivationNet",
    "first-activation-forgotten",
    "Nothing bends what comes out of `layer1`: it goes into `layer2` as it is.",
    "Each of the three layers is followed by its activation.",
    fails="test_net_with_given_weights",
)
class NoReluNet(Net):
    def forward(self, x):
        return self.through(x, unchanged)


@misconception(
    "ActivationNet",
    "second-activation-forgotten",
    "Nothing bends what comes out of `layer2`: it goes into `output_layer` as it is.",
    "Each of the three layers is followed by its activation.",
    fails="test_net_with_given_weights",
)
class NoTanhNet(Net):
    def forward(self, x):
        return self.through(x, second=unchanged)


@misconception(
    "ActivationNet",
    "layers-in-a-list",
    "You keep the layers in a plain Python list. nn.Module does not look into lists, so `parameters()` is "
    "empty and nothing would ever be trained.",
    "Assign each layer to an attribute of its own: self.layer1 = …",
    fails="test_net_registers_its_parameters",
)
class ListNet(Net):
    def __init__(self):
        nn.Module.__init__(self)
        self.layers = [nn.Linear(10, 20), nn.Linear(20, 10), nn.Linear(10, 1)]

    layer1 = property(lambda self: self.layers[0])
    layer2 = property(lambda self: self.layers[1])
    output_layer = property(lambda self: self.layers[2])


@misconception(
    "ActivationNet",
    "other-names",
    "Your layers have other names than asked for, so saved weights would not find them: they are `layer1`, "
    "`layer2` and `output_layer`.",
    "Copy the names from the docstring.",
    fails="test_net_has_three_layers_of_the_right_size",
)
class OtherNamesNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 20)
        self.fc2 = nn.Linear(20, 10)
        self.fc3 = nn.Linear(10, 1)

    def forward(self, x):
        return torch.sigmoid(self.fc3(torch.tanh(self.fc2(torch.relu(self.fc1(x))))))


@misconception(
    "ActivationNet",
    "second-layer-too-wide",
    "Your `layer2` gives 20 numbers; it narrows 20 to 10.",
    "10 → 20 → 10 → 1: each layer takes what the one before it gives.",
    fails="test_net_has_three_layers_of_the_right_size",
)
class WideNet(Net):
    def __init__(self):
        super().__init__()
        self.layer2 = nn.Linear(20, 20)
        self.output_layer = nn.Linear(20, 1)


@misconception(
    "ActivationNet",
    "no-biases",
    "Your layers have no bias, so every neuron's bend sits at 0: the three layers should have 441 parameters "
    "and have 410.",
    "The bias is on unless you turn it off.",
    fails=["test_net_has_three_layers_of_the_right_size", "test_net_registers_its_parameters"],
)
class NoBiasNet(Net):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(10, 20, bias=False)
        self.layer2 = nn.Linear(20, 10, bias=False)
        self.output_layer = nn.Linear(10, 1, bias=False)


@misconception(
    "ActivationNet",
    "flat-output",
    "You squeeze the last dimension away and return `(N,)`; asked for is `(N, 1)`. Against a target of shape "
    "`(N, 1)`, a loss would silently compare every row with every other.",
    "Return what the last activation gives, as it is.",
    fails=["test_net_gives_a_column_of_probabilities", "test_net_with_given_weights"],
)
class SqueezedNet(Net):
    def forward(self, x):
        return self.through(x).squeeze(-1)


@misconception(
    "ActivationNet",
    "forward-without-a-graph",
    "Your output is right, but cut off from the graph (`no_grad`, `.data` or `.detach()`), so no weight gets "
    "a gradient.",
    "Leave `no_grad` to whoever evaluates the network; forward itself must be differentiable.",
    fails=["test_net_gradient", "test_net_learns"],
)
class DetachedNet(Net):
    def forward(self, x):
        return self.through(x).detach()


_SHARED = [nn.Linear(10, 20), nn.Linear(20, 10), nn.Linear(10, 1)]


@misconception(
    "ActivationNet",
    "one-set-of-weights-for-all",
    "Your layers are made once, outside of `__init__`, so all networks of this class share their weights: "
    "training one changes the others.",
    "Make the layers in `__init__`: every network that is built then gets its own.",
    fails="test_two_nets_have_weights_of_their_own",
)
class SharedNet(Net):
    def __init__(self):
        nn.Module.__init__(self)
        self.layer1, self.layer2, self.output_layer = (layer.float() for layer in _SHARED)


@misconception(
    "ActivationNet",
    "tanh-twice",
    "You use tanh after both hidden layers; ReLU belongs after `layer1`.",
    "Three layers, three different activations.",
    fails="test_net_with_given_weights",
)
class TanhTwiceNet(Net):
    def forward(self, x):
        return self.through(x, torch.tanh, torch.tanh)


@misconception(
    "ActivationNet",
    "leaky-inside",
    "Your first activation lets a little through below 0 (0.01 · x); after `layer1` ReLU is asked for.",
    "Use your relu, not your leaky_relu.",
    fails="test_net_with_given_weights",
)
class LeakyNet(Net):
    def forward(self, x):
        return self.through(x, F.leaky_relu)


@misconception(
    "ActivationNet",
    "sigmoid-twice-at-the-end",
    "The sigmoid is applied twice at the end: your answers all lie between 0.5 and 0.731.",
    "The output of the last layer goes through one sigmoid.",
    fails=["test_net_with_given_weights", "test_net_gradient"],
)
class SigmoidTwiceNet(Net):
    def forward(self, x):
        return self.through(x, last=lambda y: torch.sigmoid(torch.sigmoid(y)))


@misconception(
    "ActivationNet",
    "activation-before-the-first-layer",
    "Your activations stand before the layers instead of behind them: ReLU is applied to the inputs themselves, tanh "
    "to what `layer1` gives, the sigmoid to what `layer2` gives, and nothing to the last score.",
    "A layer first, then its activation; x itself goes into `layer1` as it is.",
    fails=["test_net_with_given_weights", "test_net_gradient"],
)
class ActivationFirstNet(Net):
    def forward(self, x):
        return self.output_layer(torch.sigmoid(self.layer2(torch.tanh(self.layer1(torch.relu(x))))))


@misconception(
    "ActivationNet",
    "layers-made-in-forward",
    "You make new layers in every forward pass (or fill the weights anew): what was learnt is forgotten each time, and "
    "the weights that were loaded play no part in the answer.",
    "Layers are made once, in `__init__`; forward only calls them.",
    fails=["test_net_with_given_weights", "test_net_gradient"],
)
class MadeInForwardNet(Net):
    def forward(self, x):
        first, second, last = nn.Linear(10, 20), nn.Linear(20, 10), nn.Linear(10, 1)
        x = torch.tanh(second(torch.relu(first(x))))
        return torch.sigmoid(last(x))


@misconception(
    "ActivationNet",
    "dropout-inside",
    "Your network switches off neurons at random (dropout), so that the same batch gets another answer each time. "
    "Nothing random is asked for.",
    "Three layers and their activations, and nothing between them.",
    fails="test_net_with_given_weights",
)
class DropoutNet(Net):
    def forward(self, x):
        return self.through(x, lambda y: F.dropout(torch.relu(y), 0.5, self.training))


@misconception(
    "ActivationNet",
    "softmax-over-the-batch",
    "You use softmax at the end, over the rows: the answers of a batch share one whole, as if the rows competed with "
    "each other, and the same row gets another answer in another batch.",
    "For one yes-or-no output the sigmoid is the right one: it looks at each row on its own.",
    fails=["test_net_with_given_weights", "test_net_gradient"],
)
class SoftmaxOverBatchNet(Net):
    def forward(self, x):
        return self.through(x, last=lambda y: torch.softmax(y, dim=0))
