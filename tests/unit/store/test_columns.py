"""Partial indexes say their condition to both databases, though the tables name one."""

from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex

from sequencer.store.columns import partial_index, say_for_postgresql


def test_a_partial_index_is_partial_on_both_databases() -> None:
    metadata, index = MetaData(), partial_index("ix_open", "due", where="due > 0", unique=True)
    Table("jobs", metadata, Column("due", Integer), index)
    say_for_postgresql(metadata)
    for dialect in (sqlite.dialect(), postgresql.dialect()):  # type: ignore[no-untyped-call]
        assert (
            str(CreateIndex(index).compile(dialect=dialect))
            == "CREATE UNIQUE INDEX ix_open ON jobs (due) WHERE due > 0"
        )
