"""What becomes of a restored PostgreSQL database when several daemons had sent from it.

Each has an epoch file of its own, also those of one folder, and after the restore only one of them may start. Those of
other hosts see no file but their own.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url

from sequencer.app import KEY as INSTALLATION_KEY
from sequencer.app import daemons_max, epoch_path
from sequencer.engine.amnesia import begin, notice
from sequencer.errors import StoreError
from sequencer.store import epoch, epoch_file, scopes
from sequencer.store.epoch import Amnesia, Epoch
from tests.fresh import on_backend, open_database
from tests.integration.installation import KEY
from tests.integration.mail_room import ANA, MailRoom
from tests.integration.typed import typed_in
from tests.postgresql import shared_server

LONG_AGO = datetime(2020, 1, 13, 9, tzinfo=UTC)  # a Monday


def beat(room: MailRoom, path: Path, mails: int) -> None:
    raised = room.database.write(lambda connection: epoch.raise_epoch(connection, mails))
    with epoch_file.opened(path, KEY) as file:
        file.write(raised)


def start(room: MailRoom) -> Amnesia | None:
    """Why a daemon that starts now holds all sends."""
    with epoch_file.opened(epoch_path(room.config), KEY, daemons_max=daemons_max(room.config)) as file:
        return room.database.write(lambda connection: notice(connection, file, KEY, room.clock.now()))


@pytest.mark.postgresql
@pytest.mark.parametrize("ran", [False, True], ids=["no daemon has run", "after some heartbeats"])
def test_a_copy_under_another_name_on_the_same_server_is_held(tmp_path: Path, ran: bool) -> None:
    """As pg_restore into a new database, or CREATE DATABASE ... TEMPLATE, makes it."""
    with on_backend("postgresql"):
        room = MailRoom(tmp_path)
        room.database.write(lambda connection: begin(connection, epoch_path(room.config), KEY))
        assert start(room) is None
        for _ in range(3 if ran else 0):
            beat(room, epoch_path(room.config), 1)
        assert start(room) is None
        room.database.close()
        name = shared_server().create(str(make_url(room.database.url).database))
        room.database = open_database(shared_server().url(name))
        held = start(room)
        assert held is not None
        assert "another server or database" in held.why
        room.database.close()
        shared_server().drop(name)


@pytest.mark.postgresql
def test_a_daemon_that_starts_alone_after_a_restore_holds_what_another_may_have_sent(tmp_path: Path) -> None:
    """The first daemon had stopped before the copy was made; the second one sent to Jo after it, without a copy."""
    with on_backend("postgresql"):
        room = MailRoom(tmp_path)
        room.clock.to(LONG_AGO)
        first = epoch_path(room.config)
        second = first.with_name(f"{first.name}.2")
        room.enroll(room.person("jo@jo.test"))
        beat(room, first, 3)
        beat(room, second, 2)
        for name, value in ((INSTALLATION_KEY, KEY.hex()), (scopes.HIGHEST_INSTANT, LONG_AGO.isoformat())):
            room.database.write(partial(scopes.put_meta, key=name, value=value))
        kept = room.database.read(epoch.current)
        beat(room, second, 1)
        room.database.write(lambda connection: epoch.put(connection, kept))
        held = start(room)
        assert held is not None
        assert held.mails == 1
        said = typed_in(room.folder, "db", "reconcile", "--doubt", ANA, "--json", "--as", "ana")
        assert said.code == 0, said.err
        assert ([one["address"] for one in said.json["doubts"]], said.json["missing"]) == (["jo@jo.test"], 1)
        assert start(room) is None
        known = room.database.read(epoch.current)
        assert known > Epoch(kept.number + 1, kept.mails + 1)
        assert [epoch_file.look(each, KEY).epoch for each in (first, second)] == [known, known]
        room.close()


@pytest.mark.postgresql
def test_a_daemon_that_runs_through_a_restore_counts_what_another_sent_meanwhile(tmp_path: Path) -> None:
    """It read the other's file when it started; with too low a count everything lost would seem to be found."""
    with on_backend("postgresql"):
        room = MailRoom(tmp_path)
        first = epoch_path(room.config)
        beat(room, first, 3)
        with epoch_file.opened(first, KEY, daemons_max=daemons_max(room.config)) as file:
            kept = room.database.read(epoch.current)
            file.write(room.database.write(lambda connection: epoch.raise_epoch(connection, 2)))
            beat(room, first.with_name(f"{first.name}.2"), 1)
            room.database.write(lambda connection: epoch.put(connection, kept))
            held = room.database.write(lambda connection: notice(connection, file, KEY, room.clock.now()))
        assert held is not None
        assert held.mails == 3
        room.close()


