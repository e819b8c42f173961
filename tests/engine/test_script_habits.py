"""What learners' scripts do beside computing costs nothing, or is told in one sentence; and it earns nothing either."""

import importlib.util
import json

import pytest
from nnkata.grader.engine import engine
from nnkata.grader.exercise import catalog
from nnkata.grader.model import GradingOptions
from nnkata.grader.submission import source
from nnkata.grader.worker.forbidden import GROUPS

LOSSES = catalog.find("03_losses")
RIGHT = LOSSES.solution.read_text("utf-8")
MSE = "import torch\nimport numpy as np\n{}\ndef mse_loss(input, target, reduction='mean'):\n    {}\n"
SQUARE = "error = (input - target) ** 2"


@pytest.fixture(scope="module")
def grader():
    with engine.Engine() as running:
        running.warm_up()
        yield running


def grade(grader, text, exercise=LOSSES, parts=("mse_loss",)):
    submission = source.from_bytes(exercise.module, text.encode())
    options = GradingOptions(seed=20, parts=parts, training="none")
    return grader.grade(engine.GradingRequest(exercise, submission, options))


def failures(result):
    return [test.message for test in result.tests if test.status not in ("pass", "skip")]


def earns_everything(result):
    assert failures(result) == []
    assert result.score == result.max_score
    assert (result.flags, result.notes, result.prints) == ((), (), "")


# -- libraries ---------------------------------------------------------------------------------------------------------

