"""The phrases by which mail is read, one file a language, compiled once.

Reading mail is mostly knowing words; as data they can be reviewed and extended by someone who speaks the language and
not Python. The phrases of a topic are the union over all languages: the language of a mail is not known beforehand.
`bounce.txt` holds the vocabulary of mail servers. Nothing here judges.

A file is plain text: `[topic]` begins a topic, each further line is one phrase, `#` begins a comment.

Phrases are written folded (see `fold`) and are regular expressions with two additions: `…` is up to 40 characters
of the same sentence, `~` is the rest of a word. Unbounded repeats are refused at load: any stranger can send a mail.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources

from sequencer.errors import InvariantBroken
from sequencer.mail.words.by_beginning import PhrasesByBeginning
from sequencer.mail.words.openings import beginning_with, openings

PATTERNS_MAX = 1000  # strangers choose the languages of their mail
MANY_PHRASES = 20

# Dots of dates, numbers and addresses end no sentence. No dot fits two alternatives: there would be 2^n ways to fail.
_GAP = r"(?:[^.!?\n]|(?<=\d)\.|(?<!\d)\.(?=\w)){0,40}"
_NOT_INSIDE = r"(?!(?<=\w)\w)"  # not within a word
_WORD_START = r"(?<!\w)"
_REST = r"\w{0,20}"
_TYPOGRAPHY = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "`": "'",
        "´": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "‑": "-",
        "‐": "-",
        "―": "-",
        "−": "-",
        "\u00a0": " ",
        **dict.fromkeys("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff", ""),
        "ł": "l",
        "Ł": "L",
        "ø": "o",
        "Ø": "O",
        "đ": "d",
        "Đ": "D",
        "ı": "i",
        "æ": "ae",
        "Æ": "ae",
        "œ": "oe",
    }
)
_TOPIC = re.compile(r"\[([a-z_.]{1,60})\]")
_MARKS = re.compile("[\u0300-\u036f]")
_UNBOUNDED = re.compile(r"(?<!\\)[+*]|\{\d+,\}")
_GROUP = re.compile(r"(?<!\\)\((?!\?)")  # no phrase captures, so that they can be joined into larger patterns
_SPACELESS = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")


def fold(text: str) -> str:
    """Lower case, without accents and typographic quotes: people type both. Line breaks are kept."""
    text = text.translate(_TYPOGRAPHY)
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare).casefold()


@cache
def _files() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    found = {}
    for entry in sorted(resources.files(__name__).iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".txt"):
            found[entry.name.removesuffix(".txt")] = _read(entry.read_text(encoding="utf-8"))
    return found


def _read(content: str) -> Mapping[str, tuple[str, ...]]:
    topics: dict[str, list[str]] = {}
    lines = topics.setdefault("", [])
    for line in content.splitlines():
        header = _TOPIC.fullmatch(line)
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


@lru_cache(PATTERNS_MAX)
def phrases(topic: str, among: tuple[str, ...] = ()) -> tuple[str, ...]:
    """All phrases of a topic, as written, without repeats; `among`: of these languages only, all where it is empty."""
    return tuple(dict.fromkeys(phrase for name in among or _files() for phrase in _files()[name].get(topic, ())))


@lru_cache(PATTERNS_MAX)
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


def expression(phrase: str) -> str:
    """The regular expression of one phrase; whole words only, except in scripts without spaces.

    Raises: InvariantBroken when the phrase repeats without a bound.
    """
    start = _WORD_START if _begins_word(phrase) else ""
    return f"{start}(?:{_after_start(phrase)})"


def is_spaceless(word: str) -> bool:
    """Whether the word is of a script that puts no spaces between words."""
    return _SPACELESS.search(word) is not None


def _after_start(phrase: str) -> str:
    if _UNBOUNDED.search(phrase):
        raise InvariantBroken(f"a phrase may not repeat without a bound: {phrase}")
    spaceless = _SPACELESS.search(phrase)
    gap = _GAP if spaceless else rf"{_NOT_INSIDE}{_GAP}(?<!\w)"
    body = _GROUP.sub("(?:", _folded_but_escapes(phrase))
    for written, meant in (("...", "…"), ("…", gap), ("~", _REST), (" ?", r"\s{0,4}"), (" ", r"\s{1,4}")):
        body = body.replace(written, meant)
    end = r"(?!\w)" if not spaceless and re.search(r"[\w)]$", phrase) else ""
    return f"(?:{body}){end}" if end and "|" in body else f"{body}{end}"


def _begins_word(phrase: str) -> bool:
    return not _SPACELESS.search(phrase) and re.match(r"[\w(]", phrase) is not None


def _folded_but_escapes(phrase: str) -> str:
    return re.sub(r"\\.|[^\\]+", lambda piece: piece[0] if piece[0].startswith("\\") else fold(piece[0]), phrase)


@lru_cache(PATTERNS_MAX)
def pattern(*topics: str, among: tuple[str, ...] = ()) -> re.Pattern[str]:
    """One alternative a phrase, over all topics named; matches nothing where there is no phrase.

    The start of a word and its first letter are looked for once for all phrases: elsewhere none of them is tried.
    """
    at_words, elsewhere = _sorted_out([phrase for topic in topics for phrase in phrases(topic, among)])
    parts = [f"{_WORD_START}(?:{_by_first_letter(at_words)})"] if at_words else []
    return re.compile("|".join([*parts, *elsewhere]) or r"(?!)")


@cache
def lookup(topic: str) -> PhrasesByBeginning:
    """The phrases of a topic of which there are many, in all languages: quick from the first mail on."""
    at_words, elsewhere = _sorted_out(phrases(topic))
    return PhrasesByBeginning(at_words, "|".join(elsewhere))


def _sorted_out(wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """The expressions of phrases that begin with a word, and of the others, these with where they may begin."""
    at_start = [_after_start(phrase) for phrase in wanted if phrase.startswith("^")]
    at_words = [_after_start(phrase) for phrase in wanted if _begins_word(phrase)]
    anywhere = [_after_start(phrase) for phrase in wanted if not _begins_word(phrase) and not phrase.startswith("^")]
    elsewhere = [f"^(?:{'|'.join(at_start)})"] if at_start else []
    elsewhere += [_where_one_may_begin(anywhere)] if anywhere else []
    return at_words, elsewhere


def _by_first_letter(expressions: Sequence[str]) -> str:
    """The same alternatives, tried only where the letter at hand can begin them: several times as fast."""
    if len(expressions) < MANY_PHRASES:
        return "|".join(expressions)
    known = {each: openings(each) for each in expressions}
    parts = []
    for letter in dict.fromkeys(letter for each in expressions for letter in sorted(known[each])):
        begun = "|".join(beginning_with(letter, each) for each in expressions if letter in known[each])
        parts.append(f"(?={re.escape(letter)})(?:{begun})")
    return "|".join([*parts, *(each for each in expressions if not known[each])])


def _where_one_may_begin(expressions: Sequence[str]) -> str:
    found = openings("|".join(expressions))
    may_begin = f"(?=[{re.escape(''.join(sorted(found)))}])" if found else ""
    return f"{may_begin}(?:{'|'.join(expressions)})"


@cache
def line_pattern(topic: str) -> re.Pattern[str]:
    """As `pattern`, for phrases that must begin a line."""
    parts = [expression(phrase) for phrase in phrases(topic)]
    return re.compile(r"^[ \t>*_\-—=\[(]{0,80}(?:" + ("|".join(parts) if parts else r"(?!)") + ")", re.M)
