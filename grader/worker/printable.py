"""Text from outside, made safe to show: used beside the student's code and in the grader alike. Needs no torch."""

from __future__ import annotations

import unicodedata


def strip_unprintable(text: str) -> str:
    """Return `text` without control, direction-changing, private and lone surrogate characters.

    Newlines and tabs stay.
    """
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
