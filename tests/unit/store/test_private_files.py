"""Nobody else on the machine reads the database, its other files, or the copy before a migration."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sequencer.store.backup import back_up
from sequencer.store.database import Database
from sequencer.store.migrate import migrate


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0o000)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sequencer.db'}"
    migrate(url)
    database = Database(url)
    try:
        database.write(lambda connection: connection.exec_driver_sql("DELETE FROM meta"))
        made = {path.name: mode(path) for path in tmp_path.iterdir()}
    finally:
        database.close()
    assert set(made) >= {"sequencer.db", "sequencer.db-wal"}
    assert set(made.values()) == {0o600}


@pytest.mark.parametrize("chosen", [0o600, 0o640])
def test_a_copy_is_its_owners_alone(tmp_path: Path, chosen: int) -> None:
    source, target = tmp_path / "sequencer.db", tmp_path / "sequencer.db.before-0009"
    migrate(f"sqlite:///{source}")
    source.chmod(chosen)
    target.touch(0o666)  # left over from a migration that failed
    back_up(source, target, overwrite=True)
    assert mode(target) == 0o600
    with sqlite3.connect(target) as copy:
        assert copy.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_a_mode_that_somebody_chose_stays(tmp_path: Path) -> None:
    file = tmp_path / "sequencer.db"
    file.touch(0o660)
    migrate(f"sqlite:///{file}")
    assert mode(file) == 0o660


def test_an_older_database_is_copied_before_it_changes(tmp_path: Path) -> None:
    from alembic import command

    from sequencer.store.migrate import alembic_config, revisions

    file = tmp_path / "sequencer.db"
    migrate(f"sqlite:///{file}")
    config = alembic_config()
    config.set_main_option("sqlalchemy.url", f"sqlite:///{file}")
    with sqlite3.connect(file) as raw:
        raw.execute("INSERT INTO meta (key, value) VALUES ('kept', 'yes')")
    command.stamp(config, revisions()[-2])
    with suppress(Exception):  # the newest step may find its work done and fail; the copy was made before
        migrate(f"sqlite:///{file}")
    copy = file.with_name(f"{file.name}.before-{revisions()[-1]}")
    with sqlite3.connect(copy) as raw:
        assert raw.execute("SELECT value FROM meta WHERE key='kept'").fetchone() == ("yes",)
    assert mode(copy) == 0o600
