"""Copies a SQLite file while others use it, and puts such a copy back.

A copy is made in small steps from one snapshot, so that a daemon goes on writing meanwhile; it is whole, checked and on
the disk before it gets its name. PostgreSQL has its own tools for this.
"""

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url

from sequencer.core.url_secrets import masked
from sequencer.errors import InputError, StoreError
from sequencer.store.database import BUSY_S, sqlite_file
from sequencer.store.durable import make_durable

__all__ = ["Copied", "back_up", "put_back", "refuse_another", "schema_of", "sqlite_only"]

STEP_PAGES = 500
STEP_PAUSE_S = 0.002
MAGIC = b"SQLite format 3\0"
LOGS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Copied:
    path: Path
    size: int


def sqlite_only(url: str) -> Path:
    """The SQLite file. Raises InputError on another database, with what to type there."""
    file = sqlite_file(url)
    if file is not None:
        return file.resolve()
    shown = masked(make_url(url).set(drivername="postgresql").render_as_string(hide_password=True))
    raise InputError(
        f"this is for SQLite; PostgreSQL has its own:  pg_dump --format=custom --file=FILE {shown}  and pg_restore, "
        "or a base backup with its write-ahead log"
    )


def back_up(source: Path, target: Path, *, overwrite: bool = False) -> Copied:
    """Copy a SQLite file while others use it; nobody but its owner can read the copy.

    Raises InputError, where `target` exists or is the database; StoreError, when it cannot be copied or is damaged.
    """
    target = Path(os.path.abspath(target))
    _refuse(source, target, overwrite)
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _copy(source, partial)
        make_durable(partial)
        _refuse(source, target, overwrite)
        os.replace(partial, target)
        make_durable(target.parent)
    except sqlite3.Error as error:
        raise StoreError(f"{source} could not be copied: {error}") from None
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
    return Copied(target, target.stat().st_size)


def _refuse(source: Path, target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise InputError(f"{target} is a folder: name a file in it")
    if not target.parent.is_dir():
        raise InputError(f"there is no folder {target.parent}")
    if target.exists() and not target.is_file():
        raise InputError(f"{target} is no file but a device or a pipe: name a file")
    if target.exists() and target.samefile(source):
        raise InputError(f"{target} is the database itself")
    if target.exists() and not _may_be_copy(target):
        raise InputError(f"{target} is there already and no copy of a database: name another file")
    if target.exists() and not overwrite:
        raise InputError(f"{target} is there already: --force writes over it")


def _may_be_copy(file: Path) -> bool:
    """Whether it is a SQLite file (https://www.sqlite.org/fileformat.html 1.3), or empty. Raises InputError."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(MAGIC)) in {MAGIC, b""}
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None


def _copy(source: Path, target: Path) -> None:
    """Raises sqlite3.Error, OSError, StoreError."""
    with closing(_open(source)) as old, closing(sqlite3.connect(target)) as new:
        # A read transaction of ours: without it every write of a daemon would have the copy begin anew.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        old.backup(new, pages=STEP_PAGES, sleep=STEP_PAUSE_S)
        old.execute("ROLLBACK")
        new.execute("PRAGMA journal_mode=DELETE").fetchone()  # one file, without a log beside it
        found = [str(row[0]) for row in new.execute("PRAGMA integrity_check(3)") if row[0] != "ok"]
    if found:
        raise StoreError(f"{source} is damaged, no copy was made: {'; '.join(found)}")


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_S)


def schema_of(copy: Path) -> str:
    """The schema's revision; no byte of the copy changes. Raises InputError for what is no database of sequencer."""
    try:
        with closing(_open(copy)) as connection:
            connection.execute("SELECT 1 FROM meta, prospects, enrollments, sends LIMIT 1").fetchone()
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):  # the latter: no such table
            raise StoreError(f"{copy} cannot be read: {error}") from None
        found = None
    if found is None:
        raise InputError(f"{copy} is no database of sequencer")
    return str(found[0])


def refuse_another(copy: Path, file: Path) -> None:
    """Raises InputError where `copy` is of another installation and `file` has people, who would be gone."""
    if not file.exists():
        return
    try:
        with closing(_open(file)) as here, closing(_open(copy)) as there:
            keys = {one.execute("SELECT value FROM meta WHERE key = 'key'").fetchone() for one in (here, there)}
            used = here.execute("SELECT 1 FROM prospects LIMIT 1").fetchone()
    except sqlite3.Error:  # what is damaged or empty is what a copy is put back for
        return
    if len(keys) > 1 and used:
        raise InputError(
            f"{copy} is a copy of another installation, and {file} has people of its own: "
            f"to put it in their place, move {file} away first"
        )


def _write_log_into(file: Path) -> None:
    """So that the file alone is all there was, also for whoever is ended before its log has moved too."""
    with suppress(sqlite3.Error), closing(_open(file)) as connection:  # a damaged one is kept as it is
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def put_back(copy: Path, file: Path, aside: Path) -> None:
    """Make `copy` the database; the one that was there is kept as `aside`. Nobody may have it open.

    Raises InputError, StoreError.
    """
    if file.exists() and file.samefile(copy):
        raise InputError(f"{copy} is the database itself")
    fresh = file.with_name(f"{file.name}.restoring")
    back_up(copy, fresh, overwrite=True)
    try:
        if file.exists():
            _write_log_into(file)
            os.link(file, aside)
        for log in LOGS:
            there = Path(f"{file}{log}")
            if there.exists():
                os.replace(there, f"{aside}{log}")
        os.replace(fresh, file)
        make_durable(file.parent)
    except OSError as error:
        raise StoreError(f"{file} could not be exchanged: {error.strerror}") from None
    finally:
        fresh.unlink(missing_ok=True)
