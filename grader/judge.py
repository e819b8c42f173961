"""The judge: a pytest plugin that runs hidden tests on a student and turns each into a verdict.

A hidden test asks its `judge` fixture to run a probe on the student, and the judge compares what comes back with what
the reference and PyTorch's built-in gave for the same inputs. Everything that a test asked is kept in a
transcript, from which `diagnose` finds the misconception that would have answered alike.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import pytest
import torch

from . import bars, compare, content, nocompiler, probing, wire
from .compare import Tolerance
from .errors import ContentError, GraderError, WireError
from .model import Bar, BarResult, Exercise, Failure, Outcome, RUNGS, Status, Value
from .telling import read_failure, told_call
from .wire import sent_device

Check = Callable[[Any], str | None]

nocompiler.install()
torch.set_num_threads(1)  # the grader works on small tensors, where threads only wait for each other

GPU_FACTOR = 30.0
"""How much wider tolerances are on a GPU, whose sums run in another order."""


class Student(Protocol):
    """Whatever answers probes: a confined worker, or a namespace in this process."""

    def run(
        self,
        part: str,
        probe: str,
        args: list[Any],
        options: dict[str, Any],
        device: str,
        seconds: float | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Outcome:
        """Run one probe of the exercise; a failure of the student's is an outcome, one of ours is raised.

        Args:
            seconds: wall time for a long call, instead of the exercise's usual limits.
            meanwhile: called while the student works, where that is another process.
        """
        ...


@dataclass(frozen=True)
class Local:
    """A namespace of this process as a student: the reference, a built-in, a misconception, or `--debug`."""

    exercise: Exercise
    namespace: Any
    file: str = ""

    def run(
        self,
        part: str,
        probe: str,
        args: list[Any],
        options: dict[str, Any],
        device: str,
        seconds: float | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Outcome:
        """See `Student.run`. Values travel through the wire format here too, so that all are told alike."""
        if meanwhile:
            meanwhile()
        began = time.perf_counter()
        sent = wire.decode(wire.encode([args, options], layout=True), layout=True, caps=wire.TRUSTED)
        assert isinstance(sent, list)
        function = _probe(self.exercise, probe)
        state = torch.random.get_rng_state()
        try:
            said = probing.run(probing.Submission(self.namespace), function, sent[0], sent[1], self.file, device)  # type: ignore[arg-type]
            raw = wire.decode(wire.encode(said), caps=wire.TRUSTED)
        finally:
            torch.random.set_rng_state(state)
        return outcome(raw, time.perf_counter() - began)


def _trusted(
    exercise: Exercise, namespace: Mapping[str, object], probe: str, args: list[Any], options: dict[str, Any]
) -> Outcome:
    """What our own code answers: as `Local`, but the shared probes, which change nothing, work on the inputs themselves."""
    if probe not in probing.SHARED:
        return Local(exercise, namespace).run("", probe, args, options, "cpu")
    state = torch.random.get_rng_state()
    said = probing.run(probing.Submission(namespace), _probe(exercise, probe), args, options, "")
    torch.random.set_rng_state(state)
    return outcome(wire.plain(said), 0.0)


def outcome(said: Value, seconds: float) -> Outcome:
    """The outcome that a worker's answer claims; WireError if it claims none."""
    if not isinstance(said, dict):
        raise WireError("the answer is not a dict")
    prints = said.get("prints")
    told = prints if isinstance(prints, str) else ""
    failure = said.get("failure")
    if failure is None:
        return Outcome(said.get("value"), None, told, seconds)
    return Outcome(None, read_failure(failure), told, seconds)


@dataclass(frozen=True)
class Case:
    """One question that a test asked: the probe and its inputs, what came back, and how answers are compared."""

    test: str
    part: str
    probe: str
    args: list[Any]
    options: dict[str, Any]
    answer: Outcome
    wrong: bool
    check: Check | None = None
    tolerance: Tolerance | None = None
    device: str = "cpu"

    def alike(self, other: Outcome) -> bool:
        """Whether another implementation's answer amounts to the same as the student's."""
        if self.answer.failure or other.failure:
            return _kind(self.answer.failure) == _kind(other.failure)
        if self.check:
            mine, theirs = (_complaint(self.check, value) for value in (self.answer.value, other.value))
            return without_numbers(mine) == without_numbers(theirs)
        if self.device == "elsewhere" and _devices(other.value) != _devices(self.answer.value):
            return False
        return compare.same(other.value, self.answer.value, self.tolerance)


