"""With which letters the text matched by an expression can begin.

Hundreds of phrases are looked for at each word of a mail; by its first letter most of them are ruled out at once.
It reads the expressions that words/ makes and no others: of what it does not know it says that anything may come.
"""

import re
from functools import lru_cache

__all__ = ["branches", "first_part", "openings"]

_PIECE = re.compile(r"\\.|\[[^\]]{1,40}\]|.", re.S)
_STRUCTURE = re.compile(r"\\.|\[[^\]]{1,40}\]|[()|]", re.S)
_CACHED = 4096


@lru_cache(_CACHED)
def openings(expression: str) -> frozenset[str]:
    """The first letters of all that it matches; empty when anything may come first."""
    found: set[str] = set()
    for branch in branches(expression):
        letters = _of_branch(branch)
        if not letters:
            return frozenset()
        found |= letters
    return frozenset(found)


def _of_branch(branch: str) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    rest = branch
    while rest:
        part = first_part(rest)
        rest = rest[len(part) :]
        letters = _of_part(part)
        if not letters:
            return frozenset()
        found |= letters
        if not rest.startswith(("?", "{0,")):
            return found
        rest = rest[1:] if rest.startswith("?") else rest.partition("}")[2]
    return frozenset()  # all of it may be missing


def first_part(branch: str) -> str:
    """Its first letter, escape, set or group, without how often that may come."""
    piece = _PIECE.match(branch)
    return _group(branch) if branch.startswith("(") else piece[0] if piece else branch


def _of_part(part: str) -> frozenset[str]:
    if part.startswith("(?:"):
        return openings(part[3:-1])
    return frozenset() if part[0] in "\\[(^$." else frozenset(part)


def _group(text: str) -> str:
    depth = 0
    for found in _STRUCTURE.finditer(text):
        depth += (found[0] == "(") - (found[0] == ")")
        if not depth:
            return text[: found.end()]
    return text


@lru_cache(_CACHED)
def branches(expression: str) -> tuple[str, ...]:
    """The choices it consists of."""
    depth, start, found_so_far = 0, 0, []
    for found in _STRUCTURE.finditer(expression):
        depth += (found[0] == "(") - (found[0] == ")")
        if found[0] == "|" and not depth:
            found_so_far.append(expression[start : found.start()])
            start = found.end()
    return (*found_so_far, expression[start:])
