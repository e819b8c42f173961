"""A teacher's own exercise takes the contract of train_classifier and a recurring misconception; both work there."""

import inspect
import re
from pathlib import Path

import pytest
import torch
from nnkata.grader.authoring import content_check
from nnkata.grader.authors import classifier_training, recurring
from nnkata.grader.contracts import small_training, training_checks, training_mistakes
from nnkata.grader.errors import ContentError
from nnkata.grader.exercise import catalog, content
from nnkata.grader.judge.hidden_tests import run_hidden_tests
from nnkata.grader.judge.trial import Local, Trial
from nnkata.grader.worker import training_probes

FILES = {
    "exercises/10_digits/exercise.toml": """
format_version = 1
title = "Digits"
minutes = 10
[[parts]]
name = "double"
points = 2
hints = ["a", "b", "c"]
[[parts]]
name = "train_classifier"
points = 8
hints = ["a", "b", "c"]
""",
    "solutions/10_digits/digits.py": (catalog.KIT / "solutions/07_mlp/mlp.py").read_text("utf-8")
    + """

def double(x):
    return 2 * x
""",
    "solutions/10_digits/misconceptions.py": """
from nnkata.grader.authors import classifier_training, recurring


def double(x):
    return 2 * x


recurring.detached("double", double, id="double-detached", fails="test_double_gradient")
classifier_training.add_misconceptions()
""",
    "tests/hidden/10_digits/test_digits.py": """
from nnkata.grader.authors import classifier_training, part, rung


@part("double")
@rung("gradient")
def test_double_gradient(judge, draw):
    judge.gradient(draw.normal(4, 3))


classifier_training.add_tests(globals())
""",
}


@pytest.fixture(scope="module")
def exercise(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return catalog.read(root / "exercises" / "10_digits", root)


def verdicts(exercise, **options):
    trial = Trial(exercise, Local(exercise, content.reference(exercise)), 12, **options)
    return run_hidden_tests(trial).verdicts


def test_the_shared_tests_are_the_exercises_own_and_its_reference_passes(exercise):
    found = verdicts(exercise)
    assert {verdict.status for verdict in found} == {"pass"}, found
    ids = {verdict.id for verdict in found}
    assert len(ids) == 1 + 15 and {verdict.part for verdict in found} == {"double", "train_classifier"}
    assert {"test_digits.py::test_train_learns", "test_digits.py::test_train_tells_each_epoch[4]"} <= ids
    assert not any("short_training" in name for name in ids), "it has no bars"


def test_the_shared_tests_and_those_of_07_have_the_same_names(exercise):
    seven = catalog.find("07_mlp")
    trial = Trial(seven, Local(seven, {}), 0, training="none", only=frozenset({"train_classifier"}))
    shared = {verdict.id.partition("::")[2] for verdict in verdicts(exercise) if verdict.part == "train_classifier"}
    assert shared == {verdict.id.partition("::")[2] for verdict in run_hidden_tests(trial).verdicts}


@pytest.mark.parametrize("name", ["double-detached", "epochs-from-0", "losses-returned"])
def test_shared_misconceptions_are_caught_and_named_there(exercise, name):
    [wrong] = [one for one in content.misconceptions(exercise) if one.id == name]
    caught = content_check.try_misconception(exercise, wrong, 0)
    assert caught.verdict == "right" and set(wrong.fails) <= set(caught.failed)


def test_an_error_in_a_shared_test_names_the_exercise(exercise, monkeypatch):
    monkeypatch.setattr(training_checks, "is_ready", lambda count: count / 0)
    broken = [v for v in verdicts(exercise) if v.id.endswith("test_train_returns_a_module_in_eval_mode")]
    assert [verdict.status for verdict in broken] == ["error"]
    assert "ZeroDivisionError" in broken[0].message and "10_digits/test_digits.py" in broken[0].message


def test_the_contracts_probes_are_always_there_and_hold_no_answer(exercise):
    assert set(training_probes.PROBES) <= set(content.probes(exercise))
    assert content.probe_source(exercise) == ""
    text = Path(training_probes.__file__).read_text("utf-8")
    assert not any(word in text for word in ("optim", "backward", "cross_entropy"))


# -- training mistakes -------------------------------------------------------------------------------------------------


@pytest.fixture
def registered(monkeypatch):
    """Misconceptions that a test registers, as they come."""
    pending = []
    monkeypatch.setattr(content, "_pending", pending)
    return pending


def training():
    return small_training.Training(lambda: torch.nn.Linear(2, 3), batch_size=2, rate=0.1)


def test_a_mistake_that_is_not_there_is_named(registered):
    with pytest.raises(ContentError, match="no training mistake 'epochs-from-7'"):
        training_mistakes.add_misconceptions("f", training(), training_mistakes.Wording(), {"epochs-from-7": "test_f"})
    assert not registered


def test_only_the_mistakes_that_are_named_are_registered_in_the_exercises_words(registered):
    words = training_mistakes.Wording(label="mask", labels="masks", batch=16, few="four")
    fails = {"masks-of-other-images": "test_f", "batch-means-over-images": ["test_g", "test_h"]}
    training_mistakes.add_misconceptions("f", training(), words, fails)
    batch, masks = registered
    assert "batches of 16 the loss that you tell is 16 times" in batch.explanation and batch.fails == (
        "test_g",
        "test_h",
    )
    assert "some other image's mask." in masks.explanation and masks.part == "f"


def test_the_right_training_tells_the_mean_and_repeats_itself():
    torch.manual_seed(3)
    images, labels = torch.randn(5, 2), torch.randint(3, (5,))
    told = []
    call = small_training.Call(images, labels, 2, 7, lambda epoch, loss: told.append((epoch, loss)))
    first, second = training().run(call), training().run(call)
    assert [epoch for epoch, _ in told] == [1, 2, 1, 2] and told[:2] == told[2:] and not first.training
    assert torch.equal(first.weight, second.weight)
    assert small_training.mean_over_images([1.0, 4.0], [2, 1]) == 2.0
    assert small_training.mean_over_images([], []) == 0.0


# -- recurring ones ----------------------------------------------------------------------------------------------------


def loss(input, target, reduction="mean"):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(reduction)
    losses = (input - target) ** 2
    return losses if reduction == "none" else getattr(losses, reduction)()


@pytest.fixture
def wrong(registered):
    """Makes a factory's wrong implementation of `loss`."""

    def make(factory):
        factory("loss", loss, id="an-id", fails="test_loss")
        [made] = registered
        assert (made.part, made.id, made.fails) == ("loss", "an-id", ("test_loss",))
        return made.implementation

    return make


X, Y = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 2.0])


