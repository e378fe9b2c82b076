"""A person says what a mail really is: what it did is taken back, it acts as what it is, and the log folds to that."""

from datetime import date, timedelta

import pytest

from sequencer.core import events as e
from sequencer.core.reason import FinishReason, Reason
from sequencer.engine.correcting import Said, correct, foreseen
from sequencer.engine.rereading import replay
from sequencer.store import sends, tasks
from tests.integration.installation import MONDAY
from tests.integration.mail_room import ANA, MailRoom, bounce, mail
from tests.integration.put_right import AWAY, BACK, JO, Desk


@pytest.fixture
def desk(room: MailRoom) -> Desk:
    return Desk(room)


async def test_an_answer_taken_for_an_absence_stops_everything_at_once(desk: Desk) -> None:
    await desk.got(mail("Yes, Tuesday.", answers=desk.sent, subject="Automatic reply: An idea", more=AWAY))
    assert desk.last.progress.pause(Reason.AWAY)
    done = desk.set("interested")
    progress = desk.last.progress
    assert (len(desk.enrollments), progress.finished, progress.replied) == (1, FinishReason.REPLIED, True)
    assert not progress.pauses
    assert desk.open_work == ["answer"]
    assert (done.was, done.now) == ("auto_reply", "interested")


async def test_an_absence_taken_for_an_answer_lets_the_person_go_on_where_they_stood(desk: Desk) -> None:
    await desk.got(mail("I am in Peru.", answers=desk.sent))
    assert desk.last.progress.finished
    before = desk.last.progress
    desk.set("auto_reply", BACK)
    first, second = desk.enrollments
    assert first.progress.finished is FinishReason.MOVED
    assert not first.progress.replied
    assert desk.open_work == []
    new = second.progress
    assert (new.step, new.step_done, new.since, new.mailbox) == ("intro", True, before.since, ANA)
    assert new.earlier == (first.id,)
    assert new.touches["intro"] == before.touches["intro"]
    pause = new.pause(Reason.AWAY)
    assert pause is not None
    assert pause.until is not None
    assert pause.until.date() == date(2026, 12, 8)


async def test_the_new_enrollment_writes_in_the_old_thread_and_answers_to_it_are_its_own(desk: Desk) -> None:
    await desk.got(mail("I am in Peru.", answers=desk.sent))
    desk.set("no_answer")
    room = desk.room
    room.clock.to(MONDAY + timedelta(days=2, hours=1))
    room.inbox_read()
    room.send_due()
    bump = room.sent(desk.person)
    assert (bump.step, bump.enrollment_id, bump.subject) == ("bump", desk.last.id, "Re: An idea")
    raw = room.database.read(lambda c: sends.raw_bytes(c, [bump.id]))[bump.id]
    assert f"In-Reply-To: {desk.sent}".encode() in raw
    room.clock.forward(hours=1)
    await desk.got(mail("Now I answer.", answers=desk.sent, number=2))
    assert desk.last.progress.finished is FinishReason.REPLIED
    replies = [event for event in room.events(desk.last.id) if isinstance(event, e.ReplyReceived)]
    assert [(reply.message, reply.step) for reply in replies] == [(2, "intro")]


async def test_a_wrong_opt_out_lifts_the_refusal_that_it_put_and_lets_them_go_on(desk: Desk) -> None:
    await desk.got(mail("Please unsubscribe me.", answers=desk.sent))
    assert desk.forbidden
    assert desk.last.progress.finished is FinishReason.OPTED_OUT
    done = desk.set("no_answer")
    assert not desk.forbidden
    assert desk.last.status == "active"
    assert [change.allowed for change in done.changes] == [True]


async def test_a_refusal_that_a_rep_recorded_as_well_stands(desk: Desk) -> None:
    await desk.got(mail("Please unsubscribe me.", answers=desk.sent))
    desk.room.record(desk.first, e.OptedOut(by="person:ana"))
    done = desk.set("no_answer")
    assert desk.forbidden
    assert desk.last.status == "finished"
    assert any("refused in another way" in note for note in done.notes)


async def test_a_wrong_opt_out_that_was_an_answer_ends_as_answered(desk: Desk) -> None:
    await desk.got(mail("Please unsubscribe me.", answers=desk.sent))
    desk.set("question")
    assert len(desk.enrollments) == 1
    assert desk.last.progress.finished is FinishReason.REPLIED
    assert desk.open_work == ["answer"]
    assert not desk.forbidden


