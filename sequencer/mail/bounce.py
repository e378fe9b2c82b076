"""Is this mail a bounce, for whom, and for good? One answer from the report (RFC 3464) or, without one, the words.

A false bounce invalidates the address of a person who answered, so independent signs are required (bounce_signs.py).
Nothing here suppresses anyone.
"""

import re
from dataclasses import dataclass

from sequencer.mail import words
from sequencer.mail.amazon import Notification, read_notification
from sequencer.mail.bounce_reason import Verdict, judge
from sequencer.mail.bounce_report import Group, read_groups, report_groups, undelivered
from sequencer.mail.bounce_signs import is_delay, signs_of_failure
from sequencer.mail.bounce_text import Named, Notice, named_recipients, read_notice, returned_ids
from sequencer.mail.kept import compiled
from sequencer.mail.parse import Parsed, Unparseable, parse

TOLD_CHARS_MAX = 4000
COMMENT_CHARS_MAX = 60
WRAPPED_BYTES_MAX = 500_000
WRAPS_MAX = 3  # notices around the one that is read

_REPLY_LINE = compiled(r"^.{0,200}?(?<![\w.])[45]\d\d[ -].{0,600}(?:\n[ \t]{1,20}\S.{0,300}){0,4}", re.M)
_FORWARDED = compiled(r"\s*(?:fwd?|wg|tr|rv|i|enc|转发|轉寄)\s*[:：]")
_QUOTE = compiled(r"^(?:> ?){1,3}", re.M)


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
    return _read(parsed, WRAPS_MAX) or _forwarded(parsed)


def _read(parsed: Parsed, wraps_max: int) -> Bounce | None:
    notified = read_notification(parsed)
    if notified is not None:
        return _from_notification(notified)
    groups = report_groups(parsed)
    if groups:
        failed = undelivered(groups)
        return _from_report(parsed, failed) if failed else None
    if parsed.is_report and parsed.report_type not in {"", "delivery-status", None}:
        return None
    return _from_text(parsed, wraps_max)


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
    named = _named(parsed, notice)
    failures: dict[str, Failure] = {}
    for group in groups:
        if group.action == "delayed" and not delayed:
            continue
        recipient = group.recipient or (named[0].recipient if named else "")
        about = [name.diagnostic for name in named if name.recipient == recipient]
        verdict = judge(
            group.diagnostic,
            status=group.status,
            delayed=delayed,
            given_up=group.action == "failed",
            beside=(*about, notice.said, parsed.subject),
        )
        failures.setdefault(recipient, Failure(recipient, verdict))
    return Bounce(tuple(failures.values()), delayed, returned_ids(notice), ("delivery-status report",))


def _from_text(parsed: Parsed, wraps_max: int) -> Bounce | None:
    notice = read_notice(parsed)
    named = _named(parsed, notice)
    evidence = signs_of_failure(parsed, notice, named)
    if not evidence:
        return None
    groups = undelivered(read_groups(notice.said))
    if groups and groups[0].recipient:
        return _from_report(parsed, groups)
    in_place = any(name.in_place for name in named)
    if not in_place and (wrapped := _wrapped(parsed, notice, wraps_max)):
        return wrapped
    delayed = is_delay(parsed, notice)
    failures = tuple(
        Failure(name.recipient, _verdict(name.diagnostic, notice, parsed, alone=len(named) < 2, delayed=delayed))
        for name in named or (Named("", ""),)
    )
    unclear = all(failure.verdict.reason == "unclear" for failure in failures)
    if in_place and unclear and (wrapped := _wrapped(parsed, notice, wraps_max)):
        return wrapped
    return Bounce(failures, delayed, returned_ids(notice), evidence)


def _verdict(diagnostic: str, notice: Notice, parsed: Parsed, *, alone: bool, delayed: bool) -> Verdict:
    """What the next server answered says more than the words around it, and those more than the whole notice."""
    answered = _REPLY_LINE.search(diagnostic) or (_REPLY_LINE.search(notice.said) if alone else None)
    first = answered[0] if answered else diagnostic
    return judge(first, delayed=delayed, beside=(diagnostic, notice.said, parsed.subject))


def _named(parsed: Parsed, notice: Notice) -> tuple[Named, ...]:
    told = (parsed.header("X-Failed-Recipients") or "")[:TOLD_CHARS_MAX]
    failed = [address.strip().lower() for address in told.split(",") if "@" in address]
    if failed:
        return tuple(Named(address, notice.said, in_place=True, leading=True) for address in failed)
    domain = parsed.from_address.partition("@")[2]
    return named_recipients(notice, parsed.subject, not_these=_own(parsed), domain=domain)


def _wrapped(parsed: Parsed, notice: Notice, wraps_max: int) -> Bounce | None:
    """The bounce inside: gateways and mail rooms put a notice of their own around the one they received."""
    for part in parsed.parts:
        if wraps_max and part.content_type == "message/rfc822" and len(part.raw) <= WRAPPED_BYTES_MAX:
            try:
                inner = _read(parse(part.raw), wraps_max - 1)
            except Unparseable:
                return None
            return inner if inner and inner.failures[0].recipient else None
    groups = undelivered(read_groups(notice.returned))
    return _from_report(parsed, groups) if groups and groups[0].recipient else None


def _forwarded(parsed: Parsed) -> Bounce | None:
    """A colleague who forwards the report of a mail system without a word of their own."""
    if not _FORWARDED.match(words.fold(parsed.subject[:40])):
        return None
    comment, begun, rest = parsed.text.partition("From:")
    if len(comment) > 3 * COMMENT_CHARS_MAX or not words.pattern("bounce.daemon").search(words.fold(rest[:100])):
        return None
    if sum(len(line) for line in comment.splitlines() if not line.rstrip(" -").endswith(":")) > COMMENT_CHARS_MAX:
        return None
    groups = undelivered(read_groups(_QUOTE.sub("", rest)))
    return _from_report(parsed, groups) if begun and groups and groups[0].recipient else None


def _own(parsed: Parsed) -> frozenset[str]:
    """The addresses of the bounce's own envelope: whom it is from and to."""
    return frozenset(address.lower() for address in (parsed.from_address, *parsed.to) if address)
