"""What mail programs write above a quote: "On …, Ana wrote:", a block of header fields, a line that says "forwarded".

They all write the same few things in other words and orders: a date, a name, an address, a verb. So these are counted
here, and the words come from words/. Each question looks at a few lines and at LINE_CHARS_MAX of each: time is linear.
It does not decide what is the person's own; quoting.py does.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from sequencer.mail import words
from sequencer.mail.kept import compiled, compiled_phrase

__all__ = ["LINE_CHARS_MAX", "LONG_RULE", "RULE", "HeaderBlock", "Lines"]

LINE_CHARS_MAX = 1000
ATTRIBUTION_CHARS_MAX = 400
ATTRIBUTION_LINES_MAX = 5
BLOCK_LINES_MAX = 24
MARK_CHARS_MAX = 160
TITLE_CHARS_MAX = 100
WRAPPED_CHARS_MIN = 40
OUTLOOK_RULE = "_" * 32
NAME_WORDS_MAX = 6
NAME_WORDS_WITH_ADDRESS_MAX = 10

RULE = compiled(r"^[ \t]{0,8}[-_=*—─~]{2,200}[ \t]{0,8}$")
LONG_RULE = compiled(r"^[ \t]{0,8}(?:_{8,200}|={4,200}|-{10,200}|\*{5,200}|─{5,200})[ \t]{0,8}$")
_QUOTED = compiled(r"^[ \t]{0,3}(?:>|\|[ \t]|&gt;)")
_DECORATION = compiled(r"^[\s>*|]{0,40}")
_ADDRESS = compiled(r"[^\s<>()\[\]\"',;:|]{1,64}@[^\s<>()\[\]\"',;:|]{1,255}")
_TIME = compiled(r"(?<!\d)\d{1,2}\s?[:.h時时시]\s?\d{2}(?!\d)")
_DAY = compiled(r"(?<!\d)\d{4}(?!\d)|\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2}|\d[年년]")
_GMT = compiled(r"^\d{4}-\d\d-\d\d \d{1,2}:\d\d gmt[+-]\d")  # Gmail once, in some languages
_GROUPWISE = compiled(r"^[ \t]{0,3}>>> .{1,200} >>>[ \t]{0,3}$")
_COLON_LAST = compiled(r":\W{0,6}$")
_DIGIT = compiled(r"\d")
_FRAME = "-_=#<>:.~ \t"
_RULED = ("--", "__", "==", "##")
_KINDS = ("from", "sent", "to", "subject", "copy", "extra")
_BESIDES = {"copy", "extra"}
_NAME_WORD = compiled(r"[^\W\d_]{4,40}")
_SOME_FIELD = compiled(r"^[^\W\d][^:|]{0,24}[:|]\s{0,8}\S")


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """The fields above a quoted or forwarded mail. `several`: it went to more than one person."""

    senders: frozenset[str] = frozenset()
    several: bool = False


class Lines:
    """The lines of a body, with the questions asked of each.

    `whole`: as they came. `written`: capped. `bare`: folded, without quote marks and stars.
    """

    def __init__(self, text: str, count_max: int) -> None:
        self.whole = text.split("\n", count_max)[:count_max]
        self.written = [line[:LINE_CHARS_MAX] for line in self.whole]
        self._kinds: dict[int, tuple[str, ...]] = {}
        self._blocks: dict[int, HeaderBlock | None] = {}
        self.bare = [words.fold(_DECORATION.sub("", line)).replace("*", "").strip() for line in self.written]
        self._colons = [index for index, line in enumerate(self.bare) if ":" in line and _COLON_LAST.search(line)]

    def __len__(self) -> int:
        return len(self.written)

    def is_quoted(self, index: int) -> bool:
        return bool(_QUOTED.match(self.written[index])) and not _GROUPWISE.match(self.written[index])

    def next_written(self, index: int) -> int | None:
        """The next line with something on it, among the next six."""
        return next((at for at in range(index, min(index + 6, len(self))) if self.bare[at]), None)

    def attribution(self, index: int) -> int:
        """How many lines, from this one, say who wrote what follows; 0 if they do not."""
        first = self.bare[index]
        if _GROUPWISE.match(self.written[index]) and _DAY.search(first):
            return 1
        if not first or len(first) > ATTRIBUTION_CHARS_MAX or not self._may_begin(index):
            return 0
        joined = ""
        for count, line in self._to_join(index):
            if joined and (_begins_anew(joined, line) or self._stands_alone(joined, line)):
                return 0
            joined = f"{joined} {line}".strip()
            if len(joined) > ATTRIBUTION_CHARS_MAX:
                return 0
            following = self.next_written(index + count)
            if _is_attribution(joined, quote_follows=following is not None and self.is_quoted(following)):
                return count
        return 0

    def _may_begin(self, index: int) -> bool:
        """A quick no for most lines: nothing near ends as an attribution does, or this one begins as none does."""
        first = self.bare[index]
        end = index + 2 * ATTRIBUTION_LINES_MAX
        at = bisect_left(self._colons, index)
        colon = at < len(self._colons) and self._colons[at] < end
        if _DIGIT.search(first) or "@" in first or "<" in first:
            return colon or bool(_GMT.match(first)) or any("@" in line for line in self.bare[index:end])
        return colon and bool(_begins().match(first) or (":" in first[-8:] and _wrote().search(first)))

    def _stands_alone(self, above: str, line: str) -> bool:
        """A whole attribution under a line that is too short to have wrapped."""
        dated = "@" in line and bool(_DAY.search(line))
        return len(above) < WRAPPED_CHARS_MIN and dated and _is_attribution(line, quote_follows=False)

    def _to_join(self, index: int) -> Iterator[tuple[int, str]]:
        """This line and those it may have wrapped into, each with how many lines that makes."""
        quoted, joined, written = self.is_quoted(index), "", 0
        for count, line in enumerate(self.bare[index : index + 2 * ATTRIBUTION_LINES_MAX], start=1):
            open_address = joined.count("<") > joined.count(">")
            if count > 1 and not open_address and self.is_quoted(index + count - 1) != quoted:
                return
            if line:
                joined += line
                written += 1
                yield count, line
            elif not open_address and not self._address_begins(index + count):
                return
            if written == ATTRIBUTION_LINES_MAX:
                return

    def _address_begins(self, index: int) -> bool:
        following = self.next_written(index)
        return following is not None and self.bare[following].startswith("<")

    def header_block(self, index: int) -> HeaderBlock | None:
        """From, Sent, To, Subject in any order and language, from this line on; looked for once."""
        if index not in self._blocks:
            self._blocks[index] = self._read_block(index)
        return self._blocks[index]

    def _read_block(self, index: int) -> HeaderBlock | None:
        first = next(iter(self._kinds_at(index)), "extra")
        if first in _BESIDES:
            return self._unknown_block(index)
        found = self._fields(index)
        addressed = any("@" in value for value in found.values())
        enough = len(found.keys() - _BESIDES) >= 3 and "from" in found
        certain = addressed or (first != "to" and "subject" in found and "sent" in found)
        if not (enough and certain):
            return None
        senders = frozenset(_ADDRESS.findall(found["from"]))
        went_to = found.get("to", "").strip("; ") + " " + found.get("copy", "")
        return HeaderBlock(senders, several=len({*_ADDRESS.findall(went_to)} - senders) > 1 or ";" in went_to)

    def _kinds_at(self, index: int) -> tuple[str, ...]:
        """The kinds of header field that the line may begin; asked once."""
        if index not in self._kinds:
            self._kinds[index] = _kinds(self.bare[index])
        return self._kinds[index]

    def _fields(self, index: int) -> dict[str, str]:
        """What stands in each kind of field; a value goes on where it is folded."""
        found: dict[str, str] = {}
        last, strange = "", 0
        for at in range(index, min(index + BLOCK_LINES_MAX, len(self))):
            line = self.bare[at]
            if not line:
                continue
            kinds = self._kinds_at(at)
            kind = next((kind for kind in kinds if kind not in found or kind in _BESIDES), "")
            if kinds and not kind:
                break  # the next block
            if kind:
                found[kind] = line
                last = kind
                continue
            folded = "@" in line or ";" in line or self.written[at][:1] in {" ", "\t"}
            if not self.bare[at - 1] or strange == 2 or (not folded and strange == 1):
                break
            strange += not folded
            found[last] += " " + line
        return found

    def _unknown_block(self, index: int) -> HeaderBlock | None:
        """Fields in a language unknown here: at least three, below Outlook's rule or with an address and a date."""
        above = next((at for at in range(index - 1, max(index - 3, -1), -1) if self.bare[at]), None)
        if above is None or self.bare[above][:3] not in {"---", "___", "==="} or self.bare[above][-2:] not in _RULED:
            return None
        below = self.bare[index : index + 5]
        fields = [line for line in below if _SOME_FIELD.match(line)]
        text = " ".join(fields)
        certain = self.written[above].strip() == OUTLOOK_RULE or ("@" in text and _DAY.search(text))
        return HeaderBlock() if len(fields) >= 3 and certain else None

    def block_below(self, index: int) -> HeaderBlock | None:
        """The header block that begins among the next four lines, quoted or not."""
        following = self.next_written(index)
        return self.header_block(following) if following is not None and following < index + 4 else None

    def marks_forward(self, index: int) -> bool:
        """A forward's own first line: dashes around it, a colon behind it, or a header block below it."""
        line = self.bare[index]
        framed = line.startswith(("--", "==", "__"))
        if not framed and (len(line) > MARK_CHARS_MAX or not (line.endswith(":") or self.block_below(index + 1))):
            return False
        title = line.strip(_FRAME)
        found = words.pattern("quote.forward").match(title)
        if not found:
            return False
        return framed or not title[found.end() :].strip(" :.-") or self.block_below(index + 1) is not None

    def asks_to_reply_above(self, index: int) -> bool:
        """A help desk's line. With nothing above it the mail is the help desk's own."""
        title = self.bare[index][:MARK_CHARS_MAX].strip(_FRAME)
        return bool(words.pattern("quote.reply_above").match(title))

    def marks_original(self, index: int) -> bool:
        """ "Original message" and its like, or any title between dashes with a header block below it."""
        line = self.bare[index]
        if len(line) > MARK_CHARS_MAX:
            return False
        title = line.strip(_FRAME)
        found = words.pattern("quote.original", "quote.reply_above").match(title)
        if found and (line[:2] in _RULED or not title[found.end() :].strip(_FRAME)):
            return True
        framed = 0 < len(title) <= TITLE_CHARS_MAX and line[:2] in _RULED and line[-2:] in _RULED
        return framed and self.block_below(index + 1) is not None


