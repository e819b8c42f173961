"""Stubs are made from solutions: what students write is taken out, all else stays as it is."""

import ast

import pytest
from nnkata.grader.errors import ContentError
from nnkata.grader.exercise import catalog
from nnkata.grader.exercise.stub import Span, make_stub, span_of

SOLUTION = '''"""A module."""

import torch

### BEGIN SOLUTION


def helper(x):
    return x


### END SOLUTION


def twice(x):
    """Doubles."""
    ### BEGIN SOLUTION
    y = helper(x)
    return 2 * y
    ### END SOLUTION


class Layer:
    def given(self):
        return 1

    def own(self):
        if self.given():
            ### BEGIN SOLUTION
            return 2
            ### END SOLUTION
'''

STUB = '''"""A module."""

import torch


def twice(x):
    """Doubles."""
    # YOUR CODE HERE
    raise NotImplementedError


class Layer:
    def given(self):
        return 1

    def own(self):
        if self.given():
            # YOUR CODE HERE
            raise NotImplementedError
'''


def test_regions_inside_become_places_to_write_and_helpers_go_without_trace():
    assert make_stub(SOLUTION) == STUB


def test_a_source_without_regions_stays_as_it_is():
    assert make_stub(STUB) == STUB


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def f():\n    ### BEGIN SOLUTION\n    pass\n", "never ends"),
        ("def f():\n    pass\n    ### END SOLUTION\n", "s.py:3"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION\n", "s.py:2"),
    ],
)
def test_markers_that_do_not_pair_up_are_told_with_their_place(source, line):
    with pytest.raises(ContentError, match=line):
        make_stub(source, "s.py")


@pytest.mark.parametrize("name", catalog.ids())
def test_every_exercise_hands_out_the_stub_of_its_solution(name):
    exercise = catalog.find(name)
    text = make_stub(exercise.solution.read_text("utf-8"))
    assert exercise.stub.read_text("utf-8") == text
    ast.parse(text)
    assert "SOLUTION" not in text and "NotImplementedError" in text
    assert all(span_of(text, part.name) for part in exercise.parts)


def test_a_part_is_found_with_its_decorators_to_its_last_line():
    source = (
        "import a\n\n@a.b\n@a.c\ndef f(\n    x,\n):\n    return (\n        x\n    )\n\nclass C:\n    def f(self): ...\n"
    )
    assert span_of(source, "f") == Span(2, 10)
    assert span_of(source, "C") == Span(11, 13)
    assert span_of(source, "g") is None


def test_only_the_top_level_is_searched_for_a_part():
    assert span_of("class C:\n    def f(self): ...\n", "f") is None


def test_a_source_that_does_not_parse_says_so():
    with pytest.raises(SyntaxError):
        span_of("def f(:", "f")
