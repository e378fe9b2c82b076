"""The hours in which a touch may leave, and how waits are counted on a person's calendar.

Everything that turns wall time into an instant is here, so that daylight saving has one meaning in the product.
It does not know where a zone, a window or a holiday comes from: they are handed in.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sequencer.core.span import Span

Hours = tuple[int, int]
Openings = tuple[tuple[datetime, datetime], ...]
Holidays = Callable[[date], str | None]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 1440
SEARCH_DAYS = 366
OPENINGS_KEPT_MAX = 4096
_SATURDAY = 5
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_ONE_DAY = timedelta(days=1)


class WindowNeverOpens(ValueError):
    """No opening, or no business day, within `SEARCH_DAYS`."""


@dataclass(frozen=True, slots=True)
class Window:
    """Openings of each weekday, Monday first, as (open, close) minutes of local wall time.

    Sorted, not overlapping, `close` excluded and at most 1440. Raises ValueError when they are not.
    """

    days: tuple[tuple[Hours, ...], ...]

    def __post_init__(self) -> None:
        if len(self.days) != len(WEEKDAYS):
            raise ValueError(f"a window has {len(WEEKDAYS)} days, not {len(self.days)}")
        for name, openings in zip(WEEKDAYS, self.days, strict=True):
            previous_close = 0
            for opens, closes in openings:
                if not previous_close <= opens < closes <= MINUTES_A_DAY:
                    raise ValueError(f"{name}: hours must be in order and must not overlap, within 00:00-24:00")
                previous_close = closes


ALWAYS = Window((((0, MINUTES_A_DAY),),) * len(WEEKDAYS))


def no_holidays(day: date) -> str | None:
    """A calendar without holidays."""
    return None


def parse_hours(text: str) -> Hours:
    """Read `09:00-10:30` as minutes of the day. Raises ValueError, with what was expected."""
    found = _HOURS.fullmatch(text.strip())
    if not found:
        raise ValueError(f'"{text}" is no span of hours: write two times, as in 09:00-10:30')
    open_hour, open_minute, close_hour, close_minute = (int(number) for number in found.groups())
    opens, closes = open_hour * 60 + open_minute, close_hour * 60 + close_minute
    if open_minute > 59 or close_minute > 59 or opens >= MINUTES_A_DAY or closes > MINUTES_A_DAY:
        raise ValueError(f'"{text}" holds a time that is not on the clock: times run from 00:00 to 24:00')
    if closes <= opens:
        raise ValueError(
            f'"{text}" closes before it opens: for hours over midnight write {text.split("-")[0].strip()}-24:00, '
            "and the rest on the next day"
        )
    return opens, closes


def parse_window(hours: Mapping[str, str | Sequence[str]]) -> Window:
    """Read `{mon-fri: ["08:30-11:30", "13:30-17:00"], sat: "09:00-12:00"}`; a day that is not named is closed.

    A key is a day, a range of days (`sun-thu` runs over the weekend) or days with commas between.
    Raises ValueError, with what was expected.
    """
    days: dict[int, tuple[Hours, ...]] = {}
    for key, given in hours.items():
        openings = tuple(sorted(parse_hours(text) for text in ([given] if isinstance(given, str) else given)))
        for day in _parse_days(key):
            if day in days:
                raise ValueError(f'"{key}": {WEEKDAYS[day]} is given twice: put all its hours in one list')
            days[day] = openings
    if not any(days.values()):
        raise ValueError('a window needs hours on at least one day, as in {mon-fri: "09:00-17:00"}')
    return Window(tuple(days.get(day, ()) for day in range(len(WEEKDAYS))))


def narrow(window: Window, hours: Hours) -> Window:
    """The part of each opening that lies inside `hours`; the result may have no opening at all."""
    first, last = hours
    return Window(
        tuple(
            tuple(
                (max(opens, first), min(closes, last))
                for opens, closes in openings
                if max(opens, first) < min(closes, last)
            )
            for openings in window.days
        )
    )


def next_open(window: Window, zone: ZoneInfo, holidays: Holidays, at: datetime) -> datetime:
    """Earliest instant >= `at` inside the window, in UTC.

    Window hours are local wall time. An opening that DST skips uses the offset before the gap (02:30 -> 03:30), but
    never moves to another date; a repeated hour is open twice. Searches 366 days.
    Raises: WindowNeverOpens. Source: RFC 5545 s3.3.5, which is fold=0 of PEP 495.
    """
    instant = _utc(at)
    # Where midnight is repeated, the day before comes back for up to an hour: look at both neighbours.
    first_day = local_date(zone, instant) - _ONE_DAY
    for offset_days in range(SEARCH_DAYS + 2):
        day = first_day + timedelta(days=offset_days)
        found = _earliest(_openings(window, zone, holidays, day), instant)
        if found == instant:
            return found
        if found:
            following = _earliest(_openings(window, zone, holidays, day + _ONE_DAY), instant)
            return min(found, following) if following else found
    raise WindowNeverOpens(f"the window has no opening within {SEARCH_DAYS} days")


def is_open(window: Window, zone: ZoneInfo, holidays: Holidays, at: datetime) -> bool:
    """Whether a touch may leave at `at`, by the rules of `next_open`."""
    return _containing(window, zone, holidays, _utc(at)) is not None


def closes_at(window: Window, zone: ZoneInfo, holidays: Holidays, at: datetime) -> datetime:
    """End, in UTC and excluded, of the opening that contains `at`. Raises ValueError when the window is closed then."""
    end = _containing(window, zone, holidays, _utc(at))
    if end is None:
        raise ValueError(f"the window is closed at {at.isoformat()}")
    return end


def add_wait(span: Span, zone: ZoneInfo, window: Window, holidays: Holidays, start: datetime) -> datetime:
    """The instant, in UTC, at which a wait of `span` from `start` is over; the window is not applied to it.

    s, m, h elapse. d is the same wall time so many calendar days later in `zone`. bd counts only business days (see
    `business_days_after`), at the same wall time. A wall time that DST skips uses the offset before the gap, a
    repeated one means its first occurrence. A wait of 0 is `start` itself.
    Raises: WindowNeverOpens, when bd finds no business day.
    """
    instant = _utc(start)
    if not span:
        return instant
    if span.unit in ("s", "m", "h"):
        return instant + span.elapsed
    local = instant.astimezone(zone)
    if span.unit == "d":
        day = local.date() + timedelta(days=span.amount)
    else:
        day = business_days_after(local.date(), span.amount, window, holidays)
    # `time()` keeps the fold of `start`, which says nothing about the day it is taken to.
    return datetime.combine(day, local.time().replace(fold=0), tzinfo=zone).astimezone(UTC)


def business_days_after(day: date, n: int, window: Window, holidays: Holidays) -> date:
    """The `n`-th business day after `day`; 0 is `day` itself.

    A business day is Monday to Friday, no holiday, with hours in the window. `day` is never counted, so from Friday
    and from Saturday 1 is Monday, and from Saturday 2 is Tuesday.
    Raises: WindowNeverOpens, when `SEARCH_DAYS` pass without one.
    """
    reached = day
    for _ in range(n):
        for ahead in range(1, SEARCH_DAYS + 1):
            candidate = reached + timedelta(days=ahead)
            if _is_business_day(candidate, window, holidays):
                reached = candidate
                break
        else:
            raise WindowNeverOpens(f"no business day with hours in the window within {SEARCH_DAYS} days")
    return reached


def start_of_day(zone: ZoneInfo, day: date) -> datetime:
    """First instant of the local date, in UTC.

    Where DST skips midnight it is the instant of the change; for a date that the zone skips altogether
    (Pacific/Apia 2011-12-30) the start of the date after it.
    """
    midnight = datetime.combine(day, time(0), UTC)
    before, after = _offset(zone, day, fold=0), _offset(zone, day, fold=1)
    if after > before:
        return _change(zone, midnight - after, midnight - before)
    return midnight - before


def local_date(zone: ZoneInfo, at: datetime) -> date:
    """The calendar date at `at` in `zone`."""
    return _utc(at).astimezone(zone).date()


def _parse_days(key: str) -> list[int]:
    days: list[int] = []
    for part in key.lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
            raise ValueError(f'"{key}" is no day: write {", ".join(WEEKDAYS)}, or a range as in mon-fri')
        start = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - start) % len(WEEKDAYS) if dash else 0
        days += [(start + ahead) % len(WEEKDAYS) for ahead in range(length + 1)]
    return days


def _is_business_day(day: date, window: Window, holidays: Holidays) -> bool:
    weekday = day.weekday()
    return weekday < _SATURDAY and bool(window.days[weekday]) and holidays(day) is None


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone: a naive time would be read in the machine's own")
    return at.astimezone(UTC)


def _earliest(openings: Openings, at: datetime) -> datetime | None:
    return min((max(start, at) for start, end in openings if end > at), default=None)


def _containing(window: Window, zone: ZoneInfo, holidays: Holidays, at: datetime) -> datetime | None:
    # Openings never leave their own local date, so the date of `at` is the only one to look at.
    openings = _openings(window, zone, holidays, local_date(zone, at))
    return max((end for start, end in openings if start <= at < end), default=None)


def _openings(window: Window, zone: ZoneInfo, holidays: Holidays, day: date) -> Openings:
    """The (start, end) instants of the date's openings in UTC; on the day of a DST change not always in order."""
    hours = window.days[day.weekday()]
    return () if not hours or holidays(day) is not None else _opened(hours, zone, day)


