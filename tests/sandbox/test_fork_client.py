"""The fork server: templates with one guard each, and the workers that they fork."""

import time
from dataclasses import replace

import psutil
import pytest
from nnkata.grader.errors import SandboxError
from nnkata.grader.exercise import catalog
from nnkata.grader.sandbox import fork_client
from nnkata.grader.sandbox.worker_handle import Worker
from nnkata.grader.worker.worker_config import TemplateConfig, WorkerConfig

TEMPLATE = TemplateConfig(forbidden=("activations",))
CONFIG = WorkerConfig(
    template=TEMPLATE,
    file="x.py",
    module="x",
    probes="def one(impl):\n    return 1\n",
    memory_mb=2048,
    cpu_seconds=100,
)


@pytest.fixture
def server():
    running = fork_client.ForkServer(catalog.private_roots())
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
    threads = exercise.limits.threads
    configs = [replace(CONFIG, template=TemplateConfig(forbidden=names, threads=threads)) for names in (*sets, *sets)]
    workers = [Worker(server, config) for config in configs]
    assert len(templates(server)) == len(sets) > 1
    assert sorted(len(template.children()) for template in templates(server)) == [2] * len(sets)
    for worker in workers:
        worker.load("", 10.0)
        assert worker.reply_to(worker.ask("one", [], {}, "cpu", 10.0))["value"] == 1
        worker.kill()
    assert not any(template.children() for template in templates(server))


def test_other_defences_have_another_template(server):
    whole = Worker(server, CONFIG)
    less = Worker(server, replace(CONFIG, template=replace(TEMPLATE, landlock=False)))
    assert (whole.confinement, less.confinement) == ("landlock+seccomp", "seccomp")
    assert len(templates(server)) == 2
    whole.kill()
    less.kill()


def test_a_guard_that_cannot_be_put_in_place_is_an_error_of_ours(server):
    with pytest.raises(SandboxError, match=r"could not be guarded: .*nobody-knows-it"):
        Worker(server, replace(CONFIG, template=TemplateConfig(forbidden=("nobody-knows-it",))))
    Worker(server, CONFIG).kill()


def test_a_template_that_died_is_an_error_once_and_then_replaced(server):
    Worker(server, CONFIG).kill()
    (template,) = templates(server)
    template.kill()
    with pytest.raises(SandboxError, match="server"):
        Worker(server, CONFIG)
    Worker(server, CONFIG).kill()


def test_a_worker_whose_template_died_is_no_failure_of_the_submission(server):
    worker = Worker(server, CONFIG)
    worker.load("", 10.0)
    (template,) = templates(server)
    template.kill()
    wait_for_the_end_of(worker.process.pid)
    with pytest.raises(SandboxError, match="server"):
        worker.reply_to(worker.ask("one", [], {}, "cpu", 10.0))


def test_nothing_of_a_closed_server_is_left(server):
    worker = Worker(server, CONFIG)
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert len(family) == 2
    server.close()
    for process in family:
        wait_for_the_end_of(process.pid)
    worker.channel.close()
