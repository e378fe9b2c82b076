"""After an erasure: no byte of what was deleted stays in a SQLite file, its write-ahead log, or unseen beside them.

Deleted rows are overwritten (secure_delete), but the log keeps old pages until it is emptied, and a page that SQLite
rebuilt may keep a cell's bytes in its gap. So the log is emptied and the database written anew: a large one, which that
would stop for longer, only where a search finds what was erased. PostgreSQL cleans up after itself (autovacuum).
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from sequencer.store.database import BUSY_S, sqlite_file
from sequencer.store.mentions import Mentions, mentions, stands_in

__all__ = ["mentioning", "sweep"]

WRITTEN_ANEW_BYTES_MAX = 64 << 20  # half a second
TRUNCATE = "PRAGMA wal_checkpoint(TRUNCATE)"


def sweep(url: str, words: Collection[str]) -> bool:
    """Clear what was deleted out of the files; whether it worked: False when another process holds on to old pages."""
    file = sqlite_file(url)
    if file is None:
        return True
    with closing(sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)) as connection:
        held = bool(connection.execute(TRUNCATE).fetchone()[0])
        is_small = file.stat().st_size <= WRITTEN_ANEW_BYTES_MAX
        if is_small or any(stands_in(each, words) for each in _files_of(file)):
            connection.execute("VACUUM")
            held = bool(connection.execute(TRUNCATE).fetchone()[0])
    return not held


def mentioning(folder: Path, url: str, words: Collection[str]) -> Mentions:
    """The files below `folder`, but for the database's own, in which one of the words stands."""
    own = sqlite_file(url)
    return mentions(folder, set(map(Path.resolve, _files_of(own))) if own else set(), words)


def _files_of(database: Path) -> Iterator[Path]:
    for ending in ("", "-wal", "-shm", "-journal"):
        path = database.with_name(database.name + ending)
        if path.is_file():
            yield path
