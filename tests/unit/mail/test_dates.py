"""The first day back and the day to write again, over the formats and languages people use."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.mail.date_periods import easter
from sequencer.mail.dates import RETURN_DAYS_MAX, come_back_day, first_day_back
from tests.unit.mail.cases import cases

SENT = date(2026, 7, 6)  # a Monday


@pytest.mark.parametrize(("_language", "sent", "expected", "text"), cases("first_day_back.txt", 4))
def test_first_day_back(_language: str, sent: str, expected: str, text: str) -> None:
    assert str(first_day_back(text, date.fromisoformat(sent))).lower() == expected


@pytest.mark.parametrize(("_language", "sent", "expected", "text"), cases("come_back_day.txt", 4))
def test_day_to_write_again(_language: str, sent: str, expected: str, text: str) -> None:
    assert str(come_back_day(text, date.fromisoformat(sent))).lower() == expected


def test_the_dates_cover_twenty_languages() -> None:
    assert len({language for language, *_ in cases("first_day_back.txt", 4)}) >= 20


@pytest.mark.parametrize(
    ("month_first", "expected"),
    [
        (None, None),  # nothing tells 8 September from 9 August
        (False, date(2026, 9, 8)),  # from London
        (True, date(2026, 8, 9)),  # from New York
    ],
)
def test_the_writers_place_tells_the_order_of_english_dates(month_first: bool | None, expected: date | None) -> None:
    assert first_day_back("I am back on 08/09/2026.", SENT, month_first=month_first) == expected


def test_the_language_is_stronger_than_the_place() -> None:
    assert first_day_back("Je suis de retour le 08/09/2026.", SENT, month_first=True) == date(2026, 9, 8)


def test_the_possible_order_is_stronger_than_the_place() -> None:
    assert first_day_back("I am back on 07/20/2026.", SENT, month_first=False) == date(2026, 7, 20)


@given(st.text(max_size=300), st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_any_text_gives_a_coming_day_or_none(text: str, sent: date) -> None:
    for day in (first_day_back(text, sent), come_back_day(text, sent)):
        assert day is None or 0 < (day - sent).days <= RETURN_DAYS_MAX


@given(st.dates(date(2020, 1, 1), date(2060, 1, 1)), st.integers(2, 300))
def test_an_iso_date_is_always_read(sent: date, ahead: int) -> None:
    back = date.fromordinal(sent.toordinal() + ahead)
    assert first_day_back(f"I am away until {back.isoformat()}.", sent) == back


@pytest.mark.parametrize(
    ("year", "expected"), [(2024, date(2024, 3, 31)), (2026, date(2026, 4, 5)), (2038, date(2038, 4, 25))]
)
def test_easter(year: int, expected: date) -> None:
    assert easter(year) == expected
