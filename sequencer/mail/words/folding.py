"""The one form in which texts and phrases are compared: lower case, without accents and typographic signs.

Apart from the phrases because nearly every reader of mail folds, and few look for phrases.
"""

import re
import unicodedata

from sequencer.mail.kept import compiled

__all__ = ["fold"]

_TYPOGRAPHY = {
    "’": "'",
    "‘": "'",
    "`": "'",
    "´": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "‑": "-",
    "‐": "-",
    "―": "-",
    "−": "-",
    "\u00a0": " ",
    **dict.fromkeys("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff", ""),
    "ł": "l",
    "Ł": "L",
    "ø": "o",
    "Ø": "O",
    "đ": "d",
    "Đ": "D",
    "ı": "i",
    "æ": "ae",
    "Æ": "ae",
    "œ": "oe",
}
_TYPOGRAPHIC = compiled(f"[{''.join(_TYPOGRAPHY)}]")  # to look for the few there are is faster than str.translate
_MARKS = compiled("[\u0300-\u036f]")


def fold(text: str) -> str:
    """Lower case, without accents and typographic quotes: people type both. Line breaks are kept."""
    if text.isascii() and "`" not in text:
        return text.lower()
    text = _TYPOGRAPHIC.sub(_plainly_written, text)
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare).casefold()


def _plainly_written(found: re.Match[str]) -> str:
    return _TYPOGRAPHY[found[0]]
