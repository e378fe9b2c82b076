"""Public holidays of a country, as the calendar that windows ask.

The names come from the `holidays` library; it is loaded at the first question, because it is large and most commands
never ask. Nothing here decides whose country counts.
"""

import sys
from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from sequencer.core.window import Holidays, no_holidays

CALENDARS_MAX = 2048
_LANGUAGE = "en_US"


@lru_cache(maxsize=CALENDARS_MAX)
def holidays_of(country: str | None) -> Holidays:
    """The calendar of a country (ISO 3166-1 code); an unknown country has no holidays."""
    if not country:
        return no_holidays
    code = country.upper()

    def name_of(day: date) -> str | None:
        return _of_year(code, day.year).get(day)

    return name_of


def known_country(code: str) -> bool:
    """Whether the holidays of this ISO 3166-1 code (`ES` or `ESP`) are known; case does not matter."""
    return code.upper() in _library().registry.EntityLoader.get_country_codes()


@lru_cache(maxsize=CALENDARS_MAX)
def _of_year(code: str, year: int) -> Mapping[date, str]:
    if not known_country(code):
        return {}
    country = getattr(_library(), code)
    return dict(country(years=year, expand=False, language=_LANGUAGE).items())


@cache
def _library() -> Any:
    """The library, with a package of countries that loads the one that is asked for.

    Its own package imports all 250 with the first: 8 MB and 0.2 s in a daemon that knows the people of four countries.
    """
    import holidays

    countries = ModuleType("holidays.countries")
    countries.__path__ = [str(Path(holidays.__file__).with_name("countries"))]
    sys.modules.setdefault(countries.__name__, countries)
    return holidays
