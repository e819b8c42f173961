"""Each group of built-ins refuses on every road that leads to it, and what is allowed works as ever.

The guard cannot be undone in a process, so each group is tried in a fork of one fresh interpreter, three times: with
both layers, with the calls alone and with the operators alone.
"""

import json
import os
import subprocess
import sys

import pytest
from nnkata.grader.worker.forbidden import GROUPS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")

PREPARED = """
import copy, functools, json, os, sys, warnings
warnings.simplefilter("ignore")
import torch, torch.nn as nn, torch.nn.functional as F
from nnkata.grader.worker import guard, no_compiler, torchvision_compat
no_compiler.install()
torchvision_compat.prepare()
torch.set_num_threads(1)
from torch.nn.functional import (conv2d, cross_entropy, dropout, layer_norm, linear, max_pool2d, mse_loss, nll_loss,
                                 relu, softmax)
from torch import sigmoid, conv2d as tconv, log_softmax, batch_norm
from torch.nn import Linear, ReLU, Softmax, MSELoss, Conv2d, MaxPool2d, BatchNorm1d, Dropout
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, Adam
from torch.autograd import grad
from torch.autograd.functional import jacobian
aten = torch.ops.aten
kept_method = torch.Tensor.softmax
kept_backward = torch.Tensor.backward
early = functools.partial(softmax, dim=0)
made = {"linear": nn.Linear(3, 2), "relu": nn.ReLU(), "bn": nn.BatchNorm1d(3), "conv": nn.Conv2d(1, 1, 2),
        "mse": nn.MSELoss(),
        "drop": nn.Dropout(), "pool": nn.MaxPool2d(2), "soft": nn.Softmax(0)}

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        return 2 * ctx.saved_tensors[0] * g

class Plain(torch.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {"lr": 0.1})
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * p.grad

def tried(group, layers, roads):
    guard.install((group,), **layers)
    told = {}
    for road in roads:
        x, y, w = torch.rand(4, 3) + 0.1, torch.tensor([0, 2, 1, 1]), torch.rand(2, 3)
        g, image = x.clone().requires_grad_(), torch.rand(1, 1, 4, 4)
        double = torch.rand(2, dtype=torch.float64, requires_grad=True)
        try:
            exec(road, {**globals(), **locals()})
            told[road] = "worked"
        except BaseException as error:
            told[road] = type(error).__name__ + ": " + str(error)[:300]
    return told

answers = []
for group, layers, roads in json.loads(sys.stdin.read()):
    read, write = os.pipe()
    if os.fork() == 0:
        with os.fdopen(write, "w") as out:
            json.dump(tried(group, layers, roads), out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        answers.append(json.loads(said.read()))
    os.wait()
print(json.dumps(answers))
"""

