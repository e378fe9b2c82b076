"""Pauses, holds, refusals and rules: independent facts, and nothing leaves while one of them stands."""

from datetime import timedelta
from typing import Any

import pytest

from sequencer.core import events as e
from sequencer.core.decide import EVENTS_PER_ENROLLMENT_MAX, decide
from sequencer.core.gates import contact_gates, leaving_gates
from sequencer.core.people import Channel
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.sequence import EmailStep
from sequencer.core.suppression import Suppression
from sequencer.errors import InvariantBroken
from tests.unit.core.build import (
    ANA,
    BREAKUP,
    CALL,
    EMAIL,
    START,
    Life,
    at_call,
    denver,
    facts,
    kinds,
    outer,
    prospect,
    sequence,
)

AWAY = e.PausePut(reason=Reason.AWAY, until=denver(1, month=12), due_at=None, by="sequence")
BY_ANA = e.PausePut(reason=Reason.BY_PERSON, until=None, due_at=None, by=ANA)
LINKEDIN = {"id": "connect", "wait": "1bd", "linkedin": "connect"}


def suppression(kind: Any, value: str, channel: Channel | None = None) -> Suppression:
    return Suppression(kind, value, channel, "", START)


@pytest.mark.parametrize("stop", [AWAY, BY_ANA, e.HoldPut(reason=Reason.BAD_PHONE)])
def test_a_stop_that_anybody_records_calls_the_queued_mail_back(stop: e.Event) -> None:
    life = Life()
    assert life.hear(stop) == [e.TouchCancelled(step="intro", attempt=1, reason=Reason.STOPPED)]
    assert life.at(denver(30, 23)) == []


def test_removing_one_shows_the_next() -> None:
    life = Life()
    life.hear(AWAY, BY_ANA, e.HoldPut(reason=Reason.BAD_PHONE), e.HoldPut(reason=Reason.BAD_ADDRESS))
    shown = [life.progress.status]
    for event in (
        e.HoldTaken(reason=Reason.BAD_PHONE, by=ANA),
        e.HoldTaken(reason=Reason.BAD_ADDRESS, by=ANA),
        e.PauseTaken(reason=Reason.BY_PERSON, by=ANA),
        e.PauseTaken(reason=Reason.AWAY, by=ANA),
    ):
        life.hear(event)
        shown.append(life.progress.status)
    assert shown == ["held", "held", "paused", "paused", "active"]


def test_a_pause_ends_by_its_date_also_while_held() -> None:
    life = Life()
    life.hear(AWAY, e.HoldPut(reason=Reason.BAD_PHONE))
    assert kinds(life.at(denver(2, month=12))) == ["PauseTaken"]
    assert life.progress.status == "held"


@pytest.mark.parametrize(
    ("days", "by", "asked"),
    [
        # more than 14 days, and no person said "go on": the rep confirms
        (15, "fixed", True),
        (15, "sent_folder", True),
        # a person said so
        (15, ANA, False),
        # a name alone is no person's word
        (15, "person:", True),
        # within 14 days
        (14, "fixed", False),
    ],
)
def test_after_a_long_hold_the_rep_confirms(days: int, by: str, asked: bool) -> None:
    life = Life()
    life.hear(e.HoldPut(reason=Reason.BAD_PHONE))
    life.at(timedelta(days=days))
    answers = life.hear(e.HoldTaken(reason=Reason.BAD_PHONE, by=by))
    assert (e.HoldPut(reason=Reason.CONFIRM_DATE) in answers) is asked
    assert ("TouchQueued" in kinds(answers)) is (not asked)


def test_only_a_person_confirms() -> None:
    life = Life()
    life.hear(e.HoldPut(reason=Reason.BAD_PHONE))
    life.at(timedelta(days=15))
    life.hear(e.HoldTaken(reason=Reason.BAD_PHONE, by="fixed"))
    assert kinds(life.hear(e.HoldTaken(reason=Reason.CONFIRM_DATE, by="fixed"))) == ["HoldPut"]
    assert kinds(life.hear(e.HoldTaken(reason=Reason.CONFIRM_DATE, by=ANA))) == ["TouchQueued"]


