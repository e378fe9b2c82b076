"""Window laws, checked against a clock that is read minute by minute and knows nothing of openings."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequencer.core.span import Span
from sequencer.core.window import (
    ALWAYS,
    Window,
    WindowNeverOpens,
    add_wait,
    business_days_after,
    closes_at,
    is_open,
    local_date,
    next_open,
    no_holidays,
    start_of_day,
)

MINUTE = timedelta(minutes=1)

# A zone and the exact instant at which its clock changes; the tests look at two days on either side.
CHANGES: list[tuple[str, datetime]] = [
    ("Europe/Madrid", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Madrid", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 6, 10, 12, tzinfo=UTC)),  # never changes
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),  # back by half an hour
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),  # forward by half an hour
    ("Asia/Kathmandu", datetime(2026, 6, 10, 12, tzinfo=UTC)),  # three quarters of an hour
    ("Pacific/Chatham", datetime(2026, 9, 26, 14, tzinfo=UTC)),  # forward at a quarter to three
    ("Pacific/Chatham", datetime(2026, 4, 4, 14, tzinfo=UTC)),
    ("America/Adak", datetime(2026, 11, 1, 11, tzinfo=UTC)),  # the last to end a day
    ("Pacific/Kiritimati", datetime(1994, 12, 31, 10, tzinfo=UTC)),  # over the date line: 31 December left out
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),  # 30 December left out
    ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),  # forward at midnight
    ("America/Sao_Paulo", datetime(2019, 2, 17, 2, tzinfo=UTC)),  # back at midnight
    ("America/St_Johns", datetime(2010, 11, 7, 2, 31, tzinfo=UTC)),  # back at 00:01, into the day before
    ("America/Nuuk", datetime(2026, 3, 29, 1, tzinfo=UTC)),  # forward at 23:00
]


# Edges fall on tens of minutes, and half of them into the small hours where clocks change.
edge_sets = st.sets(st.sampled_from([*range(0, 310, 10)] * 5 + [*range(0, 1450, 10)]), max_size=4)
patterns = st.integers(0, 127)


@st.composite
def openings(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    ordered = sorted(draw(edge_sets))
    return tuple(zip(ordered[::2], ordered[1::2], strict=False))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Seven days drawn from two kinds of day: enough to tell neighbours apart, and quick to draw."""
    kinds, pattern = (draw(openings()), draw(openings())), draw(patterns)
    return Window(tuple(kinds[pattern >> weekday & 1] for weekday in range(7)))


def instants(change: datetime) -> st.SearchStrategy[datetime]:
    """Two days on either side of the change, half of them within hours of it."""
    near, far = st.integers(-3 * 3600, 3 * 3600), st.integers(-2 * 86_400, 2 * 86_400)
    return (near | far).map(lambda seconds: change + timedelta(seconds=seconds))


places = st.sampled_from(CHANGES)


def reading(zone: ZoneInfo, at: datetime) -> tuple[date, int]:
    local = at.astimezone(zone)
    return local.date(), local.hour * 60 + local.minute


