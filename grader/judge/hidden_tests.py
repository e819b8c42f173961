"""Runs an exercise's hidden tests with pytest, in this process, on one trial."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections import OrderedDict
from collections.abc import Iterator

import pytest
from _pytest.config import _prepareconfig

from ..errors import ContentError, GraderError
from ..model import Exercise
from .trial import Local, Trial
from .verdict_plugin import JudgePlugin

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


class Collected:
    """One exercise's hidden tests: collected once by pytest, then run on one trial after another.

    Collecting costs more than half of what running them does, and a class or a watched file asks for them again and
    again. pytest itself allows an item to be run more than once.
    """

    def __init__(self, exercise: Exercise, devices: tuple[str, ...]) -> None:
        folder = str(exercise.tests)
        self.trial = Trial(exercise, Local(exercise, {}), 0, devices, training="full")
        self.plugin = JudgePlugin(lambda _: self.trial)
        self.said: list[str] = []
        self.config = _prepareconfig(
            [folder, "--rootdir", folder, "--confcutdir", folder, *OPTIONS], [self.plugin, self]
        )
        self.config._do_configure()
        self.config.pluginmanager.unregister(name="terminalreporter")  # it would keep every report
        self.session = pytest.Session.from_config(self.config)
        self.config.hook.pytest_sessionstart(session=self.session)
        self.config.hook.pytest_collection(session=self.session)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep why a file cannot be collected."""
        if report.failed:
            self.said.append(str(report.longrepr))

    def run(self, trial: Trial) -> None:
        """Run the tests that a trial asks for."""
        self.trial = trial
        items = [item for item in self.session.items if self.plugin.wanted(item)]
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


_collected: OrderedDict[object, Collected] = OrderedDict()
KEPT = 12
"""Exercises whose collected tests are kept."""


def conduct(trial: Trial) -> Trial:
    """Put a trial before every hidden test of its exercise; its verdicts and transcript are filled in.

    Raises:
        ContentError: if the tests cannot be collected or there are none.
    """
    folder = trial.exercise.tests
    if not any(folder.glob("test_*.py")):
        raise ContentError(f"{trial.exercise.id}: there are no hidden tests in {folder}")
    key = (trial.exercise, trial.devices, tuple(file.stat().st_mtime_ns for file in sorted(folder.glob("*.py"))))
    said = io.StringIO()
    tests: Collected | None = None
    try:
        with _quiet_environment(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            tests = _collected.pop(key, None) or _collect(trial)
            tests.run(trial)
    except (GraderError, KeyboardInterrupt):
        raise
    except (Exception, SystemExit) as error:
        text = f"{trial.exercise.id}: its hidden tests could not be run: {error!r}\n{said.getvalue()[-3000:]}"
        raise ContentError(text) from error
    _collected[key] = tests  # only what has ended well is used again
    while len(_collected) > KEPT:
        _collected.popitem(last=False)
    return trial


def _collect(trial: Trial) -> Collected:
    try:
        tests = Collected(trial.exercise, trial.devices)
    finally:
        for file in trial.exercise.tests.glob("test_*.py"):  # another exercise's file of that name is not this one
            sys.modules.pop(file.stem, None)
    if tests.said or not tests.session.items:
        why = "\n".join(tests.said)[-3000:] or "there are none"
        raise ContentError(f"{trial.exercise.id}: its hidden tests could not be collected\n{why}")
    return tests


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
