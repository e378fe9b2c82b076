"""What reconciling makes of each mail that left after the copy was made, in one process and without a wire."""

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from sequencer.core import events as e
from sequencer.core.outcome import Deferred, Outcome, Uncertain
from sequencer.core.ports import Cursor, FolderName, Settle, Wanted
from sequencer.core.reason import Reason
from sequencer.engine import settling, stops
from sequencer.engine.answers import SOMEBODY_ELSES
from sequencer.engine.arrivals import Walk, WalkStopped
from sequencer.engine.doubting import LATE_BY
from sequencer.engine.ours import ours_of
from sequencer.engine.reconciling import Reconciled, Words, reconcile
from sequencer.engine.sent_before import Reading, read_mailboxes
from sequencer.inbound.maildir import Maildir
from sequencer.store import epoch, inbox, sends, walks
from sequencer.store.epoch import Amnesia, Epoch
from tests.integration.installation import KEY
from tests.integration.mail_room import ANA, bounce, complaint, mail
from tests.integration.restored import NOTHING_SAID, Restored, forgotten_mail, someone


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Restored]:
    room = Restored(tmp_path)
    room.keep()
    yield room
    room.close()


def test_a_mail_that_was_queued_or_not_even_queued_counts_as_sent_when_it_left(room: Restored) -> None:
    queued = someone(room, "jo")
    room.database.write(lambda connection: room.advance.advance_due(connection, room.clock.now()))
    waiting = someone(room, "bo")
    room.keep()
    room.clock.forward(minutes=10)
    room.send()
    room.lose()
    done = room.reconcile()
    assert (done.lifted, done.missing, len(done.left), done.doubts) == (True, 0, 2, ())
    for enrollment in (queued, waiting):
        progress = room.progress(enrollment)
        assert (progress.step, progress.step_done, progress.flight, progress.holds) == ("intro", True, None, ())
        assert progress == room.folded(enrollment)
    rows = room.database.read(lambda connection: sends.in_state(connection, "sent"))
    assert {row.sending_at for row in rows} == {room.clock.now()}
    used = room.database.read(lambda c: sends.used(c, "mailbox", [ANA], room.clock.now().date()))
    assert used == {ANA: 2}


def test_a_forgotten_mail_counts_as_no_earlier_than_it_left(room: Restored) -> None:
    """Its copy's Date is of its bytes, in whole seconds, and limits are counted to the microsecond."""
    person = room.person("jo@jo.test")
    room.enroll(person)
    room.keep()
    room.clock.forward(minutes=10, seconds=0.614)
    room.send()
    left_at = room.clock.now()
    room.lose()
    room.clock.forward(minutes=5)
    assert len(room.reconcile().left) == 1
    counted_at = room.sent(person).sending_at
    assert counted_at is not None
    assert left_at <= counted_at <= left_at + LATE_BY


def test_a_person_who_got_two_steps_goes_on_at_the_third(room: Restored) -> None:
    enrollment = someone(room, "jo")
    room.keep()
    room.send()
    room.clock.forward(days=3)
    room.inbox_read()
    room.send()
    room.lose()
    assert [row.step for row in room.reconcile().left] == ["intro", "bump"]
    room.clock.forward(days=4)
    room.inbox_read()
    room.send()
    assert room.kinds_of("sent") == [("jo@jo.test", step) for step in ("breakup", "bump", "intro")]
    assert room.progress(enrollment) == room.folded(enrollment)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(Deferred(451, "try later", "rcpt", "4.7.1"), id="the server put it off"),
        pytest.param(Uncertain("no answer", "dot"), id="in doubt, and a person had it sent again"),
    ],
)
def test_a_mail_with_the_bytes_of_an_earlier_try_did_not_leave_then(room: Restored, before: Outcome) -> None:
    """Its copy's Date is of the first try: waits and limits would be counted from days too early."""
    person = room.person("jo@jo.test")
    enrollment = room.enroll(person)
    room.send_due(before)
    if isinstance(before, Uncertain):
        again, now = room.sent(person).id, room.clock.now()
        room.database.write(lambda connection: settling.send_again(connection, room.advance, again, "ana", now))
    room.clock.forward(minutes=1)
    room.keep()
    room.clock.forward(days=2)
    room.inbox_read()
    room.send()
    assert room.sent(person).sending_at == room.clock.now()
    room.lose()
    lost_at = room.clock.now()
    room.clock.forward(minutes=5)
    assert [row.step for row in room.reconcile().left] == ["intro"]
    assert room.sent(person).sending_at == lost_at, "as late as it may have left"
    (settled,) = [event for event in room.events(enrollment) if isinstance(event, e.TouchSettled)]
    assert settled.sent_at == lost_at


