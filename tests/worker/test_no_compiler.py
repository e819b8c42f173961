"""Optimizers and schedulers work without PyTorch's compiler, which is imported only for whoever asks it for more."""

import subprocess
import sys

import pytest

BEGIN = """
import sys, warnings
warnings.simplefilter("ignore")
import torch
from nnkata.grader.worker import no_compiler
no_compiler.install()

def loaded():
    # parts of the compiler itself: the stand-ins have no file
    return sorted(name for name, module in sys.modules.items()
                  if name.startswith(("torch._dynamo", "torch._inductor")) and getattr(module, "__file__", None))
"""

FRESH = "weight = torch.nn.Parameter(torch.ones(3))\n"
USES = {
    "optimizers": """
for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop"):
    before = weight.detach().clone()
    optimizer = getattr(torch.optim, name)([weight], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
    assert not torch.equal(before, weight), name
    optimizer.load_state_dict(optimizer.state_dict())
optimizer = torch.optim.LBFGS([weight])
def closure():
    optimizer.zero_grad()
    loss = (weight - 3).square().sum()
    loss.backward()
    return loss
optimizer.step(closure)
torch.testing.assert_close(weight.detach(), torch.full((3,), 3.0))
""",
    "schedulers": """
optimizer = torch.optim.SGD([weight], lr=1.0)
schedules = torch.optim.lr_scheduler
made = [schedules.StepLR(optimizer, 1, 0.5), schedules.CosineAnnealingLR(optimizer, 5),
        schedules.ExponentialLR(optimizer, 0.9),
        schedules.OneCycleLR(optimizer, 1.0, 10), schedules.LambdaLR(optimizer, lambda epoch: 0.5)]
for schedule in made:
    weight.sum().backward()
    optimizer.step()
    schedule.step()
assert optimizer.param_groups[0]["lr"] != 1.0
""",
    "own optimizers": """
class Plain(torch.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {"lr": 0.5})
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * p.grad
weight.sum().backward()
Plain([weight]).step()
assert weight.tolist() == [0.5] * 3
""",
    "networks": """
from torch import nn
net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
loss = nn.functional.cross_entropy(net(torch.rand(4, 1, 4, 4)), torch.tensor([0, 1, 2, 0]))
optimizer = torch.optim.Adam(net.parameters())
loss.backward()
nn.utils.clip_grad_norm_(net.parameters(), 1.0)
optimizer.step()
net.load_state_dict(net.state_dict())
""",
    "functional gradients": """
square = lambda x: (x * x).sum()
assert torch.func.grad(square)(weight).tolist() == [2.0] * 3
assert torch.func.vjp(square, weight)[1](torch.tensor(1.0))[0].tolist() == [2.0] * 3
assert torch.func.jacrev(square)(weight).tolist() == torch.func.jacfwd(square)(weight).tolist()
assert torch.func.jvp(square, (weight,), (torch.ones(3),))[1].item() == 6.0
assert torch.func.vmap(square)(torch.ones(2, 3)).tolist() == [3.0, 3.0]
""",
    "checkpoints": """
from torch.utils.checkpoint import checkpoint
checkpoint(lambda x: (x * x).sum(), weight, use_reentrant=False).backward()
assert weight.grad.tolist() == [2.0] * 3
""",
    "deterministic algorithms": """
torch.use_deterministic_algorithms(True)
assert torch.are_deterministic_algorithms_enabled()
torch.use_deterministic_algorithms(False)
""",
    "profilers": """
from torch.profiler import ProfilerActivity, profile, record_function, schedule
with profile(activities=[ProfilerActivity.CPU]) as profiler:
    with record_function("cube"):
        torch.ones(3).pow(3)
assert "cube" in profiler.key_averages().table()
with profile(schedule=schedule(wait=1, warmup=1, active=1)) as profiler:
    for _ in range(4):
        profiler.step()
""",
    "data loaders": """
from torch.utils.data import DataLoader, TensorDataset
assert len(list(DataLoader(TensorDataset(torch.ones(10, 2)), 4, shuffle=True))) == 3
""",
}


def run(code):
    told = subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr[-2_000:]
    return told.stdout


def test_what_students_use_works_and_never_imports_the_compiler():
    """In one fresh interpreter, use by use: each must leave the compiler out."""
    code = "".join(f"{FRESH}{use}\nassert not loaded(), ({name!r}, loaded()[:5])\n" for name, use in USES.items())
    run(code)


def test_without_the_stand_in_an_optimizer_would_import_the_compiler():
    """If this fails, PyTorch has changed, and the stand-in may go."""
    code = "import sys, torch\np = torch.nn.Parameter(torch.ones(1))\np.sum().backward()\ntorch.optim.SGD([p]).step()\n"
    told = subprocess.run(
        [sys.executable, "-c", code + "print('torch._dynamo' in sys.modules)"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert told.stdout.strip() == "True"


def test_whoever_asks_for_more_gets_the_real_compiler():
    said = run("import torch._dynamo\nprint(callable(torch._dynamo.explain), bool(loaded()))")
    assert said.split() == ["True", "True"]


@pytest.mark.parametrize("package", ["torch._dynamo", "torch._inductor"])
def test_the_stand_ins_stay_where_the_real_compiler_cannot_be_imported(package):
    code = f"""
class Refusing:
    def find_spec(self, name, *_):
        if name == "{package}.config_utils" or name == "torch._dynamo.convert_frame":
            raise PermissionError(13, "Permission denied", name)
sys.meta_path.insert(0, Refusing())
before = sys.modules["torch._dynamo"], sys.modules["torch._inductor"]
for module in ("torch._dynamo.convert_frame", "{package}.config_utils"):
    try:
        __import__(module)
    except PermissionError:
        print("refused")
assert before == (sys.modules["torch._dynamo"], sys.modules["torch._inductor"]) == (torch._dynamo, torch._inductor)
torch.use_deterministic_algorithms(True)
weight = torch.nn.Parameter(torch.ones(3))
weight.sum().backward()
torch.optim.SGD([weight]).step()
assert not loaded()
"""
    assert run(code).split() == ["refused"] * 2


def test_installing_twice_changes_nothing():
    assert (
        run("one = sys.modules['torch._dynamo']\nno_compiler.install()\nprint(sys.modules['torch._dynamo'] is one)")
        == "True\n"
    )


@pytest.mark.parametrize("attribute", ["__wrapped__", "__nothing__"])
def test_questions_that_python_asks_of_any_module_import_nothing(attribute):
    import torch
    from nnkata.grader.worker import no_compiler

    no_compiler.install()
    if getattr(torch._dynamo, "__file__", None):
        pytest.skip("the real compiler is here already")
    assert not hasattr(torch._dynamo, attribute)
    assert getattr(torch._dynamo, "__file__", None) is None
