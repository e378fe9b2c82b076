"""What reconciling makes of each mail that left after the copy was made, in one process and without a wire."""

import threading
from collections.abc import Callable, Mapping

import pytest

from sequencer.core import events as e
from sequencer.core.outcome import Deferred, Outcome, Uncertain
from sequencer.core.ports import Cursor, FolderName, Settle, Wanted
from sequencer.core.reason import Reason
from sequencer.engine import settling, stops
from sequencer.engine.answers import SOMEBODY_ELSES
from sequencer.engine.arrivals import Walk, WalkStopped
from sequencer.engine.doubting import DATE_STEP, LATE_BY
from sequencer.engine.ours import ours_of
from sequencer.engine.reconciling import Reconciled, Words, reconcile
from sequencer.engine.sent_before import Reading, read_mailboxes
from sequencer.inbound.maildir import Maildir
from sequencer.store import epoch, inbox, sends, walks
from sequencer.store.epoch import Amnesia, Epoch
from tests.integration.installation import KEY
from tests.integration.mail_room import ANA, bounce, complaint, mail
from tests.integration.restored import NOTHING_SAID, Restored, forgotten_mail, someone


def test_a_mail_that_was_queued_or_not_even_queued_counts_as_sent_when_it_left(restored: Restored) -> None:
    queued = someone(restored, "jo")
    restored.database.write(lambda connection: restored.advance.advance_due(connection, restored.clock.now()))
    waiting = someone(restored, "bo")
    restored.keep()
    restored.clock.forward(minutes=10)
    restored.send()
    restored.lose()
    done = restored.reconcile()
    assert (done.lifted, done.missing, len(done.left), done.doubts) == (True, 0, 2, ())
    for enrollment in (queued, waiting):
        progress = restored.progress(enrollment)
        assert (progress.step, progress.step_done, progress.flight, progress.holds) == ("intro", True, None, ())
        assert progress == restored.folded(enrollment)
    rows = restored.database.read(lambda connection: sends.in_state(connection, "sent"))
    assert {row.sending_at for row in rows} == {restored.clock.now()}
    used = restored.database.read(lambda c: sends.used(c, "mailbox", [ANA], restored.clock.now().date()))
    assert used == {ANA: 2}


def test_a_forgotten_mail_counts_as_no_earlier_than_it_left(restored: Restored) -> None:
    """Its copy's Date is of its bytes, in whole seconds, and limits are counted to the microsecond."""
    person = restored.person("jo@jo.test")
    restored.enroll(person)
    restored.keep()
    restored.clock.forward(minutes=10, seconds=0.614)
    restored.send()
    left_at = restored.clock.now()
    restored.lose()
    restored.clock.forward(minutes=5)
    assert len(restored.reconcile().left) == 1
    counted_at = restored.sent(person).sending_at
    assert counted_at is not None
    assert left_at <= counted_at <= left_at + LATE_BY


def test_a_person_who_got_two_steps_goes_on_at_the_third(restored: Restored) -> None:
    enrollment = someone(restored, "jo")
    restored.keep()
    restored.send()
    restored.send_after(days=3)
    restored.lose()
    assert [row.step for row in restored.reconcile().left] == ["intro", "bump"]
    restored.send_after(days=4)
    assert restored.kinds_of("sent") == [("jo@jo.test", step) for step in ("breakup", "bump", "intro")]
    assert restored.progress(enrollment) == restored.folded(enrollment)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(Deferred(451, "try later", "rcpt", "4.7.1"), id="the server put it off"),
        pytest.param(Uncertain("no answer", "dot"), id="in doubt, and a person had it sent again"),
    ],
)
def test_a_mail_with_the_bytes_of_an_earlier_try_did_not_leave_then(restored: Restored, before: Outcome) -> None:
    """Its copy's Date is of the first try: waits and limits would be counted from days too early."""
    person = restored.person("jo@jo.test")
    enrollment = restored.enroll(person)
    restored.send_due(before)
    if isinstance(before, Uncertain):
        again, now = restored.sent(person).id, restored.clock.now()
        restored.database.write(lambda connection: settling.send_again(connection, restored.advance, again, "ana", now))
    restored.clock.forward(minutes=1)
    restored.keep()
    restored.send_after(days=2)
    assert restored.sent(person).sending_at == restored.clock.now()
    restored.lose()
    lost_at = restored.clock.now()
    restored.clock.forward(minutes=5)
    assert [row.step for row in restored.reconcile().left] == ["intro"]
    assert restored.sent(person).sending_at == lost_at, "as late as it may have left"
    (settled,) = [event for event in restored.events(enrollment) if isinstance(event, e.TouchSettled)]
    assert settled.sent_at == lost_at


