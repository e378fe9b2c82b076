"""What reconciling makes of mail that may have left and of which no copy is found: a person's word, or proof later."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sequencer.core.outcome import Deferred, Refused, Uncertain
from sequencer.core.reason import Reason
from sequencer.engine import settling, stops
from sequencer.engine.reconciling import Words
from sequencer.errors import InputError
from sequencer.inbound.maildir import Maildir
from sequencer.store import epoch, sends
from tests.integration.installation import SEQUENCE
from tests.integration.mail_room import ANA, bounce, mail
from tests.integration.restored import Restored, someone


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Restored]:
    room = Restored(tmp_path)
    room.keep()
    yield room
    room.close()


def test_what_was_counted_and_is_not_found_waits_for_a_word(room: Restored) -> None:
    someone(room, "jo")
    room.send()
    late, other = someone(room, "bo"), someone(room, "di")
    room.keep()
    room.send(filed=False)
    room.lose()
    done = room.reconcile()
    assert (done.lifted, done.missing) == (True, 2)
    assert room.kinds_of("person") == [("bo@bo.test", "intro"), ("di@di.test", "intro")]
    assert room.progress(late).hold(Reason.UNCERTAIN)
    assert room.progress(other) == room.folded(other)


@pytest.mark.parametrize("evidence", ["sent_folder", "bounce", "reply"])
async def test_what_waits_for_a_word_is_settled_by_what_names_it_later(room: Restored, evidence: str) -> None:
    """The copy had no bytes of it, so nothing but the touch tells its id."""
    someone(room, "jo")
    room.send()
    late = room.person("bo@bo.test")
    enrollment = room.enroll(late)
    room.keep()
    room.send(filed=False)
    left = room.sent(late)
    raw = room.database.read(lambda connection: sends.raw_bytes(connection, [left.id]))[left.id]
    room.lose()
    assert [row.message_id for row in room.reconcile().doubts] == [left.message_id]
    room.clock.forward(minutes=5)
    if evidence == "sent_folder":
        Maildir(room.maildir).append_sent(raw)
    elif evidence == "bounce":
        room.deliver(bounce("elsewhere@bo.test", status="4.2.2", about=left.message_id))
    else:
        room.deliver(mail(sender="Max <max@else.test>", answers=left.message_id, at=room.clock.now()))
    await room.read()
    after = room.sent(late)
    assert (after.state, after.settled_by, after.message_id) == ("sent", evidence, left.message_id)
    assert room.progress(enrollment) == room.folded(enrollment)


def test_a_doubted_mail_that_is_sent_once_more_has_an_id_of_its_own(room: Restored) -> None:
    """Its bytes are lost, so what leaves is another mail."""
    someone(room, "jo")
    room.send()
    late = room.person("bo@bo.test")
    room.enroll(late)
    room.keep()
    room.send(filed=False)
    left = room.sent(late)
    room.lose()
    (doubt,) = room.reconcile().doubts
    now = room.clock.now()
    room.database.write(lambda connection: settling.send_again(connection, room.advance, doubt.id, "ana", now))
    attempts = room.database.read(lambda connection: sends.sends_of(connection, late))
    assert [row.attempt for row in attempts if row.message_id == left.message_id] == [1]
    room.clock.forward(days=1)
    room.inbox_read()
    room.send()
    again = room.sent(late)
    assert (again.state, again.attempt) == ("sent", 2)
    assert again.message_id != left.message_id


def test_a_further_attempt_that_a_person_had_allowed_waits_for_a_word(room: Restored) -> None:
    """A definite no, a rep's word at night, the copy: what may have left in the morning is the second attempt."""
    someone(room, "jo")
    room.send()
    late = room.person("bo@bo.test")
    enrollment = room.enroll(late)
    room.send_due(Refused(554, "no", "data", "5.7.1"))
    room.clock.forward(hours=12)
    room.database.write(lambda c: stops.resume_person(c, room.advance, "bo@bo.test", "ana", room.clock.now()))
    room.keep()
    room.clock.forward(hours=12)
    room.inbox_read()
    room.send(filed=False)
    assert (room.sent(late).state, room.sent(late).attempt) == ("sent", 2)
    room.lose()
    assert [(row.address, row.attempt) for row in room.reconcile().doubts] == [("bo@bo.test", 2)]
    assert room.progress(enrollment) == room.folded(enrollment)


