"""The fork server: templates with one guard each, and the workers that they fork."""

import time

import psutil
import pytest
from nnkata.grader.errors import SandboxError
from nnkata.grader.exercise import catalog
from nnkata.grader.sandbox import fork_client
from nnkata.grader.sandbox.worker_handle import Defences, Worker

CONFIG = {"file": "x.py", "module": "x", "forbidden": ["activations"], "probes": "def one(impl):\n    return 1\n"}
LIMITS = catalog.find("01").limits


@pytest.fixture
def server():
    running = fork_client.Server(catalog.hidden())
    yield running
    running.close()


def templates(server):
    return psutil.Process(server.process.pid).children()


def wait_for_the_end_of(pid):
    until = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_workers_with_one_guard_are_forked_from_one_template_that_was_prepared(server):
    exercise = catalog.find("04")
    began = time.monotonic()
    server.prepare(exercise)
    assert time.monotonic() - began < 0.5  # torch takes longer
    sets = {part.forbidden for part in exercise.parts}
    workers = [Worker(server, exercise.limits, {**CONFIG, "forbidden": list(names)}) for names in (*sets, *sets)]
    assert len(templates(server)) == len(sets) > 1
    assert sorted(len(template.children()) for template in templates(server)) == [2] * len(sets)
    for worker in workers:
        worker.load("")
        assert worker.answer(worker.ask("one", [], {}, "cpu", 10.0))["value"] == 1
        worker.kill()
    assert not any(template.children() for template in templates(server))


def test_other_defences_have_another_template(server):
    whole = Worker(server, LIMITS, CONFIG)
    less = Worker(server, LIMITS, CONFIG, Defences(landlock=False))
    assert (whole.confinement, less.confinement) == ("landlock+seccomp", "seccomp")
    assert len(templates(server)) == 2
    whole.kill()
    less.kill()


def test_a_guard_that_cannot_be_put_in_place_is_an_error_of_ours(server):
    with pytest.raises(SandboxError, match=r"could not be guarded: .*nobody-knows-it"):
        Worker(server, LIMITS, {**CONFIG, "forbidden": ["nobody-knows-it"]})
    Worker(server, LIMITS, CONFIG).kill()


def test_a_template_that_died_is_an_error_once_and_then_replaced(server):
    Worker(server, LIMITS, CONFIG).kill()
    (template,) = templates(server)
    template.kill()
    with pytest.raises(SandboxError, match="server"):
        Worker(server, LIMITS, CONFIG)
    Worker(server, LIMITS, CONFIG).kill()


def test_a_worker_whose_template_died_is_no_failure_of_the_submission(server):
    worker = Worker(server, LIMITS, CONFIG)
    worker.load("")
    (template,) = templates(server)
    template.kill()
    wait_for_the_end_of(worker.process.pid)
    with pytest.raises(SandboxError, match="server"):
        worker.answer(worker.ask("one", [], {}, "cpu", 10.0))


def test_nothing_of_a_closed_server_is_left(server):
    worker = Worker(server, LIMITS, CONFIG)
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert len(family) == 2
    server.close()
    for process in family:
        wait_for_the_end_of(process.pid)
    worker.channel.close()
