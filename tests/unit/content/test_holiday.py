"""Holidays by country; nobody's calendar fails."""

import subprocess
import sys
from datetime import date

import pytest

from sequencer.content.holiday import holidays_of, known_country


@pytest.mark.parametrize(
    ("country", "day", "name"),
    [
        ("US", date(2026, 11, 26), "Thanksgiving Day"),
        ("us", date(2026, 11, 26), "Thanksgiving Day"),
        ("ES", date(2026, 12, 25), "Christmas Day"),
        ("ES", date(2026, 9, 11), None),  # only Catalonia's
        ("ES", date(2027, 1, 1), "New Year's Day"),  # another year of the same calendar
        ("ES", date(2026, 11, 20), None),
    ],
)
def test_holiday(country: str, day: date, name: str | None) -> None:
    assert holidays_of(country)(day) == name


@pytest.mark.parametrize("country", [None, "", "XX", "not a country"])
def test_unknown_country_has_no_holidays(country: str | None) -> None:
    assert holidays_of(country)(date(2026, 12, 25)) is None


@pytest.mark.parametrize(("code", "known"), [("ES", True), ("es", True), ("ESP", True), ("XX", False), ("", False)])
def test_known_country(code: str, known: bool) -> None:
    assert known_country(code) is known


def test_no_more_of_the_library_is_loaded_than_is_asked_for() -> None:
    code = (
        "import sys\n"
        "from datetime import date\n"
        "from sequencer.content.holiday import holidays_of\n"
        "name_of = holidays_of('US')\n"
        "assert 'holidays' not in sys.modules\n"
        "assert name_of(date(2026, 12, 25)) == 'Christmas Day'\n"
        "countries = {name for name in sys.modules if name.startswith('holidays.countries.')}\n"
        "assert countries == {'holidays.countries.united_states'}, countries\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_country_of_the_library_loads_by_itself() -> None:
    from holidays.registry import EntityLoader

    codes = list(EntityLoader.get_country_codes(include_aliases=False))
    assert len(codes) > 200
    for code in codes:
        assert holidays_of(code)(date(2026, 3, 17)) != ""
