"""Finds phrases in a text, and compiles only those that a word of some text has begun with the letter of.

A topic has up to 1,500 phrases in 40 languages; compiled at once they take a second of the first mail, though most
words of any mail begin with few letters. It finds what one pattern of all phrases would. It knows no phrase.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from sequencer.mail.words.openings import beginning_with, openings

__all__ = ["Lookup"]

_WORD_START = re.compile(r"(?<!\w)\w")
_NOTHING = re.compile(r"(?!)")


class Lookup:
    """`at_words`: expressions that match only where a word starts; `anywhere`: one for all others, with its own start."""

    def __init__(self, at_words: Sequence[str], anywhere: str) -> None:
        self._at_words: dict[str, list[str]] = {}
        unknown = []
        for expression in at_words:
            letters = openings(expression)
            if not letters or not all(letter.isalnum() or letter == "_" for letter in letters):
                unknown.append(expression)
                continue
            for letter in letters:
                self._at_words.setdefault(letter, []).append(expression)
        parts = [f"(?<!\\w)(?:{'|'.join(unknown)})" if unknown else "", anywhere]
        self._anywhere = re.compile("|".join(part for part in parts if part) or r"(?!)")
        self._beginning_with = cache(self._compiled)

    def search(self, text: str) -> str:
        """The first phrase in the text, or ""."""
        return next((text[start:end].strip() for start, end in self._spans(text)), "")

    def all_in(self, text: str) -> tuple[str, ...]:
        return tuple(text[start:end].strip() for start, end in self._spans(text))

    def struck_out(self, text: str) -> str:
        """The text with " … " for each phrase."""
        kept, begin = [], 0
        for start, end in self._spans(text):
            kept.append(text[begin:start])
            begin = end
        return " … ".join([*kept, text[begin:]])

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Of the matches, from left to right; none begins within another."""
        done = 0
        elsewhere = self._anywhere.search(text)
        for word in _WORD_START.finditer(text):
            at = word.start()
            while elsewhere and elsewhere.start() < at:
                if elsewhere.start() >= done and elsewhere.end() > elsewhere.start():
                    yield elsewhere.span()
                    done = elsewhere.end()
                elsewhere = self._anywhere.search(text, max(done, elsewhere.start() + 1))
            found = self._beginning_with(word[0]).match(text, at) if at >= done else None
            if found and found.end() > at:
                yield found.span()
                done = found.end()
        while elsewhere:
            if elsewhere.start() >= done and elsewhere.end() > elsewhere.start():
                yield elsewhere.span()
                done = elsewhere.end()
            elsewhere = self._anywhere.search(text, max(done, elsewhere.start() + 1))

    def _compiled(self, letter: str) -> re.Pattern[str]:
        begun = self._at_words.get(letter)
        return re.compile("|".join(beginning_with(letter, each) for each in begun)) if begun else _NOTHING
