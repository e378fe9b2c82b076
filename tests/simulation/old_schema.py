"""The fault "upgrade with old state": the rows are an older version's, and somebody upgrades in the middle of the work.

The older schema is one of those that can hold all that the rows say, because what came with a later one is not used
yet. The rows are carried into it, and the product's own migration brings them back: not one may say anything else then.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from shutil import copyfile

from sequencer.app import App
from sequencer.store.migrate import migrate, revisions, upgrade
from tests.simulation.premises import premises
from tests.simulation.stage import WILD_DAYS, Stage
from tests.simulation.storage import WITNESS

__all__ = ["FAULT", "OldSchema", "carried_back", "different", "holding"]

FAULT = "upgrade with old state"
# What an older version did not note and the next daemon finds out anew; "*": the whole table.
FOUND_OUT_ANEW = {
    ("daemons", "*"), ("mailboxes", "answers_read_at"), ("mailboxes", "answers_read_by"), ("cursors", "messages_left"),
}  # fmt: skip
# What a migration says of the rows that are there, where that is not the column's default.
SAID_BY_MIGRATION = {("suppressions", "opt_out"): "kind IN ('person', 'address')"}


class OldSchema:
    """`file` is the database that `app` has open."""

    def __init__(self, stage: Stage, app: App, file: Path) -> None:
        self._stage, self._app, self._file = stage, app, file
        self._dice = stage.dice(FAULT)

    def plan(self, end_all: Callable[[], None]) -> None:
        """`end_all` ends every daemon; supervisors start others."""
        if self._stage.faults.plays(FAULT):
            day, hour = self._dice.randrange(WILD_DAYS), self._dice.uniform(0.5, 14)
            self._stage.later(day * 86_400 + hour * 3600, self._upgrade, end_all)

    def _upgrade(self, end_all: Callable[[], None]) -> None:
        able = holding(self._file)
        if not able or not self._stage.faults.hit(FAULT):
            return
        end_all()
        self._app.database.engine.dispose()
        older = self._dice.choice(able)
        given_up = carried_back(self._file, older)
        migrate(f"sqlite:///{self._file}")
        _watch_on(self._file, given_up)
        for table in different(self._file, given_up):
            self._stage.problems.append(f"the upgrade from schema {older} changed what {table} says")
        given_up.unlink()
        self._stage.say(f"upgraded from schema {older}")


def holding(file: Path) -> list[str]:
    """The older schemas that lack nothing which this database uses."""
    with closing(sqlite3.connect(file)) as connection:
        return [each for each in revisions()[:-1] if not any(_lost(connection, each))]


def carried_back(file: Path, revision: str) -> Path:
    """Give the database an older schema; returns the file that it was before."""
    before = file.with_name("before-upgrade.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.rename(before)
    for log in ("-wal", "-shm"):
        file.with_name(f"{file.name}{log}").unlink(missing_ok=True)
    copyfile(_empty(revision), file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ATTACH ? AS newer", (str(before),))
        for table, columns in _columns(revision).items():
            if table != "alembic_version":
                names = ", ".join(columns)
                carry = f"INSERT INTO main.{table} ({names}) SELECT {names} FROM newer.{table}"  # noqa: S608
                connection.execute(carry)
        connection.commit()
    return before


def different(file: Path, before: Path) -> Iterator[str]:
    """The tables that do not say the same in both, but for what the next daemon finds out anew."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ATTACH ? AS before", (str(before),))
        for table, columns in _columns(revisions()[-1]).items():
            names = ", ".join(each for each in columns if (table, each) not in FOUND_OUT_ANEW)
            if (table, "*") in FOUND_OUT_ANEW:
                continue
            now, then = (f"SELECT {names} FROM {place}.{table}" for place in ("main", "before"))  # noqa: S608
            if (
                connection.execute(f"{now} EXCEPT {then}").fetchone()
                or connection.execute(f"{then} EXCEPT {now}").fetchone()
            ):
                yield table


def _lost(connection: sqlite3.Connection, revision: str) -> Iterator[str]:
    """What these rows say that the older schema has no place for."""
    older = _columns(revision)
    for table, columns in _columns(revisions()[-1]).items():
        if table not in older:
            asked = f"SELECT 1 FROM {table}"  # noqa: S608
            if (table, "*") not in FOUND_OUT_ANEW and connection.execute(asked).fetchone():
                yield table
            continue
        for column in columns.keys() - older[table].keys():
            said = SAID_BY_MIGRATION.get((table, column), columns[column])
            asked = f"SELECT 1 FROM {table} WHERE {column} IS NOT ({said})"  # noqa: S608
            if (table, column) not in FOUND_OUT_ANEW and connection.execute(asked).fetchone():
                yield f"{table}.{column}"


@cache
def _columns(revision: str) -> dict[str, dict[str, str]]:
    """Table -> column -> its default, as SQL."""
    with closing(sqlite3.connect(_empty(revision))) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {
            table: {row[1]: row[4] or "NULL" for row in connection.execute(f"PRAGMA table_info({table})")}
            for (table,) in tables.fetchall()
        }


@cache
def _empty(revision: str) -> Path:
    """A database of this schema without a row."""
    file = premises().folder / f"schema-{revision}.db"
    upgrade(f"sqlite:///{file}", revision)
    return file


def _watch_on(file: Path, before: Path) -> None:
    """The world's triggers go on noting, behind what they have noted."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(WITNESS)
        connection.execute("ATTACH ? AS before", (str(before),))
        names = connection.execute("SELECT name FROM main.sqlite_master WHERE name LIKE 'witness_%' AND type = 'table'")
        for (name,) in names.fetchall():
            connection.execute(f"INSERT INTO main.{name} SELECT * FROM before.{name}")  # noqa: S608
        connection.commit()
