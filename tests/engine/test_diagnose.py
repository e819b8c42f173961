"""A mistake is named if one misconception answers every question as the student did, and not otherwise."""

import pytest
import torch
from nnkata.grader.engine.diagnose import diagnose, to_diagnosis
from nnkata.grader.exercise import catalog, content
from nnkata.grader.judge.hidden_tests import run_hidden_tests
from nnkata.grader.judge.trial import Local, Trial

SEED = 5


def judged(namespace, exercise="03_losses", part="mse_loss", seed=SEED):
    exercise = catalog.find(exercise)
    student = Local(exercise, {**content.reference(exercise), **namespace})
    return run_hidden_tests(Trial(exercise, student, seed, only=frozenset({part})))


def names(trial):
    return {wrong.id for wrong in diagnose(trial).values()}


def same_shape(input, target):
    if input.shape != target.shape:
        raise ValueError("shapes")


def reduced(losses, reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(reduction)
    return losses if reduction == "none" else getattr(losses, reduction)()


def summed(input, target, reduction="mean"):
    """The sum instead of the mean, written by hand."""
    same_shape(input, target)
    difference = input - target
    return reduced(difference * difference, "sum" if reduction == "mean" else reduction)


def careless(input, target, reduction="mean"):
    """Right, but never compares the shapes."""
    return reduced((input - target) ** 2, reduction)


def unheard_of(input, target, reduction="mean"):
    same_shape(input, target)
    return reduced((input - target) ** 2 * 1.37 + 0.11, reduction)


def test_a_known_mistake_is_named_however_it_is_written():
    trial = judged({"mse_loss": summed})
    found = diagnose(trial)
    assert {wrong.id for wrong in found.values()} == {"sum-instead-of-mean"}
    failing = {verdict.id for verdict in trial.verdicts if verdict.status == "fail"}
    assert set(found) <= failing and found


def test_a_mistake_that_only_an_edge_shows_is_named():
    assert any(
        "shape" in wrong.id or "compare" in wrong.explanation
        for wrong in diagnose(judged({"mse_loss": careless})).values()
    )


def test_a_mistake_that_nobody_described_is_not_named():
    assert names(judged({"mse_loss": unheard_of})) == set()


def test_right_code_has_no_mistake_to_name():
    trial = judged({})
    assert {verdict.status for verdict in trial.verdicts} == {"pass"}
    assert diagnose(trial) == {}


def raising(*args, **options):
    raise KeyError("oops")


def unwritten(*args, **options):
    raise NotImplementedError


@pytest.mark.parametrize("student", [raising, unwritten], ids=["raising", "unwritten"])
def test_what_gives_no_answers_is_not_taken_for_a_mistake(student):
    assert names(judged({"mse_loss": student})) == set()


def test_a_part_that_is_not_there_is_not_taken_for_a_mistake():
    exercise = catalog.find("03_losses")
    trial = run_hidden_tests(Trial(exercise, Local(exercise, {}), SEED, only=frozenset({"mse_loss"})))
    assert diagnose(trial) == {}


def test_a_mistake_is_explained_with_what_to_try():
    exercise = catalog.find("03_losses")
    wrong = content.misconceptions(exercise)[0]
    shown = to_diagnosis(wrong)
    assert (shown.part, shown.misconception) == (wrong.part, wrong.id)
    assert shown.explanation == wrong.explanation and shown.advice == wrong.advice


def test_only_failing_tests_are_explained_when_two_mistakes_meet():
    def both(input, target, reduction="mean"):
        losses = (input - target) ** 2  # no comparison of shapes, and
        return reduced(losses, "sum" if reduction == "mean" else reduction)  # the sum instead of the mean

    trial = judged({"mse_loss": both})
    found = diagnose(trial)
    failing = {verdict.id for verdict in trial.verdicts if verdict.status == "fail"}
    assert set(found) <= failing
    assert "sum-instead-of-mean" in {wrong.id for wrong in found.values()}


def test_a_misconception_explains_only_what_it_answers_alike():
    def mixed(input, target, reduction="mean"):
        """The sum for vectors, and something nobody described for all else."""
        return summed(input, target, reduction) if input.dim() == 1 else unheard_of(input, target, reduction)

    trial = judged({"mse_loss": mixed})
    failing = {verdict.id for verdict in trial.verdicts if verdict.status == "fail"}
    named = {test for test, wrong in diagnose(trial).items() if wrong.id == "sum-instead-of-mean"}
    assert named < failing


def test_mistakes_in_two_parts_are_named_each_in_its_own():
    exercise = catalog.find("03_losses")
    halves = {wrong.part: wrong for wrong in content.misconceptions(exercise) if wrong.part in ("mse_loss", "l1_loss")}
    namespace = {**content.reference(exercise), **{part: wrong.implementation for part, wrong in halves.items()}}
    trial = run_hidden_tests(Trial(exercise, Local(exercise, namespace), SEED, only=frozenset(halves)))
    parts = {verdict.id: verdict.part for verdict in trial.verdicts}
    found = diagnose(trial)
    assert {wrong.part for wrong in found.values()} == {"mse_loss", "l1_loss"}
    assert all(parts[test] == wrong.part for test, wrong in found.items())


def test_diagnosing_draws_nothing_from_the_common_generator():
    trial = judged({"mse_loss": summed})
    before = torch.random.get_rng_state()
    diagnose(trial)
    assert torch.equal(torch.random.get_rng_state(), before)


def judged_fires(fires):
    return judged({"fires": fires}, "01_neurons", "fires")


@pytest.mark.parametrize(
    "fires",
    [
        lambda x, weight, threshold: x @ weight >= round(float(threshold)),
        lambda x, weight, threshold: x @ weight >= abs(threshold),
        lambda x, weight, threshold: (x * weight).mean(-1) >= threshold,
        lambda x, weight, threshold: x.sum(-1) >= threshold,
        lambda x, weight, threshold: torch.sigmoid(x @ weight) >= threshold,
    ],
    ids=["rounded threshold", "threshold without sign", "mean", "no weight", "squashed"],
)
def test_truth_values_that_are_alike_by_chance_name_no_mistake(fires):
    trial = judged_fires(fires)
    assert any(verdict.status == "fail" for verdict in trial.verdicts)
    assert names(trial) == set()


def test_counts_that_are_alike_by_chance_name_no_mistake():
    def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
        output = round((size + 2 * padding - dilation * (kernel_size - 1) - 1) / max(stride, 1)) + 1
        if stride < 1 or dilation < 1 or padding < 0 or output < 1:
            raise ValueError
        return output

    trial = judged({"conv_output_size": conv_output_size}, "08_cnn", "conv_output_size")
    assert any(verdict.status == "fail" for verdict in trial.verdicts)
    assert names(trial) == set()


def test_two_mistakes_that_meet_are_named_where_each_shows():
    trial = judged_fires(lambda x, weight, threshold: (x @ weight).abs() > threshold)
    assert names(trial) == {"strength-without-sign", "must-exceed-the-threshold"}


def test_counts_are_evidence_where_all_that_failed_is_explained():
    def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
        if stride < 1 or dilation < 1 or padding < 0:
            raise ValueError
        return (size + padding - dilation * (kernel_size - 1) - 1) // stride + 1

    trial = judged({"conv_output_size": conv_output_size}, "08_cnn", "conv_output_size")
    assert names(trial) == {"padding-counted-once", "sizes-below-one-returned"}


def test_a_mistake_is_named_where_another_known_one_hides_it_here_and_there():
    trial = judged({"count_parameters": lambda module, trainable_only=True: len(list(module.parameters()))},
                   "01_neurons", "count_parameters")  # fmt: skip
    found = diagnose(trial)
    assert {wrong.id for wrong in found.values()} == {"tensors-counted"}
    assert not any("frozen" in test for test in found)


def test_what_a_passing_test_contradicts_is_not_named():
    def mse_loss(input, target, reduction="mean"):
        """The sum instead of the mean, but not by default, where the tests see the mean."""
        return summed(input, target, reduction) if input.dim() == 3 else reduced((input - target) ** 2, reduction)

    assert "sum-instead-of-mean" not in names(judged({"mse_loss": mse_loss}))


def test_parts_that_are_left_out_are_not_diagnosed():
    trial = judged({"mse_loss": summed})
    assert diagnose(trial, without={"mse_loss"}) == {}


class FirstMeanCorrected(torch.optim.Optimizer):
    """Adam that corrects its first mean only, in an algebra of its own."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        with torch.enable_grad():
            loss = closure() if closure else None
        for group in self.param_groups:
            (beta1, beta2), lr = group["betas"], group["lr"]
            for p in (p for p in group["params"] if p.grad is not None):
                state, grad = self.state[p], p.grad + group["weight_decay"] * p
                for name in ("first", "second"):
                    state.setdefault(name, torch.zeros_like(p))
                state["steps"] = state.get("steps", 0) + 1
                state["first"] = beta1 * state["first"] + (1 - beta1) * grad
                state["second"] = beta2 * state["second"] + (1 - beta2) * grad * grad
                corrected = lr * (state["first"] / (1 - beta1 ** state["steps"]))
                p.sub_(corrected / (state["second"].sqrt() + group["eps"]))
        return loss


def test_rounding_in_half_precision_hides_no_mistake():
    trial = judged({"Adam": FirstMeanCorrected}, "05_optimizers", "Adam", seed=11)  # rounding parts them at this seed
    failing = {verdict.id for verdict in trial.verdicts if verdict.status == "fail"}
    found = diagnose(trial)
    assert set(found) == failing and {wrong.id for wrong in found.values()} == {"corrects-only-the-first-mean"}
