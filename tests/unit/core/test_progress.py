"""The fold, event by event: what each fact changes, what it never loses, and its stored form."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from datetime import date, datetime, timedelta
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from sequencer.core import events as e
from sequencer.core.progress import Flight, Progress, Touch, enroll, fold, from_json, step, to_json
from sequencer.core.reason import FinishReason, Reason
from tests.unit.core.build import ANA, START, Life, at_call, denver

ENROLLED = e.Enrolled(sequence="vp", version=1, step="intro", rep="ana", mailbox="ana@x.test", by=ANA)
QUEUED = e.TouchQueued(step="intro", attempt=1, variant="only", version=1)
SENT = e.TouchSent(step="intro", attempt=1, sent_at=START)
OPENED = e.TaskOpened(task="call-1#1", step="call-1", work="call", priority="normal", due_at=START)
LATER = START + timedelta(days=1)


def after(*events: e.Event) -> Progress:
    return fold([(START, ENROLLED), *((LATER, event) for event in events)])


@pytest.mark.parametrize("log", [[], [(START, QUEUED)]])
def test_a_log_begins_with_enrolled(log: Any) -> None:
    with pytest.raises(ValueError, match="begins with Enrolled"):
        fold(log)


def test_fold_is_step_after_step() -> None:
    progress = enroll(ENROLLED, START)
    for event in (QUEUED, SENT, OPENED):
        progress = step(progress, event, LATER)
    assert progress == after(QUEUED, SENT, OPENED)
    assert progress.events == 4


@pytest.mark.parametrize(
    ("events", "changes"),
    [
        # queued: in flight
        ([QUEUED], {"flight": Flight("intro", 1, "queued"), "step_done": False}),
        # sent: done as of the dot, not as of the record
        ([QUEUED, SENT], {"flight": None, "step_done": True, "since": START}),
        # crossed: the same, on a finished one
        ([QUEUED, e.Finished(reason=FinishReason.REPLIED, by="reply"), SENT], {"flight": None, "step_done": True}),
        # a mail of a step left behind moves nothing
        ([QUEUED, e.WentTo(step="intro", target="breakup", as_of=LATER), SENT], {"step": "breakup", "since": LATER}),
        # called back: the step is still to do
        ([QUEUED, e.TouchCancelled(step="intro", attempt=1, reason=Reason.STOPPED)], {"flight": None}),
        # what names no mail in flight changes nothing
        (
            [QUEUED, e.TouchCancelled(step="intro", attempt=2, reason=Reason.STOPPED)],
            {"flight": Flight("intro", 1, "queued")},
        ),
        # a task: the step is under way
        ([OPENED], {"step": "call-1", "step_task": "call-1#1", "tasks_opened": 1}),
        # done: still the same step, until the outcome is answered
        ([OPENED, e.TaskDone(task="call-1#1", outcome="x", by=ANA)], {"step": "call-1", "step_done": False}),
        # what is said of no open task is no signal
        ([e.TaskDone(task="call-1#1", outcome="x", by=ANA)], {"signals": ()}),
        ([e.TaskOverdue(task="call-1#1")], {"signals": ()}),
        # a branch
        ([e.BranchTaken(step="intro", target="breakup", as_of=LATER)], {"step": "breakup", "step_done": False}),
        ([e.BranchTaken(step="intro", target="end", as_of=LATER)], {"step": "end", "step_done": True}),
        # a retry counts, a snooze does not
        ([e.RetryPlanned(step="intro", again_at=LATER, counted=True)], {"not_before": LATER}),
        # the second of the same hold keeps the first's date
        (
            [e.HoldPut(reason=Reason.BAD_PHONE, detail="a"), e.HoldPut(reason=Reason.BAD_PHONE, detail="b")],
            {"status": "held"},
        ),
        # what is not there cannot be lifted
        ([e.PauseTaken(reason=Reason.AWAY, by=ANA), e.HoldTaken(reason=Reason.BUG, by=ANA)], {"resumed_at": None}),
        # the first end stands
        (
            [e.Finished(reason=FinishReason.MOVED, by=ANA), e.Finished(reason=FinishReason.REPLIED, by="reply")],
            {"finished": FinishReason.MOVED},
        ),
        # facts for expressions
        ([e.ReplyReceived(message=1, answer="other")], {"replied": True}),
        ([QUEUED, e.Clicked(step="intro"), e.Clicked(step="intro")], {"clicks": 2}),
        ([e.Clicked(step="never"), e.Opened(step="never")], {"clicks": 0, "touches": {}}),
        ([e.PollAnswered(poll="p", option="Yes"), e.PollAnswered(poll="p", option="No")], {"polls": {"p": "No"}}),
        ([e.LinkedInConnected()], {"linkedin_connected": True}),
        (
            [e.Bounced(message=1, hard=False, status=""), e.Bounced(message=1, hard=True, status="")],
            {"soft_bounces": (LATER,)},
        ),
        # reassigned: the mailbox stays unless one is named
        ([e.Reassigned(rep="bo")], {"rep": "bo", "mailbox": "ana@x.test"}),
        ([e.Reassigned(rep="bo", mailbox="bo@x.test")], {"rep": "bo", "mailbox": "bo@x.test"}),
        # refusals, each once
        ([e.ContactSuppressed(channel=None), e.ContactSuppressed(channel=None)], {"silenced": ("all",)}),
        ([e.RuleFired(rule="hot")], {"fired": ("hot",)}),
    ],
)  # fmt: skip
def test_what_an_event_changes(events: list[e.Event], changes: dict[str, Any]) -> None:
    progress = after(*events)
    assert {name: getattr(progress, name) for name in changes} == changes


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        # the later date wins, in both orders
        (denver(1, month=12), denver(9, month=12), denver(9, month=12)),
        (denver(9, month=12), denver(1, month=12), denver(9, month=12)),
        # open beats dated, in both orders
        (None, denver(9, month=12), None),
        (denver(9, month=12), None, None),
    ],
)
def test_two_pauses_for_one_reason(first: Any, second: Any, kept: Any) -> None:
    puts = [e.PausePut(reason=Reason.BY_PERSON, until=until, due_at=None, by=ANA) for until in (first, second)]
    assert [pause.until for pause in after(*puts).pauses] == [kept]


def test_pauses_for_two_reasons_stand_beside_each_other() -> None:
    puts = [
        e.PausePut(reason=reason, until=denver(day, month=12), due_at=None, by=ANA)
        for reason, day in ((Reason.AWAY, 9), (Reason.ACCOUNT, 1))
    ]
    paused = after(*puts)
    assert [pause.until for pause in paused.pauses] == [denver(9, month=12), denver(1, month=12)]
    left = step(paused, e.PauseTaken(reason=Reason.ACCOUNT, by="date"), denver(1, month=12))
    assert [pause.reason for pause in left.pauses] == [Reason.AWAY]


def test_a_snooze_moves_the_due_time_in_both_directions_but_never_before_the_plan() -> None:
    progress = after(OPENED)
    for until, due in ((denver(30), denver(30)), (denver(25), denver(25)), (denver(1), START)):
        progress = step(progress, e.TaskSnoozed(task="call-1#1", until=until, by=ANA), LATER)
        assert progress.tasks["call-1#1"].due_at == due


def test_a_renamed_step_keeps_its_history() -> None:
    life = at_call()
    life.record(e.TaskDone(task="call-1#1", outcome="x", by=ANA))
    life.record(e.VersionApplied(version=2, renamed=(("call-1", "phone"), ("intro", "hello")), sequence="vp-2"))
    progress = life.progress
    assert (progress.sequence, progress.step, set(progress.touches)) == ("vp-2", "phone", {"hello", "phone"})
    assert progress.signals[0].step == "phone"


def test_a_renamed_step_keeps_its_flight_and_its_task() -> None:
    rename = e.VersionApplied(version=2, renamed=(("intro", "hello"), ("call-1", "phone")))
    assert after(QUEUED, rename).flight == Flight("hello", 1, "queued")
    assert after(OPENED, rename).step_task == "call-1#1"


def test_the_stored_form_is_the_same_state() -> None:
    life = Life()
    life.hear(e.TouchUncertain(step="intro", attempt=1, fenced_at=START))
    life.record(e.AutoReplyReceived(message=3, return_date=None))
    life.record(e.TouchNotRendered(step="intro", reason=Reason.MISSING_FIELD, field="account.name"))
    assert from_json(to_json(life.progress)) == life.progress
    assert len(life.progress.signals) == 2


def test_a_blank_state_is_stored_short() -> None:
    assert len(to_json(enroll(ENROLLED, START))) < 200


@pytest.mark.parametrize("text", ["", "{}", '{"sequence": 1}', "[]"])
def test_another_shape_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        from_json(text)


def sample(hint: Any) -> Any:
    """A value of an event's field that is not its default."""
    inner = [each for each in get_args(hint) if each is not type(None)]
    if get_origin(hint) in (Union, UnionType):
        return sample(inner[0])
    if get_origin(hint) is Literal:
        return inner[0]
    if get_origin(hint) is tuple:
        return tuple(sample(each) for each in inner if each is not Ellipsis)
    if get_origin(hint) is Mapping:
        return {"x": sample(inner[1])}
    if hint is Touch:
        return Touch("sent", LATER, 1, outcome="x", opens=2)
    if issubclass(hint, Enum):
        return next(iter(hint))
    values: dict[type, Any] = {str: "x", int: 7, bool: True, datetime: LATER, date: LATER.date()}
    return values[hint]


