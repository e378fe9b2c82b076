"""Complaints in the Abuse Reporting Format (RFC 5965): somebody pressed "this is spam".

A complaint suppresses the person, so only a report of that kind counts: an authentication-failure report (RFC 6591) has
the same envelope and says nothing about a person. Bounces have their own readers.
"""

import re
from dataclasses import dataclass

from sequencer.mail import words
from sequencer.mail.amazon import read_notification
from sequencer.mail.bounce_text import read_notice, returned_ids
from sequencer.mail.kept import compiled
from sequencer.mail.parse import Parsed

__all__ = ["Complaint", "read_complaint"]

REPORT_CHARS_MAX = 16_000

_NOT_COMPLAINTS = frozenset({"auth-failure", "dmarc", "not-spam"})
_ADDRESS = compiled(r"[^\s<>;,\"']{1,64}@[\w.-]{1,253}")
_JUNK_REPORT = compiled(r"complaint about message from [\d.x:a-f]{3,45}$", re.I)
_REPORTER = compiled(r"(?:complaints?|abuse|feedback|feedback-?loop|fbl|staff|scomp|postmaster|no-?reply)\b", re.I)
_TEXT_CHARS_MAX = 4000
_MENTIONED = compiled(r"(?<![\w.<@+-])[\w.+'-]{1,64}@[A-Za-z0-9.-]{1,253}[A-Za-z0-9]")
_MESSAGE_ID = compiled(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>")
_FIELD = compiled(r"^([\w-]{1,60})[ \t]{0,3}:[ \t]{0,3}(.{0,500})$", re.M)
_TO = compiled(r"^To:[^\n]{0,200}?([^\s<>,;\"]{1,64}@[\w.-]{1,253})", re.M | re.I)


@dataclass(frozen=True, slots=True)
class Complaint:
    """`recipients`: who complained, as far as the report tells; many providers hide it."""

    recipients: tuple[str, ...]
    original_ids: tuple[str, ...]
    evidence: tuple[str, ...]


def read_complaint(parsed: Parsed) -> Complaint | None:
    """None for everything but an abuse, fraud, virus, opt-out or other feedback report."""
    notified = read_notification(parsed)
    if notified is not None:
        if notified.kind == "bounce":
            return None
        return Complaint(
            tuple(address for address, _, _ in notified.recipients), notified.original_ids, ("Amazon SES complaint",)
        )
    if _JUNK_REPORT.match(parsed.subject) and parsed.embedded:
        return _junk_report(parsed)
    report = next((part for part in parsed.parts if part.content_type == "message/feedback-report"), None)
    if report is None:
        return _in_words(parsed)
    fields: dict[str, list[str]] = {}
    for name, value in _FIELD.findall(report.text[:REPORT_CHARS_MAX]):
        fields.setdefault(name.lower(), []).append(value.strip())
    kind = next(iter(fields.get("feedback-type", [])), "").lower()
    if kind in _NOT_COMPLAINTS or (not kind and "auth-failure" in fields):
        return None
    notice = read_notice(parsed)
    told = [*fields.get("original-rcpt-to", []), *fields.get("removal-recipient", [])]
    recipients = dict.fromkeys(found[0].lower() for value in told if (found := _ADDRESS.search(value)))
    if not recipients:
        to = _TO.search(notice.returned)
        recipients = dict.fromkeys([to[1].lower()]) if to else {}
    return Complaint(tuple(recipients), returned_ids(notice), (f"feedback report: {kind or 'abuse'}",))


def _in_words(parsed: Parsed) -> Complaint | None:
    """A report in prose from an abuse desk; a person who says so is read as a person."""
    said = parsed.text[:_TEXT_CHARS_MAX]
    if parsed.in_reply_to or not _REPORTER.match(parsed.from_address):
        return None
    spoken = words.pattern("complaint.report").search(" ".join(words.fold(said).split()))
    if not spoken:
        return None
    ours = {parsed.from_address, *parsed.to}
    named = dict.fromkeys(found.lower() for found in _MENTIONED.findall(said) if found.lower() not in ours)
    return Complaint(tuple(named)[:1], tuple(_MESSAGE_ID.findall(said))[:1], (f"says: {spoken[0]}",))


def _junk_report(parsed: Parsed) -> Complaint | None:
    """Microsoft's Junk Mail Reporting Program attaches the mail and names in its header who complained."""
    for headers in parsed.embedded:
        told = headers.get("X-HmXmrOriginalRecipient") or headers.get("To") or ""
        found = _ADDRESS.search(told)
        message_id = headers.get("Message-ID")
        ids = (message_id.strip(),) if message_id else ()
        return Complaint((found[0].lower(),) if found else (), ids, ("junk mail report",))
    return None
