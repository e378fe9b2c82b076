"""Chooses what of one mailbox may go now, and makes its bytes: ARCHITECTURE, The send, step 2.

Reads rows, asks `leaving_gates` and `admit`, renders. It writes nothing: dispatch commits the result before a socket
opens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.content.failure import MissingField, RenderError
from sequencer.core import events as e
from sequencer.core.capacity import Admission, Due, Usage, admit, effective_cap
from sequencer.core.gates import leaving_gates
from sequencer.core.people import Mailbox
from sequencer.core.reason import Gate, Reason
from sequencer.core.sequence import EmailStep
from sequencer.core.timing import hours_of
from sequencer.core.window import closes_at, local_date, start_of_day
from sequencer.engine import freshness
from sequencer.engine.letter import AttachmentMissing, Draft, write
from sequencer.engine.project import limited_domain
from sequencer.engine.situation import Situation, Surroundings, load
from sequencer.mail.compose import HeaderRefused
from sequencer.store import sends, tasks
from sequencer.store.fence import Limits
from sequencer.store.sends import Prepared, SendRow

DUE_READ_MAX = 200
BATCH_MAX = 200
PREPARED_GOOD_FOR = timedelta(minutes=15)
OF_THE_MAILBOX = {Reason.CAP, Reason.GAP, Reason.TURN, Reason.IN_FLIGHT, Reason.INBOX_STALE}


@dataclass(slots=True)
class Batch:
    """What to commit before the sockets: bytes, waits, and people whose mail could not be made."""

    ready: list[Prepared] = field(default_factory=list)
    waits: list[tuple[int, datetime | None, str]] = field(default_factory=list)
    failed: list[tuple[int, e.TouchNotRendered]] = field(default_factory=list)
    next_at: datetime | None = None


def limits_of(mailbox: Mailbox, around: Surroundings, sending_days: int, now: datetime) -> Limits:
    """What the fence's counters may reach today."""
    policy = around.config.policy
    return Limits(
        local_date(mailbox.timezone, now),
        effective_cap(mailbox, sending_days),
        policy.account_touches_per_day,
        policy.domain_messages_per_day,
    )


def prepare(connection: Connection, around: Surroundings, mailbox: Mailbox, key: bytes, now: datetime) -> Batch:
    """The next sends of one mailbox, admitted and rendered."""
    rows = sends.due_sends(connection, mailbox.address, now, DUE_READ_MAX)
    batch = Batch()
    if not rows:
        return batch
    situations = load(connection, around, {row.enrollment_id for row in rows}, now)
    fresh = freshness.read(connection, around.config, [row.prospect_id for row in rows], now)
    due = [one for row in rows if (one := _due(row, situations[row.enrollment_id], fresh, batch, now))]
    in_batches = replace(mailbox, connections=BATCH_MAX)  # the channel has its own connections to wait for
    admission = admit(due, usage_of(connection, mailbox, rows, now), in_batches, around.config.policy, now)
    _note_waits(batch, admission)
    chosen = {row.id: row for row in rows}
    going = [chosen[send_id] for send_id in admission.go[:BATCH_MAX]]
    _render_all(connection, around, going, situations, fresh, batch, key, now)
    return batch


def _due(row: SendRow, situation: Situation, fresh: freshness.Freshness, batch: Batch, now: datetime) -> Due | None:
    """The send as `admit` sees it; None, with its wait noted, when one of its own gates is closed."""
    sequence, progress = situation.bundle.sequence, situation.enrollment.progress
    step = sequence.steps[sequence.index[row.step]] if row.step in sequence.index else None
    if not isinstance(step, EmailStep) or progress.finished:
        return None
    closed = next(
        (gate for gate in leaving_gates(step, sequence, progress, situation.facts, now) if not gate.passed), None
    )
    if closed:
        _note_wait(batch, row.id, closed)
        return None
    hours = hours_of(step, situation.facts)
    return Due(
        row.id, row.enrollment_id, row.prospect_id, row.account_id,
        limited_domain(situation.facts.prospect.address or ""), row.sequence_id, row.due_at,
        closes_at=closes_at(hours.window, hours.zone, hours.holidays, now),
        first_touch=row.first_touch,
        inbox_fresh=row.first_touch or fresh.is_fresh(row.prospect_id, now),
    )  # fmt: skip


def _note_wait(batch: Batch, send_id: int, gate: Gate) -> None:
    batch.waits.append((send_id, gate.frees_at, gate.reason.value if gate.reason else ""))
    _earlier(batch, gate.frees_at)


def _note_waits(batch: Batch, admission: Admission) -> None:
    """A person's own limit puts the send off; the mailbox's limits only keep it in line."""
    for send_id, gate in admission.wait:
        if gate.reason in OF_THE_MAILBOX or gate.reason is None:
            batch.waits.append((send_id, None, gate.reason.value if gate.reason else ""))
        else:
            batch.waits.append((send_id, gate.frees_at, gate.reason.value))
    _earlier(batch, admission.next_at)


