"""The event log and the enrollments that are projected from it.

Events are appended and never edited. An enrollment's row keeps its Progress and the few columns that queries need;
both are written in the transaction that appends the events.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError

from sequencer.core import events as e
from sequencer.core import progress as p
from sequencer.errors import AlreadyEnrolled
from sequencer.store.rows import chunks
from sequencer.store.tables import ENROLLMENTS, EVENTS, PROSPECTS, SENDS


@dataclass(frozen=True, slots=True)
class Enrollment:
    """An enrollment as it stands. `person_seq`: how often something was recorded about its person.

    `on_the_wire`: it has a mail that has passed its fence and is not settled.
    """

    id: int
    prospect_id: int
    sequence_id: str
    version: int
    mailbox: str
    rep: str
    exclusive: bool
    status: p.Status
    due_at: datetime | None
    progress: p.Progress
    person_seq: int
    on_the_wire: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    at: datetime
    prospect_id: int
    enrollment_id: int | None
    event: e.Event
    id: int = 0


_APPEND = insert(EVENTS)


def append(connection: Connection, entries: Sequence[Entry]) -> None:
    """Add lines to the log."""
    rows = [
        {
            "at": entry.at,
            "prospect_id": entry.prospect_id,
            "enrollment_id": entry.enrollment_id,
            "kind": e.kind_of(entry.event),
            "body": e.to_json(entry.event),
        }
        for entry in entries
    ]
    if rows:
        connection.execute(_APPEND, rows)


_LOG = select(EVENTS).where(EVENTS.c.enrollment_id == bindparam("of")).order_by(EVENTS.c.id)


def read_log(connection: Connection, enrollment_id: int) -> list[Entry]:
    """Every event of one enrollment, in order."""
    return [_entry(row) for row in connection.execute(_LOG, {"of": enrollment_id})]


def read_person(connection: Connection, prospect_id: int) -> list[Entry]:
    """Every event of one person, over all enrollments, in order."""
    query = select(EVENTS).where(EVENTS.c.prospect_id == prospect_id).order_by(EVENTS.c.id)
    return [_entry(row) for row in connection.execute(query)]


def read_alone(connection: Connection) -> list[Entry]:
    """Every event of people that belongs to no enrollment, in order."""
    query = select(EVENTS).where(EVENTS.c.enrollment_id.is_(None)).order_by(EVENTS.c.id)
    return [_entry(row) for row in connection.execute(query)]


def mailboxes_had(connection: Connection, enrollment_ids: Collection[int]) -> dict[int, set[str]]:
    """The mailboxes that each enrollment has had, the present one among them."""
    had: dict[int, set[str]] = {}
    kinds = [each.__name__ for each in (e.Enrolled, e.Reassigned)]
    for part in chunks(enrollment_ids):
        query = select(EVENTS).where(EVENTS.c.enrollment_id.in_(part), EVENTS.c.kind.in_(kinds))
        for entry in map(_entry, connection.execute(query)):
            if isinstance(entry.event, e.Enrolled | e.Reassigned) and entry.enrollment_id and entry.event.mailbox:
                had.setdefault(entry.enrollment_id, set()).add(entry.event.mailbox)
    return had


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    return Entry(row.at, row.prospect_id, row.enrollment_id, e.from_json(row.kind, row.body), row.id)


_ADD = insert(ENROLLMENTS)


def add_enrollment(connection: Connection, prospect_id: int, exclusive: bool, progress: p.Progress) -> int:
    """Add a new enrollment's row; its first event is the caller's. Returns its id.

    Raises: AlreadyEnrolled, when the person is live in this sequence, or in another exclusive one.
    """
    row = {
        "prospect_id": prospect_id, "sequence_id": progress.sequence, "version": progress.version,
        "mailbox": progress.mailbox, "rep": progress.rep, "exclusive": exclusive, "status": progress.status,
        "step": progress.step, "due_at": progress.enrolled_at, "progress": p.to_json(progress),
        "enrolled_at": progress.enrolled_at,
    }  # fmt: skip
    try:
        key = connection.execute(_ADD, row).inserted_primary_key
    except IntegrityError as error:
        raise AlreadyEnrolled("already in this sequence, or in another exclusive one") from error
    assert key is not None
    return int(key[0])


_SAVE = (
    update(ENROLLMENTS)
    .where(ENROLLMENTS.c.id == bindparam("enrollment_id"))
    .values(
        version=bindparam("new_version"), rep=bindparam("new_rep"), mailbox=bindparam("new_mailbox"),
        status=bindparam("new_status"), step=bindparam("new_step"), due_at=bindparam("new_due_at"),
        progress=bindparam("new_progress"), finished_at=bindparam("new_finished_at"),
        finish_reason=bindparam("new_reason"), last_touch_at=bindparam("new_last_touch_at"),
    )
)  # fmt: skip


def save(connection: Connection, settled: Sequence[tuple[int, p.Progress, datetime | None]]) -> None:
    """Write (enrollment id, progress, due_at) of each."""
    happened = ("sent", "done")
    rows = [
        {
            "enrollment_id": enrollment_id, "new_version": progress.version, "new_rep": progress.rep,
            "new_mailbox": progress.mailbox, "new_status": progress.status, "new_step": progress.step,
            "new_due_at": due_at, "new_progress": p.to_json(progress), "new_finished_at": progress.finished_at,
            "new_reason": progress.finished.value if progress.finished else None,
            "new_last_touch_at": max((t.at for t in progress.touches.values() if t.state in happened), default=None),
        }
        for enrollment_id, progress, due_at in settled
    ]  # fmt: skip
    if rows:
        connection.execute(_SAVE, rows)


_WIRED = exists().where(SENDS.c.enrollment_id == ENROLLMENTS.c.id, SENDS.c.state == "sending")
_ENROLLMENTS_OF = (
    select(ENROLLMENTS, PROSPECTS.c.seq, _WIRED.label("on_the_wire"))
    .join(PROSPECTS, PROSPECTS.c.id == ENROLLMENTS.c.prospect_id)
    .where(ENROLLMENTS.c.id.in_(bindparam("ids", expanding=True)))
)


def load(connection: Connection, ids: Collection[int]) -> dict[int, Enrollment]:
    """Enrollments by id."""
    found: dict[int, Enrollment] = {}
    for part in chunks(ids):
        for row in connection.execute(_ENROLLMENTS_OF, {"ids": part}):
            found[row.id] = Enrollment(
                row.id, row.prospect_id, row.sequence_id, row.version, row.mailbox, row.rep, row.exclusive,
                row.status, row.due_at, p.from_json(row.progress), row.seq, row.on_the_wire,
            )  # fmt: skip
    return found


_DUE = (
    select(ENROLLMENTS.c.id)
    .where(ENROLLMENTS.c.due_at.is_not(None), ENROLLMENTS.c.due_at <= bindparam("now"))
    .order_by(ENROLLMENTS.c.due_at, ENROLLMENTS.c.id)
    .limit(bindparam("limit"))
)


def due(connection: Connection, now: datetime, limit: int) -> list[int]:
    """Enrollments to decide on by `now`, the longest due first."""
    return list(connection.scalars(_DUE, {"now": now, "limit": limit}))


def next_due_at(connection: Connection) -> datetime | None:
    """When the next enrollment falls due."""
    query = select(ENROLLMENTS.c.due_at).where(ENROLLMENTS.c.due_at.is_not(None)).order_by(ENROLLMENTS.c.due_at)
    return connection.scalars(query.limit(1)).first()


_LIVE_OF = (
    select(ENROLLMENTS.c.id)
    .where(ENROLLMENTS.c.prospect_id.in_(bindparam("ids", expanding=True)), ENROLLMENTS.c.status != "finished")
    .order_by(ENROLLMENTS.c.id)
)


def live_of(connection: Connection, prospect_ids: Collection[int]) -> list[int]:
    """The live enrollments of these people."""
    found: list[int] = []
    for part in chunks(set(prospect_ids)):
        found += connection.scalars(_LIVE_OF, {"ids": part})
    return found


def all_of(connection: Connection, prospect_id: int) -> list[int]:
    """Every enrollment of one person, the newest first."""
    query = select(ENROLLMENTS.c.id).where(ENROLLMENTS.c.prospect_id == prospect_id)
    return list(connection.scalars(query.order_by(ENROLLMENTS.c.id.desc())))


def put_off(connection: Connection, enrollment_id: int, until: datetime) -> None:
    """Have this one decided on at `until`; used where deciding on it fails."""
    connection.execute(update(ENROLLMENTS).where(ENROLLMENTS.c.id == enrollment_id).values(due_at=until))


def make_due(connection: Connection, ids: Collection[int], at: datetime) -> None:
    """Have these decided on at `at` at the latest."""
    for part in chunks(ids):
        late = ENROLLMENTS.c.due_at.is_(None) | (ENROLLMENTS.c.due_at > at)
        which = ENROLLMENTS.c.id.in_(part) & (ENROLLMENTS.c.status != "finished") & late
        connection.execute(update(ENROLLMENTS).where(which).values(due_at=at))
