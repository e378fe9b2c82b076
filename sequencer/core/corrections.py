"""Events that put right what a misread mail did: the mail was something else, and somebody goes on where they stood.

Apart from core/events.py, which lists them. What they do to the state is core/corrected.py's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sequencer.core.reason import FinishReason
from sequencer.core.touch import Touch


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A named person says that the stored mail `message` was read wrongly; `was` and `now` in one word each.

    The rest is how the enrollment would stand without it: `replied`, `soft_bounces` and `colleagues` as in Progress,
    `ended` the right reason of an end that came from it, None where its end, if any, had another cause.
    """

    message: int
    was: str
    now: str
    by: str
    replied: bool = False
    soft_bounces: tuple[datetime, ...] = ()
    colleagues: tuple[int, ...] = ()
    ended: FinishReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """This enrollment takes up where the last of `earlier` stood when a mail that was misread ended it.

    The rest as in Progress; of `touches` those that were made or passed by.
    """

    earlier: tuple[int, ...]
    step_done: bool
    since: datetime
    not_before: datetime | None = None
    touches: Mapping[str, Touch] = field(default_factory=dict)
    fired: tuple[str, ...] = ()
    polls: Mapping[str, str] = field(default_factory=dict)
    linkedin_connected: bool = False
    silenced: tuple[str, ...] = ()
    soft_bounces: tuple[datetime, ...] = ()
    colleagues: tuple[int, ...] = ()
