"""What is expected of 05_optimizers."""

import pytest
import torch
from nnkata.grader.authors import part, rung

OPTIMIZERS = ["SGD", "RMSprop", "Adam", "AdamW"]
EACH = pytest.mark.parametrize("name", [pytest.param(name, marks=part(name)) for name in OPTIMIZERS])

USUAL = {
    "SGD": {"lr": 0.1, "momentum": 0.9},
    "RMSprop": {"lr": 0.05, "alpha": 0.9},
    "Adam": {"lr": 0.1},
    "AdamW": {"lr": 0.1},
}
EVERYTHING = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
    "RMSprop": {"lr": 0.02, "alpha": 0.9, "eps": 0.1, "weight_decay": 0.1, "momentum": 0.8, "centered": True},
    "Adam": {"lr": 0.1, "betas": [0.8, 0.95], "eps": 0.1, "weight_decay": 0.2},
    "AdamW": {"lr": 0.1, "betas": [0.8, 0.95], "eps": 0.1, "weight_decay": 0.2},
}
SECOND_GROUP = {
    "SGD": {"lr": 0.5, "momentum": 0.4, "dampening": 0.0, "weight_decay": 0.3, "nesterov": True},
    "RMSprop": {"lr": 0.1, "alpha": 0.5, "eps": 0.3, "weight_decay": 0.3, "momentum": 0.0, "centered": False},
    "Adam": {"lr": 0.3, "betas": [0.5, 0.8], "eps": 0.3, "weight_decay": 0.5},
    "AdamW": {"lr": 0.3, "betas": [0.5, 0.8], "eps": 0.3, "weight_decay": 0.5},
}
CHANGES = {
    "SGD": [{"momentum": 0.5}, {"weight_decay": 0.4}, {"dampening": 0.1}],
    "RMSprop": [{"momentum": 0.3}, {"weight_decay": 0.4}, {"alpha": 0.5}, {"eps": 0.5}],
    "Adam": [{"weight_decay": 0.6}, {"eps": 0.5}],
    "AdamW": [{"weight_decay": 0.6}, {"eps": 0.5}],
}
SHAPES = [(3, 4), (9,), ()]
STEPS = 9


def drawn(draw, count=STEPS, dtype=torch.float32):
    """Parameters of several shapes, and for each as many gradients, stacked."""
    parameters = [draw.normal(*shape, dtype=dtype) for shape in SHAPES]
    return parameters, [draw.normal(count, *shape, dtype=dtype) for shape in SHAPES]


def by_hand(judge, name, expected, grads, start=0.0, **options):
    """One number as parameter is at `expected` after each step with these gradients."""

    def check(after):
        got = [after[f"after step {i}"][0].item() for i in range(1, len(expected) + 1)]
        right = all(abs(a - b) <= 1e-6 + 1e-4 * abs(b) for a, b in zip(got, expected, strict=True))
        return None if right else f"the parameter goes to {got}; by hand it goes to {expected}"

    parameters, stacked = [torch.tensor([start])], [torch.tensor(grads)[:, None]]
    judge.using(tolerance=(1e-4, 1e-6)).probe("steps", name, parameters, stacked, **options)
    judge.holds(check, "steps", name, parameters, stacked, **options)


# -- SGD -----------------------------------------------------------------------------------------------------


@part("SGD")
@rung("number")
def test_sgd_plain_by_hand(judge):
    by_hand(judge, "SGD", [-1.0, -2.0, -4.0], [1.0, 1.0, 2.0], lr=1.0)
    by_hand(judge, "SGD", [1.95, 2.0], [0.5, -0.5], start=2.0, lr=0.1)


@part("SGD")
@rung("number")
def test_sgd_momentum_by_hand(judge):
    by_hand(judge, "SGD", [-1.0, -2.9, -5.61], [1.0, 1.0, 1.0], lr=1.0, momentum=0.9)


@part("SGD")
@rung("values")
@pytest.mark.parametrize("options", [{}, {"lr": 0.1}, {"lr": 0.3, "momentum": 0.9}])
def test_sgd_matches_pytorch(judge, draw, options):
    judge.probe("steps", "SGD", *drawn(draw, 12), **options)