def test_an_uncertain_mail_that_is_settled_after_14_days_asks_too() -> None:
    life = Life()
    life.hear(e.TouchUncertain(step="intro", attempt=1, fenced_at=START))
    life.at(timedelta(days=20))
    settled = e.TouchSettled(step="intro", attempt=1, sent_at=START, by="reply")
    assert kinds(life.hear(settled)) == ["HoldTaken", "HoldPut"]


def test_a_hold_older_than_30_days_ends_it() -> None:
    life = Life()
    life.hear(e.HoldPut(reason=Reason.BAD_PHONE))
    assert "ends by itself on 2026-12-23" in life.closed().frees_by
    assert life.at(timedelta(days=30) - timedelta(seconds=1)) == []
    assert life.at(timedelta(seconds=1)) == [e.Finished(reason=FinishReason.EXPIRED, by="sequence")]


@pytest.mark.parametrize(
    ("scope", "reason", "frees_by"),
    [
        ("all", Reason.ALL_PAUSED, "resume --all"),
        ("sequence", Reason.SEQUENCE_PAUSED, "resume --sequence vp"),
        ("mailbox", Reason.MAILBOX_PAUSED, "resume --mailbox vp"),
    ],
)
def test_a_pause_above_the_enrollment(scope: str, reason: Reason, frees_by: str) -> None:
    life = Life(known=facts(outer=(outer(scope),)))
    assert (life.closed().reason, life.closed().frees_by) == (reason, frees_by)
    assert life.decision.due_at is None
    life.facts = facts()
    assert kinds(life.settle()) == ["TouchQueued"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        # the person
        (suppression("person", "1"), FinishReason.OPTED_OUT),
        # their address, their domain, their account
        (suppression("address", "jo@acme.test"), FinishReason.DISQUALIFIED),
        (suppression("domain", "acme.test"), FinishReason.DISQUALIFIED),
        (suppression("account", "acme.test"), FinishReason.DISQUALIFIED),
        # somebody else
        (suppression("person", "2"), None),
        # one channel only
        (suppression("person", "1", "linkedin"), None),
    ],
)
@pytest.mark.parametrize("held", [False, True])
def test_a_refusal_of_every_channel_is_the_end(rule: Suppression, reason: FinishReason | None, held: bool) -> None:
    life = Life()
    if held:
        life.hear(e.HoldPut(reason=Reason.BAD_PHONE))
    life.facts = facts(suppressions=(rule,))
    life.settle()
    assert life.progress.finished is reason
    assert (life.progress.flight is None) is bool(reason or held)


@pytest.mark.parametrize(
    ("channel", "skipped"),
    [("email", ["intro", "breakup"]), ("call", ["call-1"]), ("linkedin", ["connect"])],
)
@pytest.mark.parametrize("recorded", [False, True])
def test_a_refusal_of_one_channel_skips_its_steps(channel: Channel, skipped: list[str], recorded: bool) -> None:
    known = facts() if recorded else facts(suppressions=(suppression("person", "1", channel),))
    life = Life(sequence(EMAIL, LINKEDIN, CALL, BREAKUP), known)
    if recorded:
        life.hear(e.OptedOut(by=ANA, channel=channel))
    for _ in range(20):
        if life.progress.flight:
            life.sent()
        elif life.progress.step_task:
            life.done()
        elif life.decision.due_at:
            life.at(life.decision.due_at)
    skips = [event for _, event in life.log if isinstance(event, e.StepSkipped)]
    assert [(skip.step, skip.reason) for skip in skips] == [(step, Reason.SUPPRESSED) for step in skipped]
    assert life.progress.finished is FinishReason.COMPLETED


