"""What phrases need and how they begin, told once by `make words` and kept: a new process has no time to tell it again.

Of a phrase that is not in the index, because it was written since, it is told on the spot. It judges nothing.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from sys import intern
from typing import NamedTuple

from sequencer.mail.words.beginnings import beginnings
from sequencer.mail.words.needed import Needs, choices_of, needs_of

__all__ = ["FILE", "Entry", "entry", "packed", "unpacked"]

FILE = "index.bin"


class Entry(NamedTuple):
    """`needs` and `choices`: as needed.py tells them, `begun`: as beginnings.py does."""

    needs: Needs
    choices: tuple[tuple[str, ...], ...]
    begun: tuple[str, ...]


def entry(folded: str) -> Entry:
    """Of a folded phrase."""
    kept = _kept().get(folded)
    return _read(kept) if kept else _told(folded)


def packed(phrases: Iterable[str]) -> bytes:
    """The index of folded phrases, as the file holds it: each on a line with its entry."""
    lines = (f"{folded}\t{json.dumps(_told(folded), ensure_ascii=False)}" for folded in sorted(set(phrases)))
    return zlib.compress("\n".join(lines).encode(), 9)


def unpacked(index: bytes) -> Mapping[str, str]:
    """By folded phrase its entry, unread: most phrases are in no mail."""
    return dict(line.split("\t") for line in zlib.decompress(index).decode().split("\n"))


def _read(kept: str) -> Entry:
    needs, choices, begun = json.loads(kept)
    return Entry(_sets(needs), _sets(choices), tuple(map(intern, begun)))


def _sets(found: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    """Hundreds of phrases need the same words: each is kept once."""
    return tuple([tuple(map(intern, words)) for words in found])


def _told(folded: str) -> Entry:
    choices = tuple(tuple(sorted(choice)) for choice in choices_of(folded))
    return Entry(needs_of(folded), choices, tuple(sorted(beginnings(folded))))


@cache
def _kept() -> Mapping[str, str]:
    return unpacked(resources.files(__package__).joinpath(FILE).read_bytes())