@part("SGD")
@rung("edge")
def test_sgd_dampening(judge, draw):
    by_hand(judge, "SGD", [-1.0, -2.4, -4.16], [1.0, 1.0, 1.0], lr=1.0, momentum=0.9, dampening=0.5)
    by_hand(judge, "SGD", [0.0, -0.5], [0.0, 1.0], lr=1.0, momentum=0.9, dampening=0.5)  # 0 is a first gradient, too
    judge.probe("steps", "SGD", *drawn(draw), lr=0.1, momentum=0.8, dampening=0.3)
    judge.probe("steps", "SGD", *drawn(draw), lr=0.1, dampening=0.3)


@part("SGD")
@rung("edge")
def test_sgd_nesterov(judge, draw):
    by_hand(judge, "SGD", [-1.9, -4.61, -8.049], [1.0, 1.0, 1.0], lr=1.0, momentum=0.9, nesterov=True)
    judge.probe("steps", "SGD", *drawn(draw), lr=0.1, momentum=0.8, nesterov=True)


@part("SGD")
@rung("edge")
def test_sgd_weight_decay(judge, draw):
    by_hand(judge, "SGD", [0.99, 0.8801], [0.0, 1.0], start=1.0, lr=0.1, weight_decay=0.1)
    judge.probe("steps", "SGD", *drawn(draw), lr=0.1, weight_decay=0.5)


@part("SGD")
@rung("edge")
def test_sgd_weight_decay_goes_through_momentum(judge, draw):
    by_hand(judge, "SGD", [0.9, -0.28], [0.0, 1.0], start=1.0, lr=1.0, momentum=0.9, weight_decay=0.1)
    judge.probe("steps", "SGD", *drawn(draw), lr=0.1, momentum=0.9, weight_decay=0.5)


@part("SGD")
@rung("edge")
@pytest.mark.parametrize("kind", ["dampening", "nesterov"])
def test_sgd_options_together(judge, draw, kind):
    option = {"dampening": {"dampening": 0.4}, "nesterov": {"nesterov": True}}[kind]
    judge.probe("steps", "SGD", *drawn(draw), lr=0.1, momentum=0.9, weight_decay=0.2, **option)


# -- RMSprop -------------------------------------------------------------------------------------------------


@part("RMSprop")
@rung("number")
def test_rmsprop_by_hand(judge):
    # the first mean square is 0.01·g², its root 0.1·|g|: ten times lr, whatever the gradient is
    by_hand(judge, "RMSprop", [-0.1, -0.1708881], [1.0, 1.0], lr=0.01)
    by_hand(judge, "RMSprop", [0.1], [-250.0], lr=0.01)
    by_hand(judge, "RMSprop", [-0.02, -0.0351186], [3.0, 3.0], lr=0.01, alpha=0.75)


@part("RMSprop")
@rung("values")
@pytest.mark.parametrize("options", [{}, {"lr": 0.05, "alpha": 0.9}, {"lr": 0.1, "alpha": 0.3}])
def test_rmsprop_matches_pytorch(judge, draw, options):
    judge.probe("steps", "RMSprop", *drawn(draw, 12), **options)


@part("RMSprop")
@rung("edge")
def test_rmsprop_eps_is_added_after_the_root(judge, draw):
    by_hand(judge, "RMSprop", [-1.0], [1.0], lr=1.0, eps=0.9)
    by_hand(judge, "RMSprop", [-0.05], [1e-7], lr=0.01)  # 1e-7 / (1e-8 + 1e-8), with eps as it is by default
    judge.probe("steps", "RMSprop", *drawn(draw), lr=0.1, alpha=0.9, eps=0.5)


@part("RMSprop")
@rung("edge")
def test_rmsprop_momentum(judge, draw):
    by_hand(judge, "RMSprop", [-0.1, -0.2608881], [1.0, 1.0], lr=0.01, momentum=0.9)
    judge.probe("steps", "RMSprop", *drawn(draw), lr=0.05, alpha=0.9, momentum=0.7)


@part("RMSprop")
@rung("edge")
def test_rmsprop_weight_decay(judge, draw):
    by_hand(judge, "RMSprop", [0.9, 0.8004142], [0.0, 1.0], start=1.0, lr=0.01, weight_decay=0.1)
    judge.probe("steps", "RMSprop", *drawn(draw), lr=0.05, alpha=0.9, weight_decay=0.5)


@part("RMSprop")
@rung("edge")
def test_rmsprop_centered(judge, draw):
    # 0.25·4 − (0.25·2)² = 0.75
    by_hand(judge, "RMSprop", [-0.2309401], [2.0], lr=0.1, alpha=0.75, centered=True)
    judge.probe("steps", "RMSprop", *drawn(draw), lr=0.05, alpha=0.9, centered=True)


