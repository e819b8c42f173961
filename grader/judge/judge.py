"""The judge: what a hidden test asks of a student, and how the answer is compared.

A hidden test asks its `judge` fixture to run a probe on the student, and the judge compares what comes back with what
the reference and PyTorch's built-in gave for the same inputs. A test asks all of its questions first, while the
student works on them; at its end the answers are looked at in the same order, and the first wrong one decides.
Everything that was looked at is kept in the trial's transcript, from which `diagnose` finds the misconception that
would have answered alike.
"""

from __future__ import annotations

import functools
import inspect
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from ..errors import GraderError
from ..exercise import content
from ..model import Bar, BarResult, Exercise, Failure, Outcome, Value
from ..worker import probing
from . import accuracy_bars, compare
from .compare import Tolerance
from .describe import told_call
from .trial import Answer, Block, Case, Check, Trial, complaint, trusted

GPU_FACTOR = 30.0
"""How much wider tolerances are on a GPU, whose sums run in another order."""


class WrongAnswer(Exception):
    """The student is wrong; `lines` say how. For `static` see `model.TestResult`."""

    def __init__(self, lines: tuple[str, ...], failure: Failure | None = None, *, static: bool = False) -> None:
        super().__init__("\n".join(lines))
        self.lines, self.failure, self.static = lines, failure, static


class NotHere(Exception):
    """The question cannot be asked on this machine."""


