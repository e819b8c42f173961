"""The kit as a wheel, made of the files that are here: of a checkout and of an installed kit alike."""

from __future__ import annotations

import base64
import hashlib
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from ..errors import GraderError
from ..exercise.catalog import KIT

TAG = "py3-none-any"


def build(folder: Path) -> Path:
    """Write the wheel into a folder; its path."""
    try:
        found = metadata.distribution("nnkata")
    except metadata.PackageNotFoundError:
        raise GraderError("nnkata is not installed, so no wheel can be made of it: pip install it first.") from None
    file = folder / f"nnkata-{found.version}-{TAG}.whl"
    facts = f"nnkata-{found.version}.dist-info"
    texts = {f"nnkata/{path.relative_to(KIT).as_posix()}": path.read_bytes() for path in files()}
    texts[f"{facts}/METADATA"] = (found.read_text("METADATA") or found.read_text("PKG-INFO") or "").encode()
    texts[f"{facts}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: nnkata\nRoot-Is-Purelib: true\nTag: {TAG}\n".encode()
    texts[f"{facts}/entry_points.txt"] = b"[console_scripts]\nnnkata = nnkata.cli:main\n"
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in texts.items())
    texts[f"{facts}/RECORD"] = f"{record}{facts}/RECORD,,\n".encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in texts.items():
            archive.writestr(name, data)
    return file


def files() -> Iterator[Path]:
    """The package's files: those that pyproject.toml names in a checkout, all of them where it is installed."""
    project = KIT / "pyproject.toml"
    if not project.is_file():
        yield from (file for file in sorted(KIT.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)
        return
    table = tomllib.loads(project.read_text("utf-8"))["tool"]["setuptools"]
    for package in table["packages"]:
        folder = KIT / package.removeprefix("nnkata").replace(".", "/").lstrip("/")
        for pattern in ("*.py", *table["package-data"].get(package, ())):
            yield from (file for file in sorted(folder.glob(pattern)) if file.is_file())


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