@dataclass(frozen=True)
class Verdict:
    """One hidden test's verdict before points are given."""

    id: str
    function: str
    part: str
    rung: str
    device: str
    status: Status
    message: str
    seconds: float
    failure: Failure | None = None
    points: float | None = None


@dataclass
class Trial:
    """One submission before the judge: who answers, and what has been asked and found so far."""

    exercise: Exercise
    student: Student
    seed: int
    devices: tuple[str, ...] = ("cpu",)
    gpu: bool = False
    only: frozenset[str] = frozenset()
    training: Literal["none", "quick", "full"] = "none"
    dataset: str = "mnist"
    bars: list[BarResult] = field(default_factory=list)
    exempt: bool = (
        False  # the student is PyTorch itself, which need not make the checks that only the contract asks for
    )
    transcript: list[Case] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    on_verdict: Callable[[Verdict], None] | None = None

    def judge(self, verdict: Verdict) -> None:
        """Record a verdict."""
        self.verdicts.append(verdict)
        if self.on_verdict:
            self.on_verdict(verdict)


class WrongAnswer(Exception):
    """The student is wrong; `lines` say how."""

    def __init__(self, lines: tuple[str, ...], failure: Failure | None = None) -> None:
        super().__init__("\n".join(lines))
        self.lines, self.failure = lines, failure


class NotHere(Exception):
    """The question cannot be asked on this machine."""


