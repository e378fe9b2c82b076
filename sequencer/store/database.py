"""The connection to the database: one writer thread a process, readers beside it.

On SQLite every write is one BEGIN IMMEDIATE transaction of the writer thread, with a short pause after each, so that
another process is never starved (a CLI stop waited up to 2.3 s behind a busy daemon without it); urgent work goes
first. On PostgreSQL the same thread keeps the same order, and processes take turns in the order of asking
(store/postgresql.py). No table is known here, and nothing blocks the event loop.
"""

import asyncio
import itertools
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from sequencer.errors import NotFound, StoreError

FROZEN_AFTER_S = 60.0
PAUSE_S_BETWEEN_WRITES = 0.002
BUSY_S = 30.0  # as "PRAGMA busy_timeout" below has it
NUMBER_TOO_LARGE = "22003"  # PostgreSQL's SQLSTATE; SQLite's driver raises OverflowError beyond 64 bits
READERS_MAX = 8
T = TypeVar("T")


class Writer(Protocol):
    """Carries out writes one after another, urgent ones first, and settles each one's future."""

    def put(self, run: Callable[[], Any], done: "Future[Any]", urgent: bool) -> None:
        """Have `run` carried out; `done` gets its result or its exception."""
        ...

    def close(self) -> None:
        """Finish what was put."""
        ...


