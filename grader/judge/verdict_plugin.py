"""The pytest plugin of hidden tests: gives each its judge, and turns what happens in it into a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ..errors import ContentError, GraderError
from ..model import RUNGS, Failure, Status
from . import accuracy_bars
from .describe import clean
from .draw import Draw
from .examiner import Unsupported, WrongAnswer
from .judge import Judge
from .trial import Trial, Verdict

JUDGE = pytest.StashKey[Judge]()


@dataclass(frozen=True)
class Finding:
    """The status of a test, and why."""

    status: Status
    message: str = ""
    failure: Failure | None = None
    static: bool = False


class JudgePlugin:
    """Runs hidden tests on the trials that `trial_of` gives for their folders."""

    def __init__(self, trial_of: Callable[[str], Trial]) -> None:
        self.trial_of = trial_of

    def trial(self, item: pytest.Item) -> Trial:
        """Return the trial that a test belongs to."""
        return self.trial_of(item.path.parent.name)

    @pytest.hookimpl
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test that has a judge once per device."""
        if "judge" in metafunc.fixturenames:
            devices = self.trial_of(metafunc.definition.path.parent.name).devices
            if devices != ("cpu",):
                metafunc.parametrize("judge", devices, indirect=True)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Order by part and rung, and leave out the parts that were not asked for."""
        ordered = []
        for item in items:
            part, rung = part_and_rung(item)
            trial = self.trial(item)
            parts = [p.name for p in trial.exercise.parts]
            if part not in parts or rung not in RUNGS:
                raise ContentError(f"{item.nodeid}: mark it with a part of {trial.exercise.id} and a rung")
            if self.is_selected(item):
                ordered.append(((trial.exercise.id, parts.index(part), RUNGS.index(rung)), item))
        ordered.sort(key=lambda pair: pair[0])
        items[:] = [item for _, item in ordered]

    def is_selected(self, item: pytest.Item) -> bool:
        """Return True if the trial asks for a test: its part, and its bar if it is one."""
        part, rung = part_and_rung(item)
        trial = self.trial(item)
        if rung == "bar" and not _selects_bar(trial, item):
            return False
        return not trial.only or part in trial.only

    @pytest.fixture
    def judge(self, request: pytest.FixtureRequest) -> Judge:
        """Ask the student; see `Judge`."""
        trial = self.trial(request.node)
        device = getattr(request, "param", "cpu")
        if device != "cpu" and not trial.gpu:
            raise Unsupported("there is no GPU here")
        judge = Judge(trial, test=_short_id(request.node), part=part_and_rung(request.node)[0], device=device)
        request.node.stash[JUDGE] = judge
        return judge

    @pytest.fixture
    def draw(self, request: pytest.FixtureRequest) -> Draw:
        """Draw seeded random inputs; see `Draw`."""
        return Draw(self.trial(request.node).seed, _short_id(request.node))

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Any:  # Any: of no interest to pytest
        """Check the answers to a test's questions when it ends. A wrong one counts, whatever came after it."""
        judge = pyfuncitem.stash.get(JUDGE, None)
        try:
            returned = yield
        except Exception:  # whatever the test stumbled over; raised again if no answer was wrong
            if judge:
                judge.check_answers()
            raise
        if judge:
            judge.check_answers()
        return returned

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:  # Any: a TestReport
        """Turn what happened in a test into a verdict."""
        report = yield
        if call.when == "teardown" or (call.when == "setup" and call.excinfo is None):
            return report
        judge = item.stash.get(JUDGE, None)
        finding = _finding(item, call.excinfo, judge)
        self.trial(item).record(_verdict(self.trial(item), item, finding, judge, call.duration))
        if finding.status == "skip":
            report.outcome = "skipped"
            report.longrepr = (str(item.path), 0, finding.message)
        elif finding.status == "fail":
            report.longrepr = finding.message
        elif finding.status == "error":
            report.longrepr = f"the grader failed: {finding.message}"
        return report


def _finding(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException] | None, judge: Judge | None) -> Finding:
    """Return the status of a test that raised this, or nothing."""
    if excinfo is None:
        if judge is None or not judge.values_checked:
            return Finding("error", "this test asks for no value, so passing it proves nothing")
        return Finding("pass")
    error = excinfo.value
    if isinstance(error, WrongAnswer):
        return Finding("fail", clean(str(error)), error.failure, error.static)
    if isinstance(error, Unsupported):
        return Finding("skip", clean(str(error)))
    if isinstance(error, GraderError):
        return Finding("error", str(error))
    entry = excinfo.traceback[-1]
    where = f"{getattr(entry.path, 'name', entry.path)}:{entry.lineno + 1}"
    if entry.path != item.path:  # a test that several exercises share, or something that it calls
        where += f", in {item.path.parent.name}/{item.path.name}"
    return Finding("error", f"{type(error).__name__}: {error} ({where})")


def _verdict(trial: Trial, item: pytest.Item, finding: Finding, judge: Judge | None, seconds: float) -> Verdict:
    part, rung = part_and_rung(item)
    marker = item.get_closest_marker("bar")
    return Verdict(
        id=_short_id(item),
        function=getattr(item, "originalname", item.name),
        part=part,
        rung=rung,
        device=judge.device if judge else "cpu",
        status=finding.status,
        message=finding.message,
        seconds=seconds,
        failure=finding.failure,
        points=accuracy_bars.find_bar(trial.exercise, marker.args[0]).points if marker else None,
        static=finding.static,
    )


def _selects_bar(trial: Trial, item: pytest.Item) -> bool:
    marker = item.get_closest_marker("bar")
    is_quick = bool(marker and accuracy_bars.find_bar(trial.exercise, marker.args[0]).quick)
    return trial.training == "full" or (trial.training == "quick" and is_quick)


def part_and_rung(item: pytest.Item) -> tuple[str, str]:
    """Return the part and the rung that a hidden test is marked with; empty where there is no mark."""
    part, rung = item.get_closest_marker("part"), item.get_closest_marker("rung")
    return (part.args[0] if part else "", rung.args[0] if rung else "")


def _short_id(item: pytest.Item) -> str:
    return f"{item.path.name}::{item.name}"
