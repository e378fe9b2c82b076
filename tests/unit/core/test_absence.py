"""A rep's days away as instants: when they begin, when the rep is back, who covers, what config.toml may not say."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from sequencer.core.absence import Away, away_at, due_at_work, end_without_cover, next_begin, refusals, resolve
from sequencer.core.people import Absence, Rep
from sequencer.core.window import Window, parse_window

WEEK = parse_window({"mon-fri": "08:30-17:00"})
NO_MONDAY = parse_window({"tue-fri": "08:30-17:00"})
SATURDAYS = parse_window({"sat": "08:30-17:00"})


def reps(zone: str = "Europe/Madrid") -> dict[str, Rep]:
    return {name: Rep(name, f"{name}@x.test", ZoneInfo(zone)) for name in ("ana", "bo", "cy")}


def away(rep: str, first: str, last: str, cover: str | None = None, number: int = 0) -> Absence:
    return Absence(rep, date.fromisoformat(first), date.fromisoformat(last), cover, number)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(stretches: Away) -> list[tuple[str, str, str | None]]:
    return [(f"{one.begins:%m-%d %H:%M}", f"{one.ends:%m-%d %H:%M}", one.cover) for one in stretches]


@pytest.mark.parametrize(
    ("zone", "window", "first", "last", "begins", "back"),
    [
        # from the first midnight where the rep is to the midnight after the last day, a Monday to a Tuesday
        ("Europe/Madrid", WEEK, "2026-12-21", "2027-01-04", "2026-12-20 23:00", "2027-01-04 23:00"),
        # the last day is a Friday: the first working day is Monday, and the weekend belongs to the absence
        ("Europe/Madrid", WEEK, "2026-12-07", "2026-12-11", "2026-12-06 23:00", "2026-12-13 23:00"),
        # one day
        ("UTC", WEEK, "2026-12-09", "2026-12-09", "2026-12-09 00:00", "2026-12-10 00:00"),
        # nobody works on Mondays here
        ("UTC", NO_MONDAY, "2026-12-07", "2026-12-11", "2026-12-07 00:00", "2026-12-15 00:00"),
        # no working day is ever found: the day after
        ("UTC", SATURDAYS, "2026-12-07", "2026-12-11", "2026-12-07 00:00", "2026-12-12 00:00"),
        # the clock goes back meanwhile (Denver, 1 November): six hours behind, then seven
        ("America/Denver", WEEK, "2026-10-30", "2026-11-02", "2026-10-30 06:00", "2026-11-03 07:00"),
        # the clock goes forward at midnight of the first day: it begins when the day does, at 01:00 (Beirut)
        ("Asia/Beirut", WEEK, "2027-03-28", "2027-03-28", "2027-03-27 22:00", "2027-03-28 21:00"),
        # half an hour off, and a day ahead of UTC
        ("Asia/Kolkata", WEEK, "2026-12-09", "2026-12-10", "2026-12-08 18:30", "2026-12-10 18:30"),
    ],
)
def test_an_absence_lasts_from_its_first_midnight_to_the_first_working_day(
    zone: str, window: Window, first: str, last: str, begins: str, back: str
) -> None:
    (one,) = resolve([away("ana", first, last)], reps(zone), window)["ana"]
    assert (one.begins, one.ends, one.back) == (utc(begins), utc(back), utc(back))


def test_two_absences_with_only_a_weekend_between_end_together() -> None:
    found = resolve(
        [away("ana", "2026-12-07", "2026-12-11", "bo"), away("ana", "2026-12-14", "2026-12-15")], reps("UTC"), WEEK
    )["ana"]
    assert told(found) == [("12-07 00:00", "12-14 00:00", "bo"), ("12-14 00:00", "12-16 00:00", None)]
    assert {one.back for one in found} == {utc("2026-12-16")}


COVERS: list[tuple[list[Absence], list[tuple[str, str, str | None]]]] = [
    # a cover who is there
    ([away("ana", "2026-12-21", "2026-12-23", "bo")], [("12-21 00:00", "12-24 00:00", "bo")]),
    # somebody else's absence divides nothing
    (
        [away("ana", "2026-12-21", "2026-12-23", "bo"), away("cy", "2026-12-22", "2026-12-22")],
        [("12-21 00:00", "12-24 00:00", "bo")],
    ),
    # the cover is away on the second day, and nobody covers for them
    (
        [away("ana", "2026-12-21", "2026-12-23", "bo"), away("bo", "2026-12-22", "2026-12-22")],
        [
            ("12-21 00:00", "12-22 00:00", "bo"), ("12-22 00:00", "12-23 00:00", None),
            ("12-23 00:00", "12-24 00:00", "bo"),
        ],
    ),
    # the cover's own cover has both
    (
        [away("ana", "2026-12-21", "2026-12-22", "bo"), away("bo", "2026-12-22", "2026-12-22", "cy")],
        [("12-21 00:00", "12-22 00:00", "bo"), ("12-22 00:00", "12-23 00:00", "cy")],
    ),
    # in a circle nobody is left; only a weekend can bring one about, since config.toml refuses the others
    (
        [away("ana", "2026-12-18", "2026-12-18", "bo"), away("bo", "2026-12-19", "2026-12-20", "ana")],
        [("12-18 00:00", "12-19 00:00", "bo"), ("12-19 00:00", "12-21 00:00", None)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("absences", "expected"), COVERS)
def test_who_covers_when(absences: list[Absence], expected: list[tuple[str, str, str | None]]) -> None:
    assert told(resolve(absences, reps("UTC"), WEEK)["ana"]) == expected


def test_a_cover_elsewhere_is_away_by_their_own_clock() -> None:
    people = reps("UTC") | {"bo": Rep("bo", "bo@x.test", ZoneInfo("America/New_York"))}
    absences = [away("ana", "2026-12-21", "2026-12-22", "bo"), away("bo", "2026-12-22", "2026-12-22")]
    assert told(resolve(absences, people, WEEK)["ana"]) == [
        ("12-21 00:00", "12-22 05:00", "bo"), ("12-22 05:00", "12-23 00:00", None),
    ]  # fmt: skip


def test_the_questions_that_are_asked_of_stretches() -> None:
    found = resolve(COVERS[2][0], reps("UTC"), WEEK)["ana"]
    before, covered, open_day = utc("2026-12-20 23:59"), utc("2026-12-21 10:00"), utc("2026-12-22 10:00")
    assert away_at(found, before) is None
    assert away_at(found, utc("2026-12-21")) == found[0]
    assert away_at(found, utc("2026-12-24")) is None
    assert [end_without_cover(found, at) for at in (before, covered, open_day)] == [
        before, covered, utc("2026-12-23"),
    ]  # fmt: skip
    assert next_begin(found, before) == utc("2026-12-21")
    assert next_begin(found, before, uncovered=True) == utc("2026-12-22")
    assert next_begin(found, utc("2026-12-23"), uncovered=True) is None
    # what was open when nobody covered counts as due after it; what came up later, or before it began, does not
    assert due_at_work(found, before, utc("2026-12-24")) == utc("2026-12-23")
    assert due_at_work(found, before, covered) == before
    assert due_at_work(found, utc("2026-12-23 09:00"), utc("2026-12-24")) == utc("2026-12-23 09:00")


@pytest.mark.parametrize(
    ("absences", "refused"),
    [
        ([away("ana", "2026-12-21", "2026-12-21", "bo")], []),
        ([away("eve", "2026-12-21", "2026-12-21")], ['away.0.rep: there is no rep "eve"']),
        ([away("ana", "2026-12-21", "2026-12-21", "eve")], ['away.0.cover: there is no rep "eve"']),
        (
            [away("ana", "2026-12-21", "2026-12-21", "ana")],
            ["away.0.cover: nobody covers for themself: name another rep, or leave it out"],
        ),
        ([away("ana", "2026-12-21", "2026-12-20")], ["away.0.to: 2026-12-20 is before 2026-12-21"]),
        # a mistyped year would make an absence of centuries
        (
            [away("ana", "2026-12-21", "9999-12-31")],
            ["away.0.to: 9999-12-31 is too far away: write a day of the years 2000 to 2199"],
        ),
        # one rep, twice at once; two reps at once are none of anybody's business
        (
            [away("ana", "2026-12-21", "2026-12-24"), away("ana", "2026-12-24", "2026-12-28", number=1)],
            ["away.1.from: ana is away until 24 December already: make it one absence"],
        ),
        ([away("ana", "2026-12-21", "2026-12-24"), away("bo", "2026-12-24", "2026-12-28", number=1)], []),
        # they cover for each other, at different times
        ([away("ana", "2026-12-21", "2026-12-22", "bo"), away("bo", "2026-12-23", "2026-12-24", "ana", 1)], []),
        # a circle of two, and of three that closes on one day only
        (
            [away("ana", "2026-12-21", "2026-12-23", "bo"), away("bo", "2026-12-23", "2026-12-24", "ana", 1)],
            ["away.1.cover: nobody is left on 2026-12-23: ana covers for bo, bo covers for ana"],
        ),
        (
            [
                away("ana", "2026-12-21", "2026-12-23", "bo"), away("bo", "2026-12-22", "2026-12-25", "cy", 1),
                away("cy", "2026-12-23", "2026-12-24", "ana", 2),
            ],
            ["away.2.cover: nobody is left on 2026-12-23: ana covers for cy, bo covers for ana, cy covers for bo"],
        ),
        # a circle beside the rep: ana's cover is in it, and it is told once
        (
            [
                away("ana", "2026-12-24", "2026-12-24", "bo"), away("bo", "2026-12-23", "2026-12-24", "cy", 1),
                away("cy", "2026-12-23", "2026-12-24", "bo", 2),
            ],
            ["away.1.cover: nobody is left on 2026-12-23: cy covers for bo, bo covers for cy"],
        ),
    ],
)  # fmt: skip
def test_what_config_may_not_say(absences: list[Absence], refused: list[str]) -> None:
    assert list(refusals(absences, reps())) == refused
