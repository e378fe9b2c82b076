"""Where a mail was written, as far as its headers tell: its writer's own day, and how dates are written there.

"Tomorrow" counts from the writer's day, which is not always that of UTC, and 3/4 is a day in March or in April.
It only reads the zone of the Date field and the sender's domain; words say more where they can.
"""

from datetime import date, timedelta

from sequencer.mail.kept import compiled
from sequencer.mail.parse import Parsed

__all__ = ["puts_month_first", "written_on"]

_ZONE = compiled(r":\d\d\s{1,4}([+-])(\d\d)(\d\d)(?!\d)")
_OFFSET_MINUTES_MAX = 15 * 60
_AMERICA = range(-10 * 60, -4 * 60 + 1)
_NO_EVIDENCE = frozenset({0, 8 * 60, 9 * 60})  # servers on UTC; the Philippines and East Asia
# Country domains that anyone registers, or whose people write either order.
_ANYWHERE = frozenset(["ai", "ca", "cc", "co", "fm", "gg", "io", "ly", "me", "ph", "sh", "so", "tv", "us", "ws"])


def written_on(parsed: Parsed) -> date | None:
    """The day of the Date field in its own zone."""
    if parsed.date is None:
        return None
    return (parsed.date + timedelta(minutes=_offset_minutes(parsed) or 0)).date()


def puts_month_first(parsed: Parsed) -> bool | None:
    """Whether an English date there is month/day; None where neither domain nor zone tells."""
    ending = parsed.from_address.rpartition(".")[2]
    if ending == "us":
        return True
    if len(ending) == 2 and ending.isalpha() and ending not in _ANYWHERE:
        return False
    offset = _offset_minutes(parsed)
    if offset is None or offset in _NO_EVIDENCE or ending == "ca":
        return None
    return offset in _AMERICA


def _offset_minutes(parsed: Parsed) -> int | None:
    zone = _ZONE.search((parsed.header("Date") or "")[:100])
    if not zone:
        return None
    minutes = int(zone[2]) * 60 + int(zone[3])
    if minutes > _OFFSET_MINUTES_MAX:
        return None
    return -minutes if zone[1] == "-" else minutes