def test_detached_is_right_but_has_no_graph(wrong):
    result = wrong(recurring.detached)(X, Y)
    assert result == 2.0 and not result.requires_grad and loss(X, Y).requires_grad


def test_float32_only_takes_double_precision_away_and_nothing_else(wrong):
    f = wrong(recurring.float32_only)
    assert f(X.double(), Y.double()).dtype == torch.float32
    assert torch.equal(f(X, Y, reduction="none"), loss(X, Y, "none"))


def test_python_number_only_stands_for_a_single_number(wrong):
    f = wrong(recurring.python_number)
    assert type(f(X, Y)) is float and torch.equal(f(X, Y, "none"), loss(X, Y, "none"))


def test_any_reduction_takes_an_unknown_word_for_none(wrong):
    f = wrong(recurring.any_reduction)
    assert torch.equal(f(X, Y, "average"), loss(X, Y, "none"))
    assert f(X, Y) == 2.0 and f(X, Y, reduction="sum") == 4.0


def test_always_the_mean_is_the_mean_wherever_the_word_stands(wrong):
    f = wrong(recurring.always_the_mean)
    assert f(X, Y, "sum") == f(X, Y, reduction="none") == f(X, Y) == 2.0


def test_none_for_other_words_returns_none_for_these_alone(wrong):
    f = wrong(recurring.none_for_other_words)
    assert f(X, Y, reduction="average") is None and f(X, Y) == 2.0 and f(X, Y, "sum") == 4.0


@pytest.mark.parametrize(
    ("factory", "options", "sentence"),
    [
        (recurring.changes_input_in_place, {"argument": "target"}, "You change `target` in place"),
        (recurring.on_two_devices, {"noun": "block"}, "your block brings tensors of two devices together"),
        (recurring.answers_on_the_cpu, {"noun": "layer"}, "Your layer answers on the CPU"),
        (
            recurring.probabilities_at_the_end,
            {"last": "convolution"},
            "returns probabilities, where logits are asked for",
        ),
        (
            recurring.log_probabilities_at_the_end,
            {"last": "convolution"},
            "the last convolution's numbers as they are.",
        ),
        (recurring.probabilities_in_eval_mode, {}, "in eval mode probabilities"),
        (recurring.squeezed, {"example": "(1, 5) gives a number"}, "it is gone: (1, 5) gives a number."),
    ],
)
def test_a_decorator_keeps_the_implementation_and_says_its_sentence(registered, factory, options, sentence):
    assert factory("loss", id="an-id", fails="test_loss", **options)(loss) is loss
    assert registered[0].implementation is loss and sentence in registered[0].explanation


def test_the_page_lists_every_factory():
    page = (catalog.KIT / "docs" / "adding-an-exercise.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)\(part", page, re.M)
    made = {
        name
        for name, f in vars(recurring).items()
        if inspect.isfunction(f) and "fails" in inspect.signature(f).parameters
    }
    assert set(listed) == made - {"misconception"}
    assert "and 26 misconceptions with two calls" in page
    assert len(classifier_training.FAILS) == 26
