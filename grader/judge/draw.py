"""Random inputs for hidden tests, drawn from the run's seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import torch


class Draw:
    """Random inputs of one hidden test; the fixture `draw`.

    The same seed and the same test (its parameters included) draw the same numbers, in the order of the calls: a run
    can be repeated, and what one test draws changes nothing for another. All tensors live on the CPU and are
    contiguous, except those of `layouts`.

    Example:
        @part("mse_loss")
        @rung("values")
        def test_mse_of_random_vectors(judge, draw):
            count = draw.integer(2, 9)
            judge.value(draw.normal(count), draw.normal(count, scale=3.0))
    """

    def __init__(self, seed: int, test: str) -> None:
        digest = hashlib.sha256(f"{seed}:{test}".encode()).digest()
        self.generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32, scale: float = 1.0) -> torch.Tensor:
        """Return a tensor of `shape` from N(0, scale²).

        The numbers are drawn in float64 and rounded to `dtype`, so that every dtype gets the same ones.
        """
        drawn = torch.empty(shape, dtype=torch.float64).normal_(generator=self.generator)
        return (drawn * scale).to(dtype)

    def uniform(
        self, *shape: int, low: float = 0.0, high: float = 1.0, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Return a tensor of `shape` from U(low, high), drawn in float64 and rounded to `dtype`."""
        drawn = torch.empty(shape, dtype=torch.float64).uniform_(generator=self.generator)
        return (low + (high - low) * drawn).to(dtype)

    def integers(self, high: int, *shape: int, low: int = 0, dtype: torch.dtype = torch.int64) -> torch.Tensor:
        """Return a tensor of `shape` of whole numbers from `low` to `high` − 1.

        Raises:
            RuntimeError: if `high` is not above `low`.
        """
        return torch.randint(low, high, shape, generator=self.generator).to(dtype)

    def integer(self, low: int, high: int) -> int:
        """Return one whole number from `low` to `high`, both included (`integers` leaves its `high` out)."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def permutation(self, count: int) -> torch.Tensor:
        """Return 0 … `count` − 1 in random order, as an int64 tensor of shape (count,)."""
        return torch.randperm(count, generator=self.generator)

    def layouts(self, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield a name and a tensor for each of three other memory layouts of the same values; nothing is drawn.

        Every second element of a larger tensor, transposed (from two dimensions on), and a slice with an offset.

        Args:
            tensor: of any dtype, with one dimension at least.
        """
        spaced = torch.zeros(*tensor.shape[:-1], tensor.shape[-1] * 2, dtype=tensor.dtype)
        spaced[..., ::2] = tensor
        yield "every second element of a larger tensor", spaced[..., ::2]
        if tensor.dim() > 1:
            yield "transposed", tensor.transpose(0, -1).contiguous().transpose(0, -1)
        longer = torch.zeros(tensor.shape[0] + 1, *tensor.shape[1:], dtype=tensor.dtype)
        longer[1:] = tensor
        yield "a slice that begins inside of another tensor", longer[1:]
