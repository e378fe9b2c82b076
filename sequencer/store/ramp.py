"""On which days a mailbox sent: what its ramp grows by, and the days that its brake counts.

Read from the counters that the fence takes, so that a day on which nothing left is none.
"""

from datetime import date

from sqlalchemy import Connection, bindparam, select

from sequencer.core.capacity import sending_days_before
from sequencer.store.tables import USAGE

SENDING_DAYS_READ_MAX = 400


_SENT_ON = (
    select(USAGE.c.day)
    .where(
        (USAGE.c.kind == "mailbox")
        & (USAGE.c.key == bindparam("mailbox"))
        & (USAGE.c.n > 0)
        & (USAGE.c.day < bindparam("today"))
    )
    .order_by(USAGE.c.day.desc())
    .limit(SENDING_DAYS_READ_MAX)
)


def sent_on(connection: Connection, mailbox: str, today: date) -> list[date]:
    """The local days before `today` on which the mailbox sent a mail, the newest first."""
    return list(connection.scalars(_SENT_ON, {"mailbox": mailbox, "today": today}))


def sending_days(connection: Connection, mailbox: str, today: date) -> int:
    """Days before `today` with a mail sent, since the last pause of 14 days."""
    return sending_days_before(today, sent_on(connection, mailbox, today))
