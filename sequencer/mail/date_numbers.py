"""Finds the days that a text writes in numbers: 2026-07-20, 20.7., 20/07/2026, 7月20日.

Which of two numbers is the month differs by country, and a wrong guess is weeks off: a number above twelve, a weekday
beside it, the past, the writer's language and place decide, else a reading that is far nearer; else there is no day.
Named months and weekdays are date_mentions.py's.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from sequencer.mail import words
from sequencer.mail.date_text import SETS_MAX, Mention, Writing, day_of, named, names_any, shaped
from sequencer.mail.kept import compiled, compiled_phrase

__all__ = ["days_in_numbers", "weekday_beside"]

NEAR_DAYS = 45
ORDER_RATIO = 3
HOURS_IN_DAY = 24
_MONTH_FIRST = frozenset({"ja", "ko", "zh", "hu", "eu"})
_ARTICLE = r"(?:(?:the|den|dem|der|le|el|il|d\.|dnia|dia|a|pe|de|am|em|zi|na|s|s[ao])(?!\w)\.? ?)?"
_HOUR_AFTER = compiled(r"\s?(?:uhr|h(?!\w)|hs?(?!\w)|o'clock|[ap]\.?m(?!\w)|kl(?!\w)|hod|godz|ura|val|óra|час)")
_HOUR_BEFORE = compiled(r"(?:um|kl\.?|at|ab|klo|godz\.?|ore|alle|as|a las|в|kell|ob|u) ?$")
_YEAR_FIRST = compiled(r"(?<![\d./-])(\d{4})([-/.])\s?(\d{1,2})\2\s?(\d{1,2})(?!\d|-\d{1,3}(?!\d))")
_DOTTED_WITH_YEAR = compiled(r"(?<![\d.,/])(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2})(?![\d:])")
_DOTTED = compiled(r"(?<![\d.,/:])(\d{1,2})\.\s?(\d{1,2})\.(?!\d)")
_DOT_BETWEEN = compiled(r"(?<![\d.,/:])(\d{1,2})\.(\d{2})(?![\d.:]|,\d)")
_SIGNED = compiled(
    r"(?:(?:(\d{4})\s?[年년]\s?)?(\d{1,2})\s?[月월]\s?)?(\d{1,2})\s?[日号號일]"
    r"(?!\s?[間间간]|以?[内內]|\s?이?내)(?:\s?[(（][^)）\d]{1,3}[)）])?"
)
_SLASHED = compiled(r"(?<![\d/.])(\d{1,2})/(\d{1,2})(?:/(\d{4}|\d{2}))?(?![\d/])")
_DASHED = compiled(r"(?<![\d/.-])(?<!\d )(\d{1,2})-(\d{1,2})-(\d{4}|\d{2})(?![\d-])")


def days_in_numbers(writing: Writing) -> Iterator[Mention]:
    """Single days in numbers; what cannot be a date, or might be two, keeps its place but has no day."""
    yield from _year_first(writing)
    yield from _dotted(writing)
    yield from _cjk(writing)
    yield from _either_order(writing)


def _year_first(writing: Writing) -> Iterator[Mention]:
    for found in _YEAR_FIRST.finditer(writing.folded):
        yield Mention(*found.span(), day_of(int(found[1]), int(found[3]), int(found[4])))


def _dotted(writing: Writing) -> Iterator[Mention]:
    """The day comes first where dots stand, except in Hungary; an American's month shows by its day above twelve."""
    folded = writing.folded
    for found in _DOTTED_WITH_YEAR.finditer(folded):
        day = writing.dated(found[3], int(found[2]), int(found[1]))
        yield Mention(*found.span(), day or writing.dated(found[3], int(found[1]), int(found[2])))
    hungarian = writing.languages[:1] == ("hu",)
    for found in _DOTTED.finditer(folded):
        month, number = (int(found[1]), int(found[2])) if hungarian else (int(found[2]), int(found[1]))
        yield Mention(*found.span(), writing.coming(month, number), ends_range=_bare_start(writing, found.start()))
    for found in _DOT_BETWEEN.finditer(folded):
        if not _is_hour(folded, found):
            yield Mention(*found.span(), writing.coming(int(found[2]), int(found[1])))