# steps, rules, how it ends
ONLY_CHANNELS = [
    ((EMAIL, BREAKUP), (suppression("address", "jo@acme.test", "email"),), FinishReason.DISQUALIFIED),
    ((EMAIL, BREAKUP), (suppression("person", "1", "email"),), FinishReason.OPTED_OUT),
    # the call goes on
    ((EMAIL, CALL), (suppression("address", "jo@acme.test", "email"),), None),
    # two rules that leave nothing, one of them the person's own word
    ((EMAIL, CALL), (suppression("domain", "acme.test", "email"), suppression("person", "1", "call")),
     FinishReason.OPTED_OUT),
    # a parcel by post needs no channel
    ((EMAIL, {"id": "post", "task": "Send it"}), (suppression("person", "1", "email"),), None),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "rules", "reason"), ONLY_CHANNELS)
def test_rules_against_every_channel_of_the_sequence_are_the_end(
    steps: Any, rules: Any, reason: FinishReason | None
) -> None:
    assert Life(sequence(*steps), facts(suppressions=rules)).progress.finished is reason


def test_a_refusal_of_one_channel_takes_open_tasks_along() -> None:
    life = at_call()
    heard = life.hear(e.OptedOut(by=ANA, channel="call"))
    assert kinds(heard) == ["ContactSuppressed", "TaskCancelled", "StepSkipped"]


def test_a_call_without_a_number_is_skipped() -> None:
    life = Life(known=facts(prospect=prospect(phone=None)))
    life.sent()
    assert life.at(denver(24, 9)) == [e.StepSkipped(step="call-1", reason=Reason.NO_PHONE, as_of=denver(24, 9))]


def test_what_a_sequence_silenced_stops_a_queued_mail_at_the_door() -> None:
    life = Life()
    email = life.sequence.step("intro")
    assert isinstance(email, EmailStep)
    assert all(gate.passed for gate in leaving_gates(email, life.sequence, life.progress, life.facts, life.now))
    life.record(e.ContactSuppressed(channel="email", everywhere=False))
    closed = [
        gate.reason
        for gate in leaving_gates(email, life.sequence, life.progress, life.facts, life.now)
        if not gate.passed
    ]
    assert closed == [Reason.SUPPRESSED]
    assert all(gate.passed for gate in contact_gates(email, life.facts))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (AWAY, Reason.AWAY),
        (e.HoldPut(reason=Reason.BAD_PHONE), Reason.BAD_PHONE),
        (e.Finished(reason=FinishReason.MEETING, by=ANA), Reason.FINISHED),
    ],
)
def test_what_stops_a_queued_mail_at_the_door(event: e.Event, reason: Reason) -> None:
    life = Life()
    life.record(event)
    email = life.sequence.step("intro")
    assert isinstance(email, EmailStep)
    gates = leaving_gates(email, life.sequence, life.progress, life.facts, life.now)
    assert [gate.reason for gate in gates if not gate.passed] == [reason]


HOT = {"id": "hot", "when": "clicks >= 2 and not replied"}


def hot(do: Any) -> Life:
    life = Life(sequence(EMAIL, CALL, BREAKUP, rules=[{**HOT, "do": do}]))
    life.sent()
    return life


CLICK = e.Clicked(step="intro")


@pytest.mark.parametrize(
    ("do", "answers"),
    [
        ({"task": "call", "notify": "owner"}, ["RuleFired", "Notified", "TaskOpened"]),
        ({"finish": "goal"}, ["RuleFired", "Finished"]),
        ({"pause": "5d"}, ["RuleFired", "PausePut"]),
        ({"hold": "bad_phone"}, ["RuleFired", "HoldPut"]),
        ({"goto": "breakup"}, ["RuleFired", "WentTo"]),
        # what lies behind is never done again
        ({"goto": "intro"}, ["RuleFired"]),
        ({"suppress": "all"}, ["RuleFired", "ContactSuppressed", "Finished"]),
        ({"skip": "email"}, ["RuleFired", "ContactSuppressed"]),
        ({"reassign": "bo"}, ["RuleFired", "Reassigned"]),
        # moves that only make sense of a step
        ("next", ["RuleFired"]),
        ("skip", ["RuleFired"]),
        ("snooze", ["RuleFired"]),
    ],
)
def test_a_rule_fires_once(do: Any, answers: list[str]) -> None:
    life = hot(do)
    assert life.hear(CLICK) == []
    assert kinds(life.hear(CLICK)) == answers
    assert "RuleFired" not in kinds(life.hear(CLICK))


