"""Bounces in free text: who is named as undeliverable, and what is said about each.

Almost half of real bounces carry no delivery-status part (qmail, Exim, Exchange, Notes, carriers), but all of them put
the failed address where a person finds it: at the start of a line, after a phrase such as "could not be delivered to",
or in the RCPT TO of a transcript. Reading that shape covers servers nobody listed. Whether a mail is a bounce at all,
and what the words mean, is decided elsewhere.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from sequencer.mail import words
from sequencer.mail.parse import Parsed

NOTICE_CHARS_MAX = 32_000
RETURNED_CHARS_MAX = 64_000
LINE_CHARS_MAX = 1000
RECIPIENTS_MAX = 200

_ADDRESS = r"[^\s<>()\[\];,:\"'|]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}[A-Za-z0-9]"
_ANY = re.compile(rf"(?<![\w.@]){_ADDRESS}")
_SPOKEN = re.compile(
    r"(?:RCPT(?: TO)?\s?:\s?<?|undeliverable to |delivered to:? "
    r"|(?:deliver|sent|send)(?:ing|ed)?(?: your| the)? ?(?:mail|message|e-mail)?,? ?to:? "
    r"|failed(?: \d{1,3} attempts)?: |recipients?:? |unknown (?:user|recipient|address):? |user:? |mailbox:? |T=\["
    rf"|did not reach |f.r |address:? |full: |adresse |an )[<\"']?({_ADDRESS})",
    re.I,
)
_LEADING = re.compile(
    r"^[\s>*•\-]{0,40}(?:\d{1,3}[.)]\s{1,4})?(?:(?:To|Recipient|Address|Failed Recipient|Recipient address"
    rf"|Original address|Target mail address|Empfänger|An)\s?:)?\s{{0,20}}"
    rf"[<\"'(]{{0,2}}(?:mailto:)?({_ADDRESS})[>\"')]{{0,2}}(.{{0,300}})$",
    re.I,
)
_NOT_RECIPIENT = re.compile(
    r"MAIL FROM|envelope-from|F=\[|generated from"
    r"|^\s{0,8}(?:From|Sender|Reply-To|Return-Path|Message-ID|X-[\w-]{1,40}|References|Received)\s?:"
    r"|(?:contact|support|e-?mail to|write to|forward|send mail to|problems?|postmaster at|reported by|sent by"
    r"|from:?|sender|absender|expéditeur) <?$",
    re.I,
)
_SERVICE = re.compile(
    r"^(?:mailer-daemon|postmaster|abuse|support|help|helpdesk|hostmaster|noc|admin|root|unblock|unban|removeme)@", re.I
)
_HEADER_LINE = re.compile(
    r"^(?:> ?)?(?:Received|Return-Path|Message-ID|MIME-Version|Date|From|To|Subject|X-[\w-]{1,40}|DKIM-Signature"
    r"|Delivered-To|Content-Type|User-Agent|Reply-To)[ \t]{0,3}:",
    re.I,
)
_RETURNED_ID = re.compile(r"^(?:X-)?(?:Original-)?Message-ID\s{0,3}:\s{0,8}(<[^<>\s]{1,300}>)", re.M | re.I)
_RETURNED_TO = re.compile(rf"^(?:To|X-Original-To|Delivered-To)\s?:[^\n]{{0,200}}?({_ADDRESS})", re.M | re.I)
_RETURNED_TYPES = frozenset(
    {"message/rfc822", "message/global", "message/global-headers", "text/rfc822-headers", "message/partial"}
)


@dataclass(frozen=True, slots=True)
class Notice:
    """`said`: the server's own words. `returned`: the mail it gives back, headers first, "" where it gives none."""

    said: str
    returned: str


class Named(NamedTuple):
    """A recipient and the words that belong to it alone."""

    recipient: str
    diagnostic: str


