"""A submission is read without trust, forbidden names are found on every road, and honest code is left in peace."""

import ast
import os
import sys
import time
from pathlib import Path

import pytest
from nnkata.grader.errors import SubmissionError
from nnkata.grader.exercise import catalog
from nnkata.grader.model import Exercise, Limits, Part
from nnkata.grader.submission import forbidden_uses, source

# -- reading ------


def violations_of(tree, exercise):
    return forbidden_uses.find_violations(forbidden_uses.used_names(tree, exercise), exercise)


def refused(path):
    with pytest.raises(SubmissionError) as caught:
        source.read(path)
    assert str(path.name) in str(caught.value)
    return str(caught.value)


def test_a_file_is_read_as_it_is(tmp_path):
    file = tmp_path / "losses.py"
    file.write_text("x = 'ü'\n", "utf-8")
    submission = source.read(file)
    assert (submission.name, submission.text) == ("losses.py", "x = 'ü'\n")
    assert len(submission.sha256) == 64


def test_a_missing_file_says_how_a_workspace_is_made(tmp_path):
    assert "nnkata init" in refused(tmp_path / "losses.py")


def test_a_folder_is_told_as_one(tmp_path):
    assert "a folder" in refused(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no symbolic links")
def test_a_symbolic_link_is_not_followed(tmp_path):
    (tmp_path / "real.py").write_text("x = 1\n")
    (tmp_path / "link.py").symlink_to("real.py")
    assert "symbolic link" in refused(tmp_path / "link.py")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_that_nobody_writes_to_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    began = time.monotonic()
    assert "not a regular file" in refused(tmp_path / "pipe.py")
    assert time.monotonic() - began < 5


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero")
def test_a_device_is_not_read():
    assert "not a regular file" in refused(Path("/dev/zero"))


def test_a_binary_file_is_told_as_one(tmp_path):
    (tmp_path / "a.py").write_bytes(b"x = 1\n\0")
    assert "binary" in refused(tmp_path / "a.py")


def test_text_that_is_not_utf8_is_told_with_its_line(tmp_path):
    (tmp_path / "a.py").write_bytes("x = 1\n# größer\n".encode("latin-1"))
    assert "line 2" in refused(tmp_path / "a.py")


def test_a_file_that_is_too_large_is_refused_and_the_largest_is_read(tmp_path):
    (tmp_path / "a.py").write_bytes(b"#" * source.MAX_SOURCE_BYTES)
    assert len(source.read(tmp_path / "a.py").text) == source.MAX_SOURCE_BYTES
    (tmp_path / "b.py").write_bytes(b"#" * (source.MAX_SOURCE_BYTES + 1))
    assert "larger" in refused(tmp_path / "b.py")


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfx = 1\ny = 2\n", b"x = 1\r\ny = 2\r\n", b"x = 1\ry = 2\r"])
def test_marks_and_line_ends_of_other_systems_are_understood(data):
    submission = source.from_bytes("a.py", data)
    assert submission.text == "x = 1\ny = 2\n"
    assert len(source.parse(submission).body) == 2


@pytest.mark.parametrize("text", ["", " \n\t\n", "\n"])
def test_an_empty_file_says_how_the_stub_comes_back(text):
    with pytest.raises(SubmissionError, match="reset"):
        source.parse(source.from_bytes("a.py", text.encode()))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\ndef f(:\n", "line 2"),
        ("if True:\nx = 1\n", "line 2"),
        ("def f():\n\tx = 1\n        y = 2\n", "line 3"),
        ("x = (1\n", "line 1"),
        ("x = '\n", "line 1"),
    ],
)
def test_wrong_syntax_is_told_with_its_line(text, told):
    with pytest.raises(SubmissionError, match=told):
        source.parse(source.from_bytes("a.py", text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "-" * 90_000 + "1",
        "x" + "[0]" * 60_000,
        "1" + "+1" * 90_000,
        *("import torch\ndef f(x): return torch" + ".a" * count for count in (500, 900, 1_500, 2_500, 5_000)),
    ],
    ids=lambda text: f"{text[:40]}-{len(text)}",
)
def test_source_that_is_nested_too_deeply_to_be_searched_is_refused(text):
    with pytest.raises(SubmissionError, match="too deeply"):
        source.parse(source.from_bytes("a.py", text.encode()))


@pytest.mark.parametrize("text", ["x = 1" + "+1" * 200, "x = a" + ".b()" * 100, "x = " + "[" * 90 + "]" * 90])
def test_source_that_is_nested_as_deeply_as_people_write_is_searched(text):
    tree = source.parse(source.from_bytes("a.py", text.encode()))
    assert forbidden_uses.find_flags(tree) == [] and violations_of(tree, exercise(f="softmax")) == []


