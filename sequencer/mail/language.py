"""Which languages a text may be written in, by its commonest words.

"do" ends an absence in Polish and nothing in English, "mar" is a month or the sea: dates are read with the words of
the text's own languages only. Several may be right: relatives share words, and many automatic replies say all twice.
It does not tell relatives apart when the words do not.
"""

from functools import cache
from itertools import chain

from sequencer.mail import words
from sequencer.mail.kept import compiled

__all__ = ["languages_of"]

TEXT_CHARS_MAX = 2000
LANGUAGES_MAX = 3
SHARE_MIN = 0.5  # of the best language's words, for another to count too
_KANA = compiled("[\u3040-\u30ff]")
_HAN = compiled("[\u4e00-\u9fff]")
_HANGUL = compiled("[\uac00-\ud7af]")
_WORD = compiled(r"[^\W\d_]{1,30}")


def languages_of(folded: str) -> tuple[str, ...]:
    """Two-letter codes, the likeliest first; English where nothing tells. `folded`: see words.fold."""
    text = folded[:TEXT_CHARS_MAX]
    if _KANA.search(text):
        return ("ja",)
    if _HANGUL.search(text):
        return ("ko",)
    if _HAN.search(text):
        return ("zh",)
    score: dict[str, int] = {}
    known = _known()
    for word in set(_WORD.findall(text)):
        for language in known.get(word, ()):
            score[language] = score.get(language, 0) + 1
    if not score:
        return ("en",)
    ranked = sorted(score, key=lambda language: (-score[language], language))
    return tuple(language for language in ranked[:LANGUAGES_MAX] if score[language] >= SHARE_MIN * score[ranked[0]])


@cache
def _known() -> dict[str, tuple[str, ...]]:
    """Each word that tells of a language, and the languages it tells of."""
    found: dict[str, dict[str, None]] = {}
    for language in words.languages("common"):
        own = (language,)
        tables = (words.table(topic, own) for topic in ("months", "weekdays", "numbers", "units"))
        for word in (*map(words.fold, words.phrases("common", own)), *chain.from_iterable(tables)):
            found.setdefault(word, {})[language] = None
    return {word: tuple(languages) for word, languages in found.items()}
