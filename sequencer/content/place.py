"""Where a person is: country, phone number and time zone, from what a list of people says about them.

It is here because a wrong zone sends mail at night, so each source is checked and the best one is named: the file, then
the phone, then the country. Countries and zones are those of the tz database (zone.tab, iso3166.tab, by tzdata). A
country with several zones and no dominant one has none: nothing is guessed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from zoneinfo import available_timezones

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat
from phonenumbers.timezone import time_zones_for_number

__all__ = ["Phone", "country_in", "find_country", "find_phone", "find_zone", "likely_zone", "zone_of_country"]

CACHED_MAX = 4096
# A country that shares its code with others and whose number says nothing more: +1 800 rings anywhere.
SHARED_ZONES_MAX = 4

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


_ZONE_INSIDE = re.compile(r"[A-Za-z]+(?:/|_slash_)[A-Za-z_/+-]+")
_OFFSET = re.compile(r"\(?(?:UTC|GMT)\s*[+-]?\d{0,2}:?\d{0,2}\)?\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Phone:
    """A number in E.164 (`+34612345678`), the country it belongs to, and the zone of its area code or country."""

    number: str
    country: str | None
    zone: str | None


@lru_cache(maxsize=CACHED_MAX)
def find_country(text: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country's code or name."""
    word = text.strip()
    if word.upper() in _codes():
        return word.upper()
    return _countries().get(_folded(word)) or _OTHER_NAMES.get(_folded(word))


@lru_cache(maxsize=CACHED_MAX)
def country_in(location: str) -> str | None:
    """The country that ends a place as LinkedIn writes it: "Madrid, Community of Madrid, Spain"."""
    return find_country(location.rpartition(",")[2])


@lru_cache(maxsize=CACHED_MAX)
def find_zone(text: str) -> str | None:
    """The IANA name that `text` means, in its right letters; abbreviations such as EST mean nothing certain.

    CRMs write it inside other words: "(GMT-05:00) Eastern Standard Time (America/New_York)", "UTC -05:00 America New
    York", "america_slash_new_york".
    """
    name = _zones().get(text.strip().replace(" ", "_").lower())
    if name is None and (inside := _ZONE_INSIDE.search(text)):
        name = _zones().get(inside[0].replace("_slash_", "/").lower())
    if name is None and (offset := _OFFSET.match(text.strip())):
        name = _zones().get(text.strip()[offset.end() :].replace(" ", "/", 1).replace(" ", "_").lower())
    return name


def likely_zone(text: str) -> str:
    """The zone that a city or country written in its place probably means, else nothing; a hint, never taken."""
    city = text.strip().replace(" ", "_").lower()
    named = [name for key, name in _zones().items() if key.rpartition("/")[2] == city and "/" in key]
    country = find_country(text)
    return named[0] if len(named) == 1 else (zone_of_country(country) if country else None) or ""


def zone_of_country(country: str) -> str | None:
    """The zone in which nearly everybody in the country lives."""
    zones = _zones_of_countries().get(country, ())
    return MAIN_ZONES.get(country) or (zones[0] if len(zones) == 1 else None)


@lru_cache(maxsize=CACHED_MAX)
def find_phone(text: str, country: str | None, placed: bool = True) -> Phone | None:
    """What `text` dials; `country` is where a number without + is dialled. `placed` false: only the number, which takes
    a third of the time."""
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    regions = phonenumbers.region_codes_for_country_code(number.country_code or 0)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if not placed:
        return Phone(e164, None, None)
    if len(regions) == 1 and len(_zones_of_countries().get(regions[0], ())) == 1:
        return Phone(e164, str(regions[0]), zone_of_country(regions[0]))
    zones = time_zones_for_number(number)
    belongs = _country(number, regions, zones)
    return Phone(e164, belongs, _zone(zones, zone_of_country(belongs) if belongs else None))


def _country(number: PhoneNumber, regions: tuple[str, ...], zones: tuple[str, ...]) -> str | None:
    """The number's country; None for one that several share, such as +1 800."""
    if len(regions) == 1 and regions[0] != "001":
        return str(regions[0])
    if len(zones) > SHARED_ZONES_MAX:
        return None
    if len(zones) == 1 and (country := _current_zones().get(zones[0])):
        # A zone has one country, and asking the library takes as long as all the rest.
        return country
    region = phonenumbers.region_code_for_number(number)
    # Mobile numbers of Jersey, Guernsey and the Isle of Man look like those of Great Britain, which has 500 times more.
    return "GB" if region in ("GG", "JE", "IM") else region


def _zone(zones: tuple[str, ...], main: str | None) -> str | None:
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
def _codes() -> frozenset[str]:
    return frozenset(_countries().values())


@lru_cache(maxsize=1)
def _zones_of_countries() -> Mapping[str, tuple[str, ...]]:
    zones: dict[str, tuple[str, ...]] = {}
    for country, _, zone, *_ in _table("zone.tab"):
        zones[country] = (*zones.get(country, ()), zone)
    return zones


@lru_cache(maxsize=1)
def _current_zones() -> Mapping[str, str]:
    """Each zone with its country."""
    return {zone: country for country, zones in _zones_of_countries().items() for zone in zones}


@lru_cache(maxsize=1)
def _zones() -> Mapping[str, str]:
    return {zone.lower(): zone for zone in available_timezones() if "/" in zone or zone == "UTC"}


def _table(name: str) -> list[list[str]]:
    text = files("tzdata").joinpath("zoneinfo", name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
