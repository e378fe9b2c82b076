"""The expected future of the sequence that PRODUCT 3.1 shows: dates across a weekend, a holiday and a clock change."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from sequencer.core import events as e
from sequencer.core.decide import decide
from sequencer.core.facts import Facts
from sequencer.core.outlook import outlook
from sequencer.core.reason import Reason
from sequencer.core.sequence import Sequence
from tests.unit.core.build import (
    ANA,
    BREAKUP,
    CALL,
    DENVER,
    EMAIL,
    START,
    Life,
    at_call,
    denver,
    facts,
    holiday,
    outer,
    prospect,
    sequence,
)

SHIPPED: dict[str, Any] = {
    "steps": [
        {"id": "intro", "email": "intro.md"},
        {"id": "connect", "wait": "1bd", "linkedin": "connect", "note": "linkedin/connect.txt"},
        {"id": "call-1", "wait": "2bd", "call": "scripts/discovery.md", "outcomes": {"connected": {"finish": "goal"}}},
        {"id": "accepted", "branch": "linkedin_connected", "within": "5bd", "then": "message", "else": "bump"},
        {"id": "message", "linkedin": "message", "note": "linkedin/message.txt", "next": "breakup"},
        {
            "id": "bump", "wait": "3bd", "at": "09:00-10:30", "reply_to": "intro", "review": "true",
            "email": {"variants": {"short": "bump-short.md", "story": "bump-story.md"}}, "when": "not engaged",
        },
        {"id": "security-sheet", "wait": "2bd", "task": "Send the security sheet by post"},
        {"id": "breakup", "wait": "4bd", "email": "breakup.md", "reply_to": "intro"},
    ],
    "rules": [{"id": "hot", "when": "clicks >= 2 and not replied", "do": {"task": "call", "notify": "owner"}}],
}  # fmt: skip


def shipped() -> Sequence:
    return sequence(*SHIPPED["steps"], rules=SHIPPED["rules"])


def ahead(life: Life, known: Facts | None = None) -> list[str]:
    future = outlook(life.sequence, life.progress, known or life.facts, life.now)
    return [f"{at.at.astimezone(DENVER):%d %b %H:%M} {at.kind} {at.step or at.detail}" for at in future.expected]


@pytest.mark.parametrize(
    ("start", "holidays", "expected"),
    [
        # no holiday: business days over two weekends
        (
            denver(23, 9),
            (),
            [
                "23 Nov 09:00 email intro", "24 Nov 09:00 task connect", "26 Nov 09:00 task call-1",
                "03 Dec 09:00 branch accepted", "08 Dec 09:00 task bump", "08 Dec 09:00 email bump",
                "10 Dec 09:00 task security-sheet", "16 Dec 09:00 email breakup", "16 Dec 09:00 finished completed",
            ],
        ),
        # Thanksgiving and the day after it
        (
            denver(23, 9),
            (date(2026, 11, 26), date(2026, 11, 27)),
            [
                "23 Nov 09:00 email intro", "24 Nov 09:00 task connect", "30 Nov 09:00 task call-1",
                "07 Dec 09:00 branch accepted", "10 Dec 09:00 task bump", "10 Dec 09:00 email bump",
                "14 Dec 09:00 task security-sheet", "18 Dec 09:00 email breakup", "18 Dec 09:00 finished completed",
            ],
        ),
        # enrolled on a Friday evening, over the end of daylight saving on 1 November: the wall time stays
        (
            denver(30, 18, month=10),
            (),
            [
                "02 Nov 08:30 email intro", "03 Nov 08:30 task connect", "05 Nov 08:30 task call-1",
                "12 Nov 08:30 branch accepted", "17 Nov 08:30 task bump", "17 Nov 09:00 email bump",
                "19 Nov 09:00 task security-sheet", "25 Nov 09:00 email breakup", "25 Nov 09:00 finished completed",
            ],
        ),
        # over the beginning of daylight saving on 14 March 2027
        (
            denver(10, 16, 15, month=3, year=2027),
            (),
            [
                "10 Mar 16:15 email intro", "11 Mar 16:15 task connect", "15 Mar 16:15 task call-1",
                "22 Mar 16:15 branch accepted", "25 Mar 16:15 task bump", "26 Mar 09:00 email bump",
                "30 Mar 09:00 task security-sheet", "05 Apr 09:00 email breakup", "05 Apr 09:00 finished completed",
            ],
        ),
    ],
)  # fmt: skip
def test_the_shipped_sequence(start: datetime, holidays: tuple[date, ...], expected: list[str]) -> None:
    known = facts(holidays=holiday(*holidays))
    life = Life(shipped(), replace(known, outer=(outer("all"),)), at=start)
    assert ahead(life, known) == expected


def test_the_outlook_is_what_then_happens() -> None:
    life = Life(shipped())
    expected = ahead(life)
    happened: list[str] = []
    for _ in range(40):
        stamp = f"{life.now.astimezone(DENVER):%d %b %H:%M}"
        if life.progress.flight:
            happened.append(f"{stamp} email {life.progress.flight.step}")
            life.sent()
        elif life.progress.step_task:
            happened.append(f"{stamp} task {life.progress.step}")
            life.done("")
        elif life.decision.due_at:
            life.at(life.decision.due_at)
    assert happened == [line for line in expected if "branch" not in line and "finished" not in line]


def test_what_is_under_way_comes_first() -> None:
    life = Life(sequence(EMAIL, CALL, BREAKUP))
    assert ahead(life)[0] == "23 Nov 09:00 email intro"
    life.now = denver(23, 18)
    assert ahead(life)[0] == "24 Nov 08:30 email intro"
    life.now = START
    life.hear(e.TouchDeferred(step="intro", attempt=1, code=451, enhanced="", again_at=denver(23, 12)))
    assert ahead(life)[0] == "23 Nov 13:30 email intro"
    assert ahead(at_call())[0] == "24 Nov 09:00 task call-1"


@pytest.mark.parametrize(
    ("stop", "expected", "stopped_by"),
    [
        # a dated pause: the future moves
        (
            e.PausePut(reason=Reason.AWAY, until=denver(2, month=12), due_at=None, by="sequence"),
            ["02 Dec 08:30 task call-1", "08 Dec 08:30 email breakup", "08 Dec 08:30 finished completed"],
            None,
        ),
        # an open one, a hold: nobody knows when
        (e.PausePut(reason=Reason.BY_PERSON, until=None, due_at=None, by=ANA), [], Reason.BY_PERSON),
        (e.HoldPut(reason=Reason.BAD_PHONE), [], Reason.BAD_PHONE),
        # uncertain
        (e.TouchUncertain(step="intro", attempt=1, fenced_at=START), [], Reason.UNCERTAIN),
    ],
)
def test_what_stops_it(stop: e.Event, expected: list[str], stopped_by: Reason | None) -> None:
    life = Life()
    life.sent()
    life.hear(stop)
    assert ahead(life) == expected
    gate = outlook(life.sequence, life.progress, life.facts, life.now).stopped_by
    assert (gate.reason if gate else None) == stopped_by


def test_a_pause_above_stops_it_and_a_full_day_does_not() -> None:
    life = Life()
    life.sent()
    stopped = outlook(life.sequence, life.progress, facts(outer=(outer("sequence"),)), life.now)
    assert stopped.next is None
    assert stopped.stopped_by
    assert stopped.stopped_by.reason is Reason.SEQUENCE_PAUSED
    assert ahead(life, facts(calls_today=40))[0] == "24 Nov 09:00 task call-1"  # the full day is Monday
    life.at(denver(24, 8, 45))
    assert ahead(life, facts(calls_today=40))[0] == "25 Nov 08:30 task call-1"


def test_connection_requests_of_a_full_week_open_on_monday() -> None:
    life = Life(
        sequence(EMAIL, {"id": "connect", "wait": "1bd", "linkedin": "connect", "note": "linkedin/connect.txt"})
    )
    life.sent()
    life.at(denver(24, 8))
    full = facts(connects_this_week=80)
    assert ahead(life, full)[0] == "30 Nov 08:30 task connect"
    gates = decide(life.sequence, life.progress, full, denver(24, 12)).gates
    assert next(gate.frees_at for gate in gates if gate.name == "rep capacity") == denver(30, 8, 30)


def test_skips_say_why_and_finished_has_no_future() -> None:
    life = Life(known=facts(prospect=prospect(phone=None)))
    life.sent()
    future = outlook(life.sequence, life.progress, life.facts, life.now)
    assert future.next
    assert (future.next.kind, future.next.reason) == ("skipped", Reason.NO_PHONE)
    life.hear(e.OptedOut(by="reply"))
    assert outlook(life.sequence, life.progress, life.facts, life.now).expected == ()


def test_a_condition_on_days_does_not_exhaust_it() -> None:
    rules = [{"id": "late", "when": "days_since(intro) > 5000", "do": {"notify": "owner"}}]
    life = Life(sequence(EMAIL, {**BREAKUP, "wait": "300d"}, rules=rules))
    life.sent()
    last = outlook(life.sequence, life.progress, life.facts, life.now).expected[-1]
    assert (last.kind, last.at) == ("finished", denver(20, 8, 30, month=9, year=2027))
    assert last.at - START > timedelta(days=300)
