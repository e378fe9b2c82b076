"""The simulated power cut: it takes what a disk may lose, and nothing that SQLite has synced before it went on."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.simulation.storage import synced_log

FRAME = 24 + 4096


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """To a file with rows and an empty log; our pragmas, and no checkpoint but those that a test asks for."""
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        for pragma in ("page_size=4096", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        connection.execute("CREATE INDEX by_b ON t (b)")
        fill(connection, 30)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield connection


def fill(connection: sqlite3.Connection, rows: int) -> None:
    """Rows whose index entries fall anywhere; each is a transaction."""
    for number in range(rows):
        connection.execute("INSERT INTO t (b) VALUES (?)", (f"{number * 7919 % 1000:03d}" * 300,))


def after_a_cut(file: Path, kept: int) -> str:
    """What integrity_check says of a copy whose log ends there."""
    copy = file.with_name("cut.db")
    copy.write_bytes(file.read_bytes())
    Path(f"{copy}-wal").write_bytes(Path(f"{file}-wal").read_bytes()[:kept])
    try:
        with closing(sqlite3.connect(copy)) as connection:
            return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        for each in copy.parent.glob(f"{copy.name}*"):
            each.unlink()


def cuts(file: Path) -> range:
    """From what is synced to the end, at the edges of frames and within them."""
    return range(synced_log(file), Path(f"{file}-wal").stat().st_size + 1, 5 * FRAME // 2)


def test_before_any_checkpoint_the_whole_log_may_be_lost(writer: sqlite3.Connection, tmp_path: Path) -> None:
    fill(writer, 20)
    file = tmp_path / "a.db"
    assert synced_log(file) == 0
    assert {after_a_cut(file, kept) for kept in cuts(file)} == {"ok"}


def test_a_log_that_was_written_into_the_file_was_synced_before(writer: sqlite3.Connection, tmp_path: Path) -> None:
    fill(writer, 30)
    writer.execute("DELETE FROM t WHERE a % 3 > 0")
    writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
    file, whole = tmp_path / "a.db", (tmp_path / "a.db-wal").stat().st_size
    assert synced_log(file) == whole
    assert after_a_cut(file, whole) == "ok"
    found = {after_a_cut(file, kept) for kept in range(0, whole, 5 * FRAME // 2)}
    assert found - {"ok"}, "an older page hides the newer one in the file: no disk does this"


def test_behind_a_checkpoint_that_a_reader_stopped_anything_may_be_lost(
    writer: sqlite3.Connection, tmp_path: Path
) -> None:
    fill(writer, 20)
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM t").fetchone()
        fill(writer, 20)
        writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        file = tmp_path / "a.db"
        assert 0 < synced_log(file) < Path(f"{file}-wal").stat().st_size
        assert {after_a_cut(file, kept) for kept in cuts(file)} == {"ok"}


def test_once_the_log_begins_anew_none_of_it_is_needed(writer: sqlite3.Connection, tmp_path: Path) -> None:
    fill(writer, 30)
    writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
    fill(writer, 5)
    file = tmp_path / "a.db"
    assert synced_log(file) == 0
    assert {after_a_cut(file, kept) for kept in cuts(file)} == {"ok"}
