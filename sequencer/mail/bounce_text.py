"""Bounces in free text: what the server says, what it gives back, and who is named as undeliverable.

Almost half of real bounces carry no delivery-status part (qmail, Exim, Exchange, Notes, carriers), but all of them put
the failed address where a person finds it: at the start of a line, after a phrase such as "could not be delivered to",
or in the RCPT TO of a transcript. Reading that shape covers servers nobody listed. Whether a mail is a bounce at all,
and what the words mean, is decided elsewhere.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sequencer.mail import words
from sequencer.mail.kept import compiled
from sequencer.mail.parse import Parsed

NOTICE_CHARS_MAX = 32_000
RETURNED_CHARS_MAX = 64_000
RETURNED_HEADER_CHARS_MAX = 16_000
LINE_CHARS_MAX = 1000
PREFIX_CHARS = 100
RECIPIENTS_MAX = 200
MENTIONS_MAX = 400
HEADER_NEIGHBOURS = 4
DIAGNOSIS_CHARS_MAX = 400

_ADDRESS = r"[^\s<>()\[\];,:\"'|@：，；、。（）＜＞「」【】]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}[A-Za-z0-9]"
_ANY = compiled(rf"(?<![\w.@]){_ADDRESS}")
_CODE = compiled(r"[45]\d\d[ -](?:[45]\.\d{1,3}\.\d{1,3} )?")
_NUMBERING = compiled(r"\d{1,3}[.)]\s")
_HEADER_OF_SENDER = compiled(
    r"MAIL FROM|envelope-from|F=\[|<<<"
    r"|^\s{0,8}(?:From|Sender|Reply-To|Return-Path|Message-ID|X-[\w-]{1,40}|References|Received|Cc|Bcc)\s?:",
    re.I,
)
_ORIGIN = compiled(rf"generated from <?({_ADDRESS})")
_SERVICE = compiled(
    r"^(?:mailer-daemon|postmaster|abuse|support|help|helpdesk|hostmaster|noc|admin|root|unblock|unban|removeme)@", re.I
)
_HEADER_LINE = compiled(
    r"^(?:> ?)?(?:Received|Return-Path|Message-ID|MIME-Version|Date|From|To|Subject|X-[\w-]{1,40}|DKIM-Signature"
    r"|Delivered-To|Content-Type|User-Agent|Reply-To)[ \t]{0,3}:",
    re.I,
)
_RETURNED_ID = compiled(r"^[ \t>]{0,8}(?:X-)?(?:Original-)?Message-ID\s{0,3}:\s{0,8}(<[^<>\s]{1,300}>)", re.M | re.I)
_RETURNED_TO = compiled(rf"^(?:To|X-Original-To|Delivered-To)\s?:[^\n]{{0,200}}?({_ADDRESS})", re.M | re.I)
_RETURNED_FOR = compiled(rf"^Received\s?:[^\n]{{0,600}}?\sfor <?({_ADDRESS})", re.M | re.I)
_FOLD = compiled(r"\r?\n[ \t]{1,20}")
_NAME_BEFORE = compiled(r"\S[ \t]{1,3}[^\W\d_a-z]\w{0,20}[ \t]{1,3}[(<]\Z")
_ALONE = compiled(rf"^[ \t]{{0,8}}<?({_ADDRESS})>?[ \t]{{0,8}}$", re.M)
_BARE = compiled(r"\s{1,8}([A-Za-z0-9][\w.+-]{1,63})")
_OPENING = compiled(r"[A-Z\d]")
_RETURNED_TYPES = frozenset(
    {"message/rfc822", "message/global", "message/global-headers", "text/rfc822-headers", "message/partial"}
)


@dataclass(frozen=True, slots=True)
class Notice:
    """`said`: the server's own words. `returned`: the mail it gives back, headers first, "" where it gives none."""

    said: str
    returned: str


class Named(NamedTuple):
    """A recipient and the words that belong to it alone.

    `in_place`: it stands where servers write the failed one. `leading`: at the beginning of a line.
    """

    recipient: str
    diagnostic: str
    in_place: bool = False
    leading: bool = False


def read_notice(parsed: Parsed) -> Notice:
    """Split a message into what the server says and what it returns."""
    said, returned = [], []
    for part in parsed.parts:
        if part.content_type in _RETURNED_TYPES:
            returned.append(part.text[:RETURNED_CHARS_MAX])
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


def named_recipients(notice: Notice, subject: str, *, not_these: frozenset[str], domain: str = "") -> tuple[Named, ...]:
    """The failed recipients a notice names, each with the words after it; `not_these` are addresses of the sender.

    Addresses that lead a line win over spoken ones, those over the To of a quoted header, those over any other; the
    subject and the returned mail are the last resort. `domain`: of the reporting server, for bare local parts.
    """
    lines = notice.said.splitlines()
    places = _places(lines)
    for tier, found in enumerate(places.tiers()):
        kept = {
            address: at for address, at in found.items() if address not in not_these and not _SERVICE.match(address)
        }
        if kept:
            return _with_words(lines, kept, in_place=tier < 2, leading=tier == 0)
    own = places.leading or places.quoted_to
    if own:  # somebody wrote to their own address
        return _with_words(lines, own, in_place=True, leading=True)
    if domain and (bare := _bare(lines, domain)):
        return _with_words(lines, bare, in_place=True, leading=True)
    return tuple(Named(address, notice.said) for address in _last_resort(notice, subject, not_these))


