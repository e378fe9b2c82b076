"""The person's own words: a reply without what it quotes, its signature and its disclaimers.

Whatever we wrote ourselves comes back in the quote, our "reply unsubscribe" footer too; taken for the person's words it
would opt them out. So the quote must go before anything is judged. Text that is not surely quoted stays.
Works line by line on capped lines: time is linear in the size of the mail. HTML is turned into text by html_text.py.
"""

import re
from dataclasses import dataclass
from functools import cache

from sequencer.mail import words
from sequencer.mail.parse import Parsed

__all__ = ["OwnWords", "own_words", "own_words_of_text", "without_closing"]

TEXT_CHARS_MAX = 200_000
LINES_MAX = 4000
LINE_CHARS_MAX = 1000
ATTRIBUTION_CHARS_MAX = 400
ATTRIBUTION_LINES_MAX = 4
HEADER_BLOCK_LINES = 8
SIGNATURE_LINES_MAX = 25
WRAP_CHARS = 60

_QUOTED = re.compile(r"^[ \t]{0,3}(?:>|\|[ \t]|&gt;)")
_RULE = re.compile(r"^[ \t]{0,8}[-_=*—─]{2,200}[ \t]{0,8}$")
_LONG_RULE = re.compile(r"^[ \t]{0,8}(?:_{8,200}|={4,200}|-{10,200}|\*{5,200}|─{5,200})[ \t]{0,8}$")
_SIGNATURE = re.compile(r"^[ \t]{0,3}(?:--|—|––|__)[ \t]{0,3}$")
_DATED = re.compile(r"\d{1,4}[./:-]\d{1,2}|\d{4}|@|\d{1,2}\s?[月월]")
_ADDRESSED = re.compile(
    r"^\W{0,3}(?:\d{1,4}[./-]\d{1,2}[./-]\d{2,4}|[^\s<]).{0,200}<\s?[^<>\s]{1,200}@[^<>\s]{1,200}\s?>\s?:\s{0,3}$"
)
_FORWARD_SUBJECT = re.compile(
    r"^\W{0,3}(?:fwd?|wg|tr|rv|enc|i|doorst|pd|vb|vs|fs|转发|轉寄|転送|ilt|prfw|továbbítás)\s?:", re.I
)
_REPLY_SUBJECT = re.compile(r"^\W{0,3}(?:re|aw|sv|antw|odp|ynt|vs|res|ref|r|bls|atb|vá|回复|回覆|答复|返信)\s?:", re.I)
_KEYS = ("from", "sent", "to", "subject", "extra")


@dataclass(frozen=True, slots=True)
class OwnWords:
    """`text` with LF line ends, "" when there are none. `forwarded`: the mail passes somebody else's mail on."""

    text: str
    forwarded: bool


def own_words(parsed: Parsed) -> OwnWords:
    """The person's own words in a parsed mail; HTML-only mail counts as its text."""
    return own_words_of_text(parsed.text, subject=parsed.subject)


def own_words_of_text(text: str, *, subject: str = "") -> OwnWords:
    """As `own_words`, for a body whose headers are not known."""
    lines = text[:TEXT_CHARS_MAX].replace("\r\n", "\n").lstrip("\ufeff").split("\n")[:LINES_MAX]
    kept, forwarded, cut = _unquoted(lines)
    title = words.fold(subject[:200])
    if cut and _FORWARD_SUBJECT.match(title):
        forwarded = True
    elif _REPLY_SUBJECT.match(title):
        forwarded = forwarded and not _is_empty(kept)
    return OwnWords(_trimmed(kept), forwarded)


