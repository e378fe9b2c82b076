"""Finds the weeks, months, quarters, seasons and spans a folded text mentions, each as its first day.

Apart from date_mentions.py because a period is weaker evidence than a day: it counts only where no day is named.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from sequencer.mail import words
from sequencer.mail.date_text import SETS_MAX, Mention, Writing, any_of, day_of, named, shaped
from sequencer.mail.kept import compiled, compiled_phrase

__all__ = ["easter", "find_periods", "lasting", "this_week", "today", "told_alone"]

MENTIONS_MAX = 40
DAYS_IN_WEEK = 7
_CLAUSES = compiled(r"[.!?;\n]")
_QUARTER = compiled(r"[qtk][1-4]")
_CHINESE_MONTH = compiled(r"(?<!\d)(\d{1,2}|十[一二]|[一二三四五六七八九十])\s?(?:月份?|월)(?!\s?\d)")
_MIDDLE, _LATE = 15, 25
_CHINESE = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")

# Names of months that are common words too count only behind a preposition.
_ALSO_WORDS = frozenset({"may", "mar", "march", "mars", "set", "out", "kovo", "sep", "dec", "mart", "mag", "ene"})
_BEFORE_MONTH = compiled(
    r"(?:in|until|till|by|before|from|early|late|mid|end of|through|en|em|de|of|after|since|pa|i|next) $"
)


def find_periods(writing: Writing) -> list[Mention]:
    """In the order of the text; months do not overlap the others."""
    found = [*_weeks(writing), *_spans(writing), *_quarters(writing), *_relative(writing)]
    for mention in _months(writing):
        if not any(mention.overlaps(other) for other in found):
            found.append(mention)
    return sorted(found, key=lambda mention: mention.start)[:MENTIONS_MAX]


@lru_cache(SETS_MAX)
def _week(among: tuple[str, ...]) -> re.Pattern[str]:
    named = any_of("date.week_number", among)
    return compiled_phrase(
        rf"(?:(?:{named})(?:\.|:|n|en|nummer| nr\.?)? ?(\d{{1,2}})(?!\d|[.,:]\d)"
        rf"(?:\s?(?:-|/|till|bis|t/m|til|og|och|und|,)\s?(\d{{1,2}})(?!\d|[.,:]\d))?"
        rf"|(?<![\d.])(\d{{1,2}})\. ?(?:{named}))"
    )


def _weeks(writing: Writing) -> Iterator[Mention]:
    if not writing.pattern("date.week_number").search(writing.folded):
        return
    for found in _week(writing.languages).finditer(writing.folded):
        first, last = int(found[1] or found[3]), int(found[2] or found[1] or found[3])
        for year in (writing.sent.year, writing.sent.year + 1):
            try:
                monday, after = (date.fromisocalendar(year, number, 1) for number in (first, last))
            except ValueError:
                continue
            after += timedelta(days=DAYS_IN_WEEK)
            if after > writing.sent:
                yield Mention(*found.span(), monday, after=after, ends_range=bool(found[2]), numbered_week=True)
                break


@lru_cache(SETS_MAX)
def _length(among: tuple[str, ...]) -> re.Pattern[str]:
    """A length of time at the start of a sentence, or behind a word for "another"."""
    begins, more = r"(?:^|[.!?;:\n][\s(]{0,4})", rf"(?P<more>{any_of('date.more', among)})\s?"
    return compiled_phrase(
        rf"(?:{more}|{begins})(?:(?P<figures>\d{{1,2}})|(?P<word>{named('numbers', among)}))\s?"
        rf"(?P<unit>{named('units', among)})"
    )


@lru_cache(SETS_MAX)
def _span(topic: str, among: tuple[str, ...]) -> re.Pattern[str]:
    counted = "|".join(sorted(map(re.escape, words.table("numbers", among)), key=len, reverse=True)) or "(?!)"
    named = "|".join(sorted(map(re.escape, words.table("units", among)), key=len, reverse=True)) or "(?!)"
    end = "" if words.is_spaceless(named) else r"(?!\w)"
    figures = r"(?:the )?(?:next )?(\d{1,2})(?:\s?(?:-|to|or|bis)\s?\d{1,2})?"
    return compiled_phrase(rf"(?:{any_of(topic, among)}) ?(?:{figures}|({counted})) ?({named}){end}")


def _may_tell(writing: Writing, topic: str) -> bool:
    return writing.names_any("units") and writing.pattern(topic).search(writing.folded) is not None


def _spans(writing: Writing) -> Iterator[Mention]:
    """ "in two weeks"; of "in 6-8 weeks" the earlier."""
    spans = _span("date.in", writing.languages).finditer(writing.folded) if _may_tell(writing, "date.in") else ()
    for found in spans:
        amount = int(found[1]) if found[1] else words.table("numbers", writing.languages)[found[2]]
        day = _plus(writing.sent, amount, words.table("units", writing.languages)[found[3]])
        yield Mention(*found.span(), day, after=day)
    for phrase, days in words.table("date.spans", writing.languages).items():
        for found in words.one(phrase).finditer(writing.folded):
            day = _plus(writing.sent, 1, days)
            yield Mention(*found.span(), day, after=day)


def lasting(writing: Writing) -> date | None:
    """The end of an absence told by its length alone ("for two weeks"): the latest it can be, counted from the mail."""
    found = _span("date.for", writing.languages).search(writing.folded) if _may_tell(writing, "date.for") else None
    if not found:
        return None
    amount = int(found[1]) if found[1] else words.table("numbers", writing.languages)[found[2]]
    return _plus(writing.sent, amount, words.table("units", writing.languages)[found[3]])


def told_alone(writing: Writing) -> date | None:
    """The end of a wait told by its length where a sentence begins ("Two weeks, then ask again.") or by "another"."""
    if not writing.names_any("units"):
        return None
    for found in _length(writing.languages).finditer(writing.folded):
        rest = _CLAUSES.split(writing.folded[found.end() : found.end() + 80])[0]
        if shaped(r"\s?<cue>", "date.ago_after", writing.languages).match(rest):
            continue
        if found["more"] or writing.pattern("date.ask").search(rest):
            amount = found["figures"] and int(found["figures"])
            amount = amount or words.table("numbers", writing.languages)[found["word"]]
            return _plus(writing.sent, amount, words.table("units", writing.languages)[found["unit"]])
    return None


def _plus(sent: date, amount: int, unit_days: int) -> date | None:
    months = {30: 1, 91: 3, 182: 6, 365: 12}.get(unit_days)
    if months is None:
        return sent + timedelta(days=amount * unit_days)
    index = sent.year * 12 + sent.month - 1 + amount * months
    for back in range(4):
        day = day_of(index // 12, index % 12 + 1, max(1, sent.day - back))
        if day:
            return day
    return None


@lru_cache(SETS_MAX)
def _quarter(among: tuple[str, ...]) -> re.Pattern[str]:
    return compiled_phrase(rf"(?<!\w)(?:[qtk]([1-4])(?:[ /-]{{0,2}}(\d{{4}}))?|({_quarter_names(among)}))(?!\w)")


def _quarter_names(among: tuple[str, ...]) -> str:
    return "|".join(words.expression(phrase) for phrase in words.table("date.quarter", among)) or "(?!)"


def _quarters(writing: Writing) -> Iterator[Mention]:
    names = words.table("date.quarter", writing.languages)
    if not (_QUARTER.search(writing.folded) or any(words.one(name).search(writing.folded) for name in names)):
        return
    for found in _quarter(writing.languages).finditer(writing.folded):
        number = int(found[1]) if found[1] else _quarter_number(writing, found[3])
        near = writing.folded[max(0, found.start() - 30) : found.end() + 30]
        month = 3 * number - 2
        if found[2] or writing.pattern("date.next_year").search(near):
            day = day_of(int(found[2]) if found[2] else writing.sent.year + 1, month, 1)
        else:
            day = _first_of(writing.sent, month)
        yield Mention(*found.span(), day, after=_month_after(day, 3))


def _quarter_number(writing: Writing, text: str) -> int:
    named = words.table("date.quarter", writing.languages).items()
    return next((number for phrase, number in named if words.one(phrase).search(text)), 1)


def _first_of(sent: date, month: int) -> date:
    this = date(sent.year, month, 1)
    return this if this > sent else date(sent.year + 1, month, 1)


def _month_after(day: date | None, months: int = 1) -> date | None:
    """The first day of the month that many months after this day's."""
    return day and date(day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1, 1)


