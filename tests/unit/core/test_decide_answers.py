"""LIFECYCLE's table, what people and machines answer: what each does to one enrollment, and to a finished one."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from sequencer.core import events as e
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.window import parse_window
from tests.unit.core.build import ANA, BREAKUP, CALL, EMAIL, Life, at_call, denver, facts, kinds, sequence

REPLY = e.ReplyReceived(message=1, answer="interested")
OPT_OUT = e.OptedOut(by="reply")
HARD = e.Bounced(message=1, hard=True, status="5.1.1")
SOFT = e.Bounced(message=1, hard=False, status="4.2.2")


def waiting(**on: Any) -> Life:
    """Intro sent on Monday at nine; the call is due on Tuesday at nine."""
    life = Life(sequence(EMAIL, CALL, BREAKUP, on=on))
    life.sent()
    return life


@pytest.mark.parametrize(
    ("event", "on", "answers", "status"),
    [
        # reply: a task to answer, the end
        (REPLY, {}, ["TaskOpened", "Finished"], FinishReason.REPLIED),
        # reply, task none: the end
        (REPLY, {"reply": {"task": "none"}}, ["Finished"], FinishReason.REPLIED),
        # reply, the reason chosen, a notice
        (REPLY, {"reply": {"notify": "owner", "finish": "goal"}}, ["Notified", "TaskOpened", "Finished"], "goal"),
        # opt-out: everything is suppressed, the end
        (OPT_OUT, {}, ["ContactSuppressed", "Finished"], FinishReason.OPTED_OUT),
        # opt-out with a task beside it
        (OPT_OUT, {"opt_out": {"task": "other"}}, ["ContactSuppressed", "TaskOpened", "Finished"], "opted_out"),
        # opt-out of one channel: the others go on
        (e.OptedOut(by=ANA, channel="call"), {}, ["ContactSuppressed"], "active"),
        # complaint: as opt-out
        (e.Complained(message=1), {}, ["ContactSuppressed", "Finished"], FinishReason.OPTED_OUT),
        # meeting
        (e.MeetingBooked(by=ANA), {}, ["Finished"], FinishReason.MEETING),
        # meeting with a task, which outlives the end
        (e.MeetingBooked(by=ANA), {"meeting_booked": {"task": "other"}}, ["TaskOpened", "Finished"], "meeting"),
        # left the company: held, a task
        (e.LeftCompany(message=1), {}, ["TaskOpened", "HoldPut"], "held"),
        # hard bounce: held, a task
        (HARD, {}, ["TaskOpened", "HoldPut"], "held"),
        # a hard bounce without a status is one, too
        (e.Bounced(message=1, hard=True, status=""), {}, ["TaskOpened", "HoldPut"], "held"),
        # hard bounce, by on: the end
        (HARD, {"hard_bounce": {"finish": "bounced"}}, ["Finished"], FinishReason.BOUNCED),
        # hard bounce, by on: calls and LinkedIn go on
        (HARD, {"hard_bounce": {"skip": "email"}}, ["ContactSuppressed"], "active"),
        # hard bounce, by on: a jump
        (HARD, {"hard_bounce": {"goto": "call-1"}}, ["WentTo"], "active"),
        # one soft bounce: recorded, never sent again
        (SOFT, {}, [], "active"),
        # auto-reply: paused
        (e.AutoReplyReceived(message=1, return_date=None), {}, ["PausePut"], "paused"),
        # a colleague: paused, the owner is told
        (e.ColleagueReplied(person=2, message=1), {}, ["Notified", "PausePut"], "paused"),
        # a colleague, by on: the end
        (e.ColleagueReplied(person=2, message=1), {"account_reply": {"finish": "goal"}}, ["Finished"], "goal"),
        # the rep wrote: paused
        (e.OwnerWrote(message=1), {}, ["PausePut"], "paused"),
        # a mail that cannot be read: held
        (e.MailUnreadable(message=1), {}, ["HoldPut"], "held"),
        # evidence moves nothing by itself
        (e.Opened(step="intro"), {}, [], "active"),
        (e.Clicked(step="intro"), {}, [], "active"),
        (e.PollAnswered(poll="p", option="Yes"), {}, [], "active"),
    ],
)
def test_answer(event: e.Event, on: dict[str, Any], answers: list[str], status: str) -> None:
    life = waiting(**on)
    assert kinds(life.hear(event)) == answers
    assert status in (life.progress.status, life.progress.finished)
    assert life.progress.replied == (event is REPLY)


@pytest.mark.parametrize(
    ("answer", "back", "work", "due"),
    [
        # interested, question, …: to answer now
        ("question", None, "answer", denver(23, 9)),
        # not now: a call on their date
        ("not_now", date(2027, 1, 11), "call", denver(11, month=1, year=2027)),
        # not now, no date: to answer
        ("not_now", None, "answer", denver(23, 9)),
        # referral
        ("referral", None, "refer", denver(23, 9)),
        # a refusal: nothing to do
        ("not_interested", None, None, None),
        ("opt_out", None, None, None),
    ],
)
def test_the_class_of_a_reply_changes_only_the_task(
    answer: Any, back: date | None, work: str | None, due: datetime | None
) -> None:
    life = waiting()
    answers = life.hear(e.ReplyReceived(message=1, answer=answer, return_date=back))
    opened = [event for event in answers if isinstance(event, e.TaskOpened)]
    assert [(task.work, task.due_at) for task in opened] == ([(work, due)] if work else [])
    assert life.progress.finished is FinishReason.REPLIED
    # What the end opened outlives it.
    assert [task.work for task in life.progress.tasks.values()] == ([work] if work else [])


def test_a_stop_calls_the_queued_mail_back_and_cancels_tasks() -> None:
    assert kinds(Life().hear(REPLY)) == ["TaskOpened", "Finished", "TouchCancelled"]
    assert kinds(at_call().hear(REPLY)) == ["TaskOpened", "Finished", "TaskCancelled"]


@pytest.mark.parametrize(
    ("back", "rule", "until"),
    [
        # back on Tuesday 1 December: written to on Wednesday, from the start of their day
        (date(2026, 12, 1), {}, denver(2, month=12)),
        # back on a Friday: Monday
        (date(2026, 12, 4), {}, denver(7, month=12)),
        # back today: tomorrow
        (date(2026, 11, 23), {}, denver(24)),
        # no date: ten days
        (None, {}, denver(3, month=12)),
        # a date that is past: as no date
        (date(2026, 11, 20), {"else": "3d"}, denver(26)),
        # the last day that is not too far away
        (date(2027, 1, 22), {}, denver(25, month=1, year=2027)),
        # another reaction altogether
        (date(2026, 12, 1), None, denver(28)),
    ],
)
def test_absence(back: date | None, rule: dict[str, Any] | None, until: datetime) -> None:
    reaction = {"pause": "5d"} if rule is None else {"pause": "until_return", "else": "10d", "max": "60d", **rule}
    life = waiting(auto_reply=reaction)
    assert life.hear(e.AutoReplyReceived(message=1, return_date=back)) == [
        e.PausePut(reason=Reason.AWAY, until=until, due_at=None, by="sequence")
    ]
    assert not life.progress.replied


def test_an_absence_past_max_holds_with_a_task_for_that_day() -> None:
    life = waiting()
    task, held = life.hear(e.AutoReplyReceived(message=1, return_date=date(2027, 1, 23)))
    assert held == e.HoldPut(reason=Reason.LONG_ABSENCE, detail="2027-01-23")
    assert isinstance(task, e.TaskOpened)
    assert (task.work, task.due_at) == ("other", denver(23, month=1, year=2027))
    # Their machine answers once more: the same task, the same hold.
    assert life.hear(e.AutoReplyReceived(message=2, return_date=date(2027, 1, 23))) == [held]


def test_a_second_absence_never_shortens_the_first() -> None:
    life = waiting()
    life.hear(e.AutoReplyReceived(message=1, return_date=date(2026, 12, 9)))
    life.hear(e.AutoReplyReceived(message=2, return_date=date(2026, 12, 1)))
    assert [pause.until for pause in life.progress.pauses] == [denver(10, month=12)]


def test_a_window_without_business_days_still_ends_an_absence() -> None:
    life = Life(known=facts(window=parse_window({"sat": "09:00-12:00"})))
    life.hear(e.AutoReplyReceived(message=1, return_date=date(2026, 12, 1)))
    assert [pause.until for pause in life.progress.pauses] == [denver(2, month=12)]


@pytest.mark.parametrize(
    ("days", "held"),
    [
        # three within thirty days
        ([0, 10, 29], True),
        # the first is too old
        ([0, 10, 30], False),
        # two
        ([0, 1], False),
    ],
)
def test_soft_bounces(days: list[int], held: bool) -> None:
    life = Life(sequence(EMAIL, {**BREAKUP, "wait": "200d"}))
    life.sent()
    start = life.now
    for day in days:
        life.at(start + timedelta(days=day))
        life.hear(SOFT)
    assert (life.progress.status == "held") is held


def test_a_new_address_starts_a_new_count_of_soft_bounces() -> None:
    life = waiting()
    life.hear(SOFT, SOFT, SOFT)
    life.hear(e.HoldTaken(reason=Reason.BAD_ADDRESS, by=ANA))
    assert life.hear(SOFT) == []


def test_a_delay_warning_changes_nothing() -> None:
    life = waiting()
    warning = e.Bounced(message=1, hard=False, status="4.4.7", delayed=True)
    assert life.hear(warning, warning, warning) == []


def test_a_colleague_counts_once_and_all_of_them_30_days() -> None:
    life = waiting()
    start = life.now
    life.hear(e.ColleagueReplied(person=2, message=1))
    assert life.progress.pauses[0].until == denver(7, month=12)
    # the same one again: nothing
    life.at(denver(1, month=12))
    assert life.hear(e.ColleagueReplied(person=2, message=2)) == []
    # another one: longer
    life.hear(e.ColleagueReplied(person=3, message=3))
    assert life.progress.pauses[0].until == denver(15, month=12)
    # a third one: 30 days in all
    life.at(denver(14, month=12))
    life.hear(e.ColleagueReplied(person=4, message=4))
    assert life.progress.pauses[0].until == start + timedelta(days=30)
    # and a fourth one, after that: the owner is told, nothing waits
    life.at(denver(24, month=12))
    assert kinds(life.hear(e.ColleagueReplied(person=5, message=5))) == ["Notified"]


def test_two_answers_of_one_colleague_at_once_count_once() -> None:
    life = waiting()
    both = life.hear(e.ColleagueReplied(person=2, message=1), e.ColleagueReplied(person=2, message=2))
    assert kinds(both) == ["Notified", "PausePut"]


def test_an_automatic_answer_never_counts_as_a_colleague() -> None:
    life = waiting()
    life.hear(e.AutoReplyReceived(message=1, return_date=None))
    assert (life.progress.colleagues, life.progress.account_paused_at) == ((), None)


def test_signals_are_answered_in_order_and_none_is_lost() -> None:
    life = waiting()
    for event in (SOFT, e.OwnerWrote(message=2), e.AutoReplyReceived(message=3, return_date=None), HARD, REPLY):
        life.record(event)
    numbers = [signal.number for signal in life.progress.signals]
    reacted = [event.to for event in life.settle() if isinstance(event, e.Reacted)]
    assert reacted == numbers
    assert {pause.reason for pause in life.progress.pauses} == {Reason.OWNER_WROTE, Reason.AWAY}
    assert life.progress.hold(Reason.BAD_ADDRESS)
    assert life.progress.finished is FinishReason.REPLIED


def test_an_answer_counts_from_when_it_was_recorded() -> None:
    life = waiting()
    life.record(e.OwnerWrote(message=1))
    life.now = denver(26, 12)
    life.settle()
    assert life.progress.pauses[0].until == denver(28)


@pytest.mark.parametrize(
    ("event", "answers"),
    [
        # the person writes again: it is put before the rep
        (REPLY, ["TaskOpened"]),
        # the rep answered by hand: nothing is open to close
        (e.OwnerWrote(message=2), []),
        # a refusal is kept
        (OPT_OUT, ["ContactSuppressed"]),
        (e.OptedOut(by=ANA, channel="call"), ["ContactSuppressed"]),
        (e.Complained(message=2), ["ContactSuppressed"]),
        # nothing else moves
        (e.AutoReplyReceived(message=2, return_date=None), []),
        (HARD, []),
        (e.MeetingBooked(by=ANA), []),
        (e.ColleagueReplied(person=2, message=2), []),
        (e.MailUnreadable(message=2), []),
        (e.PollAnswered(poll="p", option="Yes"), []),
        # a second end is none
        (e.Finished(reason=FinishReason.REMOVED, by=ANA), []),
    ],
)
def test_after_the_end(event: e.Event, answers: list[str]) -> None:
    life = waiting()
    life.hear(e.Finished(reason=FinishReason.MOVED, by=ANA))
    ended = life.progress.finished_at
    life.at(timedelta(days=1))
    assert kinds(life.hear(event)) == answers
    assert (life.progress.finished, life.progress.finished_at) == (FinishReason.MOVED, ended)
    assert (life.decision.due_at, life.closed().frees_by) == (None, "enroll the person again")


@pytest.mark.parametrize(
    ("event", "left"),
    [
        # a second reply finds the task open
        (e.ReplyReceived(message=2, answer="question"), ["answer"]),
        # the rep wrote: it is answered
        (e.OwnerWrote(message=2), []),
        # an opt-out stops the answer, too
        (OPT_OUT, []),
    ],
)
def test_the_task_to_answer(event: e.Event, left: list[str]) -> None:
    life = waiting()
    life.hear(REPLY)
    life.hear(event)
    assert [task.work for task in life.progress.tasks.values()] == left


def test_after_the_answer_is_given_the_next_reply_opens_the_next_task() -> None:
    life = waiting()
    life.hear(REPLY)
    (key,) = life.progress.tasks
    life.hear(e.TaskDone(task=key, outcome="answered", by=ANA))
    assert kinds(life.hear(REPLY)) == ["TaskOpened"]
