"""Is this mail a bounce, for whom, and for good? One answer from the report (RFC 3464) or, without one, the words.

A false bounce invalidates the address of a person who answered, so two independent signs are required: a sender that
is a machine, and words or fields that say "not delivered". Nothing here suppresses anyone.
"""

import re
from dataclasses import dataclass

from sequencer.mail import words
from sequencer.mail.amazon import Notification, read_notification
from sequencer.mail.bounce_reason import Verdict, judge
from sequencer.mail.bounce_report import Group, read_groups, report_groups, undelivered
from sequencer.mail.bounce_text import Named, Notice, named_recipients, read_notice, returned_ids
from sequencer.mail.parse import Parsed

OPENING_CHARS = 3000


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient that did not get the mail."""

    recipient: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Bounce:
    """`delayed`: the server still tries (a warning). `original_ids`: Message-IDs of the returned mail."""

    failures: tuple[Failure, ...]
    delayed: bool
    original_ids: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def hard(self) -> bool:
        return not self.delayed and any(failure.verdict.dead for failure in self.failures)

    @property
    def permanent(self) -> bool:
        return not self.delayed and any(failure.verdict.permanent for failure in self.failures)


def read_bounce(parsed: Parsed) -> Bounce | None:
    """None when the mail is no failure report: success reports, read receipts and mail from people."""
    notified = read_notification(parsed)
    if notified is not None:
        return _from_notification(notified)
    groups = report_groups(parsed)
    if groups:
        failed = undelivered(groups)
        return _from_report(parsed, failed) if failed else None
    if parsed.is_report and parsed.report_type not in {"", "delivery-status", None}:
        return None
    return _from_text(parsed)


def _from_notification(notified: Notification) -> Bounce | None:
    if notified.kind != "bounce":
        return None
    failures = tuple(
        Failure(address, judge(diagnostic, status=status, delayed=notified.temporary))
        for address, status, diagnostic in notified.recipients
    )
    return Bounce(failures, False, notified.original_ids, ("Amazon SES bounce",)) if failures else None


def _from_report(parsed: Parsed, groups: tuple[Group, ...]) -> Bounce | None:
    notice = read_notice(parsed)
    delayed = all(group.action == "delayed" for group in groups)
    failures: dict[str, Failure] = {}
    spoken: tuple[Named, ...] | None = None
    for group in groups:
        recipient = group.recipient
        if not recipient:
            spoken = named_recipients(notice, not_these=_own(parsed)) if spoken is None else spoken
            recipient = spoken[0].recipient if spoken else ""
        text = group.diagnostic if len(group.diagnostic) > 8 else f"{group.diagnostic} {notice.said}"
        failures.setdefault(recipient, Failure(recipient, judge(text, status=group.status, delayed=delayed)))
    return Bounce(tuple(failures.values()), delayed, returned_ids(notice), ("delivery-status report",))


def _from_text(parsed: Parsed) -> Bounce | None:
    notice = read_notice(parsed)
    evidence = _signs(parsed, notice)
    if len(evidence) < 2:
        return None
    groups = undelivered(read_groups(notice.said))
    if groups and groups[0].recipient:
        return _from_report(parsed, groups)
    delayed = _is_delay(parsed, notice)
    told = parsed.header("X-Failed-Recipients")
    if told:
        failed = tuple(
            Named(address.strip().lower(), notice.said) for address in told[:4000].split(",") if "@" in address
        )
    else:
        failed = named_recipients(notice, not_these=_own(parsed))
    failures = tuple(Failure(name.recipient, judge(name.diagnostic, delayed=delayed)) for name in failed)
    if not failures:
        failures = (Failure("", judge(notice.said, delayed=delayed)),)
    return Bounce(failures, delayed, returned_ids(notice), evidence)


def _signs(parsed: Parsed, notice: Notice) -> tuple[str, ...]:
    """The independent signs of a bounce; two are enough, and one of them must come from the machine itself."""
    opening = " ".join(words.fold(notice.said[:OPENING_CHARS]).split())
    subject = words.fold(parsed.subject[:300])
    machine = _from_machine(parsed)
    spoken = words.pattern("bounce.notice").search(opening)
    titled = words.pattern("bounce.subject").search(subject)
    signs = []
    if parsed.header("X-Failed-Recipients"):
        signs.append("X-Failed-Recipients")
    if machine:
        signs.append(machine)
    if titled and not re.match(r"\s*(?:re|aw|sv|antw|odp|ynt|vs)\s*:", subject):
        signs.append(f"subject: {titled[0]}")
    if spoken:
        signs.append(f"says: {spoken[0]}")
    if parsed.is_report:
        signs.append("multipart/report")
    return tuple(signs) if machine or (spoken and len(signs) > 1) else ()


def _from_machine(parsed: Parsed) -> str:
    sender = words.fold(f"{parsed.from_name} {parsed.from_address.partition('@')[0]}".strip())
    found = words.pattern("bounce.daemon").search(sender)
    if found:
        return f"from {found[0]}"
    path = parsed.header("Return-Path")
    return "empty return path" if path is not None and path.strip() in {"<>", ""} else ""


def _is_delay(parsed: Parsed, notice: Notice) -> bool:
    text = " ".join(words.fold(f"{notice.said[:OPENING_CHARS]}").split())
    return bool(
        words.pattern("bounce.delayed").search(words.fold(parsed.subject[:300]))
        or words.pattern("bounce.delayed").search(text)
    )


def _own(parsed: Parsed) -> frozenset[str]:
    """The addresses of the bounce's own envelope: whom it is from and to."""
    return frozenset(address.lower() for address in (parsed.from_address, *parsed.to) if address)
