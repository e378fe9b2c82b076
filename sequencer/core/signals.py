"""What the world did: answers, reports, engagement and what people recorded of them.

Events like those of core/events.py, which unites both; kept apart because they come from outside, while the others
are an enrollment's own motion.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from sequencer.core.people import Channel

AnswerClass = Literal["interested", "meeting", "question", "not_now", "referral", "not_interested", "opt_out", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyReceived:
    """`message` is the stored mail's id; `step` the touch it is attributed to."""

    message: int
    answer: AnswerClass
    step: str | None = None
    return_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoReplyReceived:
    message: int
    return_date: date | None
    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftCompany:
    message: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced:
    """A report about a mail that was accepted. `hard`: the address or its domain is dead.

    `delayed`: only a warning, the mail is still on its way; it changes nothing.
    """

    message: int
    hard: bool
    status: str
    step: str | None = None
    delayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut:
    """`by` as in core/events.py. `channel` None is the rule: every channel; a rep may record one channel only."""

    by: str
    channel: Channel | None = None
    message: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Complained:
    message: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingBooked:
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColleagueReplied:
    """`person` is the id of the colleague, or 0 for an unknown address at the account; `message` the stored mail."""

    person: int
    message: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerWrote:
    message: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailUnreadable:
    message: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicked:
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PollAnswered:
    poll: str
    option: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedInConnected:
    pass