@part("RMSprop")
@rung("edge")
@pytest.mark.parametrize("centered", [False, True])
def test_rmsprop_options_together(judge, draw, centered):
    options = {"alpha": 0.9, "eps": 0.2, "momentum": 0.6, "weight_decay": 0.2, "centered": centered}
    judge.probe("steps", "RMSprop", *drawn(draw), lr=0.05, **options)


# -- Adam ----------------------------------------------------------------------------------------------------


@part("Adam")
@rung("number")
def test_adam_by_hand(judge):
    # corrected, the first means are g and g²: the first step is lr, whatever the gradient is
    by_hand(judge, "Adam", [-0.1, -0.2, -0.3], [3.0, 3.0, 3.0], lr=0.1)
    by_hand(judge, "Adam", [0.1], [-0.02], lr=0.1)
    by_hand(judge, "Adam", [-0.1, -0.1670058], [1.0, 0.0], lr=0.1)


@part("Adam")
@rung("values")
@pytest.mark.parametrize("options", [{}, {"lr": 0.1}, {"lr": 0.2, "betas": [0.6, 0.9]}])
def test_adam_matches_pytorch(judge, draw, options):
    judge.probe("steps", "Adam", *drawn(draw, 12), **options)


@part("Adam")
@rung("edge")
def test_adam_eps_is_added_last(judge, draw):
    # 0.1 · 1e-9 / (1e-9 + 1e-8)
    by_hand(judge, "Adam", [-0.0090909], [1e-9], lr=0.1)
    by_hand(judge, "Adam", [-0.5], [1.0], lr=1.0, eps=1.0)
    judge.probe("steps", "Adam", *drawn(draw), lr=0.1, eps=0.5)


@part("Adam")
@rung("edge")
def test_adam_weight_decay_goes_through_the_means(judge, draw):
    by_hand(judge, "Adam", [0.9, 0.8197786], [0.0, 1.0], start=1.0, lr=0.1, weight_decay=0.1)
    judge.probe("steps", "Adam", *drawn(draw), lr=0.1, weight_decay=0.5)


@part("Adam")
@rung("edge")
def test_adam_options_together(judge, draw):
    judge.probe("steps", "Adam", *drawn(draw), lr=0.1, betas=[0.7, 0.9], eps=0.1, weight_decay=0.3)


# -- AdamW ---------------------------------------------------------------------------------------------------


@part("AdamW")
@rung("number")
def test_adamw_by_hand(judge):
    by_hand(judge, "AdamW", [-0.1, -0.2, -0.3], [3.0, 3.0, 3.0], lr=0.1, weight_decay=0.0)
    by_hand(judge, "AdamW", [0.89, 0.8140942], [5.0, 0.0], start=1.0, lr=0.1, weight_decay=0.1)


@part("AdamW")
@rung("values")
@pytest.mark.parametrize("options", [{}, {"lr": 0.1}, {"lr": 0.1, "betas": [0.8, 0.95], "weight_decay": 0.0}])
def test_adamw_matches_pytorch(judge, draw, options):
    judge.probe("steps", "AdamW", *drawn(draw, 12), **options)


@part("AdamW")
@rung("edge")
def test_adamw_eps_is_added_last(judge, draw):
    by_hand(judge, "AdamW", [-0.0090909], [1e-9], lr=0.1)
    judge.probe("steps", "AdamW", *drawn(draw), lr=0.1, eps=0.5)


@part("AdamW")
@rung("edge")
def test_adamw_decays_the_parameter_itself(judge, draw):
    by_hand(judge, "AdamW", [0.99, 0.9801, 0.970299], [0.0, 0.0, 0.0], start=1.0, lr=0.1, weight_decay=0.1)
    judge.probe("steps", "AdamW", *drawn(draw), lr=0.1, weight_decay=0.5)
    judge.probe("steps", "AdamW", *drawn(draw), lr=0.2, betas=[0.7, 0.9], eps=0.1, weight_decay=0.3)


# -- what all four share -------------------------------------------------------------------------------------


