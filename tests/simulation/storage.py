"""The store's seam: the product's own Database on a real SQLite file, its writes carried out at instants of the seed.

A write begins late, commits late, fails before or after its commit, or dies with its process. Triggers in the file
note every change of a send and every event under the world's own numbers, so that checkers need not trust what the
engine writes down about itself.
"""

import heapq
import itertools
import sqlite3
import struct
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from sequencer.errors import StoreError
from sequencer.store.database import Database, Writer
from tests.fresh import open_database
from tests.simulation.loop import Crashed
from tests.simulation.stage import Stage

__all__ = ["WITNESS", "daemon_database", "office_database", "synced_log"]

BEGIN_S, COMMIT_S, SLOW_S = 0.002, 0.004, 3.0
LOG_HEADER, FRAME_HEADER = 32, 24  # bytes
BACKFILLED_AT, BACKFILL_BEGUN_AT = 96, 128

WITNESS = """
CREATE TABLE witness_sends (
  mark INTEGER, at REAL, tx INTEGER, send_id INTEGER, enrollment_id INTEGER, step TEXT, attempt INTEGER,
  prospect_id INTEGER, mailbox TEXT, address TEXT, domain TEXT, account_id TEXT, sequence_id TEXT, old TEXT, new TEXT,
  fence INTEGER, message_id TEXT, process TEXT, owner TEXT, settled_by TEXT, zone TEXT, country TEXT,
  raw BLOB, wall TEXT, due TEXT
);
CREATE TABLE witness_events (
  mark INTEGER, at REAL, tx INTEGER, enrollment_id INTEGER, prospect_id INTEGER, kind TEXT, body TEXT
);
CREATE TABLE witness_merges (mark INTEGER, goes INTEGER, stays INTEGER);
CREATE TABLE witness_rules (mark INTEGER, kind TEXT, value TEXT, channel TEXT, stands INTEGER);
CREATE TABLE witness_scopes (mark INTEGER, kind TEXT, key TEXT, channel TEXT, stands INTEGER);
CREATE TRIGGER witness_send_new AFTER INSERT ON sends BEGIN
  INSERT INTO witness_sends VALUES (world_mark(), world_at(), world_tx(), NEW.id, NEW.enrollment_id, NEW.step,
    NEW.attempt, NEW.prospect_id, NEW.mailbox, NEW.address, NEW.domain, NEW.account_id, NEW.sequence_id, '', NEW.state,
    NEW.fence, NEW.message_id, world_process(), '', NEW.settled_by,
    (SELECT timezone FROM prospects WHERE id = NEW.prospect_id),
    (SELECT country FROM prospects WHERE id = NEW.prospect_id), NEW.raw, world_wall(), NEW.due_at);
  SELECT world_moves();
END;
CREATE TRIGGER witness_send_changed AFTER UPDATE ON sends
WHEN OLD.state <> NEW.state OR OLD.raw IS NOT NEW.raw OR OLD.message_id IS NOT NEW.message_id BEGIN
  INSERT INTO witness_sends VALUES (world_mark(), world_at(), world_tx(), NEW.id, NEW.enrollment_id, NEW.step,
    NEW.attempt, NEW.prospect_id, NEW.mailbox, NEW.address, NEW.domain, NEW.account_id, NEW.sequence_id, OLD.state,
    NEW.state, NEW.fence, NEW.message_id, world_process(),
    coalesce((SELECT owner FROM mailboxes WHERE address = NEW.mailbox), ''), NEW.settled_by,
    (SELECT timezone FROM prospects WHERE id = NEW.prospect_id),
    (SELECT country FROM prospects WHERE id = NEW.prospect_id), NEW.raw, world_wall(), NEW.due_at);
  SELECT world_moves() WHERE OLD.state <> NEW.state;
  SELECT world_fences() WHERE OLD.state <> NEW.state AND NEW.state = 'sending';
END;
CREATE TRIGGER witness_event AFTER INSERT ON events BEGIN
  INSERT INTO witness_events VALUES (world_mark(), world_at(), world_tx(), NEW.enrollment_id, NEW.prospect_id,
    NEW.kind, NEW.body);
  SELECT world_moves();
END;
CREATE TRIGGER witness_merge AFTER UPDATE ON prospects WHEN OLD.merged_into IS NOT NEW.merged_into BEGIN
  INSERT INTO witness_merges VALUES (world_mark(), NEW.id, NEW.merged_into);
END;
CREATE TRIGGER witness_rule_new AFTER INSERT ON suppressions BEGIN
  INSERT INTO witness_rules VALUES (world_mark(), NEW.kind, NEW.value, NEW.channel, NEW.lifted_at IS NULL);
END;
CREATE TRIGGER witness_rule AFTER UPDATE ON suppressions BEGIN
  INSERT INTO witness_rules VALUES (world_mark(), NEW.kind, NEW.value, NEW.channel, NEW.lifted_at IS NULL);
END;
CREATE TRIGGER witness_scope_new AFTER INSERT ON scopes WHEN NEW.paused_at IS NOT NULL BEGIN
  INSERT INTO witness_scopes VALUES (world_mark(), NEW.kind, NEW.key, '', 1);
END;
CREATE TRIGGER witness_scope AFTER UPDATE ON scopes WHEN OLD.paused_at IS NOT NEW.paused_at BEGIN
  INSERT INTO witness_scopes VALUES (world_mark(), NEW.kind, NEW.key, '', NEW.paused_at IS NOT NULL);
END;
"""


