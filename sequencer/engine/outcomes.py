"""What came of a send, as rows and events: LIFECYCLE's table for 2xx, 4xx, 5xx and silence.

Shared by dispatch, which saw the outcome, and rescue, which has to assume one. Runs inside the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.outcome import Accepted, Deferred, MailboxBroken, Outcome, Refused, Uncertain
from sequencer.core.timing import again_after
from sequencer.engine.advance import Advance
from sequencer.store import fence, log, people, sends
from sequencer.store.sends import SendRow

REST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sent:
    """An outcome. `fence`: None when the send never reached its fence."""

    send_id: int
    fence: int | None
    outcome: Outcome
    at: datetime


def settle_all(connection: Connection, advance: Advance, sent: Sequence[Sent]) -> None:
    """Write these outcomes and move their enrollments. An outcome that is not ours to write changes nothing."""
    rows = sends.load_sends(connection, [one.send_id for one in sent])
    deferrals = _deferrals(connection, [rows[one.send_id] for one in sent if isinstance(one.outcome, Deferred)])
    happened: dict[int, list[e.Event]] = {}
    for one in sent:
        row = rows[one.send_id]
        event = _settle(connection, row, one, deferrals.get(row.enrollment_id, 0))
        if event is not None:
            happened.setdefault(row.enrollment_id, []).append(event)
    for at in sorted({one.at for one in sent}):
        ids = {rows[one.send_id].enrollment_id for one in sent if one.at == at}
        advance.record(connection, [(key, events) for key, events in happened.items() if key in ids], at)


def _deferrals(connection: Connection, rows: Sequence[SendRow]) -> dict[int, int]:
    """How often each enrollment's flight was put off before."""
    enrollments = log.load(connection, {row.enrollment_id for row in rows})
    return {key: row.progress.flight.deferrals for key, row in enrollments.items() if row.progress.flight}


def _settle(connection: Connection, row: SendRow, one: Sent, deferrals: int) -> e.Event | None:
    """One outcome as rows; returns the event of its enrollment, if there is one."""
    match one.outcome:
        case Accepted(code=code, text=text):
            if not _write(connection, row, one, "sent", code, "", text):
                return None
            return e.TouchSent(step=row.step, attempt=row.attempt, sent_at=row.sending_at or one.at)
        case Uncertain(text=text):
            if not _write(connection, row, one, "uncertain", 0, "", text):
                return None
            return e.TouchUncertain(step=row.step, attempt=row.attempt, fenced_at=row.sending_at or one.at)
        case Refused(code=code, enhanced=enhanced, text=text, address_invalid=invalid):
            if not _write(connection, row, one, "failed", code, enhanced, text):
                return None
            if invalid:
                people.invalidate_address(connection, row.address, enhanced or str(code))
            return e.TouchRefused(
                step=row.step, attempt=row.attempt, code=code, enhanced=enhanced, address_invalid=invalid
            )
        case Deferred(code=code, enhanced=enhanced, text=text, of_the_person=True):
            again_at = again_after(deferrals, one.at)
            if not _write(connection, row, one, "queued", code, enhanced, text, again_at or one.at):
                return None
            return e.TouchDeferred(step=row.step, attempt=row.attempt, code=code, enhanced=enhanced, again_at=again_at)
        case Deferred(code=code, enhanced=enhanced, text=text):
            _write(connection, row, one, "queued", code, enhanced, text, one.at + REST)
            return None
        case MailboxBroken(code=code, text=text):
            _write(connection, row, one, "queued", code, "", text, one.at + REST)
            sends.break_mailbox(connection, row.mailbox, text, one.at)
            return None


def _write(
    connection: Connection,
    row: SendRow,
    one: Sent,
    state: str,
    code: int,
    enhanced: str,
    reply: str,
    not_before: datetime | None = None,
) -> bool:
    """Settle the row if it is still this outcome's to settle; a definite no gives its counters back."""
    settlement = fence.Settlement(one.send_id, one.fence, state, one.at, code, enhanced, reply, not_before)
    if not fence.settle(connection, settlement):
        return False
    if one.fence is not None and state in ("queued", "failed"):
        fence.give_back(connection, row)
    return True