REFUSES = {
    "linear": [
        "F.linear(x, w)", "linear(x, w)", "nn.Linear(3, 2)(x)", "Linear(3, 2)", "made['linear'](x)",
        "aten.linear(x, w)",
        "torch._C._nn.linear(x, w)", "nn.Bilinear(3, 3, 2)(x, x)", "nn.LSTM(3, 3)(x)", "nn.Identity()",
        "F.scaled_dot_product_attention(x[None], x[None], x[None])", "nn.LazyLinear(2)(x)",
        "class L(nn.Linear): pass\nL(3, 2)(x)", "getattr(F, 'lin' + 'ear')(x, w)",
        "sys.modules['torch.nn.functional'].linear(x, w)",
    ],
    "activations": [
        "F.relu(x)", "x.relu()", "torch.relu(x)", "x.relu_()", "relu(x)", "nn.ReLU()(x)", "made['relu'](x)",
        "sigmoid(x)",
        "nn.Sequential(nn.Sigmoid())(x)", "torch.special.expit(x)", "aten.sigmoid(x)", "F.gelu(x)", "x.tanh()",
        "F.softmax(x, 0)",
        "torch.logsumexp(x, 0)", "F.leaky_relu(x)", "F.elu(x)", "F.silu(x)", "torch._C._nn.gelu(x)", "nn.GELU()(x)",
        "torch._foreach_sigmoid([x])", "kept_method(x, 0)", "torch.threshold(x, 0.5, 0.0)", "nn.Hardtanh()(x)",
        "F.logsigmoid(x)",
    ],
    "softmax": [
        "F.softmax(x, 0)", "softmax(x, 0)", "x.softmax(0)", "torch.softmax(x, 0)", "torch.log_softmax(x, 0)",
        "log_softmax(x, 0)",
        "nn.Softmax(0)(x)", "made['soft'](x)", "torch.special.softmax(x, 0)", "aten._softmax(x, 0, False)", "early(x)",
        "torch.softmax(x, 0, dtype=torch.float64)", "torch._softmax(x, 0, False)", "kept_method(x, 0)",
        "F.softmin(x, 0)",
        "F.scaled_dot_product_attention(x[None], x[None], x[None])", "aten.softmax.int(x, 0)", "F.gumbel_softmax(x)",
        "nn.MultiheadAttention(4, 2)", "torch.nested.nested_tensor([x]).softmax(-1)",
    ],
    "losses": [
        "F.mse_loss(x, x)", "mse_loss(x, x)", "nn.MSELoss()(x, x)", "made['mse'](x, x)", "aten.mse_loss(x, x)",
        "F.cross_entropy(x, y)",
        "cross_entropy(x, y)", "nn.CrossEntropyLoss()(x, y)", "F.nll_loss(x, y)", "nll_loss(x, y)",
        "torch.kl_div(x, x)",
        "F.kl_div(x, x)", "F.binary_cross_entropy_with_logits(x, x)", "torch.binary_cross_entropy_with_logits(x, x)",
        "aten.nll_loss_forward(x, y, None, 1, -100)", "torch._C._nn.cross_entropy_loss(x, y)", "F.huber_loss(x, x)",
        "F.l1_loss(x, x)",
        "nn.modules.loss.L1Loss()", "F.smooth_l1_loss(x, x)", "F.gaussian_nll_loss(x, x, x)",
    ],
    "autograd-tools": [
        "torch.autograd.functional.jacobian(torch.exp, x)", "jacobian(torch.exp, x)",
        "torch.func.grad(lambda a: a.sum())(x)",
        "torch.func.vjp(torch.exp, x)", "torch.autograd.gradcheck(torch.exp, double)", "torch.vmap(torch.exp)(x)",
        "torch.func.jacrev(torch.exp)(x)",
    ],
    "autograd": [
        "torch.autograd.grad(g.sum(), g)", "grad(g.sum(), g)", "g.sum().backward()", "torch.autograd.backward(g.sum())",
        "kept_backward(g.sum())", "torch.Tensor.backward(g.sum())", "torch.func.grad(lambda a: a.sum())(x)",
        "jacobian(torch.exp, x)",
        "torch.func.jacfwd(torch.exp)(x)",
    ],
    "sum_to_size": ["x.sum_to_size(1, 3)", "torch.Tensor.sum_to_size(x, 1, 3)", "aten.sum_to_size(x, [1, 3])"],
    "linear-function": ["F.linear(x, w)", "linear(x, w)", "torch._C._nn.linear(x, w)", "aten.linear(x, w)",
        "made['linear'](x)"],
    "named-parameters": [
        "made['linear'].named_parameters()", "list(made['linear'].parameters())", "made['linear'].state_dict()",
        "nn.Module.named_parameters(made['linear'])",
    ],
    "optimizers": [
        "torch.optim.SGD([g], 0.1)", "SGD([g], 0.1)", "Adam([g])", "torch.optim.AdamW([g])", "torch.optim.RMSprop([g])",
        "sys.modules['torch.optim.adam'].adam([x], [x], [], [], [], [])",
        "torch.optim._functional.adam([x], [x], [], [], [], [])",
        "class S(torch.optim.SGD): pass\nS([g], 0.1)", "torch.optim.SGD.step(Plain([g]))",
        "aten._fused_sgd_([x], [x], [], weight_decay=0., momentum=0., lr=.1, dampening=0., nesterov=False, "
        "maximize=False, is_first_step=True)",
    ],
    "clip": [
        "nn.utils.clip_grad_norm_([g], 1.0)", "clip_grad_norm_([g], 1.0)",
        "nn.utils.clip_grad.clip_grad_value_([g], 1.0)",
        "nn.utils.get_total_norm([x])", "nn.utils.clip_grads_with_norm_([g], 1.0, x.norm())",
    ],
    "mlp": ["import torchvision\ntorchvision.ops.MLP(3, [3])", "from torchvision.ops.misc import MLP\nMLP(3, [3])"],
    "models": [
        "import torchvision\ntorchvision.models.resnet18()", "from torchvision.models import resnet18 as r\nr()",
        "from torchvision.models.resnet import ResNet, BasicBlock\nResNet(BasicBlock, [1, 1, 1, 1])",
        "import torchvision.models.segmentation as s\ns.fcn_resnet50(weights_backbone=None)",
        "import torchvision\ntorchvision.models.get_model('resnet18')",
    ],
    "convolutions": [
        "F.conv2d(image, image)", "conv2d(image, image)", "tconv(image, image)", "nn.Conv2d(1, 1, 1)(image)",
        "made['conv'](image)",
        "torch.conv2d(image, image)", "F.conv_transpose2d(image, image)", "F.conv1d(image[0], image[0])",
        "aten.convolution(image, image, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)",
        "torch.convolution(image, image, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)",
        "aten.mkldnn_convolution(image, image, None, [0, 0], [1, 1], [1, 1], 1)",
        "F.conv_tbc(x[None], x[:3, None], x[0, :1])",
        "nn.LazyConv2d(1, 1)(image)", "aten._slow_conv2d_forward(image, image, [4, 4], None, [1, 1], [0, 0])",
    ],
    "max-pooling": [
        "F.max_pool2d(image, 2)", "max_pool2d(image, 2)", "nn.MaxPool2d(2)(image)", "made['pool'](image)",
        "torch.max_pool2d(image, 2)",
        "aten.max_pool2d_with_indices(image, [2, 2])", "F.adaptive_max_pool2d(image, 1)",
        "nn.AdaptiveMaxPool2d(1)(image)",
        "F.max_pool1d(x, 2)", "F.fractional_max_pool2d(image, 2, output_size=2)", "F.max_pool2d_with_indices(image, 2)",
    ],
    "normalization": [
        "F.batch_norm(x, None, None, training=True)", "nn.BatchNorm1d(3)(x)", "made['bn'](x)", "F.layer_norm(x, (3,))",
        "layer_norm(x, (3,))", "torch.layer_norm(x, (3,))", "nn.LayerNorm(3)(x)",
        "aten.native_layer_norm(x, [3], None, None, 1e-5)",
        "F.group_norm(image, 1)", "F.instance_norm(image)", "F.rms_norm(x, (3,))",
        "torch.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-5)",
        "aten._native_batch_norm_legit.no_stats(x, None, None, True, 0.1, 1e-5)", "nn.SyncBatchNorm(3)",
        "nn.LazyBatchNorm1d()(x)",
    ],
    "dropout": [
        "F.dropout(x)", "dropout(x)", "nn.Dropout()(x)", "made['drop'](x)", "torch.dropout(x, 0.5, True)",
        "torch.dropout_(x, 0.5, True)",
        "aten.native_dropout(x, 0.5, True)", "F.dropout2d(image)", "torch.feature_dropout(x, 0.5, True)",
        "F.alpha_dropout(x)",
    ],
}  # fmt: skip

