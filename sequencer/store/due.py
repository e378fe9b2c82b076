"""What of a mailbox's queue may be looked at now, and in which order.

Apart from sends.py because every daemon asks it of every mailbox all the time. It only reads.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, exists, func, select

from sequencer.core.answers import ANSWER
from sequencer.store.sends import SendRow
from sequencer.store.tables import MAILBOXES, SCOPES, SENDS

__all__ = ["due_sends", "ready"]

_READY = (
    (SENDS.c.state == "queued")
    & (SENDS.c.due_at <= bindparam("now"))
    & (SENDS.c.not_before.is_(None) | (SENDS.c.not_before <= bindparam("now")))
)
_HELD = exists().where(
    SCOPES.c.paused_at.is_not(None),
    SCOPES.c.kind.in_(("all", "restored")) | ((SCOPES.c.kind == "mailbox") & (SCOPES.c.key == MAILBOXES.c.address)),
)
_ARE_READY = select(MAILBOXES.c.address).where(
    MAILBOXES.c.address.in_(bindparam("of", expanding=True)),
    MAILBOXES.c.broken_at.is_(None),
    exists().where(SENDS.c.mailbox == MAILBOXES.c.address, _READY),
    ~_HELD,
)


def ready(connection: Connection, mailboxes: Collection[str], now: datetime) -> set[str]:
    """Which of these work, are not held by a pause above people, and have what `due_sends` would find.

    One look for all of them: it is all that idle mailboxes cost.
    """
    return {row[0] for row in connection.execute(_ARE_READY, {"of": list(mailboxes), "now": now})}


def _ready_in_turn() -> Select[Any]:
    urgency = (case((SENDS.c.step.startswith(ANSWER), 0), else_=1), SENDS.c.first_touch)
    oldest = (SENDS.c.due_at, SENDS.c.id)
    place = func.row_number().over(partition_by=(*urgency, SENDS.c.sequence_id), order_by=oldest)
    query = select(*(SENDS.c[name] for name in SendRow._fields)).where(SENDS.c.mailbox == bindparam("mailbox"), _READY)
    query = query.order_by(*urgency, place, *oldest)
    return query.limit(bindparam("limit")).offset(bindparam("skip"))


_READY_IN_TURN = _ready_in_turn()


def due_sends(connection: Connection, mailbox: str, now: datetime, limit: int, skip: int = 0) -> list[SendRow]:
    """Queued sends of a mailbox that may be looked at now: reps' answers, follow-ups, first touches.

    Within each of these the sequences take turns, each with its longest due: however many a big one has queued, those
    of a small one are among the first that are read.
    """
    asked = {"mailbox": mailbox, "now": now, "limit": limit, "skip": skip}
    return [SendRow._make(row) for row in connection.execute(_READY_IN_TURN, asked)]
