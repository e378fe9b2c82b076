"""What an enrolment would bring: dates with every limit counted, the load of each day, the starts of a spread."""

from collections import Counter
from datetime import date, timedelta

import pytest

from sequencer.core.foresight import Load
from sequencer.core.people import OuterPause
from sequencer.core.reason import Reason
from sequencer.engine.rehearsal import Rehearsal
from sequencer.engine.why import why
from sequencer.engine.why_words import sentence
from sequencer.store import scopes
from tests.unit.engine.office import CALLS, MONDAY, ONE_MAIL, SEQUENCE, Office

TODAY = date(2026, 11, 23)


@pytest.fixture
def ready(office: Office) -> Office:
    for sequence_id, text in (("three", SEQUENCE), ("one", ONE_MAIL), ("calls", CALLS)):
        office.apply(sequence_id, text)
    return office


def crowd(office: Office, number: int, letter: str = "q") -> list[int]:
    rows = "".join(f"{letter}{n}@{letter}{n}.test,Q,+34 612 345 {n:03d}\n" for n in range(number))
    office.bring("email,first_name,phone\n" + rows)
    return [office.id_of(f"{letter}{n}@{letter}{n}.test") for n in range(number)]


def of(found: Rehearsal, kind: str, day: date = TODAY) -> list[Load]:
    return [load for load in found.loads if (load.slot.kind, load.slot.day) == (kind, day)]


def first_days(found: Rehearsal) -> dict[date, int]:
    return dict(Counter(one.touches[0].at.date() for one in found.prospects))


def test_it_tells_dates_and_load_and_writes_nothing(ready: Office) -> None:
    ready.enroll("three", crowd(ready, 3, "p"))
    ids = crowd(ready, 5)
    rows = ready.everything()
    found = ready.rehearse("three", ids)
    assert ready.everything() == rows
    assert [each.step for each in found.prospects[0].touches] == ["intro", "ring", "bump"]
    today = of(found, "mailbox")
    assert (sum(load.new for load in today), sum(load.already for load in today)) == (5, 3)
    assert sum(load.over for load in today) == 2  # room for 4 and for 2
    assert first_days(found) == {TODAY: 3, date(2026, 11, 24): 2}
    assert [delay.step for one in found.prospects for delay in one.delays] == ["intro", "intro"]
    assert sum(load.new for load in found.loads if load.slot.kind == "call") == 5
    assert (found.inside, found.counted) == (3, 3)


def test_who_waits_for_hours_of_the_same_day_counts_once_on_it(ready: Office) -> None:
    """At 10:58 in Madrid the mailbox's gap lets 2 leave before the hours close at 11:00; at 13:00 they open again."""
    ready.reconfigure(
        ('["08:30-17:00"]', '["08:30-11:00", "13:00-17:00"]'),
        ("cap_per_day = 4", 'cap_per_day = 4\ngap = { min = "90s", jitter = "0s" }'),
        ('address = "ana@ourco-mail.test"\nrep = "ana"', 'address = "ana@ourco-mail.test"\nrep = "cy"'),
    )
    ready.now = MONDAY.replace(hour=9, minute=58)
    found = ready.rehearse("one", crowd(ready, 6))
    (today,) = of(found, "mailbox")
    assert (today.new, today.capacity, today.over) == (6, 4, 2)
    assert Counter(f"{one.touches[0].at:%d %H:%M}" for one in found.prospects) == {
        "23 09:58": 2, "23 12:00": 2, "24 07:30": 2,
    }  # fmt: skip
    assert Counter(delay.gate.reason for one in found.prospects for delay in one.delays) == {
        Reason.GAP: 2, Reason.CAP: 2,
    }  # fmt: skip


def test_people_who_differ_in_what_a_condition_asks_have_their_own_dates(ready: Office) -> None:
    ready.apply("asks", SEQUENCE.replace("    email: bump.md", "    email: bump.md\n    when: prospect.stage"))
    ready.bring("email,first_name,stage\na@x.test,A,lead\nb@y.test,B,\n")
    found = ready.rehearse("asks", [ready.id_of("a@x.test"), ready.id_of("b@y.test")])
    kinds = [[each.kind for each in one.outlook.expected if each.step == "bump"] for one in found.prospects]
    assert kinds == [["email"], ["skipped"]]


def test_calls_of_today_take_room(ready: Office) -> None:
    """40 calls a day: those that were opened today are counted once, open or not."""
    ready.enroll("calls", crowd(ready, 30, "p"))
    found = ready.rehearse("calls", crowd(ready, 15))
    (today,) = of(found, "call")
    assert (today.new, today.already, today.capacity, today.over) == (15, 30, 40, 5)
    assert first_days(found) == {TODAY: 10, date(2026, 11, 24): 5}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, {}),
        # 6 a day fit, and 2 business days later the follow-ups take none of it: they are 9 business days behind
        (None, {None: 6, date(2026, 11, 24): 6, date(2026, 11, 25): 3}),
        (5, {None: 3, date(2026, 11, 24): 3, date(2026, 11, 25): 3, date(2026, 11, 26): 3, date(2026, 11, 27): 3}),
    ],
)
def test_a_spread_gives_each_person_a_start(ready: Office, days: int | None, expected: dict[date | None, int]) -> None:
    ids = crowd(ready, 15)
    found = ready.rehearse("three", ids, days=days)
    starts = Counter(one.seat.start.day if one.seat.start else None for one in found.prospects)
    assert dict(starts) == (expected or {None: 15})
    assert any(load.over for load in found.loads) == (days == 0)
    assert found == ready.rehearse("three", ids, days=days)


def test_a_start_is_kept_with_the_enrollment_and_why_tells_it(ready: Office) -> None:
    found = ready.rehearse("one", crowd(ready, 14), days=None)
    tuesday = date(2026, 11, 24)
    person, start = next((person, start) for person, start in found.starts.items() if start.day == tuesday)
    enrolled = ready.enroll("one", [one.seat.prospect.id for one in found.prospects], starts=found.starts).enrolled
    (seat,) = (seat for seat in enrolled if seat.prospect.id == person)
    assert ready.folded(seat.enrollment) == ready.progress(seat.enrollment)
    assert ready.progress(seat.enrollment).flight is None
    told = ready.database.read(lambda c: why(c, ready.advance, seat.prospect.address or "", ready.now))
    said = sentence(told.standings[0], "Q", lambda at: f"{at:%d %H:%M}")
    assert said.startswith("Q starts on Tuesday 24 Nov: spread over 3 days by ana; ")
    assert told.standings[0].goes_at == start.at + timedelta(hours=8, minutes=30)


def test_pauses_above_are_told(ready: Office) -> None:
    pause = OuterPause("all", "", "", "person:bo", ready.now)
    ready.database.write(lambda c: scopes.pause_scope(c, pause))
    assert [stop.scope for stop in ready.rehearse("one", crowd(ready, 1)).stops] == ["all"]


def test_nobody_is_rehearsed(ready: Office) -> None:
    found = ready.rehearse("one", [], days=None)
    assert (found.prospects, found.starts) == ((), {})
