"""Runs an exercise's hidden tests with pytest, in this process, on one trial.

pytest collects them once, then its run ends without having run any: a plugin of ours keeps the session, and runs its
items whenever a trial asks for them, through pytest's own hook for one test.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections import OrderedDict
from collections.abc import Iterator

import pytest

from ..errors import ContentError, GraderError
from ..model import Exercise
from .trial import Local, Trial
from .verdict_plugin import JudgePlugin

OPTIONS = (
    "-q",
    "--import-mode=importlib",
    "--assert=plain",
    "--tb=line",  # nobody reads the tracebacks, and writing them takes longer than all the tests
    "-c",
    os.devnull,
    "-W",
    "ignore",
    *(
        f"-pno:{name}"
        for name in (
            "capture",  # it ends with the run that collects the tests
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


class CollectedTests:
    """One exercise's hidden tests: collected once by pytest, then run on one trial after another.

    Collecting costs more than half of what running them does, and a class or a watched file asks for them again and
    again. pytest itself allows an item to be run more than once.
    """

    def __init__(self, exercise: Exercise, devices: tuple[str, ...]) -> None:
        self.trial = Trial(exercise, Local(exercise, {}), 0, devices, training="full")
        self.plugin = JudgePlugin(lambda _: self.trial)
        self.items: list[pytest.Item] = []
        self.errors: list[str] = []
        self.raised: BaseException | None = None
        folder = str(exercise.tests)
        pytest.main([folder, "--rootdir", folder, "--confcutdir", folder, *OPTIONS], plugins=[self.plugin, self])
        if self.raised:
            raise self.raised

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Drop the terminal's reporter: it would keep every report."""
        session.config.pluginmanager.unregister(name="terminalreporter")

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep why a file cannot be collected."""
        if report.failed:
            self.errors.append(str(report.longrepr))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Keep the tests instead of running them."""
        self.items = session.items
        return True

    @pytest.hookimpl
    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Keep what pytest would only print, such as an error in the tests' marks."""
        self.raised = excinfo.value
        return True

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep a Ctrl-C while tests are collected; pytest would only return."""
        self.raised = excinfo.value

    def run(self, trial: Trial) -> None:
        """Run the tests that a trial asks for."""
        self.trial = trial
        items = [item for item in self.items if self.plugin.is_selected(item)]
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


_collected: OrderedDict[object, CollectedTests] = OrderedDict()
MAX_COLLECTED = 12
"""Exercises whose collected tests are kept."""


def run_hidden_tests(trial: Trial) -> Trial:
    """Run every hidden test that a trial asks for, and return it with its verdicts and transcript filled in.

    Raises:
        ContentError: if the tests cannot be collected or there are none.
    """
    folder = trial.exercise.tests
    if not any(folder.glob("test_*.py")):
        raise ContentError(f"{trial.exercise.id}: there are no hidden tests in {folder}")
    key = (trial.exercise, trial.devices, tuple(file.stat().st_mtime_ns for file in sorted(folder.glob("*.py"))))
    printed = io.StringIO()
    try:
        with _without_other_plugins(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            tests = _collected.pop(key, None) or _collect(trial)
            tests.run(trial)
    except (GraderError, KeyboardInterrupt):
        raise
    except (Exception, SystemExit) as error:  # anything may go wrong in a teacher's own tests
        text = f"{trial.exercise.id}: its hidden tests could not be run: {error!r}\n{printed.getvalue()[-3000:]}"
        raise ContentError(text) from error
    _collected[key] = tests  # only what has ended well is used again
    while len(_collected) > MAX_COLLECTED:
        _collected.popitem(last=False)
    return trial


def _collect(trial: Trial) -> CollectedTests:
    try:
        tests = CollectedTests(trial.exercise, trial.devices)
    finally:
        for file in trial.exercise.tests.glob("test_*.py"):  # another exercise's file of that name is not this one
            sys.modules.pop(file.stem, None)
    if tests.errors or not tests.items:
        why = "\n".join(tests.errors)[-3000:] or "there are none"
        raise ContentError(f"{trial.exercise.id}: its hidden tests could not be collected\n{why}")
    return tests


@contextlib.contextmanager
def _without_other_plugins() -> Iterator[None]:
    """Keep pytest to our plugins, whatever is installed or set in the environment."""
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
