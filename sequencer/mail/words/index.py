"""What phrases need and how they begin, told once by `make words` and kept: a new process has no time to tell it again.

Of a phrase that is not in the index, because it was written since, it is told on the spot. It judges nothing.
"""

import marshal
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from sys import intern
from typing import NamedTuple

from sequencer.mail.words.beginnings import beginnings
from sequencer.mail.words.needed import Needs, choices_of, needs_of

__all__ = ["FILE", "Entry", "entry", "packed", "unpacked"]

FILE = "index.bin"
_FORMAT = 4  # of marshal: Python 3.4 and all that came later read it
_Words = tuple[str, ...]


class Entry(NamedTuple):
    """`needs` and `choices`: as needed.py tells them, `begun`: as beginnings.py does."""

    needs: Needs
    choices: tuple[_Words, ...]
    begun: _Words


def entry(folded: str) -> Entry:
    """Of a folded phrase."""
    kept = _kept().get(folded)
    return Entry(*kept) if kept else _told(folded)


def packed(phrases: Iterable[str]) -> bytes:
    """The index of folded phrases, as the file holds it: what many of them need is there once."""
    once: dict[tuple[object, ...], tuple[object, ...]] = {}

    def shared(found: tuple[_Words, ...]) -> tuple[object, ...]:
        return kept(tuple(kept(tuple(map(intern, words))) for words in found))

    def kept(found: tuple[object, ...]) -> tuple[object, ...]:
        return once.setdefault(found, found)

    told = ((folded, _told(folded)) for folded in sorted(set(phrases)))
    entries = {folded: (shared(each.needs), shared(each.choices), *shared((each.begun,))) for folded, each in told}
    return zlib.compress(marshal.dumps(entries, _FORMAT), 9)


def unpacked(index: bytes) -> Mapping[str, tuple[Needs, tuple[_Words, ...], _Words]]:
    """By folded phrase what its entry is made of."""
    found: dict[str, tuple[Needs, tuple[_Words, ...], _Words]] = marshal.loads(zlib.decompress(index))
    return found


def _told(folded: str) -> Entry:
    choices = tuple(tuple(sorted(choice)) for choice in choices_of(folded))
    return Entry(needs_of(folded), choices, tuple(sorted(beginnings(folded))))


@cache
def _kept() -> Mapping[str, tuple[Needs, tuple[_Words, ...], _Words]]:
    return unpacked(Path(__file__).with_name(FILE).read_bytes())