# -- forbidden names ------


def exercise(**forbidden):
    parts = tuple(Part(name, 1.0, (), None, tuple(families.split())) for name, families in forbidden.items())
    nowhere = Path("/nowhere")
    return Exercise("42_things", "T", 5, "", (), parts, Limits(), nowhere, "things.py", nowhere, nowhere, nowhere)


def found(text, forbidden="softmax losses"):
    violations = violations_of(ast.parse(text), exercise(f=forbidden))
    assert len(violations) <= 1
    return violations[0] if violations else None


HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\nfrom torch import Tensor\n"


@pytest.mark.parametrize(
    ("body", "dotted"),
    [
        ("def f(x): return F.softmax(x, 0)", "torch.nn.functional.softmax"),
        ("def f(x): return torch.softmax(x, 0)", "torch.softmax"),
        ("def f(x): return torch.special.log_softmax(x, 0)", "torch.special.log_softmax"),
        ("def f(x): return x.softmax(0)", ".softmax"),
        ("def f(x): return (x + 1).exp().log_softmax(0)", ".log_softmax"),
        ("def f(x): return Tensor.softmax(x, 0)", "torch.Tensor.softmax"),
        ("def f(x): return nn.Softmax(0)(x)", "torch.nn.Softmax"),
        ("def f(x): return nn.CrossEntropyLoss()(x, x)", "torch.nn.CrossEntropyLoss"),
        ("def f(x): return nn.modules.loss.MSELoss()(x, x)", "torch.nn.modules.loss.MSELoss"),
        ("from torch.nn.functional import mse_loss\ndef f(x): return mse_loss(x, x)", "torch.nn.functional.mse_loss"),
        ("from torch.nn.functional import mse_loss as m\ndef f(x): return m(x, x)", "torch.nn.functional.mse_loss"),
        ("from torch.nn import functional as G\ndef f(x): return G.nll_loss(x, x)", "torch.nn.functional.nll_loss"),
        ("import torch as t\ndef f(x): return t.nn.functional.kl_div(x, x)", "torch.nn.functional.kl_div"),
        ("def f(x):\n    from torch.nn.functional import softmax as s\n    return s(x)", "torch.nn.functional.softmax"),
        ("def f(x):\n    import torch.nn.functional as q\n    return q.softmax(x)", "torch.nn.functional.softmax"),
        ("s = F.softmax\ndef f(x): return s(x, 0)", "torch.nn.functional.softmax"),
        ("def f(x):\n    s = F.softmax\n    return s(x, 0)", "torch.nn.functional.softmax"),
        ("G = F\ns = G.softmax\ndef f(x): return s(x, 0)", "torch.nn.functional.softmax"),
        ("def f(x): return getattr(F, 'softmax')(x, 0)", "torch.nn.functional.softmax"),
        ("def f(x): return getattr(torch, 'softmax', None)(x, 0)", "torch.softmax"),
        ("def g(x): return F.softmax(x, 0)\ndef f(x): return g(x)", "torch.nn.functional.softmax"),
        ("def h(x): return x.softmax(0)\ndef g(x): return h(x)\ndef f(x): return g(x)", ".softmax"),
        ("g = lambda x: x.softmax(0)\ndef f(x): return g(x)", ".softmax"),
        ("TABLE = {'s': F.softmax}\ndef f(x): return TABLE['s'](x, 0)", "torch.nn.functional.softmax"),
        ("class f:\n    act = F.softmax\n    def g(self, x): return self.act(x, 0)", "torch.nn.functional.softmax"),
        ("class f(nn.Module):\n    def __init__(self):\n        self.s = nn.LogSoftmax(1)", "torch.nn.LogSoftmax"),
        ("class f(nn.Softmax):\n    pass", "torch.nn.Softmax"),
        ("class g(nn.Module):\n    def forward(self, x): return x.softmax(0)\nclass f(g):\n    pass", ".softmax"),
        ("def f(x, s=F.softmax): return s(x, 0)", "torch.nn.functional.softmax"),
        ("@F.softmax\ndef f(x): return x", "torch.nn.functional.softmax"),
        ("async def f(x): return F.softmax(x, 0)", "torch.nn.functional.softmax"),
        ("def f(x): return torch._softmax(x, 0, False)", "torch._softmax"),
        ("def f(x): return torch.ops.aten.mean(x)", "torch.ops.aten.mean"),
        ("def f(x): return torch._C._nn.mse_loss(x, x)", "torch._C._nn.mse_loss"),
        ("def f(x): return nn.init._x.__globals__['y'](x)", "torch.nn.init._x.__globals__"),
        ("def f(x): return torch.compile(f)(x)", "torch.compile"),
        ("import ctypes\ndef f(x): return ctypes.c_int(1)", "ctypes.c_int"),
        ("import sys\ndef f(x): return sys._getframe(1)", "sys._getframe"),
    ],
)  # fmt: skip
def test_a_forbidden_name_is_found_on_this_road(body, dotted):
    violation = found(HEAD + body)
    assert violation is not None and violation.dotted == dotted and violation.part == "f"