LIBRARIES = {
    "matplotlib": "import matplotlib.pyplot as plt",
    "matplotlib used": """
import matplotlib; matplotlib.use("Agg")
import matplotlib.pyplot as plt
from mpl_toolkits.mplot3d import Axes3D
plt.style.use("ggplot"); plt.rcParams.update({"font.size": 12}); plt.rcParams["figure.dpi"] = 100
fig, (a, b) = plt.subplots(1, 2); first, *others = fig.axes
line, = a.plot([1, 2]); counts, bins, patches = plt.hist([1, 2])
fig.title = "t"; a.set(xlabel=f"{counts:.2f}")
for axis, image in zip(fig.axes.flat, [1, 2]): axis.imshow(image, cmap="gray")
with plt.style.context("dark"): plt.show()
assert not isinstance(1, plt.Figure) and print is not None
""",
    "tqdm": """
from tqdm import tqdm, trange
from tqdm.auto import tqdm as auto
import tqdm.notebook as notebook
seen = [x for x in tqdm([1, 2, 3], desc="x")] + list(auto(iterable=range(2))) + list(trange(1, 3))
seen += [x for _, x in enumerate(notebook.tqdm((y for y in [7]), leave=False))]
bar = tqdm([4], total=1)
for x in bar: bar.set_postfix(loss=1.0); bar.update(1); seen.append(x)
with tqdm(total=3) as manual: manual.update(3)
assert seen == [1, 2, 3, 0, 1, 1, 2, 7, 4] and len(tqdm([1, 2])) == 2, seen
""",
    "pandas": "import pandas as pd\ntable = pd.DataFrame({'a': [1]})\ntable['b'] = table.a * 2\ntable.to_csv('x')",
    "sklearn": """
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
x_train, x_test, y_train, y_test = train_test_split(*[load_digits().data] * 2)
""",
    "PIL": "from PIL import Image, ImageOps",
    "IPython": "from IPython.display import display, clear_output, HTML\nclear_output(wait=True); display(HTML('x'))",
    "torchsummary": "from torchsummary import summary\nsummary(torch.nn.Flatten(), (1, 28, 28))",
    "tensorboard": """
from torch.utils.tensorboard import SummaryWriter
from torch.utils import tensorboard
import torch.utils.tensorboard as tb
import torch.utils.tensorboard
from torch.utils.tensorboard.writer import SummaryWriter as Another
for writer in (SummaryWriter("runs"), tb.SummaryWriter(), torch.utils.tensorboard.SummaryWriter(), Another()):
    writer.add_scalar("loss", 0.5, 1); writer.close()
with SummaryWriter() as writer: writer.flush()
assert torch.utils.data.DataLoader
""",
    "seaborn": "import seaborn as sns\nsns.set_theme()",
    "wandb": "import wandb\nrun = wandb.init(project='x', config={'lr': 1})\nwandb.log({})\nif wandb.run: 1 / 0",
    "type checks": """
from jaxtyping import Float, jaxtyped
from beartype import beartype
from torch import Tensor
@jaxtyped(typechecker=beartype)
@beartype
def double(x: Float[Tensor, "n"] | None) -> Float[Tensor, "n"]:
    return 2 * x
assert double(3) == 6
""",
    "not there": "import d2l.torch as d2l\nfrom helpers import plot, Base\nimport einops_exts",
    "tried": """
try:
    import cupyx as np2
except ImportError:
    import numpy as np2
try:
    from google.colab import drive
    in_colab = True
except ModuleNotFoundError:
    in_colab = False
try:
    from tqdm import tqdm
except ImportError:
    def tqdm(x): return x
assert np2.ones(2).sum() == 2 and not in_colab and list(tqdm([1])) == [1]
""",
    "colab": "from google.colab import drive\ndrive.mount('/content/drive')",
    "inside": "def plot(x):\n    import matplotlib.pyplot as plt\n    plt.plot(x)\nplot([1])",
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_for_plots_progress_or_tables_costs_nothing(grader, name):
    earns_everything(grade(grader, RIGHT + "\n" + LIBRARIES[name]))


@pytest.mark.parametrize("name", ["matplotlib", "IPython", "PIL", "tqdm"])
def test_it_makes_no_difference_whether_a_library_is_installed(name):
    """The cases above hold installed ones and others."""
    assert (importlib.util.find_spec(name) is not None) == (name != "tqdm")


def test_a_library_that_is_there_and_is_not_stood_in_for_is_the_real_one(grader):
    """`networkx`, since torch brings it along."""
    text = MSE.format(
        "import networkx, torchvision", "assert networkx.Graph([(1, 2)]).number_of_edges() == 1\n    1 / 0"
    )
    assert all("ZeroDivisionError" in message for message in failures(grade(grader, text)))


def test_a_cell_of_a_notebook_shows_and_clears_what_it_likes(grader, tmp_path):
    body = f"clear_output(wait=True); display(input); get_ipython()\n    {SQUARE}\n    return error.mean()"
    text = MSE.format("from IPython.display import clear_output", body)
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": text}]
    file = tmp_path / "losses.ipynb"
    file.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    request = engine.GradingRequest(LOSSES, file, GradingOptions(seed=20, parts=("mse_loss",), training="none"))
    by_hand = [test for test in grader.grade(request).tests if "mean_is_the_default" in test.id]
    assert [test.status for test in by_hand] == ["pass"]


# -- what a stand-in is worth ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "return metrics.mean_squared_error(input, target)",
            "the result is a stand-in for sklearn.metrics.mean_squared",
        ),
        ("return (input - target).square().mean() * plt.x", "the result is a stand-in for matplotlib.pyplot.x"),
        ("return plt.x + input", "the result is a stand-in for matplotlib.pyplot.x"),
        ("return torch.tensor(plt.x)", "matplotlib is left out while your code is graded"),
        ("return torch.tensor([plt.x])", "matplotlib is left out while your code is graded"),
        ("return torch.as_tensor(plt.x)", "matplotlib is left out while your code is graded"),
        ("return torch.from_numpy(np.asarray(plt.x))", "matplotlib is left out while your code is graded"),
        ("return torch.zeros(()) + float(plt.x)", "matplotlib is left out while your code is graded"),
        ("return input.new_zeros(len(plt.x))", "matplotlib is left out while your code is graded"),
        ("return torch.where(input > plt.x, input, target)", "matplotlib is left out while your code is graded"),
        ("return torch.mean(plt.x)", "must be Tensor, not StandIn"),
        ("return d2l.squared_loss(input, target)", "there is no d2l where your code is graded, so d2l.squared_loss"),
        ("return input * d2l.factor", "there is no d2l where your code is graded"),
        ("return [loss for loss in d2l.losses][0]", "there is no d2l where your code is graded"),
    ],
)
def test_a_stand_in_is_never_an_answer_and_its_message_says_what_is_left_out(grader, body, words):
    imports = "import matplotlib.pyplot as plt\nfrom sklearn import metrics\nimport d2l"
    result = grade(grader, MSE.format(imports, body))
    assert result.score == 0.0
    assert any(words in message for message in failures(result)), failures(result)[0]


@pytest.mark.parametrize(
    "road",
    [
        "import seaborn.functional as F; return F.mse_loss(input, target)",
        "import tqdm; return tqdm.tqdm(torch.nn.functional.mse_loss)(input, target)",
        "import beartype; return beartype.beartype(torch.nn.functional.mse_loss)(input, target)",
        "return next(iter(__import__('tqdm').tqdm([torch.nn.functional.mse_loss])))(input, target)",
        "return __import__('torch').nn.functional.mse_loss(input, target)",
        "return __builtins__['__import__']('torch').nn.functional.mse_loss(input, target)",
    ],
)
def test_a_stand_in_is_no_way_around_the_guard(grader, road):
    assert "losses" in GROUPS
    assert grade(grader, MSE.format("", road)).score == 0.0