@pytest.mark.parametrize(
    ("stop", "fires"),
    [
        (BY_ANA, True),
        (e.HoldPut(reason=Reason.BAD_PHONE), True),
        (e.Finished(reason=FinishReason.GOAL, by=ANA), False),
    ],
)
def test_rules_fire_while_paused_and_held_but_not_after_the_end(stop: e.Event, fires: bool) -> None:
    life = hot({"notify": "owner"})
    life.hear(stop)
    assert ("RuleFired" in kinds(life.hear(CLICK, CLICK))) is fires


def test_the_task_of_a_rule_does_not_hold_the_steps_up() -> None:
    life = hot({"task": "call"})
    life.hear(CLICK, CLICK)
    life.at(denver(24, 9))
    assert [task.step for task in life.progress.tasks.values()] == [None, "call-1"]
    key = next(iter(life.progress.tasks))
    assert life.hear(e.TaskDone(task=key, outcome="connected", by=ANA)) == []
    assert life.progress.step_task == "call-1#2"


def test_a_jump_takes_the_open_task_and_the_queued_mail_along() -> None:
    goto = [{**HOT, "do": {"goto": "breakup"}}]
    life = Life(sequence(EMAIL, CALL, BREAKUP, rules=goto))
    life.hear(CLICK, CLICK)
    assert (life.progress.step, life.progress.flight) == ("breakup", None)
    life = Life(sequence(EMAIL, CALL, BREAKUP, rules=goto))
    life.sent()
    life.at(denver(24, 9))
    life.hear(CLICK, CLICK)
    assert (life.progress.step, dict(life.progress.tasks)) == ("breakup", {})


def test_no_task_is_opened_on_a_channel_that_is_refused() -> None:
    life = hot({"task": "call"})
    life.hear(e.OptedOut(by=ANA, channel="call"))
    assert kinds(life.hear(CLICK, CLICK)) == ["RuleFired"]


def test_a_rule_sees_days_pass() -> None:
    rules = [{"id": "late", "when": "days_since(intro) >= 2", "do": {"notify": "owner"}}]
    life = Life(sequence(EMAIL, BREAKUP, rules=rules))
    life.sent()
    assert life.decision.due_at == denver(25, 9)
    assert kinds(life.at(denver(25, 9))) == ["RuleFired", "Notified"]


def test_a_broken_invariant_answers_nothing_and_loses_nothing() -> None:
    life = Life()
    life.record(e.ReplyReceived(message=1, answer="question"))
    life.record(e.HoldPut(reason=Reason.BUG))
    assert life.settle() == []
    life.hear(e.HoldTaken(reason=Reason.BUG, by=ANA))
    assert life.progress.finished is FinishReason.REPLIED
    life = Life()
    life.hear(e.HoldPut(reason=Reason.BUG), AWAY)
    life.now = denver(2, month=12)
    life.settle()
    assert life.decision.due_at == START + timedelta(days=30)
    assert kinds(life.at(timedelta(days=30))) == ["Finished", "TouchCancelled"]


def test_a_log_without_end_and_a_lost_step_break_an_invariant() -> None:
    life = Life()
    for _ in range(EVENTS_PER_ENROLLMENT_MAX):
        life.record(CLICK)
    with pytest.raises(InvariantBroken, match="5000 events"):
        decide(life.sequence, life.progress, life.facts, life.now)
    life = Life()
    with pytest.raises(InvariantBroken, match='no step "intro"'):
        decide(sequence(CALL), life.progress, facts(on_the_wire=True), life.now)
