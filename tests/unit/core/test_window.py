"""Windows and waits: what a file may say, and what each case means on the clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sequencer.core.span import Span
from sequencer.core.window import (
    ALWAYS,
    Holidays,
    Window,
    WindowNeverOpens,
    add_wait,
    business_days_after,
    closes_at,
    is_open,
    local_date,
    narrow,
    next_open,
    no_holidays,
    parse_hours,
    parse_window,
    start_of_day,
)

MADRID = ZoneInfo("Europe/Madrid")
BUSINESS = parse_window({"mon-fri": ["08:30-11:30", "13:30-17:00"]})
NINE_TO_FIVE = parse_window({"mon-fri": "09:00-17:00"})


def every_day(*hours: str) -> Window:
    return parse_window({"mon-sun": hours})


def on(*days: date) -> Holidays:
    return lambda day: "Feast" if day in days else None


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone: str = "Europe/Madrid", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("09:00-10:30", (540, 630)),
        ("9:00 - 10:30", (540, 630)),  # one digit and spaces are what people write
        ("00:00-24:00", (0, 1440)),
    ],
)
def test_hours_are_read(text: str, hours: tuple[int, int]) -> None:
    assert parse_hours(text) == hours


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nine to five", "write two times, as in 09:00-10:30"),
        ("09:00", "write two times"),
        ("09:60-10:00", "not on the clock"),
        ("09:00-24:01", "not on the clock"),
        ("24:00-24:00", "not on the clock"),  # a day may close at 24:00 but not open then
        ("10:00-10:00", "closes before it opens"),
        ("22:00-02:00", "write 22:00-24:00, and the rest on the next day"),
    ],
)
def test_wrong_hours_say_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_hours(text)


def test_window_is_read_by_ranges_days_and_lists() -> None:
    window = parse_window({"Mon-Wed": ["13:00-17:00", "09:00-12:00"], "thu, sat": "10:00-11:00", "sun": []})
    day = ((540, 720), (780, 1020))
    assert window.days == (day, day, day, ((600, 660),), (), ((600, 660),), ())


def test_range_of_days_may_run_over_the_weekend() -> None:
    open_days = [bool(openings) for openings in parse_window({"sun-thu": "09:00-17:00"}).days]
    assert open_days == [True, True, True, True, False, False, True]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ({"monday": "09:00-10:00"}, "write mon, tue"),
        ({"mon-fry": "09:00-10:00"}, '"mon-fry" is no day'),
        ({"mon-fri": "09:00-10:00", "fri": "12:00-13:00"}, "fri is given twice"),
        ({"mon": ["09:00-12:00", "11:00-13:00"]}, "mon: hours must be in order and must not overlap"),
        ({}, "hours on at least one day"),
        ({"mon": []}, "hours on at least one day"),
    ],
)
def test_wrong_window_says_what_was_expected(hours: dict[str, str | list[str]], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_window(hours)


def test_window_has_seven_days() -> None:
    with pytest.raises(ValueError, match="7 days, not 1"):
        Window((((0, 60),),))


def test_narrow_keeps_the_part_inside() -> None:
    assert narrow(BUSINESS, (600, 840)).days[0] == ((600, 690), (810, 840))
    assert narrow(BUSINESS, (690, 810)).days == ((),) * 7
    assert narrow(ALWAYS, (540, 600)).days[6] == ((540, 600),)


# --- openings --------------------------------------------------------------------------------------------------------

FRIDAY_SIX_PM = local("2026-11-20T18:00")


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (local("2026-11-20T10:00:30"), local("2026-11-20T10:00:30")),  # open: at once, seconds kept
        (local("2026-11-20T08:30"), local("2026-11-20T08:30")),  # the first minute belongs to it
        (local("2026-11-20T11:30"), local("2026-11-20T13:30")),  # the closing minute does not
        (local("2026-11-20T03:00"), local("2026-11-20T08:30")),  # before the day begins
        (FRIDAY_SIX_PM, local("2026-11-23T08:30")),  # over the weekend
    ],
)
def test_next_open(at: datetime, opens: datetime) -> None:
    assert next_open(BUSINESS, MADRID, no_holidays, at) == opens
    assert next_open(BUSINESS, MADRID, no_holidays, at).tzinfo is UTC


def test_holiday_is_closed_all_day() -> None:
    monday = on(date(2026, 11, 23))
    assert next_open(BUSINESS, MADRID, monday, FRIDAY_SIX_PM) == local("2026-11-24T08:30")
    assert not is_open(BUSINESS, MADRID, monday, local("2026-11-23T09:00"))


def test_the_day_is_the_prospects_not_that_of_utc() -> None:
    # Sunday 23:30 UTC is Monday 09:30 in Sydney (+10, no DST in June) and Sunday 18:30 in Lima.
    at = utc("2026-06-14T23:30")
    assert next_open(NINE_TO_FIVE, ZoneInfo("Australia/Sydney"), no_holidays, at) == at
    assert next_open(NINE_TO_FIVE, ZoneInfo("America/Lima"), no_holidays, at) == utc("2026-06-15T14:00")


# Madrid 2026: 29 March 02:00 -> 03:00, 25 October 03:00 -> 02:00.
@pytest.mark.parametrize(
    ("hours", "at", "opens", "closes"),
    [
        # a skipped opening keeps the offset before the gap: 02:30 -> 03:30
        ("02:30-05:00", utc("2026-03-29T00:00"), utc("2026-03-29T01:30"), utc("2026-03-29T03:00")),
        # skipped from end to end: it moves as a whole
        ("02:15-02:45", utc("2026-03-29T00:00"), utc("2026-03-29T01:15"), utc("2026-03-29T01:45")),
        # it began before the gap and ends in it: closed when the clock jumps past its end
        ("01:00-02:30", utc("2026-03-29T00:30"), utc("2026-03-29T00:30"), utc("2026-03-29T01:00")),
        # moved, it would begin after its own end: what the clock still shows of it stays
        ("02:30-03:15", utc("2026-03-29T00:00"), utc("2026-03-29T01:00"), utc("2026-03-29T01:15")),
        # over the whole gap
        ("01:30-03:30", utc("2026-03-29T00:00"), utc("2026-03-29T00:30"), utc("2026-03-29T01:30")),
        # repeated, first time
        ("02:15-02:45", utc("2026-10-24T23:00"), utc("2026-10-25T00:15"), utc("2026-10-25T00:45")),
        # repeated, second time
        ("02:15-02:45", utc("2026-10-25T00:45"), utc("2026-10-25T01:15"), utc("2026-10-25T01:45")),
        # both turns of 02:00-03:00 are one opening of two hours
        ("02:00-03:00", utc("2026-10-24T23:00"), utc("2026-10-25T00:00"), utc("2026-10-25T02:00")),
        # it ends in the repeated hour: closed at its end, and open again from the change on
        ("01:00-02:30", utc("2026-10-24T23:10"), utc("2026-10-24T23:10"), utc("2026-10-25T00:30")),
        ("01:00-02:30", utc("2026-10-25T00:30"), utc("2026-10-25T01:00"), utc("2026-10-25T01:30")),
        # 02:30-04:00 opens, closes when the clock falls back to 02:00, and opens again
        ("02:30-04:00", utc("2026-10-25T00:40"), utc("2026-10-25T00:40"), utc("2026-10-25T01:00")),
        ("02:30-04:00", utc("2026-10-25T01:00"), utc("2026-10-25T01:30"), utc("2026-10-25T03:00")),
        # an ordinary opening of a day with a change
        ("09:00-17:00", utc("2026-10-25T01:00"), utc("2026-10-25T08:00"), utc("2026-10-25T16:00")),
    ],
)
def test_daylight_saving(hours: str, at: datetime, opens: datetime, closes: datetime) -> None:
    window = every_day(hours)
    assert next_open(window, MADRID, no_holidays, at) == opens
    assert closes_at(window, MADRID, no_holidays, opens) == closes


@pytest.mark.parametrize(
    ("zone", "hours", "at", "opens"),
    [
        # midnight does not exist (2018-11-04 00:00 -> 01:00): the day's opening begins with the day
        ("America/Sao_Paulo", "00:00-06:00", utc("2018-11-04T02:00"), utc("2018-11-04T03:00")),
        # half an hour of DST (2026-10-04 02:00 -> 02:30)
        ("Australia/Lord_Howe", "02:10-02:20", utc("2026-10-03T15:00"), utc("2026-10-03T15:40")),
        # the date 2011-12-30 was left out: its opening does not move to the Saturday
        ("Pacific/Apia", "09:00-17:00", local("2011-12-29T18:00", "Pacific/Apia"), utc("2011-12-30T19:00")),
        # the clock fell back over midnight (2010-11-07 00:01 -> 2010-11-06 23:01): Saturday comes back
        (
            "America/St_Johns",
            "23:30-23:40",
            local("2010-11-07T00:00:30", "America/St_Johns"),
            local("2010-11-06T23:30", "America/St_Johns", fold=1),
        ),
    ],
)
def test_odd_calendars(zone: str, hours: str, at: datetime, opens: datetime) -> None:
    assert next_open(every_day(hours), ZoneInfo(zone), no_holidays, at) == opens


def test_a_date_that_was_left_out_has_no_opening() -> None:
    fridays = parse_window({"fri": "09:00-17:00"})
    apia = ZoneInfo("Pacific/Apia")
    assert next_open(fridays, apia, no_holidays, local("2011-12-29T18:00", "Pacific/Apia")) == local(
        "2012-01-06T09:00", "Pacific/Apia"
    )


def test_where_midnight_is_repeated_two_dates_take_turns() -> None:
    # St. John's 2010: Saturday, one minute of Sunday, Saturday's last hour again, Sunday.
    window = parse_window({"sat": "23:30-23:40", "sun": "00:00-00:30"})
    zone = ZoneInfo("America/St_Johns")
    at = local("2010-11-06T23:50", zone.key)
    sunday, saturday = local("2010-11-07T00:00", zone.key), local("2010-11-06T23:30", zone.key, fold=1)
    assert next_open(window, zone, no_holidays, at) == sunday
    assert next_open(window, zone, no_holidays, sunday + timedelta(minutes=1)) == saturday


def test_an_hour_that_was_skipped_before_midnight_does_not_move_to_the_next_date() -> None:
    # Nuuk 2026-03-28 23:00 -> 24:00: 23:10 would be 00:10 on Sunday.
    nuuk = ZoneInfo("America/Nuuk")
    saturdays = parse_window({"sat": "23:10-23:40"})
    at = local("2026-03-28T12:00", "America/Nuuk")
    assert next_open(saturdays, nuuk, no_holidays, at) == local("2026-04-04T23:10", "America/Nuuk")


def test_window_without_openings_never_opens() -> None:
    with pytest.raises(WindowNeverOpens, match="366 days"):
        next_open(narrow(BUSINESS, (0, 60)), MADRID, no_holidays, FRIDAY_SIX_PM)
    with pytest.raises(WindowNeverOpens):
        next_open(ALWAYS, MADRID, lambda day: "strike", FRIDAY_SIX_PM)


def test_closed_window_does_not_close() -> None:
    with pytest.raises(ValueError, match="closed at"):
        closes_at(BUSINESS, MADRID, no_holidays, FRIDAY_SIX_PM)


def test_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        next_open(ALWAYS, MADRID, no_holidays, datetime(2026, 11, 20))  # noqa: DTZ001


# --- waits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wait", "start", "end"),
    [
        ("0m", "2026-11-21T12:00", "2026-11-21T12:00"),
        ("0bd", "2026-11-21T12:00", "2026-11-21T12:00"),  # nothing is nothing, also on a Saturday
        ("90s", "2026-11-20T12:00", "2026-11-20T12:01:30"),
        ("36h", "2026-11-20T12:00", "2026-11-22T00:00"),
        ("3d", "2026-11-20T12:00:05", "2026-11-23T12:00:05"),
        ("1d", "2026-03-28T09:00", "2026-03-29T09:00"),  # 23 hours later: the wall time counts
        ("1d", "2026-10-24T09:00", "2026-10-25T09:00"),  # 25 hours later
        ("1bd", "2026-11-20T18:00", "2026-11-23T18:00"),  # Friday -> Monday
        ("1bd", "2026-11-21T12:00", "2026-11-23T12:00"),  # Saturday -> Monday, the first business day after it
        ("2bd", "2026-11-21T12:00", "2026-11-24T12:00"),  # Saturday -> Tuesday
        ("1bd", "2026-11-22T12:00", "2026-11-23T12:00"),  # Sunday -> Monday
        ("5bd", "2026-11-18T12:00", "2026-11-25T12:00"),  # Wednesday -> Wednesday
        ("2bd", "2026-12-24T10:00", "2026-12-29T10:00"),  # Thursday, Christmas is Friday -> Monday, Tuesday
    ],
)
def test_wait(wait: str, start: str, end: str) -> None:
    christmas = on(date(2026, 12, 25))
    assert add_wait(Span.parse(wait), MADRID, BUSINESS, christmas, local(start)) == local(end)


def test_wall_time_that_is_skipped_uses_the_offset_before_the_gap() -> None:
    start = local("2026-03-28T02:30")
    assert add_wait(Span(1, "d"), MADRID, ALWAYS, no_holidays, start) == local("2026-03-29T03:30")


def test_wall_time_that_is_repeated_means_the_first() -> None:
    start = local("2026-10-24T02:30")
    assert add_wait(Span(1, "d"), MADRID, ALWAYS, no_holidays, start) == utc("2026-10-25T00:30")


def test_a_wait_from_the_second_turn_reads_the_next_change_like_any_other() -> None:
    start = local("2026-10-25T02:30", fold=1)
    to_the_gap = Span((date(2027, 3, 28) - date(2026, 10, 25)).days, "d")
    assert add_wait(to_the_gap, MADRID, ALWAYS, no_holidays, start) == local("2027-03-28T03:30")


def test_no_wait_keeps_the_second_turn_of_a_repeated_hour() -> None:
    start = local("2026-10-25T02:30", fold=1)
    assert add_wait(Span(0, "d"), MADRID, ALWAYS, no_holidays, start) == start


def test_days_without_hours_are_no_business_days() -> None:
    mondays = parse_window({"mon": "09:00-17:00", "sat": "09:00-12:00"})
    assert business_days_after(date(2026, 11, 20), 2, mondays, no_holidays) == date(2026, 11, 30)


def test_no_business_day_at_all_is_an_error() -> None:
    weekends = parse_window({"sat-sun": "09:00-17:00"})
    with pytest.raises(WindowNeverOpens, match="no business day"):
        business_days_after(date(2026, 11, 20), 1, weekends, no_holidays)


# --- days ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("Europe/Madrid", date(2026, 3, 29), utc("2026-03-28T23:00")),
        ("Asia/Kolkata", date(2026, 11, 21), utc("2026-11-20T18:30")),
        ("America/Sao_Paulo", date(2018, 11, 4), utc("2018-11-04T03:00")),  # begins at 01:00
        ("America/Havana", date(2026, 11, 1), utc("2026-11-01T04:00")),  # 00:00 comes twice: the first
        ("Pacific/Apia", date(2011, 12, 30), utc("2011-12-30T10:00")),  # left out: the start of the 31st
        ("Pacific/Apia", date(2011, 12, 31), utc("2011-12-30T10:00")),
        ("America/Toronto", date(1919, 3, 31), utc("1919-03-31T04:30")),  # 23:30 -> 00:30, midnight inside the gap
    ],
)
def test_start_of_day(zone: str, day: date, start: datetime) -> None:
    assert start_of_day(ZoneInfo(zone), day) == start


def test_local_date() -> None:
    assert local_date(MADRID, utc("2026-11-20T23:30")) == date(2026, 11, 21)
    assert local_date(MADRID, utc("2026-11-20T22:30")) == date(2026, 11, 20)
    assert local_date(MADRID, utc("2026-11-20T23:30") - timedelta(hours=2)) == date(2026, 11, 20)