def _begins_anew(joined: str, line: str) -> bool:
    """A line with a date of its own goes with no line above that has one, nor with an address above."""
    return bool(_DAY.search(line)) and bool(
        _DAY.search(joined) or ("@" in line and "@" in joined) or (_begins().match(line) and "@" not in joined)
    )


def _is_attribution(text: str, *, quote_follows: bool) -> bool:
    if _GMT.match(text) and _name_words(text) <= NAME_WORDS_MAX:
        return True
    colon = bool(_COLON_LAST.search(text))
    day, time = bool(_DAY.search(text)), bool(_TIME.search(text))
    if not _ADDRESS.search(text):
        certain = colon and (quote_follows or (day and time))
        return certain and bool(_wrote().search(text)) and _name_words(text) <= NAME_WORDS_MAX
    if not colon:
        ended = (day or time) and _wrote_last(text)
        ended = ended or (day and time and text.endswith(">") and bool(_wrote().search(text)))
        return ended and _name_words(text) <= NAME_WORDS_WITH_ADDRESS_MAX
    verb = bool(_wrote().search(text))
    dated = (day or time) if verb else (day and time)
    if not dated and not verb:
        return False
    return _name_words(text) <= (NAME_WORDS_WITH_ADDRESS_MAX if dated else NAME_WORDS_MAX)


