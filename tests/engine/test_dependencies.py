"""A part that fails because of another part says which to fix first, and is not taken for a mistake of its own."""

import ast
import textwrap

import pytest
from nnkata.grader.engine import dependencies, engine
from nnkata.grader.exercise import catalog
from nnkata.grader.judge.trial import Trial, Verdict
from nnkata.grader.model import GradingOptions
from nnkata.grader.submission import examination, source

LAYER = """
def linear(x, weight, bias=None):
    {linear}


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        bound = in_features**-0.5
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        values = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None
        self.register_parameter("bias", values)

    def forward(self, x):
        return {answer}
"""
LOSSES = ["mse_loss", "l1_loss", "nll_loss", "cross_entropy"]
RIGHT = "return x @ weight.T if bias is None else x @ weight.T + bias"
WRONG = "return x @ weight if bias is None else x @ weight + bias"
CALLED = "linear(x, self.weight, self.bias)"


def graded(**lines):
    """The reference with these lines in its linear and its Linear."""
    exercise = catalog.find("01_neurons")
    text = exercise.solution.read_text("utf-8") + LAYER.format(**{"linear": RIGHT, "answer": CALLED, **lines})
    order = engine.GradingRequest(
        exercise, source.from_bytes("neurons.py", text.encode()), GradingOptions(seed=7), in_process=True
    )
    with engine.Engine() as running:
        result = running.grade(order)
    parts = {part.name: part for part in result.parts}
    failing = {name: [t for t in result.tests if t.part == name and t.status == "fail"] for name in parts}
    return parts, failing


def test_a_part_that_uses_a_wrong_part_says_to_fix_that_first():
    parts, failing = graded(linear=WRONG)
    assert {"weight-not-transposed"} <= {test.misconception for test in failing["linear"]}
    assert parts["Linear"].status == "fail"
    for test in failing["Linear"]:
        assert test.message.startswith("Linear uses linear, which is not right yet: fix that first\n")
        assert test.misconception is None
    assert not any("fix that first" in test.message for test in failing["linear"])


def test_a_part_that_uses_an_unwritten_part_counts_as_begun():
    parts, failing = graded(linear="raise NotImplementedError")
    assert parts["linear"].unwritten and not parts["Linear"].unwritten
    assert failing["Linear"]
    assert {test.message for test in failing["Linear"]} == {
        "Linear uses linear, which is not written yet: write that first"
    }


def test_a_part_with_a_mistake_of_its_own_is_diagnosed_where_what_it_uses_is_right():
    parts, failing = graded(answer="linear(x, self.weight.data, self.bias if self.bias is None else self.bias.data)")
    assert parts["linear"].status == "pass"
    assert {test.misconception for test in failing["Linear"]} == {"works-on-the-data"}


def test_a_part_that_stands_on_its_own_is_diagnosed_beside_a_wrong_one():
    answer = "x @ self.weight.data.T + (0 if self.bias is None else self.bias.data)"
    _, failing = graded(linear=WRONG, answer=answer)
    assert {test.misconception for test in failing["Linear"]} == {"works-on-the-data"}
    assert not any("fix that first" in test.message for test in failing["Linear"])


def test_right_parts_are_left_as_they_are():
    parts, failing = graded()
    assert {part.status for part in parts.values()} == {"pass"} and not any(failing.values())


def used(text):
    """What each part of 03_losses uses in this file, where it uses anything."""
    found = examination.uses(ast.parse(textwrap.dedent(text)), catalog.find("03_losses"))
    return {part: set(others) for part, others in found.items() if others}


@pytest.mark.parametrize(
    "text",
    [
        "def cross_entropy(x, t):\n    return nll_loss(x, t)\ndef nll_loss(x, t):\n    return x",
        "def cross_entropy(x, t):\n    return inner(x, t)\ndef inner(x, t):\n    return nll_loss(x, t)\n"
        "def nll_loss(x, t):\n    return x",
        "def nll_loss(x, t):\n    return x\npick = nll_loss\ndef cross_entropy(x, t):\n    return pick(x, t)",
    ],
    ids=["called", "through another function", "by another name"],
)
def test_a_use_is_found(text):
    assert used(text) == {"cross_entropy": {"nll_loss"}}


@pytest.mark.parametrize(
    "body",
    [
        "nll_loss = x.sum()\n    return nll_loss",
        "return [nll_loss for nll_loss in x]",
        "return x.nll_loss(t)",
        "return (lambda nll_loss: nll_loss)(x)",
        "'uses nll_loss'\n    return x",
    ],
)
def test_a_name_of_its_own_is_no_use(body):
    assert used(f"def nll_loss(x, t):\n    return x\ndef cross_entropy(x, t):\n    {body}") == {}


def test_a_type_hint_is_no_use():
    assert used("class nll_loss: pass\ndef cross_entropy(x: nll_loss) -> nll_loss:\n    return x") == {}


def test_parts_that_use_each_other_are_found_and_searched_once():
    text = "def nll_loss(x):\n    return cross_entropy(x)\ndef cross_entropy(x):\n    return nll_loss(x)"
    assert used(text) == {"cross_entropy": {"nll_loss"}, "nll_loss": {"cross_entropy"}}


def test_the_part_at_the_bottom_comes_first_and_none_of_two_that_use_each_other():
    verdicts = [Verdict(f"test_{p}", f"test_{p}", p, "values", "cpu", "fail", "", 0.0) for p in LOSSES]
    trial = Trial(catalog.find("03_losses"), None, 0, verdicts=verdicts)
    top, middle, bottom, other = LOSSES
    trial.uses = {top: frozenset({middle, bottom}), middle: frozenset({bottom, other}), other: frozenset({middle})}
    assert dependencies.failing_dependencies(trial) == {top: bottom, middle: bottom}
