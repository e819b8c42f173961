"""Answers of our own code to the questions of one exercise at one seed: computed once, whoever is judged by them.

A test draws the same inputs for the same seed, so its n-th question is the same question. Checking an exercise's
content, watching a file and grading a class all ask again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import torch

from ..model import Exercise, Outcome

MAX_BYTES = 256 << 20
"""Bytes of tensors that are kept; beyond it everything is computed anew."""

Answer = TypeVar("Answer")


class RunCache(Generic[Answer]):
    """Answers of one run: an exercise and a seed. Another run empties it."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._run: tuple[Exercise, int] | None = None
        self._answers: dict[Hashable, Answer] = {}
        self._bytes = 0

    def get(self, run: tuple[Exercise, int], question: Hashable, compute: Callable[[], Answer]) -> Answer:
        """Return the answer to a question, computed the first time.

        Args:
            run: the exercise and the seed; a new one empties the cache.
            question: what tells it from the run's others: the test, its number in the test, and who answers.
            compute: asks for the answer.
        """
        if self._run != run or self._bytes > self.max_bytes:
            self._run = run
            self._answers.clear()
            self._bytes = 0
        if question not in self._answers:
            answer = self._answers[question] = compute()
            self._bytes += bytes_of(answer)
        return self._answers[question]


def bytes_of(value: object) -> int:
    """Return the bytes of the tensors in an answer."""
    if isinstance(value, torch.Tensor):
        return value.nbytes
    if isinstance(value, Outcome):
        return bytes_of(value.value)
    if isinstance(value, dict):
        return sum(map(bytes_of, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(bytes_of, value))
    return 0