def read_notice(parsed: Parsed) -> Notice:
    """Split a message into what the server says and what it returns."""
    said, returned = [], []
    for part in parsed.parts:
        if part.content_type in _RETURNED_TYPES:
            returned.append((part.text or part.raw.decode("utf-8", "replace"))[:RETURNED_CHARS_MAX])
        elif (part.content_type == "text/plain" or part.content_type.startswith("multipart/")) and not returned:
            said.append(part.text)
    if not "".join(said).strip() and not parsed.is_report:
        said = [parsed.text]
    text, rest = split_returned("\n".join(said)[:NOTICE_CHARS_MAX])
    return Notice(said=text, returned="\n".join([*returned, rest]) if returned else rest)


def split_returned(text: str) -> tuple[str, str]:
    """Cut where the returned mail begins: at a sentence that says so, or at three header lines in a row."""
    lines = [line[:LINE_CHARS_MAX] for line in text.splitlines()]
    marker = words.line_pattern("bounce.returned")
    headers = 0
    for index, line in enumerate(lines):
        headers = headers + 1 if _HEADER_LINE.match(line) or (headers and line[:1] in " \t" and line.strip()) else 0
        if headers >= 4 and index > 3:
            return "\n".join(lines[: index - headers + 1]), "\n".join(lines[index - headers + 1 :])
        if index and line.strip() and marker.match(words.fold(line)):
            return "\n".join(lines[:index]), "\n".join(lines[index:])
    return "\n".join(lines), ""


def named_recipients(notice: Notice, *, not_these: frozenset[str]) -> tuple[Named, ...]:
    """The failed recipients a notice names, each with the words after it; `not_these` are addresses of the sender.

    Addresses that lead a line win over spoken ones, those over any other; the returned mail's To is the last resort.
    """
    lines = notice.said.splitlines()
    tiers = (_leading(lines), _mentioned(lines, _SPOKEN, 1), _mentioned(lines, _ANY, 0))
    for found in tiers:
        kept = {
            address: at for address, at in found.items() if address not in not_these and not _SERVICE.match(address)
        }
        if kept:
            return _with_words(lines, kept)
    if tiers[0]:  # somebody wrote to their own address
        return _with_words(lines, tiers[0])
    generated = re.search(rf"generated from <?({_ADDRESS})", notice.said)
    if generated:
        return (Named(generated[1].lower(), notice.said),)
    to = _RETURNED_TO.search(notice.returned[:RETURNED_CHARS_MAX])
    return (Named(to[1].lower(), notice.said),) if to and to[1].lower() not in not_these else ()


def returned_ids(notice: Notice) -> tuple[str, ...]:
    """Message-IDs in the header of the returned mail."""
    return tuple(dict.fromkeys(_RETURNED_ID.findall(notice.returned)))


def _leading(lines: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, line in enumerate(lines):
        match = _LEADING.match(line)
        if match and not _NOT_RECIPIENT.search(line[: match.start(1)]) and _may_follow(match[2]):
            found.setdefault(match[1].lower(), index)
    return found


def _may_follow(rest: str) -> bool:
    """After a failed address stands nothing, a reason, or a date; prose goes on in lower case without punctuation."""
    rest = rest.strip()
    return (
        not rest or rest[0] in ":;,.(-[/|=" or rest.startswith(("...", "on ", "<")) or bool(re.match(r"[A-Z\d]", rest))
    )


def _mentioned(lines: list[str], pattern: re.Pattern[str], group: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, line in enumerate(lines):
        for match in pattern.finditer(line):
            if not _NOT_RECIPIENT.search(line[: match.start()]):
                found.setdefault(match[group].lower(), index)
    return found


def _with_words(lines: list[str], found: dict[str, int]) -> tuple[Named, ...]:
    if len(found) == 1:
        return (Named(next(iter(found)), "\n".join(lines)),)
    starts = [*sorted(found.values()), len(lines)]
    named = []
    for address, start in list(found.items())[:RECIPIENTS_MAX]:
        end = next(later for later in starts if later > start)
        named.append(Named(address, "\n".join(lines[start:end])))
    return tuple(named)
