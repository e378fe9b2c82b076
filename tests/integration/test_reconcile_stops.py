"""Pauses, holds and doubts around the loss of a database: none of them lets a mail leave that had left before it."""

from collections.abc import Callable

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


def nothing(restored: Restored) -> None:
    """Nobody does anything."""


def settle(restored: Restored) -> None:
    """A copy of the uncertain mail is found."""

    def found(connection: Connection) -> None:
        (row,) = sends.in_state(connection, "uncertain")
        rescue.settle_as_sent(connection, restored.advance, row, "sent_folder", restored.clock.now())

    restored.database.write(found)


def pause(restored: Restored) -> None:
    restored.database.write(
        lambda c: stops.pause_person(c, restored.advance, "jo@jo.test", "ana", restored.clock.now())
    )


def resume(restored: Restored) -> None:
    restored.database.write(
        lambda c: stops.resume_person(c, restored.advance, "jo@jo.test", "ana", restored.clock.now())
    )


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
    restored: Restored, outcome: Outcome, before: Act, meanwhile: Act, after: Act
) -> None:
    enrollment = someone(restored, "jo")
    restored.send_due(outcome)
    (first,) = restored.database.read(lambda c: sends.raw_bytes(c, [1])).values()
    Maildir(restored.maildir).append_sent(first)
    before(restored)
    restored.keep()
    restored.clock.forward(minutes=1)
    meanwhile(restored)
    restored.send_after(days=3, filed=False)
    restored.lose()
    restored.clock.forward(minutes=10)
    after(restored)
    assert [row.step for row in restored.reconcile().doubts] == ["bump"]
    assert restored.progress(enrollment) == restored.folded(enrollment)
    restored.send_after(days=3)
    assert (restored.kinds_of("sent"), restored.kinds_of("person")) == (
        [("jo@jo.test", "intro")],
        [("jo@jo.test", "bump")],
    )


def test_who_stands_still_may_have_gone_on_in_the_time_that_is_lost(restored: Restored) -> None:
    someone(restored, "jo")
    restored.send()
    pause(restored)
    restored.keep()
    restored.clock.forward(minutes=1)
    resume(restored)
    restored.send_after(days=3, filed=False)
    restored.lose()
    assert [row.step for row in restored.reconcile().doubts] == ["bump"]
    resume(restored)
    restored.send_after(days=3)
    assert (restored.kinds_of("sent"), restored.kinds_of("person")) == (
        [("jo@jo.test", "intro")],
        [("jo@jo.test", "bump")],
    )


def test_who_cannot_be_written_to_is_not_doubted(restored: Restored) -> None:
    """Their address failed, and until somebody mends it no mail leaves; there are many of them."""
    someone(restored, "jo")
    restored.send_due(Accepted(250, "OK"))
    restored.database.write(lambda c: people.invalidate_address(c, "jo@jo.test", "5.1.1"))
    someone(restored, "bo")
    restored.keep()
    restored.send_after(days=3, filed=False)
    restored.lose()
    assert [row.address for row in restored.reconcile(Words(doubted=frozenset({ANA}))).doubts] == ["bo@bo.test"]


def test_an_enrollment_that_broke_since_the_loss_keeps_nobody_from_reconciling(restored: Restored) -> None:
    broken = someone(restored, "jo")
    restored.send()
    someone(restored, "bo")
    restored.keep()
    restored.send(filed=False)
    restored.lose()
    restored.clock.forward(minutes=10)
    restored.record(broken, e.WentTo(step="intro", target="gone", as_of=restored.clock.now()))
    assert restored.progress(broken).hold(Reason.BUG)
    assert [row.address for row in restored.reconcile().doubts] == ["bo@bo.test"]