@EACH
@rung("edge")
def test_parameters_without_a_gradient_stay(judge, draw, name):
    pauses = [[0, 1], [2, 0], [3, 0], [4, 1], [3, 2]]
    judge.probe("steps", name, *drawn(draw), missing=pauses, **EVERYTHING[name])
    judge.probe("frozen", name, *drawn(draw, 3), **EVERYTHING[name])


@EACH
@rung("edge")
def test_a_gradient_that_arrives_late(judge, draw, name):
    late = [[0, 1], [1, 1], [2, 1], [0, 2], [1, 2]]
    judge.probe("steps", name, *drawn(draw), missing=late, **EVERYTHING[name])


@EACH
@rung("edge")
def test_zero_gradients(judge, draw, name):
    parameters, grads = drawn(draw, 4)
    some = torch.tensor([0.0, 0.0, 1.0, 0.0])
    zeroed = [grad * some.view(4, *[1] * (grad.dim() - 1)) for grad in grads]
    judge.probe("steps", name, parameters, zeroed, **USUAL[name])
    judge.probe("steps", name, parameters, [grad.roll(2, 0) for grad in zeroed], **EVERYTHING[name])


@EACH
@rung("edge")
def test_large_and_small_gradients(judge, draw, name):
    parameters = [draw.normal(3, 4), draw.normal(9)]
    grads = [draw.uniform(5, 3, 4, low=5e3, high=1e4), draw.uniform(5, 9, low=1e-4, high=1e-3)]
    judge.using(tolerance=(1e-4, 1e-3)).probe("steps", name, parameters, grads, **USUAL[name])


@EACH
@rung("edge")
def test_two_groups_with_options_of_their_own(judge, draw, name):
    judge.probe("two_groups", name, *drawn(draw), SECOND_GROUP[name], **EVERYTHING[name])


@EACH
@rung("edge")
def test_a_group_that_is_added_later(judge, draw, name):
    judge.probe("group_added_later", name, *drawn(draw, 4), SECOND_GROUP[name], **EVERYTHING[name])


@EACH
@rung("edge")
def test_parameters_from_a_generator(judge, draw, name):
    judge.probe("from_a_generator", name, *drawn(draw, 3), **USUAL[name])


@EACH
@rung("edge")
def test_every_parameter_with_a_gradient_moves(judge, draw, name):
    judge.probe("frozen_with_gradient", name, *drawn(draw, 3), **USUAL[name])


@EACH
@rung("gradient")
def test_gradients_are_left_as_they_are(judge, draw, name):
    judge.probe("gradients_afterwards", name, *drawn(draw, 3), **EVERYTHING[name])


@EACH
@rung("gradient")
def test_gradients_are_left_as_they_are_without_a_decay(judge, draw, name):
    # without a decay a step may work on the caller's own tensor
    for options in (EVERYTHING[name], SECOND_GROUP[name], USUAL[name]):
        judge.probe("gradients_afterwards", name, *drawn(draw, 3), **{**options, "weight_decay": 0.0})


@EACH
@rung("gradient")
def test_gradient_tensors_that_are_refilled(judge, draw, name):
    judge.probe("refilled_gradients", name, *drawn(draw, 5), **USUAL[name])


@EACH
@rung("gradient")
def test_no_graph_is_recorded(judge, draw, name):
    judge.probe("graph", name, *drawn(draw, 3), **EVERYTHING[name])


@EACH
@rung("layout")
def test_parameters_change_in_place(judge, draw, name):
    judge.probe("in_place", name, *drawn(draw, 3), **USUAL[name])


@EACH
@rung("layout")
def test_other_memory_layouts(judge, draw, name):
    parameters = [tensor for _, tensor in draw.layouts(draw.normal(4, 3))]
    parameters += [draw.normal(4, 3)]
    rounds = [[*(g for _, g in draw.layouts(draw.normal(4, 3))), draw.normal(1, 3).expand(4, 3)] for _ in range(3)]
    turned = [[*grads[1:], grads[0]] for grads in rounds]
    judge.probe("laid_out", name, parameters, [*rounds, *turned], **EVERYTHING[name])


@EACH
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_keeps_the_dtype(judge, draw, name, dtype):
    options = {**(EVERYTHING if dtype is torch.float64 else USUAL)[name], "lr": 0.5}
    # Adam's bias corrections may be computed in float32, the others have none
    close = (1e-10, 1e-10) if name in ("SGD", "RMSprop") else (1e-6, 1e-6)
    tolerance = close if dtype is torch.float64 else None
    judge.using(tolerance=tolerance).probe("steps", name, *drawn(draw, 3, dtype=dtype), **options)