class WriterThread:
    """One thread of its own, with a pause after each write."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._numbers = itertools.count()
        self._jobs: queue.PriorityQueue[tuple[int, int, Callable[[], Any] | None, Future[Any]]] = queue.PriorityQueue()
        self._thread = threading.Thread(target=self._write_all, name="store-writer", daemon=True)
        self._thread.start()

    def put(self, run: Callable[[], Any], done: "Future[Any]", urgent: bool) -> None:
        self._jobs.put((0 if urgent else 1, next(self._numbers), run, done))

    def close(self) -> None:
        self._jobs.put((2, next(self._numbers), None, Future()))
        self._thread.join()

    def _write_all(self) -> None:
        while True:
            _, _, run, done = self._jobs.get()
            if run is None:
                return
            if done.set_running_or_notify_cancel():
                _settle(run, done)
                time.sleep(self._pause_s)


def _settle(run: Callable[[], Any], done: "Future[Any]") -> None:
    try:
        result = run()
    except BaseException as error:
        done.set_exception(error)
    else:
        done.set_result(result)


class Database:
    """Reads and writes as functions of a connection: `database.write(lambda connection: …)`.

    A function given to `write` is one durable transaction: committed when the call returns, rolled back if it raises.
    `writer` None: a thread of its own. `connects`: what SQLite's driver makes its connections by. `frozen_after_s`: on
    PostgreSQL, how long a process may say nothing in mid-transaction before others write again.
    Raises: StoreError, when the database refuses; whatever the function raises.
    """

    def __init__(
        self, url: str, writer: Writer | None = None, connects: Callable[..., sqlite3.Connection] = sqlite3.Connection
    ) -> None:
        self.url = url
        self.frozen_after_s = FROZEN_AFTER_S
        self.engine = _engine(url, connects)
        self._on_sqlite = self.engine.dialect.name == "sqlite"
        self._writer = writer or WriterThread(PAUSE_S_BETWEEN_WRITES if self._on_sqlite else 0.0)

    def submit(self, work: Callable[[Connection], T], *, urgent: bool = False) -> "Future[T]":
        """Queue `work` for the writer."""
        done: Future[T] = Future()
        self._writer.put(lambda: self._transact(work), done, urgent)
        return done

    def write(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """Run `work` in one transaction and return its result. Not for the event loop's thread."""
        return self.submit(work, urgent=urgent).result()

    async def awrite(self, work: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """`write` for coroutines. A cancelled caller does not cancel the transaction."""
        return await asyncio.shield(asyncio.wrap_future(self.submit(work, urgent=urgent)))

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a snapshot of the database."""
        with refusals(), self.engine.connect() as connection:
            if not self._on_sqlite:
                connection.execution_options(**_postgresql().SNAPSHOT)
            with connection.begin():
                if self._on_sqlite:
                    _begin_sqlite(connection, "BEGIN")
                return work(connection)

    async def aread(self, work: Callable[[Connection], T]) -> T:
        """`read` for coroutines."""
        return await asyncio.to_thread(self.read, work)

    def close(self) -> None:
        """Finish what is queued, then let go of the database."""
        self._writer.close()
        self.engine.dispose()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with refusals(), self.engine.connect() as connection, connection.begin():
            begin_write(connection, self.frozen_after_s)
            return work(connection)


class refusals:  # noqa: N801  reads as the word it is in a with statement
    """Turn the driver's refusals into StoreError, in words for a person."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PendingRollbackError):  # somebody went on after the refusal that told more
            raise StoreError("the connection to the database was lost in mid-transaction") from error
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise StoreError(f"the connection to the database was lost: {_said(error)}") from error
        too_large = isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == NUMBER_TOO_LARGE
        if too_large or (isinstance(error, OverflowError) and "SQLite" in str(error)):
            raise NotFound("there is no such number: it is larger than any that is given out") from error
        if isinstance(error, DBAPIError) and is_refusal(error):
            raise StoreError(f"the database refuses: {_said(error)}") from error


def _said(error: DBAPIError) -> str:
    """The driver's first line: on further ones PostgreSQL quotes statements and values."""
    return next(iter(str(error.orig).splitlines()), type(error.orig).__name__)


def is_refusal(error: Exception) -> bool:
    """Whether the database itself refuses (full, locked, gone), whatever was asked of it; no one row is to blame."""
    return isinstance(error, DBAPIError | PendingRollbackError) and not isinstance(error, IntegrityError)


def sqlite_file(url: str) -> Path | None:
    """The database's file, None for another database or one in memory."""
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite" or not parts.database or parts.database == ":memory:":
        return None
    return Path(parts.database)


def _engine(url: str, connects: Callable[..., sqlite3.Connection]) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        # The ping finds out that the server was restarted before anything is asked of it.
        pooled: Engine = _postgresql().engine(url, pool_size=READERS_MAX, pool_pre_ping=True)
        return pooled
    in_memory = sqlite_file(url) is None
    options = {"check_same_thread": False, "factory": connects}
    engine = (
        create_engine(url, poolclass=StaticPool, hide_parameters=True, connect_args=options)
        if in_memory
        else create_engine(
            url,
            poolclass=QueuePool,
            pool_size=READERS_MAX,
            pool_use_lifo=True,  # the one used last has its pages and statements; the others need none
            hide_parameters=True,
            connect_args=options,
        )
    )
    set_up_sqlite(engine)
    return engine


def set_up_sqlite(engine: Engine, *, foreign_keys: bool = True) -> None:
    """Our pragmas, and no transactions of the driver's own, which make DDL untransactional: we begin them ourselves."""

    @event.listens_for(engine, "connect")
    def _(driver_connection: Any, _record: Any) -> None:
        driver_connection.isolation_level = None
        for pragma in (
            "PRAGMA busy_timeout=30000",
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "PRAGMA foreign_keys=ON" if foreign_keys else "PRAGMA foreign_keys=OFF",
            "PRAGMA secure_delete=ON",
            "PRAGMA cache_size=-6000",
        ):
            driver_connection.execute(pragma).close()


def begin_write(connection: Connection, frozen_after_s: float = FROZEN_AFTER_S) -> None:
    """First in a transaction that writes: nobody else does until it ends."""
    if connection.dialect.name == "sqlite":
        _begin_sqlite(connection, "BEGIN IMMEDIATE")
    else:
        _postgresql().take_turn(connection, frozen_after_s)


def _begin_sqlite(connection: Connection, statement: str) -> None:
    """Past SQLAlchemy: its events would cost every statement more than this one does."""
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        driver.execute(statement).close()
    except sqlite3.Error as error:
        raise StoreError(f"the database refuses: {error}") from error


def throw_away_engine(url: str) -> Engine:
    """An engine for one migration: no pool, foreign keys off because batch mode rebuilds tables."""
    if make_url(url).get_backend_name() != "sqlite":
        unpooled: Engine = _postgresql().engine(url, NullPool)
        return unpooled
    engine = create_engine(url, poolclass=NullPool)
    set_up_sqlite(engine, foreign_keys=False)
    return engine


def _postgresql() -> ModuleType:
    """Loaded for such a database alone: an installation on SQLite needs neither the module nor its driver."""
    try:
        from sequencer.store import postgresql
    except ImportError as error:
        raise StoreError(f"the driver of PostgreSQL cannot be loaded: {error}") from None
    return postgresql
