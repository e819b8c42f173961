"""Hidden tests are collected once, run again and again, and what goes wrong while they are collected is raised."""

import ast
from collections import Counter
from pathlib import Path

import pytest
from nnkata.grader.errors import ContentError
from nnkata.grader.exercise import catalog, content
from nnkata.grader.judge import hidden_tests
from nnkata.grader.judge.hidden_tests import run_hidden_tests
from nnkata.grader.judge.trial import Local, Trial

GRADER = Path(hidden_tests.__file__).parents[1]


def trial_of(**options):
    exercise = catalog.find("02_activations")
    return Trial(exercise, Local(exercise, content.reference(exercise)), 3, **options)


@pytest.fixture
def collections(monkeypatch):
    """How many times pytest has collected; nothing is known beforehand."""
    counted = []
    main = pytest.main
    monkeypatch.setattr(hidden_tests, "_collected", type(hidden_tests._collected)())
    monkeypatch.setattr(pytest, "main", lambda *args, **options: [counted.append(1), main(*args, **options)])
    return counted


def test_tests_are_collected_once_and_run_again(collections):
    first, second = run_hidden_tests(trial_of()), run_hidden_tests(trial_of())
    assert [verdict.id for verdict in first.verdicts] == [verdict.id for verdict in second.verdicts]
    assert Counter(verdict.status for verdict in second.verdicts) == {"pass": len(second.verdicts)}
    assert first.verdicts and len(collections) == 1


def test_parts_that_are_asked_for_later_are_there(collections):
    run_hidden_tests(trial_of(only=frozenset({"relu"})))
    assert {verdict.part for verdict in run_hidden_tests(trial_of(only=frozenset({"gelu"}))).verdicts} == {"gelu"}
    assert len(collections) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, ContentError])
def test_what_ends_the_collection_is_raised(collections, monkeypatch, error):
    def end(*_):
        raise error("now")

    monkeypatch.setattr(hidden_tests.JudgePlugin, "is_selected", end)
    with pytest.raises(error):
        run_hidden_tests(trial_of())


def test_what_a_hidden_test_prints_is_not_shown(capsys, monkeypatch):
    monkeypatch.setattr(hidden_tests.JudgePlugin, "is_selected", lambda *_: print("here") or True)
    run_hidden_tests(trial_of())
    assert capsys.readouterr() == ("", "")


def test_nothing_of_pytest_is_used_but_what_it_documents():
    private = {
        (file.name, node.lineno)
        for file in GRADER.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "_pytest")
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "_pytest" for alias in node.names))
    }
    assert not private
