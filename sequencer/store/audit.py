"""The audit: one row for each command that changed something, in the transaction of the change, chained by hashes.

A chain makes a row that was changed, taken out or put in visible to whoever checks, also to one who has only a copy:
the hashes are plain SHA-256. Against somebody who may write to the database and computes the whole chain anew, note
the last row elsewhere now and then (`audit verify` prints it and takes it back as --head). Rows carry codes, numbers
and keyed hashes of what may name a person. Nothing is judged here.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, String, insert, select, text, type_coerce
from sqlalchemy.engine import Row

from sequencer.errors import StoreError
from sequencer.mail.address import normalise
from sequencer.store.database import Database
from sequencer.store.installation_tables import AUDIT
from sequencer.store.scopes import meta, put_meta

__all__ = ["AuditRow", "Command", "Recorded", "Verified", "append", "pseudonym", "rows", "verify"]

HEAD, NONE_YET = "audit_head", "0:"
PSEUDONYM_CHARS = 24
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asked for: `by` whom, `via` which door (cli, web), `asked` without anything that names a person."""

    at: datetime
    by: str
    via: str
    verb: str
    asked: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row, read."""

    id: int
    at: datetime
    by: str
    via: str
    verb: str
    asked: Mapping[str, Any]


class Recorded(Database):
    """The same database for one command: the first transaction that is committed writes the command's row, too.

    So there is no change without its row, and no row of a command that changed nothing because it failed.
    """

    def __init__(self, database: Database, command: Command) -> None:
        self.url, self.engine = database.url, database.engine
        self._database, self._command, self._written = database, command, False

    def submit(self, work: Callable[[Connection], T], *, urgent: bool = False) -> "Future[T]":
        """Queue `work` for the writer thread."""
        if self._written:
            return self._database.submit(work, urgent=urgent)

        def recorded(connection: Connection) -> T:
            result = work(connection)
            if not self._written:
                append(connection, self._command)
            return result

        done = self._database.submit(recorded, urgent=urgent)
        done.add_done_callback(self._settle)  # runs in the writer thread, before its next transaction
        return done

    def _settle(self, done: "Future[Any]") -> None:
        self._written = self._written or not (done.cancelled() or done.exception())

    @property
    def frozen_after_s(self) -> float:
        """As the database below has it, which runs the transactions."""
        return self._database.frozen_after_s

    @frozen_after_s.setter
    def frozen_after_s(self, seconds: float) -> None:
        self._database.frozen_after_s = seconds

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a snapshot of the database below."""
        return self._database.read(work)

    def close(self) -> None:
        """Let go of the database below."""
        self._database.close()


def pseudonym(key: bytes, said: str) -> str:
    """What stands for an address or a text in a row: the same for the same text, readable for nobody."""
    return hmac.new(key, b"audit\0" + normalise(said).encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_CHARS]


def append(connection: Connection, command: Command) -> None:
    """Add the row; other transactions that do so wait for this one."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        connection.execute(text("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE"))
    last, _, previous = (meta(connection, HEAD) or NONE_YET).partition(":")
    asked = json.dumps(dict(command.asked), ensure_ascii=True, sort_keys=True, default=str)
    number = int(last) + 1
    values: dict[str, Any] = {
        "id": number, "at": command.at, "by": command.by, "via": command.via, "verb": command.verb, "asked": asked,
        "previous": previous,
    }  # fmt: skip
    digest = _hash(**values)
    connection.execute(insert(AUDIT).values(**values, hash=digest))
    put_meta(connection, HEAD, f"{number}:{digest}")


def _hash(*, id: int, at: datetime, by: str, via: str, verb: str, asked: str, previous: str) -> str:
    told = [previous, id, at.astimezone(UTC).isoformat(), by, via, verb, asked]
    return hashlib.sha256(json.dumps(told, ensure_ascii=True).encode()).hexdigest()


def rows(
    connection: Connection, since: datetime | None = None, by: str | None = None, verb: str | None = None,
) -> Iterator[AuditRow]:  # fmt: skip
    """The rows, the newest first. Raises StoreError for one that was made unreadable."""
    query = _AS_IT_STANDS.order_by(AUDIT.c.id.desc())
    if since is not None:
        query = query.where(AUDIT.c.at >= since)
    if by is not None:
        query = query.where(AUDIT.c.by == by)
    if verb is not None:
        query = query.where(AUDIT.c.verb == verb)
    for row in connection.execute(query):
        try:
            read = AuditRow(row.id, _instant(row.at), row.by, row.via, row.verb, json.loads(row.asked))
        except (TypeError, ValueError):
            raise StoreError(
                f'row {row.id} of the audit cannot be read: "sequencer audit verify" says what was changed'
            ) from None
        yield read


# SQLite keeps whatever somebody writes there by hand, also what is no instant.
_AS_IT_STANDS = select(*(type_coerce(each, String) if each.name == "at" else each for each in AUDIT.c))


def _instant(stored: datetime | str) -> datetime:
    """Raises TypeError, ValueError."""
    at = stored if isinstance(stored, datetime) else datetime.fromisoformat(stored)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the chain found: how many rows, the last one as `NUMBER:HASH`, what is wrong in words."""

    count: int
    head: str
    wrong: tuple[str, ...]


def verify(connection: Connection, noted: str = "") -> Verified:
    """Check every row against the one before; `noted`: a head of earlier that must still be in the chain."""
    wrong: list[str] = []
    count, number, previous, found = 0, 0, "", noted in ("", NONE_YET)
    for row in connection.execute(_AS_IT_STANDS.order_by(AUDIT.c.id)):
        wrong += _wrong(row, number, previous)
        count, number, previous = count + 1, row.id, row.hash
        found = found or f"{row.id}:{row.hash}" == noted
    head, kept = f"{number}:{previous}", meta(connection, HEAD) or NONE_YET
    last = kept.partition(":")[0]
    if count and kept == NONE_YET:
        wrong.append("where the chain ended is not noted any more: rows may be missing at its end")
    elif head != kept and last.isdigit() and int(last) > number:
        wrong.append(f"{_missing(number + 1, int(last))}: the chain went on to row {last}")
    elif head != kept:
        wrong.append(f"row {number} was put in: the chain ended at row {last or '?'}")
    if not found:
        row_noted = noted.partition(":")[0]
        wrong.append(f"row {row_noted} is not the one that was noted: made anew, or an old copy was put back")
    return Verified(count, head, tuple(wrong))


def _wrong(row: Row[Any], number: int, previous: str) -> Iterator[str]:
    if row.id > number + 1:
        yield _missing(number + 1, row.id - 1)
    elif row.previous != previous:
        yield f"row {row.id} does not follow row {number}: one of them was put in or changed"
    if not _is_as_written(row):
        yield f"row {row.id} was changed"


def _is_as_written(row: Row[Any]) -> bool:
    told = {name: getattr(row, name) for name in ("id", "by", "via", "verb", "asked", "previous")}
    try:
        return bool(_hash(**told, at=_instant(row.at)) == row.hash)
    except (TypeError, ValueError):
        return False


def _missing(first: int, last: int) -> str:
    return f"row {first} is missing" if first == last else f"rows {first} to {last} are missing"
