"""Public holidays of a country, as the calendar that windows ask.

The names come from the `holidays` library; it is loaded at the first question, because it is large and most commands
never ask. Nothing here decides whose country counts.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from sequencer.core.window import Holidays, no_holidays

CALENDARS_MAX = 2048
_LANGUAGE = "en_US"


@lru_cache(maxsize=CALENDARS_MAX)
def holidays_of(country: str | None, subdivision: str | None = None) -> Holidays:
    """The calendar of a country (ISO 3166-1 code), with the holidays of a subdivision (`CA` of `US`) if one is named.

    An unknown country has no holidays; an unknown subdivision has those of its country.
    """
    if country is None or not known_country(country):
        return no_holidays
    code = country.upper()
    part = subdivision if subdivision in _subdivisions()[code] else None

    def name_of(day: date) -> str | None:
        return _of_year(code, part, day.year).get(day)

    return name_of


def known_country(code: str) -> bool:
    """Whether the holidays of this ISO 3166-1 code (`ES` or `ESP`) are known; case does not matter."""
    return code.upper() in _subdivisions()


@lru_cache(maxsize=1)
def _subdivisions() -> Mapping[str, frozenset[str]]:
    from holidays import list_supported_countries

    return {code: frozenset(parts) for code, parts in list_supported_countries(include_aliases=True).items()}


@lru_cache(maxsize=CALENDARS_MAX)
def _of_year(code: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    from holidays import country_holidays

    return dict(country_holidays(code, subdiv=subdivision, years=year, expand=False, language=_LANGUAGE).items())