def test_a_violation_names_its_part_line_and_what_to_do():
    violation = found(HEAD + "def f(x):\n    y = x\n    return F.softmax(y, 0)\n")
    assert violation.line == 7
    assert str(violation).startswith("f may not call torch.nn.functional.softmax (line 7): write it with exp")


def test_each_part_is_held_to_its_own_families():
    text = (
        HEAD + "def f(x): return F.softmax(x, 0)\ndef g(x): return F.mse_loss(x, x)\ndef h(x): return F.softmax(x, 0)"
    )
    tree = ast.parse(text)
    assert {v.part for v in violations_of(tree, exercise(f="softmax", g="softmax", h="losses"))} == {"f"}


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("linear", "def f(x): return nn.Linear(2, 2)(x)"),
        ("linear", "def f(x): return F.linear(x, x)"),
        ("activations", "def f(x): return x.relu()"),
        ("activations", "def f(x): return x.sigmoid_()"),
        ("activations", "def f(x): return nn.ReLU()(x)"),
        ("autograd", "def f(x): x.backward()"),
        ("autograd", "def f(x): return torch.autograd.grad(x, x)"),
        ("autograd", "def f(x): return torch.func.grad(x)"),
        ("autograd-tools", "def f(x): return torch.autograd.functional.jacobian(x, x)"),
        ("sum_to_size", "def f(x): return x.sum_to_size(2)"),
        ("named-parameters", "def f(m): return nn.Module.named_parameters(m)"),
        ("optimizers", "def f(p): return torch.optim.SGD(p)"),
        ("optimizers", "class f(torch.optim.Adam): pass"),
        ("clip", "def f(p): nn.utils.clip_grad_norm_(p, 1)"),
        ("models", "import torchvision\ndef f(): return torchvision.models.resnet18()"),
        ("mlp", "from torchvision.ops import MLP\ndef f(): return MLP(3, [3])"),
        ("convolutions", "def f(x): return F.conv2d(x, x)"),
        ("convolutions", "def f(x): return nn.Conv2d(1, 1, 1)(x)"),
        ("max-pooling", "def f(x): return F.max_pool2d(x, 2)"),
        ("max-pooling", "def f(x): return nn.AdaptiveMaxPool2d(1)(x)"),
        ("normalization", "def f(x): return F.layer_norm(x, (2,))"),
        ("normalization", "class f(nn.BatchNorm2d): pass"),
        ("dropout", "def f(x): return F.dropout(x)"),
        ("dropout", "def f(x): return nn.Dropout()(x)"),
    ],
)
def test_each_family_is_known_by_name(family, text):
    assert found(HEAD + text, family) is not None
    assert found(HEAD + text, "clip" if family != "clip" else "dropout") is None


