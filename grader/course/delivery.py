"""Exercises handed to other systems: an autograder for Gradescope, a template repository for GitHub Classroom."""

from __future__ import annotations

import shlex
import tempfile
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from .. import files
from ..errors import UsageError
from ..exercise import catalog
from ..model import Exercise
from ..workspace import workspace
from . import wheel
from .autograder import AutograderSettings

TEMPLATES = Path(__file__).resolve().parent / "templates"
EXECUTABLE, PLAIN = 0o100755, 0o100644
WORKFLOW = Path(".github") / "workflows" / "classroom.yml"


def exercises(names: Sequence[str], folder: Path) -> list[Exercise]:
    """Return the exercises that names stand for: an assignment of the course in `folder`, or exercises themselves."""
    by_id: dict[str, Exercise] = {}
    for name in names:
        assignment = folder / "source" / name
        if assignment.is_dir() and Path(name).name == name:
            known = set(catalog.ids())
            ids = sorted(file.stem for file in assignment.glob("*.ipynb") if file.stem in known)
            if not ids:
                raise UsageError(
                    f"{assignment} contains no notebook of an exercise. Make some: nnkata course assign {name} ID"
                )
        else:
            ids = [catalog.resolve(name)]
        by_id |= {name: catalog.find(name) for name in ids}
    return [by_id[name] for name in sorted(by_id)]


def write_gradescope(file: Path, chosen: Sequence[Exercise], settings: AutograderSettings) -> None:
    """Write an autograder for Gradescope: a zip with `setup.sh`, `run_autograder`, and the kit as a wheel."""
    if file.suffix != ".zip":
        raise UsageError(f"{file}: the autograder is a zip file, so give it a name like autograder.zip.")
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / "autograder.zip"
        built = wheel.build(Path(folder))
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, template in (("setup.sh", "gradescope_setup.sh"), ("run_autograder", "gradescope_run.sh")):
                _add_text(archive, name, (TEMPLATES / template).read_text("utf-8"), EXECUTABLE)
            _add_text(archive, "settings.json", settings.to_json(), PLAIN)
            archive.write(built, built.name)
            for path in own_content(chosen):
                archive.write(path, f"content/{path.relative_to(_root(path)).as_posix()}")
        try:
            file.write_bytes(beside.read_bytes())
        except OSError as error:
            raise UsageError(f"{file} cannot be written ({error.strerror}): choose another path with -o.") from None


def own_content(chosen: Sequence[Exercise]) -> list[Path]:
    """Return the files of exercises that are not the kit's own."""
    paths: list[Path] = []
    for exercise in chosen:
        if catalog.KIT not in exercise.folder.parents:
            for folder in (exercise.folder, exercise.solution.parent, exercise.tests):
                paths += [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix != ".pyc"]
    return paths


def _root(path: Path) -> Path:
    """Return the content root that a file of an exercise lies in."""
    return path.parents[3] if path.parent.parent.name == "hidden" else path.parents[2]


def _add_text(archive: zipfile.ZipFile, name: str, text: str, mode: int) -> None:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
    archive.writestr(entry, text)


def write_classroom(
    folder: Path, chosen: Sequence[Exercise], level: str, package: str = ""
) -> tuple[list[str], list[str]]:
    """Make a template repository: the exercises, a workflow that grades them at every push, a README.

    Args:
        package: what the workflow installs; this version of nnkata by default.

    Returns:
        The files written and those that were there and are kept.
    """
    if foreign := [one.id for one in chosen if catalog.KIT not in one.folder.parents]:
        raise UsageError(
            f"{', '.join(foreign)}: your own exercises would reach every student's repository already solved."
        )
    try:
        written, kept = workspace.create(folder, list(chosen))
        ids = " ".join(one.id for one in chosen)
        values = {
            "ids": ids,
            "level": level,
            "package": shlex.quote(package or f"nnkata=={metadata.version('nnkata')}"),
        }
        for name, template in ((WORKFLOW, "classroom.yml"), (Path("README.md"), "classroom_readme.md")):
            text = (TEMPLATES / template).read_text("utf-8")
            for key, value in values.items():
                text = text.replace("{" + key + "}", value)
            (kept if (folder / name).exists() else written).append(str(name))
            if not (folder / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                files.write_whole(folder / name, text)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): choose another folder.") from None
    return written, kept
