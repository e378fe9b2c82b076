"""What can be seen of a played seed: the world's record, the rows at the end, and every change that the triggers noted.

Nothing is judged here. All marks are numbers of one order: what has a higher one happened later.
"""

import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.core import events as e
from sequencer.core.sequence import Sequence as Steps
from sequencer.engine.catalog import Catalog
from sequencer.store import census, versions
from sequencer.store.sends import SendRow
from sequencer.store.tasks import TaskRow
from sequencer.world.evidence import Evidence
from sequencer.world.record import Record, Took
from tests.fresh import open_database

__all__ = [
    "NEVER", "Backdrop", "Change", "Dot", "Forgotten", "Happening", "Persons", "Sight", "Switch", "WatchedEvidence",
    "forgotten_since", "look",
]  # fmt: skip

NEVER = 1 << 60


@dataclass(frozen=True, slots=True)
class Change:
    """A send whose state or bytes changed, in a transaction that was committed. `old` "": the row is new.

    `at`: seconds of virtual time; `wall`: what the wall clock said, as ISO 8601. `process` wrote it, "" for a command;
    `owner` held the mailbox's lease at that instant, and `zone` and `country` were the person's. `due`: since when the
    row says that it waits, as SQLite keeps it.
    """

    mark: int
    at: float
    transaction: int
    send_id: int
    enrollment_id: int
    step: str
    attempt: int
    prospect_id: int
    mailbox: str
    address: str
    domain: str | None
    account_id: str | None
    sequence_id: str
    old: str
    new: str
    fence: int | None
    message_id: str | None
    process: str
    owner: str
    settled_by: str
    zone: str | None
    country: str | None
    raw: bytes | None
    wall: str
    due: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of the log, and when it was committed."""

    mark: int
    at: float
    transaction: int
    enrollment_id: int | None
    prospect_id: int
    event: e.Event


@dataclass(frozen=True, slots=True)
class Dot:
    """A final dot that reached the server. `begun`: the mark of its 354; `written_at`: virtual seconds."""

    mark: int
    begun: int
    written_at: float
    message_id: str
    recipient: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Switch:
    """Something that forbids mail began or ceased to stand: a rule against contact, a pause of a scope."""

    mark: int
    kind: str
    key: str
    channel: str
    stands: bool


@dataclass(frozen=True, slots=True)
class Persons:
    """Who was one person when. `began`: mark and person of each enrollment's begin; `merges`: (mark, goes, stays)."""

    began: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    merges: tuple[tuple[int, int, int], ...] = ()

    def at(self, mark: int) -> dict[int, int]:
        """Whose each enrollment was, of those that had begun."""
        whose = {key: person for key, (began, person) in self.began.items() if began < mark}
        for merged, goes, stays in self.merges:
            if merged < mark:
                whose = {key: stays if person == goes else person for key, person in whose.items()}
        return whose


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was done between a backup and its return, which no row knows any more.

    `restored`: the mark of the return, `lifted` of the end of the hold. `known`: the last enrollment of the backup,
    `there`: that was there when a daemon noticed it, and which may be of the backup for all that it can know.
    """

    restored: int = NEVER
    known: int = 0
    changes: tuple[Change, ...] = ()
    happenings: tuple[Happening, ...] = ()
    lifted: int = NEVER
    there: int = 0

    @property
    def fences(self) -> list[Change]:
        return [each for each in self.changes if each.old == "queued" and each.new == "sending"]

    @property
    def words(self) -> Mapping[tuple[int, str, int], tuple[e.Event, ...]]:
        """What went before each attempt that was let through its fence, of enrollments that the backup knows."""
        return {
            (fence.enrollment_id, fence.step, fence.attempt): tuple(
                each.event for each in self.happenings
                if each.enrollment_id == fence.enrollment_id and each.mark < fence.mark
            )
            for fence in self.fences if fence.enrollment_id <= self.known
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What the director knows: `calm_at`, `ends_at` in virtual seconds.

    `skewed`: whether the wall clock was wrong for a while.
    """

    config: Config
    record: Record
    dots: tuple[Dot, ...]
    calm_at: float
    ends_at: float
    ends: datetime
    skewed: bool
    forgotten: Forgotten


@dataclass(frozen=True, slots=True)
class Sight:
    """`sequences`: by (id, version)."""

    evidence: Evidence
    changes: tuple[Change, ...]
    happenings: tuple[Happening, ...]
    rules: tuple[Switch, ...]
    pauses: tuple[Switch, ...]
    persons: Persons
    sequences: Mapping[tuple[str, int], Steps]
    backdrop: Backdrop

    @property
    def dots(self) -> tuple[Dot, ...]:
        return self.backdrop.dots

    @property
    def forgotten(self) -> Forgotten:
        return self.backdrop.forgotten


