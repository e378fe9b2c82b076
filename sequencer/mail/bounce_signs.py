"""Is this mail a failure report at all? The independent signs, and how many of them are enough.

A false bounce invalidates the address of a person who answered. The name of a mail system needs one more sign; an empty
return path or a subject needs words of failure and something no person writes. Who failed, and why, is read elsewhere.
"""

import re

from sequencer.mail import words
from sequencer.mail.bounce_text import Named, Notice
from sequencer.mail.fields import mailboxes
from sequencer.mail.kept import compiled
from sequencer.mail.parse import Parsed

OPENING_CHARS = 3000
SUBJECT_CHARS_MAX = 300

_CODED = compiled(
    r"^[ \t<>#(*-]{0,20}(?:[^\n:>]{0,40}[:>] ?)?"
    r"(?:[45][0-5]\d(?:[ -]{1,3}(?:[45]\.\d|\D)|$)|#?[45]\.\d{1,3}\.\d{1,3}\b)"
    r"|\(#[45]\.\d{1,3}\.\d{1,3}\)|said: [45][0-5]\d[ -]",
    re.M,
)
ANSWERED = compiled(r"\s*(?:re|aw|sv|antw|odp|ynt|vs|res|rv|fwd?|wg|tr|i|enc|回复|答复|转发|返信)\s*[:：]")
_DAEMON_BOX = compiled(r"(?:mailer|mail|m)-?daemon\d{0,2}@", re.I)
_NO_REPLY = compiled(r"(?:no|do-?not)-?_?reply")


def signs_of_failure(parsed: Parsed, notice: Notice, named: tuple[Named, ...]) -> tuple[str, ...]:
    """What says that this mail is a bounce; () where it is not enough."""
    opening = _opening(notice)
    subject = words.fold(parsed.subject[:SUBJECT_CHARS_MAX])
    coded = _CODED.search(notice.said[:OPENING_CHARS])
    if not coded and words.pattern("bounce.arrived").search(f"{subject} {opening}"):
        return ()
    spoken = words.pattern("bounce.notice").search(opening)
    titled = None if ANSWERED.match(subject) else words.pattern("bounce.subject").search(subject)
    said = [f"{where}: {found[0]}" for where, found in (("subject", titled), ("says", spoken)) if found]
    structure = [
        sign
        for sign, found in (
            ("X-Failed-Recipients", parsed.header("X-Failed-Recipients")),
            ("multipart/report", parsed.is_report),
            ("an SMTP code", coded),
            ("a returned mail", _returns_ours(parsed) or (titled and notice.returned and not parsed.in_reply_to)),
        )
        if found
    ]
    daemon = _daemon(parsed)
    waits = words.pattern("bounce.delayed").search(opening) if daemon else None
    if daemon and (said or structure or waits):
        return (daemon, *said, *([f"says: {waits[0]}"] if waits and not spoken else []), *structure)
    if any(name.leading for name in named):
        structure.append("a failed address")
    unattended = _unattended(parsed) or _gateway(parsed)
    if spoken and structure and (titled or unattended):
        return (*([unattended] if unattended else []), *said, *structure)
    return ()


def is_delay(parsed: Parsed, notice: Notice) -> bool:
    """Whether the server says that it still tries."""
    delayed = words.pattern("bounce.delayed")
    return bool(delayed.search(words.fold(parsed.subject[:SUBJECT_CHARS_MAX])) or delayed.search(_opening(notice)))


def _opening(notice: Notice) -> str:
    return " ".join(words.fold(notice.said[:OPENING_CHARS]).split())


def _returns_ours(parsed: Parsed) -> bool:
    """Whether a mail of the one who gets this report is attached to it."""
    authors = (box.address for headers in parsed.embedded for box in mailboxes(headers.raw("From")))
    return any(author in parsed.to for author in authors)


def keeps_house(parsed: Parsed, text: str) -> str:
    """What says that a mail system wrote `text`; "" otherwise: postmasters and administrators are people, too."""
    system = _daemon(parsed) if parsed.from_address else ""
    if not system or parsed.in_reply_to or parsed.references:
        return ""
    folded = words.fold(text[:OPENING_CHARS])
    if ANSWERED.match(words.fold(parsed.subject[:SUBJECT_CHARS_MAX])):
        return ""
    if _DAEMON_BOX.match(parsed.from_address) or words.pattern("bounce.arrived", "bounce.housekeeping").search(folded):
        return system
    return ""


def _daemon(parsed: Parsed) -> str:
    """The name of a mail system as the author, or no author at all."""
    if not parsed.from_address:
        return "no author"
    box = words.fold(parsed.from_address.partition("@")[0])
    found = words.pattern("bounce.daemon").search(f"{words.fold(parsed.from_name)} {box}".strip())
    found = found or words.pattern("bounce.daemon_box").fullmatch(box)
    return f"from {found[0]}" if found else ""


def _gateway(parsed: Parsed) -> str:
    """A filter that tells whoever sent a mail; it signs newsletters with its name, too."""
    if parsed.in_reply_to:
        return ""
    box = words.fold(parsed.from_address.partition("@")[0])
    found = words.pattern("bounce.gateway").search(f"{words.fold(parsed.from_name)} {box}")
    return f"from {found[0]}" if found else ""


def _unattended(parsed: Parsed) -> str:
    """Signs of a machine that automatic replies and newsletters carry too."""
    path = parsed.header("Return-Path")
    if path is not None and path.strip() in {"<>", ""}:
        return "empty return path"
    return "from no-reply" if _NO_REPLY.match(parsed.from_address) else ""
