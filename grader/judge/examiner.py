"""Asks one test's questions and checks the answers: each is recorded in the transcript, and a wrong one is raised."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from ..errors import GraderError
from ..model import Bar, BarResult, Failure, Outcome, Value
from . import accuracy_bars, agreement, compare, describe
from .compare import Tolerance
from .question import FAKE_DEVICE, Question
from .reference_answers import RightAnswers, ask_for_right_answers
from .run_cache import RunCache
from .trial import Block, Case, Check, PendingOutcome, Trial, property_error


class WrongAnswer(Exception):
    """The student is wrong; `lines` say how. For `static` see `model.TestResult`."""

    def __init__(self, lines: tuple[str, ...], failure: Failure | None = None, *, static: bool = False) -> None:
        super().__init__("\n".join(lines))
        self.lines, self.failure, self.static = lines, failure, static


class Unsupported(Exception):
    """The question cannot be asked on this machine: the test becomes a skip."""


@dataclass
class QuestionLog:
    """One test's questions so far, shared by all views of its judge.

    Attributes:
        asked: how many times the reference was asked.
        pending: checks of the answers that nobody has looked at yet, in the order of the questions.
        values_checked: the probes whose values were right.
    """

    asked: int = 0
    pending: list[Callable[[], None]] = field(default_factory=list)
    values_checked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Examiner:
    """Asks the questions of one test; see `judge.Judge` for what they mean.

    Attributes:
        device: where the student's inputs live.
        builtin: whether PyTorch's built-in is asked beside the reference.
        tolerance: instead of the one for each dtype.
    """

    trial: Trial
    test: str
    part: str
    device: str
    builtin: bool = True
    tolerance: Tolerance | None = None
    log: QuestionLog = field(default_factory=QuestionLog)

    # -- questions -----------------------------------------------------------------------------------------------

    def expect_the_right_answer(self, question: Question, by_hand: Value = None) -> None:
        """Ask a question; the answer must agree with the reference's, and that with the result worked out by hand."""
        pending = self._ask(question)
        (_, expected), *others = self._right_answers(question)
        for source, answer in others:
            if mismatch := compare.difference(answer, expected, tolerance=self.tolerance):
                lines = "; ".join(mismatch.lines)
                raise GraderError(f"{self.test}: the {source} and the reference disagree: {lines}")
        if by_hand is not None:
            assert isinstance(expected, dict)
            result = expected["result"]
            mismatch = compare.difference(result, agreement.as_result(by_hand, result), tolerance=self.tolerance)
            if mismatch:
                line = mismatch.lines[0]
                raise GraderError(f"{self.test}: the number worked out by hand is not the reference's: {line}")
        self.log.pending.append(partial(self._check_agreement, question, pending, expected))

    def expect_rejection(self, question: Question, error: type[Exception]) -> None:
        """Ask a question; the student's code must raise `error`, as the reference and the built-in do."""
        if self.trial.skip_contract_checks and not self.builtin:
            return
        pending = self._ask(question)
        self._right_answers(question, rejects=error)
        self.log.pending.append(partial(self._check_rejection, question, pending, error))

    def expect_property(self, question: Question, check: Check) -> None:
        """Ask a question; `check` must find no fault in the answer, nor in the reference's."""
        pending = self._ask(question)
        for source, value in self._right_answers(question):
            if error := property_error(check, value):
                raise GraderError(f"{self.test}: the {source} breaks the property: {error}")
        self.log.pending.append(partial(self._check_property, question, pending, check))
        self.check_pending()  # at once: a check may close over what the test changes later

    def expect_on_fake_device(self, question: Question) -> None:
        """Ask a question about inputs on the simulated device; the answer must agree, and live there."""
        question = question.on(FAKE_DEVICE)
        pending = self._ask(question)
        expected = self._right_answers(question)[0][1]
        self.log.pending.append(partial(self._check_on_fake_device, question, pending, expected))

    def expect_accuracy(self, name: str) -> None:
        """Train with the student's code, unless it was done for another bar; the accuracy must reach the bar."""
        self._raise_if_blocked()
        bar = accuracy_bars.at_dataset(accuracy_bars.find_bar(self.trial.exercise, name), self.trial.dataset)
        if not bar.threshold:
            raise Unsupported(f"this bar has not been calibrated on {self.trial.dataset}")
        known = [
            earlier
            for earlier in self.trial.bars
            if earlier.device == self.device and accuracy_bars.same_training(earlier.bar, bar)
        ]
        result = replace(known[0] if known else self._train(bar), bar=bar)
        self.trial.bars.append(result)
        if result.accuracy < bar.threshold:
            if bar.quick:
                self._block(
                    f"not run: the short training already falls short of its accuracy threshold (in {self.test})"
                )
            raise WrongAnswer(accuracy_bars.shortfall(result))
        self.log.values_checked.append(name)

    def check_pending(self) -> None:
        """Check the answers not looked at yet, in the order of their questions, up to the first wrong one."""
        checks = [*self.log.pending]
        self.log.pending.clear()  # after a wrong answer nobody looks at the others
        for check in checks:
            check()

    # -- answers -------------------------------------------------------------------------------------------------

    def _check_agreement(self, question: Question, pending: PendingOutcome, expected: Value) -> None:
        outcome = self._receive(pending)
        mismatch = None
        if outcome.failure is None:
            mismatch = agreement.mismatch(
                self.trial.exercise,
                self.part,
                question,
                actual=outcome.value,
                expected=expected,
                tolerance=self.tolerance,
            )
        self._record(question, outcome, wrong=bool(outcome.failure or mismatch))
        if outcome.failure:
            raise self._failed_call(question, outcome.failure)
        if mismatch:
            raise self._wrong_answer(question, *mismatch.lines)
        self.log.values_checked.append(question.probe)

    def _check_rejection(self, question: Question, pending: PendingOutcome, error: type[Exception]) -> None:
        outcome = self._receive(pending)
        failure = outcome.failure
        names = failure.bases if failure and failure.kind == "exception" else ()
        wrong = error.__name__ not in names
        self._record(question, outcome, wrong=wrong)
        expected = f"this must raise {describe.with_article(error.__name__)}"
        if wrong and failure and failure.kind == "exception":
            head, *where = describe.failure(failure, self.part)
            raise self._wrong_answer(question, f"{expected}; yours raised {head}", *where, failure=failure)
        if wrong and failure:
            raise self._failed_call(question, failure)
        if wrong:
            raise self._wrong_answer(question, f"{expected}; yours returned a value")

    def _check_property(self, question: Question, pending: PendingOutcome, check: Check) -> None:
        outcome = self._receive(pending)
        error = None if outcome.failure else property_error(check, outcome.value)
        self._record(question, outcome, wrong=bool(outcome.failure or error), check=check)
        if outcome.failure:
            raise self._failed_call(question, outcome.failure)
        if error:
            raise self._wrong_answer(question, error)
        self.log.values_checked.append(question.probe)

    def _check_on_fake_device(self, question: Question, pending: PendingOutcome, expected: Value) -> None:
        outcome = self._receive(pending)
        failure = outcome.failure
        if failure is None:
            assert isinstance(expected, dict)
            result = outcome.value.get("result") if isinstance(outcome.value, dict) else None
            mismatch = compare.difference(result, expected["result"], tolerance=self.tolerance, device=FAKE_DEVICE)
            self._record(question, outcome, wrong=mismatch is not None)
            if mismatch and mismatch.kind == "device":
                raise self._wrong_answer(
                    question, "the result lives on the CPU while its inputs live on another device"
                )
            if mismatch:
                raise self._wrong_answer(question, *mismatch.lines)
            self.log.values_checked.append(FAKE_DEVICE)
        elif "WrongDevice" in failure.bases:
            self._record(question, outcome, wrong=True)
            lines = [f"{line.where}: {line.text}" for line in failure.lines[-1:]]
            message = f"with inputs on another device than the CPU: {failure.message}"
            raise self._wrong_answer(question, message, *lines, failure=failure)
        elif self._fails_on_fake_device_only(question, failure):
            raise Unsupported(
                f"this code cannot be followed to another device here ({failure.type}: {failure.message[:80]})"
            )
        else:
            raise self._failed_call(question, failure)

    def _fails_on_fake_device_only(self, question: Question, failure: Failure) -> bool:
        """Return True if the same call works on this machine, and the student's code did not raise the exception."""
        if failure.kind != "exception":
            return False
        if failure.lines and re.search(r"\braise\b", failure.lines[-1].text):
            return False  # their own refusal is no limit of the simulated device
        return self._receive(self._ask(question.on(self.device))).failure is None

    def _train(self, bar: Bar) -> BarResult:
        trial = self.trial
        data = accuracy_bars.training_data(
            trial.exercise, bar, trial.seed, dataset=trial.dataset, device=self.device, root=trial.data
        )
        began = time.monotonic()
        outcome = trial.student.ask(self.part, bar.probe, data.args, data.options, "cpu", bar.seconds)()
        training = f"{bar.name}: {bar.epochs} epochs on {bar.train:,} {bar.data}"
        if outcome.failure:
            if outcome.failure.kind in ("timeout", "crash"):
                self._block(f"not run: {outcome.failure.message} (in {self.test})")
            raise WrongAnswer((training, *describe.failure(outcome.failure, self.part)), outcome.failure)
        result = accuracy_bars.measure(bar, data, outcome.value, time.monotonic() - began)
        if isinstance(result, str):
            raise WrongAnswer((training, result))
        return replace(result, device=self.device)

    # -- how a question is asked and answered --------------------------------------------------------------------

    def _right_answers(self, question: Question, rejects: type[Exception] | None = None) -> RightAnswers:
        """Return the reference's answer and, where there is one, the built-in's."""
        self.log.asked += 1
        exercise = self.trial.exercise
        ask = partial(
            ask_for_right_answers,
            exercise,
            self.part,
            question,
            test=self.test,
            builtin=self.builtin,
            rejects=rejects,
        )
        return _reference_cache.get((exercise, self.trial.seed), (self.test, self.log.asked, self.builtin), ask)

    def _ask(self, question: Question) -> PendingOutcome:
        self._raise_if_blocked()
        return self.trial.student.ask(self.part, question.probe, question.args, question.options, question.device)

    def _receive(self, pending: PendingOutcome) -> Outcome:
        """Wait for an outcome; one that would be the same for every question blocks the part."""
        outcome = pending()
        failure = outcome.failure
        if failure is None:
            return outcome
        if failure.kind in ("timeout", "crash") or failure.type == "Refused":
            self._block(f"not run: {failure.message} (in {self.test})")
        elif failure.kind == "import":
            self._block("\n".join(describe.failure(failure, self.part)))
        elif failure.kind in ("unwritten", "missing") and not self._has_returned_a_value():
            self._block(describe.failure(failure, self.part)[0])
        return outcome

    def _has_returned_a_value(self) -> bool:
        return any(case.part == self.part and case.answer.failure is None for case in self.trial.transcript)

    def _block(self, reason: str) -> None:
        self.trial.blocked[self.part] = Block(reason)

    def _raise_if_blocked(self) -> None:
        if block := self.trial.blocked.get(self.part):
            raise WrongAnswer((block.reason,), static=block.static)

    def _record(self, question: Question, answer: Outcome, *, wrong: bool, check: Check | None = None) -> None:
        # misconceptions are replayed in this process, which touches no GPU
        replayed = question if question.device == FAKE_DEVICE else question.on("cpu")
        case = Case(
            test=self.test,
            part=self.part,
            question=replayed,
            answer=answer,
            wrong=wrong,
            check=check,
            tolerance=self.tolerance,
        )
        self.trial.keep(case)

    def _failed_call(self, question: Question, failure: Failure) -> WrongAnswer:
        lines = describe.failure(failure, self.part)
        if failure.kind in ("missing", "unwritten", "import"):
            return WrongAnswer(lines, failure)
        return self._wrong_answer(question, *lines, failure=failure)

    def _wrong_answer(self, question: Question, *lines: str, failure: Failure | None = None) -> WrongAnswer:
        return WrongAnswer((describe.call(self.trial.exercise, question), *lines), failure)


_reference_cache = RunCache[RightAnswers]()
"""Kept between submissions: a class is judged by the same answers."""
