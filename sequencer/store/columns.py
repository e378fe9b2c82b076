"""What every table is made of: names of constraints, instants, JSON.

Beside the tables so that those read as a list of what is stored. No table is known here.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Index, MetaData, text
from sqlalchemy import Table as CoreTable
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite keeps it as text that sorts in order of time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(SQLModel):
    metadata = MetaData(naming_convention=NAMING)


def json_column() -> Any:
    return Field(sa_column=Column(JSON, nullable=False))


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows that `where` picks.

    Only SQLite's half is said here: to name PostgreSQL's loads that dialect in every program (2 MB, 40 ms). Migrations
    get it by `say_for_postgresql`.
    """
    return Index(name, *columns, unique=unique, sqlite_where=text(where))


def say_for_postgresql(metadata: MetaData) -> None:
    """Give each partial index its condition for PostgreSQL too."""
    for index in (index for table in metadata.tables.values() for index in table.indexes):
        if (where := index.dialect_kwargs.get("sqlite_where")) is not None:
            index.dialect_kwargs["postgresql_where"] = where


def core(model: type[Table]) -> CoreTable:
    """The SQLAlchemy Core table behind a model, for the hot paths."""
    return Table.metadata.tables[str(model.__tablename__)]
