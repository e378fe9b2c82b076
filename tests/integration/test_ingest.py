"""Ingest end to end on SQLite and a Maildir: what each mail does, and that none is lost, repeated or touched."""

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import pytest

from sequencer.core import events as e
from sequencer.core.outcome import Uncertain
from sequencer.core.reason import Reason
from tests.fresh import ON_BOTH
from tests.integration.installation import MONDAY
from tests.integration.mail_room import ANA, MailRoom, bounce, complaint, mail

pytestmark = ON_BOTH


def later(room: MailRoom) -> None:
    """Two hours after the send."""
    room.clock.forward(hours=2)


def signals(room: MailRoom, enrollment: int) -> list[e.Event]:
    """What the world did, as the enrollment's log tells."""
    kinds = (
        e.ReplyReceived, e.AutoReplyReceived, e.LeftCompany, e.Bounced, e.OptedOut, e.Complained, e.ColleagueReplied,
        e.OwnerWrote, e.MailUnreadable, e.TouchSettled,
    )  # fmt: skip
    return [event for event in room.events(enrollment) if isinstance(event, kinds)]


Written = Callable[[str], str]
CASES: dict[str, tuple[Written, type[e.Event] | None, dict[str, object], str]] = {
    # in the thread, from the very address
    "reply": (lambda sent: mail(answers=sent), e.ReplyReceived, {"step": "intro", "message": 1}, "projected"),
    # no thread: the sender's address tells, and the last send is what it answers
    "reply without a thread": (lambda sent: mail(), e.ReplyReceived, {"step": "intro"}, "projected"),
    # a tag that our address has not (RFC 5233)
    "plus address": (
        lambda sent: mail(sender="Jo <jo+crm@acme.test>"), e.ReplyReceived, {"step": "intro"}, "projected",
    ),
    # a relay wrote its own Message-ID and kept ours beside it
    "copy of our id": (
        lambda sent: mail(sender="x@else.test", more=f"X-Original-Message-ID: {sent}\n"),
        e.ReplyReceived, {"step": "intro"}, "projected",
    ),
    # the class is told to `decide`
    "not interested": (
        lambda sent: mail("Thanks, but we are not interested.", answers=sent),
        e.ReplyReceived, {"answer": "not_interested"}, "projected",
    ),
    # a machine's answer never counts as a reply (RFC 3834)
    "away": (
        lambda sent: mail(
            "I am out of office until 1 December.", answers=sent, subject="Automatic reply: An idea",
            at=MONDAY, more="Auto-Submitted: auto-replied\n",
        ),
        e.AutoReplyReceived, {"step": "intro"}, "projected",
    ),
    "left": (
        lambda sent: mail(
            "Jo no longer works at Acme.", answers=sent, subject="Automatic reply: An idea",
            at=MONDAY, more="Auto-Submitted: auto-replied\n",
        ),
        e.LeftCompany, {"message": 1}, "projected",
    ),
    "opt-out": (
        lambda sent: mail("Please unsubscribe me.", answers=sent), e.OptedOut, {"by": "reply"}, "projected",
    ),
    # as mail programs write for List-Unsubscribe: no thread, no text
    "unsubscribe": (lambda sent: mail("", subject="unsubscribe"), e.OptedOut, {"by": "reply"}, "projected"),
    "hard bounce": (
        lambda sent: bounce(about=sent), e.Bounced, {"hard": True, "status": "5.1.1", "step": "intro"}, "projected",
    ),
    # it returns nothing of ours, but this mailbox wrote to that address today
    "hard bounce by address": (lambda sent: bounce(), e.Bounced, {"hard": True, "step": "intro"}, "projected"),
    "soft bounce": (
        lambda sent: bounce(about=sent, status="4.2.2", text="452 4.2.2 mailbox full"),
        e.Bounced, {"hard": False}, "projected",
    ),
    # the server still tries: nothing happens
    "delay": (
        lambda sent: bounce(about=sent, status="4.4.1", action="delayed", text="451 4.4.1 timed out"),
        None, {}, "projected",
    ),
    # somebody else's mail
    "foreign bounce": (lambda sent: bounce("someone@else.test"), None, {}, "parked"),
    "complaint": (lambda sent: complaint(about=sent), e.Complained, {"message": 1}, "projected"),
    "foreign complaint": (lambda sent: complaint(recipient="someone@else.test"), None, {}, "parked"),
    # bulk mail from a known address answers nobody
    "newsletter": (
        lambda sent: mail("Our news.", subject="News", more="List-Unsubscribe: <mailto:x@acme.test>\n"),
        None, {}, "projected",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_each_mail_has_its_one_effect(
    room: MailRoom, case: tuple[Written, type[e.Event] | None, dict[str, object], str]
) -> None:
    write, kind, fields, state = case
    person = room.person("jo@acme.test")
    enrollment = room.written_to(person)
    later(room)
    room.deliver(write(room.sent(person).message_id or ""))
    assert await room.read() == 1
    happened = signals(room, enrollment)
    assert [type(event) for event in happened] == ([kind] if kind else [])
    for event in happened:
        assert fields.items() <= {name: getattr(event, name) for name in fields}.items()
    assert [row.state for row in room.inbound()] == [state]
    assert await room.read() == 0
    assert signals(room, enrollment) == happened


async def test_a_reply_finishes_and_opens_a_task(room: MailRoom) -> None:
    person = room.person("jo@acme.test")
    enrollment = room.written_to(person)
    later(room)
    room.deliver(mail(answers=room.sent(person).message_id))
    await room.read()
    progress = room.progress(enrollment)
    assert progress.finished == "replied"
    assert [task.work for task in progress.tasks.values()] == ["answer"]
    row = room.inbound()[0]
    assert (row.prospect_id, row.enrollment_id, row.send_id) == (person, enrollment, room.sent(person).id)


async def test_the_same_mail_in_two_folders_is_one_event(room: MailRoom) -> None:
    person = room.person("jo@acme.test")
    enrollment = room.written_to(person)
    later(room)
    answer = mail(answers=room.sent(person).message_id)
    room.deliver(answer)
    room.deliver(answer, ".Junk")
    await room.read()
    room.deliver(answer, ".Archive")
    await room.read()
    assert len(signals(room, enrollment)) == 1
    assert len(room.inbound()) == 1


async def test_a_reply_ends_every_live_enrollment_and_an_opt_out_forbids_every_address(room: MailRoom) -> None:
    calls = "title: Calls\nsettings:\n  exclusive: false\nsteps:\n  - id: ring\n    call: ring.md\n"
    room.apply("calls", calls, {"ring.md": "Hello"})
    person = room.person("jo@acme.test")
    first = room.written_to(person)
    second = room.enroll_beside(person, "calls", "ring")
    later(room)
    room.deliver(mail("Remove me from your list", answers=room.sent(person).message_id))
    await room.read()
    assert [room.progress(key).finished for key in (first, second)] == ["opted_out", "opted_out"]
    assert [event.step for event in signals(room, second) if isinstance(event, e.ReplyReceived)] == []
    assert room.suppressed() == [("person", str(person), "")]


async def test_a_refusal_of_somebody_in_no_sequence_is_kept_with_the_person(room: MailRoom) -> None:
    person = room.person("jo@acme.test")
    room.deliver(mail("", subject="unsubscribe", at=MONDAY - timedelta(days=20)))
    await room.read()
    assert room.person_events(person) == [e.OptedOut(by="reply", message=1)]
    assert room.suppressed() == [("person", str(person), "")]


async def test_an_answer_after_the_end_opens_a_task(room: MailRoom) -> None:
    person = room.person("jo@acme.test")
    enrollment = room.written_to(person)
    later(room)
    room.record(enrollment, e.MeetingBooked(by="person:ana"))
    room.deliver(mail(answers=room.sent(person).message_id))
    await room.read()
    progress = room.progress(enrollment)
    assert progress.finished == "meeting"
    assert [task.work for task in progress.tasks.values()] == ["answer"]


async def test_a_reply_pauses_the_colleagues_and_an_automatic_one_does_not(room: MailRoom) -> None:
    jo, kim = room.person("jo@acme.test"), room.person("kim@acme.test", "Kim")
    one, other = room.written_to(jo), room.written_to(kim)
    later(room)
    sent = room.sent(jo).message_id
    room.deliver(mail("I am away.", answers=sent, more="Auto-Submitted: auto-replied\n", number=1))
    await room.read()
    assert signals(room, other) == []
    room.deliver(mail(answers=sent, number=2))
    await room.read()
    assert signals(room, other) == [e.ColleagueReplied(person=jo, message=2)]
    assert room.progress(other).pause(Reason.ACCOUNT)
    assert room.progress(one).finished == "replied"


async def test_people_at_free_mail_are_no_colleagues(room: MailRoom) -> None:
    lu, li = room.stranger("lu@gmail.com"), room.stranger("li@gmail.com")
    room.written_to(lu)
    other = room.written_to(li)
    later(room)
    room.deliver(mail(sender="Lu <lu@gmail.com>", answers=room.sent(lu).message_id))
    await room.read()
    assert signals(room, other) == []


async def test_a_known_colleague_answers_for_the_person(room: MailRoom) -> None:
    jo, kim, max_ = (room.person(f"{name}@acme.test", name.title()) for name in ("jo", "kim", "max"))
    of_jo, of_kim, of_max = (room.written_to(person) for person in (jo, kim, max_))
    later(room)
    room.deliver(mail(sender="Kim <kim@acme.test>", answers=room.sent(jo).message_id))
    await room.read()
    assert [room.progress(key).finished for key in (of_jo, of_kim)] == ["replied", "replied"]
    assert signals(room, of_max) == [e.ColleagueReplied(person=kim, message=1)]


async def test_an_unknown_colleague_answers_for_the_person(room: MailRoom) -> None:
    jo, kim = room.person("jo@acme.test"), room.person("kim@acme.test", "Kim")
    of_jo, of_kim = room.written_to(jo), room.written_to(kim)
    later(room)
    room.deliver(mail(sender="The Boss <boss@acme.test>", answers=room.sent(jo).message_id))
    await room.read()
    assert room.progress(of_jo).finished == "replied"
    assert signals(room, of_kim) == [e.ColleagueReplied(person=0, message=1)]


async def test_a_namesake_at_the_account_is_a_suggestion_and_a_stranger_is_not_kept(room: MailRoom) -> None:
    jo = room.person("jo@acme.test", last_name="Roe")
    enrollment = room.written_to(jo)
    later(room)
    room.deliver(mail(sender='"Roe, Jo" <j.roe@acme.test>', number=1))
    room.deliver(mail("About something else", sender="Sam <sam@acme.test>", number=2))
    await room.read()
    assert signals(room, enrollment) == []
    namesake, stranger = room.inbound()
    assert (namesake.state, namesake.prospect_id) == ("parked", jo)
    assert namesake.reason.startswith("suggestion: looks like")
    assert (stranger.state, stranger.reason, stranger.judgement) == ("projected", "not ours", "")
    assert len(room.raws()) == 1


async def test_of_private_mail_only_its_place_and_a_keyed_hash_are_kept(room: MailRoom) -> None:
    room.written_to(room.person("jo@acme.test"))
    later(room)
    for number, sender in enumerate(["mum@home.test", "news@shop.test", "someone@gmail.com", "bo@ourco.test"]):
        room.deliver(mail(sender=sender, number=number))
    await room.read()
    assert room.inbound() == []
    assert [(folder, uid) for folder, uid, _ in room.not_ours()] == [("INBOX", n) for n in (1, 2, 3, 4)]
    assert len({digest for *_, digest in room.not_ours()}) == 4
    assert all(b"mum@home.test" not in path.read_bytes() for path in room.folder.glob("sequencer.db*"))


async def test_an_unknown_address_that_asks_to_stop_is_shown_to_a_person(room: MailRoom) -> None:
    room.deliver(mail("", sender="x@else.test", subject="unsubscribe"))
    await room.read()
    assert [row.state for row in room.inbound()] == ["parked"]


async def test_old_mail_in_an_inbox_that_is_read_for_the_first_time_stops_nobody(room: MailRoom) -> None:
    enrollment = room.written_to(room.person("jo@acme.test"))
    last_week = room.clock.now() - timedelta(days=7)
    room.deliver(mail("Thanks for the call!", at=last_week, number=1))
    room.deliver(mail(sender=ANA, to="jo@acme.test", at=last_week, number=2), ".Sent")
    await room.read()
    assert signals(room, enrollment) == []


@pytest.mark.parametrize("received", [1, 0, -1])  # what our server's clock says, days from now; the writer's says 1990
async def test_an_answer_from_a_clock_that_is_wrong_is_as_old_as_its_delivery(room: MailRoom, received: int) -> None:
    enrollment = room.written_to(room.person("jo@acme.test"))
    later(room)
    now = room.clock.now()
    taken_in = format_datetime(now + timedelta(days=received))
    trace = f"Received: from acme.test by mx.ourco.test\n\twith SMTP; {taken_in}\n"
    older = "Received: by acme.test; Tue, 2 Jan 1990 00:00:00 +0000\n"
    room.deliver(trace + older + mail(at=now.replace(year=1990)))
    await room.read()
    assert len(signals(room, enrollment)) == (received >= 0)
    assert room.inbound()[0].received_at == min(now, now + timedelta(days=received))


async def test_our_own_copies_are_no_answers_and_hand_written_mail_pauses(room: MailRoom) -> None:
    person = room.person("jo@acme.test")
    enrollment = room.written_to(person)
    sent = room.sent(person).message_id
    own = f"From: {ANA}\nTo: jo@acme.test\nMessage-ID: {sent}\n\nHi\n"
    room.deliver(own, ".Sent")
    room.deliver(own)
    room.deliver(f"X-Original-Message-ID: {sent}\n" + own.replace(str(sent), "<relay@mx.test>"), ".Sent")
    await room.read()
    assert signals(room, enrollment) == []
    assert room.inbound() == []
    later(room)
    room.deliver(mail(sender=f"Ana <{ANA}>", to="jo+work@acme.test", number=7), ".Sent")
    await room.read()
    assert signals(room, enrollment) == [e.OwnerWrote(message=1)]
    assert room.progress(enrollment).pause(Reason.OWNER_WROTE)


async def test_answering_by_hand_closes_the_task_and_a_vacation_notice_does_not(room: MailRoom) -> None:
    person = room.person("jo@acme.test")
    enrollment = room.written_to(person)
    later(room)
    room.deliver(mail(answers=room.sent(person).message_id, number=1))
    room.deliver(mail(sender=ANA, to="jo@acme.test", more="Auto-Submitted: auto-replied\n", number=2), ".Sent")
    await room.read()
    assert room.progress(enrollment).tasks
    room.deliver(mail(sender=ANA, to="jo@acme.test", number=3), ".Sent")
    await room.read()
    assert not room.progress(enrollment).tasks


@pytest.mark.parametrize(
    ("evidence", "folder", "by"),
    [
        (lambda sent: f"From: {ANA}\nTo: jo@acme.test\nMessage-ID: {sent}\n\nHi\n", ".Sent", "sent_folder"),
        (lambda sent: mail(answers=sent), "", "reply"),
        (lambda sent: bounce(about=sent), "", "bounce"),
        (lambda sent: complaint(about=sent), "", "bounce"),
    ],
    ids=["copy", "reply", "bounce", "complaint"],
)
async def test_what_names_an_uncertain_send_proves_that_it_arrived(
    room: MailRoom, evidence: Written, folder: str, by: str
) -> None:
    person = room.person("jo@acme.test")
    enrollment = room.written_to(person, Uncertain("no answer", "dot"))
    assert room.progress(enrollment).hold(Reason.UNCERTAIN)
    later(room)
    room.deliver(evidence(room.sent(person).message_id or ""), folder)
    await room.read()
    settled = [event for event in signals(room, enrollment) if isinstance(event, e.TouchSettled)]
    assert [event.by for event in settled] == [by]
    assert room.sent(person).state == "sent"
    assert not room.progress(enrollment).hold(Reason.UNCERTAIN)


@pytest.mark.parametrize("report", [bounce(status="4.2.2", text="452 4.2.2 full"), complaint()])
async def test_a_report_that_names_only_an_address_settles_no_uncertain_send(room: MailRoom, report: str) -> None:
    """It may be about an earlier mail: nobody knows that this one arrived."""
    jo = room.person("jo@acme.test")
    enrollment = room.written_to(jo)
    room.clock.forward(days=3)
    room.inbox_read()
    room.send_due(Uncertain("no answer", "dot"))
    later(room)
    room.deliver(report)
    await room.read()
    assert (room.sent(jo).step, room.sent(jo).state) == ("bump", "uncertain")
    assert {"Bounced", "Complained"} & set(room.kinds(enrollment))


async def test_a_hard_bounce_makes_the_address_invalid_and_a_soft_one_does_not(room: MailRoom) -> None:
    jo, kim = room.person("jo@acme.test"), room.person("kim@other.test", "Kim")
    of_jo, of_kim = room.written_to(jo), room.written_to(kim)
    later(room)
    room.deliver(bounce(about=room.sent(jo).message_id))
    full = bounce("kim@other.test", status="4.2.2", text="452 4.2.2 full", about=room.sent(kim).message_id, number=8)
    room.deliver(full)
    await room.read()
    assert not room.is_valid("jo@acme.test", jo)
    assert room.progress(of_jo).hold(Reason.BAD_ADDRESS)
    assert room.is_valid("kim@other.test", kim)
    assert room.progress(of_kim).status == "active"


async def test_a_report_that_names_only_an_address_is_old_after_14_days(room: MailRoom) -> None:
    jo = room.person("jo@acme.test")
    room.written_to(jo)
    room.clock.forward(days=15)
    room.deliver(bounce())
    await room.read()
    assert [row.state for row in room.inbound()] == ["parked"]
    assert room.is_valid("jo@acme.test", jo)


async def test_a_complaint_forbids_the_person(room: MailRoom) -> None:
    jo = room.person("jo@acme.test")
    enrollment = room.written_to(jo)
    later(room)
    room.deliver(complaint(about=room.sent(jo).message_id))
    await room.read()
    assert room.progress(enrollment).finished == "opted_out"
    assert room.suppressed() == [("person", str(jo), "")]
