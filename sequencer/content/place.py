"""Where a person is: country, phone number and time zone, from what a list of people says about them.

It is here because a wrong zone sends mail at night, so each source is checked and the best one is named: the file, then
the phone, then the country. Countries and zones are those of the tz database (zone.tab, iso3166.tab, by tzdata). A
country with several zones and no dominant one has none: nothing is guessed.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from zoneinfo import available_timezones

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat
from phonenumbers.timezone import time_zones_for_number

__all__ = ["country_of_phone", "find_country", "find_phone", "find_zone", "zone_of_country", "zone_of_phone"]

# Countries of several zones in which nearly everybody lives in this one.
MAIN_ZONES: Mapping[str, str] = {
    "AR": "America/Argentina/Buenos_Aires",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "GL": "America/Nuuk",
    "KZ": "Asia/Almaty",
    "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Gaza",
    "PT": "Europe/Lisbon",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
_OTHER_NAMES: Mapping[str, str] = {
    "usa": "US",
    "united states of america": "US",
    "america": "US",
    "uk": "GB",
    "united kingdom": "GB",
    "great britain": "GB",
    "britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "south korea": "KR",
    "korea": "KR",
    "republic of korea": "KR",
    "czechia": "CZ",
    "the netherlands": "NL",
    "holland": "NL",
    "uae": "AE",
    "turkiye": "TR",
    "russian federation": "RU",
    "viet nam": "VN",
    "hong kong sar": "HK",
    "bosnia and herzegovina": "BA",
    "ivory coast": "CI",
    "deutschland": "DE",
    "osterreich": "AT",
    "schweiz": "CH",
    "suisse": "CH",
    "espana": "ES",
    "italia": "IT",
    "brasil": "BR",
    "sverige": "SE",
    "norge": "NO",
    "danmark": "DK",
    "suomi": "FI",
    "polska": "PL",
    "nederland": "NL",
    "belgie": "BE",
    "belgique": "BE",
}
_FOLD = str.maketrans("ñöüäéèêíóôáçãøåß’", "nouaeeeiooacaoas'")


def find_country(text: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country's code or name."""
    word = text.strip()
    if word.upper() in _countries().values():
        return word.upper()
    return _countries().get(_folded(word)) or _OTHER_NAMES.get(_folded(word))


def find_zone(text: str) -> str | None:
    """The IANA name that `text` means, in its right letters; abbreviations such as EST mean nothing certain."""
    return _zones().get(text.strip().replace(" ", "_").lower())


def zone_of_country(country: str) -> str | None:
    """The zone in which nearly everybody in the country lives."""
    zones = _zones_of_countries().get(country, ())
    return MAIN_ZONES.get(country) or (zones[0] if len(zones) == 1 else None)


def find_phone(text: str, country: str | None) -> str | None:
    """The number in E.164 (`+34612345678`); `country` is where a number without + is dialled."""
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def country_of_phone(phone: str) -> str | None:
    """The country of an E.164 number; None for one that several share, such as +44 and +1 800."""
    number = phonenumbers.parse(phone)
    regions = phonenumbers.region_codes_for_country_code(number.country_code or 0)
    if len(regions) == 1 and regions[0] != "001":
        return str(regions[0])
    if len(time_zones_for_number(number)) > 4:
        return None
    region = phonenumbers.region_code_for_number(number)
    # Mobile numbers of Jersey, Guernsey and the Isle of Man look like those of Great Britain, which has 500 times more.
    return "GB" if region in ("GG", "JE", "IM") else region


def zone_of_phone(phone: str) -> str | None:
    """The zone of an E.164 number: that of its area code, else that of its country."""
    zones = time_zones_for_number(phonenumbers.parse(phone))
    country = country_of_phone(phone)
    main = zone_of_country(country) if country else None
    if len(zones) != 1 or zones[0] == "Etc/Unknown":
        return main
    # Some names there are old ones (Asia/Calcutta), which the tz database keeps as aliases.
    return zones[0] if zones[0] in _current_zones() else main or find_zone(zones[0])


def _folded(text: str) -> str:
    word = re.sub(r"[.,()]", " ", text.casefold().translate(_FOLD)).replace("&", " and ")
    return " ".join(word.split())


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, str]:
    rows = (row for row in _table("iso3166.tab"))
    return {_folded(name): code for code, name in rows}


@lru_cache(maxsize=1)
def _zones_of_countries() -> Mapping[str, tuple[str, ...]]:
    zones: dict[str, tuple[str, ...]] = {}
    for country, _, zone, *_ in _table("zone.tab"):
        zones[country] = (*zones.get(country, ()), zone)
    return zones


@lru_cache(maxsize=1)
def _current_zones() -> frozenset[str]:
    return frozenset(zone for zones in _zones_of_countries().values() for zone in zones)


@lru_cache(maxsize=1)
def _zones() -> Mapping[str, str]:
    return {zone.lower(): zone for zone in available_timezones() if "/" in zone or zone == "UTC"}


def _table(name: str) -> list[list[str]]:
    text = files("tzdata").joinpath("zoneinfo", name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
