"""Mails that have gone and of which their Sent folder still lacks the copy that we file (`sent_copy = "append"`).

Apart from store/sends.py because the send does not wait for it. Nothing is filed here.
"""

import zlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal_column, select, update

from sequencer.store.leases import lease_clock
from sequencer.store.tables import MAILBOXES, SENDS

# An inbox that cannot be written to for longer, or mail that left before `append` was asked for: no copy is owed.
OWED_FOR = timedelta(days=7)
LATE_AFTER = timedelta(minutes=15)

# Written out, not bound: else SQLite does not see that the partial index holds these rows.
_GONE = SENDS.c.state == literal_column("'sent'")
_OWED = _GONE & SENDS.c.copied_at.is_(None) & SENDS.c.raw.is_not(None) & SENDS.c.message_id.is_not(None)
# Several daemons may run: everything of a mailbox is done by the one that holds its lease.
_LEASED = (
    select(MAILBOXES.c.address)
    .where(
        MAILBOXES.c.address == SENDS.c.mailbox,
        MAILBOXES.c.owner == bindparam("owner"),
        MAILBOXES.c.lease_until > bindparam("now"),
    )
    .exists()
)
_OWED_NOW = (
    select(SENDS.c.id, SENDS.c.mailbox, SENDS.c.message_id)
    .where(
        SENDS.c.mailbox.in_(bindparam("of", expanding=True)), _OWED, SENDS.c.sending_at > bindparam("since"), _LEASED
    )
    .order_by(SENDS.c.sending_at, SENDS.c.id)
    .limit(bindparam("limit"))
)
_BYTES_OWED = select(SENDS.c.raw).where(SENDS.c.id == bindparam("of"), _OWED, _LEASED)
_PUT_COPIED = update(SENDS).where(SENDS.c.id == bindparam("of")).values(copied_at=bindparam("at"))


@dataclass(frozen=True, slots=True)
class Owed:
    """A copy to be filed."""

    send_id: int
    mailbox: str
    message_id: str


def owed(connection: Connection, mailboxes: Collection[str], owner: str, now: datetime, limit: int) -> list[Owed]:
    """Copies that `owner`, who holds the mailboxes' leases, has to file; the longest gone first."""
    asked = {"of": list(mailboxes), "since": now - OWED_FOR, "limit": limit, **_holder(connection, owner, now)}
    return [Owed(*row) for row in connection.execute(_OWED_NOW, asked)]


def bytes_owed(connection: Connection, send_id: int, owner: str, now: datetime) -> bytes | None:
    """The very bytes that went; None when the copy is not `owner`'s to file any more."""
    raw = connection.scalars(_BYTES_OWED, {"of": send_id, **_holder(connection, owner, now)}).first()
    return zlib.decompress(raw) if raw is not None else None


def late(connection: Connection, mailboxes: Collection[str], now: datetime) -> dict[str, tuple[int, datetime]]:
    """How many copies a mailbox has owed for longer than LATE_AFTER, and since when the oldest."""
    query = select(SENDS.c.mailbox, func.count(), func.min(SENDS.c.sending_at)).where(
        SENDS.c.mailbox.in_(list(mailboxes)), _OWED, SENDS.c.sending_at > now - OWED_FOR,
        SENDS.c.sending_at <= now - LATE_AFTER,
    )  # fmt: skip
    return {row[0]: (row[1], row[2]) for row in connection.execute(query.group_by(SENDS.c.mailbox))}


def put_copied(connection: Connection, send_id: int, at: datetime) -> None:
    """Its copy lies in the Sent folder."""
    connection.execute(_PUT_COPIED, {"of": send_id, "at": at})


def _holder(connection: Connection, owner: str, now: datetime) -> dict[str, Any]:
    return {"owner": owner, "now": lease_clock(connection, now)}
