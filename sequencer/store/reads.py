"""Read-only queries for people: lists, counts and overviews that no decision depends on.

Apart from the other modules of this room so that pages and reports can be changed without a glance at what moves an
enrollment. Nothing here writes.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from sequencer.store.log import load
from sequencer.store.people import IS_SOMEBODY
from sequencer.store.rows import chunks
from sequencer.store.tables import ACCOUNTS, ADDRESSES, ENROLLMENTS, INBOUND, NOTES, PROSPECTS, SENDS, TASKS

ADDRESSES_COMPARED_MAX = 2_000
HELD_READ_MAX = 2_000
DUE_READ_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Head:
    """An enrollment's row without its progress."""

    id: int
    sequence_id: str
    rep: str
    mailbox: str
    status: str
    enrolled_at: datetime
    finished_at: datetime | None
    finish_reason: str | None
    last_touch_at: datetime | None


def field_names(connection: Connection) -> tuple[set[str], set[str]]:
    """The names of the fields that anybody has: people's own, and accounts'."""
    return _keys(connection, PROSPECTS.c.fields), _keys(connection, ACCOUNTS.c.fields)


def _keys(connection: Connection, column: ColumnElement[Any]) -> set[str]:
    if connection.dialect.name == "postgresql":
        return set(connection.scalars(select(func.json_object_keys(column)).distinct()))
    entries = func.json_each(column).table_valued("key", joins_implicitly=True)
    return set(connection.scalars(select(entries.c.key).select_from(column.table, entries).distinct()))


def heads(connection: Connection, prospect_id: int) -> list[Head]:
    """Every enrollment of one person, the newest first."""
    columns = [ENROLLMENTS.c[name] for name in Head.__slots__]
    query = select(*columns).where(ENROLLMENTS.c.prospect_id == prospect_id).order_by(ENROLLMENTS.c.id.desc())
    return [Head(*row) for row in connection.execute(query)]


def similar_addresses(connection: Connection, address: str) -> list[str]:
    """Known addresses with the same local part, domain or first letters: what a typing error may have meant."""
    local, _, domain = address.partition("@")
    shapes = [ADDRESSES.c.email.startswith(start, autoescape=True) for start in {f"{local}@", local[:3]} if start]
    if domain:
        shapes.append(ADDRESSES.c.email.endswith(f"@{domain}", autoescape=True))
    query = select(ADDRESSES.c.email).where(or_(*shapes)).order_by(ADDRESSES.c.email) if shapes else None
    return [] if query is None else list(connection.scalars(query.limit(ADDRESSES_COMPARED_MAX)))


def addresses_beginning(connection: Connection, begun: str, at_most: int) -> list[str]:
    """The first known addresses that begin so."""
    begins = ADDRESSES.c.email.startswith(begun.lower(), autoescape=True)
    return list(connection.scalars(select(ADDRESSES.c.email).where(begins).order_by(ADDRESSES.c.email).limit(at_most)))


def people_count(connection: Connection) -> int:
    return connection.scalars(select(func.count()).select_from(PROSPECTS).where(IS_SOMEBODY)).one()


def last_message_ids(connection: Connection, before: datetime) -> dict[str, str]:
    """Per mailbox the Message-ID of the last mail that a server accepted before this instant."""
    sent = (SENDS.c.state == "sent") & (SENDS.c.settled_at < before)
    newest = select(func.max(SENDS.c.id)).where(sent).group_by(SENDS.c.mailbox)
    query = select(SENDS.c.mailbox, SENDS.c.message_id).where(SENDS.c.id.in_(newest), SENDS.c.message_id.is_not(None))
    return {row.mailbox: row.message_id for row in connection.execute(query)}


def status_counts(connection: Connection) -> dict[str, dict[str, int]]:
    """How many enrollments of each sequence stand in each status."""
    query = select(ENROLLMENTS.c.sequence_id, ENROLLMENTS.c.status, func.count())
    found: dict[str, dict[str, int]] = {}
    for sequence_id, status, n in connection.execute(query.group_by(ENROLLMENTS.c.sequence_id, ENROLLMENTS.c.status)):
        found.setdefault(sequence_id, {})[status] = n
    return found


def held(connection: Connection) -> Mapping[int, int]:
    """Held enrollments and whose they are; at most HELD_READ_MAX, the longest waiting first."""
    query = select(ENROLLMENTS.c.id, ENROLLMENTS.c.prospect_id).where(ENROLLMENTS.c.status == "held")
    return {
        row.id: row.prospect_id for row in connection.execute(query.order_by(ENROLLMENTS.c.id).limit(HELD_READ_MAX))
    }


def holds_by_reason(connection: Connection) -> dict[str, list[tuple[int, int]]]:
    """Per hold reason: (enrollment, person) of everybody who waits for a person to mend it."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row in load(connection, list(held(connection))).values():
        for reason in dict.fromkeys(hold.reason.value for hold in row.progress.holds):
            found.setdefault(reason, []).append((row.id, row.prospect_id))
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits in one mailbox: how many mails, and when the first of them may go."""

    queued: int
    next_at: datetime | None


def queues(connection: Connection) -> dict[str, Queue]:
    """The queue of each mailbox that has one."""
    later = SENDS.c.not_before > SENDS.c.due_at
    at = case((later, SENDS.c.not_before), else_=SENDS.c.due_at)
    query = select(SENDS.c.mailbox, func.count(), func.min(at, type_=SENDS.c.due_at.type))
    rows = connection.execute(query.where(SENDS.c.state == "queued").group_by(SENDS.c.mailbox))
    return {mailbox: Queue(n, first) for mailbox, n, first in rows}