@pytest.mark.parametrize("filed", [True, False], ids=["its copy says", "an answer names it"])
def test_the_next_step_has_the_subject_of_the_forgotten_mail(room: Restored, filed: bool) -> None:
    """Where no copy tells the subject, it is what the first mail says."""
    _, left = forgotten_mail(room, filed=filed)
    if not filed:
        named = mail("I read it later.", sender="Jo <jo@jo.test>", answers=left.message_id, at=room.clock.now())
        room.deliver(named.replace("Subject:", "Auto-Submitted: auto-replied\nSubject:"))
    assert [row.step for row in room.reconcile(Words(trusted=frozenset({ANA}))).left] == ["intro"]
    room.clock.forward(days=3)
    room.inbox_read()
    room.send()
    follow_up = room.sent(left.prospect_id)
    assert (follow_up.step, follow_up.subject) == ("bump", f"Re: {left.subject}")


def test_an_answer_names_a_mail_of_which_no_copy_lies_in_sent(room: Restored) -> None:
    enrollment, left = forgotten_mail(room, filed=False)
    room.deliver(mail(sender="Jo <jo@jo.test>", answers=left.message_id, at=room.clock.now()))
    done = room.reconcile(Words(trusted=frozenset({ANA})))
    assert [row.step for row in done.left] == ["intro"]
    assert room.progress(enrollment).touches["intro"].state == "sent"


@pytest.mark.parametrize("report", [bounce, complaint], ids=["a bounce", "a complaint"])
def test_a_report_names_in_its_body_a_mail_of_which_no_copy_lies_in_sent(
    room: Restored, report: Callable[..., str]
) -> None:
    """Its header says nothing of the mail that it is about (RFC 3464, RFC 5965)."""
    enrollment, left = forgotten_mail(room, filed=False)
    room.deliver(report(recipient="jo@jo.test", about=left.message_id))
    done = room.reconcile(Words(trusted=frozenset({ANA})))
    assert ([row.step for row in done.left], done.missing) == (["intro"], 0)
    assert room.progress(enrollment).touches["intro"].state == "sent"


def test_a_report_that_cannot_be_parsed_hinders_nobody_from_reconciling(room: Restored) -> None:
    forgotten_mail(room)
    boundaries = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(2_000))
    room.deliver("From: MAILER-DAEMON@mx.test\nSubject: Undelivered Mail\n" + boundaries)
    assert [row.step for row in room.reconcile().left] == ["intro"]


async def test_a_mail_that_a_report_called_back_while_it_was_forgotten_is_not_sent_again(room: Restored) -> None:
    """The copy knows its bytes and not that they left; the report acts before anybody reconciles."""
    person = room.person("jo@jo.test")
    enrollment = room.enroll(person)
    room.render_due()
    room.keep()
    room.send(filed=False)
    left = room.sent(person)
    room.lose()
    room.deliver(bounce("jo@jo.test", status="4.2.2", text="452 4.2.2 mailbox full", about=left.message_id, number=1))
    room.deliver(bounce("jo@jo.test", about=left.message_id, number=2))
    await room.read()
    assert room.kinds_of("cancelled") == [("jo@jo.test", "intro")]
    room.reconcile()
    assert room.kinds_of("sent") == [("jo@jo.test", "intro")]
    room.database.write(
        lambda c: stops.resume_person(c, room.advance, "jo@jo.test", "ana", room.clock.now(), address_works=True)
    )
    await room.read()
    room.send()
    assert room.kinds_of("sent") == [("jo@jo.test", "intro")]
    assert room.progress(enrollment) == room.folded(enrollment)