@dataclass(frozen=True)
class WatchedEvidence(Evidence):
    """Knows from the fences when a mail was allowed to leave, and of whom: edits and merges may change them later.

    `fenced`: by Message-ID, in order. `forgotten`: ids of mails that an old backup took away; what nothing brought back
    is left out of what rows must explain.
    `words`: what the logs said then, by the attempt that left on it: reconciling finds a mail, not who asked for it.
    `done`: the mark at which somebody did a task, by enrollment and key: a clock set back brings the same hours again.
    """

    fenced: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    persons: Persons = field(default_factory=Persons)
    forgotten: frozenset[str] = frozenset()
    words: Mapping[tuple[int, str, int], tuple[e.Event, ...]] = field(default_factory=dict)
    done: Mapping[tuple[int | None, str], int] = field(default_factory=dict)

    @cached_property
    def took(self) -> tuple[Took, ...]:
        every = self.record.of(Took)
        return tuple(
            mail for mail in every if mail.message_id not in self.forgotten or self._is_brought_back(mail.message_id)
        )

    def _is_brought_back(self, message_id: str) -> bool:
        """A row that got its bytes before the copy bears the id too; called back since, it knows of no leaving."""
        rows = self.rows_by_message_id.get(message_id, ())
        return any(row.sending_at is not None or row.state != "cancelled" for row in rows)

    def row_of(self, mail: Took) -> SendRow | None:
        row = super().row_of(mail)
        if row is None and mail.message_id in self.forgotten:
            return self.rows_by_message_id[mail.message_id][-1]  # an answer that names it does not tell when it left
        return row

    def log_of(self, row: SendRow) -> tuple[e.Event, ...]:
        return (*self.words.get((row.enrollment_id, row.step, row.attempt), ()), *super().log_of(row))

    def zones_of(self, row: SendRow, mail: Took) -> tuple[ZoneInfo, ...]:
        fence = self._fence(mail)
        return self.zones_at(fence.zone, mail) if fence else super().zones_of(row, mail)

    def countries_of(self, row: SendRow, mail: Took) -> tuple[str, ...]:
        fence = self._fence(mail)
        if fence is None:
            return super().countries_of(row, mail)
        return (fence.country,) if fence.country else ()

    def tasks_of(self, row: SendRow, mail: Took) -> list[TaskRow]:
        fence = self._fence(mail)
        if fence is None:
            return super().tasks_of(row, mail)
        whose = self.persons.at(fence.mark)
        return [
            task for task in self.census.tasks
            if whose.get(task.enrollment_id) == fence.prospect_id
            and self.done.get((task.enrollment_id, task.key), 0) < fence.mark
        ]  # fmt: skip

    def left_at(self, mail: Took) -> datetime:
        fence = self._fence(mail)
        return datetime.fromisoformat(fence.wall) if fence else mail.at

    def _fence(self, mail: Took) -> Change | None:
        """The one that allowed this mail its dot."""
        before = [fence for fence in self.fenced.get(mail.message_id, ()) if fence.mark < mail.order]
        return before[-1] if before else None


def look(url: str, catalog: Catalog, backdrop: Backdrop) -> Sight:
    """Everything, read once at the end."""
    database = open_database(url)
    try:
        return database.read(lambda connection: _look(connection, catalog, backdrop))
    finally:
        database.close()


def forgotten_since(file: Path, made: int) -> Forgotten:
    """What the triggers of this database noted later than the mark at which its backup was made."""
    with closing(sqlite3.connect(file)) as connection:
        changes = connection.execute("SELECT * FROM witness_sends WHERE mark > ? ORDER BY mark", (made,)).fetchall()
        events = connection.execute("SELECT * FROM witness_events WHERE mark > ? ORDER BY mark", (made,)).fetchall()
    return Forgotten(changes=tuple(map(_change, changes)), happenings=tuple(map(_happening, events)))


def _change(row: Sequence[Any]) -> Change:
    change = Change(*row)
    return replace(change, raw=zlib.decompress(change.raw) if change.raw else None)


def _happening(row: Sequence[Any]) -> Happening:
    mark, at, transaction, enrollment, person, kind, body = row
    return Happening(mark, at, transaction, enrollment, person, e.from_json(kind, body))


def _look(connection: Connection, catalog: Catalog, backdrop: Backdrop) -> Sight:
    def rows(asked: str) -> list[Any]:
        return [tuple(row) for row in connection.exec_driver_sql(asked)]

    changes = tuple(_change(row) for row in rows("SELECT * FROM witness_sends ORDER BY mark"))
    happenings = tuple(map(_happening, rows("SELECT * FROM witness_events ORDER BY mark")))
    latest = versions.latest(connection)
    applied = [(name, number) for name, each in sorted(latest.items()) for number in range(1, each.version + 1)]
    sequences = {key: catalog.bundle(connection, *key).sequence for key in applied}
    fenced: dict[str, list[Change]] = {}
    for each in sorted((*backdrop.forgotten.changes, *changes), key=lambda each: each.mark):
        if each.new == "sending" and each.message_id:
            fenced.setdefault(each.message_id, []).append(each)
    began = {
        each.enrollment_id: (each.mark, each.prospect_id) for each in happenings
        if each.enrollment_id is not None and isinstance(each.event, e.Enrolled)
    }  # fmt: skip
    done = {
        (each.enrollment_id, each.event.task): each.mark for each in happenings if isinstance(each.event, e.TaskDone)
    }
    persons = Persons(began, tuple(rows("SELECT * FROM witness_merges ORDER BY mark")))
    evidence = WatchedEvidence(
        backdrop.config, {name: sequences[name, each.version] for name, each in latest.items()}, backdrop.record,
        census.take(connection), {}, backdrop.ends,
        {key: tuple(fences) for key, fences in fenced.items()}, persons,
        frozenset(each.message_id for each in backdrop.forgotten.fences if each.message_id), backdrop.forgotten.words,
        done,
    )  # fmt: skip
    return Sight(
        evidence,
        changes,
        happenings,
        tuple(Switch(*row) for row in rows("SELECT * FROM witness_rules ORDER BY mark")),
        tuple(Switch(*row) for row in rows("SELECT * FROM witness_scopes ORDER BY mark")),
        persons,
        sequences,
        backdrop,
    )
