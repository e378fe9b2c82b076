"""Holidays by country and subdivision; nobody's calendar fails."""

import subprocess
import sys
from datetime import date

import pytest

from sequencer.content.holiday import holidays_of, known_country
from sequencer.core.window import no_holidays


@pytest.mark.parametrize(
    ("country", "subdivision", "day", "name"),
    [
        ("US", None, date(2026, 11, 26), "Thanksgiving Day"),
        ("us", None, date(2026, 11, 26), "Thanksgiving Day"),
        ("ES", None, date(2026, 12, 25), "Christmas Day"),
        ("ES", "CT", date(2026, 9, 11), "National Day of Catalonia"),
        ("ES", None, date(2026, 9, 11), None),  # only Catalonia's
        ("ES", "??", date(2026, 12, 25), "Christmas Day"),  # an unknown subdivision has the country's
        ("ES", None, date(2027, 1, 1), "New Year's Day"),  # another year of the same calendar
        ("ES", None, date(2026, 11, 20), None),
    ],
)
def test_holiday(country: str, subdivision: str | None, day: date, name: str | None) -> None:
    assert holidays_of(country, subdivision)(day) == name


@pytest.mark.parametrize("country", [None, "", "XX", "not a country"])
def test_unknown_country_has_no_holidays(country: str | None) -> None:
    assert holidays_of(country) is no_holidays


@pytest.mark.parametrize(("code", "known"), [("ES", True), ("es", True), ("ESP", True), ("XX", False), ("", False)])
def test_known_country(code: str, known: bool) -> None:
    assert known_country(code) is known


def test_the_library_is_not_loaded_before_the_first_question() -> None:
    code = "import sys, sequencer.content.holiday; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
