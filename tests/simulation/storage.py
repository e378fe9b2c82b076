"""The store's seam: the product's own Database on a real SQLite file, its writes carried out at instants of the seed.

A write begins late, commits late, fails before or after its commit, or dies with its process. Triggers in the file
note every change of a send and every event under the world's own numbers, so that checkers need not trust what the
engine writes down about itself.
"""

import heapq
import itertools
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from sequencer.errors import StoreError
from sequencer.store.database import Database
from tests.fresh import open_database
from tests.simulation.loop import Crashed
from tests.simulation.stage import Stage

__all__ = ["WITNESS", "daemon_database", "office_database"]

BEGIN_S, COMMIT_S, SLOW_S = 0.002, 0.004, 3.0

WITNESS = """
CREATE TABLE witness_sends (
  mark INTEGER, at REAL, tx INTEGER, send_id INTEGER, enrollment_id INTEGER, step TEXT, attempt INTEGER,
  prospect_id INTEGER, mailbox TEXT, address TEXT, domain TEXT, account_id TEXT, sequence_id TEXT, old TEXT, new TEXT,
  fence INTEGER, message_id TEXT, process TEXT, owner TEXT, settled_by TEXT, raw BLOB, wall TEXT
);
CREATE TABLE witness_events (
  mark INTEGER, at REAL, tx INTEGER, enrollment_id INTEGER, prospect_id INTEGER, kind TEXT, body TEXT
);
CREATE TABLE witness_rules (mark INTEGER, kind TEXT, value TEXT, channel TEXT, stands INTEGER);
CREATE TABLE witness_scopes (mark INTEGER, kind TEXT, key TEXT, channel TEXT, stands INTEGER);
CREATE TRIGGER witness_send_new AFTER INSERT ON sends BEGIN
  INSERT INTO witness_sends VALUES (world_mark(), world_at(), world_tx(), NEW.id, NEW.enrollment_id, NEW.step,
    NEW.attempt, NEW.prospect_id, NEW.mailbox, NEW.address, NEW.domain, NEW.account_id, NEW.sequence_id, '', NEW.state,
    NEW.fence, NEW.message_id, world_process(), '', NEW.settled_by, NEW.raw, world_wall());
  SELECT world_moves();
END;
CREATE TRIGGER witness_send_changed AFTER UPDATE ON sends
WHEN OLD.state <> NEW.state OR OLD.raw IS NOT NEW.raw OR OLD.message_id IS NOT NEW.message_id BEGIN
  INSERT INTO witness_sends VALUES (world_mark(), world_at(), world_tx(), NEW.id, NEW.enrollment_id, NEW.step,
    NEW.attempt, NEW.prospect_id, NEW.mailbox, NEW.address, NEW.domain, NEW.account_id, NEW.sequence_id, OLD.state,
    NEW.state, NEW.fence, NEW.message_id, world_process(),
    coalesce((SELECT owner FROM mailboxes WHERE address = NEW.mailbox), ''), NEW.settled_by, NEW.raw, world_wall());
  SELECT world_moves() WHERE OLD.state <> NEW.state;
END;
CREATE TRIGGER witness_event AFTER INSERT ON events BEGIN
  INSERT INTO witness_events VALUES (world_mark(), world_at(), world_tx(), NEW.enrollment_id, NEW.prospect_id,
    NEW.kind, NEW.body);
  SELECT world_moves();
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
        result, error = None, None
        try:
            result = self._carried_out(run)
        except Crashed:
            return
        except BaseException as raised:
            error = raised
        took_s = SLOW_S if self._stage.faults.hit("slow commit") else self._dice.random() * COMMIT_S
        self._stage.loop.call_later(took_s, self._end, done, result, error)

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
    database = open_database(url, _AtOnce())
    _observe(stage, database, "")
    return database


def daemon_database(stage: Stage, url: str, process: str) -> Database:
    """For one daemon's life."""
    database = open_database(url, _InVirtualTime(stage, process))
    _observe(stage, database, process)
    _break(stage, database, process)
    return database


def _observe(stage: Stage, database: Database, process: str) -> None:
    def moves() -> None:
        stage.moves += 1

    @event.listens_for(database.engine, "connect")
    def _(driver_connection: Any, _record: Any) -> None:
        driver_connection.create_function("world_mark", 0, stage.record.mark)
        driver_connection.create_function("world_at", 0, lambda: stage.clock.monotonic())
        driver_connection.create_function("world_tx", 0, lambda: stage.transactions)
        driver_connection.create_function("world_moves", 0, moves)
        driver_connection.create_function("world_process", 0, lambda: process)
        driver_connection.create_function("world_wall", 0, lambda: stage.clock.now().isoformat())

    @event.listens_for(database.engine, "begin")
    def _(connection: Connection) -> None:
        stage.transactions += 1


def _break(stage: Stage, database: Database, process: str) -> None:
    faults = stage.faults

    @event.listens_for(database.engine, "begin")
    def _(connection: Connection) -> None:
        stage.seam(process)
        if _writes(connection) and faults.hit("database locked"):
            raise _refusal("BEGIN IMMEDIATE", "database is locked")

    @event.listens_for(database.engine, "commit")
    def _(connection: Connection) -> None:
        stage.touch(process)
        if _writes(connection) and faults.hit("disk full"):
            raise _refusal("COMMIT", "database or disk is full")

    if not any(faults.plays(name) for name in ("EIO at a write", "crash at a write, torn log")):
        return

    @event.listens_for(database.engine, "before_cursor_execute")
    def _(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if not _writes(connection) or statement.startswith("SELECT"):
            return
        if faults.hit("EIO at a write"):
            raise _refusal(statement, "disk I/O error")
        if faults.hit("crash at a write, torn log"):
            _tear(stage, Path(str(database.engine.url.database)))
            stage.crash(process, "at a write")
            raise Crashed(process)


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes"))


def _refusal(statement: str, words: str) -> OperationalError:
    return OperationalError(statement, None, sqlite3.OperationalError(words))


def _tear(stage: Stage, file: Path) -> None:
    """What a power cut leaves: the file and a log that ends anywhere. It has to open, sound, on a state that was."""
    copy = file.with_name(f"torn-{stage.transactions}.db")
    copy.write_bytes(file.read_bytes())
    log = file.with_name(f"{file.name}-wal")
    if log.exists():
        whole = log.read_bytes()
        kept = stage.dice(f"tear {stage.transactions}").randrange(len(whole) + 1)
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
