"""Several daemons of one folder: each has an epoch file of its own, and whichever starts looks at all of them."""

from pathlib import Path

import pytest

from sequencer.engine.amnesia import Covering, amnesia_of
from sequencer.errors import StoreError
from sequencer.store import epoch, epoch_file
from sequencer.store.database import Database
from sequencer.store.epoch import Amnesia, Epoch
from tests.unit.store.test_epoch import KEY, beat, database

__all__ = ["database"]

DAEMONS_MAX = 4


def start(database: Database, path: Path) -> Amnesia | None:
    """What a daemon finds that starts now, of several of one folder."""
    with epoch_file.opened(path, KEY, daemons_max=DAEMONS_MAX) as file:
        return database.write(lambda connection: amnesia_of(connection, file, KEY))


def second(path: Path) -> Path:
    return path.with_name(f"{path.name}.2")


def test_a_daemon_that_starts_alone_looks_at_what_the_others_wrote(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    beat(database, path, 5)
    old = beat(database, second(path), 2)
    for _ in range(3):
        newest = beat(database, second(path), 2)
    assert start(database, path) is None
    database.write(lambda connection: epoch.put(connection, old))
    found = start(database, path)
    assert found is not None
    assert (found.mails, "restored" in found.why) == (6, True)
    assert epoch_file.look(path, KEY, daemons_max=DAEMONS_MAX).epoch == newest
    with epoch_file.opened(path, KEY, daemons_max=DAEMONS_MAX) as file, pytest.raises(StoreError):
        Covering(file).check(newest)


def test_the_file_of_a_daemon_that_stopped_long_ago_holds_nothing(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    beat(database, second(path), 50)
    newest = beat(database, path, 1)
    assert start(database, path) is None
    with epoch_file.opened(path, KEY, daemons_max=DAEMONS_MAX) as file:
        assert file.written == newest


def test_the_file_of_another_daemon_that_cannot_be_read_is_said(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    old = beat(database, path, 5)
    beat(database, path, 5)
    second(path).write_bytes(b"x" * 8192)
    for known in (epoch.current, lambda connection: epoch.put(connection, old)):
        database.write(known)
        found = start(database, path)
        assert found is not None
        assert (found.mails, f"{second(path)} cannot be read" in found.why) == (None, True)
    epoch_file.write_all(path, KEY, Epoch(9, 9), daemons_max=DAEMONS_MAX)
    assert epoch_file.look(second(path), KEY).epoch == Epoch(9, 9)


def test_another_databases_file_beside_ours_says_nothing_and_stays(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    newest = beat(database, path, 5)
    with epoch_file.opened(second(path), b"another key") as file:
        file.write(Epoch(90, 30))
    before = second(path).read_bytes()
    assert start(database, path) is None
    epoch_file.write_all(path, KEY, newest, daemons_max=DAEMONS_MAX)
    assert second(path).read_bytes() == before


def test_a_file_that_a_daemon_has_open_is_its_own_to_write(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    beat(database, second(path), 1)
    with epoch_file.opened(path, KEY) as file:
        file.write(Epoch(3, 3))
        epoch_file.write_all(path, KEY, Epoch(9, 9), daemons_max=DAEMONS_MAX)
    assert [epoch_file.look(each, KEY).epoch.number for each in (path, second(path))] == [3, 9]
    assert sorted(each.name for each in tmp_path.glob("epoch*")) == ["epoch", "epoch.2"], "none is made"