def without_closing(text: str) -> str:
    """Own words up to the closing formula: a name and a job title below it say nothing about the answer."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if index and len(line) <= 60 and _closing().fullmatch(words.fold(line).strip(" \t,.!;-–—")):
            return "\n".join(lines[:index]).strip()
    return text


def _unquoted(lines: list[str]) -> tuple[list[str], bool, bool]:
    """The lines that are not quoted, whether they carry a forward, and whether anything was cut off."""
    kept: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index][:LINE_CHARS_MAX]
        if not line.strip():
            kept.append("")
            index += 1
            continue
        if _marks_forward(lines, index):
            return kept, True, True
        quote = _attribution(lines, index)
        block = not quote and _header_block(lines, index)
        if block or _marks_original(lines, index):
            return kept, _is_empty(kept) and (block or _header_below(lines, index + 1)), True
        if quote:
            following = _next_written(lines, index + quote)
            if following is None or not _QUOTED.match(lines[following]):
                return kept, _is_empty(kept) and following is not None, True
            index += quote
        elif _QUOTED.match(line):
            if _header_below(lines, index + 1):
                return kept, True, True
            index = _after_quote(lines, index, not _is_empty(kept))
        else:
            kept.append(lines[index])
            index += 1
    return kept, False, False


def _after_quote(lines: list[str], index: int, answered_above: bool) -> int:
    """Past the quoted lines, and past what wrapped out of them below an answer."""
    while index < len(lines) and _QUOTED.match(lines[index][:LINE_CHARS_MAX]):
        index += 1
    if answered_above and len(lines[index - 1]) > WRAP_CHARS:
        following = index
        while following < len(lines) and lines[following].strip() and not _QUOTED.match(lines[following]):
            following += 1
        if following < len(lines) and following - index <= 1 and _QUOTED.match(lines[following]):
            return following
    return index


def _is_empty(kept: list[str]) -> bool:
    """Nothing said yet: rules and a phone's own line do not count."""
    return all(not line.strip() or _RULE.match(line[:LINE_CHARS_MAX]) or _device().match(_bare(line)) for line in kept)


def _header_below(lines: list[str], index: int) -> bool:
    """Whether a header block begins at the next written line, quoted or not."""
    for line_index in range(index, min(index + 4, len(lines))):
        if _bare(lines[line_index]).strip():
            return _header_block(lines, line_index)
    return False


def _next_written(lines: list[str], index: int) -> int | None:
    return next((at for at in range(index, min(index + 6, len(lines))) if lines[at].strip()), None)


def _bare(line: str) -> str:
    return words.fold(re.sub(r"^[\s>*|]{0,20}", "", line[:LINE_CHARS_MAX])).replace("*", "")


@cache
def _forward() -> re.Pattern[str]:
    return re.compile(rf"^[-_=\s]{{0,80}}(?:{_any('quote.forward')})")


@cache
def _original() -> re.Pattern[str]:
    return re.compile(
        rf"^(?:[-_=#\s]{{2,80}}(?:{_any('quote.original')})|\W{{0,20}}(?:{_any('quote.original')})\W{{0,80}}$)"
    )


@cache
def _wrote() -> re.Pattern[str]:
    return words.pattern("quote.wrote")


@cache
def _begins_attribution() -> re.Pattern[str]:
    starts = [words.expression(phrase) for phrase in words.phrases("quote.on")]
    days = "|".join(sorted(words.table("weekdays"), key=len, reverse=True))
    name = r"[^\s<]{1,40}(?: [^\s<]{1,40}){0,4} ?[<(,]"
    return re.compile(rf"^\W{{0,4}}(?:{'|'.join(starts)}|(?:{days})|\w{{2,4}}[.,]|\w{{1,4}} \d|\d|\"|{name})")


@cache
def _key(topic: str) -> re.Pattern[str]:
    return re.compile(rf"^(?:{_any('quote.' + topic)})\s?[:：]")


@cache
def _closing() -> re.Pattern[str]:
    name = r"(?:,? [\w.'-]{1,20}){0,3}"
    return re.compile(rf"(?:{_any('quote.closing')}){name}")


def _any(topic: str) -> str:
    return "|".join(words.expression(phrase) for phrase in words.phrases(topic))


def _marks_forward(lines: list[str], index: int) -> bool:
    """A forward's own first line: dashes around it, a header block below it, or the fields in the same line."""
    line = _bare(lines[index])
    found = _forward().match(line)
    if not found:
        return False
    rest = line[found.end() :]
    framed = line.startswith(("--", "==", "__")) or rest.rstrip().endswith((":", "-"))
    return framed or _header_below(lines, index + 1)