@lru_cache(maxsize=OPENINGS_KEPT_MAX)  # asked for by every person of a zone, several times for every mail
def _opened(hours: tuple[Hours, ...], zone: ZoneInfo, day: date) -> Openings:
    midnight = datetime.combine(day, time(0), UTC)
    before, after = _offset(zone, day, fold=0), _offset(zone, day + _ONE_DAY, fold=1)
    walls = [(midnight + timedelta(minutes=opens), midnight + timedelta(minutes=closes)) for opens, closes in hours]
    if before == after:
        return tuple((opens - before, closes - before) for opens, closes in walls)
    slack = abs(after - before)
    change = _change(zone, midnight - before - slack, midnight + _ONE_DAY - after + slack)
    if after < before:
        return tuple(piece for opens, closes in walls for piece in _repeated(opens, closes, before, after, change))
    day_end = start_of_day(zone, day + _ONE_DAY)
    pieces = [_skipped(opens, closes, before, after, change) for opens, closes in walls]
    return tuple((start, min(end, day_end)) for start, end in pieces if start < min(end, day_end))


def _repeated(
    opens: datetime, closes: datetime, before: timedelta, after: timedelta, change: datetime
) -> list[tuple[datetime, datetime]]:
    """An opening on the day that the clock goes back: its part before the change, and its part after it."""
    first = (opens - before, min(closes - before, change))
    second = (max(opens - after, change), closes - after)
    if first[1] == second[0]:
        return [(first[0], second[1])]
    return [(start, end) for start, end in (first, second) if start < end]


