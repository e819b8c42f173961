"""The kit as a wheel, built from the files that are here, those of a checkout or of an installed kit."""

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
    """Write the wheel into a folder; return its path.

    Raises:
        GraderError: nnkata is not installed.
    """
    try:
        installed = metadata.distribution("nnkata")
    except metadata.PackageNotFoundError:
        raise GraderError("nnkata is not installed, so no wheel can be built from it: pip install it first.") from None
    file = folder / f"nnkata-{installed.version}-{TAG}.whl"
    dist_info = f"nnkata-{installed.version}.dist-info"
    contents = {f"nnkata/{path.relative_to(KIT).as_posix()}": path.read_bytes() for path in files()}
    contents[f"{dist_info}/METADATA"] = (
        installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    ).encode()
    contents[f"{dist_info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: nnkata\nRoot-Is-Purelib: true\nTag: {TAG}\n".encode()
    )
    contents[f"{dist_info}/entry_points.txt"] = b"[console_scripts]\nnnkata = nnkata.cli:main\n"
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in contents.items())
    contents[f"{dist_info}/RECORD"] = f"{record}{dist_info}/RECORD,,\n".encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return file


def files() -> Iterator[Path]:
    """Yield the package's files: those that pyproject.toml names in a checkout, all of them where it is installed."""
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
