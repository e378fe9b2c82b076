"""Turns: whose mail leaves when, where many share a mailbox, and whose task opens when, where many share a rep."""

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import FrameType
from typing import Any

import pytest

from sequencer.core import events as e
from sequencer.core.capacity import gap_after
from sequencer.core.facts import Facts
from sequencer.core.ledger import Ledger, Slot
from sequencer.core.people import Mailbox, Policy, Ramp
from sequencer.core.progress import Progress, enroll, step
from sequencer.core.reason import Reason
from sequencer.core.turns import Turns, Waiter
from tests.unit.core.build import DENVER, START, denver, facts, prospect, sequence

OPENS = denver(23, 8, 30)
NOW = denver(23, 7)
BOX = Mailbox("ana@x.test", "Ana", "ana", DENVER, cap_per_day=3, gap_s_min=90.0, gap_s_jitter=60.0)
MAILS = sequence({"id": "intro", "email": "intro.md"}, {"id": "bump", "wait": "1d", "email": "bump.md"})
CALL_FIRST = sequence({"id": "ring", "call": "ring.md"}, {"id": "mail", "email": "intro.md"})


def waiter(key: int, *happened: tuple[datetime, e.Event], of: Any = MAILS, box: Mailbox = BOX, **more: Any) -> Waiter:
    """Enrolled on Monday at seven, an hour and a half before the window opens."""
    progress = begun(of)
    for at, event in happened:
        progress = step(progress, event, at)
    facts_: Facts = facts(key=str(key), mailbox=box, prospect=prospect(id=key, account_id=None))
    return Waiter(key, of, progress, facts_, **more)


def begun(of: Any) -> Progress:
    first = of.steps[0].id
    enrolled = e.Enrolled(sequence=of.id, version=1, step=first, rep="ana", mailbox=BOX.address, by="person:ana")
    return enroll(enrolled, NOW)


def queue_of(*waiters: Waiter, taken: Mapping[Slot, int] | None = None, now: datetime = NOW) -> Turns:
    box, rep = waiters[0].facts.mailbox, waiters[0].facts.rep
    assert box is not None
    ledger = Ledger({box.address: box}, {rep.name: replace(rep, calls_per_day=1)}, Policy(), {}, Counter(taken or {}))
    return Turns(waiters, ledger, {}, now)


def test_one_gap_after_the_other_to_the_second() -> None:
    played = queue_of(waiter(1), waiter(2), waiter(3))
    second = gap_after(BOX, OPENS)
    turns = [played.turn_of(key) for key in (1, 2, 3)]
    assert [turn and turn.at for turn in turns] == [OPENS, second, gap_after(BOX, second)]
    assert [turn and turn.gate and turn.gate.reason for turn in turns] == [None, Reason.TURN, Reason.TURN]


def test_whoever_is_asked_first_is_told_the_same() -> None:
    forward, backward = queue_of(waiter(1), waiter(2), waiter(3)), queue_of(waiter(1), waiter(2), waiter(3))
    told = {key: forward.turn_of(key) for key in (1, 2, 3)}
    assert {key: backward.turn_of(key) for key in (3, 2, 1)} == told


def test_a_follow_up_goes_before_first_touches() -> None:
    sent = e.TouchSent(step="intro", attempt=1, sent_at=NOW - timedelta(days=1))
    before = waiter(3, (NOW - timedelta(days=1), sent))
    played = queue_of(waiter(1), waiter(2), before)
    turn = played.turn_of(3)
    assert turn is not None
    assert turn.at == OPENS


def test_whoever_has_gone_comes_again_and_goes_before_those_who_still_wait() -> None:
    """One mail a day: the first's second mail has Tuesday, so the other's first one leaves on Wednesday."""
    box = replace(BOX, cap_per_day=1)
    turn = queue_of(waiter(1, box=box), waiter(2, box=box)).turn_of(2)
    assert turn is not None
    assert turn.at == denver(25, 8, 30)
    assert turn.gate is not None
    assert turn.gate.reason is Reason.CAP


