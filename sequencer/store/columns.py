"""What every table is made of: names of constraints, instants, JSON.

Beside the tables so that those read as a list of what is stored. No table is known here.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Index, MetaData, String, text
from sqlalchemy import Table as CoreTable
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
ITS_OFFSET = "+00:00"  # SQLite's text goes without it


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

    def bind_processor(self, dialect: Dialect) -> Any:
        """For SQLite at once, where SQLAlchemy takes three steps: nearly every statement carries an instant."""
        return _to_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _to_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value.astimezone(UTC).isoformat(" ", "microseconds").removesuffix(ITS_OFFSET)


def _from_text(kept: str | None) -> datetime | None:
    return None if kept is None else datetime.fromisoformat(kept + ITS_OFFSET)


class Word(String):
    """A word of ours that says how a row stands; statements that look for one have it written out, not bound.

    Partial indexes are chosen by such words. SQLite prepares a statement anew each time that a bound one is given to it
    (15 us and more, where 3 are enough), and PostgreSQL's general plan cannot use the index at all.
    """

    class Comparator(String.Comparator[str]):
        def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
            return super().operate(op, *map(_written_out, other), **kwargs)

    comparator_factory = Comparator


def _written_out(other: Any) -> Any:
    if isinstance(other, tuple | list):
        return [_written_out(each) for each in other]
    if isinstance(other, str):
        return _WrittenOut(other)
    return other


_ITS_KEY = [("word", InternalTraversal.dp_string)]  # by which statements with the same word are the same one


class _WrittenOut(ColumnElement[str]):
    """A string that stands in its statement as a literal, quoted by the dialect."""

    _traverse_internals = _ITS_KEY
    type = String()

    def __init__(self, word: str) -> None:
        self.word = word


@compiles(_WrittenOut)
def _(element: _WrittenOut, compiler: SQLCompiler, **_options: Any) -> str:
    return compiler.render_literal_value(element.word, element.type)


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
