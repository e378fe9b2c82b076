"""Searches a text for phrases, and compiles only those of which it has the words.

Thousands of phrases compiled at once take a second of the first mail, and as much again as languages come up. A phrase
whose words a text lacks is not looked for; one that is looked for is compiled alone, once for all texts and languages.
What is found is what one pattern of all phrases in their order would find. It knows no phrase.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from heapq import heapify, heappop, heapreplace
from operator import itemgetter
from typing import NamedTuple

from sequencer.mail.kept import compiled_phrase
from sequencer.mail.words.beginnings import LETTERS
from sequencer.mail.words.needed import words_of
from sequencer.mail.words.phrase import Phrase

__all__ = ["COMPILED_MAX", "Group", "Phrases"]

COMPILED_MAX = 2000  # strangers choose the words of their mail
_Rank = tuple[int, int, int]  # of those that match at one place the least wins: its kind, its group, its number


@lru_cache(COMPILED_MAX)
def _compiled(before: str, phrase: Phrase, after: str) -> re.Pattern[str]:
    return compiled_phrase(f"{before}(?:{phrase.expression}){after}" if before or after else phrase.expression)


class _GroupNeeds(NamedTuple):
    """`by_need`: by the longest word that a phrase needs its number, and all that it needs. `words`: all of these.

    `nothing`: the numbers of those that need none.
    """

    by_need: Mapping[str, Sequence[tuple[int, tuple[str, ...]]]]
    words: frozenset[str]
    nothing: Sequence[int]


class Group:
    """Phrases in the order in which they are preferred."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self.phrases = phrases

    @cached_property
    def _needs(self) -> _GroupNeeds:
        by_need: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
        nothing = []
        for number, phrase in enumerate(self.phrases):
            if not phrase.needs:
                nothing.append(number)
            for needed in phrase.needs:
                by_need.setdefault(max(needed, key=len), []).append((number, needed))
        return _GroupNeeds(by_need, frozenset(by_need), nothing)

    def anywhere(self, known: frozenset[str]) -> list[int]:
        """The numbers of the phrases that may be in a text with these words (words_of)."""
        by_need, words, nothing = self._needs
        near = set(nothing)
        for word in words & known:
            for number, needed in by_need[word]:
                if number not in near and known.issuperset(needed):
                    near.add(number)
        return [number for number in near if self.phrases[number].may_be_in(known)]


class Phrases:
    """Used as a compiled pattern is. `before`, `after`: expressions that must stand around each phrase."""

    def __init__(self, groups: Sequence[Group], before: str = "", after: str = "") -> None:
        self._groups = groups
        self._before = before
        self._after = after

    def within(self, text: str) -> "Phrases":
        """Those that may be in a folded text: what searches each of its sentences need not look for others."""
        known = words_of(text)
        near = ([group.phrases[number] for number in sorted(group.anywhere(known))] for group in self._groups)
        return Phrases([Group(phrases) for phrases in near], self._before, self._after)

    def search(self, text: str) -> re.Match[str] | None:
        """The first in a folded text; of several that begin there the first in order."""
        found = self._first_of_each(text)
        return min(found, key=itemgetter(0, 1))[3] if found else None

    def match(self, text: str) -> re.Match[str] | None:
        """The one with which a folded text begins."""
        for pattern in self._at_start(text):
            if found := pattern.match(text):
                return found
        return None

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """The one that is all of a folded text."""
        for pattern in self._at_start(text):
            if found := pattern.fullmatch(text):
                return found
        return None

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """All in a folded text, from left to right; none begins within another."""
        waiting = self._first_of_each(text)
        heapify(waiting)
        done = 0
        while waiting:
            begin, rank, phrase, found = waiting[0]
            if begin >= done:
                yield found
                done = found.end()
            following = self._first(phrase, text, words_of(text), done)
            if following:
                heapreplace(waiting, (following.start(), rank, phrase, following))
            else:
                heappop(waiting)

    def taken_out(self, text: str) -> tuple[tuple[str, ...], str]:
        """All in a folded text, and the text with " … " for each."""
        found, kept, begin = [], [], 0
        for each in self.finditer(text):
            found.append(each[0].strip())
            kept.append(text[begin : each.start()])
            begin = each.end()
        return tuple(found), " … ".join([*kept, text[begin:]]) if found else text

    def _first_of_each(self, text: str) -> list[tuple[int, _Rank, Phrase, re.Match[str]]]:
        """Of each phrase in the text the first match, with where it begins."""
        found: list[tuple[int, _Rank, Phrase, re.Match[str]]] = []
        known = words_of(text)
        for place, group in enumerate(self._groups):
            for number in group.anywhere(known):
                phrase = group.phrases[number]
                if match := self._first(phrase, text, known, 0):
                    found.append((match.start(), (phrase.kind, place, number), phrase, match))
        return found

    def _first(self, phrase: Phrase, text: str, known: frozenset[str], begin: int) -> re.Match[str] | None:
        """The first match of a phrase from there on."""
        if phrase.at_start and not self._before:
            return None if begin else _compiled("", phrase, self._after).match(text)
        if self._before or not phrase.begun:
            return _compiled(self._before, phrase, self._after).search(text, begin)
        first: re.Match[str] | None = None
        for letters in phrase.begun_in(known) if phrase.starts_word else phrase.begun:
            at = text.find(letters, begin)
            while at >= 0 and not (first and first.start() < at):
                if not (phrase.starts_word and text[at - 1 : at].isalnum()):
                    match = _compiled("", phrase, self._after).match(text, at)
                    if match:
                        first = match
                        break
                at = text.find(letters, at + 1)
        return first

    @cached_property
    def _by_beginning(self) -> Mapping[str, Sequence[tuple[_Rank, Phrase]]]:
        """By its first letters each phrase; under "": those that begin in any way."""
        found: dict[str, list[tuple[_Rank, Phrase]]] = {"": []}
        for place, group in enumerate(self._groups):
            for number, phrase in enumerate(group.phrases):
                for begun in phrase.begun or ("",):
                    found.setdefault(begun, []).append(((phrase.kind, place, number), phrase))
        return found

    def _at_start(self, text: str) -> Iterable[re.Pattern[str]]:
        """Of the phrases with which the text may begin, in their order."""
        likely: dict[_Rank, Phrase] = {}
        if self._before:
            known = words_of(text)
            for place, group in enumerate(self._groups):
                for number in group.anywhere(known):
                    likely[group.phrases[number].kind, place, number] = group.phrases[number]
        else:
            begun = self._by_beginning
            for length in range(LETTERS + 1):
                likely.update(found for found in begun.get(text[:length], ()) if found[1].may_be_within(text))
        return (_compiled(self._before, likely[rank], self._after) for rank in sorted(likely))