def test_a_cap_that_is_used_up_is_the_reason() -> None:
    played = queue_of(waiter(1), taken={Slot("mailbox", BOX.address, START.date()): 3})
    turn = played.turn_of(1)
    assert turn is not None
    assert turn.at == denver(24, 8, 30)
    assert turn.gate is not None
    assert turn.gate.reason is Reason.CAP


def test_a_ramp_lets_more_go_on_the_second_day() -> None:
    box = replace(BOX, cap_per_day=50, ramp=Ramp(1, 2))
    played = queue_of(*(waiter(key, of=sequence({"id": "one", "email": "a.md"}), box=box) for key in range(1, 6)))
    days = [turn.at.astimezone(DENVER).day for key in range(1, 6) if (turn := played.turn_of(key)) and turn.at]
    assert days == [23, 24, 24, 24, 25]


def test_the_reps_second_call_opens_on_the_next_day() -> None:
    played = queue_of(waiter(1, of=CALL_FIRST), waiter(2, of=CALL_FIRST))
    first, second = played.turn_of(1), played.turn_of(2)
    assert (first and first.at, first and first.gate) == (OPENS, None)
    assert second is not None
    assert second.at == denver(24, 8, 30)
    assert second.gate is not None
    assert (second.gate.name, second.gate.reason) == ("rep capacity", Reason.REP_DAY)


def test_nobody_knows_when_a_rep_does_a_task_so_the_mail_after_it_is_not_counted() -> None:
    played = queue_of(waiter(1, of=CALL_FIRST), waiter(2))
    turn = played.turn_of(2)
    assert turn is not None
    assert turn.at == OPENS


HELD = e.HoldPut(reason=Reason.MISSING_FIELD, detail="first_name")
PAUSED = e.PausePut(reason=Reason.BY_PERSON, until=None, due_at=None, by="person:ana")


@pytest.mark.parametrize("stop", [HELD, PAUSED], ids=["held", "paused"])
def test_who_stands_still_is_not_in_the_line(stop: e.Event) -> None:
    played = queue_of(waiter(1, (NOW, stop)), waiter(2))
    turn = played.turn_of(2)
    assert turn is not None
    assert turn.at == OPENS
    assert played.turn_of(1) is None


def test_what_is_in_the_queue_already_goes_by_the_number_of_its_row() -> None:
    queued = e.TouchQueued(step="intro", attempt=1, variant="only", version=1)
    played = queue_of(waiter(1, (NOW, queued), queued=(8, NOW)), waiter(2, (NOW, queued), queued=(7, NOW)))
    turns = [played.turn_of(key) for key in (1, 2)]
    assert [turn and turn.at for turn in turns] == [gap_after(BOX, OPENS), OPENS]


def test_what_a_person_got_counts_once_for_two_enrollments_of_theirs() -> None:
    """Three touches of the week are three for both, not five or six: the fourth goes at once."""
    touched = tuple(NOW - timedelta(days=days) for days in (2, 3, 4))
    one = waiter(1, touched=touched)
    first = queue_of(one, replace(one, key=2, touched=touched[:2])).turn_of(1)
    assert first is not None
    assert first.at == OPENS


def test_a_mailbox_that_may_send_nothing_has_no_turn() -> None:
    turn = queue_of(waiter(1, box=replace(BOX, cap_per_day=0))).turn_of(1)
    assert turn is not None
    assert turn.at is None
    assert turn.gate is not None
    assert turn.gate.reason is Reason.CAP


def calls_to_learn_the_last_turn(people: int) -> int:
    """Functions called when so many share a mailbox of twenty mails a day and the last one is asked about."""
    one = sequence({"id": "one", "email": "a.md"})
    played = queue_of(*(waiter(key, of=one, box=replace(BOX, cap_per_day=20)) for key in range(1, people + 1)))
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        turn = played.turn_of(people)
    finally:
        sys.setprofile(before)
    assert turn is not None
    assert turn.at is not None
    return calls


def test_twice_as_many_in_the_queue_cost_about_twice_as_much() -> None:
    """A mail asks about those whom the day has room for and not about everybody, or else it would cost four times."""
    assert calls_to_learn_the_last_turn(400) < 3 * calls_to_learn_the_last_turn(200)
