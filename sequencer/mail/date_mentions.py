"""Finds the single days a folded text mentions, in the formats and languages people use.

Apart from dates.py so that "what is written" and "what is meant" can be tested alone. Years are filled in relative to
the day the mail was sent; what cannot be a date, or contradicts its own weekday, keeps its place but has no day.
Days in numbers alone are date_numbers.py's, weeks, months and spans date_periods.py's.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

from sequencer.mail import words
from sequencer.mail.date_numbers import day_of_month, days_in_numbers, weekday_beside
from sequencer.mail.date_text import SETS_MAX, Mention, Writing, day_of, named, shaped
from sequencer.mail.kept import compiled, compiled_phrase

__all__ = ["find_days"]

MENTIONS_MAX = 40
GAP_CHARS = 24
DAYS_IN_WEEK = 7

_ORDINAL = r"(?:st|nd|rd|th|er|re|ste|de|e|\.|º|ª|o|ra)?"
# "au" and "al" lead to a day behind "until" alone: "au 12" is an address as well.
_ARTICLE = r"the|le|den|dem|am|el|il|d\.|dia|dag|(?<=jusqu')au|(?<=fino )al|(?<=sino )al|(?<=fins )al|(?<=hasta )el"
_ARTICLE_AND_NUMBER = compiled(rf"(?:{_ARTICLE}),? \d")
_BETWEEN_WEEKDAY_AND_DAY = compiled(r"[\s,.('-]{0,3}(?:\w{1,4}\.?)?[\s,.(]{0,3}")


def find_days(writing: Writing) -> list[Mention]:
    """Single days, in the order of the text, without overlaps."""
    taken: list[Mention] = []
    for reader in (_dates, _bare_days, _weekdays):
        for mention in reader(writing, taken):
            if not any(mention.overlaps(other) for other in taken):
                taken.append(_checked(writing, mention))
            if len(taken) >= MENTIONS_MAX:
                break
    taken.sort(key=lambda mention: mention.start)
    return [mention for index, mention in enumerate(taken) if not _names_a_neighbour(writing, taken, index)]


def _dates(writing: Writing, _known: list[Mention]) -> Iterator[Mention]:
    yield from days_in_numbers(writing)
    yield from _named(writing)


def _names_a_neighbour(writing: Writing, mentions: list[Mention], index: int) -> bool:
    """Whether it is the weekday of the date beside it: "Monday, the 20th", "20 July (Monday)"."""
    if not mentions[index].weekday_only:
        return False
    for first in (index - 1, index):
        pair = mentions[max(0, first) : first + 2]
        if len(pair) == 2 and pair[0].weekday_only != pair[1].weekday_only:
            between = writing.folded[pair[0].end : pair[1].start]
            is_range = shaped(r"\s?<cue>\s?", "date.range", writing.languages).fullmatch(between)
            if _BETWEEN_WEEKDAY_AND_DAY.fullmatch(between) and not is_range:
                return True
    return False


def _checked(writing: Writing, mention: Mention) -> Mention:
    """Without its day where the weekday written next to it says otherwise."""
    if mention.day is None or mention.weekday_only:
        return mention
    weekday = weekday_beside(writing, mention.start, mention.end)
    return replace(mention, day=None) if weekday and weekday != mention.day.isoweekday() else mention


@lru_cache(SETS_MAX)
def _months(among: tuple[str, ...]) -> str:
    known = sorted(map(re.escape, words.table("months", among)), key=len, reverse=True)
    return f"(?:{'|'.join(known) or '(?!)'})"


@lru_cache(SETS_MAX)
def _day_month(among: tuple[str, ...]) -> re.Pattern[str]:
    ordinals = "|".join(words.table("ordinals", among)) or "(?!)"
    return compiled_phrase(
        rf"(?<![\w.,:])(?:(\d{{1,2}}){_ORDINAL}|(?:the )?({ordinals}))[\s-]{{0,2}}"
        rf"(?:of |de |d'|den |di |do |ב|ل)?({_months(among)})(?![^\W\d])\.?"
        rf"(?:(?:,?[\s.-]{{0,2}}(?:de |del )?(\d{{4}})|-(\d{{2}}))(?!\d))?"
    )


@lru_cache(SETS_MAX)
def _month_day(among: tuple[str, ...]) -> re.Pattern[str]:
    suffix = "(?:st|nd|rd|th|ra)?"
    return compiled_phrase(
        rf"(?<!\w)(?:(\d{{4}})[\s.]{{1,2}}(?:m\.? )?)?({_months(among)})\.? (?:the )?"
        rf"(?:(\d{{1,2}}){suffix}\s?-\s?)?(\d{{1,2}}){suffix}(?!\d|:\d|\.\d)(?:,? (\d{{4}})(?!\d))?"
    )


def _named(writing: Writing) -> Iterator[Mention]:
    if not writing.names_any("months"):
        return
    among = writing.languages
    months, ordinals = words.table("months", among), words.table("ordinals", among)
    for found in _day_month(among).finditer(writing.folded):
        number = int(found[1]) if found[1] else ordinals[found[2]]
        yield Mention(
            *found.span(),
            writing.dated(found[4] or found[5], months[found[3]], number),
            ends_range=_bare_start(writing, found.start()),
        )
    for found in _month_day(among).finditer(writing.folded):
        day = writing.dated(found[1] or found[5], months[found[2]], int(found[4]))
        yield Mention(*found.span(), day, ends_range=found[3] is not None)


def _bare_start(writing: Writing, at: int) -> bool:
    """Whether "10 to", "1.-", "du 1er au" stands before: the first day of a range without its month."""
    shape = rf"(?<![\d.:/])\d{{1,2}}{_ORDINAL}\s?<cue>\s?(?:the |den |d\. ?|el |il |le )?$"
    return bool(shaped(shape, "date.range", writing.languages).search(writing.folded[max(0, at - 28) : at]))


@lru_cache(SETS_MAX)
def _day_number(among: tuple[str, ...]) -> re.Pattern[str]:
    before = rf"(?:(?<!\w)(?:{_ARTICLE})|{named('weekdays', among)})"
    return compiled_phrase(
        rf"{before},? (\d{{1,2}})(?:st|nd|rd|th|er|\.)?"
        rf"(?![\w/:]|[.,-]\d| ?(?:{_months(among)}|uhr|h(?!\w)|%))"
    )


def _bare_days(writing: Writing, known: list[Mention]) -> Iterator[Mention]:
    """ "the 17th": of the month named just before it, else the next such day."""
    if not (_ARTICLE_AND_NUMBER.search(writing.folded) or writing.names_any("weekdays")):
        return
    for found in _day_number(writing.languages).finditer(writing.folded):
        number = int(found[1])
        day = day_of_month(writing.sent, number)
        before = [each.day for each in known if 0 <= found.start() - each.end <= GAP_CHARS and each.day]
        if before and before[-1].day < number:
            day = day_of(before[-1].year, before[-1].month, number)
        yield Mention(*found.span(), day)


@lru_cache(SETS_MAX)
def _weekday(among: tuple[str, ...]) -> re.Pattern[str]:
    return compiled_phrase(named("weekdays", among))


def _weekdays(writing: Writing, _known: list[Mention]) -> Iterator[Mention]:
    """Weekdays alone, and tomorrow."""
    weekdays = words.table("weekdays", writing.languages)
    named_ones = _weekday(writing.languages).finditer(writing.folded) if writing.names_any("weekdays") else ()
    for found in named_ones:
        ahead = (weekdays[found[0]] - writing.sent.isoweekday() - 1) % 7 + 1
        day: date | None = writing.sent + timedelta(days=ahead)
        lead = writing.folded[max(0, found.start() - GAP_CHARS) : found.start()]
        this_week = writing.sent.isoweekday() + ahead <= DAYS_IN_WEEK
        if this_week and _ends_with(writing, "date.next_week", lead):
            day = writing.sent + timedelta(days=ahead + DAYS_IN_WEEK)
        elif this_week and _ends_with(writing, "date.next", lead):
            day = None  # "next Friday" on a Monday: of this week or not
        yield Mention(*found.span(), day, weekday_only=True)
    for found in writing.pattern("date.tomorrow").finditer(writing.folded):
        yield Mention(*found.span(), writing.sent + timedelta(days=1), weekday_only=True)


def _ends_with(writing: Writing, topic: str, lead: str) -> bool:
    return bool(shaped(r"<cue>\s?$", topic, writing.languages).search(lead))
