"""What happens in a scenario, as the events of the lifecycle; a text becomes a mail that the inbox's classifier judges.

Apart from scenario_play.py, which says when it happens. It decides nothing.
"""

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from sequencer.content.scenario import Given
from sequencer.core import events as e
from sequencer.mail.classify import Judgement, classify
from sequencer.mail.parse import parse

__all__ = ["event_of", "judged"]


def judged(given: Given, sender: str, recipient: str, at: datetime) -> Judgement:
    """What the inbox would make of the text of a reply or an automatic reply, written at `at`."""
    letter = EmailMessage()
    letter["From"], letter["To"] = sender, recipient
    letter["Date"] = format_datetime(at)
    letter["Subject"] = "Automatic reply" if given.auto_reply else "Re:"
    letter["In-Reply-To"] = "<scenario@sequencer.invalid>"
    if given.auto_reply:
        letter["Auto-Submitted"] = "auto-replied"
    letter.set_content(given.reply or given.auto_reply or "")
    return classify(parse(letter.as_bytes()), our_addresses=frozenset({recipient}))


def event_of(kind: str, given: Given, number: int, by: str) -> e.Event:
    """The event of a `given` that is no mail and no task; `number` stands for the stored mail's id."""
    return _EVENTS[kind](given, number, by)


def _polled(given: Given) -> dict[str, str]:
    ((poll, option),) = (given.poll or {}).items()
    return {"poll": poll, "option": option}


_EVENTS: dict[str, Callable[[Given, int, str], e.Event]] = {
    "opt_out": lambda _, number, by: e.OptedOut(by="reply", message=number),
    "complaint": lambda _, number, by: e.Complained(message=number),
    "meeting": lambda _, number, by: e.MeetingBooked(by=by),
    "colleague_reply": lambda _, number, by: e.ColleagueReplied(person=0, message=number),
    "owner_wrote": lambda _, number, by: e.OwnerWrote(message=number),
    "linkedin_connected": lambda _, number, by: e.LinkedInConnected(),
    "open": lambda given, number, by: e.Opened(step=given.open or ""),
    "click": lambda given, number, by: e.Clicked(step=given.click or ""),
    "poll": lambda given, number, by: e.PollAnswered(**_polled(given)),
}
