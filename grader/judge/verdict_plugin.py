"""The pytest plugin that puts a student before hidden tests and turns what happens in each into a verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from ..errors import ContentError, GraderError
from ..model import RUNGS, Failure, Status
from . import accuracy_bars
from .describe import clean
from .judge import Judge, NotHere, WrongAnswer
from .trial import Trial, Verdict

JUDGE = pytest.StashKey[Judge]()


class Draw:
    """Inputs drawn afresh for one test, from the run's seed and the test's name; the fixture `draw`."""

    def __init__(self, seed: int, test: str) -> None:
        digest = hashlib.sha256(f"{seed}:{test}".encode()).digest()
        self.generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32, scale: float = 1.0) -> torch.Tensor:
        """Standard normal values times `scale`."""
        drawn = torch.empty(shape, dtype=torch.float64).normal_(generator=self.generator)
        return (drawn * scale).to(dtype)

    def uniform(
        self, *shape: int, low: float = 0.0, high: float = 1.0, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Values from U(low, high)."""
        drawn = torch.empty(shape, dtype=torch.float64).uniform_(generator=self.generator)
        return (low + (high - low) * drawn).to(dtype)

    def integers(self, high: int, *shape: int, low: int = 0, dtype: torch.dtype = torch.int64) -> torch.Tensor:
        """Whole numbers from low to high − 1."""
        return torch.randint(low, high, shape, generator=self.generator).to(dtype)

    def integer(self, low: int, high: int) -> int:
        """One whole number from low to high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def permutation(self, count: int) -> torch.Tensor:
        """0 … count − 1 in random order."""
        return torch.randperm(count, generator=self.generator)

    def layouts(self, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """The same values in other memory layouts: every second of a larger tensor, transposed, with an offset."""
        spaced = torch.zeros(*tensor.shape[:-1], tensor.shape[-1] * 2, dtype=tensor.dtype)
        spaced[..., ::2] = tensor
        yield "every second element of a larger tensor", spaced[..., ::2]
        if tensor.dim() > 1:
            yield "transposed", tensor.transpose(0, -1).contiguous().transpose(0, -1)
        longer = torch.zeros(tensor.shape[0] + 1, *tensor.shape[1:], dtype=tensor.dtype)
        longer[1:] = tensor
        yield "a slice that begins inside of another tensor", longer[1:]


class JudgePlugin:
    """Runs hidden tests on the trials that `trial_of` gives for their folders."""

    def __init__(self, trial_of: Callable[[str], Trial]) -> None:
        self.trial_of = trial_of
        self.began = 0.0

    def trial(self, item: pytest.Item) -> Trial:
        return self.trial_of(item.path.parent.name)

    @pytest.hookimpl
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Each test that has a judge runs once a device."""
        if "judge" in metafunc.fixturenames:
            devices = self.trial_of(metafunc.definition.path.parent.name).devices
            if devices != ("cpu",):
                metafunc.parametrize("judge", devices, indirect=True)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item], config: pytest.Config) -> None:
        """Order by part and rung, and leave out the parts that were not asked for."""
        kept = []
        for item in items:
            part, rung = about(item)
            trial = self.trial(item)
            order = [p.name for p in trial.exercise.parts]
            if part not in order or rung not in RUNGS:
                raise ContentError(f"{item.nodeid}: mark it with a part of {trial.exercise.id} and a rung")
            if self.wanted(item):
                kept.append(((trial.exercise.id, order.index(part), RUNGS.index(rung)), item))
        kept.sort(key=lambda pair: pair[0])
        items[:] = [item for _, item in kept]

    def wanted(self, item: pytest.Item) -> bool:
        """Whether the trial asks for a test: its part, and its bar if it is one."""
        part, rung = about(item)
        trial = self.trial(item)
        if rung == "bar" and not _wants_bar(trial, item):
            return False
        return not trial.only or part in trial.only

    @pytest.fixture
    def judge(self, request: pytest.FixtureRequest) -> Judge:
        """What a hidden test asks of the student; see `Judge`."""
        trial = self.trial(request.node)
        device = getattr(request, "param", "cpu")
        if device != "cpu" and not trial.gpu:
            raise NotHere("there is no GPU here")
        judge = Judge(trial, _short_id(request.node), about(request.node)[0], device)
        request.node.stash[JUDGE] = judge
        return judge

    @pytest.fixture
    def draw(self, request: pytest.FixtureRequest) -> Draw:
        """Seeded random inputs; see `Draw`."""
        return Draw(self.trial(request.node).seed, _short_id(request.node))

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Any:
        """At a test's end the answers to its questions are looked at. A wrong one counts, whatever came after it."""
        judge = pyfuncitem.stash.get(JUDGE, None)
        try:
            done = yield
        except Exception:
            if judge:
                judge.settle()
            raise
        if judge:
            judge.settle()
        return done

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Turn what happened in a test into a verdict."""
        report = yield
        if call.when == "teardown" or (call.when == "setup" and call.excinfo is None):
            return report
        status, message, failure = self.judged(item, call.excinfo)
        static = call.excinfo is not None and isinstance(call.excinfo.value, WrongAnswer) and call.excinfo.value.static
        marker = item.get_closest_marker("bar")
        points = accuracy_bars.named(self.trial(item).exercise, marker.args[0]).points if marker else None
        part, rung = about(item)
        judge = item.stash.get(JUDGE, None)
        device = judge.device if judge else "cpu"
        function = getattr(item, "originalname", item.name)
        test = _short_id(item)
        self.trial(item).judge(
            Verdict(test, function, part, rung, device, status, message, call.duration, failure, points, static)
        )
        if status == "skip":
            report.outcome = "skipped"
            report.longrepr = (str(item.path), 0, message)
        elif status in ("fail", "error"):
            report.longrepr = message if status == "fail" else f"the grader failed: {message}"
        return report

    @staticmethod
    def judged(
        item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException] | None
    ) -> tuple[Status, str, Failure | None]:
        """Status and message of a test that raised this, or nothing."""
        if excinfo is None:
            judge = item.stash.get(JUDGE, None)
            if judge is None or not judge.earned:
                return "error", "this test asks for no value, so passing it proves nothing", None
            return "pass", "", None
        error = excinfo.value
        if isinstance(error, WrongAnswer):
            return "fail", clean(str(error)), error.failure
        if isinstance(error, NotHere):
            return "skip", clean(str(error)), None
        if isinstance(error, GraderError):
            return "error", str(error), None
        place = excinfo.traceback[-1]
        file = getattr(place.path, "name", place.path)
        return "error", f"{type(error).__name__}: {error} ({file}:{place.lineno + 1})", None


def _wants_bar(trial: Trial, item: pytest.Item) -> bool:
    quick = item.get_closest_marker("bar")
    is_quick = bool(quick and accuracy_bars.named(trial.exercise, quick.args[0]).quick)
    return trial.training == "full" or (trial.training == "quick" and is_quick)


def about(item: pytest.Item) -> tuple[str, str]:
    """The part and the rung that a hidden test is marked with."""
    part, rung = item.get_closest_marker("part"), item.get_closest_marker("rung")
    return (part.args[0] if part else "", rung.args[0] if rung else "")


def _short_id(item: pytest.Item) -> str:
    return f"{item.path.name}::{item.name}"
