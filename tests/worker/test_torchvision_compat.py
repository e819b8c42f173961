"""torchvision is importable beside any build of torch, and its data sets are usable."""

import struct
import subprocess
import sys

import pytest
from nnkata.grader.worker import torchvision_compat

ASK = "module, how = torchvision_compat.import_torchvision()\nassert module is not None, how\nimport torchvision"
BUILDS = {
    "prepared": "torchvision_compat.prepare()\nimport torchvision",
    "asked for": ASK,
    "asked for twice": f"{ASK}\n{ASK}",
    "prepared and asked for": f"torchvision_compat.prepare()\n{ASK}",
}

USE = """
import torch
from torchvision import datasets, models, transforms
from torchvision.transforms import functional
assert torchvision.__version__
assert functional.normalize(torch.ones(1, 2, 2), [0.5], [0.5]).eq(1).all()
assert transforms.RandomCrop(2)(torch.ones(1, 4, 4)).shape == (1, 2, 2)
assert transforms.Compose([transforms.Pad(1), transforms.CenterCrop(2)])(torch.ones(1, 2, 2)).shape == (1, 2, 2)
assert models.resnet18(num_classes=3).eval()(torch.ones(1, 3, 32, 32)).shape == (1, 3)
print(len(datasets.FakeData(5)))
"""


@pytest.mark.parametrize("build", BUILDS)
def test_torchvision_imports_in_a_fresh_interpreter(build):
    code = f"from nnkata.grader.worker import torchvision_compat\n{BUILDS[build]}\n{USE if build == 'prepared' else ''}"
    told = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr[-2_000:]


def test_how_it_was_imported_is_said_in_a_sentence():
    module, how = torchvision_compat.import_torchvision()
    assert module is not None and module.__version__ in how


def test_what_cannot_be_imported_is_said_and_not_raised(monkeypatch):
    def missing(name):
        raise ImportError("no torchvision")

    monkeypatch.setattr(torchvision_compat.importlib, "import_module", missing)
    module, how = torchvision_compat.import_torchvision()
    assert module is None and "no torchvision" in how


def test_another_failure_of_its_import_is_said_and_not_raised(monkeypatch):
    def broken(name):
        raise RuntimeError("torch and torchvision do not fit\nmore")

    monkeypatch.setattr(torchvision_compat.importlib, "import_module", broken)
    module, how = torchvision_compat.import_torchvision()
    assert module is None and "do not fit" in how and "more" not in how


def test_a_data_set_on_disk_is_read(tmp_path):
    module, _ = torchvision_compat.import_torchvision()
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, count in (("train", 3), ("t10k", 2)):
        (raw / f"{name}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, count, 28, 28) + bytes(count * 784))
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, count) + bytes(range(count)))
    read = module.datasets.MNIST(str(tmp_path), train=True, download=False)
    assert read.data.shape == (3, 28, 28) and read.targets.tolist() == [0, 1, 2]
    image, label = module.datasets.MNIST(str(tmp_path), train=False)[1]
    assert image.size == (28, 28) and label == 1
