"""Every row that a checker recounts: whole tables, with no filter in which a rule could hide.

For the guarantees of world/ and for tests: they compare rows with what the world saw. Reads only, and too much at once
for anything that runs every second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from sequencer.core.people import Prospect
from sequencer.store import inbox, log, people, sends, tasks
from sequencer.store.inbox import InboundRow
from sequencer.store.log import Enrollment, Entry
from sequencer.store.sends import SendRow
from sequencer.store.tables import ENROLLMENTS, INBOUND, NOT_OURS, SENDS, SUPPRESSIONS, TASKS, USAGE
from sequencer.store.tasks import TaskRow

__all__ = ["Census", "Rule", "take"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A suppression as it stands; `channel` "": every channel."""

    kind: str
    value: str
    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Census:
    """`events`: the log of each enrollment, in order; `alone`: events of people who were in no sequence then.

    `finish_reasons`: of the enrollments' own column. `mails`: the bytes of inbound mail by its id. `usage`: counters by
    (kind, key, day). `not_ours`: how many mails were looked at and left alone.
    """

    enrollments: Mapping[int, Enrollment]
    finish_reasons: Mapping[int, str | None]
    events: Mapping[int, tuple[Entry, ...]]
    alone: tuple[Entry, ...]
    sends: tuple[SendRow, ...]
    tasks: tuple[TaskRow, ...]
    usage: Mapping[tuple[str, str, date], int]
    inbound: tuple[InboundRow, ...]
    mails: Mapping[int, bytes]
    not_ours: int
    rules: tuple[Rule, ...]
    people: Mapping[int, Prospect]


def take(connection: Connection) -> Census:
    """All of it, as of one snapshot."""
    ids = list(connection.scalars(select(ENROLLMENTS.c.id)))
    arrived = [inbox.inbound(connection, key) for key in connection.scalars(select(INBOUND.c.id))]
    return Census(
        enrollments=log.load(connection, ids),
        finish_reasons={
            row.id: row.finish_reason
            for row in connection.execute(select(ENROLLMENTS.c.id, ENROLLMENTS.c.finish_reason))
        },
        events={key: tuple(log.read_log(connection, key)) for key in ids},
        alone=tuple(log.read_alone(connection)),
        sends=tuple(sends.load_sends(connection, list(connection.scalars(select(SENDS.c.id)))).values()),
        tasks=tuple(tasks.task(connection, key) for key in connection.scalars(select(TASKS.c.id))),
        usage={(row.kind, row.key, row.day): row.n for row in connection.execute(select(USAGE))},
        inbound=tuple(arrived),
        mails=inbox.raw_mail(connection, [row.id for row in arrived]),
        not_ours=len(connection.execute(select(NOT_OURS.c.uid)).all()),
        rules=tuple(
            Rule(row.kind, row.value, row.channel, row.at)
            for row in connection.execute(
                select(SUPPRESSIONS).where(SUPPRESSIONS.c.lifted_at.is_(None)).order_by(SUPPRESSIONS.c.id)
            )
        ),
        people=people.load_prospects(connection, people.everybody(connection)),
    )