class Judge:
    """What a hidden test asks of a student; the fixture `judge`.

    Each method runs one probe. `WrongAnswer` if the student is wrong, `GraderError` if the reference or the
    built-in is.
    """

    def __init__(self, trial: Trial, test: str, part: str, device: str) -> None:
        self.trial, self.test, self.part, self.device = trial, test, part, device
        self.builtin = True
        self.tolerance: Tolerance | None = None
        self.earned: list[str] = []
        self.question = [0]

    def using(self, *, tolerance: Tolerance | tuple[float, float] | None = None, builtin: bool = True) -> Judge:
        """A judge with its own tolerance (rtol, atol), or one that leaves PyTorch's built-in out."""
        other = Judge(self.trial, self.test, self.part, self.device)
        other.tolerance = Tolerance(*tolerance) if isinstance(tolerance, tuple) else tolerance
        other.builtin, other.earned, other.question = builtin, self.earned, self.question
        return other

    def value(self, *args: Any, **options: Any) -> None:
        """The part called with these arguments returns what the reference and the built-in return, and changes none."""
        self._agrees("call", [self.part, *args], options)

    def expect(self, expected: Value, *args: Any, **options: Any) -> None:
        """As `value`, and the result is also `expected`, a number or tensor worked out by hand."""
        self._agrees("call", [self.part, *args], options, by_hand=expected)

    def gradient(self, *args: Any, wrt: list[int] | None = None, **options: Any) -> None:
        """Result and gradients with respect to the arguments in `wrt` (default: the first) agree."""
        self._agrees("gradient", [self.part, *args], {**options, "wrt": [0] if wrt is None else wrt})

    def probe(self, name: str, *args: Any, **options: Any) -> None:
        """A probe of the exercise's `probes.py` gives what it gives on the reference and on the built-in."""
        self._agrees(name, list(args), options)

    def rejects(self, error: type[Exception], *args: Any, **options: Any) -> None:
        """The part called with these arguments raises `error`. Earns nothing alone: ask for a value in the same test."""
        self._not_stopped()
        if self.trial.exempt and not self.builtin:
            return
        args_ = [self.part, *args]
        self._trusted("call", args_, options, rejects=error)
        answer = self._ask("call", args_, options)
        names = answer.failure.bases if answer.failure and answer.failure.kind == "exception" else ()
        wrong = error.__name__ not in names
        self._record("call", args_, options, answer, wrong)
        if wrong:
            self._failed_call(answer, "call", args_, options) if answer.failure else None
            told = told_call(self.trial.exercise, "call", args_, options)
            raise WrongAnswer((told, f"this must raise a {error.__name__}; yours returned a value"))

    def holds(self, check: Check, name: str, *args: Any, **options: Any) -> None:
        """`check(value)` finds nothing to complain about in what a probe gives. For what is random or free in form.

        The complaint is one sentence; two implementations are wrong alike if their complaints differ in numbers only.
        """
        self._not_stopped()
        args_ = [self.part, *args] if name in probing.SHARED else list(args)
        for who, value in self._trusted(name, args_, options):
            if complaint := _complaint(check, value):
                raise GraderError(f"{self.test}: the {who} breaks the property: {complaint}")
        answer = self._ask(name, args_, options)
        complaint = None if answer.failure else _complaint(check, answer.value)
        self._record(name, args_, options, answer, bool(answer.failure or complaint), check)
        self._failed_call(answer, name, args_, options)
        if complaint:
            raise WrongAnswer((told_call(self.trial.exercise, name, args_, options), complaint))
        self.earned.append(name)

    def bar(self, name: str) -> None:
        """The student's training reaches the exercise's bar of that name. Its progress is reported meanwhile."""
        self._not_stopped()
        bar = bars.named(self.trial.exercise, name)
        result = next((done for done in self.trial.bars if bars.same_training(done.bar, bar)), None) or self._trained(
            bar
        )
        self.trial.bars.append(replace(result, bar=bar))
        if result.reached < bar.threshold:
            if bar.quick:
                self.trial.stopped[self.part] = f"not run: the short training misses its bar already (in {self.test})"
            raise WrongAnswer(bars.unreached(replace(result, bar=bar)))
        self.earned.append(name)

    def _trained(self, bar: Bar) -> BarResult:
        given = bars.material(self.trial.exercise, bar, self.trial.seed, self.trial.dataset, self.device)
        began = time.monotonic()
        answer = self.trial.student.run(self.part, bar.probe, given.args, given.options, "cpu", bar.seconds)
        told = f"{bar.name}: {bar.epochs} epochs on {bar.train:,} {bar.data}"
        if answer.failure:
            if answer.failure.kind in ("timeout", "crash"):
                self.trial.stopped[self.part] = f"not run: {answer.failure.message} (in {self.test})"
            raise WrongAnswer((told, *_failure_lines(answer.failure, self.part)), answer.failure)
        result = bars.measure(bar, given, answer.value, time.monotonic() - began)
        if isinstance(result, str):
            raise WrongAnswer((told, result))
        return result

    def elsewhere(self, *args: Any, **options: Any) -> None:
        """The part works with inputs that live on another device, and its result lives there.

        Without a GPU the inputs only pretend to: code that makes a tensor on the CPU, or moves one there, is found.
        """
        self._not_stopped()
        args_ = [self.part, *args]
        expected = self._trusted("call", args_, options)[0][1]
        answer = self._ask("call", args_, options, device="elsewhere")
        failure = answer.failure
        found = None
        if failure is None:
            assert isinstance(expected, dict)
            result = answer.value.get("result") if isinstance(answer.value, dict) else None
            found = compare.difference(result, expected["result"], tolerance=self.tolerance, device="elsewhere")
        followed = failure is None or "WrongDevice" in failure.bases
        if followed:
            self._record("call", args_, options, answer, bool(failure or found), device="elsewhere")
        if failure and failure.kind == "exception" and "WrongDevice" not in failure.bases:
            here = self._ask("call", args_, options)
            if here.failure is None:
                raise NotHere(
                    f"this code cannot be followed to another device here ({failure.type}: {failure.message[:80]})"
                )
        if failure and "WrongDevice" in failure.bases:
            told = told_call(self.trial.exercise, "call", args_, options)
            lines = tuple(f"line {line.number}: {line.text}" for line in failure.lines[-1:])
            raise WrongAnswer((told, "with inputs on another device than the CPU: " + failure.message, *lines), failure)
        self._failed_call(answer, "call", args_, options)
        if found:
            lines = found.lines
            if found.kind == "device":
                lines = ("the result lives on the CPU while its inputs live on another device",)
            raise WrongAnswer((told_call(self.trial.exercise, "call", args_, options), *lines))
        self.earned.append("elsewhere")

    # -- how a question is asked and answered --------------------------------------------------------------------

    def _agrees(self, name: str, args: list[Any], options: dict[str, Any], by_hand: Value = None) -> None:
        self._not_stopped()
        answers: list[Value] = []
        answer = self._ask(name, args, options, meanwhile=lambda: answers.append(self._expected(name, args, options)))
        expected = answers[0] if answers else self._expected(name, args, options)
        if by_hand is not None:
            assert isinstance(expected, dict)
            found = compare.difference(expected["result"], _like(by_hand, expected["result"]), tolerance=self.tolerance)
            if found:
                raise GraderError(
                    f"{self.test}: the number worked out by hand is not the reference's: {found.lines[0]}"
                )
        found = None if answer.failure else self._mismatch(name, args, options, answer.value, expected)
        self._record(name, args, options, answer, bool(answer.failure or found))
        self._failed_call(answer, name, args, options)
        if found:
            raise WrongAnswer((told_call(self.trial.exercise, name, args, options), *found.lines))
        self.earned.append(name)

    def _expected(self, name: str, args: list[Any], options: dict[str, Any]) -> Value:
        (_, expected), *others = self._trusted(name, args, options)
        for who, value in others:
            if found := compare.difference(value, expected, tolerance=self.tolerance):
                raise GraderError(f"{self.test}: the {who} and the reference disagree: {'; '.join(found.lines)}")
        return expected

    def _trusted(
        self, name: str, args: list[Any], options: dict[str, Any], rejects: type[Exception] | None = None
    ) -> list[tuple[str, Value]]:
        """What the reference gives and, where there is one, the built-in."""
        self.question[0] += 1
        key = (self.trial.exercise, self.trial.seed, self.test, self.question[0], self.builtin)
        if key not in _answers.known:
            _answers.keep(key, self._asked_of_trusted(name, args, options, rejects))
        return _answers.known[key]

    def _asked_of_trusted(
        self, name: str, args: list[Any], options: dict[str, Any], rejects: type[Exception] | None
    ) -> list[tuple[str, Value]]:
        exercise = self.trial.exercise
        who = [("reference", content.reference(exercise))]
        if self.builtin and exercise.part(self.part).builtin:
            who.append(("built-in", {**content.reference(exercise), self.part: content.builtins(exercise)[self.part]}))
        given = []
        for label, namespace in who:
            answer = _trusted(exercise, namespace, name, args, options)
            if rejects:
                if answer.failure is None or rejects.__name__ not in answer.failure.bases:
                    raise GraderError(f"{self.test}: the {label} does not raise {rejects.__name__}")
            elif answer.failure:
                raise GraderError(f"{self.test}: the {label} raised {answer.failure.type}: {answer.failure.message}")
            given.append((label, answer.value))
        return given

    def _mismatch(
        self, name: str, args: list[Any], options: dict[str, Any], actual: Value, expected: Value
    ) -> compare.Mismatch | None:
        tolerance = self._tolerance(expected)
        if name not in probing.SHARED:
            return compare.difference(actual, expected, tolerance=tolerance, device=self.device)
        if not isinstance(actual, dict) or not isinstance(expected, dict) or set(actual) != set(expected):
            return compare.Mismatch("type", ("what came back is not the answer to the question",))
        found = compare.difference(actual["result"], expected["result"], tolerance=tolerance, device=self.device)
        names = _argument_names(self.trial.exercise, self.part, args, options)
        if found is None and name == "call":
            before, after = expected["arguments"], actual["arguments"]
            assert isinstance(before, list)
            if not isinstance(after, list) or len(after) != len(before):
                return compare.Mismatch("type", ("what came back is not the answer to the question",))
            for label, a, b in zip(names, after, before, strict=True):
                if compare.difference(a, b, tolerance=compare.EXACT, device="any"):
                    return compare.Mismatch(
                        "changed", (f"the argument {label!r} was changed in place; work on a new tensor",)
                    )
        if found is None and name == "gradient":
            return _gradient_mismatch(
                actual["gradient"], expected["gradient"], names, options["wrt"], tolerance, self.device
            )
        return found

    def _tolerance(self, expected: Value) -> Tolerance | None:
        if self.device == "cpu":
            return self.tolerance
        wide = self.tolerance or compare.FLOAT
        return replace(wide, rtol=wide.rtol * GPU_FACTOR, atol=wide.atol * GPU_FACTOR)

    def _ask(
        self,
        name: str,
        args: list[Any],
        options: dict[str, Any],
        device: str | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Outcome:
        self._not_stopped()
        answer = self.trial.student.run(self.part, name, args, options, device or self.device, None, meanwhile)
        if answer.failure and answer.failure.kind in ("timeout", "crash"):
            self.trial.stopped[self.part] = f"not run: {answer.failure.message} (in {self.test})"
        elif answer.failure and answer.failure.kind == "import":
            self.trial.stopped[self.part] = "\n".join(_failure_lines(answer.failure, self.part))
        elif answer.failure and answer.failure.kind in ("unwritten", "missing") and not self._begun():
            self.trial.stopped[self.part] = _failure_lines(answer.failure, self.part)[0]
        return answer

    def _begun(self) -> bool:
        """Whether the part has answered anything yet."""
        return any(case.part == self.part and case.answer.failure is None for case in self.trial.transcript)

    def _not_stopped(self) -> None:
        if why := self.trial.stopped.get(self.part):
            raise WrongAnswer((why,))

    def _record(
        self,
        name: str,
        args: list[Any],
        options: dict[str, Any],
        answer: Outcome,
        wrong: bool,
        check: Check | None = None,
        device: str = "cpu",
    ) -> None:
        self.trial.transcript.append(
            Case(self.test, self.part, name, args, options, answer, wrong, check, self.tolerance, device)
        )

    def _failed_call(self, answer: Outcome, name: str, args: list[Any], options: dict[str, Any]) -> None:
        failure = answer.failure
        if failure is None:
            return
        told = (told_call(self.trial.exercise, name, args, options),)
        raise WrongAnswer(
            (
                *(() if failure.kind in ("missing", "unwritten", "import") else told),
                *_failure_lines(failure, self.part),
            ),
            failure,
        )


def _devices(value: Value) -> list[str]:
    """The devices that the tensors of a probe's result were on."""
    result = value.get("result") if isinstance(value, dict) else value
    return [sent_device(result)] if isinstance(result, torch.Tensor) else []


class _Answers:
    """What the reference and the built-in answered, for one exercise and seed: asked once, whoever is judged by it.

    A test draws the same inputs for the same seed, so its n-th question is the same question.
    """

    def __init__(self) -> None:
        self.run: tuple[Exercise, int] | None = None
        self.known: dict[tuple[Exercise, int, str, int, bool], list[tuple[str, Value]]] = {}

    def keep(self, key: tuple[Exercise, int, str, int, bool], answers: list[tuple[str, Value]]) -> None:
        if self.run != key[:2]:
            self.run = (key[0], key[1])
            self.known.clear()
        self.known[key] = answers


_answers = _Answers()


def _failure_lines(failure: Failure, part: str) -> tuple[str, ...]:
    if failure.kind == "unwritten":
        return (f"{part} is not written yet",)
    if failure.kind == "missing":
        return (f"there is no {failure.message!r} in the submission: is its name spelt as in the stub?",)
    if failure.kind in ("timeout", "crash", "refused", "forbidden", "import"):
        head = failure.message
    else:
        head = f"{failure.type}: {failure.message}" if failure.message else failure.type
    where = tuple(f"line {line.number}, in {line.function}: {line.text}" for line in failure.lines[-2:])
    return (head, *where)


def _gradient_mismatch(
    actual: Value, expected: Value, names: list[str], wrt: list[int], tolerance: Tolerance | None, device: str
) -> compare.Mismatch | None:
    assert isinstance(expected, list)
    if not isinstance(actual, list) or len(actual) != len(expected):
        return compare.Mismatch("type", ("what came back is not the answer to the question",))
    for place, mine, right in zip(wrt, actual, expected, strict=True):
        if mine is None and right is not None:
            line = f"no gradient reaches {names[place]!r}: somewhere the result is cut off from the graph"
            return compare.Mismatch("gradient", (line,))
        path = f"the gradient of {names[place]!r}"
        if found := compare.difference(mine, right, tolerance=tolerance, device=device, path=path):
            return found
    return None


@functools.cache
def _parameters(exercise: Exercise, part: str) -> list[str]:
    return [*inspect.signature(content.reference(exercise)[part]).parameters]  # type: ignore[arg-type]


def _argument_names(exercise: Exercise, part: str, args: list[Any], options: dict[str, Any]) -> list[str]:
    names = _parameters(exercise, part)[: len(args) - 1]
    names += [f"argument {i}" for i in range(len(names), len(args) - 1)]
    return names + [name for name in options if name != "wrt"]


def _like(by_hand: Value, expected: Value) -> Value:
    if isinstance(expected, torch.Tensor) and not isinstance(by_hand, torch.Tensor):
        return torch.tensor(by_hand, dtype=expected.dtype)
    return by_hand


def _complaint(check: Check, value: Value) -> str | None:
    """What the check says, or that the value is not even of the right form."""
    try:
        return check(value)
    except Exception as error:  # the value is a claim and may have any form
        return f"what came back has the wrong form ({type(error).__name__})"


def _kind(failure: Failure | None) -> str | None:
    if failure is None:
        return None
    return failure.type if failure.kind == "exception" else failure.kind


def without_numbers(text: str | None) -> str | None:
    """A complaint with its numbers blotted out."""
    return text and re.sub(r"[-+]?\d[\d.,e+-]*|nan|inf", "#", text)


def _probe(exercise: Exercise, name: str) -> probing.Probe:
    try:
        return content.probes(exercise)[name]
    except KeyError:
        raise ContentError(f"{exercise.id}: there is no probe {name!r} in its probes.py") from None


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
            if rung == "bar" and not _wants_bar(trial, item):
                continue
            if not trial.only or part in trial.only:
                kept.append(((trial.exercise.id, order.index(part), RUNGS.index(rung)), item))
        kept.sort(key=lambda pair: pair[0])
        items[:] = [item for _, item in kept]

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
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Turn what happened in a test into a verdict."""
        report = yield
        if call.when == "teardown" or (call.when == "setup" and call.excinfo is None):
            return report
        status, message, failure = self.judged(item, call.excinfo)
        marker = item.get_closest_marker("bar")
        points = bars.named(self.trial(item).exercise, marker.args[0]).points if marker else None
        part, rung = about(item)
        judge = item.stash.get(JUDGE, None)
        device = judge.device if judge else "cpu"
        function = getattr(item, "originalname", item.name)
        test = _short_id(item)
        self.trial(item).judge(
            Verdict(test, function, part, rung, device, status, message, call.duration, failure, points)
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
            return "fail", str(error), error.failure
        if isinstance(error, NotHere):
            return "skip", str(error), None
        if isinstance(error, GraderError):
            return "error", str(error), None
        place = excinfo.traceback[-1]
        return (
            "error",
            f"{type(error).__name__}: {error} ({place.path.name if hasattr(place.path, 'name') else place.path}:{place.lineno + 1})",
            None,
        )


def _wants_bar(trial: Trial, item: pytest.Item) -> bool:
    quick = item.get_closest_marker("bar")
    is_quick = bool(quick and bars.named(trial.exercise, quick.args[0]).quick)
    return trial.training == "full" or (trial.training == "quick" and is_quick)


JUDGE = pytest.StashKey[Judge]()


def about(item: pytest.Item) -> tuple[str, str]:
    """The part and the rung that a hidden test is marked with."""
    part, rung = item.get_closest_marker("part"), item.get_closest_marker("rung")
    return (part.args[0] if part else "", rung.args[0] if rung else "")


def _short_id(item: pytest.Item) -> str:
    return f"{item.path.name}::{item.name}"