OPERATORS = {
    "linear": ["F.linear(x, w)", "torch._C._nn.linear(x, w)", "made['linear'](x)"],
    "activations": ["x.relu()", "torch.relu_(x)", "made['relu'](x)", "torch.sigmoid(x)", "F.softmax(x, 0)",
        "F.softplus(x)", "torch.celu(x)",
                    "torch._foreach_tanh([x])", "torch.logcumsumexp(x, 0)"],
    "softmax": ["F.softmax(x, 0)", "kept_method(x, 0)", "torch.log_softmax(x, 0)", "made['soft'](g)"],
    "losses": ["F.mse_loss(x, x)", "F.cross_entropy(x, y)", "F.nll_loss(g, y)", "torch.kl_div(x, x)",
               "torch.binary_cross_entropy_with_logits(x, x)"],
    "sum_to_size": ["x.sum_to_size(1, 3)"],
    "linear-function": ["F.linear(x, w)", "made['linear'](x)"],
    "convolutions": ["F.conv2d(image, image)", "made['conv'](image)", "F.conv_transpose2d(image, image)",
        "torch.conv_tbc(x[None], x[:3, None], x[0, :1])",
                     "torch.mkldnn_convolution(image, image, None, [0, 0], [1, 1], [1, 1], 1)",
                     "torch.convolution(image, image, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)"],
    "max-pooling": ["F.max_pool2d(image, 2)", "made['pool'](image)", "F.adaptive_max_pool2d(image, 1)",
        "F.max_pool1d(x, 2)"],
    "normalization": ["F.batch_norm(x, None, None, training=True)", "made['bn'](x)", "F.layer_norm(x, (3,))",
        "F.group_norm(image, 1)"],
    "dropout": ["torch.dropout(x, 0.5, True)", "made['drop'](x)", "torch.native_dropout(x, 0.5, True)"],
}  # fmt: skip
"""Roads that must end at the operators even where nothing watches the calls."""

