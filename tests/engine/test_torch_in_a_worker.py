"""What PyTorch's documentation names works in a guarded worker: each module is imported, and called in a typical way.

The guard hides sources of PyTorch; it must not break what has nothing to do with them. Exercise 06 forbids little, so
that all of it is there; in 03 and 05 the same must work but for what those forbid.
"""

import pytest
from nnkata.grader.engine import engine
from nnkata.grader.exercise import catalog
from nnkata.grader.model import GradingOptions
from nnkata.grader.submission import source

CALLS = {
    "amp": """
with torch.amp.autocast('cpu', dtype=torch.bfloat16): torch.ones(2,2) @ torch.ones(2,2)
""",
    "autograd.profiler": """
import torch.autograd.profiler as P
with P.profile() as p: torch.ones(2)+1
p.key_averages().table()
""",
    "autograd.anomaly_mode": """
with torch.autograd.detect_anomaly(): pass
with torch.autograd.set_detect_anomaly(True): torch.ones(2, requires_grad=True).sum().backward()
""",
    "autograd.graph": """
torch.autograd.graph.save_on_cpu
with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
    torch.ones(2, requires_grad=True).square().sum().backward()
""",
    "library": """
import torch.library
""",
    "distributions": """
import torch.distributions as D
D.Normal(0.,1.).sample((2,))
D.Categorical(torch.ones(3)).sample()
D.MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(torch.zeros(2))
D.kl_divergence(D.Normal(0.,1.), D.Normal(1.,1.))
""",
    "fft": """
import torch.fft
torch.fft.fft(torch.ones(4))
""",
    "linalg": """
import torch.linalg
torch.linalg.svd(torch.eye(3))
torch.linalg.norm(torch.ones(3))
torch.linalg.solve(torch.eye(2), torch.ones(2))
""",
    "special": """
import torch.special
torch.special.erf(torch.ones(2))
""",
    "sparse": """
torch.eye(3).to_sparse() @ torch.ones(3,1)
""",
    "nested": """
import torch.nested
torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
""",
    "masked": """
import torch.masked
torch.masked.masked_tensor(torch.ones(2), torch.tensor([True, False]))
""",
    "func": """
import torch.func
torch.func.functional_call(torch.nn.Flatten(), {}, (torch.ones(2,2),))
""",
    "func.stack_module_state": """
torch.func.stack_module_state([torch.nn.Linear(1,1)])
""",
    "fx": """
import torch.fx
class M(torch.nn.Module):
    def forward(self, x): return x + 1
torch.fx.symbolic_trace(M())
""",
    "hub": """
import torch.hub
torch.hub.get_dir()
""",
    "monitor": """
import torch.monitor
""",
    "overrides": """
import torch.overrides
torch.overrides.get_ignored_functions()
""",
    "package": """
import torch.package
""",
    "profiler": """
from torch.profiler import profile, record_function, schedule
with profile(schedule=schedule(wait=1, warmup=1, active=1)) as p:
    for i in range(4): torch.ones(2)+1; p.step()
""",
    "quasirandom": """
torch.quasirandom.SobolEngine(2).draw(3)
""",
    "random": """
with torch.random.fork_rng(): torch.rand(2)
torch.get_rng_state()
torch.seed()
torch.initial_seed()
""",
    "testing": """
torch.testing.assert_close(torch.ones(2), torch.ones(2))
torch.testing.make_tensor((2,), dtype=torch.float32, device='cpu')
""",
    "utils.benchmark": """
import torch.utils.benchmark as B
B.Timer('x+1', globals={'x': torch.ones(2)}).timeit(2)
""",
    "utils.checkpoint": """
from torch.utils.checkpoint import checkpoint
checkpoint(lambda x: x*2, torch.ones(2, requires_grad=True), use_reentrant=False).sum().backward()
checkpoint(lambda x: x*2, torch.ones(2, requires_grad=True), use_reentrant=True).sum().backward()
""",
    "utils.data": """
from torch.utils.data import *
d = TensorDataset(torch.arange(10.))
random_split(d, [7,3])
Subset(d,[1])
ConcatDataset([d,d])
list(DataLoader(d, sampler=WeightedRandomSampler(torch.ones(10), 10), batch_size=3))
list(DataLoader(d, shuffle=True, generator=torch.Generator().manual_seed(1)))
""",
    "utils.dlpack": """
from torch.utils.dlpack import to_dlpack, from_dlpack
from_dlpack(to_dlpack(torch.ones(2)))
""",
    "utils.model_zoo": """
import torch.utils.model_zoo
""",
    "utils.cpp_extension": """
import torch.utils.cpp_extension
""",
    "utils.flop_counter": """
from torch.utils.flop_counter import FlopCounterMode
with FlopCounterMode(display=False) as f: torch.ones(2,2)@torch.ones(2,2)
""",
    "nn.utils.prune": """
import torch.nn.utils.prune as prune
prune.l1_unstructured(torch.nn.Linear(2,2), 'weight', 0.5)
""",
    "nn.utils": """
from torch.nn.utils import parameters_to_vector, vector_to_parameters, skip_init
l = torch.nn.Linear(2,2)
vector_to_parameters(parameters_to_vector(l.parameters()), l.parameters())
""",
    "nn.utils.parametrize": """
import torch.nn.utils.parametrize as P
class A(torch.nn.Module):
    def forward(self, w): return w*2
l = torch.nn.Linear(2,2)
P.register_parametrization(l, 'weight', A())
l.weight
""",
    "nn.utils.parametrizations": """
from torch.nn.utils.parametrizations import weight_norm, spectral_norm, orthogonal
weight_norm(torch.nn.Linear(2,2))
spectral_norm(torch.nn.Linear(2,2))
orthogonal(torch.nn.Linear(2,2))
""",
    "nn.utils.rnn": """
from torch.nn.utils.rnn import pad_sequence, pack_sequence
pad_sequence([torch.ones(2), torch.ones(3)])
pack_sequence([torch.ones(3), torch.ones(2)])
""",
    "nn.utils.stateless": """
from torch.nn.utils.stateless import functional_call
""",
    "nn.utils.fusion": """
from torch.nn.utils.fusion import fuse_conv_bn_eval
""",
    "optim.swa_utils": """
from torch.optim.swa_utils import AveragedModel
AveragedModel(torch.nn.Flatten())
""",
    "optim.lr_scheduler": """
import torch.optim.lr_scheduler as S
""",
    "nn.attention": """
import torch.nn.attention
""",
    "multiprocessing": """
import torch.multiprocessing
""",
    "futures": """
import torch.futures
""",
    "jit": """
import torch.jit
""",
    "export": """
import torch.export
""",
    "onnx": """
import torch.onnx
""",
    "cuda": """
import torch.cuda.amp
torch.cuda.is_available()
torch.cuda.empty_cache()
torch.cuda.manual_seed(1)
torch.cuda.device_count()
""",
    "backends.mps": """
torch.backends.mps.is_available()
""",
    "xpu and accelerator": """
import torch.xpu
torch.xpu.is_available()
torch.accelerator.is_available()
""",
    "backends": """
import torch.backends.cudnn as cudnn
cudnn.benchmark = True
torch.backends.mkldnn.is_available()
torch.backends.mkldnn.flags
with torch.backends.mkldnn.flags(enabled=False): pass
""",
    "ao.quantization": """
import torch.ao.quantization
""",
    "distributed": """
import torch.distributed as dist
dist.is_available()
dist.is_initialized()
""",
    "nn.parallel": """
from torch.nn.parallel import DistributedDataParallel, DataParallel
DataParallel(torch.nn.Flatten())
""",
    "types": """
from torch.types import Number, Device
import torch.return_types
""",
    "storages": """
torch.ones(2).untyped_storage().nbytes()
""",
    "names and settings": """
torch.typename(torch.ones(2))
torch.is_tensor(1)
torch.__config__.show()
torch.__future__.set_overwrite_module_params_on_conversion(False)
""",
    "utils.collect_env": """
import torch.utils.collect_env
""",
    "utils.module_tracker": """
from torch.utils.module_tracker import ModuleTracker
""",
    "utils.hooks": """
from torch.utils.hooks import RemovableHandle
torch.nn.Flatten().register_forward_hook(lambda *a: None)
""",
    "utils.deterministic": """
torch.use_deterministic_algorithms(True)
torch.are_deterministic_algorithms_enabled()
torch.utils.deterministic.fill_uninitialized_memory = False
""",
    "matmul precision": """
torch.set_float32_matmul_precision('medium')
torch.get_float32_matmul_precision()
""",
    "functions": """
torch.einsum('ij,jk->ik', torch.ones(2,2), torch.ones(2,2))
torch.cdist(torch.ones(2,2), torch.ones(2,2))
torch.histc(torch.ones(3))
torch.bincount(torch.tensor([1,2]))
torch.unique(torch.tensor([1,2]))
torch.block_diag(torch.eye(2))
torch.meshgrid(torch.ones(2), torch.ones(2), indexing='ij')
torch.cartesian_prod(torch.ones(2), torch.ones(2))
torch.stft(torch.ones(64), 16, return_complex=True)
""",
    "autograd.forward_ad": """
import torch.autograd.forward_ad as fwAD
with fwAD.dual_level(): fwAD.unpack_dual(fwAD.make_dual(torch.ones(2), torch.ones(2)))
""",
    "autograd.functional": """
import torch.autograd.functional as AF
AF.jacobian(lambda x: x*2, torch.ones(2))
AF.hessian(lambda x: (x*x).sum(), torch.ones(2))
""",
    "autograd.gradcheck": """
torch.autograd.gradcheck(lambda x: x*x, torch.ones(2, dtype=torch.float64, requires_grad=True))
""",
    "func.vmap and grad": """
torch.vmap(lambda x: x*2)(torch.ones(3))
torch.func.grad(lambda x: (x*x).sum())(torch.ones(2))
""",
    "torchvision": """
from torchvision import transforms, utils, datasets
import torchvision.transforms as T
import torchvision.transforms.functional as TF
from torchvision.transforms import v2
from torchvision.utils import make_grid
make_grid(torch.ones(4,1,3,3))
T.Compose([T.Normalize(0.5,0.5), T.RandomHorizontalFlip()])(torch.ones(1,3,3))
v2.Compose([v2.RandomHorizontalFlip()])(torch.ones(1,3,3))
T.ToPILImage()(torch.ones(1,3,3))
T.RandomRotation(10)(torch.ones(1,3,3))
""",
    "optim.lr_scheduler steps": """
o = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1)
S = torch.optim.lr_scheduler
S.StepLR(o,1).step()
S.ReduceLROnPlateau(o).step(1.0)
S.CosineAnnealingWarmRestarts(o, 2).step()
""",
    "modes": """
with torch.inference_mode(): torch.ones(2)
@torch.no_grad()
def f(): pass
f()
with torch.device('cpu'): torch.ones(2)
""",
    "pickle": """
import pickle, copy
pickle.loads(pickle.dumps(torch.ones(2)))
copy.deepcopy(torch.nn.Linear(2,2))
""",
    "logging": """
import torch._logging
""",
    "nn": """
torch.nn.Linear(2,2)(torch.ones(1,2))
torch.nn.MultiheadAttention(4,2)
""",
    "compiler.disable": """
@torch.compiler.disable
def f(x): return x
""",
}

