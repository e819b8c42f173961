"""What goes wrong in 04_autograd, and how to say so."""

import math

import torch
from nnkata.grader.authors import misconception

# -- numerical_gradient ----------------------------------------------------------------------------------------------


def _each(x, slope_along):
    """One slope for each element: `slope_along(nudge)` is given the direction."""
    slopes = torch.zeros(x.numel(), dtype=x.dtype, device=x.device)
    for i in range(x.numel()):
        direction = torch.zeros_like(slopes)
        direction[i] = 1.0
        slopes[i] = slope_along(direction.reshape(x.shape))
    return slopes.reshape(x.shape)


@misconception(
    "numerical_gradient",
    "forward-difference",
    "You nudge each element up only and compare with f(x). That slope leans to one side: its error "
    "shrinks with eps, that of the central difference with eps². For x³ at 1 and eps = 0.1 you get "
    "3.31, the central difference 3.01, the truth is 3.",
    "Step once in each direction from x; f(x) itself is not needed.",
    fails="test_numerical_gradient_is_central",
)
def forward_difference(f, x, eps=1e-6):
    return _each(x, lambda e: (f(x + eps * e) - f(x)) / eps)


@misconception(
    "numerical_gradient",
    "divided-by-one-eps",
    "Your slopes are twice as steep as they should be: you divide the difference by eps, but the two "
    "points lie 2·eps apart.",
    "Draw the two points on a line and read off how far the one is from the other.",
    fails=["test_numerical_gradient_by_hand", "test_numerical_gradient_is_central"],
)
def divided_by_one_eps(f, x, eps=1e-6):
    return _each(x, lambda e: (f(x + eps * e) - f(x - eps * e)) / eps)


@misconception(
    "numerical_gradient",
    "forward-difference-halved",
    "You compare f(x + eps) with f(x), two points that lie eps apart, and divide by 2·eps: every slope comes out half "
    "as steep. The 2 belongs to the central difference, whose other point is x − eps.",
    "Step once in each direction from x; f(x) itself is not needed.",
    fails=["test_numerical_gradient_by_hand", "test_numerical_gradient_is_central"],
)
def forward_difference_halved(f, x, eps=1e-6):
    return _each(x, lambda e: (f(x + eps * e) - f(x)) / (2 * eps))


@misconception(
    "numerical_gradient",
    "backward-difference",
    "You nudge each element down only and compare with f(x). That slope leans to one side: its error shrinks with eps, "
    "that of the central difference with eps². For x³ at 1 and eps = 0.1 you get 2.71, the central difference 3.01.",
    "Step once in each direction from x; f(x) itself is not needed.",
    fails="test_numerical_gradient_is_central",
)
def backward_difference(f, x, eps=1e-6):
    return _each(x, lambda e: (f(x) - f(x - eps * e)) / eps)


@misconception(
    "numerical_gradient",
    "difference-the-wrong-way-round",
    "Your slopes have the wrong sign: you take what f gives after the step down, and subtract from it what f gives "
    "after the step up.",
    "Where f rises, the slope is above 0: which of the two values is the larger one there?",
    fails=["test_numerical_gradient_by_hand", "test_numerical_gradient_is_central"],
)
def difference_the_wrong_way_round(f, x, eps=1e-6):
    return _each(x, lambda e: (f(x - eps * e) - f(x + eps * e)) / (2 * eps))


@misconception(
    "numerical_gradient",
    "everything-nudged-at-once",
    "You nudge all elements together, so that you measure the slope along (1, 1, …, 1): the sum of "
    "all the derivatives stands at every place.",
    "Each derivative asks what one element does alone. Nudge one, keep the others, and do that for each.",
    fails=["test_numerical_gradient_by_hand", "test_numerical_gradient_has_the_shape_of_x"],
)
def everything_nudged_at_once(f, x, eps=1e-6):
    return torch.ones_like(x) * (f(x + eps) - f(x - eps)) / (2 * eps)


@misconception(
    "numerical_gradient",
    "nudge-never-undone",
    "After an element has been measured it stays nudged, so that the next ones are measured at "
    "another point than x. The first derivative is right, the later ones drift, and the larger eps "
    "is, the more.",
    "Begin each element from x as it was given.",
    fails=["test_numerical_gradient_by_hand", "test_numerical_gradient_of_several_functions"],
)
def nudge_never_undone(f, x, eps=1e-6):
    flat, slopes = x.reshape(-1).clone(), torch.zeros(x.numel(), dtype=x.dtype)
    f = (lambda g: lambda v: g(v.reshape(x.shape)))(f)
    for i in range(len(flat)):
        flat[i] += eps
        up = f(flat)
        flat[i] -= 2 * eps
        slopes[i] = (up - f(flat)) / (2 * eps)
    return slopes.reshape(x.shape)


@misconception(
    "numerical_gradient",
    "rounding-error-left-in-x",
    "You nudge x itself, and undo that by adding eps again. Floats do not work that way: 0.1 + 0.3 − "
    "0.6 + 0.3 is 0.10000000000000003. The caller's x is another one afterwards.",
    "Work on a copy, or keep the old number and write that one back.",
    fails="test_numerical_gradient_leaves_x_alone",
)
def rounding_error_left_in_x(f, x, eps=1e-6):
    slopes = torch.zeros_like(x)
    for index in torch.cartesian_prod(*(torch.arange(n) for n in x.shape)).reshape(-1, x.dim()).tolist():
        place = tuple(index)
        x[place] += eps
        up = f(x)
        x[place] -= 2 * eps
        slopes[place] = (up - f(x)) / (2 * eps)
        x[place] += eps
    return slopes


@misconception(
    "numerical_gradient",
    "eps-ignored",
    "Whatever eps the caller passes, you nudge by a number of your own. Near the kink of |x| that "
    "shows: at x = 0.03, eps = 0.1 gives the slope 0.3 and eps = 1e-6 gives 1.",
    "Look for a number where the name eps should stand.",
    fails=["test_numerical_gradient_nudges_by_eps", "test_numerical_gradient_is_central"],
)
def eps_ignored(f, x, eps=1e-6):
    return _each(x, lambda e: (f(x + 1e-6 * e) - f(x - 1e-6 * e)) / 2e-6)


@misconception(
    "numerical_gradient",
    "gradient-in-float32",
    "Your result is float32 though x is float64: a tensor made by torch.zeros(shape) is float32 "
    "unless told otherwise. Half of the digits are lost on the way, in a function that lives on its "
    "digits.",
    "Make the result like x: zeros_like, or dtype=x.dtype.",
    fails="test_numerical_gradient_by_hand",
)
def gradient_in_float32(f, x, eps=1e-6):
    return _each(x, lambda e: (f(x + eps * e) - f(x - eps * e)) / (2 * eps)).float()