EVERYWHERE = [
    "x @ x.T", "torch.einsum('ij,kj->ik', x, w)", "x.exp().log().sqrt().sum(0).mean()", "x.max(1, keepdim=True).values",
    "x.std(0), x.var(0, unbiased=False), torch.var_mean(x, 0)", "torch.where(x > 0.5, x, 0.0)",
        "x.clamp(min=0) + x.abs() - x.sign()",
    "x[y > 0], x[range(4), y], x.gather(1, y[:, None])", "F.one_hot(y, 3)",
        "F.pad(image, (1, 1)), F.unfold(image, 2), image.unfold(2, 2, 1)",
    "x.sum(0).sort().values, x.topk(2), x.cumsum(0)",
        "torch.erf(x) + torch.log1p(x) + torch.expm1(x) + torch.logaddexp(x, x)",
    "torch.rand_like(x) < 0.5, torch.bernoulli(x.clamp(0, 1)), torch.randperm(4)",
        "torch.linalg.norm(x), torch.linalg.lstsq(x, x)",
    "nn.Parameter(x), nn.init.kaiming_uniform_(x), nn.init.normal_(x)", "x.add_(1).mul_(2).addcmul_(x, x)",
        "torch._foreach_add([x], 1.0)",
    "torch.save, torch.no_grad()", "copy.deepcopy(x)", "x.to(torch.bfloat16) @ x.T.to(torch.bfloat16)",
        "torch.fft.rfft2(image)",
    "F.interpolate(image, scale_factor=2)", "F.avg_pool2d(image, 2)", "torch.logdet(x[:3] @ x[:3].T + torch.eye(3))",
        "nn.Flatten()(image)",
    "class M(nn.Module):\n  def __init__(self):\n    super().__init__()\n    self.w = nn.Parameter(x.clone())\n"
    "    self.register_buffer('b', x)\n  def forward(self, a): return a * self.w\n"
    "M()(x), nn.ModuleList([M()]), nn.Sequential(M())(x)",
]  # fmt: skip
GRADIENTS = [
    "(g.exp() * g).sum().backward()",
    "torch.autograd.grad(Square.apply(g).sum(), g)",
    "(g @ w.T).pow(2).sum().backward()",
]
NETWORKS = [
    "n = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(), "
    "nn.Linear(2, 3))\n"
    "F.cross_entropy(n(torch.rand(4, 1, 4, 4)), y).backward()\n"
    "o = torch.optim.Adam(n.parameters())\no.step()\nn.state_dict()",
]  # fmt: skip
ALLOWS = {
    "linear": [*GRADIENTS, "torch.addmm(x[0, :2], x, w.T)", "torch.mv(x, x[0])", "torch.bmm(x[None], x.T[None])",
        "F.relu(x)"],
    "activations": [*GRADIENTS, "F.linear(x, w)", "F.mse_loss(x, x)", "nn.Linear(3, 2)(x)", "torch.maximum(x, x)"],
    "softmax": [*GRADIENTS, "torch.logsumexp(g, 1).sum().backward()", "F.relu(x)", "x.sigmoid()"],
    "losses": [*GRADIENTS, "torch.logsumexp(x, 1)", "F.relu(x)", "nn.Linear(3, 2)(g).sum().backward()"],
    "autograd-tools": [*GRADIENTS, "torch.enable_grad()", "torch.autograd.Function"],
    "autograd": ["Square.apply(x)", "with torch.no_grad(): x + 1", "F.relu(x)", "x.requires_grad_()"],
    "sum_to_size": [*GRADIENTS, "(g + torch.rand(1, 3)).sum().backward()", "x.expand(2, 4, 3).sum(0)",
        "F.linear(x, w)"],
    "linear-function": [*GRADIENTS, "nn.Parameter(w)", "torch.addmm(x[0, :2], x, w.T)", "F.relu(g).sum().backward()"],
    "named-parameters": [*GRADIENTS, "made['linear']._parameters, list(made['linear'].children())",
        "made['linear'](x)"],
    "optimizers": [
        *GRADIENTS,
        "p = nn.Parameter(x)\no = Plain([p])\ns = torch.optim.lr_scheduler.StepLR(o, 1)\n"
        "p.sum().backward()\no.step()\ns.step()\no.zero_grad()",
    ],
    "clip": [*GRADIENTS, *NETWORKS, "nn.utils.parameters_to_vector([x])"],
    "mlp": [*GRADIENTS, *NETWORKS],
    "models": [*GRADIENTS, *NETWORKS],
    "convolutions": [*GRADIENTS, "F.max_pool2d(image, 2)", "nn.BatchNorm2d(1)(image)",
        "F.fold(F.unfold(image, 2), (4, 4), 2)"],
    "max-pooling": [*GRADIENTS, "F.conv2d(image, image)", "image.unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2))",
        "F.avg_pool2d(image, 2)"],
    "normalization": [*GRADIENTS, "F.conv2d(image, image)", "F.dropout(x)", "torch.norm(x)", "F.normalize(x)"],
    "dropout": [*GRADIENTS, "F.conv2d(image, image)", "F.batch_norm(x, None, None, training=True)",
        "torch.empty(3).bernoulli_(0.5)"],
}  # fmt: skip

