"""When a mailbox stops by itself: too many of its mails bounced, or too many people complained.

Counts are handed in, read from rows; here is over which days they are taken and which of them are too many. It stops
nothing: engine/braking.py does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sequencer.core.people import Brake

SENDING_DAYS_COUNTED = 7
DAYS_COUNTED_MAX = 14


@dataclass(frozen=True, slots=True)
class Returns:
    """What came of a mailbox's mails since `since`.

    `judged`: those that a server took or refused; of them `bounced` hard later, `refused` for good (5yz to a recipient
    or to the message), and `complained` about.
    """

    since: datetime
    judged: int
    bounced: int = 0
    refused: int = 0
    complained: int = 0


def first_day(today: date, sent_on: Sequence[date]) -> date:
    """The first of the days that count: the last 7 on which the mailbox sent, today among them, of the last 14.

    `sent_on`: earlier days with a mail, the newest first.
    """
    earlier = sent_on[: SENDING_DAYS_COUNTED - 1]
    return min((day for day in earlier if (today - day).days < DAYS_COUNTED_MAX), default=today)


def too_many(returns: Returns, brake: Brake, zone: ZoneInfo) -> str:
    """Why the mailbox stops, with its numbers; "" while it may go on. A rate that only reaches its limit is allowed."""
    if returns.judged < brake.min_sent:
        return ""
    failed = returns.bounced + returns.refused
    if failed / returns.judged > brake.bounce_rate:
        how = "bounced or were refused" if returns.bounced and returns.refused else "bounced"
        return _words(failed, returns, "were refused" if not returns.bounced else how, brake.bounce_rate, zone)
    if returns.complained / returns.judged > brake.complaint_rate:
        return _words(returns.complained, returns, "brought a complaint", brake.complaint_rate, zone)
    return ""


def _words(number: int, returns: Returns, how: str, limit: float, zone: ZoneInfo) -> str:
    """`4 of 60 mails since Mon 16 Nov bounced: 6.7 %, the brake is 5 %`."""
    since = returns.since.astimezone(zone)
    rate = f"{100 * number / returns.judged:.1f} %, the brake is {100 * limit:.4g} %"
    return f"{number} of {returns.judged} mails since {since:%a %d %b} {how}: {rate}"
