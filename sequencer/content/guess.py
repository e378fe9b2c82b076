"""Which known word somebody probably meant: the hint at the end of an error.

It stands alone because every room that reads a word needs it, and none should load the template language for that.
"""

from difflib import get_close_matches
from typing import Any


def closest(word: str, known: Any) -> str:
    """Which of the known words was probably meant, or nothing."""
    return next(iter(get_close_matches(word, sorted(known), n=1, cutoff=0.6)), "")


def guess(word: str, known: Any) -> str:
    """`did you mean …?`, or nothing."""
    close = closest(word, known)
    return f'did you mean "{close}"?' if close else ""
