"""What a SQLite file and a PostgreSQL server say of themselves: for `doctor`, which changes nothing.

Apart from database.py because opening a database there sets pragmas and may make the file; this looks at what is there.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import func, select

from sequencer.errors import StoreError
from sequencer.store.database import refusals, throw_away_engine

__all__ = ["Health", "ServerHealth", "complaints", "health", "server_health"]

COMPLAINTS_MAX = 3


@dataclass(frozen=True, slots=True)
class Health:
    """`journal`: "wal" as we set it. Sizes in pages of `page_bytes`."""

    journal: str
    pages: int
    free_pages: int
    page_bytes: int


def health(file: Path) -> Health:
    """Raises StoreError."""
    with _looking(file) as connection:
        asked = ("PRAGMA journal_mode", "PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size")
        return Health(*(connection.execute(pragma).fetchone()[0] for pragma in asked))


def complaints(file: Path, seconds: float) -> list[str] | None:
    """What SQLite's quick_check finds broken, at most COMPLAINTS_MAX; None when the time did not suffice.

    Raises StoreError.
    """
    with _looking(file) as connection:
        timer = threading.Timer(seconds, connection.interrupt)
        timer.start()
        try:
            found = connection.execute("PRAGMA quick_check(3)").fetchall()
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                return None
            raise
        finally:
            timer.cancel()
    return [str(row[0]) for row in found if row[0] != "ok"][:COMPLAINTS_MAX]


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """A PostgreSQL server. `standby`: it follows another one. `forgets`: what is off, so that a crash loses commits."""

    version: str
    instant: datetime
    encoding: str
    standby: bool
    forgets: tuple[str, ...]
    size_bytes: int


_DURABLE = ("fsync", "full_page_writes")
_SERVER = select(
    func.current_setting("server_version"),
    func.clock_timestamp(),
    func.current_setting("server_encoding"),
    func.pg_is_in_recovery(),
    func.pg_database_size(func.current_database()),
    *(func.current_setting(name) for name in _DURABLE),
)


def server_health(url: str) -> ServerHealth:
    """Raises StoreError."""
    engine = throw_away_engine(url)
    try:
        with refusals(), engine.connect() as connection:
            version, instant, encoding, standby, size, *settings = connection.execute(_SERVER).one()
    finally:
        engine.dispose()
    forgets = tuple(name for name, value in zip(_DURABLE, settings, strict=True) if value != "on")
    return ServerHealth(version.split()[0], instant.astimezone(UTC), encoding, standby, forgets, size)


@contextmanager
def _looking(file: Path) -> Iterator[sqlite3.Connection]:
    """The file, never made and never written to."""
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True, check_same_thread=False)
        ) as connection:
            connection.execute("PRAGMA query_only=ON")
            yield connection
    except sqlite3.Error as error:
        raise StoreError(f"the database refuses: {error}") from None
