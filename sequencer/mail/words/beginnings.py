"""With which two letters the text matched by an expression can begin: openings.py tells the first.

Few of the thousand phrases that begin with "s" begin with "st"; the others need be neither compiled nor tried there.
It reads the expressions that words/ makes and no others: of what it does not know it says that anything may follow.
"""

import re
from functools import lru_cache

from sequencer.mail.words.openings import branches, first_part, openings

__all__ = ["beginnings"]

_CACHED = 4096
_PLAIN_CHOICE = re.compile(r"\(\?:((?:[^\W\d_]{2}[\w '-]*\|)*[^\W\d_]{2}[\w '-]*)\)(?!\?|\{0)")
_Begun = frozenset[tuple[str, bool]]  # what a text can begin with, and whether the expression may end there


@lru_cache(_CACHED)
def beginnings(expression: str) -> frozenset[str]:
    """Two letters, or one where any or none may follow; empty when anything may come first."""
    plain = _PLAIN_CHOICE.match(expression)
    if plain and "|" not in expression[plain.end() :]:
        return frozenset([choice[:2] for choice in plain[1].split("|")])
    found = _begun(expression)
    return frozenset() if any(not text for text, _ in found) else frozenset(text for text, _ in found)


@lru_cache(_CACHED)
def _begun(expression: str) -> _Begun:
    return frozenset().union(*(_of_branch(branch) for branch in branches(expression)))


def _of_branch(branch: str) -> _Begun:
    known: set[tuple[str, bool]] = set()
    growing = {""}
    rest = branch
    while rest and growing:
        part = first_part(rest)
        rest = rest[len(part) :]
        optional = rest.startswith(("?", "{0,"))
        repeated = rest.startswith("{")
        rest = rest.partition("}")[2] if repeated else rest.removeprefix("?")
        longer = {(f"{text}{more}"[:2], ended) for text in growing for more, ended in _of_part(part)}
        known |= {(text, False) for text, ended in longer if len(text) == 2 or not ended or repeated}
        growing = {text for text, ended in longer if ended and len(text) < 2 and not repeated} | (
            growing if optional else set()
        )
    return frozenset(known | {(text, True) for text in growing})


def _of_part(part: str) -> _Begun:
    if part.startswith("(?:"):
        return _begun(part[3:-1])
    letters = openings(part)
    single = len(part) == 1
    return frozenset((letter, single) for letter in letters) or frozenset({("", False)})