class Judge:
    """What a hidden test asks of a student; the fixture `judge`.

    Each method asks one question and returns nothing; `settle` looks at the answers. `WrongAnswer` if the student is
    wrong, `GraderError` if the reference or the built-in is.
    """

    def __init__(self, trial: Trial, test: str, part: str, device: str) -> None:
        self.trial, self.test, self.part, self.device = trial, test, part, device
        self.builtin = True
        self.tolerance: Tolerance | None = None
        self.earned: list[str] = []
        self.question = [0]
        self.open: list[Callable[[], None]] = []

    def using(self, *, tolerance: Tolerance | tuple[float, float] | None = None, builtin: bool = True) -> Judge:
        """A judge with its own tolerance (rtol, atol), or one that leaves PyTorch's built-in out."""
        other = Judge(self.trial, self.test, self.part, self.device)
        other.tolerance = Tolerance(*tolerance) if isinstance(tolerance, tuple) else tolerance
        other.builtin, other.earned, other.question, other.open = builtin, self.earned, self.question, self.open
        return other

    def settle(self) -> None:
        """Look at the answers to all questions, in the order in which they were asked, up to the first wrong one."""
        try:
            self._look()
        finally:
            self.trial.student.forget()

    def _look(self) -> None:
        waiting = [*self.open]
        self.open.clear()  # after a wrong answer nobody looks at the others
        for look in waiting:
            look()

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
        """The part called with these arguments raises `error`. Earns nothing alone: ask for a value too."""
        self._raise_if_blocked()
        if self.trial.exempt and not self.builtin:
            return
        args_ = [self.part, *args]
        coming = self._ask("call", args_, options)
        self._trusted("call", args_, options, rejects=error)

        def look() -> None:
            answer = self._answer(coming)
            names = answer.failure.bases if answer.failure and answer.failure.kind == "exception" else ()
            wrong = error.__name__ not in names
            self._record("call", args_, options, answer, wrong)
            if wrong:
                self._failed_call(answer, "call", args_, options)
                told = told_call(self.trial.exercise, "call", args_, options)
                raise WrongAnswer((told, f"this must raise a {error.__name__}; yours returned a value"))

        self.open.append(look)

    def holds(self, check: Check, name: str, *args: Any, **options: Any) -> None:
        """`check(value)` finds nothing to complain about in what a probe gives. For what is random or free in form.

        The complaint is one sentence; two implementations are wrong alike if their complaints differ in numbers only.
        """
        self._raise_if_blocked()
        args_ = [self.part, *args] if name in probing.SHARED else list(args)
        coming = self._ask(name, args_, options)
        for who, value in self._trusted(name, args_, options):
            if wrong := complaint(check, value):
                raise GraderError(f"{self.test}: the {who} breaks the property: {wrong}")

        def look() -> None:
            answer = self._answer(coming)
            found = None if answer.failure else complaint(check, answer.value)
            self._record(name, args_, options, answer, bool(answer.failure or found), check)
            self._failed_call(answer, name, args_, options)
            if found:
                raise WrongAnswer((told_call(self.trial.exercise, name, args_, options), found))
            self.earned.append(name)

        self.open.append(look)
        self._look()  # at once: a check may close over what the test changes later

    def bar(self, name: str) -> None:
        """The student's training reaches the exercise's bar of that name. Its progress is reported meanwhile."""
        self._raise_if_blocked()
        bar = accuracy_bars.on(accuracy_bars.named(self.trial.exercise, name), self.trial.dataset)
        if not bar.threshold:
            raise NotHere(f"this bar has not been calibrated on {self.trial.dataset}")
        known = [
            done
            for done in self.trial.bars
            if done.device == self.device and accuracy_bars.same_training(done.bar, bar)
        ]
        result = known[0] if known else self._trained(bar)
        self.trial.bars.append(replace(result, bar=bar))
        if result.reached < bar.threshold:
            if bar.quick:
                self._block(f"not run: the short training misses its bar already (in {self.test})")
            raise WrongAnswer(accuracy_bars.unreached(replace(result, bar=bar)))
        self.earned.append(name)

    def _trained(self, bar: Bar) -> BarResult:
        trial = self.trial
        given = accuracy_bars.material(trial.exercise, bar, trial.seed, trial.dataset, self.device, trial.data)
        began = time.monotonic()
        answer = self.trial.student.ask(self.part, bar.probe, given.args, given.options, "cpu", bar.seconds)()
        told = f"{bar.name}: {bar.epochs} epochs on {bar.train:,} {bar.data}"
        if answer.failure:
            if answer.failure.kind in ("timeout", "crash"):
                self._block(f"not run: {answer.failure.message} (in {self.test})")
            raise WrongAnswer((told, *_failure_lines(answer.failure, self.part)), answer.failure)
        result = accuracy_bars.measure(bar, given, answer.value, time.monotonic() - began)
        if isinstance(result, str):
            raise WrongAnswer((told, result))
        return replace(result, device=self.device)

    def elsewhere(self, *args: Any, **options: Any) -> None:
        """The part works with inputs that live on another device, and its result lives there.

        Without a GPU the inputs only pretend to: code that makes a tensor on the CPU, or moves one there, is found.
        """
        self._raise_if_blocked()
        args_ = [self.part, *args]
        coming = self._ask("call", args_, options, device="elsewhere")
        expected = self._trusted("call", args_, options)[0][1]
        self.open.append(lambda: self._look_elsewhere(args_, options, self._answer(coming), expected))

    def _look_elsewhere(self, args: list[Any], options: dict[str, Any], answer: Outcome, expected: Value) -> None:
        failure = answer.failure
        found = None
        if failure is None:
            assert isinstance(expected, dict)
            result = answer.value.get("result") if isinstance(answer.value, dict) else None
            found = compare.difference(result, expected["result"], tolerance=self.tolerance, device="elsewhere")
        followed = failure is None or "WrongDevice" in failure.bases
        if followed:
            self._record("call", args, options, answer, bool(failure or found), device="elsewhere")
        if failure and failure.kind == "exception" and "WrongDevice" not in failure.bases:
            if failure.lines and re.search(r"\braise\b", failure.lines[-1].text):
                self._failed_call(answer, "call", args, options)  # their own refusal is no limit of this machine
            here = self._answer(self._ask("call", args, options))
            if here.failure is None:
                raise NotHere(
                    f"this code cannot be followed to another device here ({failure.type}: {failure.message[:80]})"
                )
        if failure and "WrongDevice" in failure.bases:
            told = told_call(self.trial.exercise, "call", args, options)
            lines = tuple(f"{line.where}: {line.text}" for line in failure.lines[-1:])
            raise WrongAnswer((told, "with inputs on another device than the CPU: " + failure.message, *lines), failure)
        self._failed_call(answer, "call", args, options)
        if found:
            lines = found.lines
            if found.kind == "device":
                lines = ("the result lives on the CPU while its inputs live on another device",)
            raise WrongAnswer((told_call(self.trial.exercise, "call", args, options), *lines))
        self.earned.append("elsewhere")

    # -- how a question is asked and answered --------------------------------------------------------------------

    def _agrees(self, name: str, args: list[Any], options: dict[str, Any], by_hand: Value = None) -> None:
        self._raise_if_blocked()
        coming = self._ask(name, args, options)
        expected = self._expected(name, args, options)
        if by_hand is not None:
            assert isinstance(expected, dict)
            found = compare.difference(expected["result"], _like(by_hand, expected["result"]), tolerance=self.tolerance)
            if found:
                raise GraderError(
                    f"{self.test}: the number worked out by hand is not the reference's: {found.lines[0]}"
                )

        def look() -> None:
            answer = self._answer(coming)
            found = None if answer.failure else self._mismatch(name, args, options, answer.value, expected)
            self._record(name, args, options, answer, bool(answer.failure or found))
            self._failed_call(answer, name, args, options)
            if found:
                raise WrongAnswer((told_call(self.trial.exercise, name, args, options), *found.lines))
            self.earned.append(name)

        self.open.append(look)

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
            answer = trusted(exercise, namespace, name, args, options)
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

    def _ask(self, name: str, args: list[Any], options: dict[str, Any], device: str | None = None) -> Answer:
        self._raise_if_blocked()
        return self.trial.student.ask(self.part, name, args, options, device or self.device)

    def _answer(self, coming: Answer) -> Outcome:
        answer = coming()
        if answer.failure and (answer.failure.kind in ("timeout", "crash") or answer.failure.type == "Refused"):
            self._block(f"not run: {answer.failure.message} (in {self.test})")
        elif answer.failure and answer.failure.kind == "import":
            self._block("\n".join(_failure_lines(answer.failure, self.part)))
        elif answer.failure and answer.failure.kind in ("unwritten", "missing") and not self._begun():
            self._block(_failure_lines(answer.failure, self.part)[0])
        return answer

    def _begun(self) -> bool:
        """Whether the part has answered anything yet."""
        return any(case.part == self.part and case.answer.failure is None for case in self.trial.transcript)

    def _block(self, reason: str) -> None:
        self.trial.blocked[self.part] = Block(reason)

    def _raise_if_blocked(self) -> None:
        if block := self.trial.blocked.get(self.part):
            raise WrongAnswer((block.reason,), static=block.static)

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
    where = tuple(f"{line.where}, in {line.function}: {line.text}" for line in failure.lines[-2:])
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