@pytest.mark.parametrize("kind", e.EVENT_KINDS)
def test_every_event_is_stored_and_read_back(kind: str) -> None:
    of = e.EVENT_KINDS[kind]
    event = of(**{name: sample(hint) for name, hint in get_type_hints(of).items()})
    assert e.from_json(e.kind_of(event), e.to_json(event)) == event
    life = Life()
    life.record(event)
    assert from_json(to_json(life.progress)) == life.progress


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        e.from_json("Unheard", "{}")


@pytest.mark.parametrize(
    ("by", "person"),
    [("person:ana", True), ("person:", False), ("ana", False), ("fixed", False), ("sequence", False)],
)
def test_who_counts_as_a_person(by: str, person: bool) -> None:
    assert e.by_person(by) is person


def test_engagement_does_not_move_the_time_of_a_touch() -> None:
    before = after(QUEUED, SENT).touches["intro"]
    assert after(QUEUED, SENT, e.Opened(step="intro")).touches["intro"] == replace(before, opens=1)
    assert before == Touch("sent", START, 1, variant="only", version=1)


def test_defaults_are_no_accident() -> None:
    """What a log of an older version lacks is read as the default, so a new field needs one."""
    optional = {
        f"{name}.{each.name}"
        for name, kind in e.EVENT_KINDS.items()
        for each in fields(kind)
        if each.default is not MISSING
    }
    assert {"Bounced.delayed", "Reassigned.mailbox", "VersionApplied.renamed", "VersionApplied.sequence"} <= optional
