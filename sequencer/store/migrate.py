"""Bring a database to the newest schema, from inside the package.

Safe when several processes start at once: one migrates, the rest find nothing to do, and a step that fails leaves no
half-made table. A SQLite file that has to change is copied first; a PostgreSQL database is changed only when somebody
asks for it, who can copy it before. Nothing goes back: restore the copy for that.
"""

import os
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from sequencer.errors import SchemaTooNew, StoreError
from sequencer.store.database import begin_write, refusals, sqlite_file, throw_away_engine

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = "sequencer.store:migrations"


def migrate(url: str, *, asked: bool = False) -> str:
    """Upgrade to the newest schema; returns its revision. `asked`: somebody wants just this.

    Raises: SchemaTooNew, when a newer version wrote the database; StoreError, when the database refuses, a migration
    broke a foreign key, or a PostgreSQL database would be changed without being asked for.
    """
    with refusals():
        if file := sqlite_file(url):
            make_private(file)
        known, found = revisions(), revision(url)
        if found == known[-1]:
            return found
        refuse_newer(found)
        if found and file:
            from sequencer.store.backup import back_up  # needed once in a schema's life

            back_up(file, file.with_name(f"{file.name}.before-{known[-1]}"), overwrite=True)
        elif found and not asked:
            raise StoreError(
                f"the database has schema {found} and this version needs {known[-1]}: stop every daemon, keep a copy "
                "(pg_dump), then sequencer db upgrade"
            )
        upgrade(url)
    return known[-1]


def upgrade(url: str, to: str = "head") -> None:
    """Run the migrations up to this revision, in one transaction. Raises: StoreError, when a foreign key broke."""
    from alembic import command  # 0.3 s to import, and needed once in a schema's life

    config = alembic_config()
    engine = throw_away_engine(url)
    with engine.connect() as connection, connection.begin():
        begin_write(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        if engine.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise StoreError(f"the migration broke foreign keys: {broken[:5]}")
    engine.dispose()


def refuse_newer(found: str, what: str = "the database") -> None:
    """Raises SchemaTooNew, when this version does not know the schema that was found."""
    if found and found not in revisions():
        raise SchemaTooNew(f"{what} has schema {found}, which this version does not know: upgrade sequencer")


def revisions() -> list[str]:
    """Every schema this version knows, oldest first: the numbers that the migrations' files begin with."""
    folder = resources.files("sequencer.store").joinpath("migrations", "versions")
    return sorted(file.name.partition("_")[0] for file in folder.iterdir() if file.name[:4].isdigit())


def revision(url: str) -> str:
    """The schema's revision, "" for a database that has none."""
    engine = throw_away_engine(url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return ""
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""
    finally:
        engine.dispose()


def make_private(file: Path) -> None:
    """An empty file that only its owner may read, where there is none: SQLite would ask the umask, and people's names
    lie in it. Its other files (-wal, -shm) take their mode from it."""
    with suppress(OSError):  # it is there, or the folder is not: SQLite says so
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def alembic_config() -> "Config":
    """Alembic's configuration without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.set_main_option("path_separator", "os")
    return config
