"""What is refused before a copy is made or put back; nothing is half-written then."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sequencer.errors import InputError, SchemaTooNew, StoreError
from sequencer.store.backup import back_up, put_back, schema_of
from sequencer.store.migrate import migrate, refuse_newer, revisions


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "sequencer.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def copy(tmp_path: Path, database: Path) -> Path:
    back_up(database, tmp_path / "copy.db")
    return tmp_path / "copy.db"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (os.mkfifo, "is no file"),  # a device as well: root would replace /dev/null
        (lambda path: path.touch(), "--force"),
        (lambda path: path.write_text("[company]"), "no copy of a database"),  # `backup config.toml --force`
    ],
)
def test_what_is_there_already_is_refused(database: Path, make: Callable[[Path], object], words: str) -> None:
    target = database.with_name("target")
    make(target)
    before = target.stat()
    with pytest.raises(InputError, match=words):
        back_up(database, target, overwrite=words != "--force")
    assert (target.stat().st_mode, target.stat().st_size) == (before.st_mode, before.st_size)
    assert {path.name for path in database.parent.iterdir()} == {"sequencer.db", "target"}


def test_a_copy_tells_its_schema_and_stays_as_it_is(copy: Path) -> None:
    before = copy.read_bytes()
    assert schema_of(copy) == revisions()[-1]
    assert copy.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"[company]\nname = 'Ourco'\n" * 100])
def test_what_is_no_database_of_ours_is_named_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other"
    other.write_bytes(content)
    with pytest.raises(InputError, match="other is no database of sequencer"):
        schema_of(other)
    assert other.read_bytes() == content
    assert list(tmp_path.iterdir()) == [other]


def test_a_shortened_copy_is_named_and_never_put_back(database: Path, copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    before = database.read_bytes()
    with pytest.raises(StoreError, match=r"copy\.db"):
        put_back(copy, database, database.with_name("aside"))
    assert database.read_bytes() == before
    assert {path.name for path in database.parent.iterdir()} == {"sequencer.db", "copy.db"}


def test_a_copy_of_a_newer_version_is_refused(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match=r"copy\.db has schema 9999"):
        refuse_newer(schema_of(copy), copy.name)


def test_the_database_is_no_copy_of_itself(database: Path) -> None:
    with pytest.raises(InputError, match="the database itself"):
        put_back(database, database, database.with_name("aside"))
    assert [path.name for path in database.parent.iterdir()] == ["sequencer.db"]


def test_what_was_only_in_the_log_is_in_the_file_that_is_kept(database: Path, copy: Path) -> None:
    """A process that was killed left it there; whoever is killed in the middle of the exchange loses nothing either."""
    killed = database.with_name("killed.db")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("INSERT INTO meta (key, value) VALUES ('last', 'word')")
        connection.commit()
        for end in ("", "-wal"):
            shutil.copyfile(f"{database}{end}", f"{killed}{end}")
    aside = database.with_name("aside")
    put_back(copy, killed, aside)
    Path(f"{aside}-wal").unlink(missing_ok=True)
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'last'").fetchall() == [("word",)]


def test_a_copy_that_cannot_take_the_place_leaves_nothing_beside_it(database: Path, copy: Path) -> None:
    aside = database.with_name("aside")
    aside.touch()
    with pytest.raises(StoreError, match="could not be exchanged"):
        put_back(copy, database, aside)
    assert {path.name for path in database.parent.iterdir()} == {"sequencer.db", "copy.db", "aside"}
