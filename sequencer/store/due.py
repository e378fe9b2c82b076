"""What of a mailbox's queue may be looked at now, and in which order.

Apart from sends.py because every daemon asks it of every mailbox all the time. It only reads.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, exists, func, select

from sequencer.core.answers import ANSWER
from sequencer.store.scopes import EVERYTHING, RESTORED
from sequencer.store.sends import SendRow
from sequencer.store.tables import MAILBOXES, SCOPES, SENDS

__all__ = ["due_sends", "ready"]

_READY = (
    (SENDS.c.mailbox == bindparam("mailbox"))
    & (SENDS.c.state == "queued")
    & (SENDS.c.due_at <= bindparam("now"))
    & (SENDS.c.not_before.is_(None) | (SENDS.c.not_before <= bindparam("now")))
)
_HELD = exists().where(
    SCOPES.c.paused_at.is_not(None),
    (SCOPES.c.kind == EVERYTHING[0])
    | (SCOPES.c.kind == RESTORED[0])
    | ((SCOPES.c.kind == "mailbox") & (SCOPES.c.key == MAILBOXES.c.address)),
)
_MAY_SEND = select(MAILBOXES.c.address).where(
    MAILBOXES.c.address == bindparam("mailbox"), MAILBOXES.c.broken_at.is_(None), exists().where(_READY), ~_HELD
)


def ready(connection: Connection, mailbox: str, now: datetime) -> bool:
    """Whether it works, is not held by a pause above people, and has what `due_sends` would find.

    It is one question, because it is all that an idle mailbox costs.
    """
    return connection.execute(_MAY_SEND, {"mailbox": mailbox, "now": now}).first() is not None


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
