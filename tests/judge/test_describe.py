"""Calls, values and failures are told shortly, on one line, and without characters that could deceive."""

import pytest
import torch
from nnkata.grader.exercise import catalog, content
from nnkata.grader.judge import describe
from nnkata.grader.judge.describe import WIDTH, clean, parse_failure
from nnkata.grader.judge.question import Question
from nnkata.grader.model import SourceLine
from nnkata.grader.worker import probing

T = torch.tensor


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (T([1.0, 2.5]), "tensor([1, 2.5])"),
        (T(3), "tensor(3)"),
        (T([True, False]), "tensor([True, False])"),
        (T([1.0], dtype=torch.float64), "tensor([1], float64)"),
        (T([[1.0], [float("nan")]]), "tensor([[1], [NaN]])"),
        (torch.zeros(3, 4), "<float32 (3, 4)>"),
        (torch.zeros(9, dtype=torch.int64), "<int64 (9,)>"),
        (1 / 3, "0.33333"),
        ("mean", "'mean'"),
        ([1, (2.0, None)], "[1, [2, None]]"),
        (list(range(9)), "[0, 1, 2, 3, 4, 5, …]"),
        ("x" * 100, "'" + "x" * 56 + "…"),
    ],
)
def test_values_are_told_small(value, text):
    assert describe.value(value) == text


def test_a_call_is_told_as_it_would_be_written():
    exercise = catalog.find("03_losses")
    args = ["mse_loss", T([1.0, 2.0]), T([1.0, 4.0])]
    text = "mse_loss(tensor([1, 2]), tensor([1, 4]), reduction='sum')"
    assert describe.call(exercise, Question("call", args, {"reduction": "sum"})) == text
    assert describe.call(exercise, Question("gradient", args, {"wrt": [0], "reduction": "sum"})) == text


def test_a_probe_of_an_exercise_is_told_by_its_first_sentence_on_one_line():
    exercise = catalog.find("08_cnn")
    names = [name for name in content.probes(exercise) if name not in probing.SHARED]
    assert names
    for name in names:
        text = describe.call(exercise, Question(name, [torch.zeros(30)] * 40, {"momentum": 0.5}))
        assert "\n" not in text and len(text) <= 2 * WIDTH


@pytest.mark.parametrize(
    "deceit",
    [
        "\x1b[31m",
        "\x07",
        "\r",
        "\x00",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ufeff",
        "\x9b",
        "\ud800",
        "\ue000",
        "\u2028",
        "\u2029",
        "\x85",
    ],
    ids=ascii,
)
def test_characters_that_deceive_a_terminal_are_taken_out(deceit):
    cleaned = clean(f"a{deceit}b")
    assert deceit[0] not in cleaned and cleaned.startswith("a") and cleaned.endswith("b")


def test_honest_text_stays_as_it_is():
    text = "zwölf × 猫 → 🐈\n\tline two"
    assert clean(text) == text


def test_long_text_is_cut_visibly():
    assert clean("x" * 5_000, 100) == "x" * 99 + "…"


def test_a_claimed_failure_is_read():
    claim = {
        "kind": "exception", "type": "ValueError", "message": "wrong\n\n\nshape", "bases": ["ValueError", "Exception"],
        "lines": [[3, "mse_loss", "raise ValueError"]],
    }  # fmt: skip
    failure = parse_failure(claim)
    assert (failure.kind, failure.type, failure.message) == ("exception", "ValueError", "wrong\nshape")
    assert failure.bases == ("ValueError", "Exception")
    assert failure.lines == (SourceLine(3, "mse_loss", "raise ValueError"),)


@pytest.mark.parametrize(
    "claim",
    [
        None, 3, "x", [], {}, {"kind": "pass"}, {"kind": ["exception"]}, {"kind": None, "type": 3, "message": 4},
        {"bases": "ValueError"}, {"bases": [1, None]}, {"lines": 3}, {"lines": [1, None, []]},
        {"lines": [["a", 1, 2], [1], [1, 2, 3, 4, 5]]}, {"message": {"a": torch.ones(2)}},
        {"lines": [[1, None, None]] * 99},
    ],
    ids=repr,
)  # fmt: skip
def test_a_claimed_failure_of_any_form_is_a_failure(claim):
    failure = parse_failure(claim)
    assert failure.kind == "exception"
    assert all(isinstance(base, str) for base in failure.bases)
    assert all(isinstance(line, SourceLine) and isinstance(line.number, int) for line in failure.lines)
    assert len(failure.lines) <= 5


def test_every_text_of_a_claimed_failure_is_cleaned_and_cut():
    nasty = "\x1b[2J\n\u202e" + "x" * 5_000
    failure = parse_failure({"type": nasty, "message": nasty, "bases": [nasty], "lines": [[1, nasty, nasty]]})
    texts = [failure.type, failure.message, *failure.bases, failure.lines[0].function, failure.lines[0].text]
    assert all("\x1b" not in text and "\u202e" not in text and len(text) <= 600 for text in texts)
    assert "\n" not in failure.type + failure.bases[0] + failure.lines[0].function