def _is_hour(folded: str, found: re.Match[str]) -> bool:
    """Whether "17.10" may be a time of the day or an amount rather than a day without its year."""
    tail, lead = folded[found.end() : found.end() + 12], folded[: found.start()][-12:]
    if _HOUR_AFTER.match(tail) or not 1 <= int(found[2]) <= 12:
        return True
    if found[2].startswith("0") and not _HOUR_BEFORE.search(lead):
        return False
    return int(found[1]) <= HOURS_IN_DAY


def _cjk(writing: Writing) -> Iterator[Mention]:
    """Month and day by their signs; a day alone takes the month of the one before it, else it is the next such day."""
    before: date | None = None
    for found in _SIGNED.finditer(writing.folded):
        if found[2]:
            day = writing.dated(found[1], int(found[2]), int(found[3]))
        elif before is not None and before.day < int(found[3]):
            day = day_of(before.year, before.month, int(found[3]))
        else:
            day = day_of_month(writing.sent, int(found[3]))
        before = day
        yield Mention(*found.span(), day)


def day_of_month(sent: date, number: int) -> date | None:
    """The next day with this number: of the mail's month, else of the following one."""
    day = day_of(sent.year, sent.month, number)
    if day is not None and day > sent:
        return day
    return day_of(sent.year + sent.month // 12, sent.month % 12 + 1, number)


def _bare_start(writing: Writing, at: int) -> bool:
    """Whether "10 to", "1.-" stands before: the first day of a range without its month."""
    start = shaped(r"(?<![\d.:/])\d{1,2}\.?\s?<cue>\s?$", "date.range", writing.languages)
    return bool(start.search(writing.folded[max(0, at - 24) : at]))


def _either_order(writing: Writing) -> Iterator[Mention]:
    """Day/month or month/day: one order for the whole text, and none where both make sense."""
    found = [
        *_SLASHED.finditer(writing.folded),
        *_DASHED.finditer(writing.folded),
    ]
    found.sort(key=lambda each: each.start())
    day_first, month_first = (
        [writing.dated(each[3], int(each[month]), int(each[3 - month])) for each in found] for month in (2, 1)
    )
    near, far = (_reach(days, found, writing) for days in (day_first, month_first))
    prefers_month = _prefers_month(writing)
    chosen: list[date | None] = [None] * len(found)
    if day_first == month_first or far is None:
        chosen = day_first if near is not None else chosen
    elif near is None:
        chosen = month_first
    elif prefers_month is not None:
        chosen = month_first if prefers_month else day_first
    elif far >= max(NEAR_DAYS, ORDER_RATIO * near):
        chosen = day_first
    elif near >= max(NEAR_DAYS, ORDER_RATIO * far):
        chosen = month_first
    for each, day in zip(found, chosen, strict=True):
        yield Mention(*each.span(), day)


def _reach(days: list[date | None], found: list[re.Match[str]], writing: Writing) -> int | None:
    """Days from the mail to the farthest; None where they are no dates, out of order, past, or not that weekday."""
    known = [day for day in days if day is not None]
    if not known or len(known) < len(days) or known != sorted(known) or known[-1] < writing.sent:
        return None
    for day, each in zip(known, found, strict=True):
        weekday = weekday_beside(writing, each.start(), each.end())
        if weekday and weekday != day.isoweekday():
            return None
    return max(abs((day - writing.sent).days) for day in known)


def _prefers_month(writing: Writing) -> bool | None:
    """What the writer's language says of the order; English says nothing, its writer's place may."""
    if not writing.languages or writing.languages[0] == "en":
        return writing.month_first
    return writing.languages[0] in _MONTH_FIRST


def weekday_beside(writing: Writing, start: int, end: int) -> int | None:
    """The weekday (Monday 1) written before or behind a date, None if there is none."""
    near = writing.folded[max(0, start - 26) : end + 20]
    if not names_any(near, "weekdays", writing.languages):
        return None
    before, behind, within = _beside(writing.languages)
    lead = before.search(writing.folded[max(0, start - 26) : start])
    tail = behind.match(writing.folded[end : end + 20])
    inside = within.match(writing.folded[start:end])
    beside = lead or inside or tail
    return words.table("weekdays", writing.languages)[beside[1]] if beside else None


@lru_cache(SETS_MAX)
def _beside(among: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """A weekday before a date, behind it in brackets, and within it."""
    weekday = f"((?:{named('weekdays', among)}))"
    return (
        compiled_phrase(rf"{weekday}[,.]?\s{{0,2}}\(?{_ARTICLE}$"),
        compiled_phrase(rf"\.?,?\s?[(]{weekday}[),.\s]"),
        compiled_phrase(weekday),
    )