def _marks_original(lines: list[str], index: int) -> bool:
    return bool(_original().match(_bare(lines[index])))


def _header_block(lines: list[str], index: int) -> bool:
    """From, Sent, To, Subject in any order and language: the first line is one, and two other kinds follow at once."""
    first = {key for key in _KEYS if _key(key).match(_bare(lines[index]))}
    if not first - {"extra"}:
        return False
    kinds = set()
    for line in lines[index : index + HEADER_BLOCK_LINES]:
        kinds.add(next((key for key in _KEYS if key not in kinds and _key(key).match(_bare(line))), ""))
    return len(kinds - {"", "extra"}) >= 3


def _attribution(lines: list[str], index: int) -> int:
    """How many lines, from this one, say "On …, … wrote:"; 0 if they do not."""
    first = _bare(lines[index])
    if not _begins_attribution().match(first):
        return 0
    joined = ""
    for count, line in enumerate(lines[index : index + ATTRIBUTION_LINES_MAX], start=1):
        if count > 1 and not line.strip():
            if not joined.endswith("<") and not _opens_address(lines, index + count):
                return 0
            continue
        joined = f"{joined} {_bare(line)}".strip()
        if len(joined) > ATTRIBUTION_CHARS_MAX:
            return 0
        ends = joined.endswith((":", "："))
        if ends and _DATED.search(joined) and (_wrote().search(joined) or _ADDRESSED.match(joined)):
            return count
        if (
            not ends
            and "@" in joined
            and _wrote().search(joined[-20:])
            and joined[-1:].isalpha()
            and _DATED.search(joined)
        ):
            return count
    return 0


def _opens_address(lines: list[str], index: int) -> bool:
    return index < len(lines) and lines[index].lstrip().startswith("<")


def _trimmed(lines: list[str]) -> str:
    """Without the signature, the lines phones and scanners add, and the lawyers' paragraph."""
    end = len(lines)
    for index, line in enumerate(lines):
        if not line.strip():
            continue
        folded = _bare(line)
        rest = end - index
        if _SIGNATURE.match(line[:LINE_CHARS_MAX]) and (
            rest <= SIGNATURE_LINES_MAX or (line.rstrip(" ") == "--" and line.endswith(" "))
        ):
            end = index
            break
        if _device().match(folded) and len(folded) < 120 and rest <= SIGNATURE_LINES_MAX:
            end = index
            break
        if _starts_paragraph(lines, index) and (_disclaimer().match(folded) or _footer_below(lines, index)):
            end = index
            break
    while end and (not lines[end - 1].strip() or _LONG_RULE.match(lines[end - 1][:LINE_CHARS_MAX])):
        end -= 1
    return re.sub(r"\n{3,50}", "\n\n", "\n".join(line.rstrip() for line in lines[:end])).strip("\n")


def _starts_paragraph(lines: list[str], index: int) -> bool:
    """With an empty line or a rule above; the first words of a mail are never a disclaimer."""
    return (
        index > 0
        and any(map(str.strip, lines[:index]))
        and (not lines[index - 1].strip() or bool(_RULE.match(lines[index - 1][:LINE_CHARS_MAX])))
    )


def _footer_below(lines: list[str], index: int) -> bool:
    """A long rule with the company's small print under it."""
    if not _LONG_RULE.match(lines[index][:LINE_CHARS_MAX]):
        return False
    below = " ".join(_bare(line) for line in lines[index + 1 : index + 6])[:LINE_CHARS_MAX]
    return bool(words.pattern("quote.small_print").search(below))


@cache
def _device() -> re.Pattern[str]:
    return re.compile(rf"^\W{{0,4}}(?:{_any('quote.sent_from')})")


@cache
def _disclaimer() -> re.Pattern[str]:
    return re.compile(rf"^\W{{0,40}}(?:{_any('quote.disclaimer')})")
