"""What is late because no daemon ran for a while: how many mails and tasks, and by which day they are made up for.

A laptop that slept for a week wakes to a week's work. Caps, gaps and budgets spread it as they spread everything;
this only says so, for `status`. The days are core/foresight.py's. It sends nothing and hurries nothing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from sequencer.core.decide import standing
from sequencer.core.foresight import Entrant, foresee
from sequencer.core.ledger import Ledger, Slot
from sequencer.core.outlook import Expected
from sequencer.core.sequence import BranchStep, EmailStep
from sequencer.core.timing import due_time, hours_now, opening_at_work
from sequencer.core.window import local_date
from sequencer.engine.absence import works_for
from sequencer.engine.dispatch import DAEMON_OFF
from sequencer.engine.rehearsal import LIVE_COUNTED_MAX, entrants_inside
from sequencer.engine.situation import Situation, Surroundings, load, rep_load
from sequencer.errors import InvariantBroken
from sequencer.store import ramp, reads, scopes, sends

__all__ = ["Late", "late"]

TOLD_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Late:
    """`since` and `until`: when no daemon ran. `last_day`: on which the last of them goes."""

    mails: int
    tasks: int
    since: datetime
    until: datetime
    last_day: date


def late(connection: Connection, around: Surroundings, now: datetime) -> Late | None:
    """What should have gone while no daemon ran and has not gone yet; None when there is nothing of the kind.

    Looks at the first 5,000 live enrollments.
    """
    gap = scopes.meta(connection, DAEMON_OFF)
    since, until = (datetime.fromisoformat(each) for each in gap.split()) if gap else (now, now)
    if gap is None or now - until > TOLD_FOR:
        return None
    ids = reads.live_ids(connection)[:LIVE_COUNTED_MAX]
    queued = {(row.enrollment_id, row.step): row.due_at for row in sends.in_state(connection, "queued")}
    situations = load(connection, around, ids, now)
    overdue = {key for key, one in situations.items() if _overdue(one, queued, since, until)}
    if not overdue:
        return None
    entrants = entrants_inside(connection, situations.values(), now)
    foreseen = foresee(entrants, _ledger(connection, around, entrants, now), now)
    kinds: Counter[str] = Counter()
    days = []
    for one, future in zip(situations.values(), foreseen.futures, strict=True):
        coming = next((each for each in future.expected if each.kind in ("email", "task")), None)
        if one.enrollment.id in overdue and coming is not None:
            kinds[coming.kind] += 1
            days.append(_day(one, coming))
    return Late(kinds["email"], kinds["task"], since, until, max(days)) if days else None


def _overdue(one: Situation, queued: dict[tuple[int, str], datetime], since: datetime, until: datetime) -> bool:
    """Whether its next touch could have gone while no daemon ran."""
    sequence, progress = one.bundle.sequence, one.enrollment.progress
    try:
        step = standing(sequence, progress)
    except InvariantBroken:
        return False
    if step is None or isinstance(step, BranchStep) or progress.step_task or progress.pauses or progress.holds:
        return False
    due = queued.get((one.enrollment.id, step.id)) or due_time(step, progress, one.facts).at
    if due >= until or (progress.flight and (one.enrollment.id, step.id) not in queued):
        return False
    covered = not isinstance(step, EmailStep)
    could = opening_at_work(hours_now(step, progress, one.facts), one.facts.away, max(due, since), covered=covered)
    return could is not None and could < until


def _day(one: Situation, coming: Expected) -> date:
    """The day of a touch where its limits are counted: of the mailbox, or of the rep."""
    mailbox = one.facts.mailbox
    zone = mailbox.timezone if coming.kind == "email" and mailbox else one.facts.rep.timezone
    return local_date(zone, coming.at)


def _ledger(connection: Connection, around: Surroundings, entrants: list[Entrant], now: datetime) -> Ledger:
    """With what today has used up of every mailbox and rep."""
    config, taken = around.config, Counter[Slot]()
    days = {address: local_date(box.timezone, now) for address, box in config.mailboxes_by_address.items()}
    for address, day in days.items():
        taken[Slot("mailbox", address, day)] += sends.used(connection, "mailbox", [address], day).get(address, 0)
    taken.update(_taken_by_reps(connection, around, entrants, now))
    sent_on = {address: tuple(ramp.sent_on(connection, address, day)) for address, day in days.items()}
    return Ledger(config.mailboxes_by_address, config.reps_by_name, config.policy, sent_on, +taken)


def _taken_by_reps(
    connection: Connection, around: Surroundings, entrants: list[Entrant], now: datetime
) -> Iterator[Slot]:
    for name, rep in around.config.reps_by_name.items():
        steps = [step for one in entrants if one.facts.rep.name == name for step in one.sequence.steps]
        workers = works_for(around.config, name, now)
        calls, connects = rep_load(connection, around.catalog, workers, rep, steps, now)
        today = local_date(rep.timezone, now)
        yield from [Slot("call", name, today)] * calls
        yield from [Slot.week_of("connect", name, today)] * connects