@pytest.mark.parametrize("hours", [5, 30], ids=["over by then", "still standing"])
def test_what_may_have_left_after_a_pause_waits_for_a_word(room: Restored, hours: int) -> None:
    """The copy knows the pause, and no daemon has taken it since; one that still stands may have been ended early."""
    someone(room, "jo")
    room.send()
    late = room.person("bo@bo.test")
    enrollment = room.enroll(late)
    until = room.clock.now() + timedelta(hours=hours)
    room.database.write(
        lambda c: stops.pause_person(c, room.advance, "bo@bo.test", "ana", room.clock.now(), lambda _: until)
    )
    room.keep()
    room.clock.forward(days=1)
    room.inbox_read()
    someone(room, "di")
    room.send(filed=False)
    room.lose()
    doubts = room.reconcile().doubts
    assert [row.address for row in doubts] == ["bo@bo.test"]
    assert room.progress(enrollment) == room.folded(enrollment)
    room.clock.forward(days=1)
    room.inbox_read()
    room.send()
    assert [row.state for row in room.database.read(lambda c: sends.sends_of(c, late))] == ["person"]


def test_a_follow_up_may_have_left_behind_a_mail_whose_copy_does_not_tell_when(room: Restored) -> None:
    """That mail was put off, and its copy has the Date of the first try: it may have left right after the copy."""
    someone(room, "jo")
    room.send_due(Deferred(451, "try later", "rcpt", "4.7.1"))
    room.clock.forward(minutes=1)
    room.keep()
    room.clock.forward(days=1)
    room.inbox_read()
    room.send()
    room.clock.forward(days=3)
    room.inbox_read()
    room.send(filed=False)
    room.lose()
    room.clock.forward(minutes=5)
    done = room.reconcile()
    assert [row.step for row in done.left] == ["intro"]
    assert [row.step for row in done.doubts] == ["bump"]


def test_a_follow_up_may_have_left_in_the_last_second_that_is_lost(room: Restored) -> None:
    """Its wait began when the found mail left, and not at the end of the second that its copy names."""
    someone(room, "jo")
    room.keep()
    room.send()
    room.clock.forward(days=2)
    room.inbox_read()
    room.send(filed=False)
    room.lose()
    room.clock.forward(minutes=5)
    done = room.reconcile()
    assert ([row.step for row in done.left], [row.step for row in done.doubts]) == (["intro"], ["bump"])


def test_a_doubt_of_another_sequence_is_not_settled_by_what_left_behind_it(room: Restored) -> None:
    """Somebody gave it up, perhaps, or asked for it once more: nobody knows, so nobody says that it arrived."""
    person = room.person("jo@jo.test")
    doubted = room.enroll(person)
    room.send_due(Uncertain("no answer", "dot"))
    room.apply("beside", SEQUENCE)
    beside = room.enroll_beside(person, "beside", "intro")
    open_id = room.sent(person).id
    room.keep()
    room.database.write(lambda c: settling.give_up(c, room.advance, open_id, "ana", room.clock.now()))
    room.clock.forward(days=1)
    room.inbox_read()
    room.send()
    room.lose()
    assert [row.enrollment_id for row in room.reconcile().left] == [beside]
    states = {row.enrollment_id: row.state for row in room.database.read(lambda c: sends.sends_of(c, person))}
    assert states == {doubted: "uncertain", beside: "sent"}
    for enrollment in (doubted, beside):
        assert room.progress(enrollment) == room.folded(enrollment)
    assert room.progress(doubted).hold(Reason.UNCERTAIN)
    assert room.progress(beside).touches["intro"].state == "sent"


def test_a_trusted_mailbox_sends_what_was_not_found(room: Restored) -> None:
    someone(room, "jo")
    room.send()
    someone(room, "bo")
    room.keep()
    room.send(filed=False)
    room.lose()
    assert room.reconcile(Words(trusted=frozenset({ANA}))).doubts == ()
    room.send()
    assert room.kinds_of("sent") == [("bo@bo.test", "intro"), ("jo@jo.test", "intro")]


def test_a_sent_folder_without_what_is_known_as_sent_proves_nothing(room: Restored) -> None:
    someone(room, "jo")
    room.send(filed=False)
    room.clock.forward(minutes=30)
    someone(room, "bo")
    room.keep()
    room.send(filed=False)
    room.lose()
    done = room.reconcile()
    assert [each.mailbox for each in done.unsaid] == [ANA]
    assert not done.lifted
    assert room.database.read(epoch.held)
    assert [row.address for row in room.reconcile(Words(doubted=frozenset({ANA}))).doubts] == ["bo@bo.test"]
    with pytest.raises(InputError, match="nothing is held"):
        room.reconcile()
