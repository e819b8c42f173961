"""What a student is told of an error is true of their code: not written yet, or which exception was wanted."""

import pytest
from nnkata.grader.engine import engine
from nnkata.grader.exercise import catalog
from nnkata.grader.model import GradingOptions
from nnkata.grader.submission import source

LOSSES = catalog.find("03_losses")
RIGHT = """\
    error = (input - target) ** 2
    {}
    return error if reduction == 'none' else getattr(error, reduction)()
"""


@pytest.fixture(scope="module")
def grader():
    with engine.Engine() as running:
        running.warm_up()
        yield running


def mse(grader, body, **options):
    text = f"import torch\ndef mse_loss(input, target, reduction='mean'):\n{body}"
    request = engine.GradingRequest(
        LOSSES,
        source.from_bytes("losses.py", text.encode()),
        GradingOptions(seed=5, parts=("mse_loss",), training="none"),
        **options,
    )
    return grader.grade(request)


def messages(result):
    return [test.message for test in result.tests if test.status == "fail"]


@pytest.mark.parametrize("in_process", [False, True], ids=["confined", "debugged"])
@pytest.mark.parametrize(
    "stub",
    [
        "    raise NotImplementedError\n",
        "    '''Return the loss.'''\n    # YOUR CODE HERE\n    raise NotImplementedError()\n",
        "    given = input.shape\n    # YOUR CODE HERE\n    raise NotImplementedError\n",
    ],
    ids=["bare", "docstring", "below what is given"],
)
def test_the_stub_s_own_form_is_not_written_yet(grader, stub, in_process):
    result = mse(grader, stub, in_process=in_process)
    assert result.parts[0].unwritten
    assert set(messages(result)) == {"mse_loss is not written yet"}


@pytest.mark.parametrize("in_process", [False, True], ids=["confined", "debugged"])
@pytest.mark.parametrize(
    "own",
    [
        RIGHT.format("if reduction not in ('none', 'mean', 'sum'): raise NotImplementedError"),
        RIGHT.format("if reduction not in ('none', 'mean', 'sum'):\n        raise NotImplementedError()"),
        "    if reduction != 'mean':\n        raise NotImplementedError\n    return ((input - target) ** 2).mean()\n",
        "    print('trying')\n    raise NotImplementedError\n",
        "    raise NotImplementedError('later')\n",
    ],
    ids=["one line", "called", "only the mean", "after a statement", "with words"],
)
def test_a_student_s_own_NotImplementedError_is_an_exception_of_theirs(grader, own, in_process):
    result = mse(grader, own, in_process=in_process)
    assert not result.parts[0].unwritten
    told = messages(result)
    assert told and not any("not written yet" in message for message in told)
    assert any("NotImplementedError" in message for message in told)


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        ("NotImplementedError", "this must raise a ValueError; yours raised NotImplementedError"),
        ("KeyError(reduction)", "this must raise a ValueError; yours raised KeyError: "),
        ("AssertionError", "this must raise a ValueError; yours raised AssertionError"),
    ],
)
def test_a_wrong_exception_is_told_beside_the_one_that_was_wanted(grader, raised, words):
    result = mse(grader, RIGHT.format(f"if reduction not in ('none', 'mean', 'sum'): raise {raised}"))
    told = [message for message in messages(result) if "yours returned a value" not in message]
    assert told
    for message in told:
        assert words in message
        assert "in mse_loss: if reduction not in" in message
