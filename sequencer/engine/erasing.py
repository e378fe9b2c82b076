"""Erases a person: ends what is under way, then deletes all that says who they were.

A person may ask for it by law, so it is one verb that reaches every table; what it cannot reach (backups, exports,
the rep's own mailbox) is for the caller to name. It cannot be undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.reason import FinishReason, Reason
from sequencer.engine.advance import Advance
from sequencer.engine.answering import called_back
from sequencer.engine.verbs import Face, by_name, face_at, refuse_in_flight
from sequencer.store import erasure, log, people, tasks
from sequencer.store.erasure import Traces

__all__ = ["Erasure", "erase", "plan"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """What goes. `live`: the sequences that end; `accounts`: companies that nobody else is at."""

    face: Face
    live: tuple[str, ...]
    lists: tuple[str, ...]
    open_tasks: int
    traces: Traces
    accounts: tuple[str, ...]


def plan(connection: Connection, address: str) -> Erasure:
    """What `erase` would delete. Raises NotFound; InputError while a mail to the person is in flight."""
    face = face_at(connection, address)
    refuse_in_flight(connection, face)
    live = log.load(connection, log.live_of(connection, [face.id])).values()
    return Erasure(
        face, tuple(one.sequence_id for one in live), tuple(people.lists_of(connection, face.id)),
        len(tasks.open_tasks(connection, prospect_id=face.id)), erasure.traces(connection, face.id),
        erasure.lonely_accounts(connection, face.prospect),
    )  # fmt: skip


def erase(connection: Connection, advance: Advance, key: bytes, address: str, by: str, now: datetime) -> Erasure:
    """Do it, in the caller's transaction; `key` is the installation's. Raises as `plan` does."""
    planned, who = plan(connection, address), by_name(by)
    person = planned.face.id
    _end(connection, advance, person, who, now)
    log.append(connection, [log.Entry(now, person, None, e.PersonErased(by=who))])
    erasure.forget(connection, key, planned.face.prospect, now)
    return planned


def _end(connection: Connection, advance: Advance, person: int, who: str, now: datetime) -> None:
    """Sequences finish, queued mail is called back, every task is dropped, also one that would outlive the end."""
    live = log.live_of(connection, [person])
    advance.record(connection, [(key, [e.Finished(reason=FinishReason.REMOVED, by=who)]) for key in live], now)
    left = called_back(connection, log.all_of(connection, person))
    for task in tasks.open_tasks(connection, prospect_id=person):
        left.setdefault(task.enrollment_id, []).append(e.TaskCancelled(task=task.key, reason=Reason.STOPPED))
    dropped: list[tuple[int, Sequence[e.Event]]] = list(left.items())
    advance.record(connection, dropped, now)
