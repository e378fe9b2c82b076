"""What reconciling makes of mail that may have left and of which no copy is found: a person's word, or proof later."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from sequencer.core.outcome import Deferred, Refused, Uncertain
from sequencer.core.reason import Reason
from sequencer.engine import settling, stops
from sequencer.engine.reconciling import Words
from sequencer.errors import InputError
from sequencer.inbound.maildir import Maildir
from sequencer.mail.compose import digest_in
from sequencer.store import epoch, sends
from sequencer.store.epoch import Amnesia
from tests.integration.installation import SEQUENCE
from tests.integration.mail_room import ANA, bounce, mail
from tests.integration.restored import Restored, someone


def test_what_was_counted_and_is_not_found_waits_for_a_word(restored: Restored) -> None:
    someone(restored, "jo")
    restored.send()
    late, other = someone(restored, "bo"), someone(restored, "di")
    restored.keep()
    restored.send(filed=False)
    restored.lose()
    done = restored.reconcile()
    assert (done.lifted, done.missing) == (True, 2)
    assert restored.kinds_of("person") == [("bo@bo.test", "intro"), ("di@di.test", "intro")]
    assert restored.progress(late).hold(Reason.UNCERTAIN)
    assert restored.progress(other) == restored.folded(other)


@pytest.mark.parametrize("evidence", ["sent_folder", "bounce", "reply"])
async def test_what_waits_for_a_word_is_settled_by_what_names_it_later(restored: Restored, evidence: str) -> None:
    """The copy had no bytes of it, so nothing but the touch tells its id."""
    someone(restored, "jo")
    restored.send()
    late = restored.person("bo@bo.test")
    enrollment = restored.enroll(late)
    restored.keep()
    restored.send(filed=False)
    left = restored.sent(late)
    raw = restored.database.read(lambda connection: sends.raw_bytes(connection, [left.id]))[left.id]
    restored.lose()
    assert [row.message_id for row in restored.reconcile().doubts] == [left.message_id]
    restored.clock.forward(minutes=5)
    if evidence == "sent_folder":
        Maildir(restored.maildir).append_sent(raw)
    elif evidence == "bounce":
        restored.deliver(bounce("elsewhere@bo.test", status="4.2.2", about=left.message_id))
    else:
        restored.deliver(mail(sender="Max <max@else.test>", answers=left.message_id, at=restored.clock.now()))
    await restored.read()
    after = restored.sent(late)
    assert (after.state, after.settled_by, after.message_id) == ("sent", evidence, left.message_id)
    assert restored.progress(enrollment) == restored.folded(enrollment)


def test_a_doubted_mail_that_is_sent_once_more_has_an_id_of_its_own(restored: Restored) -> None:
    """Its bytes are lost, so what leaves is another mail."""
    someone(restored, "jo")
    restored.send()
    late = restored.person("bo@bo.test")
    restored.enroll(late)
    restored.keep()
    restored.send(filed=False)
    left = restored.sent(late)
    restored.lose()
    (doubt,) = restored.reconcile().doubts
    now = restored.clock.now()
    restored.database.write(lambda connection: settling.send_again(connection, restored.advance, doubt.id, "ana", now))
    attempts = restored.database.read(lambda connection: sends.sends_of(connection, late))
    assert [row.attempt for row in attempts if row.message_id == left.message_id] == [1]
    restored.send_after(days=1)
    again = restored.sent(late)
    assert (again.state, again.attempt) == ("sent", 2)
    assert again.message_id != left.message_id


def test_a_further_attempt_that_a_person_had_allowed_waits_for_a_word(restored: Restored) -> None:
    """A definite no, a rep's word at night, the copy: what may have left in the morning is the second attempt."""
    someone(restored, "jo")
    restored.send()
    late = restored.person("bo@bo.test")
    enrollment = restored.enroll(late)
    restored.send_due(Refused(554, "no", "data", "5.7.1"))
    restored.clock.forward(hours=12)
    restored.database.write(
        lambda c: stops.resume_person(c, restored.advance, "bo@bo.test", "ana", restored.clock.now())
    )
    restored.keep()
    restored.send_after(hours=12, filed=False)
    assert (restored.sent(late).state, restored.sent(late).attempt) == ("sent", 2)
    restored.lose()
    assert [(row.address, row.attempt) for row in restored.reconcile().doubts] == [("bo@bo.test", 2)]
    assert restored.progress(enrollment) == restored.folded(enrollment)


