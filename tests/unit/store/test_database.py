"""Transactions, the writer's order, migrations."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, insert, select

from sequencer.errors import SchemaTooNew, StoreError
from sequencer.store.database import Database
from sequencer.store.migrate import alembic_config, migrate, revision
from sequencer.store.tables import META


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
    with sqlite3.connect(url.removeprefix("sqlite:///")) as other:
        assert other.execute("SELECT value FROM meta WHERE key='seen'").fetchall() == [("x",)]


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
    with pytest.raises(StoreError, match="no such table"):
        database.read(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))


def test_the_models_and_the_migrations_agree(url: str) -> None:
    config = alembic_config()
    config.set_main_option("sqlalchemy.url", url)
    command.check(config)


def test_migrating_twice_changes_nothing(url: str) -> None:
    assert migrate(url) == migrate(url) == revision(url)


def test_a_newer_schema_is_refused(url: str) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        raw.execute("UPDATE alembic_version SET version_num='9999'")
    with pytest.raises(SchemaTooNew, match="9999"):
        migrate(url)


def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sequencer.db'}"
    code = "import sys; from sequencer.store.migrate import migrate; migrate(sys.argv[1])"
    running = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(3)]
    assert [process.wait(30) for process in running] == [0, 0, 0]
    assert revision(url)