@pytest.mark.parametrize(
    "body",
    [
        "def softmax(x): return x.exp()\ndef f(x): return softmax(x)",
        "def f(x):\n    def softmax(x): return x.exp()\n    return softmax(x)",
        "def f(x):\n    softmax = x.exp() / x.exp().sum()\n    return softmax",
        "def f(x): return x.exp()\nif __name__ == '__main__':\n    F.cross_entropy(f(1), torch.softmax(2, 0))",
        "from torch.nn.functional import cross_entropy, softmax\ndef f(x): return x.exp()",
        "from torch.nn.functional import softmax\ndef softmax(x): return x.exp()\ndef f(x): return softmax(x)",
        "def f(x: nn.Softmax) -> nn.CrossEntropyLoss:\n    y: nn.NLLLoss = x\n    return y",
        "class Tape:\n    def softmax(self): return self\ndef f(x): return Tape().softmax()",
        "class f:\n    def softmax(self, x): return x.exp()\n    def forward(self, x): return self.softmax(x)",
        "def f(x):\n    '''Like F.softmax(x) and nn.CrossEntropyLoss().'''\n    # F.softmax\n    return 'F.softmax'",
        "def g(x): return F.softmax(x, 0)\ndef f(x): return x.exp()",
        "def f(x): return torch.logsumexp(x, 0) + torch._foreach_add([x], 1)[0]",
        "def f(model): return model.cross_entropy(1) + model.losses(2)",
        "def f(self): return self.softmax(1)",
        "def f(x): return getattr(x, 'softmax_like')(x) + getattr(x, 'r' + 'elu')",
        "import numpy as np\ndef f(x): return np.exp(x)",
        "def f(x):\n    return undefined_name(x)",
        "def f(x): return nn.init._calculate_fan_in_and_fan_out(x)[0]",
        "from torch.nn import init\ndef f(x): return init._calculate_correct_fan(x, 'fan_in')",
        "from torch.nn.init import _no_grad_uniform_\ndef f(x): return _no_grad_uniform_(x, 0, 1)",
    ],
)
def test_honest_code_raises_no_alarm(body):
    assert found(HEAD + body) is None


def test_a_method_of_an_own_class_may_be_called_relu():
    text = "class Value:\n    def relu(self): return self\n    def tanh(self): return self\n"
    text += "def f(value): return value.relu().tanh()"
    assert found(text, "activations") is None


def test_a_part_that_is_not_defined_raises_no_alarm():
    assert violations_of(ast.parse(HEAD + "x = F.softmax"), exercise(f="softmax")) == []


# -- flags ------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import ctypes", "line 1: uses ctypes"),
        ("\nfrom ctypes import pythonapi", "line 2: uses ctypes"),
        ("import sys\nsys._getframe()", "line 2: walks the call stack"),
        ("import inspect as i\ni.stack()", "line 2: walks the call stack"),
        ("import gc\nx = gc.get_objects()", "line 2: walks the interpreter's objects"),
        ("import subprocess", "line 1: starts programs"),
        ("import os\nos._exit(0)", "line 2: ends the process"),
        ("from nnkata.grader import judge", "line 1: imports the grader"),
        ("import pytest", "line 1: imports pytest"),
        (
            "x = ().__class__.__base__.__subclasses__()",
            "line 1: accesses interpreter internals (.__subclasses__)",
        ),
        ("x = f.__globals__", "line 1: accesses interpreter internals (.__globals__)"),
        ("import torch\ntorch.equal = lambda a, b: True", "line 2: rebinds torch.equal"),
        ("import torch\nsetattr(torch, 'equal', 1)", "line 2: rebinds torch.*"),
        ("import sys\nsys.modules['torch'] = 1", "line 2: rebinds sys.modules"),
        ("import builtins\nbuiltins.print = 1", "line 2: rebinds builtins.print"),
        ("import os\nos.environ = {}", "line 2: rebinds os.environ"),
        ("import torch\ntorch.Tensor.backends = 1", "line 2: rebinds torch.Tensor.backends"),
    ],
)
def test_what_looks_like_evasion_is_flagged_with_its_line(text, told):
    assert told in forbidden_uses.find_flags(ast.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "import torch\nx = torch.zeros(2)\nx.grad = None\nx.data = x",
        "import math, os, sys\nprint(os.path.sep, sys.maxsize, math.pi)",
        "class A:\n    def __init__(self):\n        self.torch = 1\n        self.signal = 2",
        "import torch\nwith torch.no_grad():\n    pass",
        "socket = 1\nsubprocess = socket",
        "import torch\ntorch.backends.cudnn.deterministic = True\ntorch.backends.cuda.matmul.allow_tf32 = False",
        "import os\nos.environ['CUBLAS_WORKSPACE_CONFIG'] = ':4096:8'\nos.environ['KMP_DUPLICATE_LIB_OK'] = 'True'",
    ],
)
def test_ordinary_code_is_not_flagged(text):
    assert forbidden_uses.find_flags(ast.parse(text)) == []


def test_flags_are_few_however_many_lines_earn_them():
    assert len(forbidden_uses.find_flags(ast.parse("import ctypes\n" * 500))) == 20


@pytest.mark.parametrize(
    "file", sorted((Path(__file__).parents[1] / "honest").glob("*/*.py")), ids=lambda f: f"{f.parent.name}/{f.stem}"
)
def test_every_honest_solution_passes_the_search(file):
    tree = source.parse(source.read(file))
    assert violations_of(tree, catalog.find(file.parent.name)) == []
    assert forbidden_uses.find_flags(tree) == []
