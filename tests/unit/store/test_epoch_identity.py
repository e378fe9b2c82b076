"""By what an epoch file is known as itself: a copy that is put back with its database is one, however it was done."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sequencer.errors import InputError
from sequencer.store import epoch, epoch_file
from sequencer.store.database import Database
from sequencer.store.epoch import Epoch
from tests.unit.store.test_epoch import KEY, beat, database, told

__all__ = ["database"]


def in_place(path: Path, kept: Path) -> None:
    """As cp does, a minute later: the inode stays."""
    path.write_bytes(kept.read_bytes())
    os.utime(path, (kept.stat().st_mtime + 60,) * 2)


def with_its_times(path: Path, kept: Path) -> None:
    """As rm and cp -a do: a new inode, which may have the old one's number."""
    path.unlink()
    shutil.copy2(kept, path)


def in_place_with_its_times(path: Path, kept: Path) -> None:
    """As cp -a and rsync --inplace do over a file that is there: inode and date are those that the copy names."""
    in_place(path, kept)
    shutil.copystat(kept, path)


@pytest.mark.parametrize("put_back", [in_place, with_its_times, in_place_with_its_times])
def test_a_file_that_is_put_back_with_its_database_is_a_copy(
    database: Database, tmp_path: Path, put_back: Callable[[Path, Path], object]
) -> None:
    """Both are as old as each other; what was sent between is known to neither."""
    path, kept = tmp_path / "epoch", tmp_path / "kept"
    old = beat(database, path, 5)
    shutil.copy2(path, kept)
    for _ in range(5):
        beat(database, path, 2)
    put_back(path, kept)
    database.write(lambda connection: epoch.put(connection, old))
    assert "is a copy" in told(database, path)


def test_an_owner_or_a_mode_that_is_set_again_makes_no_copy(database: Database, tmp_path: Path) -> None:
    """As containers do at each start."""
    path = tmp_path / "epoch"
    beat(database, path, 5)
    os.chown(path, os.getuid(), os.getgid())
    path.chmod(0o600)
    os.link(path, tmp_path / "linked")
    assert told(database, path) == ""


def test_a_moved_folder_is_no_copy(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    beat(database, path, 5)
    moved = tmp_path / "moved"
    moved.mkdir()
    assert told(database, path.rename(moved / "epoch")) == ""


def test_a_file_that_cannot_be_made_anew_is_written_where_it_is(database: Database, tmp_path: Path) -> None:
    """As where it is mounted by itself, or in a folder in which nothing may be made."""
    path = tmp_path / "epoch"
    beat(database, path, 5)
    (tmp_path / "epoch.new").mkdir()
    inode = path.stat().st_ino
    beat(database, path, 5)
    assert (path.stat().st_ino, told(database, path)) == (inode, "")
    assert epoch_file.look(path, KEY).epoch.mails == 10


def test_a_daemon_keeps_the_file_that_it_makes_anew(tmp_path: Path) -> None:
    path, link = tmp_path / "away" / "epoch", tmp_path / "epoch"
    path.parent.mkdir()
    link.symlink_to(path)
    with epoch_file.opened(link, KEY) as file:
        for number in (1, 2):
            inode = path.stat().st_ino
            path.chmod(0o640)
            file.write(Epoch(number, 0))
        assert path.stat().st_ino != inode
        assert link.is_symlink()
        assert path.stat().st_mode & 0o777 == 0o640
        with pytest.raises(InputError, match="another daemon"), epoch_file.opened(link, KEY):
            pass
        file.write(Epoch(3, 1))
    assert epoch_file.look(link, KEY).epoch == Epoch(3, 1)
    assert [each.name for each in path.parent.iterdir()] == ["epoch"]


def test_another_machine_is_a_copy(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "epoch"
    beat(database, path)
    (tmp_path / "machine").write_text("another one\n")
    with epoch_file.opened(path, KEY, machine=tmp_path / "machine") as file:
        assert file.told.standing == "copy"
