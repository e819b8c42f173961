"""Runs an exercise's hidden tests with pytest, in this process, on one trial."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator

import pytest

from .errors import ContentError
from .judging import JudgePlugin
from .trial import Trial

OPTIONS = (
    "-q",
    "--import-mode=importlib",
    "--assert=plain",
    "--tb=line",  # nobody reads the tracebacks, and writing them takes longer than all the tests
    "--capture=no",
    "-c",
    os.devnull,
    "-W",
    "ignore",
    *(
        f"-pno:{name}"
        for name in (
            "cacheprovider",
            "junitxml",
            "doctest",
            "unittest",
            "faulthandler",
            "stepwise",
            "pastebin",
            "setuponly",
            "setupplan",
            "debugging",
            "recwarn",
            "logging",
            "threadexception",
            "unraisableexception",
            "legacypath",
        )
    ),
)


def conduct(trial: Trial) -> Trial:
    """Put a trial before every hidden test of its exercise; its verdicts and transcript are filled in.

    Raises:
        ContentError: if the tests cannot be collected or there are none.
    """
    folder = trial.exercise.tests
    if not any(folder.glob("test_*.py")):
        raise ContentError(f"{trial.exercise.id}: there are no hidden tests in {folder}")
    said = io.StringIO()
    with _quiet_environment(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.main(
            [str(folder), "--rootdir", str(folder), "--confcutdir", str(folder), *OPTIONS],
            plugins=[JudgePlugin(lambda _: trial)],
        )
    for file in folder.glob("test_*.py"):  # another exercise's file of that name would be taken for this one
        sys.modules.pop(file.stem, None)
    if code in (pytest.ExitCode.INTERRUPTED,) and "KeyboardInterrupt" in said.getvalue():
        raise KeyboardInterrupt
    nothing = code == pytest.ExitCode.NO_TESTS_COLLECTED
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or (nothing and not trial.only):
        raise ContentError(f"{trial.exercise.id}: its hidden tests could not be run\n{said.getvalue()[-3000:]}")
    return trial


@contextlib.contextmanager
def _quiet_environment() -> Iterator[None]:
    """No plugins but ours, whatever is installed or set."""
    names = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_CURRENT_TEST")
    before = {name: os.environ.pop(name, None) for name in names}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
