"""The process-wide state of torch is set by two functions and by nothing else, in the grader and in its workers."""

import json
import subprocess
import sys

import pytest
from nnkata.grader.worker.worker_config import TemplateConfig, WorkerConfig

STATE = """
import json, signal, sys, torch
from nnkata.grader.worker import process_setup, wire, guard, no_compiler, torchvision_compat, worker
from nnkata.grader.worker.worker_config import TemplateConfig

torch.set_num_threads(2)
def state():
    stand_in = "torch._dynamo" in sys.modules and not getattr(sys.modules["torch._dynamo"], "__file__", None)
    operators = torchvision_compat._libraries or any("torchvision" in path for path in torch.ops.loaded_libraries)
    return {"threads": torch.get_num_threads(), "compiler left out": stand_in, "torchvision": bool(operators),
            "ctrl-c ignored": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
            "seeded": torch.initial_seed() == 0}
"""
AT_FIRST = {
    "threads": 2,
    "compiler left out": False,
    "torchvision": False,
    "ctrl-c ignored": False,
    "seeded": False,
}


def state_after(code):
    """What a fresh process's state is when the code has run in it."""
    text = f"{STATE}\n{code}\nprint(json.dumps(state()))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("", {}),  # importing all of these sets nothing
        ("process_setup.prepare_torch()", {"threads": 1, "compiler left out": True}),
        (
            "process_setup.prepare_torch(threads=3, torchvision=True)",
            {"threads": 3, "compiler left out": True, "torchvision": True},
        ),
        (
            "process_setup.configure_process(TemplateConfig())",
            {"threads": 1, "ctrl-c ignored": True, "seeded": True},
        ),
    ],
    ids=["imports", "grader", "server", "template"],
)
def test_a_process_has_what_was_asked_for_and_nothing_else(code, changes):
    assert state_after(code) == {**AT_FIRST, **changes}


@pytest.mark.parametrize("calls", [True, False])
def test_the_guard_is_put_in_place_as_configured(calls):
    code = f"""
process_setup.configure_process(TemplateConfig(forbidden=("softmax",), guard_calls={calls}, guard_operators=False))
try:
    torch.softmax(torch.ones(2), 0)
    refused = False
except guard.Forbidden:
    refused = True
state = lambda: refused
"""
    assert state_after(code) is calls


def test_a_configuration_survives_its_way_to_the_worker():
    template = TemplateConfig(forbidden=("softmax", "losses"), guard_calls=False, seccomp=False, threads=2, gpu=True)
    config = WorkerConfig(template=template, file="a.py", module="a", probes="x = 1\n", memory_mb=7, cpu_seconds=9)
    arrived = WorkerConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert arrived == config and hash(arrived) == hash(config)  # a template is found by its configuration
