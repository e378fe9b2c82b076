"""With which letters the text matched by a phrase can begin.

Hundreds of phrases are looked for at each word of a mail; few of those that begin with "s" begin with "stop", and the
others need be neither compiled nor tried there. Of what it does not know it says that anything may come.
"""

from sequencer.mail.kept import compiled
from sequencer.mail.words.grammar import Item, branches, items

__all__ = ["LETTERS", "beginnings"]

LETTERS = 4
BEGINNINGS_MAX = 64
_PLAINLY_WRITTEN = compiled(r"[^\W\d_]+")
_Begun = set[tuple[str, bool]]  # what a text can begin with, and whether the piece may end there


def beginnings(phrase: str) -> frozenset[str]:
    """At most LETTERS letters, fewer where any or none may follow; empty when anything may come first."""
    found = {text for text, _ in _of_choices(phrase)}
    if len(found) > BEGINNINGS_MAX:
        found = {text[:2] for text in found}
    return frozenset() if "" in found else frozenset(found)


def _of_choices(text: str) -> _Begun:
    return set().union(*map(_of_branch, branches(text)))


def _of_branch(branch: str) -> _Begun:
    if _PLAINLY_WRITTEN.fullmatch(branch):
        return {(branch[:LETTERS], len(branch) <= LETTERS)}
    known: _Begun = set()
    growing = {""}
    for item in items(branch):
        counted = item.often.startswith("{")
        longer = {(f"{text}{more}"[:LETTERS], ended) for text in growing for more, ended in _of_item(item)}
        known |= {(text, False) for text, ended in longer if len(text) == LETTERS or not ended or counted}
        growing = {text for text, ended in longer if ended and len(text) < LETTERS and not counted} | (
            growing if item.optional else set()
        )
        if not growing:
            return known
    return known | {(text, True) for text in growing}


def _of_item(item: Item) -> _Begun:
    if item.kind == "group":
        return _of_choices(item.text)
    if item.kind in {"letters", "sign"}:
        return {(item.text, True)}
    return {("", item.kind == "look")}