@pytest.mark.parametrize("hours", [5, 30], ids=["over by then", "still standing"])
def test_what_may_have_left_after_a_pause_waits_for_a_word(restored: Restored, hours: int) -> None:
    """The copy knows the pause, and no daemon has taken it since; one that still stands may have been ended early."""
    someone(restored, "jo")
    restored.send()
    late = restored.person("bo@bo.test")
    enrollment = restored.enroll(late)
    until = restored.clock.now() + timedelta(hours=hours)
    restored.database.write(
        lambda c: stops.pause_person(c, restored.advance, "bo@bo.test", "ana", restored.clock.now(), lambda _: until)
    )
    restored.keep()
    restored.clock.forward(days=1)
    restored.inbox_read()
    someone(restored, "di")
    restored.send(filed=False)
    restored.lose()
    doubts = restored.reconcile().doubts
    assert [row.address for row in doubts] == ["bo@bo.test"]
    assert restored.progress(enrollment) == restored.folded(enrollment)
    restored.send_after(days=1)
    assert [row.state for row in restored.database.read(lambda c: sends.sends_of(c, late))] == ["person"]


def test_a_follow_up_may_have_left_behind_a_mail_whose_copy_does_not_tell_when(restored: Restored) -> None:
    """That mail was put off, and its copy has the Date of the first try: it may have left right after the copy."""
    someone(restored, "jo")
    restored.send_due(Deferred(451, "try later", "rcpt", "4.7.1"))
    restored.clock.forward(minutes=1)
    restored.keep()
    restored.send_after(days=1)
    restored.send_after(days=3, filed=False)
    restored.lose()
    restored.clock.forward(minutes=5)
    done = restored.reconcile()
    assert [row.step for row in done.left] == ["intro"]
    assert [row.step for row in done.doubts] == ["bump"]


def test_a_follow_up_may_have_left_in_the_last_second_that_is_lost(restored: Restored) -> None:
    """Its wait began when the found mail left, and not at the end of the second that its copy names."""
    someone(restored, "jo")
    restored.keep()
    restored.send()
    restored.send_after(days=2, filed=False)
    restored.lose()
    restored.clock.forward(minutes=5)
    done = restored.reconcile()
    assert ([row.step for row in done.left], [row.step for row in done.doubts]) == (["intro"], ["bump"])


@pytest.mark.parametrize("named", ["nobody's", "a known one's", "a forgotten one's"])
def test_a_made_up_copy_does_not_make_the_lost_time_longer(restored: Restored, named: str) -> None:
    """It came to the inbox with an id in the form of ours, or one that its recipient knows, and a Date far ahead.

    Nothing after now was lost. It is listed, because it may be a copy that somebody moved, and counts for none.
    """
    jo = restored.person("jo@jo.test")
    restored.enroll(jo)
    restored.send(filed=named != "a forgotten one's")
    known = restored.sent(jo).message_id
    someone(restored, "max")
    bo = restored.person("bo@bo.test")
    restored.enroll(bo)
    restored.keep()
    restored.send(filed=False)
    ids = {
        "nobody's": f"<{'0' * 40}@ourco.test>",
        "a known one's": known,
        "a forgotten one's": restored.sent(bo).message_id,
    }
    restored.clock.forward(hours=1)
    restored.lose()
    ahead = format_datetime(restored.clock.now() + timedelta(days=90))
    assert digest_in(str(ids[named]))
    raw = f"From: <{ANA}>\r\nTo: <bo@bo.test>\r\nDate: {ahead}\r\nMessage-ID: {ids[named]}\r\n\r\nHi\r\n"
    restored.deliver(raw)
    restored.database.write(lambda c: epoch.count(c, Amnesia("", restored.clock.now(), 5)))
    done = restored.reconcile(Words(doubted=frozenset({ANA})))
    found = named == "a forgotten one's"
    assert done.missing == (4 if found else 5)
    assert [copy.recipients for copy in done.lost] == ([("bo@bo.test",)] if named == "nobody's" else [])
    assert {row.step for row in done.doubts} == {"intro"}
    assert all(lost.until <= restored.clock.now() for lost in restored.database.read(epoch.lost_times))


def test_a_mail_that_is_known_and_left_by_a_clock_years_ahead_does_not_make_the_lost_time_longer(
    restored: Restored,
) -> None:
    now = restored.clock.now()
    restored.clock.forward(days=3650)
    someone(restored, "jo")
    restored.send()
    restored.clock.to(now)
    restored.keep()
    restored.clock.forward(hours=1)
    restored.lose()
    restored.database.write(lambda c: epoch.count(c, Amnesia("", now, 5)))
    restored.reconcile(Words(doubted=frozenset({ANA})))
    assert [lost.until for lost in restored.database.read(epoch.lost_times)] == [restored.clock.now()]