def test_the_kit_is_not_stood_in_for(grader):
    told = failures(grade(grader, MSE.format("import nnkata.grader.judge", "return input")))
    assert told and all("importing the file" in message for message in told)


# -- settings, files, helpers ------------------------------------------------------------------------------------------

HARMLESS = {
    "deterministic": "torch.use_deterministic_algorithms(True)\nassert torch.are_deterministic_algorithms_enabled()",
    "precision": "torch.set_float32_matmul_precision('high')",
    "backends": "torch.backends.cudnn.benchmark = False\ntorch.backends.cuda.matmul.allow_tf32 = True",
    "environment": "import os\nos.environ['CUBLAS_WORKSPACE_CONFIG'] = ':4096:8'",
    "seeds": "import random\nrandom.seed(1); torch.manual_seed(1); torch.cuda.manual_seed_all(1)",
    "profiler": """
from torch.profiler import ProfilerActivity, profile, record_function
with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler, record_function("x"):
    torch.ones(3).pow(2)
assert profiler.key_averages().table()
""",
    "helpers": """
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(8.0))
for loader in (
    DataLoader(data, 2, False, None, None, 2),
    DataLoader(data, batch_size=2, num_workers=2, persistent_workers=True, prefetch_factor=4, timeout=5),
    DataLoader(data, 2, num_workers=4, multiprocessing_context="spawn", worker_init_fn=print),
):
    assert torch.cat([x for x, in loader]).tolist() == list(range(8))
class Own(DataLoader): pass
assert len(list(Own(data, 4, num_workers=1))) == 2
""",
    "checkpoints": """
import os
from pathlib import Path
os.makedirs("runs/first", exist_ok=True); os.mkdir("models"); Path("more").mkdir(parents=True, exist_ok=True)
model = torch.nn.BatchNorm1d(3)
torch.save(model.state_dict(), "runs/first/best.pt"); torch.save({"a": 1}, Path("more") / "x.pt")
model.weight.data.zero_()
model.load_state_dict(torch.load("./runs/first/best.pt", map_location="cpu", weights_only=True))
assert model.weight.tolist() == [1, 1, 1] and torch.load(Path("more/x.pt")) == {"a": 1}
""",
    "buffers": "import io\nb = io.BytesIO()\ntorch.save(torch.ones(2), b)\nb.seek(0)\nassert torch.load(b).sum() == 2",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_habit_of_scripts_costs_nothing(grader, name):
    earns_everything(grade(grader, RIGHT + "\n" + HARMLESS[name]))


OUT_OF_REACH = {
    "MNIST": "from torchvision import datasets\ndatasets.MNIST('data', train=True, download=True)",
    "MNIST, absolute": "from torchvision import datasets\ndatasets.MNIST('/tmp/data', download=True)",
    "a saved model": "torch.save({}, '/tmp/model.pt')",
    "a saved model in no folder": "torch.save({}, '/nowhere/model.pt')",
    "a model that is not there": "torch.load('weights.pt')",
    "an open file": "open('log.txt', 'w')",
    "an array": "import numpy as np\nnp.save('x.npy', np.ones(2))",
    "a log": "import logging\nlogging.basicConfig(filename='train.log')",
    "a temporary file": "import tempfile\ntempfile.NamedTemporaryFile()",
    "a temporary folder": "import tempfile\ntempfile.TemporaryDirectory()",
    "an absolute folder": "import os\nos.makedirs('/tmp/x/y')",
    "a list of files": "import os\nos.listdir('.')",
    "a download": "import urllib.request\nurllib.request.urlopen('http://example.com')",
    "a program": "import subprocess\nsubprocess.run(['nvidia-smi'])",
}
ADVICE = (
    "While it is graded, your code has no files, no network and no other programs: leave this out, or put it under"
    ' `if __name__ == "__main__":`'
)


@pytest.mark.parametrize("name", OUT_OF_REACH)
def test_what_is_out_of_reach_is_told_in_one_sentence(grader, name):
    (told,) = set(failures(grade(grader, RIGHT + "\n" + OUT_OF_REACH[name])))
    assert told.split("\n")[0].endswith(f". {ADVICE}")
    assert "line " in told.split("\n")[1]


def test_what_is_out_of_reach_inside_of_a_part_is_told_too(grader):
    told = failures(grade(grader, MSE.format("", "return open('x', 'w')")))
    assert told and all(ADVICE in message for message in told)


@pytest.mark.parametrize(
    "raised", ["OSError('no', 'x')", "FileNotFoundError('gone')", "RuntimeError('Error')", "ValueError('[Errno 13] x')"]
)
def test_an_error_of_the_student_s_own_gets_no_such_advice(grader, raised):
    told = failures(grade(grader, MSE.format("", f"raise {raised}")))
    assert told and not any("While it is graded" in message for message in told)
