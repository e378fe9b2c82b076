"""Chooses what of one mailbox may go now, and makes its bytes: ARCHITECTURE, The send, step 2.

Reads rows, asks `leaving_gates` and `admit`, renders. It writes nothing: dispatch commits the result before a socket
opens.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.content.failure import MissingField, RenderError
from sequencer.core import events as e
from sequencer.core.capacity import Due, Usage, admit, effective_cap
from sequencer.core.gates import answer_gates, leaving_gates
from sequencer.core.outcome import Refused
from sequencer.core.people import Mailbox
from sequencer.core.reason import Gate, Reason
from sequencer.core.sequence import EmailStep
from sequencer.core.timing import PREPARED_GOOD_FOR, hours_of, leaves_before
from sequencer.core.window import local_date, start_of_day
from sequencer.engine import freshness
from sequencer.engine.doubting import Doubt, lost_time_of
from sequencer.engine.letter import AttachmentMissing, Draft, write
from sequencer.engine.outcomes import Sent
from sequencer.engine.project import limited_domain
from sequencer.engine.situation import Situation, Surroundings, load
from sequencer.mail.compose import HeaderRefused
from sequencer.store import contacts, correspondence, epoch, log, people, ramp, sends, tasks
from sequencer.store.database import is_refusal
from sequencer.store.due import due_sends
from sequencer.store.fence import Limits
from sequencer.store.sends import Prepared, SendRow

DUE_READ_MAX = 500
PAGES_MAX = 10
BATCH_MAX = 500
LOOK_AGAIN = timedelta(minutes=15)
IN_LINE = (Reason.CAP, Reason.GAP, Reason.TURN, Reason.IN_FLIGHT)
ABOVE = (Reason.RESTORED, Reason.ALL_PAUSED, Reason.SEQUENCE_PAUSED, Reason.MAILBOX_PAUSED, Reason.BRAKE)

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """What to commit before the sockets: bytes, waits, people whose mail could not be made or may not go any more.

    `again`: enrollments to decide on, because their mail waits for something that no clock opens. `doubts`: mails that
    may have left in a time that the database forgot. `limits`: what the fences of `ready` are held to.
    """

    ready: list[Prepared] = field(default_factory=list)
    waits: list[tuple[int, datetime | None, str]] = field(default_factory=list)
    failed: list[tuple[int, e.TouchNotRendered]] = field(default_factory=list)
    refused: list[Sent] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    next_at: datetime | None = None
    limits: Limits | None = None

    @property
    def changes(self) -> bool:
        return bool(self.ready or self.waits or self.failed or self.refused or self.again or self.doubts)

    def wait(self, row: SendRow, until: datetime | None, reason: Reason | None) -> None:
        """Note why this one waits, unless its row says so already."""
        why = reason.value if reason else ""
        if (row.not_before, row.wait_reason) != (until, why):
            self.waits.append((row.id, until, why))

    def look_at(self, at: datetime | None) -> None:
        """Something changes by itself at `at`."""
        if at is not None and (self.next_at is None or at < self.next_at):
            self.next_at = at


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
    choice = _Choice(connection, around, mailbox, now)
    choice.read()
    if choice.due and (going := choice.certain(choice.admitted())):
        _render_all(connection, around, going, choice.situations, choice.until, choice.batch, key, now)
    return choice.batch


class _Choice:
    """Who of one mailbox's queue may go now. Whoever may not is passed over, so that nobody waits behind them."""

    def __init__(self, connection: Connection, around: Surroundings, mailbox: Mailbox, now: datetime) -> None:
        self._connection, self._around, self._mailbox, self._now = connection, around, mailbox, now
        self._rows: dict[int, SendRow] = {}
        self.batch = Batch()
        self.due: list[Due] = []
        self.situations: dict[int, Situation] = {}
        self.until: dict[int, datetime] = {}

    def read(self) -> None:
        """Page by page, until enough may go as far as they themselves are concerned."""
        for page in range(PAGES_MAX):
            rows = due_sends(self._connection, self._mailbox.address, self._now, DUE_READ_MAX, skip=page * DUE_READ_MAX)
            self._read_page(rows)
            if len(rows) < DUE_READ_MAX or len(self.due) >= DUE_READ_MAX:
                return

    def _read_page(self, rows: Sequence[SendRow]) -> None:
        if not rows:
            return
        persons = {row.prospect_id for row in rows}
        fresh = freshness.read(self._connection, self._around.config, persons, self._now)
        self.until.update(fresh.until)
        read = []
        for row in rows:
            if row.answers is not None or fresh.is_fresh(row.prospect_id, self._now):
                read.append(row)
            else:
                self.batch.wait(row, None, Reason.INBOX_STALE)
        self._look_at(read)

    def _look_at(self, rows: Sequence[SendRow]) -> None:
        """A person for whom this fails (a bug) is passed over like one who waits."""
        try:
            known = load(self._connection, self._around, {row.enrollment_id for row in rows}, self._now)
            found = [due for row in rows if (due := self._due(row, known[row.enrollment_id]))]
        except Exception as error:
            if is_refusal(error):
                raise
            if len(rows) > 1:
                for row in rows:
                    self._look_at([row])
                return
            logger.exception("send %d is passed over: an internal check failed", rows[0].id)
            self.batch.wait(rows[0], self._now + LOOK_AGAIN, Reason.BUG)
            return
        self.situations.update(known)
        self.due += found

    def _due(self, row: SendRow, situation: Situation) -> Due | None:
        """The send as `admit` sees it; None, with its wait noted, when one of its own gates is closed."""
        sequence, progress = situation.bundle.sequence, situation.enrollment.progress
        if row.answers is not None:
            return self._due_answer(row, situation)
        step = sequence.steps[sequence.index[row.step]] if row.step in sequence.index else None
        if not isinstance(step, EmailStep):
            self._stopped(row, Reason.EDITED)
            return None
        gates = leaving_gates(step, sequence, progress, situation.facts, self._now)
        closed = next((gate for gate in gates if not gate.passed), None)
        if closed:
            self._closed(row, closed)
            return None
        person, hours = situation.facts.prospect, hours_of(step, situation.facts)
        domain = limited_domain(person.address or "")
        if (row.account_id, row.domain) != (person.account_id, domain):
            row = row._replace(account_id=person.account_id, domain=domain)
        self._rows[row.id] = row
        return Due(
            row.id, row.enrollment_id, row.prospect_id, row.account_id, row.domain, row.sequence_id, row.due_at,
            closes_at=leaves_before(hours, situation.facts.away, self._now), first_touch=row.first_touch,
            earlier=contacts.earlier_tries(self._connection, row.enrollment_id, row.step, row.attempt),
        )  # fmt: skip

    def _due_answer(self, row: SendRow, situation: Situation) -> Due | None:
        """A rep's own answer: hours and the person's limits do not stop it."""
        there = people.suppressions_at(self._connection, row.address)
        closed = next((gate for gate in answer_gates(situation.facts, there) if not gate.passed), None)
        if no := self._no_answer(row, closed):
            self.batch.refused.append(Sent(row.id, None, Refused(0, no, "fence"), self._now))
            return None
        if closed:
            self._closed(row, closed)
            return None
        self._rows[row.id] = row
        return Due(
            row.id, row.enrollment_id, row.prospect_id, row.account_id, row.domain, row.sequence_id, row.due_at,
            answer=True,
        )  # fmt: skip

    def _no_answer(self, row: SendRow, closed: Gate | None) -> str:
        """Why a rep's answer is not to leave any more, "" while it is."""
        if closed and closed.reason is Reason.SUPPRESSED:
            return f"they may not be written to any more ({closed.detail})"
        task = tasks.task(self._connection, row.answers or 0)
        return f"its task is {task.state}" if task.state in ("cancelled", "skipped") else ""

    def _closed(self, row: SendRow, gate: Gate) -> None:
        if gate.frees_at is None:
            self._stopped(row, gate.reason)
        else:
            self.batch.wait(row, gate.frees_at, gate.reason)
            self.batch.look_at(gate.frees_at)

    def _stopped(self, row: SendRow, reason: Reason | None) -> None:
        """No clock frees it: the enrollment is decided on again, and what stays queued is looked at now and then."""
        self.batch.wait(row, self._now + LOOK_AGAIN, reason)
        if reason not in ABOVE:
            self.batch.again.append(row.enrollment_id)

    def admitted(self) -> list[SendRow]:
        """Those that may go now. A person's own limit puts a send off; the mailbox's limits only keep it in line."""
        in_batches = replace(self._mailbox, connections=BATCH_MAX)  # dispatch has its own slots to wait for
        usage = usage_of(self._connection, self._mailbox, list(self._rows.values()), self._now)
        self.batch.limits = limits_of(self._mailbox, self._around, usage.sending_days, self._now)
        admission = admit(self.due, usage, in_batches, self._around.config.policy, self._now)
        for send_id, gate in admission.wait:
            until = None if gate.reason in IN_LINE else gate.frees_at or self._now + LOOK_AGAIN
            self.batch.wait(self._rows[send_id], until, gate.reason)
        self.batch.look_at(admission.next_at)
        return [self._rows[send_id] for send_id in admission.go[:BATCH_MAX]]

    def certain(self, going: Sequence[SendRow]) -> list[SendRow]:
        """Those that cannot have left before in a time that the database forgot; the others become doubts."""
        losses = epoch.lost_times(self._connection)
        if not losses:
            return list(going)
        had = log.mailboxes_had(self._connection, [row.enrollment_id for row in going])
        left = {
            row.id: lost_time_of(
                row, self.situations[row.enrollment_id], losses, had.get(row.enrollment_id, set()) | {row.mailbox}
            )
            for row in going
        }
        self.batch.doubts += [Doubt(key, lost) for key, lost in left.items() if lost]
        return [row for row in going if not left[row.id]]


