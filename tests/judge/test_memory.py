"""What a submission answers is kept for the diagnosis within a budget, and so are replays between submissions."""

import pytest
import torch
from nnkata.grader.engine.diagnose import diagnose
from nnkata.grader.engine.engine import Engine, GradingRequest
from nnkata.grader.exercise import catalog, content
from nnkata.grader.judge import trial as trials
from nnkata.grader.judge.hidden_tests import run_hidden_tests
from nnkata.grader.judge.run_cache import RunCache, bytes_of
from nnkata.grader.judge.trial import Local, Trial
from nnkata.grader.model import GradingOptions, Opaque, Outcome
from nnkata.grader.submission.reading import FileBytes

LOSSES = catalog.find("03_losses")


def huge(*args, **options):
    return torch.zeros(4_000_000)


def test_huge_wrong_answers_are_not_all_kept():
    namespace = {**content.reference(LOSSES), **{part.name: huge for part in LOSSES.parts}}
    trial = run_hidden_tests(Trial(LOSSES, Local(LOSSES, namespace), 3))
    assert diagnose(trial) == {}
    assert sum(case.wrong for case in trial.transcript) > 100
    assert sum(bytes_of(case.answer) for case in trial.transcript) <= trials.MAX_KEPT_BYTES
    assert any(isinstance(case.answer.value, Opaque) for case in trial.transcript)


def test_what_an_honest_submission_answers_is_all_kept():
    trial = run_hidden_tests(Trial(LOSSES, Local(LOSSES, content.reference(LOSSES)), 3))
    assert not any(isinstance(case.answer.value, Opaque) for case in trial.transcript)


def test_an_answer_far_larger_than_its_question_is_refused_and_the_next_submission_graded():
    text = b"import torch\n\ndef mse_loss(input, target, reduction='mean'):\n    return torch.zeros(SIZE)\n"
    options = GradingOptions(seed=3, parts=("mse_loss",))
    with Engine() as engine:
        huge, large = (
            engine.grade(GradingRequest(LOSSES, FileBytes("losses.py", text.replace(b"SIZE", size)), options))
            for size in (b"15_900_000", b"100_000")
        )
        honest = engine.grade(GradingRequest(LOSSES, FileBytes("losses.py", LOSSES.solution.read_bytes()), options))
    assert "63,600" in huge.tests[0].message and all("not run" in test.message for test in huge.tests[1:])
    assert "has the shape (100000,)" in large.tests[0].message
    assert (huge.score, large.score, honest.status) == (0.0, 0.0, "pass")


@pytest.fixture
def cache():
    return RunCache[Outcome](max_bytes=1000)


def ask(cache, question, seed=1, size=10):
    asked = []

    def compute():
        asked.append(question)
        return Outcome({"result": [torch.zeros(size, dtype=torch.uint8)]})

    cache.get((LOSSES, seed), question, compute)
    return bool(asked)


def test_an_answer_is_computed_once_in_a_run(cache):
    assert ask(cache, "a") and not ask(cache, "a") and ask(cache, "b")
    assert ask(cache, "a", seed=2) and ask(cache, "a", seed=1)


def test_a_cache_that_is_full_begins_anew(cache):
    assert ask(cache, "a", size=900) and not ask(cache, "a")
    assert ask(cache, "b", size=900)
    assert ask(cache, "a")
