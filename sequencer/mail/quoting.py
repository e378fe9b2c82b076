"""The person's own words: a reply without what it quotes, its signature and its disclaimers.

Whatever we wrote ourselves comes back in the quote, our "reply unsubscribe" footer too; taken for the person's words it
would opt them out. So the quote must go before anything is judged. Text that is not surely quoted stays.
Works line by line on capped lines: time is linear in the size of the mail. HTML is turned into text by html_text.py,
what stands above a quote is known by quote_marks.py, what stands below the person's words by signature.py.
"""

import re
from dataclasses import dataclass

from sequencer.mail import words
from sequencer.mail.kept import compiled
from sequencer.mail.parse import Parsed
from sequencer.mail.quote_marks import HeaderBlock, Lines
from sequencer.mail.signature import is_blank_or_device, unsigned, without_banner

__all__ = ["OwnWords", "own_words", "own_words_of_text"]

TEXT_CHARS_MAX = 200_000
LINES_MAX = 3000
WRAP_CHARS = 60
SUBJECT_CHARS_MAX = 200

_COUNTED = r"\s{0,2}(?:[\[(]\d{1,3}[\])]\s{0,2})?"  # RE[2]:
# "VS" is a forward in Danish and Norwegian and a reply in Finnish: it says nothing.
_FORWARD_SUBJECT = compiled(
    r"^\W{0,3}(?:fwd?|wg|tr|rv|rvd|enc|i|doorst|pd|vb|vl|fs|转发|轉寄|轉發|転送|전달|ilt|prfw|prosl|posr|tov(?:abbitas)?|πρθ"
    rf"|пересл|תשובה מועברת|הועבר|اعاده توجيه|إعادة توجيه|pers|edas|trs|fyi){_COUNTED}:",
    re.I,
)
_REPLY_SUBJECT = compiled(
    r"^\W{0,3}(?:re|aw|sv|antw|ant|odp|odg|ynt|res|rsp|ref|rif|r|bls|atb|ats|va|vast|απ|σχετ|отв|на|回复|回覆|回復|答复|答覆"
    rf"|返信|회신|답장|השב|תשובה|رد){_COUNTED}:",
    re.I,
)
_EITHER_SUBJECT = compiled(rf"^\W{{0,3}}vs{_COUNTED}:", re.I)  # Danish and Norwegian: passed on; Finnish: answered
_EMPTY_LINES = compiled(r"\n{3,50}")


@dataclass(frozen=True, slots=True)
class OwnWords:
    """`text` with LF line ends, "" when there are none. `forwarded`: the mail passes somebody else's mail on."""

    text: str
    forwarded: bool


@dataclass(slots=True)
class _Reading:
    """Own lines, in a new piece behind each quote, and what cut the rest off.

    `indented`: the rest stands under an attribution and is marked as quoted by its margin alone.
    """

    pieces: list[list[str]]
    forward_marked: bool = False
    block: HeaderBlock | None = None
    indented: bool = False
    cut: bool = False

    @property
    def is_empty(self) -> bool:
        """Nothing said yet: rules and a phone's own line do not count."""
        return all(is_blank_or_device(line) for piece in self.pieces for line in piece)


def own_words(parsed: Parsed) -> OwnWords:
    """The person's own words in a parsed mail; HTML-only mail counts as its text."""
    attached = any(part.content_type == "message/rfc822" for part in parsed.parts)
    to = frozenset((*parsed.to, *parsed.cc, *parsed.delivered_to))
    return own_words_of_text(parsed.text, subject=parsed.subject, to=to, attached=attached, name=parsed.from_name)


def own_words_of_text(
    text: str, *, subject: str = "", to: frozenset[str] = frozenset(), attached: bool = False, name: str = ""
) -> OwnWords:
    """As `own_words`, for a body whose headers may be unknown.

    `to`: the addresses that the mail went to. `attached`: a mail hangs on it. `name`: of whoever wrote it.
    """
    text = text[:TEXT_CHARS_MAX].replace("\r\n", "\n").lstrip("\ufeff")
    reading = _read(Lines(text, LINES_MAX))
    pieces = [unsigned(piece, name) for piece in (without_banner(reading.pieces[0]), *reading.pieces[1:])]
    lines = [line.rstrip() for piece in pieces for line in (*piece, "")]
    own = _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")
    return OwnWords(own, _is_forward(reading, words.fold(subject[:SUBJECT_CHARS_MAX]), to, attached=attached))


def _is_forward(reading: _Reading, subject: str, to: frozenset[str], *, attached: bool) -> bool:
    """By what the program wrote above the mail. Outlook writes one block for both: then by who is named in it."""
    if _FORWARD_SUBJECT.match(subject):
        return reading.cut or attached
    if _EITHER_SUBJECT.match(subject) and reading.block is not None and to:
        return not reading.block.senders & to
    if _REPLY_SUBJECT.match(subject):
        return reading.forward_marked and not reading.is_empty
    if reading.forward_marked or attached:
        return True
    if reading.indented and reading.is_empty:  # as Outlook for Mac passes mail on
        return True
    if reading.block is None or reading.block.senders & to:
        return False
    return reading.is_empty or reading.block.several


def _read(lines: Lines) -> _Reading:
    reading = _Reading([[]])
    index = 0
    attributed = False
    while index < len(lines):
        own = reading.pieces[-1]
        if not lines.written[index].strip():
            own.append("")
            index += 1
        elif not (attributed and lines.is_quoted(index)) and _cuts(lines, index, reading):
            return reading
        elif count := lines.attribution(index):
            following = lines.next_written(index + count)
            if following is None or not lines.is_quoted(following):
                reading.cut = True
                reading.indented = following is not None and lines.written[following][:4].isspace()
                return reading
            attributed = True
            index += count
        elif lines.is_quoted(index):
            index = _after_quote(lines, index, answered_above=not reading.is_empty)
            reading.pieces.append([])
        else:
            own.append(lines.whole[index])
            index += 1
    return reading


def _cuts(lines: Lines, index: int, reading: _Reading) -> bool:
    """Whether everything from this line on is somebody else's mail."""
    if lines.marks_forward(index):
        reading.forward_marked = reading.cut = True
    elif block := lines.header_block(index):
        reading.block, reading.cut = block, True
    elif lines.marks_original(index) and not (reading.is_empty and lines.asks_to_reply_above(index)):
        reading.block, reading.cut = lines.block_below(index + 1), True
    elif lines.is_quoted(index) and not lines.attribution(index) and lines.block_below(index + 1):
        reading.forward_marked = reading.cut = True
    return reading.cut


def _after_quote(lines: Lines, index: int, *, answered_above: bool) -> int:
    """Past the quoted lines, and past what wrapped out of them below an answer."""
    while index < len(lines) and lines.is_quoted(index):
        index += 1
    wrapped = answered_above and len(lines.written[index - 1]) > WRAP_CHARS
    if wrapped and index + 1 < len(lines) and lines.bare[index] and lines.is_quoted(index + 1):
        return index + 1
    return index
