"""When people were touched lately, and from which mailboxes: what a person's limits and the age of inboxes go by.

Read from the rows of mails and tasks, over all sequences. It judges nothing.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, union_all

from sequencer.store.rows import chunks
from sequencer.store.sends import MAY_HAVE_ARRIVED
from sequencer.store.tables import SENDS, TASKS

__all__ = ["earlier_tries", "mailboxes_that_wrote", "recent_touches"]

WEEK = timedelta(days=7)

_WROTE = (
    select(SENDS.c.prospect_id, SENDS.c.mailbox)
    .where(
        SENDS.c.prospect_id.in_(bindparam("ids", expanding=True)),
        SENDS.c.sending_at >= bindparam("since"),
        SENDS.c.state.in_(MAY_HAVE_ARRIVED),
    )
    .distinct()
)


def mailboxes_that_wrote(connection: Connection, prospect_ids: Collection[int], since: datetime) -> dict[int, set[str]]:
    """Which mailboxes wrote to each person since then."""
    wrote: dict[int, set[str]] = {}
    for part in chunks(prospect_ids):
        for row in connection.execute(_WROTE, {"ids": part, "since": since}):
            wrote.setdefault(row.prospect_id, set()).add(row.mailbox)
    return wrote


_MAILS = select(SENDS.c.prospect_id, SENDS.c.sending_at).where(
    SENDS.c.prospect_id.in_(bindparam("ids", expanding=True)),
    SENDS.c.sending_at > bindparam("since"),
    SENDS.c.state.in_(MAY_HAVE_ARRIVED),
)
_BY_PERSON = select(TASKS.c.prospect_id, TASKS.c.closed_at).where(
    TASKS.c.prospect_id.in_(bindparam("ids", expanding=True)),
    TASKS.c.closed_at > bindparam("since"),
    TASKS.c.state == "done",
    TASKS.c.work.in_(("call", "linkedin")),
)
_TOUCHES = union_all(_MAILS, _BY_PERSON)


def recent_touches(connection: Connection, prospect_ids: Collection[int], now: datetime) -> dict[int, list[datetime]]:
    """When each person was touched in the last seven days, or may have been, over all channels and sequences."""
    touches: dict[int, list[datetime]] = {}
    for part in chunks(prospect_ids):
        for person, at in connection.execute(_TOUCHES, {"ids": part, "since": now - WEEK}):
            touches.setdefault(person, []).append(at)
    return touches


def earlier_tries(connection: Connection, enrollment_id: int, step: str, attempt: int) -> tuple[datetime, ...]:
    """When the attempts before this one left, where a person had the mail sent again: to it they are no other touch."""
    if attempt == 1:
        return ()
    own = (SENDS.c.enrollment_id == enrollment_id) & (SENDS.c.step == step) & (SENDS.c.attempt < attempt)
    query = select(SENDS.c.sending_at).where(own, SENDS.c.state == "skipped", SENDS.c.sending_at.is_not(None))
    return tuple(connection.scalars(query))
