"""Which words a text must have for a phrase to be in it, and which words a text has.

Eight thousand phrases are known and a mail holds a few: by their words nearly all are ruled out without a regular
expression, so that only those few are ever compiled. It judges phrases as they are written in words/ and no other
expressions; of what it does not know it says that nothing is needed.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from sequencer.mail.words.openings import branches

__all__ = ["Needs", "choices_of", "needs_of", "words_of"]

Needs = tuple[tuple[str, ...], ...]  # all words of one of these; nothing is needed where there is none

BEGINNINGS = (2, 3, 4)  # letters of a word of which the rest may differ
TELLING = 4  # letters of a word that few texts have
DIGIT = "0"  # stands for any
_TEXTS_CACHED = 8  # one text is searched for many topics in turn
_SPACELESS = "[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]"
_WORD = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_RUN = re.compile(f"{_SPACELESS}+")

# Whatever is not plainly written becomes "#", behind and before which a word may go on, or a space where it cannot.
_SPACED = re.compile(r"(?:^|(?<= ))\((?:[^()|]* \|)*[^()|]* \)\?|\((?: [^()|]*\|)* [^()|]*\)\?(?= (?![?{]))")
_EDGE = re.compile(r"\^(?:\\W\{0,\d+\})?|(?:\\W\{0,\d+\})?\$|\\[Ws](?:\{[1-9]\d?(?:,\d+)?\}|(?![?{]))|\\b")
_HAS_EDGE = re.compile(r"[\\^$]")
_NUMBER = re.compile(r"\\d(?:\{[1-9]\d?(?:,\d+)?\}|(?![?{]))")
_SET = re.compile(r"(?<!\\)\[(?:[^\]\\]|\\.)*\](?:\?|\{[^}]*\})?")
_GROUP = re.compile(r"(?<!\\)\((?:[^()\\]|\\.)*\)(?:\?|\{[^}]*\})?")
_REPEATED = re.compile(r"(?:\\.|[^\\])(?:\?|\{[^}]*\})")
_UNKNOWN = re.compile(r"\\x..|\\[a-zA-Z]|(?<!\\)\.")
_ANY_DIGIT = "\0"
_MARK = re.compile(r"\\.|\[(?:[^\]\\]|\\.)*\]|[()|]")
_SPACES = frozenset({"", " ", "…"})
_GOING_ON = _SPACES | {"~"}
_OPTIONAL = re.compile(r"\?|\{")
_STRUCTURE = re.compile(r"(?<!\\)[()\[\]{}|?]")
_PLAINLY_WRITTEN = re.compile(r"[^\\\[(){}?|.^$]*")
_PLAIN = re.compile(r"(?<![^\W\d_])(?<![#~])([^\W\d_]+)([#~]?)|([^\w\s#~\\\0])")


@lru_cache(_TEXTS_CACHED)
def words_of(folded: str) -> frozenset[str]:
    """The words of a folded text, their first letters, its signs, pairs of those of scripts without spaces, and DIGIT.

    Single letters are told of those that stand in a word too: nothing that is needed is left out.
    """
    words = set(_WORD.findall(folded))
    found = {word[:length] for word in words for length in BEGINNINGS}
    found.update(words, folded)
    for run in _RUN.findall(folded):
        found.update([run[at : at + 2] for at in range(len(run) - 1)])
    if _DIGIT.search(folded):
        found.add(DIGIT)
    return frozenset(found)


def needs_of(phrase: str) -> Needs:
    """Of a folded phrase. `words_of` a text in which it is holds all of at least one of the sets."""
    words_in = _signs_in if _RUN.search(phrase) else _words_in
    choices = branches(phrase) if "|" in phrase else (phrase,)
    if len(choices) > 1:
        begin, end = ("" if edge.isalpha() or edge in "()" else "#" for edge in (phrase[:1], phrase[-1:]))
        choices = tuple(f"{begin}{choice}{end}" for choice in choices)
    found = [_of_branch(choice, words_in) for choice in choices]
    return tuple(needed for each in found for needed in each) if all(found) else ()


def choices_of(phrase: str) -> tuple[frozenset[str], ...]:
    """For each choice that a folded phrase leaves: `words_of` a text in which it is holds one of the set."""
    words_in = _signs_in if _RUN.search(phrase) else _words_in
    if "|" not in phrase or len(branches(phrase)) > 1:
        return ()
    made = ([words_in(_simplified(choice)) for choice in choices] for choices in _choices(phrase))
    return tuple(frozenset([max(words, key=len) for words in choices]) for choices in made if all(choices))


def _of_branch(branch: str, words_in: Callable[[str], tuple[str, ...]]) -> Needs:
    certain = words_in(_simplified(branch))
    best: Needs = (certain,) if certain else ()
    longest = _longest(certain)
    for choices in _choices(branch) if longest < TELLING else ():
        found = tuple([(*certain, *words_in(_simplified(choice))) for choice in choices])
        shortest = min(map(_longest, found))
        if shortest > longest:
            best, longest = found, shortest
        if longest >= TELLING:
            break
    return best


def _longest(needed: tuple[str, ...]) -> int:
    return max(map(len, needed), default=0)


def _choices(branch: str) -> Iterator[list[str]]:
    """The choices of each group that must be there, each between what may stand beside it."""
    depth = start = cut = 0
    found: list[str] = []
    for mark in _MARK.finditer(branch):
        depth += (mark[0] == "(") - (mark[0] == ")")
        if mark[0] == "(" and depth == 1:
            start, cut, found = mark.start(), mark.end(), []
        elif (mark[0] == "|" and depth == 1) or (mark[0] == ")" and not depth):
            found.append(branch[cut : mark.start()])
            cut = mark.end()
        if mark[0] == ")" and not depth and branch[start + 1] != "?" and not _OPTIONAL.match(branch, cut):
            before, after = _before(branch[:start]), _after(branch[cut:])
            yield [f"{before}{choice}{after}" for choice in found]


def _before(branch: str) -> str:
    """What ends the words of this beginning of a branch: nothing, a space, or "#" where a word may go on."""
    last = branch[-1:] if branch[-1:] in _SPACES else _simplified(branch)[-1:]
    return "#" if last.isalpha() else last


def _after(branch: str) -> str:
    """As above, of the end of a branch."""
    first = branch[:1] if branch[:1] in _GOING_ON and branch[1:2] not in {"?", "{"} else _simplified(branch)[:1]
    return "#" if first.isalpha() else first


def _simplified(branch: str) -> str:
    """Its plain words, between spaces where they are whole."""
    text = branch.replace("...", " ").replace("…", " ")
    if _PLAINLY_WRITTEN.fullmatch(text):
        return text
    if ")?" in text:
        text = _SPACED.sub(" ", text)
    if _HAS_EDGE.search(text):
        text = _NUMBER.sub(_ANY_DIGIT, _EDGE.sub(" ", text))
    if "[" in text:
        text = _SET.sub("#", text)
    while "(" in text and (shorter := _GROUP.sub("#", text)) != text:
        text = shorter
    if "?" in text or "{" in text:
        text = _REPEATED.sub("#", text)
    text = _UNKNOWN.sub("#", text)
    return "#" if _STRUCTURE.search(text) else text


def _words_in(simplified: str) -> tuple[str, ...]:
    found = [
        sign or (word[: BEGINNINGS[-1]] if goes_on else word)
        for word, goes_on, sign in _PLAIN.findall(simplified)
        if sign or not goes_on or len(word) > 1
    ]
    return (*found, DIGIT) if _ANY_DIGIT in simplified else tuple(found)


def _signs_in(simplified: str) -> tuple[str, ...]:
    return tuple([pair for run in _RUN.findall(simplified) for pair in _pairs(run)])


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