def _relative(writing: Writing) -> Iterator[Mention]:
    sent, folded = writing.sent, writing.folded
    monday = _monday_after(sent)
    for found in writing.pattern("date.next_week").finditer(folded):
        yield Mention(*found.span(), monday, after=monday + timedelta(days=DAYS_IN_WEEK))
    for found in writing.pattern("date.next_month").finditer(folded):
        first = _first_of(sent, sent.month % 12 + 1)
        yield Mention(*found.span(), first, after=_month_after(first))
    for found in writing.pattern("date.next_year").finditer(folded):
        yield Mention(*found.span(), date(sent.year + 1, 1, 1), exact=False, after=date(sent.year + 2, 1, 1))
    for phrase, offset in words.table("date.easter", writing.languages).items():
        for found in words.one(phrase).finditer(folded):
            coming = [easter(year) + timedelta(days=offset) for year in (sent.year, sent.year + 1)]
            day = next(day for day in coming if day > sent)
            yield Mention(*found.span(), day, after=day, ends=True)
    for phrase, month in words.table("date.seasons", writing.languages).items():
        for found in words.one(phrase).finditer(folded):
            yield Mention(*found.span(), _first_of(sent, month), exact=False)


def _monday_after(sent: date) -> date:
    return sent + timedelta(days=DAYS_IN_WEEK + 1 - sent.isoweekday())


