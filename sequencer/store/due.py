"""What of a mailbox's queue may be looked at now, and in which order.

Apart from sends.py because every daemon asks it of every mailbox all the time. It only reads.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, func, select

from sequencer.core.answers import ANSWER
from sequencer.store.sends import SendRow
from sequencer.store.tables import SENDS

__all__ = ["any_due", "due_sends"]

_READY = (
    (SENDS.c.mailbox == bindparam("mailbox"))
    & (SENDS.c.state == "queued")
    & (SENDS.c.due_at <= bindparam("now"))
    & (SENDS.c.not_before.is_(None) | (SENDS.c.not_before <= bindparam("now")))
)
_IS_READY = select(SENDS.c.id).where(_READY).limit(1)


def any_due(connection: Connection, mailbox: str, now: datetime) -> bool:
    """Whether `due_sends` would find any: all that an idle mailbox costs."""
    return connection.execute(_IS_READY, {"mailbox": mailbox, "now": now}).first() is not None


def _ready_in_turn() -> Select[Any]:
    urgency = (case((SENDS.c.step.startswith(ANSWER), 0), else_=1), SENDS.c.first_touch)
    oldest = (SENDS.c.due_at, SENDS.c.id)
    place = func.row_number().over(partition_by=(*urgency, SENDS.c.sequence_id), order_by=oldest)
    query = select(*(SENDS.c[name] for name in SendRow._fields)).where(_READY).order_by(*urgency, place, *oldest)
    return query.limit(bindparam("limit")).offset(bindparam("skip"))


_READY_IN_TURN = _ready_in_turn()


def due_sends(connection: Connection, mailbox: str, now: datetime, limit: int, skip: int = 0) -> list[SendRow]:
    """Queued sends of a mailbox that may be looked at now: reps' answers, follow-ups, first touches.

    Within each of these the sequences take turns, each with its longest due: however many a big one has queued, those
    of a small one are among the first that are read.
    """
    asked = {"mailbox": mailbox, "now": now, "limit": limit, "skip": skip}
    return [SendRow._make(row) for row in connection.execute(_READY_IN_TURN, asked)]
