"""A copy that comes back where nothing has counted what left: on a new machine, or from before the first daemon ran."""

import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from sequencer.app import open_app
from sequencer.config import load
from sequencer.engine.leaving import seen_at
from sequencer.store import epoch, epoch_file, reads
from sequencer.store.database import Database
from tests.integration.installation import Installation, World
from tests.integration.processes import wait_for
from tests.integration.test_restore import FILED, all_filed, daemon, house_in, people, states
from tests.integration.typed import typed_in

MAILS = 3
HEARTBEATS_S = 2.0


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def house(tmp_path: Path, world: World) -> Iterator[Installation]:
    """An installation that has people and whose daemon has never run. Its mailbox is reached from everywhere."""
    here = tmp_path / "here"
    made = house_in(here, world, FILED.replace('maildir = "mail"', f'maildir = "{here}/mail"'))
    people(made, "a", MAILS)
    assert typed_in(here, "status").code == 0
    yield made
    made.close()


def nothing_there(folder: Path) -> None:
    """A machine on which nothing was done yet."""


def a_daemon_ran_there(folder: Path) -> None:
    """Somebody tried it out before: there is another database, without people, and its epoch file."""
    with daemon(folder):
        wait_for(lambda: _says_running(folder), "a heartbeat of the other database")


def _says_running(folder: Path) -> bool:
    with_beats = (folder / "sequencer.db.epoch").exists() and typed_in(folder, "status").code == 0
    return with_beats and (folder / "sequencer.db.epoch").stat().st_size > 4096


def by_restore(copy: Path, there: Path) -> None:
    said = typed_in(there, "db", "restore", str(copy))
    assert said.code == 0, said.err
    assert "all sends are held" in said.out
    assert "sequencer db reconcile" in said.out


def by_hand(copy: Path, there: Path) -> None:
    for log in ("-wal", "-shm"):
        (there / f"sequencer.db{log}").unlink(missing_ok=True)
    shutil.copyfile(copy, there / "sequencer.db")


@pytest.mark.parametrize(
    ("ran", "before", "put_back"),
    [
        pytest.param(False, nothing_there, by_restore, id="made before the first daemon"),
        pytest.param(False, a_daemon_ran_there, by_hand, id="before the first daemon, beside another file, by hand"),
        pytest.param(True, nothing_there, by_hand, id="by hand"),
        pytest.param(True, a_daemon_ran_there, by_restore, id="beside another file"),
    ],
)
def test_a_copy_that_comes_back_on_another_machine_sends_nothing_again(
    house: Installation, world: World, tmp_path: Path, ran: bool, before: Callable[[Path], None],
    put_back: Callable[[Path, Path], None],
) -> None:  # fmt: skip
    there = tmp_path / "there"
    there.mkdir()
    shutil.copy(house.folder / "config.toml", there)
    before(there)
    if ran:
        assert typed_in(house.folder, "pause", "--all").code == 0
        with daemon(house.folder):
            wait_for(lambda: house.database.read(epoch.current).number > 3, "some heartbeats")
    _copy_and_send(house, world)
    put_back(house.folder / "monday.db", there)
    _holds_until_reconciled(there, world)


def test_a_copy_from_before_the_first_daemon_is_held_where_it_was_made(house: Installation, world: World) -> None:
    _copy_and_send(house, world)
    house.database.close()
    by_restore(house.folder / "monday.db", house.folder)
    _holds_until_reconciled(house.folder, world)


def test_a_folder_that_was_copied_before_its_first_daemon_sends_nothing_beside_the_original(
    house: Installation, world: World, tmp_path: Path
) -> None:
    subprocess.run(["cp", "-r", house.folder, tmp_path / "there"], check=True)
    _copy_and_send(house, world)
    _holds_until_reconciled(tmp_path / "there", world)


def test_a_copy_of_all_that_was_sent_goes_on_at_once(house: Installation, world: World) -> None:
    with daemon(house.folder):
        wait_for(lambda: len(states(house, "sent")) == MAILS and all_filed(house), "the mails")
    assert typed_in(house.folder, "backup", "monday.db").code == 0
    house.database.close()
    said = typed_in(house.folder, "db", "restore", "monday.db")
    assert "nothing was sent since the copy was made" in said.out
    assert "all sends are held" not in typed_in(house.folder, "status").out
    assert "db restore" in typed_in(house.folder, "audit").out


def test_a_copy_of_another_installation_does_not_replace_one_with_people(
    house: Installation, world: World, tmp_path: Path
) -> None:
    other = house_in(tmp_path / "other", world)
    assert typed_in(other.folder, "backup", str(tmp_path / "other.db")).code == 0
    other.close()
    said = typed_in(house.folder, "db", "restore", str(tmp_path / "other.db"))
    assert said.code == 2
    assert "is a copy of another installation" in said.err
    assert len(states(house, "sent")) == 0
    assert len(house.database.read(reads.live_ids)) == MAILS