@EACH
@rung("device")
def test_state_lives_beside_its_parameter(judge, name):
    def check(place):
        return None if place == "one device" else f"with parameters on another device than the CPU: {place}"

    judge.holds(check, "where_state_lives", name, [list(shape) for shape in SHAPES], 2, **EVERYTHING[name])


@EACH
@rung("training")
def test_learning_rates_change(judge, draw, name):
    rates = [0.1, 0.1, 0.1, 0.5, 0.5, 0.02, 0.02, 0.3, 0.0, 0.1]
    judge.probe("changed_options", name, *drawn(draw, 10), [{"lr": lr} for lr in rates], **EVERYTHING[name])


@EACH
@rung("training")
def test_a_scheduler_lowers_the_learning_rate(judge, draw, name):
    judge.probe("scheduled", name, *drawn(draw, 10), step_size=3, gamma=0.1, **USUAL[name])


@EACH
@rung("training")
def test_other_options_change(judge, draw, name):
    changes = [{}, {}, *CHANGES[name]]
    changes += [{}] * (STEPS - len(changes))
    judge.probe("changed_options", name, *drawn(draw), changes, **EVERYTHING[name])


@EACH
@rung("training")
def test_goes_on_from_a_state_dict(judge, draw, name):
    late = [[step, 1] for step in range(4)]
    judge.probe("resumed", name, *drawn(draw), 3, **EVERYTHING[name])
    judge.probe("resumed", name, *drawn(draw), 3, missing=late, **EVERYTHING[name])


@EACH
@rung("training")
def test_closure(judge, draw, name):
    judge.probe("closure", name, draw.normal(3), draw.normal(8, 3), draw.normal(8), 4, **USUAL[name])
    judge.probe("closure_of_two_groups", name, drawn(draw)[0], {"lr": 0.3}, 2, **USUAL[name])


@EACH
@rung("training")
def test_trains_a_regression(judge, draw, name):
    x = draw.normal(20, 3)
    y = x @ torch.tensor([1.0, -2.0, 0.5]) + 0.1 * draw.normal(20)
    judge.using(tolerance=(1e-3, 1e-3)).probe("training", name, draw.normal(3), x, y, 20, **USUAL[name])


# -- clip_grad_norm_ -----------------------------------------------------------------------------------------


def gradients_of_norm(draw, norm, dtype=torch.float32):
    """Gradients of several shapes that have this norm together; none of them has it alone, and none is 0."""
    grads = [draw.uniform(*shape, low=0.5, high=1.5, dtype=torch.float64) for shape in SHAPES]
    grads = [grad * (1 - 2 * draw.integers(2, *grad.shape)) for grad in grads]
    total = torch.cat([grad.reshape(-1) for grad in grads]).norm()
    return [(grad * norm / total).to(dtype) for grad in grads]


def parameters_for(draw, grads):
    return [draw.normal(*grad.shape, dtype=grad.dtype, scale=3.0) for grad in grads]


def clip_by_hand(judge, returned, expected, grads, max_norm, **options):
    def check(value):
        norm, after = value["returned"].item(), [grad.item() for grad in value["gradients"]]
        if abs(norm - returned) > 1e-4:
            return f"the norm before clipping is {returned}; yours is {norm}"
        right = all(abs(a - b) < 1e-4 for a, b in zip(after, expected, strict=True))
        return None if right else f"the gradients must become {expected}; yours are {after}"

    zeros, rounds = [torch.tensor([7.0]) for _ in grads], [torch.tensor([grad]) for grad in grads]
    judge.probe("clip", zeros, rounds, max_norm, **options)
    judge.holds(check, "clip", zeros, rounds, max_norm, **options)


@part("clip_grad_norm_")
@rung("number")
def test_clip_by_hand(judge):
    clip_by_hand(judge, 5.0, [0.6, 0.8], [3.0, 4.0], 1.0)
    clip_by_hand(judge, 7.0, [1.0, -1.5, 3.0], [2.0, -3.0, 6.0], 3.5)


@part("clip_grad_norm_")
@rung("values")
@pytest.mark.parametrize("max_norm", [0.5, 1.0, 2, 9.0])
def test_clip_matches_pytorch(judge, draw, max_norm):
    grads = gradients_of_norm(draw, 10.0)
    judge.probe("clip", parameters_for(draw, grads), grads, max_norm)


