"""What the readers of dates share: the text with what is known of it, a mention of a day, and days without a year.

Apart so that numbers, names and periods can each have a file. It finds nothing itself.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

from sequencer.mail import words
from sequencer.mail.kept import compiled
from sequencer.mail.language import languages_of

__all__ = ["SETS_MAX", "Mention", "Writing", "any_of", "day_of", "named", "names_any", "shaped", "writing"]

TEXT_CHARS_MAX = 4000
NO_YEAR_DAYS_MAX = 330
JUST_PASSED_DAYS = 60
SETS_MAX = 30  # of languages whose patterns are kept: strangers choose the languages of their mail
_CENTURY = 2000
_BLANKS = compiled(r"[ \t]{1,80}")


@dataclass(frozen=True)
class Writing:
    """A folded text, the day it was sent, and whether its writer puts the month before the day (None: not known)."""

    folded: str
    sent: date
    month_first: bool | None = None

    @cached_property
    def languages(self) -> tuple[str, ...]:
        return languages_of(self.folded)

    def pattern(self, *topics: str) -> words.Phrases:
        return words.pattern(*topics, among=self.languages)

    def names_any(self, topic: str) -> bool:
        """Whether a word of a table stands in the text, be it within another word: a quick no."""
        return names_any(self.folded, topic, self.languages)

    def coming(self, month: int, day: int) -> date | None:
        """The next such day, or the one just passed: a range often began before the mail was sent."""
        for year in (self.sent.year, self.sent.year - 1):
            this = day_of(year, month, day)
            if this is not None and (this - self.sent).days >= -JUST_PASSED_DAYS:
                return this
        following = day_of(self.sent.year + 1, month, day)
        return following if following and (following - self.sent).days <= NO_YEAR_DAYS_MAX else None

    def dated(self, year: str | None, month: int, day: int) -> date | None:
        if not year:
            return self.coming(month, day)
        return day_of(int(year) + (_CENTURY if len(year) == 2 else 0), month, day)


def writing(text: str, sent: date, *, month_first: bool | None = None) -> Writing:
    """`text` as people typed it, folded and cut; line breaks are kept."""
    return Writing(_BLANKS.sub(" ", words.fold(text[:TEXT_CHARS_MAX])), sent, month_first)


@dataclass(frozen=True, slots=True)
class Mention:
    """A date in the text.

    `exact`: not merely a year or a season. `ends_range`: its range began with a bare number ("10-31 July").
    `after`: the first day after a period whose first day is `day`. `ends`: it names the period's end ("end of July").
    `numbered_week`: that period is a week, or several, told by number.
    """

    start: int
    end: int
    day: date | None
    exact: bool = True
    weekday_only: bool = False
    ends_range: bool = False
    after: date | None = None
    ends: bool = False
    numbered_week: bool = False

    def overlaps(self, other: "Mention") -> bool:
        return self.start < other.end and other.start < self.end


def day_of(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@lru_cache(SETS_MAX)
def named(topic: str, among: tuple[str, ...]) -> str:
    """The words of a table as alternatives, the longest first; whole words, but in scripts without spaces."""
    known = sorted(words.table(topic, among), key=len, reverse=True)
    spaced = "|".join(re.escape(word) for word in known if not words.is_spaceless(word))
    glued = "|".join(re.escape(word) for word in known if words.is_spaceless(word))
    parts = [rf"(?<!\w)(?:{spaced})(?!\w)"] if spaced else []
    return "|".join([*parts, *([glued] if glued else [])]) or "(?!)"


def names_any(text: str, topic: str, among: tuple[str, ...]) -> bool:
    """Whether a word of a table stands in a folded text, be it within another word."""
    return any(word in text for word in words.table(topic, among))


def any_of(topic: str, among: tuple[str, ...]) -> str:
    """The phrases of a topic as alternatives."""
    return "|".join(words.expression(phrase) for phrase in words.phrases(topic, among)) or "(?!)"


def shaped(shape: str, topic: str, among: tuple[str, ...]) -> words.Phrases:
    """`shape` with `<cue>` standing for any phrase of the topic."""
    before, _, after = shape.partition("<cue>")
    return words.pattern(topic, among=among, before=before, after=after)
