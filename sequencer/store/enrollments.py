"""What is asked of many enrollments at once: who is inside a sequence, who was in which before, what a mailbox will do.

Apart from log.py, which reads and writes one enrollment as it stands. It only reads.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from sequencer.store.rows import chunks
from sequencer.store.tables import ENROLLMENTS, INBOUND, SENDS, TASKS


@dataclass(frozen=True, slots=True)
class Past:
    """One enrollment of a person, live or finished; instants are aware UTC."""

    id: int
    sequence_id: str
    rep: str
    exclusive: bool
    status: str
    enrolled_at: datetime
    finished_at: datetime | None
    finish_reason: str | None
    last_touch_at: datetime | None

    @property
    def live(self) -> bool:
        return self.status != "finished"


@dataclass(frozen=True, slots=True)
class Answered:
    """A person's answer as it was judged."""

    answer: str
    at: datetime


def live_in(connection: Connection, sequence_id: str) -> list[int]:
    """Ids of everybody's live enrollments in a sequence."""
    live = (ENROLLMENTS.c.sequence_id == sequence_id) & (ENROLLMENTS.c.status != "finished")
    return list(connection.scalars(select(ENROLLMENTS.c.id).where(live).order_by(ENROLLMENTS.c.id)))


def live_for(connection: Connection, mailboxes: Collection[str], rep: str) -> list[int]:
    """Ids of the live enrollments that write from one of these mailboxes or bring this rep work."""
    theirs = ENROLLMENTS.c.mailbox.in_(list(mailboxes)) | (ENROLLMENTS.c.rep == rep)
    live = select(ENROLLMENTS.c.id).where(theirs, ENROLLMENTS.c.status != "finished")
    return list(connection.scalars(live.order_by(ENROLLMENTS.c.id)))


def of_rep(connection: Connection, rep: str, sequence_id: str | None = None) -> list[int]:
    """What a rep has to look after: their live enrollments, and finished ones with an open task of theirs."""
    at_work = select(TASKS.c.enrollment_id).where(TASKS.c.rep == rep, TASKS.c.state == "open")
    theirs = (ENROLLMENTS.c.rep == rep) & (ENROLLMENTS.c.status != "finished") | ENROLLMENTS.c.id.in_(at_work)
    query = select(ENROLLMENTS.c.id).where(theirs).order_by(ENROLLMENTS.c.id)
    return list(
        connection.scalars(query if sequence_id is None else query.where(ENROLLMENTS.c.sequence_id == sequence_id))
    )


def reps(connection: Connection) -> set[str]:
    """Every rep who ever looked after somebody, in config.toml or not."""
    return set(connection.scalars(select(ENROLLMENTS.c.rep).union(select(TASKS.c.rep))))


def live_counts(connection: Connection) -> dict[str, int]:
    """How many people are inside each sequence; one that nobody is in is left out."""
    query = select(ENROLLMENTS.c.sequence_id, func.count()).where(ENROLLMENTS.c.status != "finished")
    return {row[0]: row[1] for row in connection.execute(query.group_by(ENROLLMENTS.c.sequence_id))}


_PASTS = (
    select(ENROLLMENTS.c.prospect_id, *(ENROLLMENTS.c[name] for name in Past.__slots__))
    .where(ENROLLMENTS.c.prospect_id.in_(bindparam("ids", expanding=True)))
    .order_by(ENROLLMENTS.c.id)
)


def pasts(connection: Connection, prospect_ids: Collection[int]) -> dict[int, list[Past]]:
    """Every enrollment of these people, the oldest first."""
    found: dict[int, list[Past]] = {}
    for part in chunks(prospect_ids):
        for person, *values in connection.execute(_PASTS, {"ids": part}):
            found.setdefault(person, []).append(Past(*values))
    return found


_ANSWERS = (
    select(INBOUND.c.prospect_id, INBOUND.c.answer, INBOUND.c.received_at)
    .where(
        INBOUND.c.prospect_id.in_(bindparam("ids", expanding=True)),
        INBOUND.c.received_at >= bindparam("since"),
        INBOUND.c.outgoing.is_(False),
        INBOUND.c.answer.is_not(None),
    )
    .order_by(INBOUND.c.id)
)


def answers(connection: Connection, prospect_ids: Collection[int], since: datetime) -> dict[int, list[Answered]]:
    """What these people answered since then; automatic replies and bounces are no answers."""
    found: dict[int, list[Answered]] = {}
    for part in chunks(prospect_ids):
        for row in connection.execute(_ANSWERS, {"ids": part, "since": since}):
            found.setdefault(row.prospect_id, []).append(Answered(row.answer, row.received_at))
    return found


_UNTOUCHED = (
    select(ENROLLMENTS.c.mailbox, func.count())
    .where(
        ENROLLMENTS.c.mailbox.in_(bindparam("of", expanding=True)),
        ENROLLMENTS.c.status != "finished",
        ENROLLMENTS.c.last_touch_at.is_(None),
    )
    .group_by(ENROLLMENTS.c.mailbox)
)
_FOLLOW_UPS = (
    select(SENDS.c.mailbox, func.count())
    .where(
        SENDS.c.mailbox.in_(bindparam("of", expanding=True)),
        SENDS.c.state == "queued",
        SENDS.c.first_touch.is_(False),
    )
    .group_by(SENDS.c.mailbox)
)


def backlog(connection: Connection, mailboxes: Collection[str]) -> Mapping[str, int]:
    """Mails that wait in line in each mailbox: people who had none yet, and queued follow-ups."""
    counts = dict.fromkeys(mailboxes, 0)
    for query in (_UNTOUCHED, _FOLLOW_UPS):
        for mailbox, number in connection.execute(query, {"of": list(mailboxes)}):
            counts[mailbox] += number
    return counts