@part("clip_grad_norm_")
@rung("edge")
def test_clip_leaves_short_gradients_alone(judge, draw):
    for norm, max_norm in [(0.5, 1.0), (3.0, 100.0), (10.0, 10.5)]:
        grads = gradients_of_norm(draw, norm)
        judge.probe("clip", parameters_for(draw, grads), grads, max_norm)


@part("clip_grad_norm_")
@rung("edge")
def test_clip_skips_missing_gradients(judge, draw):
    grads = gradients_of_norm(draw, 8.0)
    judge.probe("clip", parameters_for(draw, grads), [grads[0], None, grads[2]], 1.5)
    judge.probe("clip", parameters_for(draw, grads), [None, *grads[1:]], 1.5)


@part("clip_grad_norm_")
@rung("edge")
def test_clip_counts_frozen_parameters_that_have_a_gradient(judge):
    clip_by_hand(judge, 5.0, [0.6, 0.8], [3.0, 4.0], 1.0, frozen=[1])


@part("clip_grad_norm_")
@rung("edge")
@pytest.mark.parametrize("form", ["tuple", "dict values", "generator", "iterator"])
def test_clip_takes_any_iterable(judge, draw, form):
    grads = gradients_of_norm(draw, 10.0)
    judge.probe("clip", parameters_for(draw, grads), grads, 2.0, form=form)


@part("clip_grad_norm_")
@rung("edge")
def test_clip_takes_one_tensor(judge, draw):
    for shape in [(3, 4), (5,), ()]:
        grad = 5.0 + draw.uniform(*shape)
        judge.probe("clip", [draw.normal(*shape)], [grad], 2.0, form="one tensor")


@part("clip_grad_norm_")
@rung("edge")
def test_clip_of_zero_gradients(judge, draw):
    zeros = [torch.zeros(shape) for shape in SHAPES]
    judge.probe("clip", parameters_for(draw, zeros), zeros, 1.0)
    judge.probe("clip", parameters_for(draw, zeros), [*zeros[:-1], 4.0 + draw.uniform(*SHAPES[-1])], 1.0)


@part("clip_grad_norm_")
@rung("edge")
def test_clip_to_zero(judge, draw):
    grads = gradients_of_norm(draw, 10.0)
    judge.probe("clip", parameters_for(draw, grads), grads, 0.0)


@part("clip_grad_norm_")
@rung("edge")
def test_clip_where_there_is_nothing_to_clip(judge, draw):
    judge.probe("clip_nothing", [], 1.0)
    judge.probe("clip_nothing", [], 1.0, form="generator")
    judge.probe("clip_nothing", [draw.normal(3, 2), draw.normal(4)], 1.0)
    judge.probe("clip_nothing", [draw.normal(3, 2)], 1.0, form="one tensor")


@part("clip_grad_norm_")
@rung("edge")
def test_clip_of_large_and_small_gradients(judge, draw):
    for norm in (1e4, 1e2, 0.5):
        grads = gradients_of_norm(draw, norm)
        judge.using(tolerance=(1e-4, 1e-3)).probe("clip", parameters_for(draw, grads), grads, 0.25)


@part("clip_grad_norm_")
@rung("layout")
def test_clip_changes_gradients_in_place(judge, draw):
    grads = gradients_of_norm(draw, 10.0)
    judge.probe("clip_in_place", parameters_for(draw, grads), [grads[0], None, *grads[2:]], 2.0)


@part("clip_grad_norm_")
@rung("layout")
def test_clip_of_other_memory_layouts(judge, draw):
    grads = [grad for _, grad in draw.layouts(3.0 + draw.uniform(4, 3))]
    judge.probe("clip_layouts", grads, 2.0)


@part("clip_grad_norm_")
@rung("dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_clip_keeps_the_dtype(judge, draw, dtype):
    # within 1e-6 of itself, because the 1e-6 in PyTorch's denominator is not asked for
    tolerance = (1e-6, 1e-6) if dtype is torch.float64 else None
    grads = gradients_of_norm(draw, 10.0, dtype)
    judge.using(tolerance=tolerance).probe("clip", parameters_for(draw, grads), grads, 2.0)


@part("clip_grad_norm_")
@rung("training")
def test_clip_after_a_backward(judge, draw):
    judge.probe("clip_module", 2.0 + draw.uniform(3, 4), 1.5)
