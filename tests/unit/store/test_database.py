"""Transactions, the writer's order, migrations."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.exc import DBAPIError

from sequencer.errors import NotFound, SchemaTooNew, StoreError
from sequencer.store.database import Database
from sequencer.store.migrate import alembic_config, migrate, revision, revisions
from sequencer.store.sends import load_sends
from sequencer.store.tables import META
from tests.fresh import BACKENDS, open_database

ON_POSTGRESQL = pytest.mark.parametrize("url", BACKENDS[1:], indirect=True)


def put(connection: Connection, key: str) -> None:
    connection.execute(insert(META).values(key=key, value="x"))


def keys(database: Database) -> set[str]:
    return set(database.read(lambda connection: list(connection.scalars(select(META.c.key)))))


def test_a_write_that_raises_leaves_nothing(database: Database) -> None:
    def half(connection: Connection) -> None:
        put(connection, "half")
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        database.write(half)
    database.write(lambda connection: put(connection, "whole"))
    assert keys(database) == {"whole"}


def test_what_is_written_is_there_for_another_process(database: Database, url: str) -> None:
    database.write(lambda connection: put(connection, "seen"))
    with closing(open_database(url)) as other:
        assert keys(other) == {"seen"}


def test_urgent_work_goes_first(database: Database) -> None:
    order: list[str] = []
    began, go = threading.Event(), threading.Event()

    def blocker(connection: Connection) -> None:
        began.set()
        go.wait(5)

    first = database.submit(blocker)
    began.wait(5)
    later = [database.submit(lambda connection: order.append("usual")) for _ in range(3)]
    urgent = database.submit(lambda connection: order.append("urgent"), urgent=True)
    go.set()
    for job in (first, *later, urgent):
        job.result(5)
    assert order == ["urgent", "usual", "usual", "usual"]


def test_a_refusal_of_the_database_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "sequencer.db").write_bytes(b"this is no database, but it is long enough to be looked at" * 20)
    with pytest.raises(StoreError, match="not a database"):
        migrate(f"sqlite:///{tmp_path / 'sequencer.db'}")


def test_an_error_of_the_driver_is_a_store_error(database: Database, url: str) -> None:
    with pytest.raises(StoreError, match=r"no such table|does not exist"):
        database.read(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))


def test_a_number_beyond_all_numbers_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="larger than any"):
        database.read(lambda connection: load_sends(connection, [10**20]))


def test_the_models_and_the_migrations_agree(url: str) -> None:
    config = alembic_config()
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.check(config)


def test_migrating_twice_changes_nothing(url: str) -> None:
    assert migrate(url) == migrate(url) == revision(url)


def become(database: Database, schema: str) -> None:
    database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num=:n"), {"n": schema}))


def test_a_newer_schema_is_refused(database: Database, url: str) -> None:
    become(database, "9999")
    with pytest.raises(SchemaTooNew, match="9999"):
        migrate(url)


@ON_POSTGRESQL
def test_a_server_s_schema_is_changed_only_when_somebody_asks(database: Database, url: str) -> None:
    become(database, "0003")
    with pytest.raises(StoreError, match="pg_dump"):
        migrate(url)
    assert revision(url) == "0003"


@ON_POSTGRESQL
def test_a_writer_that_froze_is_cut_off_and_the_others_go_on(database: Database, url: str) -> None:
    began, go = threading.Event(), threading.Event()

    def freeze(connection: Connection) -> None:
        put(connection, "half")
        began.set()
        go.wait(60)
        put(connection, "other half")

    with closing(open_database(url)) as other:
        other.frozen_after_s = 0.5
        frozen = other.submit(freeze)
        began.wait(30)
        database.write(lambda connection: put(connection, "ours"))
        go.set()
        with pytest.raises(StoreError):
            frozen.result(30)
        other.write(lambda connection: put(connection, "theirs, later"))
    assert keys(database) == {"ours", "theirs, later"}


@ON_POSTGRESQL
def test_a_writer_that_froze_between_the_rows_of_one_statement_is_cut_off_too(database: Database, url: str) -> None:
    """In a pipeline, as the driver would send them, the server takes silence for work and waits for ever."""
    began, go = threading.Event(), threading.Event()

    class Freezing(str):
        __slots__ = ()

        def __contains__(self, part: object) -> bool:  # asked by our dumper, when this row is about to be sent
            began.set()
            go.wait(60)
            return False

    rows = [{"key": "first", "value": "x"}, {"key": "second", "value": "x"}, {"key": "third", "value": Freezing("x")}]
    with closing(open_database(url)) as other:
        other.frozen_after_s = 0.5
        frozen = other.submit(lambda connection: connection.execute(insert(META), rows))
        began.wait(30)
        database.write(lambda connection: put(connection, "ours"))
        go.set()
        with pytest.raises(StoreError):
            frozen.result(30)
    assert keys(database) == {"ours"}


@ON_POSTGRESQL
def test_a_connection_that_is_lost_is_a_refusal_also_to_whoever_goes_on_after_it(database: Database) -> None:
    """One transaction carries outcomes and fences: an outcome is offered again when it fails at a fence."""

    def swallows(connection: Connection) -> None:
        put(connection, "outcome")
        with suppress(DBAPIError), connection.begin_nested():
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StoreError, match="connection to the database was lost"):
        database.write(swallows)
    database.write(lambda connection: put(connection, "again"))
    assert keys(database) == {"again"}


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with closing(Database(f"postgresql+psycopg://nobody@/none?host={tmp_path}")) as absent:
        with pytest.raises(StoreError, match="connection") as refused:
            absent.read(lambda connection: None)
        assert "\n" not in str(refused.value)


def test_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    code = "import sys; from sequencer.store.migrate import migrate; migrate(sys.argv[1])"
    running = [subprocess.Popen([sys.executable, "-c", code, empty_url]) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert revision(empty_url) == revisions()[-1]


def test_a_reader_sees_one_snapshot_while_the_writer_commits(database: Database) -> None:
    def read_twice(connection: Connection) -> tuple[set[str], set[str]]:
        first = set(connection.scalars(select(META.c.key)))
        database.write(lambda writer: put(writer, "meanwhile"))
        return first, set(connection.scalars(select(META.c.key)))

    assert database.read(read_twice) == (set(), set())
    assert keys(database) == {"meanwhile"}


async def test_a_caller_that_is_cancelled_leaves_the_transaction_whole(database: Database) -> None:
    began, go = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        put(connection, "one")
        began.set()
        go.wait(5)
        put(connection, "other")

    caller = asyncio.create_task(database.awrite(slow))
    await asyncio.to_thread(began.wait, 5)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go.set()
    await database.awrite(lambda connection: None)
    assert keys(database) == {"one", "other"}


def test_a_write_waits_for_another_process_that_writes(database: Database, url: str) -> None:
    began, go = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        put(connection, "theirs")
        began.set()
        go.wait(30)

    def follow(connection: Connection) -> list[str]:
        seen = list(connection.scalars(select(META.c.key)))
        put(connection, "ours")
        return seen

    with closing(open_database(url)) as other:
        first = other.submit(slow)
        began.wait(30)
        second = database.submit(follow)
        assert keys(database) == set()
        assert not second.done()
        go.set()
        first.result(30)
        assert second.result(30) == ["theirs"]
    assert keys(database) == {"ours", "theirs"}


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_full_disk_is_a_store_error_and_leaves_nothing_half_written(database: Database) -> None:
    full = True

    def bound(driver_connection: sqlite3.Connection, *_: object) -> None:
        pages = driver_connection.execute("PRAGMA page_count").fetchone()[0] if full else 1_000_000
        driver_connection.execute(f"PRAGMA max_page_count = {pages}")

    def many(connection: Connection) -> None:
        for number in range(500):
            connection.execute(insert(META).values(key=f"{number}", value="x" * 1000))

    event.listen(database.engine, "checkout", bound)
    with pytest.raises(StoreError, match="full"):
        database.write(many)
    assert keys(database) == set()
    full = False
    database.write(many)
    assert len(keys(database)) == 500


def test_a_refused_statement_tells_no_values(database: Database) -> None:
    with pytest.raises(StoreError) as refused:
        database.write(lambda c: c.execute(text("INSERT INTO nowhere VALUES (:who)"), {"who": "jo@acme.test"}))
    assert "jo@acme.test" not in f"{refused.value}{refused.value.__cause__}"
