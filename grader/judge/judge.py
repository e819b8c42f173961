"""Questions that a hidden test can ask of a student: the author's side of the judge.

A hidden test asks its `judge` fixture to run a probe on the student, and the judge compares what comes back with what
the reference and PyTorch's built-in gave for the same inputs. A test asks all of its questions first, while the
student works on them; at its end the answers are checked in the same order, and the first wrong one decides.
Every question whose answer was checked is kept in the trial's transcript, from which `diagnose` finds the misconception
that would have given the same answers.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from ..model import Value
from .compare import Tolerance
from .examiner import Examiner
from .question import Question
from .trial import Check, Trial


class Judge:
    """Questions to a student; the fixture `judge` of a hidden test.

    Each method asks one question and returns None. The arguments are whatever the part or the probe takes: tensors of
    any shape and dtype, numbers, texts, None, and lists and dicts of these. They live on the CPU; when the test runs on
    a GPU, the judge moves them there.

    Answers are checked at the end of the test (those of `holds` and `bar` at once), against the reference's answer to
    the same question, which PyTorch's built-in must have confirmed if the part has one. Kind, structure, shape, dtype
    and device must be equal; so must whole numbers, truth values and texts. Floating-point numbers may differ by
    atol + rtol·|expected|, by dtype (`compare.TOLERANCES`, more on a GPU, see `compare.tolerance_for`):

        float64 and complex128 rtol 1e-8, atol 1e-9; float32, complex64 and Python's float rtol 1e-4, atol 1e-5;
        float16 rtol 1e-2, atol 1e-2; bfloat16 rtol 5e-2, atol 5e-2.

    A test passes only if at least one value was right: `rejects` alone proves nothing.

    Example:
        @part("mse_loss")
        @rung("values")
        def test_mse_of_random_vectors(judge, draw):
            judge.value(draw.normal(4), draw.normal(4), reduction="sum")

    Raises:
        WrongAnswer: the student is wrong: the test fails.
        Unsupported: this machine cannot run the question: the test is skipped.
        GraderError: the reference or the built-in is wrong: the test is an error, and nobody's grade.
    """

    def __init__(self, trial: Trial, test: str, part: str, device: str) -> None:
        self.part, self.device = part, device
        self._student = trial.student
        self._examiner = Examiner(trial=trial, test=test, part=part, device=device)

    @property
    def values_checked(self) -> tuple[str, ...]:
        """The probes whose values were right so far."""
        return tuple(self._examiner.log.values_checked)

    def using(self, *, tolerance: Tolerance | tuple[float, float] | None = None, builtin: bool | None = None) -> Judge:
        """Return a judge of the same test that compares otherwise. What is not named stays as it is.

        Args:
            tolerance: (rtol, atol) for all floating-point numbers, instead of the one for their dtype.
            builtin: False leaves PyTorch's built-in out, where it differs from the contract on purpose.

        Example:
            judge.using(tolerance=(1e-3, 1e-4)).value(draw.normal(100))
        """
        changes: dict[str, Any] = {}  # Any: a tolerance or a truth value
        if tolerance is not None:
            changes["tolerance"] = Tolerance(*tolerance) if isinstance(tolerance, tuple) else tolerance
        if builtin is not None:
            changes["builtin"] = builtin
        view = copy.copy(self)
        view._examiner = replace(self._examiner, **changes)
        return view

    def check_answers(self) -> None:
        """Check the answers to all questions, in the order in which they were asked, up to the first wrong one.

        The fixture does this when the test ends.
        """
        try:
            self._examiner.check_pending()
        finally:
            self._student.cancel_pending()

    # -- questions -----------------------------------------------------------------------------------------------

    def value(self, *args: Any, **options: Any) -> None:
        """Ask for the part's result; it must be the reference's, and no argument may be changed in place.

        Example:
            judge.value(draw.normal(2, 3), draw.normal(2, 3), reduction="none")
        """
        self._examiner.expect_the_right_answer(self._question("call", args, options))

    def expect(self, expected: Value, *args: Any, **options: Any) -> None:
        """Ask as `value` does; the reference's result must also be `expected`, worked out by hand.

        Args:
            expected: a tensor, a number, or nested lists of numbers (which take the dtype of the reference's result).

        Example:
            judge.expect(2.5, torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0]))
        """
        self._examiner.expect_the_right_answer(self._question("call", args, options), by_hand=expected)

    def gradient(self, *args: Any, wrt: list[int] | None = None, **options: Any) -> None:
        """Ask for the part's result and the gradients of a weighted sum of it; both must be the reference's.

        Args:
            wrt: the indices of the arguments to differentiate by, floating-point tensors (default: the first).

        Example:
            judge.gradient(draw.normal(4), draw.normal(4), wrt=[0, 1])
        """
        self._examiner.expect_the_right_answer(
            self._question("gradient", args, {**options, "wrt": [0] if wrt is None else wrt})
        )

    def probe(self, name: str, *args: Any, **options: Any) -> None:
        """Run a probe of the exercise's `probes.py`; its value must be the reference's.

        Args:
            name: of the probe; the other arguments follow its first one, the implementation.

        Example:
            judge.probe("x_afterwards", draw.normal(3), eps=1e-3)
        """
        self._examiner.expect_the_right_answer(Question(name, [*args], options, self.device))

    def rejects(self, error: type[Exception], *args: Any, **options: Any) -> None:
        """Call the part; it must raise `error`, or an exception derived from it. Earns nothing alone: ask for a value.

        Example:
            judge.rejects(ValueError, draw.normal(3), draw.normal(4))
        """
        self._examiner.expect_rejection(self._question("call", args, options), error)

    def holds(self, check: Check, name: str, *args: Any, **options: Any) -> None:
        """Run a probe whose value is random or free in form; `check` must find no fault in it. Checked at once.

        Args:
            check: takes the probe's value, returns None or one sentence on what is wrong. It must give the same answer
                whenever it is asked. Two implementations count as wrong in the same way if their sentences differ in
                numbers only.
            name: of a probe of the exercise, or `call` or `gradient`.

        Example:
            judge.holds(lambda value: None if value["result"].min() >= 0 else "some values are negative", "call", x)
        """
        self._examiner.expect_property(self._question(name, args, options), check)

    def bar(self, name: str) -> None:
        """Train with the student's code; it must reach the exercise's accuracy bar of that name. Checked at once.

        Its progress is reported meanwhile. A training that another bar asked for already is not repeated.

        Example:
            judge.bar("quick")
        """
        self._examiner.expect_accuracy(name)

    def elsewhere(self, *args: Any, **options: Any) -> None:
        """Call the part with inputs on another device than the CPU; its result must be right, and live there, too.

        No GPU is needed: the device is simulated. Code that makes a tensor on the CPU, or moves one there, is noticed.

        Example:
            judge.elsewhere(draw.normal(4), draw.normal(4))
        """
        self._examiner.expect_on_fake_device(self._question("call", args, options))

    def _question(self, probe: str, args: tuple[Any, ...], options: dict[str, Any]) -> Question:
        """Return a question about this test's part, whose name is the first argument of the shared probes."""
        question = Question(probe, [*args], options, self.device)
        return replace(question, args=[self.part, *args]) if question.is_shared else question
