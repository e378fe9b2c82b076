"""One judgement for one mail: complaint, bounce, automatic reply or a person's answer. Read this first in mail/.

Pure and versioned: the stored bytes of a mail judged again give the same judgement, and a new VERSION can be compared
with the old one before it acts. The order matters: a bounce may carry the headers of an automatic reply, and both may
quote a person. It decides nothing about an enrollment; core/ does.
"""

import re
from dataclasses import replace

from sequencer.mail.answer import asks_to_stop, read_answer
from sequencer.mail.autoreply import has_left, read_auto_reply, words_of_absence
from sequencer.mail.bounce import Bounce, read_bounce
from sequencer.mail.bounce_signs import keeps_house
from sequencer.mail.complaint import read_complaint
from sequencer.mail.dates import come_back_day
from sequencer.mail.fields import message_ids_in
from sequencer.mail.judgement import VERSION, Judgement, Kind
from sequencer.mail.kept import compiled
from sequencer.mail.origin import puts_month_first, written_on
from sequencer.mail.parse import Parsed
from sequencer.mail.quoting import OwnWords, own_words, own_words_of_text
from sequencer.mail.signature import without_closing, without_footers
from sequencer.mail.thread import THREAD_IDS_MAX

__all__ = ["VERSION", "Judgement", "Kind", "classify", "classify_text"]

ADDRESSES_MAX = 10
SUBJECT_REQUEST_CHARS_MAX = 40

_ADDRESS = compiled(r"(?<![\w.+@-])[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}\.[A-Za-z]{2,24}(?!\w)")
_CALENDAR_REPLY = compiled(r"method\s?=\s?\"?reply", re.I)
_ACCEPTED = compiled(r"PARTSTAT=ACCEPTED", re.I)


def classify(parsed: Parsed, *, our_addresses: frozenset[str] = frozenset()) -> Judgement:
    """Judge a parsed mail. `our_addresses` (lower case) are never taken for a referral."""
    ids = _ids(parsed)
    complaint = read_complaint(parsed)
    if complaint is not None:
        about = tuple(dict.fromkeys((*complaint.original_ids, *ids)))
        return Judgement("complaint", complaint.recipients, original_message_ids=about, evidence=complaint.evidence)
    bounce = read_bounce(parsed)
    if bounce is not None:
        return _of_bounce(bounce, ids)
    if parsed.is_report:
        return Judgement("other", original_message_ids=ids, evidence=(f"report: {parsed.report_type}",))
    own = own_words(parsed)
    sent, month_first = written_on(parsed), puts_month_first(parsed)
    not_these = our_addresses | {parsed.from_address, *parsed.to}
    addresses = _addresses(own.text, not_these)
    automatic = read_auto_reply(parsed, own.text, sent, month_first=month_first)
    if automatic is not None:
        return Judgement(
            "auto_reply",
            original_message_ids=ids,
            return_date=automatic.return_date,
            left=automatic.left,
            addresses=addresses,
            text=own.text,
            forwarded=own.forwarded,
            confidence=automatic.confidence,
            evidence=automatic.evidence,
        )
    nobody = _written_by_nobody(parsed, own.text)
    if nobody:
        return Judgement(
            "other",
            original_message_ids=ids,
            text=own.text,
            forwarded=own.forwarded,
            confidence=0.8,
            evidence=(nobody,),
        )
    if _asks_to_stop_in_subject(parsed.subject):
        return Judgement(
            "reply",
            original_message_ids=ids,
            text=own.text,
            answer="opt_out",
            confidence=0.95,
            evidence=(f"subject: {parsed.subject[:60]}",),
        )
    accepted = _accepted_invitation(parsed)
    judged = _of_person(own, ids, addresses, accepted=accepted)
    if sent and judged.answer == "not_now":
        again = come_back_day(without_closing(own.text), sent, month_first=month_first)
        return replace(judged, return_date=again)
    return judged


def classify_text(text: str) -> Judgement:
    """Judge a body whose headers are unknown: only its words can tell."""
    own = own_words_of_text(text)
    addresses = _addresses(own.text, frozenset())
    absence = words_of_absence(own.text)
    if len(absence) >= 2:
        return Judgement(
            "auto_reply",
            left=has_left(own.text),
            addresses=addresses,
            text=own.text,
            forwarded=own.forwarded,
            confidence=0.7,
            evidence=absence,
        )
    return _of_person(own, (), addresses, accepted=False)


def _of_bounce(bounce: Bounce, ids: tuple[str, ...]) -> Judgement:
    first = bounce.failures[0].verdict
    return Judgement(
        "delay" if bounce.delayed else "hard_bounce" if bounce.hard else "soft_bounce",
        recipients=tuple(failure.recipient for failure in bounce.failures if failure.recipient),
        status=first.status,
        smtp_code=first.smtp_code,
        permanent=bounce.permanent,
        original_message_ids=tuple(dict.fromkeys((*bounce.original_ids, *ids))),
        confidence=0.99 if len(bounce.evidence) == 1 else 0.9,
        evidence=(*bounce.evidence, f"reason: {first.reason}"),
    )


def _of_person(own: OwnWords, ids: tuple[str, ...], addresses: tuple[str, ...], *, accepted: bool) -> Judgement:
    said = without_closing(without_footers(own.text))
    reading = read_answer(said, names_somebody=bool(_addresses(said, frozenset()) and addresses))
    answer, confidence, evidence = reading.answer, reading.confidence, reading.evidence
    if accepted and answer != "opt_out":
        answer, confidence, evidence = "meeting", 0.95, ("invitation accepted",)
    return Judgement(
        "reply",
        original_message_ids=ids,
        left=has_left(said),
        addresses=addresses,
        text=own.text,
        forwarded=own.forwarded,
        answer=answer,
        confidence=confidence,
        evidence=evidence,
    )


def _ids(parsed: Parsed) -> tuple[str, ...]:
    """Of the mail that this one answers, then of those that were put into it, as forwarded ones are."""
    carried = (each for headers in parsed.embedded for each in message_ids_in(headers.raw("Message-ID")))
    found = (parsed.in_reply_to, *reversed(parsed.references), *carried)
    return tuple(dict.fromkeys(message_id for message_id in found if message_id))[:THREAD_IDS_MAX]


def _addresses(text: str, not_these: frozenset[str]) -> tuple[str, ...]:
    found = dict.fromkeys(match[0].lower().rstrip(".") for match in _ADDRESS.finditer(text[:20_000]))
    return tuple(address for address in found if address not in not_these)[:ADDRESSES_MAX]


def _written_by_nobody(parsed: Parsed, text: str) -> str:
    """What says so: bulk mail has a way to unsubscribe and no thread (RFC 2369, RFC 8058), a mail system its name."""
    if parsed.header("List-Unsubscribe") is not None and not parsed.in_reply_to and not parsed.references:
        return "list mail"
    return keeps_house(parsed, text)


def _asks_to_stop_in_subject(subject: str) -> bool:
    """The word alone as subject, as mail programs send it for List-Unsubscribe (RFC 2369); never behind "Re:"."""
    return len(subject) <= SUBJECT_REQUEST_CHARS_MAX and ":" not in subject and asks_to_stop(subject)


def _accepted_invitation(parsed: Parsed) -> bool:
    return any(
        part.content_type == "text/calendar"
        and _CALENDAR_REPLY.search(part.headers.get("Content-Type") or part.text[:500])
        and _ACCEPTED.search(part.text)
        for part in parsed.parts
    )