class _AtOnce:
    """Writes of a command: carried out where they are asked for."""

    def put(self, run: Callable[[], Any], done: "Future[Any]", urgent: bool) -> None:
        try:
            done.set_result(run())
        except BaseException as error:
            done.set_exception(error)

    def close(self) -> None:
        """Nothing waits."""


class _InVirtualTime:
    """The writer of one daemon: one write after another, urgent ones first, each taking time."""

    def __init__(self, stage: Stage, process: str) -> None:
        self._stage, self._process = stage, process
        self._dice = stage.dice(f"writer of {process}")
        self._numbers = itertools.count()
        self._waiting: list[tuple[int, int, Callable[[], Any], Future[Any]]] = []
        self._busy = False

    def put(self, run: Callable[[], Any], done: "Future[Any]", urgent: bool) -> None:
        self._stage.seam(self._process)
        if self._stage.loop.inline:  # a thread that waits for its write: nothing else runs meanwhile
            try:
                done.set_result(self._carried_out(run))
            except BaseException as error:
                done.set_exception(error)
            return
        heapq.heappush(self._waiting, (0 if urgent else 1, next(self._numbers), run, done))
        if not self._busy:
            self._begin()

    def close(self) -> None:
        """What waits is lost with its process."""

    def _begin(self) -> None:
        self._busy = True
        self._stage.loop.call_later(self._dice.random() * BEGIN_S, self._next)

    def _next(self) -> None:
        _, _, run, done = heapq.heappop(self._waiting)
        result, error, fences = None, None, self._stage.fences
        try:
            result = self._carried_out(run)
        except Crashed:
            return
        except BaseException as raised:
            error = raised
        self._stage.loop.call_later(self._took_s(self._stage.fences > fences), self._end, done, result, error)

    def _took_s(self, fenced: bool) -> float:
        """How long the commit takes; too long for a dot at a fence now and then, which is seldom hit by chance."""
        faults = self._stage.faults
        slow = faults.hit("slow commit") or (fenced and faults.hit("slow commit at a fence"))
        return SLOW_S if slow else self._dice.random() * COMMIT_S

    def _end(self, done: "Future[Any]", result: Any, error: BaseException | None) -> None:
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)
        self._busy = False
        if self._waiting:
            self._begin()

    def _carried_out(self, run: Callable[[], Any]) -> Any:
        result = run()
        faults = self._stage.faults
        if faults.hit("crash just after commit") or (self._stage.storing and faults.hit("crash while mail is stored")):
            self._stage.crash(self._process, "just after a commit")
            raise Crashed(self._process)
        if self._stage.faults.hit("connection lost after COMMIT"):
            raise StoreError("the connection to the database was lost")
        return result


def office_database(stage: Stage, url: str) -> Database:
    """For commands and for the world itself: never fails."""
    return _opened(url, _AtOnce(), partial(_Watched, stage, ""))


def daemon_database(stage: Stage, url: str, process: str) -> Database:
    """For one daemon's life."""
    return _opened(url, _InVirtualTime(stage, process), partial(_Breaking, stage, process))


def _opened(url: str, writer: Writer, connects: Callable[..., sqlite3.Connection]) -> Database:
    database = open_database(url, writer, connects)
    shared = database.engine.pool
    database.engine.pool = _OfOneThread(shared._creator, dialect=shared._dialect, _dispatch=shared.dispatch)
    vars(database.engine)["connect"] = partial(_connected, database.engine)
    return database


def _connected(engine: Engine) -> Connection:
    pool = engine.pool
    assert isinstance(pool, _OfOneThread)
    return pool.kept.pop() if pool.kept else _Kept(engine, pool)


class _Kept(Connection):
    """Is used again after its end, because to make one for each transaction costs as much as two statements.

    Not after a commit that failed: then only the pool rolls back.
    """

    def __init__(self, engine: Engine, pool: "_OfOneThread") -> None:
        super().__init__(engine)
        self._pool, self._driver = pool, self.connection.driver_connection

    def close(self) -> None:
        assert isinstance(self._driver, sqlite3.Connection)
        if self.in_transaction() or self.invalidated or self._driver.in_transaction:
            super().close()
        else:
            self._pool.kept.append(self)


