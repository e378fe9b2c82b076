"""When somebody is back, or wants to be written to again, relative to the day their mail was sent.

A wrong date is worse than none: it writes to a person on holiday, or a year late. So an impossible date, one already
past, a weekday that contradicts its date, and a day/month order that cannot be told all give None.
Finding the dates in a text is date_mentions.py's; this decides which one is meant. No clock is read: `sent` is given.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from sequencer.mail import words
from sequencer.mail.date_mentions import find_days
from sequencer.mail.date_periods import find_periods, lasting, this_week, today, told_alone
from sequencer.mail.date_text import SETS_MAX, Mention, Writing, shaped, writing
from sequencer.mail.kept import compiled

__all__ = ["come_back_day", "first_day_back"]

RETURN_DAYS_MAX = 730
CUE_CHARS = 40

# In the other languages the word for "until" leaves open whether the day itself is free; here it is.
_UNTIL_INCLUDES = frozenset(
    {"de", "fr", "es", "it", "pt", "ca", "ro", "pl", "cs", "sk", "hr", "sl", "bg", "ru", "uk", "lt", "lv", "et", "fi"}
    | {"hu", "el", "he", "ar", "zh", "ja", "ko"}
)
_INCLUSIVE = r"[\s,)(.;:]{0,4}(?:\w{1,10}[\s.]{1,2}){0,2}<cue>"
_HOUR = compiled(r"\W{1,3}(?:um |a las |alle |kl\.? |\w )?\d{1,2}(?:[:.h]\d\d|h| ?uhr)")

# A dot behind a single letter or a number ("t.o.m. ", "26. ") ends no sentence.
_SENTENCE = compiled(r"[!?;]\s|(?<=[^\W\d]{2})\.\s|\n")

Role = Literal["back", "through", "until", "start", "lone"]
_WHOLE: frozenset[Role] = frozenset({"lone", "until"})  # roles in which a week by number lasts to its end
_RANK: dict[Role, int] = {"back": 0, "through": 1, "until": 2, "lone": 3, "start": 4}


def first_day_back(text: str, sent: date, *, month_first: bool | None = None) -> date | None:
    """The first day on which the writer of an automatic reply reads mail again.

    "back on X" and an English "until X" give X; "through X", "bis einschließlich X" and the end of a range the day
    after X. So does "until" where the language means it so ("bis", "jusqu'au", "до").
    `month_first`: how English dates are written where the mail comes from, None if it cannot be told.
    """
    written = writing(text, sent, month_first=month_first)
    mentions = find_days(written)
    found: list[tuple[int, int, date]] = []
    for index, mention in enumerate(mentions):
        role, in_range = _role(written, mention, mentions[index - 1] if index else None)
        if mention.day is None or (mention.weekday_only and (in_range or role in {"start", "lone"})):
            continue
        goes_on = (
            role == "through" or (in_range and role != "back") or (role == "until" and _includes(written, mention))
        )
        day = mention.day + timedelta(days=1) if goes_on else mention.day
        role = "through" if in_range and role != "back" else role
        if role in {"through", "lone"} and _is_aside(written, mention):
            continue
        if sent < day <= sent + timedelta(days=RETURN_DAYS_MAX):
            found.append((_RANK[role], -index, day))
    certain = [candidate for candidate in found if candidate[0] <= _RANK["until"]]
    if certain:
        return min(certain)[2]
    period = _period_back(written, mentions)
    if period:
        return period
    lone = [candidate for candidate in found if candidate[0] == _RANK["lone"]]
    if len(lone) == 1:
        return lone[0][2]
    return None if lone else _soon_back(written)


def _includes(written: Writing, mention: Mention) -> bool:
    """Whether "until" this day means that the day itself is free; not when an hour of it is named."""
    if mention.day is None or mention.weekday_only or _HOUR.match(written.folded[mention.end : mention.end + 12]):
        return False
    return not _UNTIL_INCLUDES.isdisjoint(written.languages[:1])


def _period_back(written: Writing, days: list[Mention]) -> date | None:
    """From weeks and months: "until August" is its first day, "through August" and "until the end of" the day after.

    A week with its number beside an absence lasts to its end; "until" it may mean so, and a day too early is the worse.
    """
    back: date | None = None
    away: list[date] = []
    for mention in _periods_beside(days, written):
        role, in_range = _role(written, mention, None)
        whole = mention.numbered_week and role in _WHOLE
        if whole and role == "lone" and mention.after and _beside(written, mention, "away.body"):
            away.append(mention.after)
        if role not in {"back", "until", "through"} or not (mention.exact or role == "until"):
            continue
        day = mention.after if role == "through" or in_range or mention.ends or whole else mention.day
        if day and _may_be_back(written, day):
            back = day
    return back or max((day for day in away if _may_be_back(written, day)), default=None)


def _may_be_back(written: Writing, day: date) -> bool:
    return written.sent < day <= written.sent + timedelta(days=RETURN_DAYS_MAX)


def _soon_back(written: Writing) -> date | None:
    """From an absence told by its own length: today, this week, for two weeks."""
    if not written.pattern("away.body").search(" ".join(written.folded.split())):
        return None
    return today(written) or this_week(written) or lasting(written)


def come_back_day(text: str, sent: date, *, month_first: bool | None = None) -> date | None:
    """The day on which the writer asks to be written to again: a month means its first day, a week its Monday."""
    written = writing(text, sent, month_first=month_first)
    days = [mention for mention in find_days(written) if not mention.weekday_only]
    mentions = sorted([*days, *_periods_beside(days, written)], key=lambda mention: mention.start)
    best: tuple[bool, bool, int] | None = None
    chosen: date | None = None
    for index, mention in enumerate(mentions):
        day = _free_day(written, mention, mentions[index - 1] if index else None)
        if day is None or not sent < day <= sent + timedelta(days=RETURN_DAYS_MAX):
            continue
        rank = (not _asked(written, mention), not mention.exact, -index)
        if best is None or rank < best:
            best, chosen = rank, day
    return chosen or told_alone(written)


def _free_day(written: Writing, mention: Mention, before: Mention | None) -> date | None:
    """The first day on which to write: the day named, but the one after it or its period where the writer is busy
    "through" it, or away or busy "until" the end of it.
    """
    role, _ = _role(written, mention, before)
    if mention.numbered_week and role in _WHOLE and _beside(written, mention, "away.body"):
        return mention.after
    if mention.after is not None:
        lead = written.folded[max(0, mention.start - CUE_CHARS) : mention.start]
        to_its_end = mention.ends and _ending("date.until", written.languages).search(lead)
        return mention.after if to_its_end or role == "through" else mention.day
    away = written.pattern("away.body").search(" ".join(written.folded.split()))
    includes = role == "through" or (role == "until" and away and _includes(written, mention))
    return mention.day and mention.day + timedelta(days=1 if includes else 0)


def _periods_beside(days: list[Mention], written: Writing) -> list[Mention]:
    """The periods that are no part of a day: "15 January" names no month to wait for."""
    return [period for period in find_periods(written) if not any(period.overlaps(day) for day in days)]


def _ending(topic: str, among: tuple[str, ...]) -> words.Phrases:
    """A cue that ends where the date begins, but for a few small words."""
    return words.pattern(topic, among=among, after=_small_words(among))


@lru_cache(SETS_MAX)
def _small_words(among: tuple[str, ...]) -> str:
    small = {*words.phrases("date.filler", among), *words.table("weekdays", among)}
    filler = "|".join(sorted(small, key=lambda word: (-len(word), word))) or "(?!)"
    return rf"(?:[\s,:(]{{0,3}}(?:{words.fold(filler)})(?!\w)){{0,3}}[\s,:(.'-]{{0,3}}$"


def _role(written: Writing, mention: Mention, before: Mention | None) -> tuple[Role, bool]:
    """What the words around a date make of it, and whether it ends a range."""
    among, folded = written.languages, written.folded
    start = max(before.end if before else 0, mention.start - CUE_CHARS)
    lead = _SENTENCE.split(folded[start : mention.start])[-1]
    tail = _SENTENCE.split(folded[mention.end : mention.end + CUE_CHARS])[0]
    gap = folded[before.end : mention.start] if before else ""
    in_range = mention.ends_range or bool(before and len(gap) <= 24 and _ending("date.range", among).search(gap))
    if shaped(_INCLUSIVE, "date.inclusive_after", among).match(tail):
        return "through", in_range
    if _ending("date.through", among).search(lead) or _after(written, "date.through_after", tail):
        return "through", in_range
    if _after(written, "date.back_after", tail) or (_ending("date.back", among).search(lead) and not in_range):
        return "back", in_range
    if _ending("date.until", among).search(lead) or _after(written, "date.until_after", tail):
        return "until", in_range
    if in_range:
        return "until", True
    if _ending("date.start", among).search(lead) or _after(written, "date.start_after", tail):
        return "start", False
    if _begins_range(written, tail):
        return "start", False
    back = list(written.pattern("date.back").finditer(lead))
    return ("back", False) if back and back[-1].end() > len(lead) - 25 else ("lone", False)


def _begins_range(written: Writing, tail: str) -> bool:
    shape = r"\.?\s{0,2}<cue>\W{0,3}(?:\w{2,12}\W{1,3})?\d"
    return bool(shaped(shape, "date.range", written.languages).match(tail))


def _after(written: Writing, topic: str, tail: str) -> bool:
    """Whether a cue follows a date, at once or behind a weekday in brackets."""
    return bool(shaped(r"[\s,.)'-]{0,3}(?:\([^)]{1,8}\)\s?)?<cue>", topic, written.languages).match(tail))


def _is_aside(written: Writing, mention: Mention) -> bool:
    """Whether the sentence speaks of something else than the absence: a fair to be visited, an order's date."""
    lead = _SENTENCE.split(written.folded[max(0, mention.start - 80) : mention.start])[-1]
    tail = _SENTENCE.split(written.folded[mention.end : mention.end + 60])[0]
    return bool(written.pattern("date.aside").search(lead + " " + tail))


def _asked(written: Writing, mention: Mention) -> bool:
    """Whether the sentence around a date asks for contact then, rather than giving a reason."""
    return _beside(written, mention, "date.ask")


def _beside(written: Writing, mention: Mention, topic: str) -> bool:
    """Whether the sentence around a date says something of the topic."""
    start = max(0, mention.start - 80)
    sentence = (
        _SENTENCE.split(written.folded[start : mention.start])[-1]
        + _SENTENCE.split(written.folded[mention.start : mention.end + 60])[0]
    )
    return bool(written.pattern(topic).search(sentence))
