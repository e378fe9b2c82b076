"""The beginning and the end of a walk through an inbox, one statement each.

Apart from inbox.py because every daemon asks both of every inbox all the time, and because they need what stands in
other tables: whose the mailbox is, and which series of our ids (epoch.py) a walk judges mail by.
"""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, String, bindparam, exists, func, select, update

from sequencer.store.columns import Instant
from sequencer.store.epoch import KEY_NUMBER
from sequencer.store.inbox import NOT_LOST, StoredCursor
from sequencer.store.leases import lease_clock
from sequencer.store.rows import upsert_for
from sequencer.store.tables import CURSORS, INBOXES, MAILBOXES, META

__all__ = ["begin", "end"]

_SERIES = func.coalesce(select(META.c.value).where(META.c.key == KEY_NUMBER).scalar_subquery(), "0")
_THEIRS = exists().where(
    MAILBOXES.c.address == bindparam("mailbox"),
    MAILBOXES.c.owner != "",
    MAILBOXES.c.owner != bindparam("by"),
    MAILBOXES.c.lease_until > bindparam("now"),
)
_STANDING = select(_SERIES.label("series"), _THEIRS.label("theirs")).subquery()
_BEGIN = select(_STANDING, *(CURSORS.c[each] for each in StoredCursor.__slots__)).select_from(
    _STANDING.outerjoin(CURSORS, CURSORS.c.inbox == bindparam("of"))
)


def begin(
    connection: Connection, name: str, mailbox: str, owner: str, now: datetime
) -> tuple[list[StoredCursor], int] | None:
    """How far the inbox was read, and the series of our ids by now; None when another daemon than `owner` reads it.

    `mailbox`: the one whose lease decides, "" when none does.
    """
    asked = {"of": name, "mailbox": mailbox, "by": owner, "now": lease_clock(connection, now)}
    rows = connection.execute(_BEGIN, asked).all()
    series, theirs = rows[0][:2]
    if theirs:
        return None
    return [StoredCursor(*row[2:]) for row in rows if row.folder is not None], int(series)


@cache
def _end(dialect: str) -> Any:
    name, at = bindparam("of", type_=String()), bindparam("at", type_=Instant())
    unchanged = select(name, at).where(bindparam("series", type_=String()) == _SERIES)
    statement = upsert_for(dialect, INBOXES).from_select(["name", "synced_at"], unchanged)
    values: dict[str, Any] = {"synced_at": at, "broken_at": None, "broken_reason": None, **NOT_LOST}
    return statement.on_conflict_do_update(index_elements=["name"], set_=values).returning(INBOXES.c.name)


_NONE_LEFT = (
    update(CURSORS).where((CURSORS.c.inbox == bindparam("of")) & (CURSORS.c.messages_left > 0)).values(messages_left=0)
)


def end(connection: Connection, name: str, at: datetime, series: int, *, some_were_left: bool = True) -> bool:
    """The walk that began at `at` reached the end of every folder; `some_were_left`: a cursor of it says otherwise.

    False, and nothing is written, when our ids have begun another series than the walk's.
    """
    asked = {"of": name, "at": at, "series": str(series)}
    if connection.execute(_end(connection.dialect.name), asked).first() is None:
        return False
    if some_were_left:
        connection.execute(_NONE_LEFT, {"of": name})
    return True
