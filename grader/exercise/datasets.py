"""MNIST, which ships with the kit: unpacked once into a cache folder, checked, and read through torchvision.

`NNKATA_DATA` (or `--data`) names an existing torchvision root to be used instead. Nothing here needs a network.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import lzma
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import GraderError, UsageError
from ..files import find_home_folder

if TYPE_CHECKING:
    from torch import Tensor

BUNDLED = Path(__file__).resolve().parent / "mnist"
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
DATASETS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
"""Torchvision's class for each dataset, by name.

Fashion-MNIST is not bundled: it is read from the root that NNKATA_DATA names, or from Debian's package
dataset-fashion-mnist.
"""

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


def cache_folder() -> Path:
    """Return the folder for unpacked data: `NNKATA_CACHE`, or the user's cache folder.

    A user without a home folder gets one among the temporary files: what is in it is checked before every use.
    """
    if named := os.environ.get("NNKATA_CACHE"):
        return Path(named)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "nnkata"
    home = find_home_folder()
    return home / ".cache" / "nnkata" if home else Path(tempfile.gettempdir()) / f"nnkata-{os.getuid()}"


def root(name: str = "mnist", data: Path | None = None) -> Path:
    """Return a torchvision root that holds a dataset: `data`, or the one that NNKATA_DATA names, or the cache.

    The cache is filled first if necessary.

    Raises:
        UsageError: Fashion-MNIST is requested but is unavailable.
        GraderError: the shipped files are damaged, or the cache cannot be written.
    """
    if named := data or os.environ.get("NNKATA_DATA"):
        return Path(named)
    folder = cache_folder()
    raw = folder / DATASETS[name] / "raw"
    try:
        if name == "mnist" and not _is_complete(raw):
            _unpack(raw, _read_bundled)
        if name == "fashion-mnist" and not all((raw / file).is_file() for file in SHA256):
            if not DEBIAN_FOLDER.is_dir():
                raise UsageError(
                    "Fashion-MNIST is unavailable: set NNKATA_DATA (or --data) to a torchvision root that contains it,"
                    " or install Debian's package dataset-fashion-mnist."
                )
            _unpack(raw, _read_debian)
    except OSError as error:
        raise GraderError(
            f"{DATASETS[name]} cannot be unpacked into {folder} ({error}): set NNKATA_CACHE to a writable folder"
        ) from None
    return folder


def _is_complete(raw: Path) -> bool:
    """Return True if every file is there with the right contents."""
    for name, expected in SHA256.items():
        try:
            with open(raw / name, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != expected:
                    return False
        except OSError:
            return False
    return True


def _read_bundled(name: str) -> bytes:
    """Return one of the bundled files, unpacked; GraderError if it is damaged."""
    data = lzma.decompress((BUNDLED / f"{name}.xz").read_bytes())
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        raise GraderError(f"the bundled copy of {name} is damaged: reinstall nnkata")
    return data


def _read_debian(name: str) -> bytes:
    return gzip.decompress((DEBIAN_FOLDER / f"{name}.gz").read_bytes())


def _unpack(raw: Path, contents: Callable[[str], bytes]) -> None:
    """Unpack into a temporary folder, then move into place.

    Two processes may do this at once: their files are the same, so either's will do.
    """
    raw.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=raw.parent, prefix=".unpacking-"))
    try:
        for name in SHA256:
            (beside / name).write_bytes(contents(name))
        raw.mkdir(exist_ok=True)
        for name in SHA256:
            os.replace(beside / name, raw / name)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(beside)


@cache
def load(name: str, *, train: bool, data: Path | None = None) -> tuple[Tensor, Tensor]:
    """Return a dataset's images, uint8 `(N, 28, 28)`, and labels, int64 `(N,)`, read through torchvision.

    Args:
        name: a key of `DATASETS`.
        train: true for the training set, false for the test set.
        data: see `root`.
    """
    from ..worker.torchvision_compat import import_torchvision

    if name not in DATASETS:
        raise UsageError(f"There is no dataset {name!r}: choose {' or '.join(DATASETS)}.")
    folder = root(name, data)
    module, how = import_torchvision()
    if module is None:
        raise GraderError(f"torchvision, which reads MNIST, cannot be imported: {how}")
    try:
        dataset = getattr(module.datasets, DATASETS[name])(str(folder), train=train, download=False)
    except RuntimeError:
        raise UsageError(
            f"{folder} does not contain {DATASETS[name]}:"
            f" set NNKATA_DATA to a torchvision root with {DATASETS[name]}/raw/."
        ) from None
    return dataset.data, dataset.targets.to(dtype=dataset.targets.dtype)
