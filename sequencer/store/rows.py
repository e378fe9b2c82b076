"""What every module of this room writes alike: upserts, and ids in portions that fit one statement."""

from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

IDS_PER_QUERY_MAX = 500
Id = TypeVar("Id", int, str)


def upsert(connection: Connection, table: Table) -> Any:
    """`INSERT … ON CONFLICT`, which both databases write alike but SQLAlchemy spells per dialect."""
    return upsert_for(connection.dialect.name, table)


def upsert_for(dialect: str, table: Table) -> Any:
    """The same, for a statement that is made once and kept."""
    if dialect != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # large, and an installation on SQLite never needs it

    return postgresql.insert(table)


def chunks(ids: Collection[Id]) -> Iterable[list[Id]]:
    """Ids in portions."""
    ordered = list(ids)
    return (ordered[at : at + IDS_PER_QUERY_MAX] for at in range(0, len(ordered), IDS_PER_QUERY_MAX))
