"""A database with the newest schema for each test: migrated once a run, then copied; its statements are compiled once.

SQLAlchemy compiles each statement once an engine, and every test has an engine of its own: that took longer than
running them. So all engines of a run share one dialect and what it compiled. Savepoints it would compile each time.
"""

import atexit
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Dialect, make_url, select, update

from sequencer.store.database import Database, Writer, throw_away_engine
from sequencer.store.installation_tables import DAEMONS
from sequencer.store.leases import lease_clock
from sequencer.store.migrate import migrate
from sequencer.store.tables import MAILBOXES, PROSPECTS
from tests.postgresql import missing, shared_server

BY_IDENTITY_MAX = 4096


class _Compiled(dict[Any, Any]):
    """What was compiled, by the statement's key; found by the identity of a key that was asked for before.

    A statement that is made once keeps its key, a tree of tuples, which Python would hash anew at each execution.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_identity: dict[tuple[Any, ...], tuple[Any, Any]] = {}  # with the key, or its id would be given again

    def get(self, key: Any, default: Any = None) -> Any:
        dialect, tree, *rest = key
        short = (id(dialect), id(tree), *rest)
        if (known := self._by_identity.get(short)) is not None:
            return known[1]
        if (found := super().get(key)) is None:
            return default
        if len(self._by_identity) >= BY_IDENTITY_MAX:
            self._by_identity.clear()
        self._by_identity[short] = key, found
        return found


_COMPILED: dict[str, _Compiled] = {"sqlite": _Compiled(), "postgresql": _Compiled()}
BACKENDS = ("sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql]))
ON_BOTH = pytest.mark.parametrize("backend", BACKENDS, indirect=True)  # the fixture is in tests/integration/conftest.py
ON_POSTGRESQL = pytest.mark.parametrize("backend", BACKENDS[1:], indirect=True)


@contextmanager
def on_backend(name: str) -> Iterator[None]:
    """Fresh databases are this one's until the end; those of PostgreSQL are dropped then."""
    if name == "postgresql" and (reason := missing()):
        pytest.skip(reason)
    made: list[str] = []
    _databases.append((name, made))
    try:
        yield
    finally:
        _databases.pop()
        for database in made:
            shared_server().drop(database)


# The whole suite runs on PostgreSQL with SEQUENCER_TEST_BACKEND=postgresql, but for what is about SQLite's file.
_databases: list[tuple[str, list[str]]] = [(os.environ.get("SEQUENCER_TEST_BACKEND", "sqlite"), [])]


def empty_database(folder: Path) -> str:
    """As fresh_database, but without a table."""
    backend, made = _databases[-1]
    if backend == "postgresql":
        made.append(shared_server().create())
        return shared_server().url(made[-1])
    return f"sqlite:///{folder / 'sequencer.db'}"


def fresh_database(folder: Path) -> str:
    """The URL of a new, empty database: a SQLite file in `folder`, unless the test is about PostgreSQL."""
    backend, made = _databases[-1]
    if backend == "postgresql":
        made.append(shared_server().create(_postgresql_template()))
        return shared_server().url(made[-1])
    target = folder / "sequencer.db"
    shutil.copyfile(_template(), target)
    return f"sqlite:///{target}"


def named(url: str, folder: Path) -> str:
    """The section of config.toml that names the database; "" for the one that it means by itself."""
    return "" if url == f"sqlite:///{folder / 'sequencer.db'}" else f'[database]\nurl = "{url}"\n'


def open_database(
    url: str, writer: Writer | None = None, connects: Callable[..., sqlite3.Connection] = sqlite3.Connection
) -> Database:
    """The product's own; only what it compiles is shared."""
    database = Database(url, writer, connects)
    backend = make_url(url).get_backend_name()
    database.engine.dialect = _dialect(backend)
    database.engine.update_execution_options(compiled_cache=_COMPILED[backend])
    return database


def person_numbers(connection: Connection, prospect_ids: Collection[int]) -> dict[int, int]:
    """The number of each person that a send keeps; it moves whenever what may be sent to them changes."""
    query = select(PROSPECTS.c.id, PROSPECTS.c.seq).where(PROSPECTS.c.id.in_(prospect_ids))
    return {row.id: row.seq for row in connection.execute(query)}


def age_leases(connection: Connection, by: timedelta) -> None:
    """As if this much time had passed for every lease: PostgreSQL measures them by a clock that no test moves."""
    for table, column in ((MAILBOXES, MAILBOXES.c.lease_until), (DAEMONS, DAEMONS.c.alive_until)):
        for until in set(connection.scalars(select(column).where(column.is_not(None)))):
            connection.execute(update(table).where(column == until).values({column: until - by}))


def end_leases(connection: Connection, now: datetime) -> None:
    """As if every lease had just ended, by whichever clock it is measured."""
    ended = min(now, lease_clock(connection, now))
    connection.execute(update(MAILBOXES).where(MAILBOXES.c.lease_until.is_not(None)).values(lease_until=ended))
    connection.execute(update(DAEMONS).values(alive_until=ended))


@cache
def _dialect(backend: str) -> Dialect:
    engine = throw_away_engine("sqlite://" if backend == "sqlite" else shared_server().url("postgres"))
    engine.connect().close()  # the first connection tells a dialect what its database can do
    dialect = engine.dialect
    for verb, words in _SAVEPOINTS.items():
        setattr(dialect, verb, partial(_say, words))
    return dialect


_SAVEPOINTS = {
    "do_savepoint": "SAVEPOINT", "do_release_savepoint": "RELEASE SAVEPOINT",
    "do_rollback_to_savepoint": "ROLLBACK TO SAVEPOINT",
}  # fmt: skip


def _say(words: str, connection: Connection, name: str) -> None:
    connection.exec_driver_sql(f"{words} {name}")


@cache
def _postgresql_template() -> str:
    name = shared_server().create()
    migrate(shared_server().url(name))
    return name


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="sequencer-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "sequencer.db"
    migrate(f"sqlite:///{path}")
    return path
