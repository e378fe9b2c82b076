"""Bring a database to the newest schema, from inside the package.

Safe when several processes start at once: one migrates, the rest find nothing to do, and a step that fails leaves no
half-made table. A SQLite file that has to change is copied first. Nothing goes back: restore the copy for that.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from sequencer.errors import SchemaTooNew, StoreError
from sequencer.store.database import refusals, sqlite_file, throw_away_engine

MIGRATIONS = "sequencer.store:migrations"
ADVISORY_LOCK = 7_315_009_001  # any constant that nothing else in the database uses


def migrate(url: str) -> str:
    """Upgrade to the newest schema; returns its revision.

    Raises: SchemaTooNew, when a newer version wrote the database; StoreError, when a migration broke a foreign key.
    """
    with refusals():
        return _migrate(url)


def _migrate(url: str) -> str:
    config = alembic_config()
    head = ScriptDirectory.from_config(config).get_current_head() or ""
    found = revision(url)
    if found == head:
        return head
    if found and found not in _known(config):
        raise SchemaTooNew(f"the database has schema {found}, which this version does not know: upgrade sequencer")
    if found and (file := sqlite_file(url)):
        back_up(file, file.with_name(f"{file.name}.before-{head}"))
    engine = throw_away_engine(url)
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if engine.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise StoreError(f"the migration broke foreign keys: {broken[:5]}")
    engine.dispose()
    return head


def revision(url: str) -> str:
    """The schema's revision, "" for a database that has none."""
    engine = throw_away_engine(url)
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return found or ""


def back_up(source: Path, target: Path) -> None:
    """Copy a SQLite file while others use it."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def alembic_config() -> Config:
    """Alembic's configuration without a file."""
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.set_main_option("path_separator", "os")
    return config


def _known(config: Config) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