@misconception(
    "numerical_gradient",
    "gradient-on-the-cpu",
    "Your result lives on the CPU wherever x lives: `torch.zeros` makes its tensor there unless told otherwise. "
    "For an x on a GPU, gradient and parameter could not even be added.",
    "Make the result like x: zeros_like, or device=x.device.",
    fails="test_numerical_gradient_on_another_device",
)
def gradient_on_the_cpu(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        nudge = torch.zeros(x.numel(), dtype=x.dtype, device=x.device)
        nudge[i] = eps
        nudge = nudge.reshape(x.shape)
        slopes[i] = ((f(x + nudge) - f(x - nudge)) / (2 * eps)).item()
    return slopes.reshape(x.shape)


@misconception(
    "numerical_gradient",
    "whole-rows-nudged",
    "You count along the first dimension only. For a vector that is right; for a matrix you nudge a "
    "whole row at a time and write the sum of its derivatives into each of its places.",
    "Count elements (x.numel()), not rows (len(x)).",
    fails="test_numerical_gradient_has_the_shape_of_x",
)
def whole_rows_nudged(f, x, eps=1e-6):
    slopes = torch.zeros_like(x)
    for i in range(len(x)):
        nudge = torch.zeros_like(x)
        nudge[i] = eps
        slopes[i] = (f(x + nudge) - f(x - nudge)) / (2 * eps)
    return slopes


@misconception(
    "numerical_gradient",
    "larger-nudge-by-default",
    "Without eps you nudge by 1e-3, not by 1e-6. On smooth functions that costs only a few digits, "
    "but near a kink the slope is another one.",
    "Compare the default in your signature with that of the stub.",
    fails="test_numerical_gradient_nudges_by_a_millionth_unless_told",
)
def larger_nudge_by_default(f, x, eps=1e-3):
    return _each(x, lambda e: (f(x + eps * e) - f(x - eps * e)) / (2 * eps))


def _nudged_in_place(x, point, flat, f, step):
    """Central differences by writing into `flat`, which may or may not be the memory of `point`."""
    slopes = torch.zeros(flat.numel(), dtype=x.dtype, device=x.device)
    for i in range(flat.numel()):
        kept = flat[i].item()
        flat[i] = kept + step
        above = float(f(point))
        flat[i] = kept - step
        below = float(f(point))
        flat[i] = kept
        slopes[i] = (above - below) / (2 * step)
    return slopes.reshape(x.shape)


@misconception(
    "numerical_gradient",
    "nudges-a-copy",
    "For an x that is not contiguous (a transposed one, say) your slopes are all 0: f never sees the nudge. That is "
    "what comes out if the nudge is written into `reshape(-1)` or `flatten()`, which is a view of contiguous memory "
    "and a copy of any other.",
    "Make what you write into and what f gets the same memory: a contiguous clone, or an index for each dimension.",
    fails="test_numerical_gradient_of_other_memory_layouts",
)
def nudges_a_copy(f, x, eps=1e-6):
    point = x.detach().clone()
    return _nudged_in_place(x, point, point.reshape(-1), f, eps)


@misconception(
    "numerical_gradient",
    "values-read-after-both-nudges",
    "You nudge one tensor in place, call f twice, and look at what it gave only afterwards. If f returns a part of its "
    "argument (x[1], say), both results are the same memory, and their difference is 0.",
    "Make a number of f's first result (`.item()`, `float`) before you nudge again, or give f a new tensor each time.",
    fails="test_numerical_gradient_of_an_f_that_returns_a_view",
)
def values_read_after_both_nudges(f, x, eps=1e-6):
    point = x.clone(memory_format=torch.contiguous_format)
    flat, slopes = point.view(-1), torch.zeros(x.numel(), dtype=x.dtype, device=x.device)
    for i in range(x.numel()):
        kept = flat[i].clone()
        flat[i] = kept + eps
        above = f(point)
        flat[i] = kept - eps
        below = f(point)
        flat[i] = kept
        slopes[i] = (above - below) / (2 * eps)
    return slopes.reshape(x.shape)


@misconception(
    "numerical_gradient",
    "nudge-relative-to-the-element",
    "You nudge each element by eps times its own size. At 0 that is no nudge at all, and the slope 0 / 0 = NaN; "
    "elsewhere eps does not mean what the caller asked for.",
    "The nudge is eps itself, for every element.",
    fails=["test_numerical_gradient_nudges_by_eps", "test_numerical_gradient_is_central"],
)
def nudge_relative_to_the_element(f, x, eps=1e-6):
    return _each(x, lambda e: (f(x + eps * x.abs() * e) - f(x - eps * x.abs() * e)) / (2 * eps * (x.abs() * e).sum()))


@misconception(
    "numerical_gradient",
    "nudge-grows-with-the-element",
    "You nudge elements above 1 by eps times their size, and only smaller ones by eps. Library code may do so; here "
    "the nudge is eps itself, and whoever compares two slopes relies on that.",
    "The same nudge for every element.",
    fails="test_numerical_gradient_of_equal_elements",
)
def nudge_grows_with_the_element(f, x, eps=1e-6):
    def slope(e):
        step = eps * max(1.0, (x.abs() * e).sum().item())
        return (f(x + step * e) - f(x - step * e)) / (2 * step)

    return _each(x, slope)


@misconception(
    "numerical_gradient",
    "half-of-the-nudge",
    "You nudge by eps / 2 in each direction. The slope is central, but eps says how far each of the two points lies "
    "from x.",
    "x + eps and x − eps lie 2 · eps apart.",
    fails=["test_numerical_gradient_is_central", "test_numerical_gradient_nudges_by_eps"],
)
def half_of_the_nudge(f, x, eps=1e-6):
    return _each(x, lambda e: (f(x + eps / 2 * e) - f(x - eps / 2 * e)) / eps)


@misconception(
    "numerical_gradient",
    "never-divided",
    "You return how much f changes, not how steep it is: the difference is never divided by how far the two points lie "
    "apart.",
    "A slope is a height divided by a width.",
    fails="test_numerical_gradient_is_central",
)
def never_divided(f, x, eps=1e-6):
    return _each(x, lambda e: f(x + eps * e) - f(x - eps * e))


# -- unbroadcast -----------------------------------------------------------------------------------------------------


def _front(grad, shape):
    while grad.dim() > len(shape):
        grad = grad.sum(0)
    return grad


def _ones(grad, shape, reduce=lambda g, axis: g.sum(axis, keepdim=True)):
    for axis, size in enumerate(shape):
        if size == 1 and axis < grad.dim():
            grad = reduce(grad, axis)
    return grad


@misconception(
    "unbroadcast",
    "only-the-dimensions-in-front",
    "You sum away the dimensions that were added in front, but not those that were stretched from 1: "
    "for (2, 1) the gradient comes back as (2, 3).",
    "Broadcasting does two things. Look at a dimension whose size in `shape` is 1.",
    fails=["test_unbroadcast_by_hand", "test_unbroadcast_dimensions_of_size_one"],
)
def only_the_dimensions_in_front(grad, shape):
    return _front(grad, shape)


@misconception(
    "unbroadcast",
    "only-the-dimensions-of-size-one",
    "You sum over the dimensions whose size was 1, but the ones that broadcasting added in front are "
    "still there: for (3,) the gradient of shape (2, 3) comes back as it was.",
    "Compare the number of dimensions first.",
    fails=["test_unbroadcast_by_hand", "test_unbroadcast_dimensions_that_were_added_in_front"],
)
def only_the_dimensions_of_size_one(grad, shape):
    return _ones(grad, shape)


@misconception(
    "unbroadcast",
    "mean-instead-of-sum",
    "You average over the copies. But each copy moves the loss when the element moves, and these "
    "effects add up: three copies, three times the effect.",
    "Ask what happens to f(x + x + x) when x grows by 1.",
    fails="test_unbroadcast_by_hand",
)
def mean_instead_of_sum(grad, shape):
    while grad.dim() > len(shape):
        grad = grad.mean(0)
    return _ones(grad, shape, lambda g, axis: g.mean(axis, keepdim=True))


@misconception(
    "unbroadcast",
    "first-copy-only",
    "You keep the gradient of one copy and drop the others. Every copy of an element has a gradient "
    "of its own, and they add up.",
    "What shrinks a dimension without losing anything that was in it?",
    fails="test_unbroadcast_by_hand",
)
def first_copy_only(grad, shape):
    while grad.dim() > len(shape):
        grad = grad[0]
    return _ones(grad, shape, lambda g, axis: g.narrow(axis, 0, 1))


@misconception(
    "unbroadcast",
    "aligned-at-the-front",
    "You match the shapes from the left. Broadcasting matches them from the right: (3,) is a row of "
    "(3, 3), not a column, so the sum must go over the first dimension. A square gradient hides the "
    "mistake, since both ways give three numbers.",
    "Write the two shapes under each other, flush right.",
    fails="test_unbroadcast_aligns_shapes_at_their_end",
)
def aligned_at_the_front(grad, shape):
    extra = grad.dim() - len(shape)
    if tuple(grad.shape[extra:]) != tuple(shape) or tuple(grad.shape[: len(shape)]) == tuple(shape):
        fits = all(s in (1, g) for s, g in zip(shape, grad.shape, strict=False))
        while fits and grad.dim() > len(shape):
            grad = grad.sum(-1)
    return _ones(_front(grad, shape), shape)


@misconception(
    "unbroadcast",
    "size-one-squeezed-away",
    "You sum over the right dimensions, but lose those of size 1: for (2, 1) the result has the shape "
    "(2,). It would broadcast the other way next time, as a row instead of a column.",
    "`sum` can keep the dimension that it sums over.",
    fails=["test_unbroadcast_by_hand", "test_unbroadcast_dimensions_of_size_one"],
)
def size_one_squeezed_away(grad, shape):
    return _ones(_front(grad, shape), shape).squeeze()


@misconception(
    "unbroadcast",
    "folded-by-reshape",
    "You reshape the gradient so that copies should come to lie under each other, and sum these. That "
    "works for dimensions in front. Where an inner dimension was stretched, the copies of an element "
    "lie beside each other, and you add numbers that do not belong together.",
    "Number the elements of a (2, 3) gradient 0 … 5 and see which of them your sum takes for the shape (2, 1).",
    fails=["test_unbroadcast_by_hand", "test_unbroadcast_dimensions_of_size_one"],
)
def folded_by_reshape(grad, shape):
    return grad.reshape(-1, max(math.prod(shape), 1)).sum(0).reshape(shape)


@misconception(
    "unbroadcast",
    "nothing-to-sum-sums-everything",
    "Where no dimension was added in front, you call sum with an empty tuple of dimensions, and "
    "PyTorch takes that as: all of them. One number is left of your gradient.",
    "Sum only if there is something to sum over.",
    fails="test_unbroadcast_where_nothing_was_broadcast",
)
def nothing_to_sum_sums_everything(grad, shape):
    leading = grad.dim() - len(shape)
    grad = grad.sum(dim=tuple(range(leading))) if leading else grad.sum()
    return _ones(grad, shape)


@misconception(
    "unbroadcast",
    "single-number-not-summed",
    "For the shape () you return the gradient unsummed: an empty shape looks like nothing to do. It "
    "means a single number, which was copied to every place.",
    "Does a test such as `if shape:` stand in the way? For () it is false.",
    fails="test_unbroadcast_to_a_single_number",
)
def single_number_not_summed(grad, shape):
    return _ones(_front(grad, shape), shape) if shape else grad


@misconception(
    "unbroadcast",
    "added-dimensions-kept",
    "You sum over the dimensions that were added in front, but keep them with size 1: for (3,) the result has the "
    "shape (1, 3).",
    "They were not there before broadcasting, so nothing of them may be left.",
    fails=["test_unbroadcast_by_hand", "test_unbroadcast_dimensions_that_were_added_in_front"],
)
def added_dimensions_kept(grad, shape):
    for axis in range(grad.dim() - len(shape)):
        grad = grad.sum(axis, keepdim=True)
    aligned = (1,) * (grad.dim() - len(shape)) + tuple(shape)
    return _ones(grad, aligned)


@misconception(
    "unbroadcast",
    "sums-the-last-dimensions",
    "Where there are too many dimensions you sum over the last ones. Broadcasting adds dimensions in front.",
    "Write the two shapes under each other, flush right: which dimensions have nothing below them?",
    fails=["test_unbroadcast_dimensions_that_were_added_in_front", "test_unbroadcast_aligns_shapes_at_their_end"],
)
def sums_the_last_dimensions(grad, shape):
    while grad.dim() > len(shape):
        grad = grad.sum(-1)
    return _ones(grad, shape)


# -- LinearFunction --------------------------------------------------------------------------------------------------


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.T if bias is None else x @ weight.T + bias


def _gradients(ctx, grad_output, x=None, weight=None):
    """The three gradients, and whether each is needed."""
    if x is None:
        x, weight = ctx.saved_tensors
    grads = (grad_output @ weight, grad_output.T @ x, grad_output.sum(0))
    return [g if need else None for g, need in zip(grads, ctx.needs_input_grad, strict=True)]


@misconception(
    "LinearFunction",
    "weight-not-transposed",
    "You multiply x with weight as it is, but weight holds one row for each output: (out, in). With "
    "as many outputs as inputs it even runs, and gives other numbers.",
    "Write the shapes beside the product: (N, in) times what gives (N, out)?",
    fails=["test_linear_by_hand", "test_linear_value"],
)
class WeightNotTransposed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight if bias is None else x @ weight + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output @ weight.T, x.T @ grad_output, grad_output.sum(0)


@misconception(
    "LinearFunction",
    "no-gradient-for-the-bias",
    "Your backward returns None for the bias, always. PyTorch takes that as: the loss does not depend "
    "on it, and the bias is never trained.",
    "The output moves by as much as the bias does, in each of the N rows. What does that make, given grad_output?",
    fails="test_linear_gradients_by_hand",
)
class NoGradientForTheBias(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        grad_x, grad_weight, _ = _gradients(ctx, grad_output)
        return grad_x, grad_weight, None


@misconception(
    "LinearFunction",
    "averaged-over-the-batch",
    "You divide the gradients of weight and bias by the number of rows. Whether the loss is a mean is "
    "the loss's affair: if it is, its own backward has divided already, and grad_output holds that.",
    "The chain rule has no division in it.",
    fails="test_linear_gradients_by_hand",
)
class AveragedOverTheBatch(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        grad_x, grad_weight, grad_bias = _gradients(ctx, grad_output)
        n = max(len(grad_output), 1)
        return grad_x, *(None if g is None else g / n for g in (grad_weight, grad_bias))


@misconception(
    "LinearFunction",
    "grad-output-ignored",
    "Your gradients are those of the sum of the outputs, whatever comes after the layer: grad_output "
    "has no part in them. That is right for `output.sum().backward()` and wrong for every other loss.",
    "Chain rule: outer derivative times inner derivative. The outer one is what backward is handed.",
    fails=["test_linear_gradients_match_pytorch", "test_linear_gradients_through_several_layers"],
)
class GradOutputIgnored(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        return tuple(_gradients(ctx, torch.ones_like(grad_output)))


@misconception(
    "LinearFunction",
    "weight-gradient-transposed",
    "Your gradient of the weight is the right one, transposed: (in, out) instead of (out, in). "
    "PyTorch refuses the shape, unless both sizes are the same or one of them is 1: then you train "
    "with a wrong gradient and nobody tells you.",
    "The gradient of weight has the shape of weight. Which factor must stand on the left for that?",
    fails=["test_linear_gradients_with_a_square_weight", "test_linear_gradients_match_pytorch"],
)
class WeightGradientTransposed(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        grad_x, grad_weight, grad_bias = _gradients(ctx, grad_output)
        return grad_x, None if grad_weight is None else grad_weight.T, grad_bias


@misconception(
    "LinearFunction",
    "input-gradient-through-the-transpose",
    "For the gradient of x you multiply grad_output with weight.T, as on the way forward. On the way "
    "back it must be weight itself: (N, out) times (out, in). With a square weight it runs and is "
    "wrong.",
    "Forward you went from in to out. What leads back?",
    fails=["test_linear_gradients_with_a_square_weight", "test_linear_gradients_match_pytorch"],
)
class InputGradientThroughTheTranspose(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return tuple(_gradients(ctx, grad_output, x, weight.T))


@misconception(
    "LinearFunction",
    "every-gradient-always",
    "You compute all three gradients, whether or not anybody asked. They are right, and PyTorch "
    "throws away what it does not need; but for the first layer, whose x is data, you pay a third "
    "matrix product at every step.",
    "`ctx.needs_input_grad` holds one bool for each input. Return None where it says no.",
    fails="test_linear_gives_only_the_gradients_that_are_needed",
)
class EveryGradientAlways(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return (
            grad_output @ weight,
            grad_output.T @ x,
            grad_output.sum(0) if ctx.needs_input_grad[2] else None,
        )


@misconception(
    "LinearFunction",
    "gradient-for-a-bias-that-is-none",
    "You return three gradients, whatever was asked for. Where the bias is None PyTorch refuses a gradient for it; and "
    "for the first layer, whose x is data, you pay a third matrix product at every step.",
    "`ctx.needs_input_grad` holds one bool for each input. Return None where it says no.",
    fails=["test_linear_without_a_bias", "test_linear_gives_only_the_gradients_that_are_needed"],
)
class GradientForABiasThatIsNone(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output @ weight, grad_output.T @ x, grad_output.sum(0)


@misconception(
    "LinearFunction",
    "bias-gradient-averaged",
    "You average over the rows for the bias. It was added to every row, so it gets the sum of their gradients.",
    "What was copied gets the sum: which operation over dimension 0 is that?",
    fails="test_linear_gradients_by_hand",
)
class BiasGradientAveraged(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        grad_x, grad_weight, grad_bias = _gradients(ctx, grad_output)
        return grad_x, grad_weight, None if grad_bias is None else grad_bias / max(len(grad_output), 1)


@misconception(
    "LinearFunction",
    "bias-taken-for-granted",
    "You add the bias without asking whether there is one: without it, None is added to a tensor, "
    "which is a TypeError.",
    "A layer with bias=False hands None to forward.",
    fails="test_linear_without_a_bias",
)
class BiasTakenForGranted(_Linear):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.T + bias

    @staticmethod
    def backward(ctx, grad_output):
        return tuple(_gradients(ctx, grad_output))


@misconception(
    "LinearFunction",
    "saved-outside-of-ctx",
    "You keep x and weight in one place for all calls (on the class, or in a global). The second "
    "layer overwrites what the first one left, so that in a network of two layers the first one's "
    "backward works with the second one's tensors.",
    "Each call has a ctx of its own; that is what it is for.",
    fails="test_linear_gradients_through_several_layers",
)
class SavedOutsideOfCtx(torch.autograd.Function):
    saved = (None, None)

    @staticmethod
    def forward(ctx, x, weight, bias):
        SavedOutsideOfCtx.saved = (x, weight)
        return x @ weight.T if bias is None else x @ weight.T + bias

    @staticmethod
    def backward(ctx, grad_output):
        return tuple(_gradients(ctx, grad_output, *SavedOutsideOfCtx.saved))


@misconception(
    "LinearFunction",
    "bias-only-with-its-weight",
    "You compute the gradient of the bias only where the weight's is needed too. Whoever freezes the "
    "weights and trains the biases (it is done) gets no gradient at all.",
    "Three inputs, three separate questions.",
    fails="test_linear_gives_only_the_gradients_that_are_needed",
)
class BiasOnlyWithItsWeight(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        grad_x, grad_weight, grad_bias = _gradients(ctx, grad_output)
        return grad_x, grad_weight, grad_bias if ctx.needs_input_grad[1] else None


@misconception(
    "LinearFunction",
    "bias-gradient-summed-over-the-outputs",
    "For the bias you sum grad_output over dim 1, the outputs, and get a number for each row. The bias has a number "
    "for each output, and was added to every row.",
    "What was copied gets the sum: along which dimension was the bias copied?",
    fails=["test_linear_gradients_with_as_many_rows_as_outputs", "test_linear_gradients_match_pytorch"],
)
class BiasGradientOverTheOutputs(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        grad_x, grad_weight, grad_bias = _gradients(ctx, grad_output)
        return grad_x, grad_weight, None if grad_bias is None else grad_output.sum(1)


@misconception(
    "LinearFunction",
    "bias-gradient-of-ones",
    "Your gradient of the bias does not depend on grad_output: it is the number of rows, or 1, at every place. That is "
    "right for a plain sum at most.",
    "Chain rule: the outer derivative is what backward is handed.",
    fails=["test_linear_gradients_match_pytorch", "test_linear_gradients_with_a_square_weight"],
)
class BiasGradientOfOnes(_Linear):
    @staticmethod
    def backward(ctx, grad_output):
        grad_x, grad_weight, grad_bias = _gradients(ctx, grad_output)
        return grad_x, grad_weight, None if grad_bias is None else torch.ones_like(grad_output).sum(0)


@misconception(
    "LinearFunction",
    "bias-never-added",
    "You never add the bias: the output is that of a layer without one.",
    "If there is a bias, every row gets it.",
    fails=["test_linear_by_hand", "test_linear_value"],
)
class BiasNeverAdded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx, grad_output):
        return tuple(_gradients(ctx, grad_output))


# -- Value -----------------------------------------------------------------------------------------------------------


class _Engine:
    """A right engine, to be spoilt at one place."""

    def __init__(self, data):
        self.data, self.grad, self.edges = float(data), 0.0, []

    def made(self, data, *edges):
        out = type(self)(data)
        out.edges = list(edges)
        return out

    def lift(self, other):
        return other if isinstance(other, _Engine) else type(self)(other)

    def __add__(self, other):
        other = self.lift(other)
        return self.made(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        other = self.lift(other)
        return self.made(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, n):
        return self.made(self.data**n, (self, n * self.data ** (n - 1)))

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -self.lift(other)

    def __rsub__(self, other):
        return self.lift(other) + -self

    def __truediv__(self, other):
        return self * self.lift(other) ** -1.0

    def __rtruediv__(self, other):
        return self.lift(other) * self**-1.0

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def exp(self):
        result = math.exp(self.data)
        return self.made(result, (self, result))

    def log(self):
        return self.made(math.log(self.data), (self, 1 / self.data))

    def tanh(self):
        result = math.tanh(self.data)
        return self.made(result, (self, 1 - result**2))

    def relu(self):
        return self.made(max(self.data, 0.0), (self, float(self.data > 0)))

    def order(self):
        """Each value before those that it was computed from."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, finished = stack.pop()
            if finished:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((parent, False) for parent, _ in node.edges)
        return order[::-1]

    def backward(self):
        order = self.order()
        flowing = dict.fromkeys(order, 0.0)
        flowing[self] = 1.0
        for node in order:
            node.grad += flowing[node]
            for parent, slope in node.edges:
                flowing[parent] += slope * flowing[node]


@misconception(
    "Value",
    "grad-overwritten",
    "A Value that is used twice gets a derivative from each use, and you keep only one of them: you "
    "write `grad = …` where it must be added. For a + a you get 1, not 2.",
    "Each use of a Value is a road to the result; the effects along all of them add up.",
    fails=["test_value_used_twice_in_one_operation", "test_value_graphs_that_branch_and_meet"],
)
class GradOverwritten(_Engine):
    def backward(self):
        self.grad = 1.0
        for node in self.order():
            for parent, slope in node.edges:
                parent.grad = slope * node.grad


@misconception(
    "Value",
    "old-gradient-sent-again",
    "The first backward is right; the second one is not. What flows through the graph is kept in "
    "`.grad` itself, where the amounts of the first call still are, so the second call passes these "
    "on once more: a leaf behind one inner step gets three times its derivative in place of two.",
    "Keep what flows in this call apart (a dict will do), start it at 0, and add it to `.grad` as well.",
    fails=["test_value_backward_twice_adds_twice", "test_value_two_results_of_one_graph"],
)
class OldGradientSentAgain(_Engine):
    def backward(self):
        self.grad = 1.0
        for node in self.order():
            for parent, slope in node.edges:
                parent.grad += slope * node.grad


@misconception(
    "Value",
    "old-gradient-thrown-away",
    "Your backward sets the grads of the whole graph to 0 before it begins. So two losses with a "
    "common ancestor do not add up in it, and gradients cannot be accumulated. Zeroing is the "
    "caller's decision.",
    "Remember what `backward` does in PyTorch when it is called twice without zero_grad in between.",
    fails=["test_value_backward_twice_adds_twice", "test_value_two_results_of_one_graph"],
)
class OldGradientThrownAway(_Engine):
    def backward(self):
        for node in self.order():
            node.grad = 0.0
        super().backward()


@misconception(
    "Value",
    "passed-on-too-early",
    "A Value passes its derivative on as soon as the first amount has arrived, and again at the next "
    "one, with the first still in it. Where roads part and meet again before they part once more, "
    "amounts are counted several times.",
    "Pass on only when everything has arrived: go through the graph in an order in which each Value "
    "comes after all its uses.",
    fails=["test_value_graphs_that_branch_and_meet", "test_value_backward_does_not_walk_every_path"],
)
class PassedOnTooEarly(_Engine):
    def backward(self):
        self.grad = 1.0
        stack, walked = [self], 0
        while stack and walked < 300_000:
            node = stack.pop()
            walked += 1
            for parent, slope in node.edges:
                parent.grad += slope * node.grad
                stack.append(parent)


@misconception(
    "Value",
    "visited-level-by-level",
    "You go through the graph level by level from the result. A Value that is used both near the "
    "result and far from it is then passed by before the amount from far away has arrived, and that "
    "amount is never sent on.",
    "The distance from the result is no good order. A Value's turn comes when all that use it have had theirs.",
    fails="test_value_graphs_that_branch_and_meet",
)
class VisitedLevelByLevel(_Engine):
    def order(self):
        order, seen = [self], {self}
        for node in order:
            for parent, _ in node.edges:
                if parent not in seen:
                    seen.add(parent)
                    order.append(parent)
        return order


@misconception(
    "Value",
    "every-path-walked",
    "Your derivatives are right, but you go along every road from the result to every ancestor. The "
    "number of roads doubles with each x = x + x: 18 additions have 262,144 of them, and 40 would "
    "take days.",
    "Visit each Value once, after everything that uses it has had its turn: then the amounts of all "
    "roads have met in it already.",
    fails="test_value_backward_does_not_walk_every_path",
)
class EveryPathWalked(_Engine):
    def backward(self):
        stack = [(self, 1.0)]
        while stack:
            node, amount = stack.pop()
            node.grad += amount
            for parent, slope in node.edges:
                stack.append((parent, amount * slope))


@misconception(
    "Value",
    "recursion-too-deep",
    "You go down the graph by recursion, and Python allows about 1,000 calls inside of each other: a "
    "chain of 10,000 Values raises a RecursionError.",
    "Keep a list of your own as the stack, with a mark for Values whose parents have been done.",
    fails="test_value_backward_through_a_chain_of_10_000",
)
class RecursionTooDeep(_Engine):
    def order(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for parent, _ in node.edges:
                    visit(parent)
                order.append(node)

        visit(self)
        return order[::-1]


@misconception(
    "Value",
    "looked-up-in-a-list",
    "To find out whether you have seen a Value, you look through a list. That takes longer the longer "
    "the list is: ten times the graph takes a hundred times as long.",
    "There is a container that answers `in` without looking at everything.",
    fails="test_value_backward_takes_time_in_proportion",
)
class LookedUpInAList(_Engine):
    def order(self):
        order, seen, stack = [], [], [(self, False)]
        while stack:
            node, finished = stack.pop()
            if finished:
                order.append(node)
            elif node not in seen:
                seen.append(node)
                stack.append((node, True))
                stack.extend((parent, False) for parent, _ in node.edges)
        return order[::-1]


@misconception(
    "Value",
    "one-edge-for-two",
    "You keep the parents of a Value in a set, or their slopes in a dict with the parents as keys. In "
    "a + a and a * a both parents are the same Value, and one of the two slopes is lost.",
    "Keep a tuple or a list of pairs: a parent may stand in it twice.",
    fails="test_value_used_twice_in_one_operation",
)
class OneEdgeForTwo(_Engine):
    def made(self, data, *edges):
        return super().made(data, *dict(edges).items())


@misconception(
    "Value",
    "equal-numbers-merged",
    "Two Values with the same number count as one and the same for you: their `==` (or a dict with "
    "the data as keys) compares numbers. Of two leaves that both hold 2.0, one gets the derivatives "
    "of both, and the other nothing.",
    "A node of the graph is the object itself. A class without `__eq__`, or `id()`, tells objects apart.",
    fails="test_value_equal_numbers_are_not_the_same",
)
class EqualNumbersMerged(_Engine):
    def __eq__(self, other):
        return self.data == other.data

    def __hash__(self):
        return hash(self.data)


@misconception(
    "Value",
    "slope-one-at-zero",
    "Your relu has the slope 1 at 0: the question there is `>=` instead of `>`. By agreement, and in PyTorch, it is 0.",
    "What is 0 > 0?",
    fails="test_value_relu_at_and_below_zero",
)
class SlopeOneAtZero(_Engine):
    def relu(self):
        return self.made(max(self.data, 0.0), (self, float(self.data >= 0)))


@misconception(
    "Value",
    "other-way-round-forgotten",
    "1.5 − a gives you a − 1.5, and 4.0 / a gives a / 4.0: `__rsub__` and `__rtruediv__` are called "
    "as a.__rsub__(1.5), with the number that stands on the left as the argument.",
    "Sums and products do not mind the order; differences and quotients do.",
    fails=["test_value_beside_floats", "test_value_quotients"],
)
class OtherWayRoundForgotten(_Engine):
    def __rsub__(self, other):
        return self - other

    def __rtruediv__(self, other):
        return self / other


@misconception(
    "Value",
    "float-on-the-left-unknown",
    "a * 3.0 works, 3.0 * a is a TypeError: Python first asks the float, which does not know your "
    "class, and then looks for `__rmul__` in yours.",
    "Each of + − * / has a second method for the case that your Value stands on the right.",
    fails=["test_value_beside_floats", "test_value_quotients"],
)
class FloatOnTheLeftUnknown(_Engine):
    __radd__ = __rmul__ = __rsub__ = __rtruediv__ = None


@misconception(
    "Value",
    "slope-of-the-other-missing",
    "In a quotient a / b you send the right derivative to a, but to b that of the wrong sign: when b "
    "grows, a / b shrinks (for positive a).",
    "a / b is a · b⁻¹. What is the derivative of b⁻¹?",
    fails="test_value_quotients",
)
class SlopeOfTheOtherMissing(_Engine):
    def __truediv__(self, other):
        other = self.lift(other)
        return self.made(self.data / other.data, (self, 1 / other.data), (other, self.data / other.data**2))

    def __rtruediv__(self, other):
        return self.lift(other) / self


@misconception(
    "Value",
    "tanh-slope-from-the-input",
    "For the slope of tanh you compute 1 − x² with the input x. It is 1 minus the square of the result.",
    "d tanh(x)/dx = 1 − tanh²(x): keep what tanh gave.",
    fails="test_value_functions",
)
class TanhSlopeFromTheInput(_Engine):
    def tanh(self):
        return self.made(math.tanh(self.data), (self, 1 - self.data**2))


@misconception(
    "Value",
    "tanh-overflows",
    "Your tanh goes by way of exp(2x), which is too large for a float from x = 355 on: OverflowError, "
    "where the answer is simply 1.",
    "`math` has a tanh that knows about large numbers.",
    fails="test_value_tanh_far_out",
)
class TanhOverflows(_Engine):
    def tanh(self):
        result = (math.exp(2 * self.data) - 1) / (math.exp(2 * self.data) + 1)
        return self.made(result, (self, 1 - result**2))


@misconception(
    "Value",
    "power-through-the-logarithm",
    "You compute powers as exp(n · log x), or their slope from log x: that has no answer for 0 and "
    "for negative numbers, though (−2)³ is −8 and its slope 12.",
    "Python's ** knows these. And the slope of xⁿ needs no logarithm.",
    fails="test_value_powers_of_zero_and_of_negative_numbers",
)
class PowerThroughTheLogarithm(_Engine):
    def __pow__(self, n):
        result = math.exp(n * math.log(self.data))
        return self.made(result, (self, n * result / self.data))

    def __truediv__(self, other):
        other = self.lift(other)
        return self.made(self.data / other.data, (self, 1 / other.data), (other, -self.data / other.data**2))

    def __rtruediv__(self, other):
        return self.lift(other) / self


@misconception(
    "Value",
    "only-leaves-get-a-grad",
    "The leaves get their derivatives, but the result itself and the steps between keep a grad of 0. "
    "Here every Value on the way gets its own.",
    "Add to `.grad` at each Value whose turn it is, the first one (the result, with 1) included.",
    fails=["test_value_alone", "test_value_every_step_has_its_grad"],
)
class OnlyLeavesGetAGrad(_Engine):
    def backward(self):
        order = self.order()
        flowing = dict.fromkeys(order, 0.0)
        flowing[self] = 1.0
        for node in order:
            if not node.edges and node is not self:
                node.grad += flowing[node]
            for parent, slope in node.edges:
                flowing[parent] += slope * flowing[node]


class _Named(_Engine):
    """An engine whose nodes know which operation made them; `sent` is what a node passes on, of what arrived."""

    operation = ""

    def named(self, name, out):
        out.operation = name
        return out

    def __pow__(self, n):
        return self.named("power", super().__pow__(n))

    def exp(self):
        return self.named("exp", super().exp())

    def log(self):
        return self.named("log", super().log())

    def tanh(self):
        return self.named("tanh", super().tanh())

    def relu(self):
        return self.named("relu", super().relu())

    def __truediv__(self, other):
        other = self.lift(other)
        return self.made(self.data / other.data, (self, 1 / other.data), (other, -self.data / other.data**2))

    def __rtruediv__(self, other):
        return self.lift(other) / self

    def sent(self, arrived):
        return arrived

    def backward(self):
        order = self.order()
        flowing = dict.fromkeys(order, 0.0)
        flowing[self] = 1.0
        for node in order:
            node.grad += flowing[node]
            for parent, slope in node.edges:
                flowing[parent] += slope * node.sent(flowing[node])


for _operation, _sign in {"power": "**", "exp": "exp", "log": "log", "tanh": "tanh", "relu": "relu"}.items():

    @misconception(
        "Value",
        f"{_operation}-slope-ignores-what-comes-after",
        f"`{_sign}` passes its own slope on, but not multiplied by the derivative that arrives from above: there is no "
        "chain rule in this one operation. As the last step it looks right, since 1 arrives there.",
        f"Every operation multiplies: what arrived, times its own slope. Compare `{_sign}` with your product.",
        fails="test_value_operations_pass_on_what_arrives",
    )
    class IgnoresWhatComesAfter(_Named):
        ignoring = _operation

        def sent(self, arrived):
            return 1.0 if self.operation == self.ignoring else arrived


@misconception(
    "Value",
    "division-by-a-power-that-ignores-what-comes-after",
    "`**` passes its own slope on, but not multiplied by the derivative that arrives from above, and your quotients "
    "are made of such a power: in a / b, b gets −1/b² whatever a is.",
    "Every operation multiplies: what arrived, times its own slope. Compare `**` with your product.",
    fails=["test_value_quotients", "test_value_operations_pass_on_what_arrives"],
)
class QuotientOfSuchAPower(_Named):
    __truediv__ = _Engine.__truediv__
    __rtruediv__ = _Engine.__rtruediv__

    def sent(self, arrived):
        return 1.0 if self.operation == "power" else arrived


@misconception(
    "Value",
    "relu-lets-only-gains-through",
    "Your relu passes a derivative on only if that is positive, too. Whether the gate is open depends on its input "
    "alone: through 3.0, a derivative of −2 goes as well as one of +2.",
    "Ask about `self.data`, not about what arrives.",
    fails="test_value_operations_pass_on_what_arrives",
)
class ReluLetsOnlyGainsThrough(_Named):
    def sent(self, arrived):
        return max(arrived, 0.0) if self.operation == "relu" else arrived


@misconception(
    "Value",
    "relu-asks-the-gradient-alone",
    "Your relu passes a derivative on where that is positive, whatever its input was. Whether the gate is open depends "
    "on its input alone.",
    "Ask about `self.data`, not about what arrives.",
    fails=["test_value_relu_at_and_below_zero", "test_value_operations_pass_on_what_arrives"],
)
class ReluAsksTheGradientAlone(ReluLetsOnlyGainsThrough):
    def relu(self):
        return self.named("relu", self.made(max(self.data, 0.0), (self, 1.0)))


@misconception(
    "Value",
    "result-set-to-one",
    "You write 1 into the grad of the result instead of adding it: when backward is called a second time, every other "
    "grad doubles and this one stays.",
    "The value itself is treated like every other: what belongs to it is added.",
    fails="test_value_backward_twice_adds_twice",
)
class ResultSetToOne(_Engine):
    def backward(self):
        super().backward()
        self.grad = 1.0


def _spoilt(id, explanation, advice, *fails):
    return misconception("Value", id, explanation, advice, fails=list(fails))


@_spoilt(
    "both-sides-of-a-difference-rise",
    "In a − b you send +1 to both. When b grows, the difference shrinks.",
    "a − b is a + (−b): which slope has −b?",
    "test_value_plus_times_and_minus",
)
class BothSidesRise(_Engine):
    def __sub__(self, other):
        other = self.lift(other)
        return self.made(self.data - other.data, (self, 1.0), (other, 1.0))

    def __rsub__(self, other):
        return self.lift(other) - self


@_spoilt(
    "own-factor-as-slope",
    "In a product you send each factor its own number: a gets a, and b gets b. When a grows by 1, a · b grows by b.",
    "Each factor gets what arrives, times the other factor.",
    "test_value_by_hand",
    "test_value_plus_times_and_minus",
)
class OwnFactor(_Engine):
    def __mul__(self, other):
        other = self.lift(other)
        return self.made(self.data * other.data, (self, self.data), (other, other.data))


@_spoilt(
    "exponent-not-lowered",
    "Your slope of a power is n · xⁿ: the exponent is not lowered by 1.",
    "The slope of x³ is 3x².",
    "test_value_powers",
)
class ExponentNotLowered(_Named):
    def __pow__(self, n):
        return self.made(self.data**n, (self, n * self.data**n))


@_spoilt(
    "exponent-not-in-front",
    "Your slope of a power is xⁿ⁻¹: the factor n is missing.",
    "The slope of x³ is 3x².",
    "test_value_powers",
)
class ExponentNotInFront(_Named):
    def __pow__(self, n):
        return self.made(self.data**n, (self, self.data ** (n - 1)))


@_spoilt(
    "exp-slope-from-the-input",
    "For the slope of exp you take its input. The slope of e^x is e^x, what exp gave.",
    "Keep the result, and use that.",
    "test_value_functions",
)
class ExpSlopeFromTheInput(_Engine):
    def exp(self):
        return self.made(math.exp(self.data), (self, self.data))


@_spoilt(
    "log-slope-from-the-result",
    "For the slope of log you divide 1 by its result. It is 1 divided by the input.",
    "d log(x)/dx = 1/x: x is what went in.",
    "test_value_functions",
)
class LogSlopeFromTheResult(_Engine):
    def log(self):
        result = math.log(self.data)
        return self.made(result, (self, 1 / result if result else 0.0))


@_spoilt(
    "tanh-slope-not-squared",
    "Your slope of tanh is 1 − t. It is 1 minus the square of the result.",
    "A slope of tanh is the same on both sides of 0: something is squared in it.",
    "test_value_functions",
)
class TanhSlopeNotSquared(_Engine):
    def tanh(self):
        result = math.tanh(self.data)
        return self.made(result, (self, 1 - result))


@_spoilt(
    "numerator-not-in-the-slope",
    "In a quotient a / b you send −1/b² to b, whatever a is: the numerator is missing.",
    "a / b is a · b⁻¹. What is its derivative by b?",
    "test_value_quotients",
)
class NumeratorNotInTheSlope(_Engine):
    def __truediv__(self, other):
        other = self.lift(other)
        return self.made(self.data / other.data, (self, 1 / other.data), (other, -1 / other.data**2))

    def __rtruediv__(self, other):
        return self.lift(other) / self


@_spoilt(
    "minus-has-the-slope-one",
    "−a has the right number, but you send +1 back through it. When a grows, −a shrinks.",
    "The slope of −a is −1.",
    "test_value_plus_times_and_minus",
)
class MinusHasTheSlopeOne(_Engine):
    def __neg__(self):
        return self.made(-self.data, (self, 1.0))

    def __sub__(self, other):
        other = self.lift(other)
        return self.made(self.data - other.data, (self, 1.0), (other, -1.0))

    def __rsub__(self, other):
        return self.lift(other) - self


@_spoilt(
    "relu-turns-negatives-positive",
    "Below 0 your relu gives −x, a positive number. It gives 0 there, and its slope is 0.",
    "Nothing of a negative number may be left in the result.",
    "test_value_relu_at_and_below_zero",
)
class ReluIsAbs(_Engine):
    def relu(self):
        return self.made(abs(self.data), (self, float(self.data > 0) - float(self.data < 0)))


# -- named_parameters ------------------------------------------------------------------------------------------------


def _walk(module, prefix=""):
    """A right walk, which tells a shared parameter each time and modules after their own parameters."""
    for name, parameter in module._parameters.items():
        yield prefix + name, parameter
    for name, child in module._modules.items():
        if child is not None:
            yield from _walk(child, f"{prefix}{name}.")


def _once(pairs):
    seen = set()
    return [(n, p) for n, p in pairs if p is not None and not (id(p) in seen or seen.add(id(p)))]


@misconception(
    "named_parameters",
    "one-level-deep",
    "You find the module's own parameters and those of its children, but not those of its children's children.",
    "A child is a module like any other: ask it the same question that you were asked.",
    fails=["test_named_parameters_of_nested_modules", "test_named_parameters_in_pytorchs_order"],
)
def one_level_deep(module):
    return _once((name, p) for name, p in module.named_parameters() if name.count(".") < 2)


@misconception(
    "named_parameters",
    "only-own-parameters",
    "You list what is registered in the module itself and never look at its children. A network made "
    "of layers seems to have no parameters then.",
    "`module._modules` (or `named_children()`) holds the layers.",
    fails=["test_named_parameters_of_nested_modules", "test_named_parameters_in_containers"],
)
def only_own_parameters(module):
    return _once(module._parameters.items())


@misconception(
    "named_parameters",
    "name-without-its-path",
    "Every parameter is there, but under its own name only: two layers both have a `weight`, and "
    "nobody can tell them apart.",
    "Pass the way that led to a module along, and put it in front: path, dot, name.",
    fails="test_named_parameters_of_nested_modules",
)
def name_without_its_path(module):
    return [(name.rpartition(".")[2], p) for name, p in module.named_parameters()]


@misconception(
    "named_parameters",
    "dot-in-front",
    "The names of the module's own parameters begin with a dot: its own path is empty, and you put path and dot in "
    "front all the same.",
    "No dot where there is no path. What should the prefix of the outermost module be?",
    fails="test_named_parameters_of_one_module",
)
def dot_in_front(module):
    own = {id(p) for p in module._parameters.values()}
    return [(f".{name}" if id(p) in own else name, p) for name, p in module.named_parameters()]


@misconception(
    "named_parameters",
    "shared-parameter-twice",
    "A parameter that is registered in two places stands in your list twice. An optimizer would "
    "update it twice at every step.",
    "Remember which ones you have seen, by id(parameter).",
    fails="test_named_parameters_shared_ones_once",
)
def shared_parameter_twice(module):
    return [(name, p) for name, p in _walk(module) if p is not None]


@misconception(
    "named_parameters",
    "equal-taken-for-the-same",
    "You drop a parameter when another one has equal values. All biases that start at 0 are equal, "
    "and still each is trained on its own.",
    "The question is whether it is the same object: `is`, or id().",
    fails="test_named_parameters_equal_values_are_not_the_same",
)
def equal_taken_for_the_same(module):
    kept = []
    for name, p in module.named_parameters():
        if not any(torch.equal(p, other) for _, other in kept):
            kept.append((name, p))
    return kept


@misconception(
    "named_parameters",
    "none-listed",
    "A bias that is switched off is registered as None, and your list shows it. Whoever asks for its "
    "shape or its grad falls over it.",
    "Look before you append: is there a parameter at all?",
    fails="test_named_parameters_skips_none",
)
def none_listed(module):
    seen = set()
    return [(n, p) for n, p in _walk(module) if p is None or not (id(p) in seen or seen.add(id(p)))]


@misconception(
    "named_parameters",
    "child-that-is-none-visited",
    "You walk into a child that is registered as None, and a None has no parameters: AttributeError.",
    "`_modules` may hold None, as `_parameters` may; `named_children()` leaves it out.",
    fails="test_named_parameters_skips_none",
)
def child_that_is_none_visited(module):
    def walk(part, prefix):
        for name, parameter in part._parameters.items():
            yield prefix + name, parameter
        for name, child in part._modules.items():
            yield from walk(child, f"{prefix}{name}.")

    return _once(walk(module, ""))


@misconception(
    "named_parameters",
    "children-before-the-module",
    "You list the children's parameters first and a module's own ones after them. In PyTorch the own "
    "ones come first; a shared parameter gets another name by that, and a list that was saved in the "
    "one order is loaded in the other.",
    "Two loops, in the other order.",
    fails="test_named_parameters_in_pytorchs_order",
)
def children_before_the_module(module):
    def walk(part, prefix):
        for name, child in part._modules.items():
            if child is not None:
                yield from walk(child, f"{prefix}{name}.")
        for name, parameter in part._parameters.items():
            yield prefix + name, parameter

    return _once(walk(module, ""))


@misconception(
    "named_parameters",
    "level-by-level",
    "You take all children first and then all grandchildren. PyTorch finishes the first child with "
    "everything below it before it turns to the second.",
    "Depth before breadth: recursion does that by itself.",
    fails="test_named_parameters_in_pytorchs_order",
)
def level_by_level(module):
    found, queue = [], [("", module)]
    for prefix, part in queue:
        found += [(prefix + name, parameter) for name, parameter in part._parameters.items()]
        queue += [(f"{prefix}{name}.", child) for name, child in part._modules.items() if child is not None]
    return _once(found)


@misconception(
    "named_parameters",
    "buffers-listed-too",
    "Your list holds buffers, such as the running mean of a batch norm. They belong to the state of a "
    "module, but no gradient descent moves them.",
    "Look at the kind: an nn.Parameter, not just any tensor.",
    fails="test_named_parameters_only_what_is_registered_as_one",
)
def buffers_listed_too(module):
    def walk(part, prefix):
        for name, tensor in [*part._parameters.items(), *part._buffers.items()]:
            yield prefix + name, tensor
        for name, child in part._modules.items():
            if child is not None:
                yield from walk(child, f"{prefix}{name}.")

    return _once(walk(module, ""))


@misconception(
    "named_parameters",
    "frozen-ones-left-out",
    "You leave out parameters that require no gradient. They are frozen, not gone: they are saved, "
    "moved and counted like the others, and may be thawed later.",
    "Registered is registered; nothing else is asked.",
    fails="test_named_parameters_frozen_ones_too",
)
def frozen_ones_left_out(module):
    return [(name, p) for name, p in module.named_parameters() if p.requires_grad]


@misconception(
    "named_parameters",
    "only-modules-without-children",
    "You take parameters from the layers at the bottom only. A module that has both children and "
    "parameters of its own (a scale, a class token) loses its own.",
    "Having children and having parameters are two separate things.",
    fails="test_named_parameters_of_nested_modules",
)
def only_modules_without_children(module):
    def walk(part, prefix):
        if not part._modules:
            for name, parameter in part._parameters.items():
                yield prefix + name, parameter
        for name, child in part._modules.items():
            if child is not None:
                yield from walk(child, f"{prefix}{name}.")

    return _once(walk(module, ""))


@misconception(
    "named_parameters",
    "generator-instead-of-a-list",
    "You return a generator. It has no length, cannot be indexed, and is empty when somebody goes "
    "through it a second time.",
    "Collect what you yield.",
    fails="test_named_parameters_is_a_list",
)
def generator_instead_of_a_list(module):
    return module.named_parameters()


@misconception(
    "named_parameters",
    "path-without-dots",
    "Path and name stand in your names without a dot between them: `encoderweight`. It must be `encoder.weight`.",
    "Where do you join the two? A dot belongs between them, and none at the very beginning.",
    fails="test_named_parameters_of_nested_modules",
)
def path_without_dots(module):
    return [(name.replace(".", ""), p) for name, p in module.named_parameters()]


@misconception(
    "named_parameters",
    "data-instead-of-the-parameter",
    "You list tensors that are not the parameters themselves (`.data`, `.detach()` or a copy). An optimizer that got "
    "them would find no `.grad`.",
    "Return the very object that is registered.",
    fails=["test_named_parameters_of_one_module", "test_named_parameters_of_nested_modules"],
)
def data_instead_of_the_parameter(module):
    return [(name, p.data) for name, p in module.named_parameters()]


@misconception(
    "named_parameters",
    "path-of-the-last-module-only",
    "Your names hold the module that a parameter lies in, but not the modules around that one: `zoom.scale` where "
    "`encoder.zoom.scale` is right.",
    "Hand the whole path down: what has led so far, a dot, and the next name.",
    fails="test_named_parameters_of_nested_modules",
)
def path_of_the_last_module_only(module):
    return [(".".join(name.split(".")[-2:]), p) for name, p in module.named_parameters()]


# -- accumulate_gradients --------------------------------------------------------------------------------------------


def _accumulated(model, loss_fn, micro_batches, weight_of, zero=True):
    """`weight_of(n, samples)` is what a batch of n samples counts; (loss, gradient) as they follow from it."""
    samples = sum(len(x) for x, _ in micro_batches)
    if zero:
        model.zero_grad()
    mean = 0.0
    for x, y in micro_batches:
        loss = loss_fn(model(x), y) * weight_of(len(x), samples)
        loss.backward()
        mean += loss.item()
    return mean


@misconception(
    "accumulate_gradients",
    "batches-count-alike",
    "You average over batches, not over samples: a batch of one counts as much as a batch of five, so "
    "that its only sample weighs five times as much as each of the others.",
    "A batch's mean stands for as many samples as the batch holds.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_different_sizes"],
)
def batches_count_alike(model, loss_fn, micro_batches):
    return _accumulated(model, loss_fn, micro_batches, lambda n, _: 1 / len(micro_batches))


@misconception(
    "accumulate_gradients",
    "sum-of-the-means",
    "You add the batches' gradients up and never divide: with three batches the gradient is about "
    "three times too large, as if the learning rate were.",
    "backward adds. What must each loss be multiplied with, so that the sum is a mean?",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_one_size"],
)
def sum_of_the_means(model, loss_fn, micro_batches):
    return _accumulated(model, loss_fn, micro_batches, lambda n, _: 1.0)


def _scaled_apart(model, loss_fn, micro_batches, gradient, mean, zero=True):
    """As `_accumulated`, with one weight for each batch's gradient and another for its loss."""
    samples = sum(len(x) for x, _ in micro_batches)
    if zero:
        model.zero_grad()
    total = 0.0
    for x, y in micro_batches:
        loss = loss_fn(model(x), y)
        (loss * gradient(len(x))).backward()
        total += loss.item() * mean(len(x), samples)
    return total


@misconception(
    "accumulate_gradients",
    "only-the-loss-is-averaged",
    "You average the losses that you return, but call `backward` on each batch's loss as it is: with three batches the "
    "gradient is about three times too large. And over batches of different sizes a mean of means is not the mean.",
    "What has to be scaled must be scaled before `backward`, and by how many samples a batch holds.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_one_size"],
)
def only_the_loss_is_averaged(model, loss_fn, micro_batches):
    count = len(micro_batches)
    return _scaled_apart(model, loss_fn, micro_batches, lambda n: 1.0, lambda n, samples: 1 / count)


@misconception(
    "accumulate_gradients",
    "only-the-loss-is-averaged-nothing-zeroed",
    "You average the losses that you return, but call `backward` on each batch's loss as it is, so the gradients add "
    "up to several times what they should be; and what an earlier step left in `.grad` stays in there, too.",
    "Clear once, before the first batch; scale each loss before its `backward`.",
    fails=["test_accumulate_by_hand", "test_accumulate_discards_old_gradients"],
)
def only_the_loss_is_averaged_nothing_zeroed(model, loss_fn, micro_batches):
    count = len(micro_batches)
    return _scaled_apart(model, loss_fn, micro_batches, lambda n: 1.0, lambda n, samples: 1 / count, zero=False)


@misconception(
    "accumulate_gradients",
    "gradient-of-the-sum-loss-of-the-mean",
    "The loss that you return is the mean, but the gradient is that of the sum: with eight samples it is eight times "
    "too large, because you divide by the number of samples after `backward` only.",
    "Divide before you call `backward`.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_one_size"],
)
def gradient_of_the_sum_loss_of_the_mean(model, loss_fn, micro_batches):
    return _scaled_apart(model, loss_fn, micro_batches, lambda n: n, lambda n, samples: n / samples)


@misconception(
    "accumulate_gradients",
    "divided-twice",
    "You divide each loss by the number of all samples. But loss_fn has averaged over its batch "
    "already: the gradient comes out too small by about the size of a batch.",
    "First undo the batch's mean (times its samples), then divide by all.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_one_size"],
)
def divided_twice(model, loss_fn, micro_batches):
    return _accumulated(model, loss_fn, micro_batches, lambda n, samples: 1 / samples)


@misconception(
    "accumulate_gradients",
    "summed-over-samples",
    "You multiply each loss with its number of samples, but never divide by the number of all of "
    "them: that is the gradient of the sum, not of the mean.",
    "With eight samples your gradient is eight times too large.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_one_size"],
)
def summed_over_samples(model, loss_fn, micro_batches):
    return _accumulated(model, loss_fn, micro_batches, lambda n, _: n)


@misconception(
    "accumulate_gradients",
    "never-zeroed",
    "You never clear the gradients, so whatever an earlier step left in `.grad` is part of the new "
    "one. The first call is right, the second is not.",
    "Clear once, before the first batch.",
    fails=["test_accumulate_discards_old_gradients", "test_accumulate_again_starts_afresh"],
)
def never_zeroed(model, loss_fn, micro_batches):
    return _accumulated(model, loss_fn, micro_batches, lambda n, samples: n / samples, zero=False)


@misconception(
    "accumulate_gradients",
    "zeroed-before-each-batch",
    "You clear the gradients before every batch, so that only the last one is left at the end: "
    "nothing was accumulated.",
    "How often may zero_grad run, if the batches are to add up?",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_one_size"],
)
def zeroed_before_each_batch(model, loss_fn, micro_batches):
    samples = sum(len(x) for x, _ in micro_batches)
    mean = 0.0
    for x, y in micro_batches:
        model.zero_grad()
        loss = loss_fn(model(x), y) * (len(x) / samples)
        loss.backward()
        mean += loss.item()
    return mean


@misconception(
    "accumulate_gradients",
    "zeroed-in-place-without-looking",
    "You call `p.grad.zero_()` on each parameter, but a parameter that never saw a backward has the "
    "grad None: AttributeError.",
    "Set it to None, ask first, or let the model do it.",
    fails="test_accumulate_by_hand",
)
def zeroed_in_place_without_looking(model, loss_fn, micro_batches):
    for parameter in model.parameters():
        parameter.grad.zero_()
    return _accumulated(model, loss_fn, micro_batches, lambda n, samples: n / samples, zero=False)


@misconception(
    "accumulate_gradients",
    "loss-of-batches-alike",
    "Your gradients are right, but the loss that you return is the mean of the batches' losses, in "
    "which small batches count too much.",
    "The same weights belong in the loss as in the gradient.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_different_sizes"],
)
def loss_of_batches_alike(model, loss_fn, micro_batches):
    with torch.no_grad():
        losses = [loss_fn(model(x), y).item() for x, y in micro_batches]
    _accumulated(model, loss_fn, micro_batches, lambda n, samples: n / samples)
    return sum(losses) / len(losses)


@misconception(
    "accumulate_gradients",
    "last-loss-returned",
    "Your gradients are right, but you return the loss of the last batch only.",
    "Add the losses up as you go, each with its weight.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_one_size"],
)
def last_loss_returned(model, loss_fn, micro_batches):
    _accumulated(model, loss_fn, micro_batches, lambda n, samples: n / samples)
    x, y = micro_batches[-1]
    return loss_fn(model(x), y).item()


@misconception(
    "accumulate_gradients",
    "tensor-returned",
    "You return the loss as a tensor. It drags the graphs of all batches along, and with them the "
    "memory that small batches were meant to save.",
    "`.item()` gives the number and lets go of the graph.",
    fails="test_accumulate_by_hand",
)
def tensor_returned(model, loss_fn, micro_batches):
    return torch.tensor(_accumulated(model, loss_fn, micro_batches, lambda n, samples: n / samples))


@misconception(
    "accumulate_gradients",
    "mode-switched",
    "You call model.train(), and leave the model, with every part of it, in another mode than it came "
    "in: a part that was frozen in eval mode is awake now.",
    "Who calls you has chosen the mode; there is nothing to do.",
    fails="test_accumulate_leaves_the_mode_alone",
)
def mode_switched(model, loss_fn, micro_batches):
    model.train()
    return _accumulated(model, loss_fn, micro_batches, lambda n, samples: n / samples)


@misconception(
    "accumulate_gradients",
    "step-taken",
    "You change the parameters as well: that is the optimizer's work, and it happens after you. Loss "
    "and optimizer meet only in `.grad`.",
    "Fill `.grad`, return the loss, and leave the rest to who called.",
    fails="test_accumulate_batches_of_one_size",
)
def step_taken(model, loss_fn, micro_batches):
    mean = _accumulated(model, loss_fn, micro_batches, lambda n, samples: n / samples)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 0.01 * parameter.grad
    return mean


@misconception(
    "accumulate_gradients",
    "all-batches-as-large-as-the-first",
    "You take the size of the first batch times the number of batches for the number of all samples. That is right "
    "only if all batches hold as many as the first; with sizes 1 and 2, loss and gradient come out too large, with 5, "
    "1 and 2 too small.",
    "Add up how many samples each batch holds.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_different_sizes"],
)
def all_batches_as_large_as_the_first(model, loss_fn, micro_batches):
    counted = len(micro_batches[0][0]) * len(micro_batches)
    return _accumulated(model, loss_fn, micro_batches, lambda n, _: n / counted)


@misconception(
    "accumulate_gradients",
    "divided-by-the-samples-so-far",
    "You divide each batch by the samples that have come so far, not by all of them: the first batch counts in full, "
    "and the weights sum to more than 1.",
    "How many samples there are must be known before the first `backward`.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_one_size"],
)
def divided_by_the_samples_so_far(model, loss_fn, micro_batches):
    so_far = []

    def weight(n, _):
        so_far.append(n)
        return n / sum(so_far)

    return _accumulated(model, loss_fn, micro_batches, weight)


@misconception(
    "accumulate_gradients",
    "cleared-at-the-end",
    "You clear the gradients at the end: nothing, or zeros, is left in `.grad`, where the optimizer would look for "
    "them.",
    "Clear before the first batch. What the last one has added must stay.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_one_size"],
)
def cleared_at_the_end(model, loss_fn, micro_batches):
    loss = _accumulated(model, loss_fn, micro_batches, lambda n, samples: n / samples)
    model.zero_grad()
    return loss


@misconception(
    "accumulate_gradients",
    "sum-of-the-losses-returned",
    "Your gradients are right, but the loss that you return is the sum of the batches' means, not the mean over all "
    "samples.",
    "The same weights belong in the loss as in the gradient.",
    fails=["test_accumulate_by_hand", "test_accumulate_batches_of_one_size"],
)
def sum_of_the_losses_returned(model, loss_fn, micro_batches):
    with torch.no_grad():
        losses = [loss_fn(model(x), y).item() for x, y in micro_batches]
    _accumulated(model, loss_fn, micro_batches, lambda n, samples: n / samples)
    return sum(losses)