def live_ids(connection: Connection, *, sequence: str | None = None, mailbox: str | None = None) -> list[int]:
    """Live enrollments, of one sequence or mailbox if it is named."""
    query = select(ENROLLMENTS.c.id).where(ENROLLMENTS.c.status != "finished")
    if sequence is not None:
        query = query.where(ENROLLMENTS.c.sequence_id == sequence)
    if mailbox is not None:
        query = query.where(ENROLLMENTS.c.mailbox == mailbox)
    return list(connection.scalars(query.order_by(ENROLLMENTS.c.id)))


@dataclass(frozen=True, slots=True)
class Below:
    """What stands below a pause: people who are live, their sequences, mails that wait, mails past their fence."""

    people: int
    sequences: int
    queued: int
    wired: int


def below(connection: Connection, *, sequence: str | None = None, mailbox: str | None = None) -> Below:
    """Everything that is live, of one sequence or mailbox if it is named."""
    live: list[ColumnElement[bool]] = [ENROLLMENTS.c.status != "finished"]
    own: list[ColumnElement[bool]] = [SENDS.c.state.in_(("queued", "sending"))]
    for name, value in (("sequence_id", sequence), ("mailbox", mailbox)):
        if value is not None:
            live.append(ENROLLMENTS.c[name] == value)
            own.append(SENDS.c[name] == value)
    persons, sequences = (func.count(ENROLLMENTS.c[name].distinct()) for name in ("prospect_id", "sequence_id"))
    inside = connection.execute(select(persons, sequences).where(*live)).one()
    counted = connection.execute(select(SENDS.c.state, func.count()).where(*own).group_by(SENDS.c.state))
    states = {row[0]: row[1] for row in counted}
    return Below(inside[0], inside[1], states.get("queued", 0), states.get("sending", 0))


def live_count(connection: Connection, rep: str | None = None) -> int:
    """How many enrollments of a rep, or of anybody, are live."""
    query = select(func.count()).select_from(ENROLLMENTS).where(ENROLLMENTS.c.status != "finished")
    return connection.scalars(query if rep is None else query.where(ENROLLMENTS.c.rep == rep)).one()


_IN_USE = select(ENROLLMENTS.c.mailbox).distinct()


def mailboxes_in_use(connection: Connection) -> set[str]:
    """Mailboxes that somebody is enrolled with, in config.toml or not."""
    return set(connection.scalars(_IN_USE))


def next_due_of(connection: Connection, rep: str | None = None) -> datetime | None:
    """When the next enrollment of a rep, or of anybody, falls due."""
    query = select(func.min(ENROLLMENTS.c.due_at)).where(ENROLLMENTS.c.status == "active")
    found: datetime | None = connection.scalars(query if rep is None else query.where(ENROLLMENTS.c.rep == rep)).one()
    return found


@dataclass(frozen=True, slots=True)
class Overdue:
    """Open tasks of one rep that were due before a given instant."""

    rep: str
    count: int
    oldest: datetime


def overdue(connection: Connection, before: datetime) -> list[Overdue]:
    """Per rep."""
    late = (TASKS.c.state == "open") & (TASKS.c.due_at < before)
    query = select(TASKS.c.rep, func.count(), func.min(TASKS.c.due_at)).where(late).group_by(TASKS.c.rep)
    return [Overdue(*row) for row in connection.execute(query.order_by(TASKS.c.rep))]


def open_work(connection: Connection, rep: str) -> Counter[str]:
    """How many tasks of each kind are open for a rep."""
    query = select(TASKS.c.work, func.count()).where(TASKS.c.state == "open", TASKS.c.rep == rep)
    return Counter({row[0]: row[1] for row in connection.execute(query.group_by(TASKS.c.work))})


def queued_waiting(connection: Connection, rep: str, reason: str) -> int:
    """How many queued mails of a rep's people wait for this reason."""
    own = (SENDS.c.enrollment_id == ENROLLMENTS.c.id) & (ENROLLMENTS.c.rep == rep)
    query = select(func.count()).select_from(SENDS.join(ENROLLMENTS, own))
    return connection.scalars(query.where(SENDS.c.state == "queued", SENDS.c.wait_reason == reason)).one()


def due_until(connection: Connection, rep: str, last: datetime) -> list[int]:
    """Active enrollments of a rep to be decided on by `last`; at most DUE_READ_MAX."""
    which = (ENROLLMENTS.c.rep == rep) & (ENROLLMENTS.c.status == "active") & (ENROLLMENTS.c.due_at <= last)
    return list(
        connection.scalars(select(ENROLLMENTS.c.id).where(which).order_by(ENROLLMENTS.c.id).limit(DUE_READ_MAX))
    )


def inbound_counts(connection: Connection) -> dict[str, int]:
    """How many mails of ours stand in each state."""
    query = select(INBOUND.c.state, func.count()).where(INBOUND.c.outgoing.is_(False)).group_by(INBOUND.c.state)
    return {row[0]: row[1] for row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class NoteRow:
    """What somebody noted about a person; `task_id`: beside which task."""

    at: datetime
    by: str
    text: str
    task_id: int | None


def notes_of(connection: Connection, prospect_id: int) -> list[NoteRow]:
    query = select(NOTES.c.at, NOTES.c.by, NOTES.c.text, NOTES.c.task_id).where(NOTES.c.prospect_id == prospect_id)
    return [NoteRow(*row) for row in connection.execute(query.order_by(NOTES.c.id))]


def sequences_of(connection: Connection, enrollment_ids: Collection[int]) -> dict[int, str]:
    """Which sequence each enrollment is in."""
    found: dict[int, str] = {}
    for part in chunks(set(enrollment_ids)):
        query = select(ENROLLMENTS.c.id, ENROLLMENTS.c.sequence_id).where(ENROLLMENTS.c.id.in_(part))
        found.update((row.id, row.sequence_id) for row in connection.execute(query))
    return found
