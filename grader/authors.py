'''The authors' front door: everything that an exercise's hidden tests and misconceptions are written with.

A miniature exercise, whole but for its `exercise.toml` and its lesson (`nnkata dev new` lays out the files, and
`docs/adding-an-exercise.md` walks through a larger one). The reference, `solutions/10_doubling/doubling.py`:

    from torch import Tensor


    def double(x: Tensor) -> Tensor:
        """Twice x, with its shape and dtype."""
        ### BEGIN SOLUTION
        return 2 * x
        ### END SOLUTION

A typical mistake that can run, `solutions/10_doubling/misconceptions.py`:

    from nnkata.grader.authors import misconception


    @misconception(
        "double",
        "squared",
        "You multiply x by itself: 3 becomes 9, not 6.",
        "What is added to x to make it twice as large?",
        fails="test_double_by_hand",
    )
    def squared(x):
        return x * x

The hidden tests, `tests/hidden/10_doubling/test_doubling.py`:

    import torch

    from nnkata.grader.authors import Draw, Judge, part, rung


    @part("double")
    @rung("number")
    def test_double_by_hand(judge: Judge) -> None:
        judge.expect(torch.tensor([2.0, -6.0]), torch.tensor([1.0, -3.0]))


    @part("double")
    @rung("gradient")
    def test_double_gradient(judge: Judge, draw: Draw) -> None:
        judge.gradient(draw.normal(4, 3))

What others wrote already: the tests, probes and misconceptions of a part `train_classifier` come with

    classifier_training.add_tests(globals())    # in its test module
    classifier_training.add_misconceptions()    # in its misconceptions.py

where `classifier_training` says what the part must promise; `training_checks`, `small_training` and
`training_mistakes` are its pieces, for trainings of other things.

`recurring` makes misconceptions that most exercises know: `recurring.detached("double", double, id="double-detached",
fails="test_double_gradient")` is one whose result is cut off from the graph, with its sentences.

Content is loaded by the grader while it runs; nothing in the grader imports this module.
'''

from __future__ import annotations

from .contracts import classifier_training, recurring, small_training, training_checks, training_mistakes
from .exercise.content import bar, misconception, part, parts, rung
from .judge import compare
from .judge.draw import Draw
from .judge.judge import Judge

__all__ = [
    "Draw",
    "Judge",
    "bar",
    "classifier_training",
    "compare",
    "misconception",
    "part",
    "parts",
    "recurring",
    "rung",
    "small_training",
    "training_checks",
    "training_mistakes",
]