def without_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as made:
        made.executescript("CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('0001')")


def test_a_restore_that_cannot_be_done_leaves_the_database_as_it_is(house: Installation, tmp_path: Path) -> None:
    folder, config = house.folder, house.folder / "config.toml"
    assert typed_in(folder, "backup", "monday.db").code == 0
    before = (folder / "sequencer.db").read_bytes()
    without_tables(tmp_path / "empty.db")
    refused = typed_in(folder, "db", "restore", str(tmp_path / "empty.db"))
    assert (refused.code, "is no database of sequencer" in refused.err) == (2, True)
    config.write_text('[database]\nepoch_file = "away/one.epoch"\n' + config.read_text())
    refused = typed_in(folder, "db", "restore", "monday.db")
    assert (refused.code, "mount it first" in refused.err) == (2, True)
    assert (folder / "sequencer.db").read_bytes() == before
    assert list(folder.glob("*.replaced-*")) == []


@pytest.mark.parametrize(
    ("how", "removed"),
    [
        pytest.param("-r", False, id="written over"),
        pytest.param("-r", True, id="removed before"),
        pytest.param("-a", False, id="written over with its old times"),
    ],
)
def test_a_copied_folder_that_is_put_back_sends_nothing_again(
    house: Installation, world: World, tmp_path: Path, how: str, removed: bool
) -> None:
    """Database and epoch file come back together, as old as each other."""
    house.close()
    subprocess.run(["cp", how, house.folder, tmp_path / "kept"], check=True)
    _copy_and_send(house, world)
    house.close()
    subprocess.run(["cp", "-r", house.folder / "mail" / ".Sent", tmp_path / "kept" / "mail"], check=True)
    if removed:
        shutil.rmtree(house.folder)
    subprocess.run(["cp", how, f"{tmp_path}/kept/.", house.folder], check=True)
    _holds_until_reconciled(house.folder, world)


def test_a_machine_that_is_put_back_to_a_snapshot_is_held_by_what_lies_in_its_mailbox(
    house: Installation, world: World
) -> None:
    """Database and epoch file agree, and nothing beside them has changed: only the mailbox knows what left."""
    folder = house.folder
    assert typed_in(folder, "pause", "--all").code == 0
    with daemon(folder):
        wait_for(lambda: house.database.read(epoch.current).number > 3, "some heartbeats")
    _copy_and_send(house, world)
    house.close()
    by_hand(folder / "monday.db", folder)
    app = open_app(load(folder / "config.toml"))
    with epoch_file.opened(folder / "sequencer.db.epoch", app.key) as file:
        file.write(app.database.read(epoch.current))
    app.close()
    assert typed_in(folder, "resume", "--all", "--as", "ana").code == 0
    _holds_until_reconciled(folder, world)


def _copy_and_send(house: Installation, world: World) -> None:
    assert typed_in(house.folder, "backup", "monday.db").code == 0
    assert typed_in(house.folder, "resume", "--all", "--as", "ana").code == 0
    with daemon(house.folder):
        wait_for(lambda: len(states(house, "sent")) == MAILS and all_filed(house), "the mails after the copy")
    assert len(world.accepted) == MAILS


def _some_heartbeats(database: Database) -> None:
    wait_for(lambda: database.read(seen_at) is not None, "a heartbeat")
    begun = database.read(seen_at)
    wait_for(lambda: _seconds_since(begun, database.read(seen_at)) > HEARTBEATS_S, "some heartbeats")


def _seconds_since(begun: datetime | None, now: datetime | None) -> float:
    return (now - begun).total_seconds() if now and begun else 0.0


def _holds_until_reconciled(folder: Path, world: World) -> None:
    database = Database(f"sqlite:///{folder}/sequencer.db")
    with daemon(folder):
        wait_for(lambda: database.read(epoch.held) is not None, "the hold")
        _some_heartbeats(database)
        typed_in(folder, "resume", "--all", "--as", "ana")
        assert "all sends are held" in typed_in(folder, "status").out
        assert "sequencer db reconcile" in typed_in(folder, "why", "a0@a0.test").out
        rows = typed_in(folder, "audit").out
        said = typed_in(folder, "db", "reconcile", "--dry-run", "--as", "ana")
        assert f"{MAILS} mails of ours found" in said.out, said.out + said.err
        assert typed_in(folder, "audit").out == rows, "a dry run changes nothing"
        said = typed_in(folder, "db", "reconcile", "--as", "ana")
        assert said.code == 0, said.out + said.err
        _some_heartbeats(database)
        assert database.read(epoch.held) is None
    database.close()
    assert max(Counter(recipient for recipient, _ in world.accepted).values()) == 1
    assert len(world.accepted) == MAILS
