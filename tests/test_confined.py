"""A student in confined workers: what cannot be loaded is found out once, whatever the parts may not call."""

import dataclasses
import hashlib
import time

import pytest
from nnkata.grader import catalog, forkserver
from nnkata.grader.confined import Confined
from nnkata.grader.source import Submission


@pytest.fixture(scope="module")
def server():
    found = forkserver.workers(catalog.hidden())
    found.ready()
    yield found
    found.close()


def student(server, text, **limits):
    autograd = catalog.find("autograd")
    submission = Submission("autograd.py", text, hashlib.sha256(text.encode()).hexdigest())
    return Confined(server, autograd, submission, dataclasses.replace(autograd.limits, **limits))


def test_a_file_that_never_finishes_loading_costs_its_limit_once(server):
    tested = student(server, "while True:\n    pass\n", import_seconds=1.0)
    began = time.monotonic()
    parts = list(tested.exercise.parts)
    assert len({part.forbidden for part in parts}) > 1  # so that they need several workers
    for part in parts:
        answer = tested.run(part.name, "call", [part.name], {}, "cpu")
        assert answer.failure is not None and answer.failure.kind == "timeout"
    assert time.monotonic() - began < 2.5
    tested.close()


def test_parts_with_other_guards_have_workers_of_their_own(server):
    names = ("numerical_gradient", "LinearFunction")
    tested = student(
        server, "def numerical_gradient(*args):\n    return 1.5\n\n\nLinearFunction = numerical_gradient\n"
    )
    for part in names:
        assert tested.run(part, "call", [part], {}, "cpu").value is not None
    assert len(tested.workers) == len({tested.exercise.part(name).forbidden for name in names})
    tested.close()
