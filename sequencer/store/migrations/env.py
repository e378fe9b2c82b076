"""Alembic runs this file: inside migrate()'s transaction, or on a database of its own for a new revision."""

from alembic import context
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from sequencer.store import installation_tables, tables  # noqa: F401  env needs every table to be known
from sequencer.store.columns import Table, say_for_postgresql


def run(connection: Connection) -> None:
    say_for_postgresql(Table.metadata)
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        compare_type=True,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    with create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=NullPool).begin() as own:
        run(own)
