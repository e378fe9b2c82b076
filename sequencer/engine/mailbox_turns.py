"""Whose turn comes when: everybody who shares a mailbox and a rep, read from rows and put before core/turns.py.

For `why`. A queue is read once and kept, so that asking about many people at one instant costs little more than asking
about one. It writes nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Sequence as Several
from datetime import date, datetime

from sqlalchemy import Connection

from sequencer.core.ledger import Ledger, Slot
from sequencer.core.sequence import AnyStep
from sequencer.core.turns import Turn, Turns, Waiter
from sequencer.core.window import local_date, start_of_day
from sequencer.engine.absence import works_for
from sequencer.engine.project import limited_domain
from sequencer.engine.situation import Situation, Surroundings, load, rep_load
from sequencer.store import contacts, enrollments, ramp, sends, tasks
from sequencer.store.rows import chunks

__all__ = ["MailboxTurns", "ledger_of", "touched_before"]

WAITERS_MAX = 2_000


class MailboxTurns:
    """The queues of one instant, each read when somebody in it is first asked about."""

    def __init__(self, connection: Connection, around: Surroundings, now: datetime) -> None:
        self._connection, self._around, self._now = connection, around, now
        self._known: dict[tuple[str, str], Turns] = {}

    def turn_of(self, situation: Situation) -> Turn | None:
        """When this one's next mail or task comes; None where nobody has to wait for anybody."""
        one = situation.enrollment
        key = (one.mailbox, one.rep)
        if key not in self._known:
            self._known[key] = self._turns(situation)
        return self._known[key].turn_of(one.id)

    def _turns(self, situation: Situation) -> Turns:
        """Of the first 2,000 who share it, and of the one who is asked about."""
        connection, one = self._connection, situation.enrollment
        ids = enrollments.live_for(connection, [one.mailbox], one.rep)[:WAITERS_MAX]
        situations: dict[int, Situation] = {one.id: situation}
        for part in chunks(ids):
            situations |= load(connection, self._around, part, self._now)
        found = list(situations.values())
        ledger = ledger_of(
            connection, self._around, one.rep, [step for each in found for step in each.bundle.sequence.steps],
            {each.facts.prospect.account_id or "" for each in found} - {""},
            {_domain(each) or "" for each in found} - {""}, self._now,
        )  # fmt: skip
        states = sends.mailbox_states(connection)
        last = {address: state.last_sent_at for address, state in states.items()}
        return Turns(self._waiters(found), ledger, last, self._now)

    def _waiters(self, situations: Iterable[Situation]) -> list[Waiter]:
        ones = list(situations)
        touched = contacts.recent_touches(self._connection, [one.enrollment.prospect_id for one in ones], self._now)
        queued = {
            (row.enrollment_id, row.step): (row.id, row.due_at) for row in sends.in_state(self._connection, "queued")
        }
        return [
            Waiter(
                one.enrollment.id, one.bundle.sequence, one.enrollment.progress, one.facts, _domain(one),
                touched_before(self._connection, one, touched), queued.get((one.enrollment.id, _in_flight(one))),
            )
            for one in ones
        ]  # fmt: skip


def touched_before(
    connection: Connection, one: Situation, touched: Mapping[int, Several[datetime]]
) -> tuple[datetime, ...]:
    """When the person was touched by other mails than the one that is under way. `touched`: by person."""
    flight, key = one.enrollment.progress.flight, one.enrollment.id
    own = contacts.earlier_tries(connection, key, flight.step, flight.attempt) if flight else ()
    return tuple(at for at in touched.get(one.enrollment.prospect_id, ()) if at not in own)


def _domain(one: Situation) -> str | None:
    return limited_domain(one.facts.prospect.address or "")


def _in_flight(one: Situation) -> str:
    flight = one.enrollment.progress.flight
    return flight.step if flight else ""


def ledger_of(
    connection: Connection,
    around: Surroundings,
    rep_name: str,
    steps: Collection[AnyStep],
    accounts: Collection[str],
    domains: Collection[str],
    now: datetime,
) -> Ledger:
    """A new ledger with what today has used up: of every mailbox, these accounts and domains, and the rep's tasks."""
    config = around.config
    boxes, taken = config.mailboxes_by_address, Counter[Slot]()
    days = {address: local_date(box.timezone, now) for address, box in boxes.items()}
    for day, zone in {days[address]: box.timezone for address, box in boxes.items()}.items():
        by_hand = tasks.touches_of_accounts(connection, accounts, start_of_day(zone, day), now)
        for key, number in (by_hand + Counter(_used(connection, "account", accounts, day))).items():
            taken[Slot("account", key, day)] += number
        for key, number in _used(connection, "domain", domains, day).items():
            taken[Slot("domain", key, day)] += number
    for address, day in days.items():
        taken[Slot("mailbox", address, day)] += _used(connection, "mailbox", [address], day).get(address, 0)
    rep = config.reps_by_name[rep_name]
    reps = works_for(config, rep.name, now)
    calls, connects = rep_load(connection, around.catalog, reps, rep, steps, now)
    today = local_date(rep.timezone, now)
    taken[Slot("call", rep.name, today)] += calls
    taken[Slot.week_of("connect", rep.name, today)] += connects
    sent_on = {address: tuple(ramp.sent_on(connection, address, day)) for address, day in days.items()}
    return Ledger(boxes, config.reps_by_name, config.policy, sent_on, +taken)


def _used(connection: Connection, kind: str, keys: Collection[str], day: date) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for part in chunks(sorted(keys)):
        found |= sends.used(connection, kind, part, day)
    return found