class _OfOneThread(Pool):
    """Lends connections as the product's pool does, the one used last first, but without its locks.

    `kept`: those that are still taken out of it, and wait for the next transaction.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._idle: list[ConnectionPoolEntry] = []
        self.kept: list[Connection] = []

    def _do_get(self) -> ConnectionPoolEntry:
        return self._idle.pop() if self._idle else self._create_connection()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        self._idle.append(record)

    def dispose(self) -> None:
        while self.kept:
            Connection.close(self.kept.pop())
        while self._idle:
            self._idle.pop().close()

    def recreate(self) -> Pool:
        return _OfOneThread(self._creator, dialect=self._dialect, _dispatch=self.dispatch)


class _Watched(sqlite3.Connection):
    """A connection to the file: what the triggers note bears the world's own numbers.

    At the driver and not at SQLAlchemy's events, which would cost every statement of every seed as much again.
    """

    def __init__(self, stage: Stage, process: str, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.stage, self.process = stage, process
        self.create_function("world_mark", 0, stage.record.mark)
        self.create_function("world_at", 0, stage.clock.monotonic)
        self.create_function("world_tx", 0, lambda: stage.transactions)
        self.create_function("world_moves", 0, self._moves)
        self.create_function("world_fences", 0, self._fences)
        self.create_function("world_process", 0, lambda: process)
        self.create_function("world_wall", 0, lambda: stage.clock.now().isoformat())

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        done = super().execute(statement, *parameters)
        if statement.startswith("BEGIN"):
            self.stage.transactions += 1
        return done

    def _moves(self) -> None:
        self.stage.moves += 1

    def _fences(self) -> None:
        self.stage.fences += 1


class _Breaking(_Watched):
    """A daemon's connection. `writes`: whether the transaction that was begun last is one that writes."""

    def __init__(self, stage: Stage, process: str, file: str, *arguments: Any, **options: Any) -> None:
        self.file, self.writes = Path(file), False
        self._strikes = any(stage.faults.plays(name) for name in ("EIO at a write", "crash at a write, torn log"))
        super().__init__(stage, process, file, *arguments, **options)

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        self.writes = statement == "BEGIN IMMEDIATE"
        self.strike(statement)
        done = super().execute(statement, *parameters)
        if statement.startswith("BEGIN"):
            self.stage.seam(self.process)
            if self.writes and self.stage.faults.hit("database locked"):
                raise sqlite3.OperationalError("database is locked")
        return done

    def commit(self) -> None:
        self.stage.touch(self.process)
        if self.writes and self.stage.faults.hit("disk full"):
            raise sqlite3.OperationalError("database or disk is full")
        super().commit()

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or (_Striking if self._strikes else sqlite3.Cursor))

    def strike(self, statement: str) -> None:
        """What may happen at a statement that writes."""
        if not self.writes or statement.startswith("SELECT"):
            return
        if self.stage.faults.hit("EIO at a write"):
            raise sqlite3.OperationalError("disk I/O error")
        if self.stage.faults.hit("crash at a write, torn log"):
            _tear(self.stage, self.file)
            self.stage.crash(self.process, "at a write")
            raise Crashed(self.process)


class _Striking(sqlite3.Cursor):
    """A cursor of a connection whose statements may fail."""

    connection: _Breaking

    def execute(self, statement: str, *parameters: Any) -> Any:
        self.connection.strike(statement)
        return super().execute(statement, *parameters)

    def executemany(self, statement: str, rows: Any, /) -> Any:
        self.connection.strike(statement)
        return super().executemany(statement, rows)


def _tear(stage: Stage, file: Path) -> None:
    """What a power cut leaves: the file, and a log that ends anywhere behind what is surely on the disk.

    It has to open, sound, on a state that was.
    """
    copy = file.with_name(f"torn-{stage.transactions}.db")
    copy.write_bytes(file.read_bytes())
    log = file.with_name(f"{file.name}-wal")
    if log.exists():
        whole = log.read_bytes()
        kept = max(stage.dice(f"tear {stage.transactions}").randrange(len(whole) + 1), synced_log(file))
        copy.with_name(f"{copy.name}-wal").write_bytes(whole[:kept])
    connection = sqlite3.connect(copy)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            stage.problems.append(f"after a crash at a write the file is not sound: {found[0][0]}")
        connection.execute("SELECT count(*) FROM events").fetchall()
    except sqlite3.Error as error:
        stage.problems.append(f"after a crash at a write the file does not open: {error}")
    finally:
        connection.close()


def synced_log(file: Path) -> int:
    """How many bytes of the log a power cut cannot take: SQLite syncs them before a checkpoint begins.

    By SQLite's "WAL-mode File Format", which places the numbers of the checkpoint in the index of the log.
    """
    index = Path(f"{file}-shm").read_bytes()
    _, _, page_size = struct.unpack(">III", Path(f"{file}-wal").read_bytes()[:12].ljust(12, b"\0"))
    begun = max(struct.unpack_from("=I", index, at)[0] for at in (BACKFILLED_AT, BACKFILL_BEGUN_AT))
    return LOG_HEADER + begun * (FRAME_HEADER + page_size) if begun else 0
