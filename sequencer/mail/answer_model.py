"""How likely each class of answer is, by a small linear model over words and pieces of words.

The rules of answer.py know the phrases somebody thought of; this knows what resembles them: other forms of a word,
typing errors, languages with few phrases. Its weights are one byte each, made by `make model` from the answers in
benchmarks/answers/, and read when the first answer is. It knows no rule, no date and no address.
"""

import math
from array import array
from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from itertools import islice, pairwise
from operator import itemgetter
from pathlib import Path
from zlib import crc32, decompress

from sequencer.mail.kept import compiled

__all__ = ["BUCKETS", "DIGEST_BYTES", "FILE", "buckets", "leanings", "read_columns", "telling_words", "tokens"]

FILE = "answer_model.bin"
BUCKETS = 1 << 16
DIGEST_BYTES = 32  # SHA-256
TEXT_CHARS_MAX = 3000
TOKENS_MAX = 500
WORDS_CACHED = 4096
TELLING_MAX = 3
_SHARPNESS = 0.02  # of one unit of weight, chosen so that the likelihoods made of leanings are those on unseen answers

_SPACELESS = compiled("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_TOKEN = compiled(
    r"(?P<link>https?://\S{1,200})|(?P<address>[\w.+-]{1,64}@[\w.-]{1,100})|(?P<time>\d{1,2}[:.h]\d\d)"
    r"|(?P<number>\d{1,20})|[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]{1,24}|[^\W\d_]{1,24}|[^\w\s.,;:'\"()<>*_-]"
)
_LENGTHS = (1, 2, 4, 8, 16, 32, 64)


def leanings(text: str) -> tuple[float, ...]:
    """One number a class, in the order of the file's columns; e to their power is in proportion to the likelihoods.

    `text` is folded (words.fold), here and below. Empty when it has no word.
    """
    found = buckets(tokens(text))
    if not found:
        return ()
    share = _SHARPNESS / math.sqrt(len(found))
    return tuple(share * each for each in _sums(found))


def telling_words(text: str, column: int) -> tuple[str, ...]:
    """The words that lean most towards the class of this column and away from the others."""
    told = {token: _word_leans(token)[column] for token in dict.fromkeys(tokens(text))}
    ranked = sorted((token for token in told if told[token] > 0), key=lambda token: (-told[token], token))
    return tuple(ranked[:TELLING_MAX])


def tokens(text: str) -> list[str]:
    """Words, signs and emoji of a folded text; links, addresses, times and numbers become one sign each."""
    found = islice(_TOKEN.finditer(text[:TEXT_CHARS_MAX]), TOKENS_MAX)
    return [f"<{match.lastgroup}>" if match.lastgroup else match[0] for match in found]


def buckets(found: Sequence[str]) -> set[int]:
    """What the model looks at, hashed, each once: words and their pieces, pairs, triples, length, a question mark."""
    if not found:
        return set()
    seen: set[int] = set(_of_order(found))
    for token in found:
        seen.update(_of_word(token))
    return seen


@lru_cache(WORDS_CACHED)
def _word_leans(token: str) -> tuple[float, ...]:
    """How much this word leans towards each class and away from the others."""
    found = _of_word(token)
    sums = _sums(found)
    middle, size = sum(sums) / len(sums), math.sqrt(len(found))
    return tuple((each - middle) / size for each in sums)


@lru_cache(maxsize=WORDS_CACHED)
def _of_word(token: str) -> "array[int]":
    """The word itself and its pieces of two to five letters; of scripts without spaces those of one to four.

    Each bucket takes two bytes: a tuple of them would take twenty times as much in the cache.
    """
    if token.startswith("<"):
        return array("H", [crc32(token.encode()) % BUCKETS])
    spaceless = _SPACELESS.search(token) is not None
    shown = token if spaceless else f"^{token}$"
    lengths = range(1, 5) if spaceless else range(2, 6)
    pieces = [shown[at : at + length] for length in lengths for at in range(len(shown) - length + 1)]
    return array("H", {code % BUCKETS for code in map(crc32, map(str.encode, (f"={token}", *pieces)))})


def _of_order(found: Sequence[str]) -> list[int]:
    length = sum(len(found) > bound for bound in _LENGTHS)
    shown = ("^", *found, "$")
    told = [f"#{length}", f"#{length}{'?' if '?' in found else '.'}", *map(" ".join, pairwise(shown))]
    told += [f"{first} {second} {third}" for first, second, third in zip(shown, shown[1:], shown[2:], strict=False)]
    return [crc32(each.encode()) % BUCKETS for each in told]


def _sums(found: Collection[int]) -> list[int]:
    """Of each class the weights of these buckets, added."""
    if len(found) == 1:  # itemgetter would not give a tuple
        return [column[bucket] for column in _columns() for bucket in found]
    taken = itemgetter(*found)
    return [sum(taken(column)) for column in _columns()]


@cache
def _columns() -> tuple[bytes, ...]:
    return read_columns(Path(__file__).with_name(FILE).read_bytes())


def read_columns(packed: bytes) -> tuple[bytes, ...]:
    """The weights as `make model` packs them: one column of BUCKETS bytes a class, compressed, behind a digest.

    The digest (DIGEST_BYTES) is of what they were made of. A byte is its weight plus 128: sums of equally many bytes
    compare as the sums of the weights do.
    """
    raw = decompress(packed[DIGEST_BYTES:])
    return tuple(raw[at : at + BUCKETS] for at in range(0, len(raw), BUCKETS))
