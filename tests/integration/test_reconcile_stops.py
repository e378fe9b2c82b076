"""Pauses, holds and doubts around the loss of a database: none of them lets a mail leave that had left before it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.outcome import Accepted, Outcome, Uncertain
from sequencer.core.reason import Reason
from sequencer.engine import rescue, stops
from sequencer.engine.reconciling import Words
from sequencer.inbound.maildir import Maildir
from sequencer.store import people, sends
from tests.integration.mail_room import ANA
from tests.integration.restored import Restored, someone


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Restored]:
    room = Restored(tmp_path)
    room.keep()
    yield room
    room.close()


def nothing(room: Restored) -> None:
    """Nobody does anything."""


def settle(room: Restored) -> None:
    """A copy of the uncertain mail is found."""

    def found(connection: Connection) -> None:
        (row,) = sends.in_state(connection, "uncertain")
        rescue.settle_as_sent(connection, room.advance, row, "sent_folder", room.clock.now())

    room.database.write(found)


def pause(room: Restored) -> None:
    room.database.write(lambda c: stops.pause_person(c, room.advance, "jo@jo.test", "ana", room.clock.now()))


def resume(room: Restored) -> None:
    room.database.write(lambda c: stops.resume_person(c, room.advance, "jo@jo.test", "ana", room.clock.now()))


Act = Callable[[Restored], None]
ACCEPTED, UNCERTAIN = Accepted(250, "OK"), Uncertain("no answer", "dot")
# what came of the first mail, what stood when the copy was made, what ended it before the loss, what came after it
STOPS: dict[str, tuple[Outcome, Act, Act, Act]] = {
    "a doubt, settled again": (UNCERTAIN, nothing, settle, settle),
    "a pause, lifted again": (ACCEPTED, pause, resume, resume),
    "a pause that is new": (ACCEPTED, nothing, nothing, pause),
}


@pytest.mark.parametrize(("outcome", "before", "meanwhile", "after"), STOPS.values(), ids=STOPS)
def test_what_is_put_or_lifted_after_the_loss_does_not_say_that_nothing_left_before_it(
    room: Restored, outcome: Outcome, before: Act, meanwhile: Act, after: Act
) -> None:
    enrollment = someone(room, "jo")
    room.send_due(outcome)
    (first,) = room.database.read(lambda c: sends.raw_bytes(c, [1])).values()
    Maildir(room.maildir).append_sent(first)
    before(room)
    room.keep()
    room.clock.forward(minutes=1)
    meanwhile(room)
    room.clock.forward(days=3)
    room.inbox_read()
    room.send(filed=False)
    room.lose()
    room.clock.forward(minutes=10)
    after(room)
    assert [row.step for row in room.reconcile().doubts] == ["bump"]
    assert room.progress(enrollment) == room.folded(enrollment)
    room.clock.forward(days=3)
    room.inbox_read()
    room.send()
    assert (room.kinds_of("sent"), room.kinds_of("person")) == ([("jo@jo.test", "intro")], [("jo@jo.test", "bump")])


def test_who_stands_still_may_have_gone_on_in_the_time_that_is_lost(room: Restored) -> None:
    someone(room, "jo")
    room.send()
    pause(room)
    room.keep()
    room.clock.forward(minutes=1)
    resume(room)
    room.clock.forward(days=3)
    room.inbox_read()
    room.send(filed=False)
    room.lose()
    assert [row.step for row in room.reconcile().doubts] == ["bump"]
    resume(room)
    room.clock.forward(days=3)
    room.inbox_read()
    room.send()
    assert (room.kinds_of("sent"), room.kinds_of("person")) == ([("jo@jo.test", "intro")], [("jo@jo.test", "bump")])


def test_who_cannot_be_written_to_is_not_doubted(room: Restored) -> None:
    """Their address failed, and until somebody mends it no mail leaves; there are many of them."""
    someone(room, "jo")
    room.send_due(Accepted(250, "OK"))
    room.database.write(lambda c: people.invalidate_address(c, "jo@jo.test", "5.1.1"))
    someone(room, "bo")
    room.keep()
    room.clock.forward(days=3)
    room.inbox_read()
    room.send(filed=False)
    room.lose()
    assert [row.address for row in room.reconcile(Words(doubted=frozenset({ANA}))).doubts] == ["bo@bo.test"]


def test_an_enrollment_that_broke_since_the_loss_keeps_nobody_from_reconciling(room: Restored) -> None:
    broken = someone(room, "jo")
    room.send()
    someone(room, "bo")
    room.keep()
    room.send(filed=False)
    room.lose()
    room.clock.forward(minutes=10)
    room.record(broken, e.WentTo(step="intro", target="gone", as_of=room.clock.now()))
    assert room.progress(broken).hold(Reason.BUG)
    assert [row.address for row in room.reconcile().doubts] == ["bo@bo.test"]
