"""Which words a text must have for a phrase to be in it, and which words a text has.

Eight thousand phrases are known and a mail holds a few: by their words nearly all are ruled out without a regular
expression, so that only those few are ever compiled. It judges phrases as they are written in words/ and no other
expressions; of what it does not know it says that nothing is needed.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from sequencer.mail.kept import compiled
from sequencer.mail.words.grammar import Item, branches, items

__all__ = ["DIGIT", "Needs", "choices_of", "needs_of", "words_of"]

Needs = tuple[tuple[str, ...], ...]  # all words of one of these; nothing is needed where there is none

BEGINNINGS = (2, 3, 4)  # letters of a word of which the rest may differ
TELLING = 4  # letters of a word that few texts have
DIGIT = "0"  # stands for any
_TEXTS_CACHED = 8  # one text is searched for many topics in turn; of a long one megabytes are kept
_SPACELESS = "[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]"
_WORD = compiled(r"[^\W\d_]+")
_DIGIT = compiled(r"\d")
_RUN = compiled(f"{_SPACELESS}+")

# A branch is simplified to its plain words with spaces between; these stand for what is not plainly written.
_ANY = "#"  # something or nothing, behind and before which a word may go on
_REST = "~"
_APART = "\n"  # a word ends here, and any others may follow
_NUMBER = "\0"
_CHOICE = "\1"
_SPACED_BEHIND, _SPACED_BEFORE, _LOOSE = "\2", "\3", "\4"  # nothing, or something with a space behind it; before; signs
_AS_TEXT = {"space": " ", "between": " ", "rest": _REST, "gap": _APART, "edge": _APART, "number": _NUMBER}
_LEADING = compiled(rf"(?:^|(?<=[ {_APART}])){_SPACED_BEHIND}+")
_TRAILING = compiled(rf"{_SPACED_BEFORE}+(?=[ {_APART}])")
_LOOSE_BESIDE = compiled(rf"(?<=[ {_APART}]){_LOOSE}|{_LOOSE}(?=[ {_APART}])")
_LETTER, _OPEN = r"[^\W\d_]", f"[{_ANY}{_REST}{_CHOICE}-{_LOOSE}]"
_PLAIN = compiled(rf"(?<!{_LETTER})(?<!{_OPEN})({_LETTER}+)({_OPEN}?)|([^\w\s{_ANY}{_REST}{_NUMBER}-{_LOOSE}])")
_PAIR = compiled(rf"(?<!{_LETTER})(?<!{_OPEN})({_LETTER}+)(?= ({_LETTER}+)(?!{_LETTER}|{_OPEN}))")
_WORD_BEFORE = compiled(rf"(?:(?<=[ {_APART}])|^){_LETTER}+ \Z")
_WORD_BEHIND = compiled(rf" {_LETTER}+(?=[ {_APART}]|$)")
_PLAINLY_WRITTEN = compiled(r"[^\\\[(){}?|.^$…~#]*")
_MAY_JOIN = compiled(r"(?:(?<!\\)[-' ]|\[-?[ '.:,]{1,5}-?\])\?")
_SPACE_FIRST = compiled(r" (?![?{])")


@lru_cache(_TEXTS_CACHED)
def words_of(folded: str) -> frozenset[str]:
    """What `needs_of` names of a folded text: its words, with a space between the pairs of neighbours, and their first
    letters; its signs; the pairs of signs of scripts without spaces; DIGIT.

    Single letters are told of those that stand in a word too: nothing that is needed is left out.
    """
    in_order = _WORD.findall(folded)
    words = set(in_order)
    found = {word[:length] for word in words for length in BEGINNINGS}
    found.update(words, folded, map(" ".join, pairwise(in_order)))
    for run in () if folded.isascii() else _RUN.findall(folded):
        found.update([run[at : at + 2] for at in range(len(run) - 1)])
    if _DIGIT.search(folded):
        found.add(DIGIT)
    return frozenset(found)


def needs_of(phrase: str) -> Needs:
    """Of a folded phrase. `words_of` a text in which it is holds all of at least one of the sets."""
    words_in = _signs_in if _RUN.search(phrase) else _words_in
    if _PLAINLY_WRITTEN.fullmatch(phrase):
        certain = words_in(phrase)
        return (certain,) if certain else ()
    choices = branches(phrase)
    edges = phrase[0] + phrase[-1] if len(choices) > 1 else "()"
    begin, end = ("" if edge.isalpha() or edge in "()" else _ANY for edge in edges)
    found = [_of_branch(form, begin, end, words_in) for branch in choices for form in _forms(branch)]
    return tuple(needed for each in found for needed in each) if all(found) else ()


def choices_of(phrase: str) -> tuple[frozenset[str], ...]:
    """For each choice that a folded phrase leaves: `words_of` a text in which it is holds one of the set."""
    words_in = _signs_in if _RUN.search(phrase) else _words_in
    if "|" not in phrase or len(branches(phrase)) > 1:
        return ()
    parts = items(phrase)
    made = ([words_in(choice) for choice in each] for each in _choices(parts, _simplified(parts)))
    return tuple(frozenset([max(words, key=len) for words in each]) for each in made if all(each))


def _of_branch(branch: str, begin: str, end: str, words_in: Callable[[str], tuple[str, ...]]) -> Needs:
    parts = items(branch)
    simplified = _simplified(parts, begin, end)
    certain = words_in(simplified)
    best: Needs = (certain,) if certain else ()
    longest = _longest(certain)
    for choices in _choices(parts, simplified) if longest < TELLING else ():
        found = tuple([tuple(dict.fromkeys((*certain, *words_in(choice)))) for choice in choices])
        shortest = min(map(_longest, found))
        if shortest > longest:
            best, longest = found, shortest
        if longest >= TELLING:
            break
    return best


def _longest(needed: tuple[str, ...]) -> int:
    return max(map(len, needed), default=0)


def _forms(branch: str) -> Sequence[str]:
    """The branch with and without a sign that may be missing: "e-?mail" is two words or one."""
    found = _MAY_JOIN.findall(branch) if "?" in branch and "(" not in branch else ()
    if len(found) != 1:
        return (branch,)
    return (branch.replace(found[0], found[0][:-1]), branch.replace(found[0], ""))


def _choices(parts: Sequence[Item], simplified: str) -> Iterator[list[str]]:
    """The choices of each group that must be there, simplified, each between what may stand beside it."""
    groups = (item for item in parts if item.kind == "group" and not item.often)
    for item, place in zip(groups, re.finditer(_CHOICE, simplified), strict=True):
        before, behind = _before(simplified, place.start()), _behind(simplified, place.end())
        yield [_between(form, before, behind) for choice in branches(item.text) for form in _forms(choice)]


def _between(choice: str, before: str, behind: str) -> str:
    if _PLAINLY_WRITTEN.fullmatch(choice):
        return f"{before}{choice}{behind}"
    return _simplified(items(choice), before, behind)


def _before(simplified: str, at: int) -> str:
    """The whole word there ends in, else what ends a word there, else _ANY."""
    word = _WORD_BEFORE.search(simplified, 0, at)
    last = simplified[at - 1 : at]
    return word[0] if word else _ANY if last.isalpha() else last


def _behind(simplified: str, at: int) -> str:
    """As above, of what begins there."""
    word = _WORD_BEHIND.match(simplified, at)
    following = simplified[at : at + 1]
    return word[0] if word else _ANY if following.isalpha() else following


def _simplified(parts: Sequence[Item], begin: str = "", end: str = "") -> str:
    text = f"{begin}{''.join(map(_as_text, parts))}{end}"
    if _LOOSE in text:
        text = _LOOSE_BESIDE.sub(_APART, text)
    if _SPACED_BEHIND in text:
        text = _LEADING.sub(_APART, text)
    return _TRAILING.sub(_APART, text) if _SPACED_BEFORE in text else text


def _as_text(item: Item) -> str:
    kind = item.kind
    if kind == "group":
        return _group_as_text(item) if item.often else _CHOICE
    if item.often and not (kind in {"between", "number"} and not item.optional):
        return _LOOSE if kind == "between" else _ANY
    if kind in {"letters", "sign"}:
        return item.text
    return _AS_TEXT.get(kind, _ANY)


def _group_as_text(item: Item) -> str:
    """Of a group that may be missing or come several times."""
    if item.often == "?" and "(" not in item.text:
        choices = branches(item.text)
        if all(choice.endswith(" ") for choice in choices):
            return _SPACED_BEHIND
        if all(_SPACE_FIRST.match(choice) for choice in choices):
            return _SPACED_BEFORE
    return _ANY


def _words_in(simplified: str) -> tuple[str, ...]:
    found = [
        sign or (word[: BEGINNINGS[-1]] if goes_on else word)
        for word, goes_on, sign in _PLAIN.findall(simplified)
        if sign or not goes_on or len(word) > 1
    ]
    if " " in simplified:
        found += map(" ".join, _PAIR.findall(simplified))
    return (*found, DIGIT) if _NUMBER in simplified else tuple(found)


def _signs_in(simplified: str) -> tuple[str, ...]:
    return tuple([pair for run in _RUN.findall(simplified) for pair in _pairs(run)])


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