async def test_the_daemon_does_not_take_a_forgotten_mail_for_the_reps_own_hand(room: Restored) -> None:
    enrollment = someone(room, "jo")
    room.keep()
    room.send()
    room.lose()
    await room.read()
    assert not room.progress(enrollment).pause(Reason.OWNER_WROTE)
    assert len(room.reconcile().left) == 1


async def test_an_answer_that_was_read_before_anybody_reconciled_stops_the_person(room: Restored) -> None:
    """From an address that nobody has: while its mail was forgotten, the answer was nobody's and was left alone."""
    enrollment, left = forgotten_mail(room)
    room.deliver(mail(sender="Max <max@else.test>", answers=left.message_id, at=room.clock.now()))
    await room.ingest.run_once(room.clock.now())
    assert room.progress(enrollment).finished is None
    room.reconcile()
    assert room.database.read(inbox.synced_at) == {}
    await room.ingest.run_once(room.clock.now())
    assert room.progress(enrollment).finished is not None or room.progress(enrollment).pauses


async def test_a_report_that_was_parked_before_anybody_reconciled_acts(room: Restored) -> None:
    enrollment, left = forgotten_mail(room)
    room.deliver(bounce("jo@jo.test", about=left.message_id))
    await room.ingest.run_once(room.clock.now())
    assert room.database.read(lambda c: [row.reason for row in inbox.in_state(c, "parked", 9)]) == [SOMEBODY_ELSES]
    room.reconcile()
    await room.ingest.run_once(room.clock.now())
    assert room.database.read(lambda c: inbox.in_state(c, "parked", 9)) == []
    assert "Bounced" in room.kinds(enrollment)


async def test_what_a_person_said_of_a_mail_stays_when_all_is_read_again(room: Restored) -> None:
    someone(room, "jo")
    room.keep()
    room.send()
    room.lose()
    room.deliver(bounce("jo@jo.test", about="<unknown@ourco.test>"))
    await room.ingest.run_once(room.clock.now())
    (parked,) = room.database.read(lambda c: inbox.in_state(c, "parked", 9))
    room.database.write(lambda c: inbox.reread_by(c, parked.id, "person:ana"))
    room.reconcile()
    await room.ingest.run_once(room.clock.now())
    after = room.database.read(lambda c: inbox.inbound(c, parked.id))
    assert (after.state, after.set_by, after.projected_at) == ("parked", "person:ana", parked.projected_at)


def test_what_a_first_look_found_is_not_missing_in_the_second(room: Restored) -> None:
    """The hold stays for a mailbox that cannot tell; what was found by then is known."""
    someone(room, "jo")
    someone(room, "bo")
    room.keep()
    room.send()
    room.lose()
    (found,) = read_mailboxes(room.config, lambda name: Maildir(room.maildir), {})

    def look(words: Words) -> Reconciled:
        readings, now = [found, Reading("bo@ourco.test", "other", "cannot be read")], room.clock.now()
        told = (Epoch(100, 50), now)
        return room.database.write(lambda c: reconcile(c, room.advance, KEY, readings, words, told, now))

    # One more was counted than lies in Sent.
    room.database.write(lambda c: epoch.count_found(c, Amnesia("", room.clock.now(), 3), 0))
    first = look(NOTHING_SAID)
    assert (first.lifted, len(first.left), first.missing) == (False, 2, 1)
    second = look(Words(trusted=frozenset({ANA, "bo@ourco.test"})))
    assert (second.lifted, second.left, second.missing) == (True, (), 1)


