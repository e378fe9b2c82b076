"""Country, phone and zone from what a list says."""

from zoneinfo import ZoneInfo

import pytest

from sequencer.content.place import (
    MAIN_ZONES,
    country_in,
    find_country,
    find_phone,
    find_zone,
    zone_of_country,
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ES", "ES"),
        ("us", "US"),
        ("Spain", "ES"),
        (" united  states ", "US"),
        ("U.S.A.", None),
        ("USA", "US"),
        ("United Kingdom", "GB"),
        ("England", "GB"),
        ("España", "ES"),
        ("Deutschland", "DE"),
        ("Österreich", "AT"),
        ("South Korea", "KR"),
        ("Trinidad & Tobago", "TT"),
        ("Bosnia and Herzegovina", "BA"),
        ("Côte d'Ivoire", "CI"),
        ("Narnia", None),
        ("", None),
        ("E", None),
    ],
)
def test_country(text: str, code: str | None) -> None:
    assert find_country(text) == code


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Madrid", "Europe/Madrid"),
        ("europe/madrid ", "Europe/Madrid"),
        ("America/New York", "America/New_York"),
        ("UTC", "UTC"),
        ("EST", None),  # fixed at -5, which nobody means in July
        ("GMT+1", None),
        ("Europe/Madird", None),
        ("../../etc/passwd", None),
        # as CRMs write it
        ("(GMT-05:00) Eastern Standard Time (America/New_York)", "America/New_York"),
        ("america_slash_new_york", "America/New_York"),
        ("UTC -05:00 America New York", "America/New_York"),
        ("UTC +01:00 Europe Madrid", "Europe/Madrid"),
        ("(GMT+01:00) Central European Time", None),
        ("", None),
    ],
)
def test_zone(text: str, zone: str | None) -> None:
    assert find_zone(text) == zone


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+34 612 345 678", None, "+34612345678"),
        ("612 345 678", "ES", "+34612345678"),
        ("0034 612345678", "ES", "+34612345678"),
        ("(212) 555-0121", "US", "+12125550121"),
        ("+1 212-555-0121 ext. 5", None, "+12125550121"),
        ("030 23125011", "DE", "+493023125011"),
        ("612 345 678", None, None),  # nobody can tell where
        ("12", "US", None),
        ("n/a", "US", None),
        ("=1+1", "US", None),
    ],
)
def test_phone(text: str, country: str | None, number: str | None) -> None:
    found = find_phone(text, country)
    assert (found and found.number) == number


@pytest.mark.parametrize(
    ("phone", "country", "zone"),
    [
        ("+12125550121", "US", "America/New_York"),  # by its area code
        ("+13035550131", "US", "America/Denver"),
        ("+34612345678", "ES", "Europe/Madrid"),  # a mobile: Madrid or the Canaries, nearly always Madrid
        ("+447911123456", "GB", "Europe/London"),  # not Guernsey
        ("+493023125011", "DE", "Europe/Berlin"),
        ("+917410410151", "IN", "Asia/Kolkata"),  # not its old name
        ("+18005550199", None, None),  # toll free: anywhere in North America
    ],
)
def test_zone_and_country_of_a_phone(phone: str, country: str | None, zone: str | None) -> None:
    found = find_phone(phone, None)
    assert found is not None
    assert (found.number, found.country, found.zone) == (phone, country, zone)


@pytest.mark.parametrize(
    ("place", "country"),
    [
        ("Madrid, Community of Madrid, Spain", "ES"),
        ("Germany", "DE"),
        ("San Francisco Bay Area", None),  # a region is no country, and nothing is guessed
        ("Atlanta, Georgia, United States", "US"),
    ],
)
def test_country_of_a_place(place: str, country: str | None) -> None:
    assert country_in(place) == country


@pytest.mark.parametrize(
    ("country", "zone"),
    [("FR", "Europe/Paris"), ("DE", "Europe/Berlin"), ("IN", "Asia/Kolkata"), ("US", None), ("BR", None), ("XX", None)],
)
def test_zone_of_a_country(country: str, zone: str | None) -> None:
    assert zone_of_country(country) == zone


def test_main_zones_exist() -> None:
    for zone in MAIN_ZONES.values():
        ZoneInfo(zone)