def test_a_forgotten_mail_that_a_person_had_sent_again_left_when_its_copy_was_filed(restored: Restored) -> None:
    """The Date of its bytes is of the first try, hours before; the word for the second is lost, too (seed 5360)."""
    person = restored.person("jo@jo.test")
    restored.enroll(person)
    restored.keep()
    restored.clock.forward(minutes=10)
    restored.send_due(Uncertain("no answer", "dot"))
    first, now = restored.sent(person), restored.clock.now()
    restored.database.write(lambda connection: settling.send_again(connection, restored.advance, first.id, "ana", now))
    restored.send_after(hours=4, seconds=0.614)
    left, left_at = restored.sent(person), restored.clock.now()
    assert (left.attempt, left.message_id) == (2, first.message_id)
    restored.clock.forward(hours=9)
    restored.lose()
    assert len(restored.reconcile().left) == 1
    counted_at = restored.sent(person).sending_at
    assert counted_at is not None
    assert left_at <= counted_at <= left_at + DATE_STEP


@pytest.mark.parametrize("filed", [True, False], ids=["its copy says", "an answer names it"])
def test_the_next_step_has_the_subject_of_the_forgotten_mail(restored: Restored, filed: bool) -> None:
    """Where no copy tells the subject, it is what the first mail says."""
    _, left = forgotten_mail(restored, filed=filed)
    if not filed:
        named = mail("I read it later.", sender="Jo <jo@jo.test>", answers=left.message_id, at=restored.clock.now())
        restored.deliver(named.replace("Subject:", "Auto-Submitted: auto-replied\nSubject:"))
    assert [row.step for row in restored.reconcile(Words(trusted=frozenset({ANA}))).left] == ["intro"]
    restored.send_after(days=3)
    follow_up = restored.sent(left.prospect_id)
    assert (follow_up.step, follow_up.subject) == ("bump", f"Re: {left.subject}")


def test_an_answer_names_a_mail_of_which_no_copy_lies_in_sent(restored: Restored) -> None:
    enrollment, left = forgotten_mail(restored, filed=False)
    restored.deliver(mail(sender="Jo <jo@jo.test>", answers=left.message_id, at=restored.clock.now()))
    done = restored.reconcile(Words(trusted=frozenset({ANA})))
    assert [row.step for row in done.left] == ["intro"]
    assert restored.progress(enrollment).touches["intro"].state == "sent"


@pytest.mark.parametrize("report", [bounce, complaint], ids=["a bounce", "a complaint"])
def test_a_report_names_in_its_body_a_mail_of_which_no_copy_lies_in_sent(
    restored: Restored, report: Callable[..., str]
) -> None:
    """Its header says nothing of the mail that it is about (RFC 3464, RFC 5965)."""
    enrollment, left = forgotten_mail(restored, filed=False)
    restored.deliver(report(recipient="jo@jo.test", about=left.message_id))
    done = restored.reconcile(Words(trusted=frozenset({ANA})))
    assert ([row.step for row in done.left], done.missing) == (["intro"], 0)
    assert restored.progress(enrollment).touches["intro"].state == "sent"


def test_a_report_that_cannot_be_parsed_hinders_nobody_from_reconciling(restored: Restored) -> None:
    forgotten_mail(restored)
    boundaries = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(2_000))
    restored.deliver("From: MAILER-DAEMON@mx.test\nSubject: Undelivered Mail\n" + boundaries)
    assert [row.step for row in restored.reconcile().left] == ["intro"]


