"""Rows that tell what a restored database had forgotten: mails that left after its copy was made.

Which these are is engine/reconciling.py's to find; the states are those of store/sends.py.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select, update

from sequencer.store import sends
from sequencer.store.rows import upsert
from sequencer.store.sends import SendRow
from sequencer.store.tables import ENROLLMENTS, SENDS, TASKS, USAGE


@dataclass(frozen=True, slots=True)
class Enrolled:
    id: int
    prospect_id: int
    sequence_id: str
    version: int
    enrolled_at: datetime


_ENROLLED = select(*(ENROLLMENTS.c[name] for name in Enrolled.__slots__))


def enrolled(connection: Connection) -> Iterator[Enrolled]:
    """Every enrollment there is."""
    return (Enrolled(*row) for row in connection.execute(_ENROLLED))


def enrolled_of(connection: Connection, prospect_ids: Collection[int]) -> list[Enrolled]:
    """Every enrollment of these people, also those that are over."""
    theirs = _ENROLLED.where(ENROLLMENTS.c.prospect_id.in_(list(prospect_ids)))
    return [Enrolled(*row) for row in connection.execute(theirs)]


def newest_enrollment(connection: Connection) -> int:
    """The highest number that an enrollment has, 0 where there is none."""
    return int(connection.scalar(select(func.max(ENROLLMENTS.c.id))) or 0)


def answer_tasks(connection: Connection) -> list[tuple[int, int]]:
    """(enrollment, task) of every answer that a rep may have written."""
    query = select(TASKS.c.enrollment_id, TASKS.c.id).where(TASKS.c.work == "answer")
    return [(row.enrollment_id, row.id) for row in connection.execute(query)]


def send_of(connection: Connection, enrollment_id: int, step: str, attempt: int) -> SendRow | None:
    key = (SENDS.c.enrollment_id == enrollment_id) & (SENDS.c.step == step) & (SENDS.c.attempt == attempt)
    found = connection.scalars(select(SENDS.c.id).where(key)).first()
    return None if found is None else sends.load_sends(connection, [found])[found]


def note_left(connection: Connection, send_id: int, message_id: str, subject: str, at: datetime, day: date) -> None:
    """When a mail left that the row does not know of; it counts on that local day. "": id or subject is unknown."""
    values = {"state": "queued", "sending_at": at, "local_day": day, "fence": 0, "not_before": None, "wait_reason": ""}
    values |= {name: value for name, value in (("message_id", message_id), ("subject", subject)) if value}
    open_still = (SENDS.c.id == send_id) & SENDS.c.state.in_(("queued", "cancelled"))
    connection.execute(update(SENDS).where(open_still).values(**values))
    row = sends.load_sends(connection, [send_id])[send_id]
    for kind, key in (("mailbox", row.mailbox), ("account", row.account_id), ("domain", row.domain)):
        if key:
            one = upsert(connection, USAGE).values(kind=kind, key=key, day=day, n=1)
            connection.execute(
                one.on_conflict_do_update(index_elements=["kind", "key", "day"], set_={"n": USAGE.c.n + 1})
            )


def count_as_sent(connection: Connection, send_id: int, by: str, reply: str, now: datetime) -> None:
    """A queued mail that note_left knows of counts as sent."""
    queued = (SENDS.c.id == send_id) & (SENDS.c.state == "queued")
    values = {"state": "sent", "settled_by": by, "settled_at": now, "reply": reply}
    connection.execute(update(SENDS).where(queued).values(**values))


def note_id(connection: Connection, send_id: int, message_id: str) -> None:
    """Under which id a mail left, if it did."""
    connection.execute(update(SENDS).where(SENDS.c.id == send_id).values(message_id=message_id))