async def test_a_wrong_hard_bounce_makes_the_address_good_again_and_takes_the_hold(desk: Desk) -> None:
    await desk.got(bounce(about=desk.sent))
    assert not desk.room.is_valid(JO, desk.person)
    assert desk.open_work == ["fix"]
    done = desk.set("delay")
    assert desk.room.is_valid(JO, desk.person)
    assert desk.last.status == "active"
    assert desk.open_work == []
    assert done.changes[0].works == (JO,)


async def test_a_second_report_keeps_the_address_dead(desk: Desk) -> None:
    await desk.got(bounce(about=desk.sent, number=1))
    await desk.got(bounce(about=desk.sent, number=2))
    desk.set("delay")
    assert not desk.room.is_valid(JO, desk.person)
    assert desk.last.progress.hold(Reason.BAD_ADDRESS)


async def test_the_day_of_not_now_is_put_right(desk: Desk) -> None:
    await desk.got(mail("Please get back to me in January.", answers=desk.sent, at=desk.room.clock.now()))
    desk.set("not_now", date(2027, 2, 1))
    (task,) = desk.room.database.read(lambda c: tasks.open_tasks(c, prospect_id=desk.person))
    assert (task.work, task.due_at.date()) == ("call", date(2027, 2, 1))


async def test_the_day_back_is_read_in_the_mail_unless_it_is_said(desk: Desk) -> None:
    await desk.got(mail("Great. I am back on 14 December.", answers=desk.sent, at=MONDAY))
    assert desk.last.progress.finished
    desk.set("auto_reply")
    pause = desk.last.progress.pause(Reason.AWAY)
    assert pause is not None
    assert pause.until is not None
    assert pause.until.date() == date(2026, 12, 15)


async def test_another_class_that_asks_for_the_same_work_keeps_the_rep_s_task(desk: Desk) -> None:
    await desk.got(mail("Sounds good.", answers=desk.sent))
    before = desk.room.database.read(lambda c: tasks.open_tasks(c, prospect_id=desk.person))
    desk.set("question")
    assert desk.room.database.read(lambda c: tasks.open_tasks(c, prospect_id=desk.person)) == before
    desk.set("referral")
    assert desk.open_work == ["refer"]
    desk.set("not_interested")
    assert desk.open_work == []


async def test_colleagues_are_let_go_again(desk: Desk) -> None:
    kim = desk.room.person("kim@acme.test", "Kim")
    other = desk.room.written_to(kim)
    await desk.got(mail("I am in Peru.", answers=desk.sent))
    assert desk.room.progress(other).pause(Reason.ACCOUNT)
    desk.set("auto_reply", BACK)
    progress = desk.room.progress(other)
    assert not progress.pauses
    assert progress.colleagues == ()
    assert desk.room.folded(other) == progress


async def test_an_answer_that_stays_one_is_no_news_to_the_colleagues(desk: Desk) -> None:
    other = desk.room.written_to(desk.room.person("kim@acme.test", "Kim"))
    await desk.got(mail("Sounds good.", answers=desk.sent))
    before = desk.room.progress(other)
    desk.set("not_interested")
    assert desk.room.progress(other) == before


async def test_an_answer_of_somebody_else_lets_go_whoever_it_was_taken_for(desk: Desk) -> None:
    room = desk.room
    ed = room.written_to(room.person("ed@acme.test"))
    await desk.got(mail(sender="Bob Fox <bob@acme.test>", subject="Re: An idea", more="Reply-To: jo@acme.test\n"))
    assert desk.last.progress.finished is FinishReason.REPLIED
    done = desk.set("interested", address="ed@acme.test")
    assert (desk.last.status, desk.open_work) == ("paused", [])
    assert desk.last.progress.pause(Reason.ACCOUNT)  # now they are the colleague
    assert room.progress(ed).finished is FinishReason.REPLIED
    assert {change.face.address for change in done.changes} == {JO, "ed@acme.test"}