async def test_a_mail_that_a_report_called_back_while_it_was_forgotten_is_not_sent_again(restored: Restored) -> None:
    """The copy knows its bytes and not that they left; the report acts before anybody reconciles."""
    person = restored.person("jo@jo.test")
    enrollment = restored.enroll(person)
    restored.render_due()
    restored.keep()
    restored.send(filed=False)
    left = restored.sent(person)
    restored.lose()
    restored.deliver(
        bounce("jo@jo.test", status="4.2.2", text="452 4.2.2 mailbox full", about=left.message_id, number=1)
    )
    restored.deliver(bounce("jo@jo.test", about=left.message_id, number=2))
    await restored.read()
    assert restored.kinds_of("cancelled") == [("jo@jo.test", "intro")]
    restored.reconcile()
    assert restored.kinds_of("sent") == [("jo@jo.test", "intro")]
    restored.database.write(
        lambda c: stops.resume_person(
            c, restored.advance, "jo@jo.test", "ana", restored.clock.now(), address_works=True
        )
    )
    await restored.read()
    restored.send()
    assert restored.kinds_of("sent") == [("jo@jo.test", "intro")]
    assert restored.progress(enrollment) == restored.folded(enrollment)


async def test_the_daemon_does_not_take_a_forgotten_mail_for_the_reps_own_hand(restored: Restored) -> None:
    enrollment = someone(restored, "jo")
    restored.keep()
    restored.send()
    restored.lose()
    await restored.read()
    assert not restored.progress(enrollment).pause(Reason.OWNER_WROTE)
    assert len(restored.reconcile().left) == 1


async def test_an_answer_that_was_read_before_anybody_reconciled_stops_the_person(restored: Restored) -> None:
    """From an address that nobody has: while its mail was forgotten, the answer was nobody's and was left alone."""
    enrollment, left = forgotten_mail(restored)
    restored.deliver(mail(sender="Max <max@else.test>", answers=left.message_id, at=restored.clock.now()))
    await restored.ingest.run_once(restored.clock.now())
    assert restored.progress(enrollment).finished is None
    restored.reconcile()
    assert restored.database.read(inbox.synced_at) == {}
    await restored.ingest.run_once(restored.clock.now())
    assert restored.progress(enrollment).finished is not None or restored.progress(enrollment).pauses


async def test_a_report_that_was_parked_before_anybody_reconciled_acts(restored: Restored) -> None:
    enrollment, left = forgotten_mail(restored)
    restored.deliver(bounce("jo@jo.test", about=left.message_id))
    await restored.ingest.run_once(restored.clock.now())
    assert restored.database.read(lambda c: [row.reason for row in inbox.in_state(c, "parked", 9)]) == [SOMEBODY_ELSES]
    restored.reconcile()
    await restored.ingest.run_once(restored.clock.now())
    assert restored.database.read(lambda c: inbox.in_state(c, "parked", 9)) == []
    assert "Bounced" in restored.kinds(enrollment)


async def test_what_a_person_said_of_a_mail_stays_when_all_is_read_again(restored: Restored) -> None:
    someone(restored, "jo")
    restored.keep()
    restored.send()
    restored.lose()
    restored.deliver(bounce("jo@jo.test", about="<unknown@ourco.test>"))
    await restored.ingest.run_once(restored.clock.now())
    (parked,) = restored.database.read(lambda c: inbox.in_state(c, "parked", 9))
    restored.database.write(lambda c: inbox.reread_by(c, parked.id, "person:ana"))
    restored.reconcile()
    await restored.ingest.run_once(restored.clock.now())
    after = restored.database.read(lambda c: inbox.inbound(c, parked.id))
    assert (after.state, after.set_by, after.projected_at) == ("parked", "person:ana", parked.projected_at)


def test_what_a_first_look_found_is_not_missing_in_the_second(restored: Restored) -> None:
    """The hold stays for a mailbox that cannot tell; what was found by then is known."""
    someone(restored, "jo")
    someone(restored, "bo")
    restored.keep()
    restored.send()
    restored.lose()
    (found,) = read_mailboxes(restored.config, lambda name: Maildir(restored.maildir), {})

    def look(words: Words) -> Reconciled:
        readings, now = [found, Reading("bo@ourco.test", "other", "cannot be read")], restored.clock.now()
        told = (Epoch(100, 50), now)
        return restored.database.write(lambda c: reconcile(c, restored.advance, KEY, readings, words, told, now))

    # One more was counted than lies in Sent.
    restored.database.write(lambda c: epoch.count_found(c, Amnesia("", restored.clock.now(), 3), 0))
    first = look(NOTHING_SAID)
    assert (first.lifted, len(first.left), first.missing) == (False, 2, 1)
    second = look(Words(trusted=frozenset({ANA, "bo@ourco.test"})))
    assert (second.lifted, second.left, second.missing) == (True, (), 1)


