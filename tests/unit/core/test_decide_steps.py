"""What each kind of step asks for when every gate is open, and what `why` reads in the gates."""

from typing import Any

import pytest

from sequencer.core import events as e
from sequencer.core.decide import decide, due_of, variant_of
from sequencer.core.gates import gates_of
from sequencer.core.reason import FinishReason, Reason
from sequencer.core.sequence import EmailStep
from tests.unit.core.build import ANA, BREAKUP, CALL, EMAIL, START, Life, denver, facts, kinds, outer, sequence

TWO = {"a": "a.md", "b": "b.md"}


def email(choose: Any) -> EmailStep:
    step = sequence({"id": "intro", "email": {"variants": TWO, "choose": choose}}).steps[0]
    assert isinstance(step, EmailStep)
    return step


@pytest.mark.parametrize(
    ("step", "opened"),
    [
        (
            {"id": "c", "call": "call.md", "priority": "high"},
            {"work": "call", "script": "call.md", "priority": "high"},
        ),
        (
            {"id": "l", "linkedin": "connect", "note": "n.txt"},
            {"work": "linkedin", "script": "n.txt", "priority": "normal"},
        ),
        ({"id": "t", "task": "Send it", "script": "s.md"}, {"work": "other", "script": "s.md", "priority": "normal"}),
        ({"id": "r", "email": "x.md", "review": "true"}, {"work": "email", "script": None, "review": True}),
    ],
)
def test_a_step_opens_its_task(step: dict[str, Any], opened: dict[str, Any]) -> None:
    life = Life(sequence(step))
    (event,) = [event for _, event in life.log if isinstance(event, e.TaskOpened)]
    assert (event.task, event.step, event.due_at) == (f"{step['id']}#1", step["id"], START)
    assert {name: getattr(event, name) for name in opened} == opened


def test_a_mail_is_queued_once_with_variant_and_version() -> None:
    life = Life()
    assert [event for _, event in life.log[1:]] == [e.TouchQueued(step="intro", attempt=1, variant="only", version=1)]
    assert life.settle() == []


@pytest.mark.parametrize(
    ("choose", "counts", "chosen"),
    [
        # weights
        ({"a": 0, "b": 1}, {}, {"b"}),
        # even: both
        ("even", {}, {"a", "b"}),
        # adaptive: even until each has fifty sends
        ("adaptive", {"a": (60, 0)}, {"a", "b"}),
        # then what works
        ("adaptive", {"a": (5000, 0), "b": (5000, 2500)}, {"b"}),
    ],
)
def test_variants(choose: Any, counts: dict[str, tuple[int, int]], chosen: set[str]) -> None:
    progress = Life().progress
    blank = Life(sequence({**CALL, "id": "intro"})).progress
    seen = {
        variant_of(email(choose), blank, facts(key=str(key), variant_counts={"intro": counts})) for key in range(40)
    }
    assert (seen, progress.touches["intro"].variant) == (chosen, "only")


def test_a_variant_once_chosen_stays() -> None:
    life = Life(sequence({"id": "intro", "email": {"variants": TWO, "choose": {"a": 0, "b": 1}}}))
    assert variant_of(email({"a": 1, "b": 0}), life.progress, life.facts) == "b"


@pytest.mark.parametrize(
    ("after", "steps"),
    [
        # the following line
        ({}, ["a", "b", "c"]),
        # a step below
        ({"next": "c"}, ["a", "c"]),
        # the end
        ({"next": "end"}, ["a"]),
    ],
)
def test_where_a_step_leads(after: dict[str, str], steps: list[str]) -> None:
    life = Life(sequence({"id": "a", "task": "A", **after}, {"id": "b", "task": "B"}, {"id": "c", "task": "C"}))
    while life.progress.step_task:
        life.done()
    assert list(life.progress.touches) == steps
    assert life.progress.finished is FinishReason.COMPLETED


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (e.HoldPut(reason=Reason.BAD_PHONE), Reason.BAD_PHONE),
        (e.PausePut(reason=Reason.BY_PERSON, until=None, due_at=None, by=ANA), Reason.BY_PERSON),
    ],
)
def test_the_end_waits_for_what_stands(stop: e.Event, reason: Reason) -> None:
    life = Life(sequence(EMAIL), facts(on_the_wire=True))
    life.hear(stop)
    life.sent()
    assert life.reasons == {reason}


def test_the_end_waits_for_the_last_mail() -> None:
    life = Life(sequence(EMAIL))
    assert (life.progress.finished, life.closed().frees_by) == (None, "the send's outcome")
    assert life.sent() == [e.Finished(reason=FinishReason.COMPLETED, by="sequence")]


def test_the_gates_in_the_order_in_which_they_are_told() -> None:
    life = Life(sequence(EMAIL, CALL), facts(outer=(outer("all"), outer("mailbox"))), at=denver(22, 12))
    names = [gate.name for gate in life.decision.gates]
    assert names == [
        "installation", "sequence", "mailbox", "paused", "held", "task", "in flight", "wait", "window", "holiday",
    ]  # fmt: skip
    assert [gate.name for gate in life.decision.gates if not gate.passed] == ["installation", "mailbox", "window"]


def test_a_holiday_is_named() -> None:
    life = Life(known=facts(holidays=lambda day: "Thanksgiving" if day.day == 26 else None), at=denver(26, 9))
    assert (life.closed().reason, life.closed().detail) == (Reason.HOLIDAY, "Thanksgiving")
    assert life.decision.due_at == denver(27, 8, 30)


def test_gates_say_where_their_rule_is_written() -> None:
    located = sequence().located("sequences/vp.yaml", {"settings.window": 4, "steps.1": 9, "steps.1.wait": 11})
    life = Life(located)
    life.sent()
    wait = next(gate for gate in life.decision.gates if gate.name == "wait")
    assert (str(wait.place), wait.detail) == ("sequences/vp.yaml:11", "1bd from the step before")
    window = next(gate for gate in life.decision.gates if gate.name == "window")
    assert str(window.place) == "sequences/vp.yaml:4"


def test_every_gate_of_a_step_can_be_asked_ahead() -> None:
    life = Life()
    ahead = gates_of(life.sequence.step("breakup"), life.sequence, life.progress, life.facts, life.now)
    assert {gate.name for gate in ahead if not gate.passed} == {"in flight", "wait"}


def test_due_of_is_the_date_beside_every_stop() -> None:
    life = Life()
    assert due_of(life.sequence, life.progress, life.facts) is None
    life.sent()
    assert due_of(life.sequence, life.progress, life.facts) == denver(24, 9)
    life.hear(e.HoldPut(reason=Reason.BAD_PHONE))
    assert due_of(life.sequence, life.progress, life.facts) == denver(24, 9)
    life.hear(e.Finished(reason=FinishReason.MOVED, by=ANA))
    assert due_of(life.sequence, life.progress, life.facts) is None


def test_the_same_values_give_the_same_decision() -> None:
    life = Life(sequence(EMAIL, BREAKUP))
    life.record(e.ReplyReceived(message=1, answer="question"))
    first = decide(life.sequence, life.progress, life.facts, life.now)
    assert first == decide(life.sequence, life.progress, life.facts, life.now)
    assert kinds(life.settle())[0] == "Reacted"