def _earlier(batch: Batch, at: datetime | None) -> None:
    if at is not None and (batch.next_at is None or at < batch.next_at):
        batch.next_at = at


def usage_of(connection: Connection, mailbox: Mailbox, rows: Sequence[SendRow], now: datetime) -> Usage:
    """What was used of every limit, counted from rows."""
    day = local_date(mailbox.timezone, now)
    flying = sends.in_state(connection, "sending", "uncertain", "person")
    own = sum(row.mailbox == mailbox.address and row.state == "sending" for row in flying)
    state = sends.mailbox_states(connection).get(mailbox.address)
    touches = sends.recent_touches(connection, [row.prospect_id for row in rows], now)
    sent = sends.used(connection, "mailbox", [mailbox.address], day).get(mailbox.address, 0)
    return Usage(
        sent_today=max(sent - own, 0),
        sending_days=sends.sending_days(connection, mailbox.address, day),
        last_sent_at=state.last_sent_at if state else None,
        in_flight=own,
        in_flight_people=frozenset(row.prospect_id for row in flying),
        person_touches={person: tuple(at) for person, at in touches.items()},
        account_today=sends.used(connection, "account", {row.account_id for row in rows if row.account_id}, day),
        domain_today=sends.used(connection, "domain", {row.domain for row in rows if row.domain}, day),
    )


def _render_all(
    connection: Connection,
    around: Surroundings,
    going: Sequence[SendRow],
    situations: dict[int, Situation],
    fresh: freshness.Freshness,
    batch: Batch,
    key: bytes,
    now: datetime,
) -> None:
    enrollments = [row.enrollment_id for row in going]
    threads = sends.thread_of(connection, enrollments)
    drafts = tasks.drafts(connection, enrollments)
    kept = sends.raw_bytes(connection, [row.id for row in going if row.fence is not None or row.attempt > 1])
    for row in going:
        situation = situations[row.enrollment_id]
        try:
            if row.id in kept and row.message_id:
                made = (kept[row.id], row.message_id, row.subject)
            else:
                made = _written(connection, around, row, situation, threads, drafts, key, now)
        except (RenderError, HeaderRefused, AttachmentMissing) as error:
            batch.failed.append((row.enrollment_id, _failure(row, error)))
            continue
        address = situation.facts.prospect.address or row.address
        batch.ready.append(
            Prepared(
                send_id=row.id,
                raw=made[0],
                message_id=made[1],
                subject=made[2],
                rendered_at=now,
                seqs=situation.numbers,
                valid_until=_valid_until(row, situation, fresh, now),
                address=row.address if row.id in kept else address,
                domain=limited_domain(address),
                variant=row.variant,
                version=situation.enrollment.progress.version,
            )
        )


def _written(
    connection: Connection,
    around: Surroundings,
    row: SendRow,
    situation: Situation,
    threads: dict[int, list[SendRow]],
    drafts: dict[tuple[int, str], tuple[str | None, str]],
    key: bytes,
    now: datetime,
) -> tuple[bytes, str, str]:
    version = situation.enrollment.progress.version
    renderer = around.catalog.renderer(connection, row.sequence_id, version)
    draft = drafts.get((row.enrollment_id, row.step))
    written = write(
        around.config, renderer, situation.bundle.sequence, row, situation.facts, threads.get(row.enrollment_id, ()),
        key, now, Draft(*draft) if draft else None,
    )  # fmt: skip
    return written.raw, written.message_id, written.subject


def _failure(row: SendRow, error: Exception) -> e.TouchNotRendered:
    if isinstance(error, MissingField):
        return e.TouchNotRendered(step=row.step, reason=Reason.MISSING_FIELD, field=error.field)
    where = getattr(error, "template", None) or getattr(error, "field", None) or type(error).__name__
    return e.TouchNotRendered(step=row.step, reason=Reason.TEMPLATE_ERROR, field=str(where)[:200])


def _valid_until(row: SendRow, situation: Situation, fresh: freshness.Freshness, now: datetime) -> datetime:
    """The end of the window, of the mailbox's day, of the inbox's freshness, whichever comes first."""
    step = situation.bundle.sequence.step(row.step)
    hours = hours_of(step, situation.facts)
    mailbox = situation.facts.mailbox
    ends = [now + PREPARED_GOOD_FOR, closes_at(hours.window, hours.zone, hours.holidays, now)]
    if mailbox:
        ends.append(start_of_day(mailbox.timezone, local_date(mailbox.timezone, now) + timedelta(days=1)))
    if not row.first_touch and (good := fresh.good_until(row.prospect_id)):
        ends.append(good)
    return min(ends)
