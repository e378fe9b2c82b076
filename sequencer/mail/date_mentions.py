"""Finds the days and periods a folded text mentions, in the formats and languages people use.

Apart from dates.py so that "what is written" and "what is meant" can be tested alone. Years are filled in relative to
the day the mail was sent; what cannot be a date, or contradicts its own weekday, keeps its place but has no day.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

from sequencer.mail import words

MENTIONS_MAX = 40
NO_YEAR_DAYS_MAX = 330
JUST_PASSED_DAYS = 60
SLASH_NEAR_DAYS = 45
SLASH_ORDER_RATIO = 3

_ORDINAL = r"(?:st|nd|rd|th|er|re|\.|º|ª|o)?"
# Names of months that are common words too count only behind a preposition.
_ALSO_WORDS = frozenset({"may", "mar", "march", "mars", "set", "out", "kovo"})
_BEFORE_MONTH = re.compile(r"(?:in|until|till|by|before|from|early|late|mid|en|em|de|of|after|since|pa|i) $")


@dataclass(frozen=True, slots=True)
class Mention:
    """A date in the text.

    `exact`: not merely a year or a season. `ends_range`: its range began with a bare number ("10-31 July").
    """

    start: int
    end: int
    day: date | None
    exact: bool = True
    weekday_only: bool = False
    ends_range: bool = False


def find_days(folded: str, sent: date) -> list[Mention]:
    """Single days, in the order of the text, without overlaps."""
    taken: list[Mention] = []
    for found in (
        _numeric(folded, sent),
        _cjk(folded, sent),
        _named(folded, sent),
        _slashed(folded, sent),
        _weekdays(folded, sent),
    ):
        for mention in found:
            if not any(mention.start < other.end and other.start < mention.end for other in taken):
                taken.append(_checked(folded, mention))
            if len(taken) >= MENTIONS_MAX:
                break
    return sorted(taken, key=lambda mention: mention.start)


def find_periods(folded: str, sent: date) -> list[Mention]:
    """Weeks, months, quarters, seasons and spans ("in six weeks"), each as its first day."""
    found = [*_weeks(folded, sent), *_spans(folded, sent), *_quarters(folded, sent), *_relative(folded, sent)]
    for mention in _months(folded, sent):
        if not any(mention.start < other.end and other.start < mention.end for other in found):
            found.append(mention)
    return sorted(found, key=lambda mention: mention.start)[:MENTIONS_MAX]


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _coming(sent: date, month: int, day: int) -> date | None:
    """The next such day, or the one just passed: a range often began before the mail was sent."""
    for year in (sent.year, sent.year - 1):
        this = _day(year, month, day)
        if this is not None and (this - sent).days >= -JUST_PASSED_DAYS:
            return this
    following = _day(sent.year + 1, month, day)
    return following if following and (following - sent).days <= NO_YEAR_DAYS_MAX else None


def _dated(sent: date, year: str | None, month: int, day: int) -> date | None:
    if not year:
        return _coming(sent, month, day)
    return _day(int(year) + (2000 if len(year) == 2 else 0), month, day)


def _numeric(folded: str, sent: date) -> Iterator[Mention]:
    for found in re.finditer(r"(?<![\d./-])(\d{4})([-/.])\s?(\d{1,2})\2\s?(\d{1,2})(?!\d)", folded):
        yield Mention(*found.span(), _day(int(found[1]), int(found[3]), int(found[4])))
    for found in re.finditer(r"(?<![\d.,/])(\d{1,2})([.-])\s?(\d{1,2})\2\s?(\d{4}|\d{2})(?![\d:])", folded):
        yield Mention(*found.span(), _dated(sent, found[4], int(found[3]), int(found[1])))
    for found in re.finditer(r"(?<![\d.,/:])(\d{1,2})\.\s?(\d{1,2})\.(?!\d)", folded):
        yield Mention(
            *found.span(), _coming(sent, int(found[2]), int(found[1])), ends_range=_bare_start(folded, found.start())
        )


def _cjk(folded: str, sent: date) -> Iterator[Mention]:
    for found in re.finditer(
        r"(?:(\d{4})\s?[年년]\s?)?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号일](?:\s?\([^)\d]{1,3}\))?", folded
    ):
        yield Mention(*found.span(), _dated(sent, found[1], int(found[2]), int(found[3])))


@cache
def _month_names() -> str:
    return "|".join(sorted(map(re.escape, words.table("months")), key=len, reverse=True))


@cache
def _day_month() -> re.Pattern[str]:
    ordinals = "|".join(words.table("ordinals"))
    return re.compile(
        rf"(?<![\w.,:])(?:(\d{{1,2}}){_ORDINAL}|(?:the )?({ordinals}))\s?(?:of |de |d'|den |di |-)?"
        rf"({_month_names()})(?!\w)\.?(?:,?\s{{1,2}}(?:de |del )?(\d{{4}})(?!\d))?"
    )


@cache
def _month_day() -> re.Pattern[str]:
    suffix = "(?:st|nd|rd|th)?"
    return re.compile(
        rf"(?<!\w)(?:(\d{{4}})\.? )?({_month_names()})\.? (?:the )?(?:(\d{{1,2}}){suffix}\s?-\s?)?"
        rf"(\d{{1,2}}){suffix}(?![\d:])(?:,? (\d{{4}})(?!\d))?"
    )


def _named(folded: str, sent: date) -> Iterator[Mention]:
    months, ordinals = words.table("months"), words.table("ordinals")
    for found in _day_month().finditer(folded):
        number = int(found[1]) if found[1] else ordinals[found[2]]
        yield Mention(
            *found.span(),
            _dated(sent, found[4], months[found[3]], number),
            ends_range=_bare_start(folded, found.start()),
        )
    for found in _month_day().finditer(folded):
        day = _dated(sent, found[1] or found[5], months[found[2]], int(found[4]))
        yield Mention(*found.span(), day, ends_range=found[3] is not None)


def _bare_start(folded: str, at: int) -> bool:
    """Whether "10 to", "1.-", "du 1er au" stands before: the first day of a range without its month."""
    ranges = "|".join(words.expression(phrase) for phrase in words.phrases("date.range"))
    return bool(re.search(rf"(?<![\d.:/])\d{{1,2}}{_ORDINAL}\s?(?:{ranges})\s?$", folded[max(0, at - 24) : at]))


def _slashed(folded: str, sent: date) -> Iterator[Mention]:
    """Day/month or month/day: one order for the whole text, and none where both make sense."""
    found = list(re.finditer(r"(?<![\d/.])(\d{1,2})/(\d{1,2})(?:/(\d{4}|\d{2}))?(?![\d/])", folded))
    day_first, month_first = (
        [_dated(sent, each[3], int(each[month]), int(each[3 - month])) for each in found] for month in (2, 1)
    )
    near, far = _reach(day_first, sent), _reach(month_first, sent)
    chosen: list[date | None] = [None] * len(found)
    if day_first == month_first or _clearly(near, far):
        chosen = day_first
    elif _clearly(far, near):
        chosen = month_first
    for each, day in zip(found, chosen, strict=True):
        yield Mention(*each.span(), day)


def _reach(days: list[date | None], sent: date) -> int | None:
    """Days from the mail to the farthest of them; None when they are no dates or not in order."""
    known = [day for day in days if day is not None]
    if len(known) < len(days) or known != sorted(known):
        return None
    return max((abs((day - sent).days) for day in known), default=0)


def _clearly(this: int | None, other: int | None) -> bool:
    """Whether one reading of the order is right: the other is impossible, or far off while this is near."""
    return this is not None and (other is None or other >= max(SLASH_NEAR_DAYS, SLASH_ORDER_RATIO * this))


@cache
def _weekday_names() -> str:
    return "|".join(sorted(map(re.escape, words.table("weekdays")), key=len, reverse=True))


@cache
def _day_number() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!\w)(?:{_weekday_names()})?,? ?(?:the|le|den|dem|am|el|il) (\d{{1,2}})(?:st|nd|rd|th|er|\.)?"
        rf"(?![\w/:]|\.\d| (?:{_month_names()}))"
    )


@cache
def _bare_weekday() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!\w)({_weekday_names()})(?!\w)(?!,? (?:the |den |dem |le |el |il )?(?:\d|(?:{_month_names()})(?!\w)))"
    )


def _weekdays(folded: str, sent: date) -> Iterator[Mention]:
    for found in _day_number().finditer(folded):
        yield Mention(*found.span(), _day_of_month(sent, int(found[1])))
    for found in _bare_weekday().finditer(folded):
        ahead = (words.table("weekdays")[found[1]] - sent.isoweekday() - 1) % 7 + 1
        yield Mention(*found.span(), sent + timedelta(days=ahead), weekday_only=True)
    for found in words.pattern("date.tomorrow").finditer(folded):
        yield Mention(*found.span(), sent + timedelta(days=1), weekday_only=True)


def _day_of_month(sent: date, number: int) -> date | None:
    day = _day(sent.year, sent.month, number)
    if day is not None and day > sent:
        return day
    return _day(sent.year + sent.month // 12, sent.month % 12 + 1, number)


def _checked(folded: str, mention: Mention) -> Mention:
    """Without its day where the weekday written next to it says otherwise."""
    if mention.day is None or mention.weekday_only:
        return mention
    lead = re.search(
        rf"(?<!\w)({_weekday_names()})[,.]?\s{{0,2}}(?:the |den |dem |le |el |il |dnia )?$",
        folded[max(0, mention.start - 24) : mention.start],
    )
    inside = re.match(rf"({_weekday_names()})(?!\w)", folded[mention.start : mention.end])
    named = lead or inside
    if named and words.table("weekdays")[named[1]] != mention.day.isoweekday():
        return replace(mention, day=None)
    return mention


@cache
def _week() -> re.Pattern[str]:
    return re.compile(rf"(?:{_any('date.week_number')})\.? ?(\d{{1,2}})(?!\d)")


def _weeks(folded: str, sent: date) -> Iterator[Mention]:
    for found in _week().finditer(folded):
        for year in (sent.year, sent.year + 1):
            try:
                monday = date.fromisocalendar(year, int(found[1]), 1)
            except ValueError:
                continue
            if monday > sent:
                yield Mention(*found.span(), monday)
                break


@cache
def _span() -> re.Pattern[str]:
    counted = "|".join(sorted(map(re.escape, words.table("numbers")), key=len, reverse=True))
    named = "|".join(sorted(map(re.escape, words.table("units")), key=len, reverse=True))
    return re.compile(rf"(?:{_any('date.in')}) (?:(\d{{1,2}})|({counted})) ?({named})(?!\w)")


def _spans(folded: str, sent: date) -> Iterator[Mention]:
    for found in _span().finditer(folded):
        amount = int(found[1]) if found[1] else words.table("numbers")[found[2]]
        yield Mention(*found.span(), _plus(sent, amount, words.table("units")[found[3]]))


def _plus(sent: date, amount: int, unit_days: int) -> date | None:
    months = {30: 1, 91: 3, 365: 12}.get(unit_days)
    if months is None:
        return sent + timedelta(days=amount * unit_days)
    index = sent.year * 12 + sent.month - 1 + amount * months
    for back in range(4):
        day = _day(index // 12, index % 12 + 1, max(1, sent.day - back))
        if day:
            return day
    return None


@cache
def _quarter() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:q([1-4])(?:[ /]{{0,2}}(\d{{4}}))?|({_any('date.quarter')}))(?!\w)")


def _quarters(folded: str, sent: date) -> Iterator[Mention]:
    for found in _quarter().finditer(folded):
        number = int(found[1]) if found[1] else _quarter_number(found[3])
        near = folded[max(0, found.start() - 30) : found.end() + 30]
        month = 3 * number - 2
        if found[2] or words.pattern("date.next_year").search(near):
            yield Mention(*found.span(), _day(int(found[2]) if found[2] else sent.year + 1, month, 1))
        else:
            yield Mention(*found.span(), _first_of(sent, month))


def _quarter_number(text: str) -> int:
    named = words.table("date.quarter").items()
    return next((number for phrase, number in named if re.search(words.expression(phrase), text)), 1)


def _first_of(sent: date, month: int) -> date:
    this = date(sent.year, month, 1)
    return this if this > sent else date(sent.year + 1, month, 1)


def _relative(folded: str, sent: date) -> Iterator[Mention]:
    monday = sent + timedelta(days=8 - sent.isoweekday())
    for found in words.pattern("date.next_week").finditer(folded):
        yield Mention(*found.span(), monday)
    for found in words.pattern("date.next_month").finditer(folded):
        yield Mention(*found.span(), _first_of(sent, sent.month % 12 + 1))
    for found in words.pattern("date.next_year").finditer(folded):
        yield Mention(*found.span(), date(sent.year + 1, 1, 1), exact=False)
    for phrase, offset in words.table("date.easter").items():
        for found in re.finditer(words.expression(phrase), folded):
            coming = [easter(year) + timedelta(days=offset) for year in (sent.year, sent.year + 1)]
            yield Mention(*found.span(), next(day for day in coming if day > sent))
    for phrase, month in words.table("date.seasons").items():
        for found in re.finditer(words.expression(phrase), folded):
            yield Mention(*found.span(), _first_of(sent, month), exact=False)


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar. Source: Meeus, Jones and Butcher's algorithm."""
    cycle, (century, rest) = year % 19, divmod(year, 100)
    leap, short = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * cycle + century - leap - correction + 15) % 30
    weekday = (32 + 2 * short + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (cycle + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


@cache
def _month() -> re.Pattern[str]:
    return re.compile(
        rf"(?:(?P<mid>{_any('date.mid')})[\s-]?(?:\w{{1,3}} )?|(?P<late>{_any('date.end')})[\s-]?(?:\w{{1,3}} )?)?"
        rf"(?<!\w)(?P<month>{_month_names()})(?!\w)(?:\s(?:de )?(?P<year>\d{{4}})(?!\d))?"
    )


def _months(folded: str, sent: date) -> Iterator[Mention]:
    for found in _month().finditer(folded):
        if found["month"] in _ALSO_WORDS and not _BEFORE_MONTH.search(folded[: found.start("month")][-12:]):
            continue
        month = words.table("months")[found["month"]]
        number = 15 if found["mid"] else 25 if found["late"] else 1
        day = _day(int(found["year"]), month, number) if found["year"] else _first_of(sent, month).replace(day=number)
        yield Mention(*found.span(), day)
    for found in re.finditer(r"(?<!\d)(\d{1,2})\s?[月월](?!\s?\d)", folded):
        if 1 <= int(found[1]) <= 12:
            yield Mention(*found.span(), _first_of(sent, int(found[1])))


@cache
def _any(topic: str) -> str:
    source = words.table(topic) if topic == "date.quarter" else None
    phrases = tuple(source) if source is not None else words.phrases(topic)
    return "|".join(words.expression(phrase) for phrase in phrases) or "(?!)"
