"""Dates as people type them: `2026-12-01`, `2026-12-01 14:30`, `tomorrow`, and lengths such as `5d`.

A day begins where the person is; an hour is the reader's own. It asks no clock: the caller gives `now`.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sequencer.core.span import Span
from sequencer.core.window import local_date, start_of_day
from sequencer.errors import InputError

EXAMPLES = "as in 2026-12-01, 2026-12-01 14:30 or tomorrow"


def instant(text: str, now: datetime, days_in: ZoneInfo, hours_in: ZoneInfo) -> datetime:
    """The instant that `text` names: a day starts in `days_in`, an hour is read in `hours_in`.

    Raises InputError, for the past too.
    """
    wanted = text.strip().lower()
    if wanted == "tomorrow":
        return start_of_day(days_in, local_date(days_in, now) + timedelta(days=1))
    try:
        read = datetime.fromisoformat(wanted)
    except ValueError:
        raise InputError(f'"{text}" is no date: write it {EXAMPLES}') from None
    if len(wanted) <= len("2026-12-01"):
        meant = start_of_day(days_in, read.date())
    else:
        meant = read if read.tzinfo else read.replace(tzinfo=hours_in)
    if meant <= now:
        raise InputError(f'"{text}" has passed: name a time to come, {EXAMPLES}')
    return meant


def length(text: str) -> Span:
    """A length of time. Raises InputError."""
    try:
        return Span.parse(text)
    except ValueError as error:
        raise InputError(str(error)) from None