def test_a_walk_that_began_before_somebody_reconciled_counts_for_nothing(restored: Restored) -> None:
    restored.enroll(restored.person("jo@jo.test"))
    restored.keep()
    restored.send()
    restored.lose()

    class Reconciled(Maildir):
        def walk(self, cursors: Mapping[FolderName, Cursor], wanted: Wanted, settle: Settle) -> None:
            restored.reconcile()
            super().walk(cursors, wanted, settle)

    begun = restored.database.read(lambda c: walks.begin(c, "maildir:mail", "", "", restored.clock.now()))
    assert begun == ([], 0)
    walk = Walk(
        restored.database,
        restored.advance,
        KEY,
        "maildir:mail",
        ours_of(restored.config),
        restored.clock.now(),
        threading.Event(),
    )
    with pytest.raises(WalkStopped):
        walk.run(Reconciled(restored.maildir), *begun)
    assert restored.database.read(lambda c: walks.begin(c, "maildir:mail", "", "", restored.clock.now())) == ([], 1)
    assert restored.database.read(inbox.synced_at) == {}


def test_a_mail_in_an_enrollment_that_is_lost_is_told(restored: Restored) -> None:
    someone(restored, "jo")
    restored.send()
    restored.lose()
    done = restored.reconcile()
    assert [copy.recipients for copy in done.lost] == [("jo@jo.test",)]
    assert (done.lifted, done.missing, done.left) == (True, 0, ())
    person = restored.person("bo@bo.test")
    restored.enroll(person)  # it has the number of the lost one, and another mail
    restored.send()
    assert restored.sent(person).message_id != done.lost[0].message_id


@pytest.mark.parametrize("answered", [False, True], ids=["its copy lies in Sent", "an answer names it"])
def test_who_was_enrolled_since_the_loss_did_not_get_the_lost_ones_mail(restored: Restored, answered: bool) -> None:
    """They have the number of the lost enrollment, so the ids of both are the same."""
    gone = restored.person("jo@jo.test")
    restored.enroll(gone)
    restored.send(filed=not answered)
    left = restored.sent(gone)
    restored.lose()
    restored.clock.forward(minutes=5)
    person = restored.person("bo@bo.test")
    enrollment = restored.enroll(person)
    if answered:
        restored.deliver(mail(sender="Jo <jo@jo.test>", answers=left.message_id, at=restored.clock.now()))
    done = restored.reconcile(Words(trusted=frozenset({ANA})))
    assert done.left == ()
    assert [copy.recipients for copy in done.lost] == ([] if answered else [("jo@jo.test",)])
    assert restored.progress(enrollment).touches == {}
    restored.send()
    assert (restored.sent(person).step, restored.sent(person).address) == ("intro", "bo@bo.test")


def test_a_second_loss_finds_the_mails_of_both_series(restored: Restored) -> None:
    enrollment = someone(restored, "jo")
    restored.keep()
    restored.send()
    restored.lose()
    restored.reconcile()
    restored.keep()
    restored.send_after(days=3)
    restored.lose()
    assert [row.step for row in restored.reconcile().left] == ["bump"]
    sent = [event.step for event in restored.events(enrollment) if isinstance(event, e.TouchSettled)]
    assert sent == ["intro", "bump"]


@pytest.mark.parametrize("early", [True, False], ids=["found in both", "found in the second alone"])
def test_a_copy_put_back_twice_finds_the_mails_of_series_that_it_does_not_know(restored: Restored, early: bool) -> None:
    """Its first return began a new series of ids, of which the copy says nothing at its second."""
    enrollment = someone(restored, "jo")
    restored.keep()
    if early:
        restored.send()
    restored.lose()
    restored.reconcile(Words(trusted=frozenset({ANA})))
    restored.send_after(days=3)
    restored.lose()
    done = restored.reconcile()
    assert [row.step for row in done.left] == (["intro", "bump"] if early else ["intro"])
    assert (done.lost, done.missing, restored.database.read(epoch.key_number)) == ((), 0, 2)
    restored.send_after(days=4)
    steps = ["breakup", "bump", "intro"] if early else ["bump", "intro"]
    assert restored.kinds_of("sent") == [("jo@jo.test", step) for step in steps]
    assert restored.progress(enrollment) == restored.folded(enrollment)