async def test_two_absences_the_later_one_corrected_leaves_the_first_one_s_pause(desk: Desk) -> None:
    for number, day in ((1, "1 December"), (2, "9 December")):
        text = f"I am out of office until {day}."
        await desk.got(mail(text, answers=desk.sent, subject="Automatic reply", at=MONDAY, more=AWAY, number=number))
    long = desk.last.progress.pause(Reason.AWAY)
    desk.set("no_answer", mail_id=2)
    short = desk.last.progress.pause(Reason.AWAY)
    assert long is not None
    assert short is not None
    assert short.until is not None
    assert long.until is not None
    assert short.until < long.until


async def test_a_second_answer_keeps_the_end(desk: Desk) -> None:
    await desk.got(mail("Hm.", answers=desk.sent, number=1))
    await desk.got(mail("Call me.", answers=desk.sent, number=2))
    done = desk.set("no_answer")
    assert len(desk.enrollments) == 1
    assert any("answered in another mail" in note for note in done.notes)
    assert desk.last.progress.replied


async def test_somebody_who_is_elsewhere_by_now_does_not_go_on(desk: Desk) -> None:
    desk.room.apply("other", "title: Other\nsteps:\n  - id: intro\n    email: intro.md\n")
    await desk.got(mail("Hm.", answers=desk.sent))
    desk.room.enroll(desk.person, "other")
    done = desk.set("no_answer")
    assert [row.sequence_id for row in desk.enrollments] == ["three", "other"]
    assert any("is in other meanwhile" in note for note in done.notes)


async def test_a_class_of_an_old_answer_leaves_alone_what_began_after_it(desk: Desk) -> None:
    desk.room.apply("other", "title: Other\nsteps:\n  - id: intro\n    email: intro.md\n")
    await desk.got(mail("Hm.", answers=desk.sent, at=desk.room.clock.now()))
    desk.room.clock.forward(days=40)
    later = desk.room.enroll(desk.person, "other")
    desk.set("not_interested")
    assert desk.room.progress(later).status == "active"
    desk.set("opt_out")
    assert desk.room.progress(later).finished is FinishReason.OPTED_OUT


async def test_an_answer_to_us_is_corrected_whatever_its_writer_s_clock_says(desk: Desk) -> None:
    await desk.got(mail("Yes, Tuesday.", answers=desk.sent, at=desk.room.clock.now() - timedelta(days=400)))
    desk.set("referral")
    assert desk.open_work == ["refer"]
    desk.set("auto_reply", BACK)
    desk.set("interested")
    assert (desk.open_work, desk.last.progress.finished) == (["answer"], FinishReason.REPLIED)


async def test_what_is_foreseen_is_not_written(desk: Desk) -> None:
    await desk.got(mail("I am in Peru.", answers=desk.sent))
    room, now = desk.room, desk.room.clock.now()
    before = desk.stands(), room.inbound(), len(room.person_events(desk.person))
    shown = foreseen(room.database, lambda c: correct(c, room.advance, 1, Said("auto_reply", BACK), "ana", now))
    assert (desk.stands(), room.inbound(), len(room.person_events(desk.person))) == before
    (change,) = shown.changes
    assert [moved.anew for moved in change.moved] == [True]
    assert change.moved[0].standing is not None
    assert [row.work for row in change.closed] == ["answer"]


async def test_a_correction_tells_by_whom_and_the_rules_leave_it_alone(desk: Desk) -> None:
    await desk.got(mail("Sounds good.", answers=desk.sent))
    desk.set("no_answer")
    (corrected,) = [each for each in desk.room.events(desk.first) if isinstance(each, e.Corrected)]
    assert (corrected.by, corrected.message, corrected.was, corrected.now) == (
        "person:ana",
        1,
        "interested",
        "no_answer",
    )
    assert desk.room.inbound()[0].set_by == "person:ana"
    again = replay(desk.room.database, desk.room.advance, MONDAY, "ana", desk.room.clock.now(), apply=True)
    assert (again.judged, again.left, again.differences) == (0, 1, [])


async def test_the_same_again_changes_nothing_but_who_said_it(desk: Desk) -> None:
    await desk.got(mail("Sounds good.", answers=desk.sent))
    before = desk.room.person_events(desk.person)
    desk.set("interested")
    assert desk.room.person_events(desk.person) == before
    assert desk.room.inbound()[0].set_by == "person:ana"
