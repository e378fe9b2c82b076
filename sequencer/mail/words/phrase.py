"""One phrase as it is written in a file of words/, and what is made of it: an expression, its beginnings, its needs.

The expression is made when it is first asked for: of most phrases it never is. It knows no file and searches nothing.
"""

import re
from collections.abc import Iterable
from functools import cached_property

from sequencer.errors import InvariantBroken
from sequencer.mail.kept import compiled
from sequencer.mail.words.folding import fold
from sequencer.mail.words.grammar import branches
from sequencer.mail.words.index import entry
from sequencer.mail.words.needed import DIGIT

__all__ = ["Phrase", "is_spaceless"]

# Dots of dates, numbers and addresses end no sentence. No dot fits two alternatives: there would be 2^n ways to fail.
_GAP = r"(?:[^.!?\n]|\.\b|(?<=\d)\.\B){0,40}"
_NOT_INSIDE = r"(?!\B\w)"  # not within a word
_REST = r"\w{0,20}"
_UNBOUNDED = compiled(r"(?<!\\)[+*]|\{\d+,\}")
_GROUP = compiled(r"(?<!\\)\((?!\?)")  # no phrase captures, so that they can be joined into larger patterns
_SPACELESS = compiled("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_PIECE = compiled(r"\\.|[^\\]+")
_BEGINS_WORD = compiled(r"[\w(]")
_ENDS_WORD = compiled(r"[\w)]$")
# Where a letter begins or ends the phrase, "\b" says the same as what is not before or behind, and compiles sooner.
_LETTER = compiled(r"\w")
_ENDS_WITH_LETTER = compiled(r"(?:[^\\]{0,200}\w|.{0,300}\((?:[^()|\\\[]{0,80}\w\|)*[^()|\\\[]{0,80}\w\))")


def is_spaceless(word: str) -> bool:
    """Whether the word is of a script that puts no spaces between words."""
    return not word.isascii() and _SPACELESS.search(word) is not None


class Phrase:
    """`folded`: as written. `starts_word`: matches only where a word starts; `at_start`: only where the text does.

    `kind`: of phrases that match at one place, those of a lower kind are preferred. `needs`: the words without which it
    is in no text.
    """

    def __init__(self, written: str) -> None:
        self.folded = fold(written) if "\\" not in written else _PIECE.sub(_folded_but_escapes, written)
        self.starts_word = not is_spaceless(written) and _BEGINS_WORD.match(written) is not None
        self.at_start = written.startswith("^")
        self.kind = 0 if self.starts_word else 1 if self.at_start else 2
        self._entry = entry(self.folded)
        self.needs = self._entry.needs

    @cached_property
    def expression(self) -> str:
        """The regular expression; whole words only, except in scripts without spaces.

        Raises: InvariantBroken when the phrase repeats without a bound.
        """
        if _UNBOUNDED.search(self.folded):
            raise InvariantBroken(f"a phrase may not repeat without a bound: {self.folded}")
        several = "|" in self.folded and len(branches(self.folded)) > 1
        begin = end = ""
        if self.starts_word:
            begin = r"\b" if self.begun and all(map(_LETTER.match, self.begun)) else r"(?<!\w)"
        if _ENDS_WORD.search(self.folded) and not is_spaceless(self.folded):
            end = r"\b" if _ENDS_WITH_LETTER.fullmatch(self.folded) and not several else r"(?!\w)"
        return f"{begin}(?:{self._body}){end}" if several else f"{begin}{self._body}{end}"

    def may_be_in(self, known: frozenset[str]) -> bool:
        """Whether it may be in a text with these words (words_of), all of one of its needs among them."""
        return not any(map(known.isdisjoint, self._choices))

    def may_be_within(self, text: str) -> bool:
        """As above for a short text, whose words are not worth to be counted."""
        for word in self._telling:
            if word in text:
                break
        else:
            return False
        return all(any(_may_be(needed, text) for needed in choice) for choice in self._choices)

    @cached_property
    def _telling(self) -> tuple[str, ...]:
        """Of each need its longest word; "", which is in every text, where it has none."""
        found = [max(filter(_is_word, needed), key=len, default="") for needed in self.needs]
        return tuple(found) or ("",)

    def begun_in(self, known: frozenset[str]) -> Iterable[str]:
        """The letters with which a match can begin in a text with these words."""
        words, others = self._begun_apart
        return (*(words & known), *others)

    @cached_property
    def _begun_apart(self) -> tuple[frozenset[str], frozenset[str]]:
        words = frozenset([letters for letters in self.begun if letters.isalpha()])
        return words, self.begun - words

    @cached_property
    def _choices(self) -> tuple[frozenset[str], ...]:
        return tuple(map(frozenset, self._entry.choices))

    @cached_property
    def begun(self) -> frozenset[str]:
        """The letters with which a match can begin, four or fewer; empty when any may come first."""
        return frozenset(self._entry.begun)

    @cached_property
    def _body(self) -> str:
        gap = _GAP if is_spaceless(self.folded) else rf"{_NOT_INSIDE}{_GAP}(?<!\w)"
        body = _GROUP.sub("(?:", self.folded)
        for written, meant in (("...", "…"), ("…", gap), ("~", _REST), (" ?", r"\s{0,4}"), (" ", r"\s{1,4}")):
            body = body.replace(written, meant)
        return body


def _folded_but_escapes(piece: re.Match[str]) -> str:
    return piece[0] if piece[0].startswith("\\") else fold(piece[0])


def _is_word(needed: str) -> bool:
    return needed != DIGIT and " " not in needed


def _may_be(needed: str, text: str) -> bool:
    return needed in text or not _is_word(needed)
