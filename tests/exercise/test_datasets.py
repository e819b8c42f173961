"""MNIST ships with the kit: unpacked once, checked, rebuilt when damaged, safe for two at once, without a network."""

import gzip
import struct
import subprocess
import sys

import pytest
from nnkata.grader.errors import UsageError
from nnkata.grader.exercise import catalog, datasets
from nnkata.grader.judge import accuracy_bars


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNKATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NNKATA_DATA", raising=False)
    datasets.load.cache_clear()
    yield tmp_path / "cache"
    datasets.load.cache_clear()


def test_all_of_mnist_is_read_through_torchvision(cache):
    images, labels = datasets.load("mnist", train=True)
    assert tuple(images.shape) == (60_000, 28, 28)
    assert labels[:5].tolist() == [5, 0, 4, 1, 9]
    images, labels = datasets.load("mnist", train=False)
    assert tuple(images.shape) == (10_000, 28, 28)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_a_damaged_cache_is_noticed_and_rebuilt(cache):
    raw = datasets.root() / "MNIST" / "raw"
    file = raw / "t10k-labels-idx1-ubyte"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"\x0b")
    datasets.root()
    assert file.read_bytes() == whole
    file.unlink()
    datasets.root()
    assert file.read_bytes() == whole
    assert not list(raw.parent.glob(".unpacking-*"))


def test_two_processes_may_unpack_at_once(cache):
    command = [sys.executable, "-c", "from nnkata.grader.exercise import datasets; datasets.root()"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        assert process.wait(120) == 0, process.stderr.read()
        process.stderr.close()
    assert datasets._is_complete(cache / "MNIST" / "raw")


def test_another_root_is_used_as_it_is_and_named_when_it_lacks_the_data(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("NNKATA_DATA", str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="does not contain MNIST"):
        datasets.load("mnist", train=True)
    assert not cache.exists()
    with pytest.raises(UsageError, match="no dataset"):
        datasets.load("cifar", train=True)


def test_fashion_mnist_is_taken_from_where_debian_puts_it(cache, tmp_path, monkeypatch):
    packed = tmp_path / "fashion-mnist"
    packed.mkdir()
    for name, count in (("train", 3), ("t10k", 2)):
        images = struct.pack(">IIII", 0x803, count, 28, 28) + bytes(range(28)) * 28 * count
        labels = struct.pack(">II", 0x801, count) + bytes(range(count))
        (packed / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (packed / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    monkeypatch.setattr(datasets, "DEBIAN_FOLDER", packed)
    images, labels = datasets.load("fashion-mnist", train=True)
    assert tuple(images.shape) == (3, 28, 28) and labels.tolist() == [0, 1, 2]
    assert tuple(datasets.load("fashion-mnist", train=False)[0].shape) == (2, 28, 28)


def test_without_fashion_mnist_it_is_said_where_to_get_it(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "DEBIAN_FOLDER", tmp_path / "nowhere")
    with pytest.raises(UsageError, match="dataset-fashion-mnist"):
        datasets.load("fashion-mnist", train=True)


def test_a_bar_has_a_height_of_its_own_on_fashion_mnist():
    for exercise in catalog.exercises():
        for bar in exercise.bars:
            assert accuracy_bars.at_dataset(bar, "mnist") == bar
            assert 0 < accuracy_bars.at_dataset(bar, "fashion-mnist").threshold == bar.fashion < 1


def test_the_test_images_of_a_bar_are_in_an_order_of_their_own_and_never_the_same(cache):
    exercise = catalog.find("06")
    bar = accuracy_bars.find_bar(exercise, "quick")
    one, other = (accuracy_bars.training_data(exercise, bar, seed, dataset="mnist") for seed in (1, 2))
    assert (one.truth != other.truth).any()
    again = accuracy_bars.training_data(exercise, bar, 1, dataset="mnist")
    assert (again.truth == one.truth).all() and (again.test == one.test).all()
    shipped = {image.numpy().tobytes() for image in datasets.load("mnist", train=False)[0]}
    assert not any(image.numpy().tobytes() in shipped for image in one.test[:200])


def test_wrong_predictions_are_measured_as_such_and_malformed_ones_are_refused(cache):
    exercise = catalog.find("06")
    bar = accuracy_bars.find_bar(exercise, "quick")
    given = accuracy_bars.training_data(exercise, bar, 1, dataset="mnist")
    right = accuracy_bars.measure(bar, given, {"predictions": given.truth, "losses": [2.0, 1.0]}, 0.1)
    assert right.accuracy == 1.0
    wrong = accuracy_bars.measure(bar, given, {"predictions": (given.truth + 1) % 10}, 0.1)
    assert wrong.accuracy == 0.0
    assert sum(map(sum, wrong.confusion)) == len(given.truth)
    outside = accuracy_bars.measure(bar, given, {"predictions": given.truth + 1000}, 0.1)
    assert outside.accuracy == 0.0
    for malformed in (None, {}, {"predictions": given.truth[:-1]}, {"predictions": given.truth.float()}):
        assert isinstance(accuracy_bars.measure(bar, given, malformed, 0.1), str)
