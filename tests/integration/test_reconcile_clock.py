"""What reconciling makes of mail that left while the clock was ahead, or of a clock that is behind now.

What a daemon knows of such mail it keeps as it is: its instant is still to come, and until then it counts as now
(LIFECYCLE). A restored database must not know it as older than that, nor take it for one that was not due yet.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sequencer.app import epoch_path
from sequencer.engine.doubting import LATE_BY
from sequencer.engine.reconciling import Words
from sequencer.store import epoch, epoch_file, sends
from sequencer.store.epoch import Amnesia, Epoch
from tests.fresh import on_backend
from tests.integration.installation import KEY
from tests.integration.mail_room import ANA, MailRoom
from tests.integration.restored import Restored
from tests.integration.typed import typed_in

DAY = timedelta(days=1)
LONG_AGO = datetime(2020, 1, 13, 9, tzinfo=UTC)  # a Monday
NEXT_CENTURY = datetime(2126, 11, 25, 9, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize("hours", [2, 24], ids=["behind for a while, right when it left", "ahead when it left"])
def test_a_mail_whose_copy_is_of_an_instant_to_come_counts_from_then(restored: Restored, hours: int) -> None:
    """Of the two nobody can tell which it is; had it counted as of now, a clock set right would break gap and week."""
    person = restored.person("jo@jo.test")
    restored.enroll(person)
    restored.keep()
    restored.clock.forward(minutes=10, seconds=0.5)
    restored.send()
    left_at = restored.clock.now()
    restored.clock.forward(hours=-hours)
    restored.lose(written_at=left_at)
    restored.clock.forward(minutes=5)
    assert [row.step for row in restored.reconcile().left] == ["intro"]
    counted_at = restored.sent(person).sending_at
    assert counted_at is not None
    assert left_at <= counted_at <= left_at + LATE_BY


@pytest.mark.parametrize("known_by", ["the epoch file", "a copy that was filed"])
def test_what_was_due_by_a_clock_that_was_ahead_may_have_left(restored: Restored, known_by: str) -> None:
    """Nobody filed the follow-up. Set right, the clock says that it is not due before tomorrow, and yet it left."""
    person = restored.person("jo@jo.test")
    restored.enroll(person)
    restored.send()
    restored.keep()
    kept_at = restored.clock.now()
    restored.send_after(days=3, filed=False)
    assert restored.sent(person).step == "bump"
    restored.enroll(restored.person("max@max.test"))
    restored.clock.forward(minutes=1)
    restored.send(filed=known_by != "the epoch file")
    left_at = restored.clock.now()
    restored.clock.to(kept_at + DAY)
    restored.lose(written_at=left_at if known_by == "the epoch file" else None)
    done = restored.reconcile()
    assert [(row.prospect_id, row.step) for row in done.doubts] == [(person, "bump")]
    restored.send_after(days=3)
    states = [row.state for row in restored.database.read(lambda c: sends.sends_of(c, person)) if row.step == "bump"]
    assert states == ["person"], "it is not sent again"


def test_who_was_enrolled_since_the_loss_did_not_get_the_lost_ones_mail_by_a_clock_set_back_either(
    restored: Restored,
) -> None:
    """They have the number of the lost enrollment, and began before the last instant that the copy knows."""
    restored.enroll(restored.person("max@max.test"))
    restored.clock.forward(days=1)
    restored.database.write(epoch.beat)
    restored.keep()
    restored.enroll(restored.person("jo@jo.test"))
    restored.send()
    restored.clock.forward(days=-1)
    restored.lose()
    enrollment = restored.enroll(restored.person("bo@bo.test"))
    done = restored.reconcile()
    assert [row.address for row in done.left] == ["max@max.test"]
    assert [copy.recipients for copy in done.lost] == [("jo@jo.test",)]
    assert restored.progress(enrollment).touches == {}


def test_the_command_takes_the_date_of_the_epoch_file_also_where_it_is_to_come(restored: Restored) -> None:
    person = restored.person("jo@jo.test")
    restored.clock.to(NEXT_CENTURY)
    restored.enroll(person)
    restored.send()
    restored.keep()
    restored.send_after(days=3, filed=False)
    with epoch_file.opened(epoch_path(restored.config), KEY) as file:
        file.write(Epoch(100, 50))
    written_at = restored.clock.now().timestamp()
    os.utime(epoch_path(restored.config), (written_at, written_at))
    restored.lose()
    said = typed_in(restored.folder, "db", "reconcile", "--doubt", ANA, "--json", "--as", "ana")
    assert said.code == 0, said.err
    assert [(one["address"], one["step"]) for one in said.json["doubts"]] == [("jo@jo.test", "bump")]


@pytest.mark.parametrize(("backend", "doubted"), [("sqlite", []), ("postgresql", ["jo@jo.test"])])
def test_where_daemons_share_a_database_one_files_date_does_not_end_the_lost_time(
    tmp_path: Path, backend: str, doubted: list[str]
) -> None:
    """The daemon of this file had stopped when the mail fell due; another one may have sent it."""
    with on_backend(backend):
        room = MailRoom(tmp_path)
        room.clock.to(LONG_AGO)
        room.enroll(room.person("jo@jo.test"))
        path, stopped_at = epoch_path(room.config), LONG_AGO - timedelta(minutes=30)
        with epoch_file.opened(path, KEY) as file:
            file.write(Epoch(100, 50))
        os.utime(path, (stopped_at.timestamp(), stopped_at.timestamp()))
        forgotten = Amnesia("it was restored", LONG_AGO, 1)
        room.database.write(lambda connection: epoch.hold(connection, forgotten, LONG_AGO + DAY))
        said = typed_in(room.folder, "db", "reconcile", "--doubt", ANA, "--json", "--as", "ana")
        room.close()
    assert said.code == 0, said.err
    assert [one["address"] for one in said.json["doubts"]] == doubted


@pytest.mark.parametrize("dated", [True, False], ids=["its copy tells when the first left", "it does not"])
def test_what_left_by_a_clock_that_was_ahead_when_the_loss_was_noticed_may_have_left(
    restored: Restored, dated: bool
) -> None:
    """Nobody counted, so no file tells when the last mail left; it was noticed by the clock of then (seed 31364)."""
    person = restored.person("jo@jo.test")
    restored.enroll(person)
    restored.keep()
    restored.send(filed=dated)
    if not dated:
        (raw,) = restored.database.read(restored.sent_bytes).values()
        restored.file(b"Date: Mon, 2 Nov 2026 09:00:00 +0000\r\n" + raw.partition(b"\r\n")[2])
    restored.send_after(days=3, filed=False)
    restored.lose(counted=False)
    restored.clock.forward(days=-2)
    done = restored.reconcile(Words(doubted=frozenset({ANA})))
    assert [row.step for row in done.left] == ["intro"]
    assert [row.step for row in done.doubts] == ["bump"]