def _skipped(
    opens: datetime, closes: datetime, before: timedelta, after: timedelta, change: datetime
) -> tuple[datetime, datetime]:
    """An opening on the day that the clock goes forward; (start, end) with start >= end when nothing is left of it."""
    gap_start, gap_end = change + before, change + after
    start = opens - after if opens >= gap_end else opens - before
    if closes > gap_end:
        end = closes - after
        return (change, end) if gap_start <= opens < gap_end and start >= end else (start, end)
    if opens >= gap_start:
        return start, closes - before
    return start, min(closes - before, change)


def _offset(zone: ZoneInfo, day: date, fold: int) -> timedelta:
    """UTC offset at the local midnight that begins `day`; fold as in PEP 495."""
    offset = datetime.combine(day, time(0, fold=fold), zone).utcoffset()
    assert offset is not None, "a ZoneInfo always has an offset"
    return offset


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first instant with a new offset in (low, high]; to the second, as the zone database counts."""
    old = low.astimezone(zone).utcoffset()
    seconds_low, seconds_high = 0, int((high - low).total_seconds())
    while seconds_high - seconds_low > 1:
        middle = (seconds_low + seconds_high) // 2
        if (low + timedelta(seconds=middle)).astimezone(zone).utcoffset() == old:
            seconds_low = middle
        else:
            seconds_high = middle
    return low + timedelta(seconds=seconds_high)
