"""The timeline: each entry of the record as one line for people, with a word for its kind.

What only machines need is left out: looks into inboxes, copies in the Sent folder. It prints nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sequencer.world.people import Character
from sequencer.world.record import Acted, Declined, Delivered, Entry, Read, Took, Unreadable

__all__ = ["Line", "Timeline", "Tone"]

Tone = Literal["sent", "answer", "stop", "trouble", "person", "quiet"]
_TONES: Mapping[str, Tone] = {
    "stop": "answer",
    "opt_out": "stop",
    "address": "trouble",
    "away": "quiet",
    "none": "trouble",
}


@dataclass(frozen=True, slots=True)
class Line:
    """`at` in the rep's zone."""

    at: datetime
    tone: Tone
    kind: str
    text: str


class Timeline:
    """Turns entries into lines; knows people by their names once it has met them."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._names: dict[str, str] = {}
        self._unreadable = False

    def meet(self, people: Iterable[Character]) -> None:
        self._names.update(
            (one.address, f"{one.name} ({one.zone.key.rpartition('/')[2].replace('_', ' ')})") for one in people
        )

    def line(self, entry: Entry) -> Line | None:
        """The line for this entry, None for one that nobody needs to see."""
        told = self._told(entry)
        if told is None:
            return None
        tone, kind, text = told
        return Line(entry.at.astimezone(self._zone), tone, kind, text)

    def _told(self, entry: Entry) -> tuple[Tone, str, str] | None:
        match entry:
            case Took():
                lost = "" if entry.told else "; the line broke right after the dot, nobody knows whether it arrived"
                return (
                    "sent" if entry.told else "trouble",
                    "mail",
                    f"{self._who(entry.recipient)}: {entry.subject}{lost}",
                )
            case Declined():
                return "trouble", "no mail", f"{self._who(entry.recipient)}: {entry.reply}"
            case Delivered(effect="copy" | "noise"):
                return None
            case Delivered():
                until = f", away until {entry.until.astimezone(self._zone):%d %b}" if entry.until else ""
                return _TONES[entry.effect], "inbox", f"{self._who(entry.person)}: {entry.kind}{until}"
            case Acted():
                return "person", entry.who, f"{entry.what}, {self._who(entry.person)}"
            case Unreadable() if not self._unreadable:
                self._unreadable = True
                return "trouble", "inbox", "cannot be read: no follow-up leaves until it can"
            case Read() if self._unreadable:
                self._unreadable = False
                return "quiet", "inbox", "is read again"
            case _:
                return None

    def _who(self, address: str) -> str:
        return self._names.get(address, address)