def usage_of(connection: Connection, mailbox: Mailbox, rows: Sequence[SendRow], now: datetime) -> Usage:
    """What was used of every limit, counted from rows."""
    day = local_date(mailbox.timezone, now)
    flying = sends.in_state(connection, "sending", "uncertain", "person")
    own = sum(row.mailbox == mailbox.address and row.state == "sending" for row in flying)
    state = sends.mailbox_states(connection).get(mailbox.address)
    touches = contacts.recent_touches(connection, [row.prospect_id for row in rows], now)
    accounts, domains = {row.account_id for row in rows if row.account_id}, {row.domain for row in rows if row.domain}
    used = sends.all_used(connection, {"mailbox": {mailbox.address}, "account": accounts, "domain": domains}, day)
    by_hand = tasks.touches_of_accounts(connection, accounts, start_of_day(mailbox.timezone, day), now)
    return Usage(
        sent_today=max(used["mailbox"].get(mailbox.address, 0) - own, 0),
        sending_days=ramp.sending_days(connection, mailbox.address, day),
        last_sent_at=state.last_sent_at if state else None,
        in_flight=own,
        in_flight_people=frozenset(row.prospect_id for row in flying),
        person_touches={person: tuple(at) for person, at in touches.items()},
        account_today=by_hand + Counter(used["account"]),
        domain_today=used["domain"],
    )