COLLECT = """
import torch
{solution}
for name, code in {calls!r}.items():
    try:
        exec(compile(code, "<call>", "exec"), dict(torch=torch, __name__="calls"))
    except BaseException as error:
        print(f"{{name}}: {{type(error).__name__}}: {{str(error)[:120]}}")
"""


@pytest.fixture(scope="module")
def grader():
    with engine.Engine() as running:
        running.warm_up()
        yield running


def failing(grader, exercise, calls):
    """The calls that fail in a worker of the exercise's first part, one after another, each with its error."""
    found = catalog.find(exercise)
    text = COLLECT.format(calls=calls, solution=found.solution.read_text("utf-8").replace("from __future__", "#"))
    options = GradingOptions(seed=3, parts=(found.parts[0].name,), training="none")
    result = grader.grade(engine.GradingRequest(found, source.from_bytes(found.module, text.encode()), options))
    assert result.status == "pass", result.tests[0].message
    return dict(line.split(": ", 1) for line in result.prints.splitlines())


def test_all_of_it_works_where_nothing_of_it_is_forbidden(grader):
    assert failing(grader, "06_training", CALLS) == {}


@pytest.mark.parametrize("exercise", ["03_losses", "05_optimizers"])
def test_elsewhere_it_works_but_for_what_the_exercise_forbids(grader, exercise):
    told = failing(grader, exercise, CALLS)
    assert all(error.startswith("Forbidden: may not call ") for error in told.values()), told
    assert len(told) <= 3


def test_control_what_a_worker_cannot_do_is_reported(grader):
    told = failing(grader, "06_training", {"program": "import os; os.fork()", "right": "torch.ones(2)"})
    assert list(told) == ["program"] and told["program"].startswith("PermissionError")