def this_week(writing: Writing) -> date | None:
    """The Monday after, where the text speaks of this week."""
    return _monday_after(writing.sent) if writing.pattern("date.this_week").search(writing.folded) else None


def today(writing: Writing) -> date | None:
    """The day after today, or after tomorrow where both are named together."""
    found = writing.pattern("date.today").search(writing.folded)
    if not found:
        return None
    tail = writing.folded[found.end() :][:30]
    joined = shaped(r"\s?(?:<cue>|[,&+])\s?", "date.range", writing.languages).match(tail)
    both = joined and writing.pattern("date.tomorrow").match(tail[joined.end() :])
    return writing.sent + timedelta(days=2 if both else 1)


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


@lru_cache(SETS_MAX)
def _month(among: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, words.table("months", among)), key=len, reverse=True)) or "(?!)"
    return compiled_phrase(
        rf"(?:(?P<mid>{any_of('date.mid', among)})[\s-]?(?:\w{{1,3}}[ '])?"
        rf"|(?P<late>{any_of('date.end', among)})[\s-]?(?:\w{{1,3}}[ '])?)?"
        rf"(?<!\w)(?P<month>{names})(?!\w)(?:\s(?:de )?(?P<year>\d{{4}})(?!\d))?"
    )


def _months(writing: Writing) -> Iterator[Mention]:
    for found in _month(writing.languages).finditer(writing.folded) if writing.names_any("months") else ():
        lead = writing.folded[max(0, found.start("month") - 12) : found.start("month")]
        if found["month"] in _ALSO_WORDS and not _BEFORE_MONTH.search(lead):
            continue
        month = words.table("months", writing.languages)[found["month"]]
        number = _MIDDLE if found["mid"] else _LATE if found["late"] else 1
        first = day_of(int(found["year"]), month, 1) if found["year"] else _this_or_next(writing.sent, month, number)
        if first is not None:
            ends = found["late"] is not None
            yield Mention(*found.span(), first.replace(day=number), after=_month_after(first), ends=ends)
    for found in _CHINESE_MONTH.finditer(writing.folded):
        number = int(found[1]) if found[1].isdigit() else _CHINESE.index(found[1]) + 1
        if 1 <= number <= 12:
            first = _first_of(writing.sent, number)
            yield Mention(*found.span(), first, after=_month_after(first))


def _this_or_next(sent: date, month: int, number: int) -> date:
    """The first of the month whose day `number` is still to come."""
    this = date(sent.year, month, 1)
    return this if this.replace(day=number) > sent else date(sent.year + 1, month, 1)
