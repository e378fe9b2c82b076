"""What came of a send, as rows and events: LIFECYCLE's table for 2xx, 4xx, 5xx and silence.

Shared by dispatch, which saw the outcome, and rescue, which has to assume one. Runs inside the caller's transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.outcome import Accepted, Deferred, MailboxBroken, Outcome, Refused, Uncertain
from sequencer.core.reason import Reason
from sequencer.core.timing import again_after
from sequencer.engine import answering
from sequencer.engine.advance import Advance
from sequencer.engine.braking import brake
from sequencer.engine.resting import rest_reason, was_judged
from sequencer.engine.situation import load
from sequencer.mail.amazon import given_id
from sequencer.store import correspondence, fence, log, people, sends
from sequencer.store.database import is_refusal
from sequencer.store.sends import SendRow

REST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sent:
    """An outcome. `fence`: None when the send never reached its fence."""

    send_id: int
    fence: int | None
    outcome: Outcome
    at: datetime


def settle_each(connection: Connection, advance: Advance, sent: Sequence[Sent]) -> list[Exception | None]:
    """As settle_all, but what fails for one (a bug) leaves the others settled; returns each one's error."""
    if not sent:
        return []
    try:
        with connection.begin_nested():
            settle_all(connection, advance, sent)
    except Exception as error:
        if is_refusal(error):
            raise
        if len(sent) == 1:
            return [error]
        return [settle_each(connection, advance, [one])[0] for one in sent]
    return [None] * len(sent)


def settle_all(connection: Connection, advance: Advance, sent: Sequence[Sent]) -> None:
    """Write these outcomes and move their enrollments. An outcome that is not ours to write changes nothing."""
    put_off = sends.load_sends(connection, [one.send_id for one in sent if isinstance(one.outcome, Deferred)])
    deferrals = _deferrals(connection, put_off)
    settlements = [_settlement(one, deferrals.get(one.send_id, 0), put_off.get(one.send_id)) for one in sent]
    settled = fence.settle(connection, settlements)
    ours = [(one, settled[one.send_id]) for one in sent if one.send_id in settled]
    working: dict[str, bool] = {}
    for one, row in ours:
        if isinstance(one.outcome, Refused) and one.outcome.address_invalid:
            people.invalidate_address(connection, row.address, one.outcome.enhanced or str(one.outcome.code))
        if isinstance(one.outcome, Accepted) and (given := given_id(one.outcome.text)):
            correspondence.put_relay_id(connection, given, row.id)
        if isinstance(one.outcome, MailboxBroken):
            sends.break_mailbox(connection, row.mailbox, one.outcome.text, one.at)
        working[row.mailbox] = _works(connection, advance, row.mailbox, one, working.get(row.mailbox, False))
    sends.end_rests(connection, [address for address, works in working.items() if works])
    if not ours:
        return
    now = max(one.at for one in sent)
    situations = load(connection, advance.around, {row.enrollment_id for _, row in ours}, now)
    happened: dict[int, list[e.Event]] = {}
    for one, row in ours:
        # Also without an event: what was recorded while it was on the wire may call it back now.
        events = happened.setdefault(row.enrollment_id, [])
        crossed = situations[row.enrollment_id].enrollment.status != "active"
        before = deferrals.get(one.send_id, 0)
        if row.answers is not None:
            events += answering.what_came(connection, row, one.outcome, before, one.at)
        elif event := _event(row, one, before, crossed):
            events.append(event)
    advance.record_in(connection, situations, happened, now)
    refused = [row.mailbox for one, row in ours if isinstance(one.outcome, Refused)]
    brake(connection, advance.around.config, refused, now)


def _works(connection: Connection, advance: Advance, address: str, one: Sent, before: bool) -> bool:
    """Whether the mailbox works after this outcome; one that says nothing about a person lets it rest."""
    section = advance.around.config.mailbox_section(address)
    if reason := rest_reason(one.outcome, section.smtp.host if section else "its server"):
        sends.rest_mailbox(connection, address, one.at + REST, reason)
        return False
    return before or was_judged(one.outcome)


def _deferrals(connection: Connection, rows: Mapping[int, SendRow]) -> dict[int, int]:
    """How often each of these sends was put off before."""
    enrollments = log.load(connection, {row.enrollment_id for row in rows.values()})
    flights = {row.id: enrollments[row.enrollment_id].progress.flight for row in rows.values()}
    touches = {send_id: flight.deferrals for send_id, flight in flights.items() if flight}
    return touches | {row.id: answering.deferrals_of(connection, row) for row in rows.values() if row.answers}


def _settlement(one: Sent, deferrals: int, row: SendRow | None) -> fence.Settlement:
    """The outcome as the send's row keeps it. `row`: of a deferred one."""

    def to(
        state: str, code: int, enhanced: str, text: str, until: datetime | None = None, why: str = ""
    ) -> fence.Settlement:
        return fence.Settlement(one.send_id, one.fence, state, one.at, code, enhanced, text, until, why)

    match one.outcome:
        case Accepted(code=code, text=text):
            return to("sent", code, "", text)
        case Uncertain(text=text):
            return to("uncertain", 0, "", text)
        case Refused(code=code, enhanced=enhanced, text=text):
            return to("failed", code, enhanced, text)
        case Deferred(code=code, enhanced=enhanced, text=text, of_the_person=True):
            if row and row.answers is not None and again_after(deferrals, one.at) is None:
                return to("failed", code, enhanced, text)
            return to("queued", code, enhanced, text, again_after(deferrals, one.at) or one.at, Reason.BACK_OFF)
        case Deferred(code=code, enhanced=enhanced, text=text, phase=phase):
            why = Reason.DATABASE_SLOW if phase == "fence" else Reason.BACK_OFF
            return to("queued", code, enhanced, text, one.at + REST, why)
        case MailboxBroken(code=code, text=text):
            return to("queued", code, "", text, one.at + REST, Reason.MAILBOX_BROKEN)


def _event(row: SendRow, one: Sent, deferrals: int, crossed: bool) -> e.Event | None:
    """The outcome as an event of its enrollment; None when it says nothing about the person."""
    match one.outcome:
        case Accepted():
            return e.TouchSent(step=row.step, attempt=row.attempt, sent_at=row.sending_at or one.at, crossed=crossed)
        case Uncertain():
            return e.TouchUncertain(step=row.step, attempt=row.attempt, fenced_at=row.sending_at or one.at)
        case Refused(code=code, enhanced=enhanced, address_invalid=invalid):
            return e.TouchRefused(
                step=row.step, attempt=row.attempt, code=code, enhanced=enhanced, address_invalid=invalid
            )
        case Deferred(code=code, enhanced=enhanced, of_the_person=True):
            again_at = again_after(deferrals, one.at)
            return e.TouchDeferred(step=row.step, attempt=row.attempt, code=code, enhanced=enhanced, again_at=again_at)
        case _:
            return None
