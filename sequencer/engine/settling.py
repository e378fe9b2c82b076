"""A named person settles a mail of which nobody knows whether it arrived: sent, sent once more, or given up.

The machine never re-sends such a mail; these are the only ways out beside positive evidence (engine/rescue.py).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.reason import Reason
from sequencer.core.timing import due_time
from sequencer.engine import answering, rescue
from sequencer.engine.advance import Advance
from sequencer.engine.situation import load
from sequencer.engine.verbs import Face, by_name, faces, person_word
from sequencer.errors import InputError, NotFound
from sequencer.store import fence, log, people, sends
from sequencer.store.sends import SendRow

__all__ = ["Unsettled", "give_up", "say_sent", "send_again", "unsettled"]

OPEN = ("uncertain", "person")


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A mail whose fate nobody knows, and to whom it went."""

    row: SendRow
    face: Face


def unsettled(connection: Connection) -> list[Unsettled]:
    """All of them, the oldest first."""
    rows = sends.in_state(connection, *OPEN)
    known = faces(connection, {row.prospect_id for row in rows})
    return [Unsettled(row, known[row.prospect_id]) for row in rows]


def say_sent(connection: Connection, advance: Advance, send_id: int, by: str, now: datetime) -> Unsettled:
    """It arrived: the sequence goes on from the instant at which it left. Raises NotFound, InputError."""
    one = _open(connection, send_id)
    rescue.settle_as_sent(connection, advance, one.row, by_name(by), now)
    return one


def send_again(connection: Connection, advance: Advance, send_id: int, by: str, now: datetime) -> Unsettled:
    """One more attempt: the same bytes under the same Message-ID, not before the step's wait is over.

    That of a mail that is doubted after a restore may not be. Raises NotFound, InputError.
    """
    one = _open(connection, send_id)
    row = one.row
    progress = log.load(connection, [row.enrollment_id])[row.enrollment_id].progress
    if row.mailbox not in advance.around.config.mailboxes_by_address:
        raise InputError(f"{row.mailbox} is not in config.toml any more: say sent or skip")
    if progress.finished and row.answers is None:
        raise InputError(f"{one.face.name}'s sequence is finished ({progress.finished.value}): say sent or skip")
    rules = people.suppressions_of(connection, [one.face.prospect]).get(row.prospect_id, ())
    if any(rule.channel in (None, "email") for rule in rules):
        raise InputError(f"{one.face.name} may not be written to any more: say sent or skip")
    fence.settle_open(connection, send_id, "skipped", by_name(by), now)
    sends.reattempt(connection, send_id, _due_at(connection, advance, row, now))
    again: list[e.Event]
    if row.answers is not None:
        again = answering.once_more(connection, row, by_name(by))
    else:
        again = [e.TouchReattempted(step=row.step, attempt=row.attempt + 1, by=by_name(by))]
    advance.record(connection, [(row.enrollment_id, again)], now)
    return one


def _due_at(connection: Connection, advance: Advance, row: SendRow, now: datetime) -> datetime:
    one = load(connection, advance.around, [row.enrollment_id], now)[row.enrollment_id]
    if row.step not in one.bundle.sequence.index:
        return now
    return max(now, due_time(one.bundle.sequence.step(row.step), one.enrollment.progress, one.facts).at)


def give_up(connection: Connection, advance: Advance, send_id: int, by: str, now: datetime) -> Unsettled:
    """The step is passed by, whether it arrived or not. Raises NotFound, InputError."""
    one = _open(connection, send_id)
    row = one.row
    fence.settle_open(connection, send_id, "skipped", by_name(by), now)
    events: list[e.Event]
    if row.answers is not None:
        events = answering.given_up(connection, row, by_name(by))
    else:
        events = [
            e.TouchCancelled(step=row.step, attempt=row.attempt, reason=Reason.SKIPPED_BY_PERSON),
            e.HoldTaken(reason=Reason.UNCERTAIN, by=by_name(by)),
        ]
    advance.record(connection, [(row.enrollment_id, events)], now)
    return one


def _open(connection: Connection, send_id: int) -> Unsettled:
    row = sends.load_sends(connection, [send_id]).get(send_id)
    if row is None:
        raise NotFound(f'there is no mail {send_id}: "sequencer uncertain" lists those that wait for a word')
    if row.state not in OPEN:
        by = f", settled by {person_word(row.settled_by)}" if row.settled_by else ""
        raise InputError(
            f'mail {send_id} is {row.state}, not uncertain{by}: "sequencer uncertain" lists those that are'
        )
    return Unsettled(row, faces(connection, [row.prospect_id])[row.prospect_id])