def returned_ids(notice: Notice) -> tuple[str, ...]:
    """Message-IDs in the header of the returned mail, or where the server quotes it."""
    return tuple(dict.fromkeys(_RETURNED_ID.findall(notice.returned) or _RETURNED_ID.findall(notice.said)))


@dataclass(slots=True)
class _Places:
    """Where addresses stand: address -> index of its line."""

    leading: dict[str, int] = field(default_factory=dict)
    spoken: dict[str, int] = field(default_factory=dict)
    quoted_to: dict[str, int] = field(default_factory=dict)
    anywhere: dict[str, int] = field(default_factory=dict)

    def tiers(self) -> Iterator[dict[str, int]]:
        yield from (self.leading, self.spoken, self.quoted_to, self.anywhere)


def _places(lines: list[str]) -> _Places:
    places = _Places()
    mentions = ((index, line, found) for index, line in enumerate(lines) for found in _ANY.finditer(line))
    for count, (index, line, found) in enumerate(mentions):
        before = line[: found.start()]
        prefix = words.fold(before[-PREFIX_CHARS:])
        if count >= MENTIONS_MAX:
            break
        if _HEADER_OF_SENDER.search(before) or _is_not_failed(before, _sentence(lines, index, prefix)):
            continue
        address = found[0].lower()
        places.anywhere.setdefault(address, index)
        if _leads(prefix, line[found.end() :]):
            quoted = _ending("bounce.to").search(prefix) and _in_quoted_header(lines, index)
            (places.quoted_to if quoted else places.leading).setdefault(address, index)
        elif _ending("bounce.before").search(prefix):
            places.spoken.setdefault(address, index)
    return places


def _is_not_failed(before: str, sentence: str) -> bool:
    """Whether the words before an address say so; not where they end a name, as that of `Team DE (team@acme.test)`."""
    return bool(_ending("bounce.not_before").search(sentence)) and not _NAME_BEFORE.search(before)


def _sentence(lines: list[str], index: int, prefix: str) -> str:
    """What stands before an address, over the line break where a sentence was folded right before it."""
    if index and not prefix.strip(" \t<(") and lines[index - 1][-1:].isalnum():
        return words.fold(lines[index - 1][-PREFIX_CHARS:])
    return prefix


def _ending(topic: str) -> words.Phrases:
    """A phrase of the topic, then nothing but punctuation, at the end of what stands before an address."""
    return words.pattern(topic, after=r"\W{0,20}(?:mailto:)?\Z")


def _leads(prefix: str, rest: str) -> bool:
    """Whether an address begins its line, but for a bullet, a number, a label or an SMTP code."""
    prefix = prefix.replace("mailto:", "").lstrip(" \t>*•-#|")
    rest = rest.lstrip(">\"')]")
    code = _CODE.match(prefix)
    if code:
        return not prefix[code.end() :].strip(" <\"'([") and rest.lstrip().startswith(("...", ":"))
    prefix = _NUMBERING.sub("", prefix, count=1).strip(" \t<\"'([")
    labelled = prefix.endswith((":", "=")) and words.pattern("bounce.label", "bounce.to").fullmatch(prefix[:-1].strip())
    return (not prefix or bool(labelled)) and _may_follow(rest)


def _may_follow(rest: str) -> bool:
    """After a failed address stands nothing, a reason, or a date; prose goes on in lower case without punctuation."""
    rest = rest.strip()
    return not rest or rest[0] in ":;,.(-[/|=" or rest.startswith(("...", "on ", "<")) or bool(_OPENING.match(rest))


def _in_quoted_header(lines: list[str], index: int) -> bool:
    """Exchange and others say which mail came back by its To and Subject, before they name who did not get it."""
    near = lines[max(0, index - HEADER_NEIGHBOURS) : index + HEADER_NEIGHBOURS + 1]
    return any(words.line_pattern("bounce.subject_label").match(words.fold(line)) for line in near)


def _bare(lines: list[str], domain: str) -> dict[str, int]:
    """Local parts without a domain, one a line, below a sentence that ends in a colon: the server's own users."""
    found: dict[str, int] = {}
    listing = False
    for index, line in enumerate(lines):
        if listing and (name := _BARE.fullmatch(line.rstrip())):
            found.setdefault(f"{name[1]}@{domain}".lower(), index)
        elif line.strip():
            listing = line.rstrip().endswith(":")
    return found


def _last_resort(notice: Notice, subject: str, not_these: frozenset[str]) -> Iterator[str]:
    header = _FOLD.sub(" ", notice.returned[:RETURNED_HEADER_CHARS_MAX])
    resorts = (
        _ORIGIN.search(notice.said),
        _ANY.search(subject[:LINE_CHARS_MAX]),
        _ALONE.search(notice.returned[:DIAGNOSIS_CHARS_MAX]),
        _RETURNED_TO.search(header),
        _RETURNED_FOR.search(header),
    )
    for found in resorts:
        address = found[found.re.groups].lower() if found else ""
        if address and address not in not_these:
            yield address
            return


def _with_words(lines: list[str], found: dict[str, int], *, in_place: bool, leading: bool = False) -> tuple[Named, ...]:
    starts = [*sorted(found.values()), len(lines)]
    named = []
    for address, start in list(found.items())[:RECIPIENTS_MAX]:
        end = next((later for later in starts if later > start), len(lines))
        named.append(Named(address, "\n".join(lines[start:end]), in_place, leading))
    return tuple(named)
