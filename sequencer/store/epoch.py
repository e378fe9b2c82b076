"""The database's epoch: a number that only grows, and the hold on all sends of a database that has forgotten some.

The number is raised by every group of fences and every heartbeat; a copy of it stands outside (store/epoch_file.py).
The hold is a row among the scopes, so that whatever reads pauses honours it; no `resume` lifts it. Nothing is compared
here: engine/amnesia.py does.
"""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, func, select, text

from sequencer.core.people import OuterPause
from sequencer.store import scopes
from sequencer.store.tables import ENROLLMENTS, META

EPOCH = "epoch"
SERVER = "epoch_server"
KEY_NUMBER = "message_key"
SINCE = "restored_since"
OUTSIDE = "restored_outside"
LOST_TIMES = "lost_times"
SERIES_ENDS = "message_key_ends"
NEWEST_ENROLLMENT = "epoch_enrollment"
NEWEST_HELD = "restored_enrollment"
A_SECOND = 1000  # so far a lift goes for each second since 1970: no daemon raises its epoch so often


@dataclass(frozen=True, slots=True, order=True)
class Epoch:
    """`number`: raised with every heartbeat and every group of fences. `mails`: how many were let through a fence.

    `line`: another one since each loss of which nobody counted the mails; counts of two lines tell nothing together.
    """

    number: int = 0
    mails: int = 0
    line: int = field(default=0, compare=False)

    def lost_since(self, known: "Epoch") -> int | None:
        """How many mails this one counts that `known` does not; None where nobody can tell."""
        return max(0, self.mails - known.mails) if self.line == known.line else None


@dataclass(frozen=True, slots=True)
class Amnesia:
    """Why all sends are held. `since`: the last instant that the database knows.

    `mails`: how many may have left since; None where nothing outside tells.
    """

    why: str
    since: datetime | None
    mails: int | None


@dataclass(frozen=True, slots=True)
class LostTime:
    """A time that the database forgot. `since`: None where nobody knows when it begins.

    `mailboxes`: those that cannot tell what left in it. `series`: the number of the Message-IDs of what left.
    `newest`: the last enrollment that there was when it was noticed; mail of later ones cannot have left in it.
    """

    since: datetime | None
    until: datetime
    mailboxes: frozenset[str] = frozenset()
    series: int = 0
    newest: int | None = None

    def is_later(self, at: datetime | None) -> bool:
        """Whether `at` is after the last instant that the database knew when it was put back."""
        return at is not None and (self.since is None or at > self.since)

    def is_before(self, enrollment: int) -> bool:
        """Whether this enrollment began when the loss was known already, and nothing left any more."""
        return self.newest is not None and enrollment > self.newest


def current(connection: Connection) -> Epoch:
    """The epoch; zeros where no daemon that counts has run."""
    return _epoch(scopes.meta(connection, EPOCH))


def raise_epoch(connection: Connection, mails: int = 0) -> Epoch:
    """The next epoch, in the caller's transaction; on PostgreSQL other daemons wait for its end."""
    locked = select(META.c.value).where(META.c.key == EPOCH).with_for_update()
    before = _epoch(connection.scalars(locked).first())
    after = replace(before, number=before.number + 1, mails=before.mails + mails)
    put(connection, after)
    return after


def beat(connection: Connection) -> Epoch:
    """The next epoch, by a heartbeat: it also notes the newest enrollment, by which those after it are told apart."""
    _note_newest(connection, NEWEST_ENROLLMENT)
    return raise_epoch(connection)


def _note_newest(connection: Connection, name: str) -> None:
    scopes.put_meta(connection, name, str(connection.scalar(select(func.max(ENROLLMENTS.c.id))) or 0))


def newest_enrollment(connection: Connection) -> int | None:
    """The newest one at the last heartbeat before sends were held; None where none noted it.

    One that began between that heartbeat and the copy is told apart by its instant alone.
    """
    noted = scopes.meta(connection, NEWEST_ENROLLMENT)
    return int(noted) if noted else None


def put(connection: Connection, epoch: Epoch) -> None:
    scopes.put_meta(connection, EPOCH, _words(epoch))


def _words(epoch: Epoch) -> str:
    return f"{epoch.number} {epoch.mails} {epoch.line}"


def _epoch(value: str | None) -> Epoch:
    return Epoch(*map(int, value.split())) if value else Epoch()


_CLUSTER_TIMELINE_DATABASE = text(
    "SELECT system_identifier || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '/' || "
    "(SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system()"
)


def server_changed(connection: Connection) -> bool:
    """Whether this is another PostgreSQL cluster, timeline (restore, failover) or database of it than the last one.

    The first answer is kept. SQLite has none of these.
    """
    now, before = _server(connection), scopes.meta(connection, SERVER)
    if before is None and now:
        scopes.put_meta(connection, SERVER, now)
    return before is not None and before != now


def accept_server(connection: Connection) -> None:
    """The server as it is now counts as the right one."""
    if now := _server(connection):
        scopes.put_meta(connection, SERVER, now)


def _server(connection: Connection) -> str:
    if connection.dialect.name != "postgresql":
        return ""
    return str(connection.execute(_CLUSTER_TIMELINE_DATABASE).scalar_one())


