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

__all__ = ["mentioning", "sweep"]

BLOCK_BYTES = 1 << 20
WRITTEN_ANEW_BYTES_MAX = 64 << 20  # half a second
FILES_SEARCHED_MAX = 20_000
TRUNCATE = "PRAGMA wal_checkpoint(TRUNCATE)"


def sweep(url: str, words: Collection[str]) -> bool:
    """Clear what was deleted out of the files; whether it worked: False when another process holds on to old pages."""
    file = sqlite_file(url)
    if file is None:
        return True
    with closing(sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)) as connection:
        held = bool(connection.execute(TRUNCATE).fetchone()[0])
        is_small = file.stat().st_size <= WRITTEN_ANEW_BYTES_MAX
        if is_small or any(_holds(each, words) for each in _files_of(file)):
            connection.execute("VACUUM")
            held = bool(connection.execute(TRUNCATE).fetchone()[0])
    return not held


def mentioning(folder: Path, url: str, words: Collection[str]) -> list[Path]:
    """The files below `folder`, but for the database's own, in which one of the words stands readable."""
    own = sqlite_file(url)
    skipped = set(map(Path.resolve, _files_of(own))) if own else set()
    found = []
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if number == FILES_SEARCHED_MAX:
            break
        if path.is_file() and path.resolve() not in skipped and _holds(path, words):
            found.append(path)
    return found


def _files_of(database: Path) -> Iterator[Path]:
    for ending in ("", "-wal", "-shm", "-journal"):
        path = database.with_name(database.name + ending)
        if path.is_file():
            yield path


def _holds(path: Path, words: Collection[str]) -> bool:
    """Whether one of the words stands in the file, in any case of letters."""
    wanted = [word.lower().encode() for word in words]
    overlap = max(map(len, wanted), default=1) - 1
    kept = b""
    try:
        with path.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                text = kept + block.lower()
                if any(word in text for word in wanted):
                    return True
                kept = text[-overlap:] if overlap else b""
    except OSError:
        return False
    return False