def test_a_doubt_of_another_sequence_is_not_settled_by_what_left_behind_it(restored: Restored) -> None:
    """Somebody gave it up, perhaps, or asked for it once more: nobody knows, so nobody says that it arrived."""
    person = restored.person("jo@jo.test")
    doubted = restored.enroll(person)
    restored.send_due(Uncertain("no answer", "dot"))
    restored.apply("beside", SEQUENCE)
    beside = restored.enroll_beside(person, "beside", "intro")
    open_id = restored.sent(person).id
    restored.keep()
    restored.database.write(lambda c: settling.give_up(c, restored.advance, open_id, "ana", restored.clock.now()))
    restored.send_after(days=1)
    restored.lose()
    assert [row.enrollment_id for row in restored.reconcile().left] == [beside]
    states = {row.enrollment_id: row.state for row in restored.database.read(lambda c: sends.sends_of(c, person))}
    assert states == {doubted: "uncertain", beside: "sent"}
    for enrollment in (doubted, beside):
        assert restored.progress(enrollment) == restored.folded(enrollment)
    assert restored.progress(doubted).hold(Reason.UNCERTAIN)
    assert restored.progress(beside).touches["intro"].state == "sent"


def test_a_trusted_mailbox_sends_what_was_not_found(restored: Restored) -> None:
    someone(restored, "jo")
    restored.send()
    someone(restored, "bo")
    restored.keep()
    restored.send(filed=False)
    restored.lose()
    assert restored.reconcile(Words(trusted=frozenset({ANA}))).doubts == ()
    restored.send()
    assert restored.kinds_of("sent") == [("bo@bo.test", "intro"), ("jo@jo.test", "intro")]


def test_a_sent_folder_without_what_is_known_as_sent_proves_nothing(restored: Restored) -> None:
    someone(restored, "jo")
    restored.send(filed=False)
    restored.clock.forward(minutes=30)
    someone(restored, "bo")
    restored.keep()
    restored.send(filed=False)
    restored.lose()
    done = restored.reconcile()
    assert [each.mailbox for each in done.unsaid] == [ANA]
    assert not done.lifted
    assert restored.database.read(epoch.held)
    assert [row.address for row in restored.reconcile(Words(doubted=frozenset({ANA}))).doubts] == ["bo@bo.test"]
    with pytest.raises(InputError, match="nothing is held"):
        restored.reconcile()


def test_a_follow_up_is_doubted_where_the_copy_of_the_mail_before_was_filed_late(restored: Restored) -> None:
    """The first counts from when its copy was filed; it may have left long before, and its follow-up since (1198)."""
    enrollment = restored.enroll(restored.person("jo@jo.test"))
    restored.keep()
    restored.send(filed=False)
    (first,) = restored.database.read(restored.sent_bytes).values()
    restored.send_after(days=2, filed=False)
    restored.file(first, stamp=str(int((restored.clock.now() - timedelta(hours=1)).timestamp())))
    restored.lose()
    done = restored.reconcile()
    assert ([row.step for row in done.left], done.missing) == (["intro"], 1)
    assert [(row.enrollment_id, row.step) for row in done.doubts] == [(enrollment, "bump")]


def test_a_doubted_follow_up_that_is_sent_again_keeps_its_wait(restored: Restored) -> None:
    """Nobody knows whether it was due when it is doubted; a person's word does not bring it forward (seed 8251)."""
    restored.enroll(restored.person("jo@jo.test"))
    restored.keep()
    restored.send(filed=False)
    (first,) = restored.database.read(restored.sent_bytes).values()
    restored.send_after(days=2, filed=False)
    filed_at = restored.clock.now() - timedelta(hours=1)
    restored.file(first, stamp=str(int(filed_at.timestamp())))
    restored.lose()
    (doubted,) = restored.reconcile().doubts
    now = restored.clock.now()
    restored.database.write(
        lambda connection: settling.send_again(connection, restored.advance, doubted.id, "ana", now)
    )
    restored.send_after(days=1)
    assert restored.kinds_of("queued") == [("jo@jo.test", "bump")]
    restored.send_after(days=1)
    assert ("jo@jo.test", "bump") in restored.kinds_of("sent")