def _wrote_last(text: str) -> bool:
    end = text[-40:].rstrip(" -")
    return any(found.end() == len(end) for found in _wrote().finditer(end))


def _name_words(text: str) -> int:
    """How many words are neither address, verb nor calendar. Short ones ("at", "um") do not count."""
    _, rest = _wrote().taken_out(_ADDRESS.sub(" ", text))
    calendar = words.table("months").keys() | words.table("weekdays").keys()
    return sum(word not in calendar for word in _NAME_WORD.findall(rest))


def _kinds(line: str) -> tuple[str, ...]:
    head = line[:60]
    if not (":" in head or "|" in head or _DIGIT.search(head)):
        return ()
    return tuple(kind for kind in _KINDS if _key(kind).match(head))


def _any(topic: str) -> str:
    return "|".join(words.expression(phrase) for phrase in words.phrases(topic))


def _wrote() -> words.Phrases:
    return words.pattern("quote.wrote")


@cache
def _begins() -> re.Pattern[str]:
    days = "|".join(sorted(map(re.escape, words.table("weekdays")), key=len, reverse=True))
    return compiled_phrase(rf"^\W{{0,4}}(?:{_any('quote.on')}|(?:{days})\b)")


@cache
def _key(kind: str) -> re.Pattern[str]:
    without_colon = r"|(?=\s\d)" if kind == "sent" else ""
    return compiled_phrase(rf"^(?:{_any('quote.' + kind)})(?:\s{{0,3}}[:|]{without_colon})")
