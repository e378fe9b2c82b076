"""Finds phrases in a text, and compiles only those that can begin as a word of some text does.

A topic has up to 1,500 phrases in 40 languages; compiled at once they take a second of the first mail, though the
words of a mail begin in few ways. It finds what one pattern of all phrases would. It knows no phrase.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache

from sequencer.mail.words.beginnings import beginnings
from sequencer.mail.words.openings import beginning_with

__all__ = ["PhrasesByBeginning"]

_TEXTS_CACHED = 4  # one text is searched for many topics in turn
_WORD_START = re.compile(r"(?<!\w)\w\w?")
_Match = Callable[[str, int], re.Match[str] | None]


@lru_cache(_TEXTS_CACHED)
def _word_starts(text: str) -> tuple[tuple[int, str], ...]:
    return tuple((word.start(), word[0]) for word in _WORD_START.finditer(text))


class PhrasesByBeginning:
    """`at_words`: expressions that match only where a word starts; `anywhere`: one for all others."""

    def __init__(self, at_words: Sequence[str], anywhere: str) -> None:
        self._begun: dict[str, list[str]] = {}
        unknown = []
        for expression in at_words:
            begun = beginnings(expression)
            if begun and all(each[0].isalnum() for each in begun):
                for each in begun:
                    self._begun.setdefault(each, []).append(expression)
            else:
                unknown.append(expression)
        self._rank = {expression: rank for rank, expression in enumerate(at_words)}
        parts = (f"(?<!\\w)(?:{'|'.join(unknown)})" if unknown else "", anywhere)
        self._anywhere = re.compile("|".join(part for part in parts if part) or r"(?!)")
        self._matching = cache(self._compiled)  # as many as there are beginnings, whatever strangers write

    def search(self, text: str) -> str:
        """The first phrase in the text, or ""."""
        return next((text[start:end].strip() for start, end in self._spans(text)), "")

    def taken_out(self, text: str) -> tuple[tuple[str, ...], str]:
        """All phrases in the text, and the text with " … " for each."""
        found, kept, begin = [], [], 0
        for start, end in self._spans(text):
            found.append(text[start:end].strip())
            kept.append(text[begin:start])
            begin = end
        return tuple(found), " … ".join([*kept, text[begin:]]) if found else text

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Of the matches, from left to right; none begins within another."""
        done = 0
        elsewhere = self._elsewhere(text, 0)
        for at, begun in _word_starts(text):
            while elsewhere and elsewhere[0] < at:
                yield elsewhere
                done = elsewhere[1]
                elsewhere = self._elsewhere(text, done)
            match = self._matching(begun if begun in self._begun else begun[0])
            found = match(text, at) if match and at >= done else None
            if found:
                yield found.span()
                done = found.end()
                elsewhere = self._elsewhere(text, done) if elsewhere and elsewhere[0] < done else elsewhere
        while elsewhere:
            yield elsewhere
            elsewhere = self._elsewhere(text, elsewhere[1])

    def _elsewhere(self, text: str, begin: int) -> tuple[int, int] | None:
        found = self._anywhere.search(text, begin)
        return found.span() if found and found.end() > found.start() else None

    def _compiled(self, begun: str) -> _Match | None:
        wanted = {*self._begun.get(begun, ()), *self._begun.get(begun[0], ())}
        if not wanted:
            return None
        ranked = sorted(wanted, key=self._rank.__getitem__)
        return re.compile("|".join(beginning_with(begun[0], each) for each in ranked)).match
