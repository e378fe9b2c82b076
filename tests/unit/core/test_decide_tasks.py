"""What a person's task leads to: every Reaction as an outcome and on overdue, reviews, snoozing, undo."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from sequencer.core import events as e
from sequencer.core.gates import leaving_gates
from sequencer.core.people import Rep
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.sequence import EmailStep
from tests.unit.core.build import ANA, BREAKUP, CALL, EMAIL, MADRID, Life, at_call, denver, facts, kinds, sequence

OPENED = denver(24, 9)
REVIEW = {**EMAIL, "review": "true", "at": "09:00-10:30"}
RETRY = {"retry": {"after": "1bd", "max": "2"}}


@pytest.mark.parametrize(
    ("reaction", "answers", "due"),
    [
        # next: the following step's wait counts from now
        ("next", ["StepCompleted"], denver(30, 10)),
        # no reaction for this outcome: next
        (None, ["StepCompleted"], denver(30, 10)),
        # skip
        ("skip", ["StepSkipped"], denver(30, 10)),
        # snooze: the same step, tomorrow
        ("snooze", ["RetryPlanned"], denver(25, 10)),
        # snooze for a time
        ({"snooze": "3h"}, ["RetryPlanned"], denver(24, 13, 30)),
        # finish
        ({"finish": "goal"}, ["Finished"], None),
        # pause: the step is over, the next one waits for the later of both
        ({"pause": "10d"}, ["StepCompleted", "PausePut"], denver(4, month=12)),
        # hold: mended, the call is made again
        ({"hold": "bad_phone"}, ["HoldPut"], OPENED + timedelta(days=30, hours=1)),
        # goto: the wait of the target counts from now
        ({"goto": "breakup"}, ["WentTo"], denver(30, 10)),
        # goto a step that lies behind (a file that says so does not pass the check): next
        ({"goto": "intro"}, ["StepCompleted"], denver(30, 10)),
        # retry
        (RETRY, ["RetryPlanned"], denver(25, 10)),
        # suppress: the step is over, this channel is done with
        ({"suppress": "call"}, ["ContactSuppressed", "StepCompleted"], denver(30, 10)),
        # suppress all: the end
        ({"suppress": "all"}, ["ContactSuppressed", "StepCompleted", "Finished"], None),
        # skip a channel: only in this sequence
        ({"skip": "call"}, ["ContactSuppressed", "StepSkipped"], denver(30, 9)),
        # reassign
        ({"reassign": "bo"}, ["Reassigned", "StepCompleted"], denver(30, 10)),
        # a task and a notice beside: next
        ({"task": "email", "notify": "owner"}, ["Notified", "TaskOpened", "StepCompleted"], denver(30, 10)),
    ],
)
def test_outcome(reaction: Any, answers: list[str], due: datetime | None) -> None:
    life = at_call(outcomes={"this": reaction} if reaction else {})
    life.now = OPENED + timedelta(hours=1)
    assert kinds(life.done("this")) == answers
    assert life.decision.due_at == due


def test_the_third_no_answer_goes_on_with_a_reason() -> None:
    life = at_call(outcomes={"no_answer": RETRY})
    for day in (24, 25):
        assert kinds(life.done("no_answer")) == ["RetryPlanned"]
        life.at(denver(day + 1, 9))
    assert life.done("no_answer") == [e.StepSkipped(step="call-1", reason=Reason.RETRIES_USED, as_of=denver(26, 9))]


def test_a_call_back_is_at_its_time_and_counts_as_no_try() -> None:
    life = at_call(outcomes={"call_back": "snooze", "no_answer": {"retry": {"after": "1bd", "max": "1"}}})
    until = denver(1, 14, month=12)
    assert life.done("call_back", until) == [e.RetryPlanned(step="call-1", again_at=until, counted=False)]
    assert (life.decision.due_at, life.closed().reason) == (until, Reason.RETRY)
    life.at(until)
    assert kinds(life.done("no_answer")) == ["RetryPlanned"]


def test_skipping_the_task_skips_the_step() -> None:
    life = at_call()
    assert life.hear(e.TaskSkipped(task="call-1#1", by=ANA)) == [
        e.StepSkipped(step="call-1", reason=Reason.SKIPPED_BY_PERSON, as_of=OPENED)
    ]


def test_a_task_done_twice_is_done_once() -> None:
    life = at_call(outcomes={"no_answer": RETRY})
    life.done("no_answer")
    life.at(denver(25, 9))
    late = e.TaskDone(task="call-1#1", outcome="connected", by=ANA)
    assert life.hear(late) == []
    assert life.progress.step_task == "call-1#2"


@pytest.mark.parametrize(
    ("do", "answers", "open_until"),
    [
        # only a notice: it waits on
        ({"notify": "owner"}, ["TaskOverdue", "Notified"], OPENED),
        ("next", ["TaskOverdue", "TaskCancelled", "StepCompleted"], None),
        ("skip", ["TaskOverdue", "TaskCancelled", "StepSkipped"], None),
        # snoozed once; it does not go round for ever
        ("snooze", ["TaskOverdue", "TaskSnoozed"], denver(30, 9)),
        ({"finish": "disqualified"}, ["TaskOverdue", "Finished", "TaskCancelled"], None),
        # paused: the task is snoozed to its end
        ({"pause": "5d"}, ["TaskOverdue", "PausePut", "TaskSnoozed"], denver(2, month=12)),
        # held: the task stays
        ({"hold": "bad_phone"}, ["TaskOverdue", "HoldPut"], OPENED),
        ({"goto": "breakup"}, ["TaskOverdue", "TaskCancelled", "WentTo"], None),
        # tried again tomorrow: this task is over
        (RETRY, ["TaskOverdue", "TaskCancelled", "RetryPlanned"], None),
        # the channel is closed: its task, and its step
        ({"suppress": "call"}, ["TaskOverdue", "ContactSuppressed", "TaskCancelled", "StepSkipped"], None),
        ({"skip": "call"}, ["TaskOverdue", "ContactSuppressed", "TaskCancelled", "StepSkipped"], None),
        # another channel: this task waits on
        ({"suppress": "linkedin"}, ["TaskOverdue", "ContactSuppressed"], OPENED),
        # another rep has it now
        ({"reassign": "bo"}, ["TaskOverdue", "Reassigned"], OPENED),
    ],
)
def test_overdue(do: Any, answers: list[str], open_until: datetime | None) -> None:
    life = at_call(on_overdue={"after": "3bd", "do": do})
    assert life.decision.due_at == denver(27, 9)
    assert life.at(denver(27, 8, 59)) == []
    heard = life.at(denver(27, 9))
    assert kinds(heard) == answers
    task = life.progress.tasks.get("call-1#1")
    assert (task.due_at if task else None) == open_until


@pytest.mark.parametrize("do", ["snooze", {"pause": "2d"}, {"notify": "owner"}])
def test_a_task_is_overdue_once_and_does_not_go_round_for_ever(do: Any) -> None:
    life = at_call(on_overdue={"after": "3bd", "do": do})
    life.at(denver(27, 9))
    assert "TaskOverdue" not in kinds(life.at(timedelta(days=200)))
    assert life.closed().reason is Reason.TASK_OPEN


def test_without_on_overdue_a_task_waits() -> None:
    life = at_call()
    assert life.at(timedelta(days=300)) == []
    assert (life.closed().reason, life.decision.due_at) == (Reason.TASK_OPEN, None)


@pytest.mark.parametrize(
    ("stop", "free", "overdue_at"),
    [
        # a dated pause
        (
            e.PausePut(reason=Reason.BY_PERSON, until=denver(30), due_at=None, by=ANA),
            None,
            denver(3, 0, month=12),
        ),
        # an open pause
        (
            e.PausePut(reason=Reason.BY_PERSON, until=None, due_at=None, by=ANA),
            e.PauseTaken(reason=Reason.BY_PERSON, by=ANA),
            denver(3, 12, month=12),
        ),
        # a hold
        (e.HoldPut(reason=Reason.BAD_PHONE), e.HoldTaken(reason=Reason.BAD_PHONE, by=ANA), denver(3, 12, month=12)),
    ],
)
def test_nothing_is_overdue_while_it_stands_still(stop: e.Event, free: e.Event | None, overdue_at: datetime) -> None:
    life = at_call(on_overdue={"after": "3bd", "do": "skip"})
    life.hear(stop)
    heard = life.at(denver(30, 12))
    assert "TaskOverdue" not in kinds(heard)
    if free:
        life.hear(free)
    assert life.decision.due_at == overdue_at
    assert "StepSkipped" in kinds(life.at(overdue_at))


def test_a_task_is_snoozed_to_the_end_of_a_pause_and_comes_back_with_an_early_resume() -> None:
    life = at_call()
    until = denver(9, month=12)
    life.hear(e.PausePut(reason=Reason.BY_PERSON, until=until, due_at=None, by=ANA))
    task = life.progress.tasks["call-1#1"]
    assert (task.due_at, task.snoozed_until, task.snoozed_by) == (until, until, "pause")
    life.now = denver(1, 9, month=12)
    life.hear(e.PauseTaken(reason=Reason.BY_PERSON, by=ANA))
    assert life.progress.tasks["call-1#1"].due_at == life.now


@pytest.mark.parametrize(
    ("rep_until", "due"),
    [
        # the rep snoozed it for longer: that stands
        (denver(15, month=12), denver(15, month=12)),
        # for less: the pause is longer
        (denver(1, month=12), denver(9, month=12)),
    ],
)
def test_a_pause_and_the_reps_own_snooze(rep_until: datetime, due: datetime) -> None:
    life = at_call()
    life.hear(e.TaskSnoozed(task="call-1#1", until=rep_until, by=ANA))
    life.hear(e.PausePut(reason=Reason.AWAY, until=denver(9, month=12), due_at=None, by="sequence"))
    assert life.progress.tasks["call-1#1"].due_at == due


def test_the_reps_snooze_gives_a_new_time_to_be_overdue() -> None:
    life = at_call(on_overdue={"after": "3bd", "do": {"notify": "owner"}})
    assert "Notified" in kinds(life.at(denver(27, 9)))
    life.hear(e.TaskSnoozed(task="call-1#1", until=denver(30, 9), by=ANA))
    assert "Notified" in kinds(life.at(denver(3, 9, month=12)))


def test_tasks_at_a_hold_stay() -> None:
    life = at_call()
    assert life.hear(e.HoldPut(reason=Reason.BAD_ADDRESS)) == []
    assert life.progress.step_task == "call-1#1"


def test_a_done_task_moves_a_paused_or_held_enrollment_but_nothing_leaves() -> None:
    life = at_call()
    life.hear(e.HoldPut(reason=Reason.BAD_ADDRESS))
    assert kinds(life.done()) == ["StepCompleted"]
    assert life.at(denver(20, 9, month=12)) == []


@pytest.mark.parametrize(
    ("open_at", "approved", "leaves"),
    [
        # the review opens in the rep's hours, the mail leaves in the prospect's, within `at`
        (denver(23, 9), denver(23, 9, 10), denver(23, 9, 10)),
        # approved too late for today
        (denver(23, 9), denver(23, 14), denver(24, 9)),
    ],
)
def test_a_reviewed_mail(open_at: datetime, approved: datetime, leaves: datetime) -> None:
    life = Life(sequence(REVIEW, BREAKUP))
    assert life.progress.tasks["intro#1"].review
    assert (life.progress.tasks["intro#1"].opened_at, life.closed().reason) == (open_at, Reason.REVIEW)
    life.at(approved)
    heard = life.done("approved")
    heard += life.at(leaves)
    assert kinds(heard) == ["TouchQueued"]
    assert life.now == leaves


def test_a_review_opens_in_the_reps_hours() -> None:
    known = facts(rep=Rep("ana", "ana@x.test", MADRID))
    # nine in Madrid: the prospect sleeps, the rep may read; the mail waits for nine where the prospect is
    life = Life(sequence(REVIEW, BREAKUP), known, at=denver(23, 1))
    assert life.progress.step_task == "intro#1"
    assert life.done("approved") == []
    assert life.decision.due_at == denver(23, 9)
    # in the prospect's morning the rep has gone home
    assert Life(sequence(REVIEW, BREAKUP), known, at=denver(23, 9, 30)).decision.due_at == denver(24, 0, 30)


def test_the_mail_itself_leaves_in_the_prospects_hours() -> None:
    life = Life(sequence(REVIEW, BREAKUP), facts(rep=Rep("ana", "ana@x.test", MADRID)), at=denver(23, 1))
    step = life.sequence.steps[0]
    assert isinstance(step, EmailStep)
    closed = [
        gate for gate in leaving_gates(step, life.sequence, life.progress, life.facts, life.now) if not gate.passed
    ]
    assert [(gate.reason, gate.frees_at) for gate in closed] == [(Reason.WINDOW_CLOSED, denver(23, 9))]


def test_a_mail_that_was_called_back_after_its_review_is_not_reviewed_again() -> None:
    life = Life(sequence(REVIEW, BREAKUP))
    life.done("approved")
    life.hear(e.HoldPut(reason=Reason.BAD_PHONE))
    assert kinds(life.hear(e.HoldTaken(reason=Reason.BAD_PHONE, by=ANA))) == ["TouchQueued"]


@pytest.mark.parametrize(
    ("do", "answers"),
    [
        # not approved in time: the mail is left out, the sequence goes on
        ("skip", ["TaskOverdue", "TaskCancelled", "StepSkipped"]),
        ("next", ["TaskOverdue", "TaskCancelled", "StepCompleted"]),
        (RETRY, ["TaskOverdue", "TaskCancelled", "RetryPlanned"]),
        ({"finish": "goal"}, ["TaskOverdue", "Finished", "TaskCancelled"]),
    ],
)
def test_an_overdue_review(do: Any, answers: list[str]) -> None:
    life = Life(sequence({**REVIEW, "on_overdue": {"after": "1bd", "do": do}}, BREAKUP))
    assert kinds(life.at(denver(24, 9))) == answers
    assert not any(isinstance(event, e.TouchQueued) for _, event in life.log)


def test_undo_opens_the_task_again_before_its_outcome_was_answered() -> None:
    life = at_call()
    opened = next(event for _, event in life.log if isinstance(event, e.TaskOpened))
    life.record(e.TaskDone(task=opened.task, outcome="connected", by=ANA))
    assert life.hear(opened) == []
    assert life.progress.step_task == opened.task


def test_a_reps_day_is_full() -> None:
    life = Life(sequence(CALL), facts(calls_today=40), at=denver(23, 9))
    life.at(denver(24, 9))
    assert (life.closed().reason, life.decision.due_at) == (Reason.REP_DAY, denver(25, 8, 30))
    life.facts = facts()
    assert kinds(life.settle()) == ["TaskOpened"]


def test_a_finish_by_a_person_cancels_every_task_but_the_answer() -> None:
    rules = [{"id": "hot", "when": "clicks >= 1", "do": {"task": "call"}}]
    life = Life(sequence(EMAIL, {"id": "post", "task": "Send it"}, rules=rules))
    life.sent()
    life.hear(e.Clicked(step="intro"))
    life.record(e.TaskOpened(task="reply:answer#9", step=None, work="answer", priority="normal", due_at=life.now))
    assert [task.work for task in life.progress.tasks.values()] == ["other", "call", "answer"]
    life.hear(e.Finished(reason=FinishReason.REMOVED, by=ANA))
    assert [task.work for task in life.progress.tasks.values()] == ["answer"]


def test_calls_keep_the_prospects_hours_and_other_tasks_the_reps() -> None:
    known = facts(rep=Rep("ana", "ana@x.test", MADRID))
    post = {"id": "post", "task": "Send it"}
    assert Life(sequence(CALL), known).decision.due_at == denver(24, 9)
    # 08:30 in Madrid is half past midnight in Denver
    assert Life(sequence({**post, "wait": "6h"}), known).decision.due_at == denver(24, 0, 30)
