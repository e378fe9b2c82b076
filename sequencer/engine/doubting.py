"""Doubts mail that may have left in a time that a restored database forgot, at its reconciling and afterwards.

Nobody has more than one open mail, so what else may have left to them can be doubted only when that one is settled; and
a step behind a doubt is one only when its sequence goes on. So the lost time is kept, and a mail that is about to go is
asked whether it may have gone then. What was found, and who is asked first, is engine/reconciling.py's.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sequencer.core.outcome import Uncertain
from sequencer.core.progress import Progress
from sequencer.core.sequence import AnyStep
from sequencer.core.state import evolve
from sequencer.core.timing import PREPARED_GOOD_FOR, due_time, wait_end
from sequencer.core.touch import Touch
from sequencer.core.window import local_date
from sequencer.engine.advance import Advance
from sequencer.engine.amnesia import series_key
from sequencer.engine.outcomes import Sent, settle_all
from sequencer.engine.situation import Situation
from sequencer.mail.compose import message_id
from sequencer.store import fence, log, recovered, sends
from sequencer.store.epoch import LostTime
from sequencer.store.sends import SendRow

__all__ = [
    "DATE_STEP",
    "LATE_BY",
    "Doubt",
    "doubt",
    "doubt_all",
    "earliest_due",
    "lost_time_of",
    "note_left",
    "others_open",
]

DATE_STEP = timedelta(seconds=1)  # a Date is cut to whole seconds (RFC 5322 3.3)
LATE_BY = PREPARED_GOOD_FOR + DATE_STEP  # a mail may leave behind its Date, which is that of its bytes
DOUBTED = "this database was restored: the mail may have left, and no copy of it was found"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A mail that is about to go and may have gone before."""

    send_id: int
    lost: LostTime


def lost_time_of(
    row: SendRow, situation: Situation, losses: Iterable[LostTime], had: Collection[str]
) -> LostTime | None:
    """The lost time in which this queued mail may have left; None where there is none.

    `had`: the mailboxes that its enrollment has had, because it may have left from an earlier one.
    What a person asks for, an answer or a further attempt, is due from their word on: what they asked for since cannot
    have left before.
    """
    step = situation.bundle.sequence.index.get(row.step)
    for lost in losses:
        if lost.mailboxes.isdisjoint(had) or lost.is_before(situation.enrollment.id):
            continue
        if row.due_at < lost.until:
            return lost
        if step is None or row.attempt > 1:
            continue
        if earliest_due(situation.bundle.sequence.steps[step], situation, lost) <= lost.until:
            return lost
    return None


def earliest_due(step: AnyStep, situation: Situation, lost: LostTime) -> datetime:
    """When `step` may have been due in the lost time: whatever went on since then may have gone on at once.

    What is known to have been before the end of that time counts from its own instant. Of a mail that was put off, of
    a doubt and of all that was done later nothing tells whether it was not done then already, behind its own wait.
    """
    progress = situation.enrollment.progress
    if lost.is_later(progress.resumed_at):
        progress = evolve(progress, not_before=None)
    if progress.since >= lost.until:
        since, touches = _as_early_as_may_be(step, situation, lost)
    else:
        touches = {
            name: evolve(touch, at=_earliest(touch.at, lost, progress.enrolled_at))
            for name, touch in progress.touches.items()
        }
        since = _earliest(progress.since, lost, progress.enrolled_at)
    progress = evolve(progress, since=since, touches=touches)
    due = due_time(step, progress, situation.facts)
    return due.opens or due.at


def _as_early_as_may_be(step: AnyStep, situation: Situation, lost: LostTime) -> tuple[datetime, dict[str, Touch]]:
    """Since when `step` may have waited, and what came before it."""
    progress, sequence = situation.enrollment.progress, situation.bundle.sequence
    at, touches = progress.enrolled_at, dict[str, Touch]()
    for name, touch in _others_in_order(progress, step):
        if touch.at < lost.until:
            at = _earliest(touch.at, lost, progress.enrolled_at)
        else:
            if name in sequence.index:
                wait = sequence.step(name).wait
                anchor = touches.get(wait.anchor) if wait.anchor else None
                at = wait_end(wait.span, situation.facts, anchor.at if anchor else at)
            at = max(at, lost.since or at)
        touches[name] = evolve(touch, at=at)
    return at, touches


def _earliest(at: datetime, lost: LostTime, enrolled_at: datetime) -> datetime:
    """When a mail can have left that counts from then: reconciling counts a found one from the latest instant.

    That may be when its copy was filed, however long after it had left (seed 1198).
    """
    return min(at, max(enrolled_at, lost.since or enrolled_at)) if lost.is_later(at) else at


def _others_in_order(progress: Progress, step: AnyStep) -> list[tuple[str, Touch]]:
    others = [(name, touch) for name, touch in progress.touches.items() if name != step.id]
    return sorted(others, key=lambda each: each[1].at)


def doubt_all(connection: Connection, advance: Advance, key: bytes, doubts: Iterable[Doubt], now: datetime) -> None:
    """Each waits for a person's word instead of going; not yet where another one to them does."""
    for one in doubts:
        row = sends.load_sends(connection, [one.send_id]).get(one.send_id)
        if row is None or row.state != "queued":
            continue
        if not any(others_open(connection, (row.enrollment_id, row.step, row.attempt))):
            doubt(connection, advance, series_key(key, one.lost.series), row, now)


def doubt(connection: Connection, advance: Advance, key: bytes, row: SendRow, now: datetime) -> SendRow:
    """This queued mail waits for a person's word.

    Its row has the id under which it left if it did, by the `key` of that time, so that what names it later settles it.
    """
    note_left(connection, advance, row, now)
    settle_all(connection, advance, [Sent(row.id, None, Uncertain(DOUBTED, "dot"), now)])
    left_as = row.message_id or message_id(
        key, row.enrollment_id, row.step, row.attempt, row.mailbox.rpartition("@")[2]
    )
    recovered.note_id(connection, row.id, left_as)
    fence.hand_to_person(connection, row.id)
    return sends.load_sends(connection, [row.id])[row.id]


def others_open(connection: Connection, touch: tuple[int, str, int]) -> Iterator[SendRow]:
    """Mails to the same person, beside this (enrollment, step, attempt), that nobody has settled yet."""
    person = log.load(connection, [touch[0]])[touch[0]].prospect_id
    for row in sends.sends_of(connection, person):
        if row.state in sends.OPEN and (row.enrollment_id, row.step, row.attempt) != touch:
            yield row


def note_left(
    connection: Connection, advance: Advance, row: SendRow, at: datetime, message_id: str = "", subject: str = ""
) -> None:
    """When it left, in the day of its mailbox. "": id or subject is unknown."""
    box = advance.around.config.mailboxes_by_address.get(row.mailbox)
    day = local_date(box.timezone, at) if box else at.date()
    recovered.note_left(connection, row.id, message_id, subject, at, day)
