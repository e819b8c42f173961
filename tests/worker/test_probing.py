"""A probe's run: what it reports meanwhile and what it prints reach whoever ran it, and nobody else."""

import contextlib
import io
import sys

import pytest
from nnkata.grader.worker import probing, training_probes

PROBES = """
def trains(impl, epochs):
    for epoch in range(epochs):
        report(epoch=epoch)
    return impl.answer()
"""


def run(answer, **options):
    probe = probing.load_probes(PROBES)["trains"]
    return probing.run(probing.Implementation({"answer": answer}), probe, [2], {}, "<x.py>", **options)


def test_progress_reaches_whoever_runs_the_probe_and_ends_with_the_run():
    numbers = []
    outcome = run(lambda: 7, on_progress=lambda **given: numbers.append(given))
    assert outcome == {"value": 7, "prints": ""}
    assert numbers == [{"epoch": 0}, {"epoch": 1}]
    probing.report(epoch=2)
    assert run(lambda: 7)["value"] == 7
    assert len(numbers) == 2


def test_progress_ends_with_a_run_that_failed():
    numbers = []
    outcome = run(lambda: 1 / 0, on_progress=lambda **given: numbers.append(given))
    assert outcome["failure"]["type"] == "ZeroDivisionError"
    probing.report(epoch=2)
    assert len(numbers) == 2


def test_the_progress_of_a_run_inside_of_another_is_its_own():
    outer, inner = [], []

    def answer():
        run(lambda: 1, on_progress=lambda **given: inner.append(given))
        probing.report(epoch="after")
        return 2

    assert run(answer, on_progress=lambda **given: outer.append(given))["value"] == 2
    assert len(inner) == 2
    assert outer == [{"epoch": 0}, {"epoch": 1}, {"epoch": "after"}]


def test_prints_are_captured_and_cut_short():
    outcome = run(lambda: print("x" * 5_000))
    assert outcome["prints"] == "x" * 4_000 + "\n… and 1,001 characters more"


@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
def test_prints_are_shown_to_who_debugs_even_where_the_streams_were_replaced_since(fails):
    terminal, pytests = io.StringIO(), io.StringIO()

    def answer():
        print("a student's print")
        print("an error", file=sys.stderr)
        return 1 / 0 if fails else 1

    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(terminal))
        stack.enter_context(contextlib.redirect_stderr(terminal))
        stack.enter_context(probing.prints_shown())
        stack.enter_context(contextlib.redirect_stdout(pytests))
        outcome = run(answer)
        print("the grader's own")
    assert ("failure" in outcome) is fails
    assert outcome["prints"] == ""
    assert terminal.getvalue() == "a student's print\nan error\n"
    assert pytests.getvalue() == "the grader's own\n"
    assert run(lambda: print("captured again"))["prints"] == "captured again\n"


def test_what_a_probe_is_given_is_no_probe():
    assert set(probing.load_probes(PROBES)) == {"call", "gradient", "trains", *training_probes.PROBES}


def test_a_probe_of_an_exercises_own_comes_before_a_shared_one_of_its_name():
    assert "trained" in training_probes.PROBES
    assert probing.load_probes("def trained(impl):\n    return 'mine'\n")["trained"](None) == "mine"