def _render_all(
    connection: Connection,
    around: Surroundings,
    going: Sequence[SendRow],
    situations: dict[int, Situation],
    until: Mapping[int, datetime],
    batch: Batch,
    key: bytes,
    now: datetime,
) -> None:
    enrollments = [row.enrollment_id for row in going]
    threads = correspondence.threads_of(
        connection, {key: situations[key].enrollment.progress.earlier for key in enrollments}
    )
    drafts = tasks.drafts(connection, enrollments)
    written = [row.id for row in going if row.fence is not None or row.answers is not None]
    kept = sends.raw_bytes(connection, written)
    for row in going:
        situation = situations[row.enrollment_id]
        person = situation.facts.prospect
        of_theirs = [address for address in person.addresses if address.email == row.address]
        if row.id in kept and row.answers is None and not any(address.valid for address in of_theirs):
            # Its bytes are for this address alone; a new one is a new attempt, which a person allows.
            batch.refused.append(Sent(row.id, None, Refused(0, "the address failed meanwhile", "rcpt", "", True), now))
            continue
        try:
            if row.id in kept and row.message_id:
                made = (kept[row.id], row.message_id, row.subject)
            else:
                made = _written(connection, around, row, situation, threads, drafts, key, now)
        except Exception as error:
            if is_refusal(error):
                raise
            batch.failed.append((row.enrollment_id, _failure(row, error)))
            continue
        address = row.address if row.id in kept else person.address or row.address
        batch.ready.append(
            Prepared(
                send_id=row.id,
                raw=made[0],
                message_id=made[1],
                subject=made[2],
                rendered_at=now,
                seqs=situation.numbers,
                valid_until=_valid_until(row, situation, until, now),
                address=address,
                domain=limited_domain(address),
                account_id=person.account_id,
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
        around.config, renderer, situation.bundle, row, situation.facts, threads.get(row.enrollment_id, ()),
        key, now, Draft(*draft) if draft else None,
    )  # fmt: skip
    return written.raw, written.message_id, written.subject


def _failure(row: SendRow, error: Exception) -> e.TouchNotRendered:
    if isinstance(error, MissingField):
        return e.TouchNotRendered(step=row.step, reason=Reason.MISSING_FIELD, field=", ".join(error.fields))
    if not isinstance(error, RenderError | HeaderRefused | AttachmentMissing):
        logger.error("send %d could not be written: a bug", row.id, exc_info=error)
    where = getattr(error, "template", None) or getattr(error, "field", None) or type(error).__name__
    return e.TouchNotRendered(step=row.step, reason=Reason.TEMPLATE_ERROR, field=str(where)[:200])


def _valid_until(row: SendRow, situation: Situation, until: Mapping[int, datetime], now: datetime) -> datetime:
    """The end of the window, of the mailbox's day, of the inbox's freshness, the rep's first day away: the earliest."""
    mailbox = situation.facts.mailbox
    ends = [now + PREPARED_GOOD_FOR]
    if row.answers is None:
        hours = hours_of(situation.bundle.sequence.step(row.step), situation.facts)
        # The fence lets this very instant pass, and a day away has then begun.
        ends.append(leaves_before(hours, situation.facts.away, now) - timedelta.resolution)
    if mailbox:
        tomorrow = start_of_day(mailbox.timezone, local_date(mailbox.timezone, now) + timedelta(days=1))
        ends.append(tomorrow - timedelta.resolution)
    if row.answers is None and row.prospect_id in until:
        ends.append(until[row.prospect_id])
    return min(ends)