def hold(connection: Connection, amnesia: Amnesia, now: datetime) -> None:
    """Hold all sends; every mail that is prepared but not gone is refused at its fence."""
    if held(connection) is not None:
        return
    _put_since(connection, amnesia.since, amnesia.mails)
    note_who_was_there(connection)
    scopes.pause_scope(connection, OuterPause("restored", "", amnesia.why, "sequencer", now))
    scopes.raise_scope(connection, "all")


def note_who_was_there(connection: Connection) -> None:
    """Enrollments of now may be of the copy, and what they sent may be lost."""
    _note_newest(connection, NEWEST_HELD)


def newest_held(connection: Connection) -> int | None:
    """The newest enrollment when a daemon last found that sends are held; None where none did."""
    noted = scopes.meta(connection, NEWEST_HELD)
    return int(noted) if noted else None


def count(connection: Connection, amnesia: Amnesia) -> Amnesia:
    """So many mails may have left, and the hold stays."""
    _put_since(connection, amnesia.since, amnesia.mails)
    return amnesia


def count_found(connection: Connection, amnesia: Amnesia, mails: int) -> None:
    """So many of the mails that may have left are known by now, and the hold stays."""
    if amnesia.mails is not None:
        count(connection, replace(amnesia, mails=max(0, amnesia.mails - mails)))


def outside(connection: Connection) -> Epoch:
    """The furthest that any file has said since sends are held."""
    return _epoch(scopes.meta(connection, OUTSIDE))


def note_outside(connection: Connection, told: Epoch) -> None:
    before = outside(connection)
    furthest = replace(max(before, told), mails=max(before.mails, told.mails))
    scopes.put_meta(connection, OUTSIDE, _words(furthest))


def is_on_server(connection: Connection) -> bool:
    """Whether daemons of other folders and hosts may share the database: their files were perhaps never compared."""
    return connection.dialect.name == "postgresql"


def _put_since(connection: Connection, since: datetime | None, mails: int | None) -> None:
    told = "" if mails is None else str(mails)
    scopes.put_meta(connection, SINCE, f"{since.isoformat() if since else ''} {told}")


def held(connection: Connection) -> Amnesia | None:
    """Why all sends are held; None while they are not."""
    pause = scopes.paused_scopes(connection).get(scopes.RESTORED)
    if pause is None:
        return None
    since, _, mails = (scopes.meta(connection, SINCE) or " ").partition(" ")
    return Amnesia(pause.reason, datetime.fromisoformat(since) if since else None, int(mails) if mails else None)


def lift(connection: Connection, epoch: Epoch, now: datetime) -> None:
    """Let sends go on from this epoch. Mails get ids of a new series: the lost ones may have taken these numbers.

    Where nothing told how far the lost epochs went, another copy may be ahead of this one: the time is ahead of all.
    """
    known, found = current(connection), held(connection)
    said = (known, outside(connection), epoch)
    number = 1 + max(*(each.number for each in said), int(now.timestamp() * A_SECOND))
    line = number if found is None or found.mails is None else known.line
    put(connection, Epoch(number, max(each.mails for each in said), line))
    scopes.put_meta(connection, OUTSIDE, "")
    _note_series_end(connection)
    scopes.put_meta(connection, KEY_NUMBER, str(key_number(connection) + 1))
    accept_server(connection)
    scopes.resume_scope(connection, "restored")
    scopes.raise_scope(connection, "all")


def is_in_held_time(connection: Connection, at: datetime | None) -> bool:
    """Whether `at` lies in the time that this database forgot, while sends are held for it."""
    found = held(connection)
    if found is None or found.since is None or at is None:
        return False
    return found.since < at <= scopes.paused_scopes(connection)[scopes.RESTORED].at


def lost_times(connection: Connection) -> tuple[LostTime, ...]:
    """Every time of which some mailbox cannot tell what left in it."""
    return tuple(
        LostTime(
            datetime.fromisoformat(one["since"]) if one["since"] else None,
            datetime.fromisoformat(one["until"]), frozenset(one["mailboxes"]), one["series"],
            one.get("newest"),
        )
        for one in json.loads(scopes.meta(connection, LOST_TIMES) or "[]")
    )  # fmt: skip


def note_lost_time(connection: Connection, lost: LostTime) -> None:
    """Keep it: what may have left in it is doubted also after sends went on."""
    kept = [
        {
            "since": one.since.isoformat() if one.since else "", "until": one.until.isoformat(),
            "mailboxes": sorted(one.mailboxes), "series": one.series, "newest": one.newest,
        }
        for one in (*lost_times(connection), lost)
    ]  # fmt: skip
    scopes.put_meta(connection, LOST_TIMES, json.dumps(kept))


def note_series(connection: Connection, number: int) -> None:
    """A mail with an id of this series was found: a database that came back twice has forgotten the newest ones."""
    if number > key_number(connection):
        scopes.put_meta(connection, KEY_NUMBER, str(number))


def _note_series_end(connection: Connection) -> None:
    """The newest enrollment that mails of this series may be of: the numbers of lost ones are given again."""
    ends = series_ends(connection) | {key_number(connection): newest_held(connection) or 0}
    scopes.put_meta(connection, SERIES_ENDS, json.dumps(ends))


def series_ends(connection: Connection) -> dict[int, int]:
    """The newest enrollment that mails of each series that has ended may be of."""
    return {int(one): newest for one, newest in json.loads(scopes.meta(connection, SERIES_ENDS) or "{}").items()}


def key_number(connection: Connection) -> int:
    """How often the ids of mails began a new series."""
    return int(scopes.meta(connection, KEY_NUMBER) or 0)
