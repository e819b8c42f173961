"""Text from outside, made safe to show: used beside the student's code and in the grader alike. Needs no torch."""

from __future__ import annotations

import unicodedata

REMOVED = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Categories of characters that are no text: control, format, surrogate, private use, line and paragraph separators."""


def strip_unprintable(text: str) -> str:
    """Return `text` without control, direction-changing, private and lone surrogate characters.

    Newlines and tabs stay; Unicode's other line breaks (U+2028, U+2029) do not, so that a line begins nowhere else.
    """
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in REMOVED)