LAYERS = {
    "both": {},
    "calls": {"calls": True, "operators": False},
    "operators": {"calls": False, "operators": True},
}


@pytest.fixture(scope="module")
def answers():
    """What each road led to, by group and layers."""
    wanted = []
    for group in GROUPS:
        for layers in LAYERS:
            roads = [*EVERYWHERE, *ALLOWS[group]]
            roads += {"both": REFUSES, "calls": REFUSES, "operators": OPERATORS}[layers].get(group, [])
            wanted.append((group, layers, roads))
    asked = json.dumps([(group, LAYERS[layers], roads) for group, layers, roads in wanted])
    told = subprocess.run(
        [sys.executable, "-c", PREPARED], input=asked, capture_output=True, text=True, timeout=300, check=True
    )
    return {(group, layers): said for (group, layers, _), said in zip(wanted, json.loads(told.stdout), strict=True)}


def test_every_group_is_tried():
    assert set(REFUSES) == set(ALLOWS) == set(GROUPS)
    assert set(OPERATORS) <= {name for name, group in GROUPS.items() if group.operators}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_refuses_on_every_road(answers, group):
    said = answers[group, "both"]
    passed = {road: said[road] for road in REFUSES[group] if not said[road].startswith("Forbidden: may not call")}
    assert not passed


@pytest.mark.parametrize("group", GROUPS)
def test_a_refusal_says_what_to_do_instead(answers, group):
    said = answers[group, "both"]
    advice = GROUPS[group].advice
    assert all(advice in said[road] or "write it yourself" in said[road] for road in REFUSES[group])


@pytest.mark.parametrize("group", OPERATORS)
def test_the_operators_refuse_where_nothing_watches_the_calls(answers, group):
    said = answers[group, "operators"]
    passed = {road: said[road] for road in OPERATORS[group] if not said[road].startswith("Forbidden: may not call")}
    assert not passed


@pytest.mark.parametrize("group", GROUPS)
def test_the_calls_refuse_without_the_operators(answers, group):
    said = answers[group, "calls"]
    roads = [road for road in REFUSES[group] if "aten." not in road and "kept_method" not in road]
    python = [road for road in roads if "F." in road or "nn." in road or "import" in road]
    passed = {road: said[road] for road in python if not said[road].startswith("Forbidden: may not call")}
    assert not passed


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("group", GROUPS)
def test_what_is_allowed_works_as_ever(answers, group, layers):
    said = answers[group, layers]
    broken = {road: said[road] for road in [*EVERYWHERE, *ALLOWS[group]] if said[road] != "worked"}
    assert not broken
