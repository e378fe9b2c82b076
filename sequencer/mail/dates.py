"""When somebody is back, or wants to be written to again, relative to the day their mail was sent.

A wrong date is worse than none: it writes to a person on holiday, or a year late. So an impossible date, one already
past, a weekday that contradicts its date, and a day/month order that cannot be told all give None.
Finding the dates in a text is date_mentions.py's; this decides which one is meant. No clock is read: `sent` is given.
"""

import re
from datetime import date, timedelta
from functools import cache
from typing import Literal

from sequencer.mail import words
from sequencer.mail.date_mentions import Mention, find_days, find_periods

__all__ = ["come_back_day", "first_day_back"]

TEXT_CHARS_MAX = 4000
RETURN_DAYS_MAX = 730
CUE_CHARS = 40

Role = Literal["back", "through", "until", "start", "lone"]
_RANK: dict[Role, int] = {"back": 0, "through": 1, "until": 2, "lone": 3, "start": 4}


def first_day_back(text: str, sent: date) -> date | None:
    """The first day on which the writer of an automatic reply reads mail again.

    "back on X", "until X" give X; "through X", "bis einschließlich X" and the end of a range the day after X.
    """
    folded = _folded(text)
    mentions = find_days(folded, sent)
    found: list[tuple[int, int, date]] = []
    for index, mention in enumerate(mentions):
        before = mentions[index - 1] if index else None
        role, in_range = _role(folded, mention, before)
        if mention.day is None or (mention.weekday_only and (in_range or role in {"start", "lone"})):
            continue
        day = mention.day + timedelta(days=1) if role == "through" or (in_range and role != "back") else mention.day
        if sent < day <= sent + timedelta(days=RETURN_DAYS_MAX):
            found.append((_RANK["through" if in_range and role != "back" else role], -index, day))
    certain = [candidate for candidate in found if candidate[0] <= _RANK["until"]]
    if certain:
        return min(certain)[2]
    periods = [
        mention
        for mention in _periods_beside(mentions, folded, sent)
        if _role(folded, mention, None)[0] in {"back", "until", "through"}
    ]
    days = [mention.day for mention in periods if mention.day and mention.day > sent and mention.exact]
    if days:
        return days[-1]
    lone = [candidate for candidate in found if candidate[0] == _RANK["lone"]]
    return min(lone)[2] if len(lone) == 1 else None


def come_back_day(text: str, sent: date) -> date | None:
    """The day on which the writer asks to be written to again: a month means its first day, a week its Monday."""
    folded = _folded(text)
    days = [mention for mention in find_days(folded, sent) if not mention.weekday_only]
    periods = _periods_beside(days, folded, sent)
    mentions = sorted([*days, *periods], key=lambda mention: mention.start)
    best: tuple[bool, bool, int] | None = None
    chosen: date | None = None
    for index, mention in enumerate(mentions):
        if mention.day is None or not sent < mention.day <= sent + timedelta(days=RETURN_DAYS_MAX):
            continue
        rank = (not _asked(folded, mention), not mention.exact, -index)
        if best is None or rank < best:
            best, chosen = rank, mention.day
    return chosen


def _periods_beside(days: list[Mention], folded: str, sent: date) -> list[Mention]:
    """The periods that are no part of a day: "15 January" names no month to wait for."""
    return [
        period
        for period in find_periods(folded, sent)
        if not any(period.start < day.end and day.start < period.end for day in days)
    ]


def _folded(text: str) -> str:
    return re.sub(r"[ \t]{1,80}", " ", words.fold(text[:TEXT_CHARS_MAX]))


@cache
def _ending(topic: str) -> re.Pattern[str]:
    """A cue that ends where the date begins, but for a few small words."""
    cues = "|".join(words.expression(phrase) for phrase in words.phrases(topic))
    filler = "|".join(sorted({*words.phrases("date.filler"), *words.table("weekdays")}, key=len, reverse=True))
    return re.compile(rf"(?:{cues})(?:[\s,:(]{{0,3}}(?:{words.fold(filler)})(?!\w)){{0,3}}[\s,:(.]{{0,3}}$")


@cache
def _loose(topic: str) -> re.Pattern[str]:
    return words.pattern(topic)


def _role(folded: str, mention: Mention, before: Mention | None) -> tuple[Role, bool]:
    """What the words around a date make of it, and whether it ends a range."""
    start = max(before.end if before else 0, mention.start - CUE_CHARS)
    lead = re.split(r"[.!?]\s|\n\n", folded[start : mention.start])[-1]
    tail = folded[mention.end : mention.end + CUE_CHARS // 2]
    gap = folded[before.end : mention.start] if before else ""
    in_range = mention.ends_range or bool(before and len(gap) <= 24 and _ending("date.range").search(gap))
    if re.match(r"[\s,)(.;:]{0,4}(?:\w{1,10} )?(?:" + _alternatives("date.inclusive_after") + ")", tail):
        return "through", in_range
    if _ending("date.through").search(lead):
        return "through", in_range
    if _after("date.back_after", tail) or (_ending("date.back").search(lead) and not in_range):
        return "back", in_range
    if _ending("date.until").search(lead) or _after("date.until_after", tail):
        return "until", in_range
    if in_range:
        return "until", True
    if _ending("date.start").search(lead) or _after("date.start_after", tail) or _begins_range(tail):
        return "start", False
    back = list(_loose("date.back").finditer(lead))
    return ("back", False) if back and back[-1].end() > len(lead) - 25 else ("lone", False)


def _begins_range(tail: str) -> bool:
    return bool(re.match(rf"\.?\s{{0,2}}(?:{_alternatives('date.range')})\W{{0,3}}(?:\w{{2,12}}\W{{1,3}})?\d", tail))


@cache
def _alternatives(topic: str) -> str:
    return "|".join(words.expression(phrase) for phrase in words.phrases(topic)) or "(?!)"


def _after(topic: str, tail: str) -> bool:
    return bool(re.match(rf"[\s,.)]{{0,3}}(?:\([^)]{{1,8}}\)\s?)?(?:{_alternatives(topic)})", tail))


def _asked(folded: str, mention: Mention) -> bool:
    """Whether the sentence around a date asks for contact then, rather than giving a reason."""
    start = max(0, mention.start - 80)
    sentence = (
        re.split(r"[.!?;]\s|\n", folded[start : mention.start])[-1]
        + re.split(r"[.!?;]\s|\n", folded[mention.start : mention.end + 60])[0]
    )
    return bool(words.pattern("date.ask").search(sentence))