def test_a_walk_that_began_before_somebody_reconciled_counts_for_nothing(room: Restored) -> None:
    room.enroll(room.person("jo@jo.test"))
    room.keep()
    room.send()
    room.lose()

    class Reconciled(Maildir):
        def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
            room.reconcile()
            super().walk(cursors, wanted, settle)

    begun = room.database.read(lambda c: walks.begin(c, "maildir:mail", "", "", room.clock.now()))
    assert begun == ([], 0)
    walk = Walk(
        room.database, room.advance, KEY, "maildir:mail", ours_of(room.config), room.clock.now(), threading.Event()
    )
    with pytest.raises(WalkStopped):
        walk.run(Reconciled(room.maildir), *begun)
    assert room.database.read(lambda c: walks.begin(c, "maildir:mail", "", "", room.clock.now())) == ([], 1)
    assert room.database.read(inbox.synced_at) == {}


def test_a_mail_in_an_enrollment_that_is_lost_is_told(room: Restored) -> None:
    someone(room, "jo")
    room.send()
    room.lose()
    done = room.reconcile()
    assert [copy.recipients for copy in done.lost] == [("jo@jo.test",)]
    assert (done.lifted, done.missing, done.left) == (True, 0, ())
    person = room.person("bo@bo.test")
    room.enroll(person)  # it has the number of the lost one, and another mail
    room.send()
    assert room.sent(person).message_id != done.lost[0].message_id


@pytest.mark.parametrize("answered", [False, True], ids=["its copy lies in Sent", "an answer names it"])
def test_who_was_enrolled_since_the_loss_did_not_get_the_lost_ones_mail(room: Restored, answered: bool) -> None:
    """They have the number of the lost enrollment, so the ids of both are the same."""
    gone = room.person("jo@jo.test")
    room.enroll(gone)
    room.send(filed=not answered)
    left = room.sent(gone)
    room.lose()
    room.clock.forward(minutes=5)
    person = room.person("bo@bo.test")
    enrollment = room.enroll(person)
    if answered:
        room.deliver(mail(sender="Jo <jo@jo.test>", answers=left.message_id, at=room.clock.now()))
    done = room.reconcile(Words(trusted=frozenset({ANA})))
    assert done.left == ()
    assert [copy.recipients for copy in done.lost] == ([] if answered else [("jo@jo.test",)])
    assert room.progress(enrollment).touches == {}
    room.send()
    assert (room.sent(person).step, room.sent(person).address) == ("intro", "bo@bo.test")


def test_a_second_loss_finds_the_mails_of_both_series(room: Restored) -> None:
    enrollment = someone(room, "jo")
    room.keep()
    room.send()
    room.lose()
    room.reconcile()
    room.keep()
    room.clock.forward(days=3)
    room.inbox_read()
    room.send()
    room.lose()
    assert [row.step for row in room.reconcile().left] == ["bump"]
    sent = [event.step for event in room.events(enrollment) if isinstance(event, e.TouchSettled)]
    assert sent == ["intro", "bump"]


@pytest.mark.parametrize("early", [True, False], ids=["found in both", "found in the second alone"])
def test_a_copy_put_back_twice_finds_the_mails_of_series_that_it_does_not_know(room: Restored, early: bool) -> None:
    """Its first return began a new series of ids, of which the copy says nothing at its second."""
    enrollment = someone(room, "jo")
    room.keep()
    if early:
        room.send()
    room.lose()
    room.reconcile(Words(trusted=frozenset({ANA})))
    room.clock.forward(days=3)
    room.inbox_read()
    room.send()
    room.lose()
    done = room.reconcile()
    assert [row.step for row in done.left] == (["intro", "bump"] if early else ["intro"])
    assert (done.lost, done.missing, room.database.read(epoch.key_number)) == ((), 0, 2)
    room.clock.forward(days=4)
    room.inbox_read()
    room.send()
    steps = ["breakup", "bump", "intro"] if early else ["bump", "intro"]
    assert room.kinds_of("sent") == [("jo@jo.test", step) for step in steps]
    assert room.progress(enrollment) == room.folded(enrollment)
