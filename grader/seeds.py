"""Seeds: drawn so that nobody guesses one, derived so that whoever sees one cannot search for where it came from."""

from __future__ import annotations

import hashlib
import secrets

BITS = 63
MAX_SEED = (1 << BITS) - 1
"""As many bits as every generator here takes; to try them all would take longer than a submission may run by far."""


def draw_seed() -> int:
    """Return a seed that nobody can know beforehand."""
    return secrets.randbits(BITS)


def derive_seed(seed: int, *names: object, bits: int = BITS) -> int:
    """Return the seed for one use of a run's seed; another use gets an unrelated one.

    Args:
        names: what it is for: an exercise, an assignment, a training.
        bits: 32 at most where it is handed to a student's code, since some generators take no more.
    """
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> (64 - bits)