def forward_change(zone: ZoneInfo, change: datetime, at: datetime) -> int:
    """By how many minutes the clock went forward at `change`; 0 before that, and where it did not."""
    offset_before, offset_after = (change - MINUTE).astimezone(zone).utcoffset(), change.astimezone(zone).utcoffset()
    assert offset_before is not None
    assert offset_after is not None
    return max(0, (offset_after - offset_before) // MINUTE) if at >= change else 0


def clock_says_open(window: Window, zone: ZoneInfo, change: datetime, at: datetime) -> bool:
    """The rule as a person would read it off two clocks on the wall: the true one, and one that missed the change."""
    day, minute = reading(zone, at)
    change_day, change_minute = reading(zone, change)
    width = forward_change(zone, change, at) if day == change_day else 0
    return any(
        _opening_shows(opens, closes, minute, width, change_minute) for opens, closes in window.days[day.weekday()]
    )


def _opening_shows(opens: int, closes: int, minute: int, width: int, change_minute: int) -> bool:
    starts_in_gap = change_minute - width <= opens < change_minute
    if not starts_in_gap:
        return opens <= minute < closes
    if closes <= change_minute:  # all of it is skipped: the late clock rules, on the same date
        return opens <= minute - width < closes
    if opens + width < closes:  # moved start, true end
        return opens + width <= minute < closes
    return change_minute <= minute < closes  # moved, it would begin after its end: what the clock still shows of it


@given(places, windows(), st.data())
@settings(max_examples=400, deadline=None)
def test_open_is_what_the_clock_says(place: tuple[str, datetime], window: Window, data: st.DataObject) -> None:
    zone = ZoneInfo(place[0])
    at = data.draw(instants(place[1]))
    assert is_open(window, zone, no_holidays, at) == clock_says_open(window, zone, place[1], at)


@given(places, windows(), st.data())
@settings(max_examples=100, deadline=None)
def test_next_open_is_the_first(place: tuple[str, datetime], window: Window, data: st.DataObject) -> None:
    """Not before `at`, itself open, stable, and no minute between is open by the clock."""
    zone = ZoneInfo(place[0])
    at = data.draw(instants(place[1]))
    try:
        opens = next_open(window, zone, no_holidays, at)
    except WindowNeverOpens:
        assert not any(window.days)
        return
    assert opens >= at
    assert is_open(window, zone, no_holidays, opens)
    assert next_open(window, zone, no_holidays, opens) == opens
    minute, steps = at, 0
    while minute < opens and steps < 1500:
        assert not clock_says_open(window, zone, place[1], minute), minute
        minute, steps = minute + MINUTE, steps + 1


@given(places, windows().filter(lambda window: any(window.days)), st.data())
@settings(max_examples=150, deadline=None)
def test_next_open_is_monotone(place: tuple[str, datetime], window: Window, data: st.DataObject) -> None:
    zone = ZoneInfo(place[0])
    earlier, later = sorted((data.draw(instants(place[1])), data.draw(instants(place[1]))))
    assert next_open(window, zone, no_holidays, earlier) <= next_open(window, zone, no_holidays, later)


@given(places, windows().filter(lambda window: any(window.days)), st.data())
@settings(max_examples=150, deadline=None)
def test_an_opening_is_open_to_its_end(place: tuple[str, datetime], window: Window, data: st.DataObject) -> None:
    zone = ZoneInfo(place[0])
    opens = next_open(window, zone, no_holidays, data.draw(instants(place[1])))
    end = closes_at(window, zone, no_holidays, opens)
    assert opens < end
    assert is_open(window, zone, no_holidays, opens + (end - opens) / 2)
    assert is_open(window, zone, no_holidays, end - timedelta(seconds=1))
    assert local_date(zone, end - timedelta(seconds=1)) == local_date(zone, opens)


@given(places, st.data())
@settings(max_examples=100, deadline=None)
def test_always_is_always_open(place: tuple[str, datetime], data: st.DataObject) -> None:
    at = data.draw(instants(place[1]))
    assert next_open(ALWAYS, ZoneInfo(place[0]), no_holidays, at) == at


@given(places, st.integers(1, 400), st.data())
@settings(max_examples=150, deadline=None)
def test_days_keep_the_wall_time(place: tuple[str, datetime], amount: int, data: st.DataObject) -> None:
    """Unless that wall time is skipped, which the round trip through UTC shows."""
    zone = ZoneInfo(place[0])
    start = data.draw(instants(place[1])).astimezone(zone)
    end = add_wait(Span(amount, "d"), zone, ALWAYS, no_holidays, start)
    wanted = datetime.combine(start.date() + timedelta(days=amount), start.time())
    exists = wanted.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == wanted
    if exists:
        assert end.astimezone(zone).replace(tzinfo=None, fold=0) == wanted
    else:
        assert end.astimezone(zone).replace(tzinfo=None) > wanted


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(0, 40),
    st.sets(st.dates(date(2020, 1, 1), date(2031, 1, 1)), max_size=60),
    st.sets(st.integers(0, 4), min_size=1),
)
def test_business_days_are_counted_one_by_one(day: date, n: int, feasts: set[date], open_days: set[int]) -> None:
    window = Window(tuple(((540, 1020),) if weekday in open_days else () for weekday in range(7)))
    end = business_days_after(day, n, window, lambda some_day: "Feast" if some_day in feasts else None)
    passed = [day + timedelta(days=ahead) for ahead in range(1, (end - day).days + 1)]
    working = [some_day for some_day in passed if some_day.weekday() in open_days and some_day not in feasts]
    assert len(working) == n
    assert end == (working[-1] if working else day)


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_start_of_day_is_the_first_instant_of_its_date(name: str, change: datetime) -> None:
    zone = ZoneInfo(name)
    for ahead in range(-2, 3):
        day = local_date(zone, change) + timedelta(days=ahead)
        start = start_of_day(zone, day)
        assert local_date(zone, start) >= day
        assert local_date(zone, start - timedelta(seconds=1)) < day