class Hosts:
    """Two daemons of one database, each in a folder of its own, which lost what both had sent since the copy."""

    def __init__(self, tmp_path: Path, room: MailRoom, here: int, there: int) -> None:
        self._room, self.here, self.there = room, epoch_path(room.config), tmp_path / "another host" / "sequencer.epoch"
        self.there.parent.mkdir()
        for name, value in ((INSTALLATION_KEY, KEY.hex()), (scopes.HIGHEST_INSTANT, LONG_AGO.isoformat())):
            room.database.write(partial(scopes.put_meta, key=name, value=value))
        for path in (self.here, self.there):
            beat(room, path, 2)
        kept = room.database.read(epoch.current)
        for path, mails in ((self.here, here), (self.there, there)):
            beat(room, path, mails)
        room.database.write(lambda connection: epoch.put(connection, kept))

    def held(self, path: Path) -> Amnesia | None:
        with epoch_file.opened(path, KEY, daemons_max=daemons_max(self._room.config)) as file:
            return self._room.database.write(lambda connection: notice(connection, file, KEY, self._room.clock.now()))


@pytest.fixture
def shared_room(tmp_path: Path) -> Iterator[MailRoom]:
    with on_backend("postgresql"):
        room = MailRoom(tmp_path)
        room.clock.to(LONG_AGO)
        yield room
        room.close()


@pytest.mark.postgresql
def test_a_loss_counts_what_a_daemon_of_another_folder_sent(tmp_path: Path, shared_room: MailRoom) -> None:
    """Neither sees the other's file: by its own alone all that was lost would seem to be found."""
    hosts = Hosts(tmp_path, shared_room, here=1, there=3)
    first = hosts.held(hosts.here)
    assert first is not None
    assert first.mails == 1
    for path in (hosts.there, hosts.here, hosts.there):
        held = hosts.held(path)
        assert held is not None
        assert held.mails == 1 + 3, "each file counts once, however often its daemon starts"


@pytest.mark.postgresql
def test_what_was_found_before_a_further_daemon_was_heard_stays_found(tmp_path: Path, shared_room: MailRoom) -> None:
    hosts = Hosts(tmp_path, shared_room, here=2, there=1)
    first = hosts.held(hosts.here)
    assert first is not None
    shared_room.database.write(lambda connection: epoch.count_found(connection, first, 1))
    held = hosts.held(hosts.there)
    assert held is not None
    assert held.mails == 2 + 1 - 1


@pytest.mark.postgresql
def test_a_torn_file_of_another_folder_makes_no_count_less(tmp_path: Path, shared_room: MailRoom) -> None:
    """What its daemon sent nobody can count; what was counted is missing all the same."""
    hosts = Hosts(tmp_path, shared_room, here=1, there=1)
    hosts.held(hosts.here)
    hosts.there.write_bytes(b"torn" * 3000)
    held = hosts.held(hosts.there)
    assert held is not None
    assert held.mails == 1


@pytest.mark.postgresql
def test_a_daemon_whose_heartbeat_was_rolled_back_counts_at_its_next(tmp_path: Path, shared_room: MailRoom) -> None:
    hosts = Hosts(tmp_path, shared_room, here=1, there=3)
    hosts.held(hosts.here)

    def lost(connection: Connection) -> None:
        notice(connection, file, KEY, LONG_AGO)
        raise StoreError("the connection was lost")

    with epoch_file.opened(hosts.there, KEY, daemons_max=daemons_max(shared_room.config)) as file:
        with pytest.raises(StoreError):
            shared_room.database.write(lost)
        held = shared_room.database.write(lambda connection: notice(connection, file, KEY, LONG_AGO))
    assert held is not None
    assert held.mails == 1 + 3


@pytest.mark.postgresql
def test_a_count_that_comes_after_a_hold_without_one_counts(tmp_path: Path, shared_room: MailRoom) -> None:
    """The first daemon saw that the server is another, and had no file that tells more."""
    hosts = Hosts(tmp_path, shared_room, here=0, there=3)
    shared_room.database.write(lambda connection: epoch.hold(connection, Amnesia("", LONG_AGO, None), LONG_AGO))
    assert hosts.held(hosts.here) == Amnesia("", LONG_AGO, None)
    assert hosts.held(hosts.there) == Amnesia("", LONG_AGO, 3)


@pytest.mark.postgresql
def test_after_reconciling_in_one_folder_the_daemon_of_another_goes_on(tmp_path: Path, shared_room: MailRoom) -> None:
    hosts = Hosts(tmp_path, shared_room, here=1, there=30)
    hosts.held(hosts.here)
    hosts.held(hosts.there)
    said = typed_in(shared_room.folder, "db", "reconcile", "--trust", ANA, "--json", "--as", "ana")
    assert said.code == 0, said.err
    assert said.json["missing"] == 31
    assert (hosts.held(hosts.here), hosts.held(hosts.there)) == (None, None)


@pytest.mark.postgresql
def test_that_all_counted_mails_were_found_does_not_speak_for_a_mailbox_that_cannot_tell(
    tmp_path: Path, shared_room: MailRoom
) -> None:
    """A daemon of another folder that was not heard may have sent from it."""
    hosts = Hosts(tmp_path, shared_room, here=0, there=1)
    shared_room.enroll(shared_room.person("jo@jo.test"))
    held = hosts.held(hosts.here)
    assert held is not None
    assert held.mails == 0
    said = typed_in(shared_room.folder, "db", "reconcile", "--json", "--as", "ana")
    assert [one["mailbox"] for one in said.json["unsaid"]] == [ANA]
    assert not said.json["lifted"]
