"""A database with the newest schema for each test: migrated once a run, then copied; its statements are compiled once.

SQLAlchemy compiles each statement once an engine, and every test has an engine of its own: that took longer than
running them. So all engines of a run share one dialect and what it compiled.
"""

import atexit
import shutil
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, select

from sequencer.store.database import Database, throw_away_engine
from sequencer.store.migrate import migrate
from sequencer.store.tables import PROSPECTS

_COMPILED: dict[Any, Any] = {}


def fresh_database(folder: Path) -> str:
    """The URL of a new, empty SQLite database in `folder`."""
    target = folder / "sequencer.db"
    shutil.copyfile(_template(), target)
    return f"sqlite:///{target}"


def open_database(url: str) -> Database:
    """The product's own, on a SQLite database; only what it compiles is shared."""
    database = Database(url)
    database.engine.dialect = _dialect()
    database.engine.update_execution_options(compiled_cache=_COMPILED)
    return database


def person_numbers(connection: Connection, prospect_ids: Collection[int]) -> dict[int, int]:
    """The number of each person that a send keeps; it moves whenever what may be sent to them changes."""
    query = select(PROSPECTS.c.id, PROSPECTS.c.seq).where(PROSPECTS.c.id.in_(prospect_ids))
    return {row.id: row.seq for row in connection.execute(query)}


@cache
def _dialect() -> Dialect:
    engine = throw_away_engine("sqlite://")
    engine.connect().close()  # the first connection tells a dialect what its database can do
    return engine.dialect


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="sequencer-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "sequencer.db"
    migrate(f"sqlite:///{path}")
    return path
