"""What becomes of a restored PostgreSQL database when several daemons of one folder had sent from it.

Each has an epoch file of its own, and after the restore only one of them may start.
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from sequencer.app import KEY as INSTALLATION_KEY
from sequencer.app import daemons_max, epoch_path
from sequencer.engine.amnesia import notice
from sequencer.store import epoch, epoch_file, scopes
from sequencer.store.epoch import Amnesia, Epoch
from tests.fresh import on_backend
from tests.integration.installation import KEY
from tests.integration.mail_room import ANA, MailRoom
from tests.integration.typed import typed_in

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
