"""Tables as plain rows and back: what an export carries, and what another installation takes in.

Values are those that JSON has: instants in ISO 8601 (UTC), bytes in base 64. Every table is either carried or named
here with the reason why not; ids stay what they were. No file is written here.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Integer,
    LargeBinary,
    Table,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError

from sequencer.store import tables as t
from sequencer.store.columns import Instant

__all__ = ["CARRIED", "LEFT_BEHIND", "columns", "enrollments", "of_person", "put", "rows", "taken"]

ROWS_PER_STATEMENT = 500
# In this order a row never names one that is not there yet.
CARRIED: Mapping[str, Table] = {
    table.name: table
    for table in (
        t.ACCOUNTS, t.PROSPECTS, t.ADDRESSES, t.LIST_MEMBERS, t.SUPPRESSIONS, t.ERASED, t.SCOPES, t.VERSIONS,
        t.ENROLLMENTS, t.EVENTS, t.TASKS, t.DRAFTS, t.NOTES, t.SENDS, t.RELAY_IDS, t.USAGE, t.MAILBOXES,
        t.INBOUND,
    )
}  # fmt: skip
LEFT_BEHIND: Mapping[str, str] = {
    "meta": "the key and the epoch of this installation are its own",
    "inboxes": "each installation reads its inboxes by itself",
    "cursors": "each installation reads its inboxes by itself",
    "not_ours": "each installation reads its inboxes by itself",
    "daemons": "who is at work on this database now",
    "brakes": "a mailbox that stopped by itself is paused there too, and its count begins anew",
    "audit": "carried to be read: the chain is this installation's",
}
_COUNT_ON = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), greatest(:last, 1), :last > 0)")
_OF_ONE_MACHINE = {"mailboxes": ("owner", "lease_until")}


def columns(table: Table) -> list[Column[Any]]:
    """What of a table is carried: all but what only the machine at hand means."""
    return [column for column in table.c if column.name not in _OF_ONE_MACHINE.get(table.name, ())]


def rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """Every row, in the order of its key."""
    wanted = columns(table)
    for row in connection.execute(select(*wanted).order_by(*table.primary_key.columns)):
        yield {column.name: _out(value) for column, value in zip(wanted, row, strict=True)}


def of_person(connection: Connection, prospect_id: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """What every table that names people has of this one; their own row is among them."""
    for name, table in CARRIED.items():
        key = table.c.id if name == "prospects" else table.c.get("prospect_id")
        if key is None:
            continue
        found = connection.execute(select(table).where(key == prospect_id).order_by(*table.primary_key.columns))
        yield name, [{column: _out(value) for column, value in row._mapping.items()} for row in found]


def put(connection: Connection, table: Table, values: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as `rows` gave them; returns how many. Raises KeyError, ValueError for rows that do not fit."""
    count, remaining = 0, iter(values)
    while part := list(islice(remaining, ROWS_PER_STATEMENT)):
        fitting = [{name: _in(table.c[name], value) for name, value in row.items()} for row in part]
        try:
            connection.execute(insert(table), fitting)
        except IntegrityError as error:
            raise ValueError(f"rows of {table.name} contradict each other") from error
        count += len(part)
    _count_on(connection, table)
    return count


def taken(connection: Connection) -> dict[str, int]:
    """Which of these tables have rows already, and how many."""
    counts = {
        name: connection.scalars(select(func.count()).select_from(table)).one() for name, table in CARRIED.items()
    }
    return {name: count for name, count in counts.items() if count and name not in ("scopes", "mailboxes")}


def enrollments(connection: Connection) -> list[int]:
    """Every enrollment, also those that are finished."""
    return list(connection.scalars(select(t.ENROLLMENTS.c.id)))


def _count_on(connection: Connection, table: Table) -> None:
    """PostgreSQL counts by itself and does not see ids that were written."""
    if connection.dialect.name == "postgresql" and table.autoincrement_column is not None:
        highest = connection.scalars(select(func.max(table.c.id))).one() or 0
        connection.execute(_COUNT_ON, {"name": table.name, "last": highest})


def _out(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime() | date():
            return value.isoformat()
    return value


def _in(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None if column.nullable else ""  # a CSV tells no text from nothing
    match column.type:
        case Boolean() if isinstance(value, str):
            return value == "true"
        case Integer() if isinstance(value, str):
            return int(value)
        case Instant():
            return datetime.fromisoformat(value)
        case Date():
            return date.fromisoformat(value)
        case LargeBinary():
            return base64.b64decode(value)
    return value
