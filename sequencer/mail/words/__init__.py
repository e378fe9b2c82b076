"""The phrases by which mail is read, one file a language, compiled once.

Reading mail is mostly knowing words; as data they can be reviewed and extended by someone who speaks the language and
not Python. The phrases of a topic are the union over all languages: the language of a mail is not known beforehand.
`bounce.txt` holds the vocabulary of mail servers. Nothing here judges.

A file is plain text: `[topic]` begins a topic, each further line is one phrase, `#` begins a comment.

Phrases are written folded (see `fold`) and are regular expressions with two additions: `…` is up to 40 characters
of the same sentence, `~` is the rest of a word. Unbounded repeats are refused at load: any stranger can send a mail.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from sequencer.errors import InvariantBroken
from sequencer.mail.kept import compiled, compiled_phrase
from sequencer.mail.words.folding import fold
from sequencer.mail.words.phrase import Phrase, is_spaceless
from sequencer.mail.words.search import Group, Phrases

__all__ = [
    "Phrases",
    "expression",
    "fold",
    "is_spaceless",
    "languages",
    "line_pattern",
    "one",
    "pattern",
    "phrases",
    "table",
    "topics",
]

SETS_MAX = 100  # of languages, for each of which something is kept: strangers choose the languages of their mail
PATTERNS_MAX = 1000  # none of which holds a phrase of its own
_TOPIC = compiled(r"\[([a-z_.]{1,60})\]")


@cache
def _files() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    files = sorted(Path(__file__).parent.glob("*.txt"))
    return {file.stem: _read(file.read_text(encoding="utf-8")) for file in files}


def _read(content: str) -> Mapping[str, tuple[str, ...]]:
    topics: dict[str, list[str]] = {}
    lines = topics.setdefault("", [])
    for line in content.splitlines():
        header = _TOPIC.fullmatch(line) if line.startswith("[") else None
        if header:
            lines = topics.setdefault(header[1], [])
        elif line.strip() and not line.startswith("#"):
            lines.append(line.strip())
    return {topic: tuple(found) for topic, found in topics.items()}


def languages(topic: str) -> tuple[str, ...]:
    """The languages that have phrases for a topic, by their two-letter code."""
    return tuple(name for name, topics in _files().items() if len(name) == 2 and topics.get(topic))


def topics() -> tuple[str, ...]:
    """The topics made of phrases, over all files."""
    named = {topic for found in _files().values() for topic, lines in found.items() if lines and " = " not in lines[0]}
    return tuple(sorted(named))


@lru_cache(SETS_MAX)
def phrases(topic: str, among: tuple[str, ...] = ()) -> tuple[str, ...]:
    """All phrases of a topic, as written, without repeats; `among`: of these languages only, all where it is empty."""
    return tuple(dict.fromkeys(phrase for name in among or _files() for phrase in _files()[name].get(topic, ())))


@lru_cache(SETS_MAX)
def table(topic: str, among: tuple[str, ...] = ()) -> Mapping[str, int]:
    """A topic whose lines are `word = number` (months, weekdays), folded.

    Where two languages give a word two meanings, the one named first in `among` is right.
    Raises: InvariantBroken when one language does.
    """
    numbers: dict[str, int] = {}
    for name in among or _files():
        own: dict[str, int] = {}
        for line in _files()[name].get(topic, ()):
            word, _, number = line.partition(" = ")
            if own.setdefault(fold(word), int(number)) != int(number):
                raise InvariantBroken(f"words/{name}.txt: {topic}: {word} means {own[fold(word)]} too")
        numbers = {**own, **numbers}
    return numbers


@cache
def _phrase(written: str) -> Phrase:
    return Phrase(written)


def expression(phrase: str) -> str:
    """The regular expression of one phrase; whole words only, except in scripts without spaces.

    Raises: InvariantBroken when the phrase repeats without a bound.
    """
    return _phrase(phrase).expression


@cache
def _group(topic: str, language: str) -> Group:
    """The phrases of a topic in one language, in all where it is ""."""
    return Group([_phrase(written) for written in phrases(topic, (language,) if language else ())])


@lru_cache(PATTERNS_MAX)
def pattern(*topics: str, among: tuple[str, ...] = (), before: str = "", after: str = "") -> Phrases:
    """All phrases of the topics in these languages, in all where there is none; matches nothing where there is none.

    `before`, `after`: regular expressions that must stand around each.
    """
    return Phrases([_group(topic, language) for topic in topics for language in among or ("",)], before, after)


@cache
def one(phrase: str) -> Phrases:
    """One phrase of a file, alone."""
    return Phrases([Group([_phrase(phrase)])])


@cache
def line_pattern(topic: str) -> re.Pattern[str]:
    """As `pattern`, for phrases that must begin a line; few of them, tried on each line of a mail."""
    parts = [expression(phrase) for phrase in phrases(topic)]
    return compiled_phrase(r"^[ \t>*_\-—=\[(]{0,80}(?:" + ("|".join(parts) if parts else r"(?!)") + ")", re.M)
