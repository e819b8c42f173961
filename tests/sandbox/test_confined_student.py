"""A student in confined workers: what cannot be loaded is found out once, whatever the parts may not call."""

import dataclasses
import hashlib
import time

import pytest
import torch
from nnkata.grader.exercise import catalog
from nnkata.grader.sandbox import fork_client
from nnkata.grader.sandbox.confined_student import ConfinedStudent
from nnkata.grader.submission.source import Submission


@pytest.fixture(scope="module")
def server():
    found = fork_client.start_server(catalog.private_roots())
    found.ready()
    yield found
    found.close()


def student(server, text, **limits):
    autograd = catalog.find("autograd")
    submission = Submission("autograd.py", text, hashlib.sha256(text.encode()).hexdigest())
    return ConfinedStudent(server, autograd, submission, dataclasses.replace(autograd.limits, **limits))


def test_a_file_that_never_finishes_loading_costs_its_limit_once(server):
    tested = student(server, "while True:\n    pass\n", import_seconds=1.0)
    began = time.monotonic()
    parts = list(tested.exercise.parts)
    assert len({part.forbidden for part in parts}) > 1  # so that they need several workers
    for part in parts:
        answer = tested.ask(part.name, "call", [part.name], {}, "cpu")()
        assert answer.failure is not None and answer.failure.kind == "timeout"
    assert time.monotonic() - began < 2.5
    tested.close()


def test_parts_with_other_guards_have_workers_of_their_own(server):
    names = ("numerical_gradient", "LinearFunction")
    tested = student(
        server, "def numerical_gradient(*args):\n    return 1.5\n\n\nLinearFunction = numerical_gradient\n"
    )
    for part in names:
        assert tested.ask(part, "call", [part], {}, "cpu")().value is not None
    assert len(tested.workers) == len({tested.exercise.part(name).forbidden for name in names})
    tested.close()


# -- questions asked ahead of the answers ------------------------------------------------------------------------------


def asked(tested, *args, part="numerical_gradient"):
    return tested.ask(part, "call", [part, *args], {}, "cpu")


def test_answers_come_to_their_questions_whatever_is_looked_at_first(server):
    tested = student(server, "def numerical_gradient(x):\n    return x + 1\n")
    answers = [asked(tested, number) for number in range(20)]
    for number in (7, 3, 19, 0):
        assert answers[number]().value["result"] == number + 1
    tested.cancel_pending()
    assert asked(tested, 40)().value["result"] == 41
    tested.close()


def test_questions_and_answers_larger_than_any_buffer_block_nobody(server):
    tested = student(server, "def numerical_gradient(x):\n    return x.repeat(4)\n")
    large = torch.arange(200_000.0)
    answers = [asked(tested, large + number) for number in range(6)]
    for number, answer in enumerate(answers):
        assert torch.equal(answer().value["result"], (large + number).repeat(4))
    tested.close()


@pytest.mark.parametrize(
    ("ending", "kind"), [("import os; os._exit(0)", "crash"), ("while True: pass", "timeout")], ids=["exit", "loop"]
)
@pytest.mark.parametrize("size", [1, 100_000], ids=["small", "large"])
def test_what_ends_a_process_is_the_failure_of_the_question_that_did_it(server, ending, kind, size):
    code = f"def numerical_gradient(x):\n    if x[0] == 2:\n        {ending}\n    return x\n"
    tested = student(server, code, call_seconds=1.0)
    answers = [asked(tested, torch.full((size,), float(number))) for number in range(5)]
    found = [answer() for answer in answers[:3]]
    assert [one.failure and one.failure.kind for one in found] == [None, None, kind]
    tested.cancel_pending()
    assert asked(tested, torch.zeros(1))().failure is None  # the next test has a worker again
    tested.close()


def test_a_process_that_is_busy_with_what_nobody_wants_to_know_is_replaced(server):
    code = "calls = []\ndef numerical_gradient(x):\n    calls.append(x)\n    while x: pass\n    return len(calls)\n"
    tested = student(server, code, call_seconds=30.0)
    first, _ = asked(tested, 0), asked(tested, 1)
    assert first().value["result"] == 1
    began = time.monotonic()
    tested.cancel_pending()
    assert asked(tested, 0)().value["result"] == 1  # in a process of its own
    assert time.monotonic() - began < 3.0
    tested.close()


def test_time_that_a_question_waits_for_others_is_not_its_own(server):
    tested = student(
        server, "import time\ndef numerical_gradient(x):\n    time.sleep(0.6)\n    return x\n", call_seconds=1.0
    )
    answers = [asked(tested, number) for number in range(4)]
    assert [answer().failure for answer in answers] == [None] * 4
    tested.close()


def test_an_answer_that_waits_for_a_slow_grader_is_in_time(server):
    tested = student(server, "def numerical_gradient(x):\n    return x\n", call_seconds=0.5)
    answer = asked(tested, 3)
    time.sleep(0.8)
    assert answer().value["result"] == 3
    tested.close()


FLOOD = """
import json, os, struct

def numerical_gradient(x):
    for number in range(1, 5):
        items = {"id": number, "progress": {"$": "dict", "items": {"epoch": 1}}}
        header = json.dumps({"$": "dict", "items": items}).encode()
        frame = struct.pack("<4sIQ", b"NNK1", len(header), 0) + header
        if x == number:
            while True:
                for fd in range(3, 16):
                    try:
                        os.write(fd, frame)
                    except OSError:
                        pass
    return x
"""


def test_endless_progress_ends_with_the_time_for_the_question(server):
    told = []
    tested = student(server, FLOOD, call_seconds=1.0)
    tested.on_progress = told.append
    began = time.monotonic()
    answers = [asked(tested, number) for number in (0, 2)]
    assert answers[0]().failure is None
    failure = answers[1]().failure
    assert failure is not None and failure.kind == "timeout"
    assert told and time.monotonic() - began < 5.0
    tested.close()


@pytest.mark.parametrize(
    "code",
    [
        "return float(len(torch.broadcast_shapes((2, 1), (1, 3))))",  # imports sympy, which asks for a word's size
        "return torch.func.jvp(torch.exp, (x * 0,), (x,))[1]",
        "return checkpoint(torch.abs, x, use_reentrant=False)",
        "return torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2)).mean.sum() + 2",
    ],
)
def test_what_torch_imports_late_works_in_a_worker(server, code):
    text = f"import torch\nfrom torch.utils.checkpoint import checkpoint\n\ndef mse_loss(x):\n    {code}\n"
    tested = ConfinedStudent(
        server, catalog.find("losses"), Submission("losses.py", text, ""), catalog.find("losses").limits
    )
    answer = asked(tested, torch.tensor(2.0), part="mse_loss")()
    assert answer.failure is None
    assert float(answer.value["result"]) == 2.0
    tested.close()
