"""The town: takes the mail for its people, and lets each of them react as their character says.

It stands between the SMTP server and the mailroom: refusals and broken connections at the door, answers and reports
into the mailboxes. It never looks at the product's database.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from sequencer.clock import Clock
from sequencer.world.letters import Original, read_original
from sequencer.world.mailroom import SENT, Parcel
from sequencer.world.people import Character, reactions
from sequencer.world.record import Declined, Record, Took
from sequencer.world.smtp import Verdict

__all__ = ["Rooms", "Town"]

COPY_LAG = timedelta(minutes=3)
UNKNOWN_USER = "550 5.1.1 no such user here"


class Rooms(Protocol):
    """Where mail to the reps goes; the demo's Mailroom is one."""

    def post(self, parcel: Parcel, at: datetime) -> None:
        """Deliver the mail at `at`."""

    def file(self, parcel: Parcel, now: datetime) -> None:
        """Put the mail where it belongs at once."""


class Town:
    """Everybody who can be written to; the SMTP server's Post. `arrived`: Message-IDs that reached their readers."""

    def __init__(self, seed: int, clock: Clock, record: Record) -> None:
        self._seed, self._clock, self._record = seed, clock, record
        self._people: dict[str, Character] = {}
        self._mailroom: Rooms | None = None
        self._knocked: Counter[str] = Counter()
        self._received: Counter[str] = Counter()
        self._broken: Counter[str] = Counter()
        self.arrived: set[str] = set()

    def settle(self, people: Iterable[Character], mailroom: Rooms) -> None:
        """Who lives here, and where their answers go. Until then the door refuses everybody."""
        self._people = {one.address: one for one in people}
        self._mailroom = mailroom

    def at_rcpt(self, sender: str, recipient: str) -> str:
        self._knocked[recipient] += 1
        reply = self._at_door(recipient)
        return reply if reply.startswith("2") else self._declined(recipient, reply)

    def _declined(self, recipient: str, reply: str) -> str:
        self._record.note(Declined, at=self._clock.now(), recipient=recipient, reply=reply)
        return reply

    def _at_door(self, recipient: str) -> str:
        one = self._people.get(recipient)
        if one is None or one.kind == "unknown_user":
            return UNKNOWN_USER
        if one.kind == "greylisted" and self._knocked[recipient] == 1:
            return "451 4.7.1 greylisted, try again in an hour"
        if one.kind == "busy" and self._knocked[recipient] == 1:
            return "421 4.3.2 too busy, closing"
        return "250 2.1.5 OK"

    def at_dot(self, sender: str, recipient: str, raw: bytes) -> Verdict:
        one = self._people[recipient]
        if one.kind == "busy" and self._knocked[recipient] == 2:
            return Verdict(self._declined(recipient, "451 4.3.0 the queue is full, try again later"))
        original = read_original(raw)
        breaks = one.kind.startswith("lost_") and not self._broken[recipient]
        self._broken[recipient] += breaks
        if breaks and one.kind == "lost_unseen":
            reply = "the connection was lost right after the dot, and the mail with it"
            return Verdict(self._declined(recipient, reply), then="break")
        self._take(one, sender, original, raw, told=not breaks)
        return Verdict(then="break" if breaks else "answer")

    def _take(self, one: Character, sender: str, original: Original, raw: bytes, told: bool) -> None:
        now = self._clock.now()
        assert self._mailroom is not None
        self._received[one.address] += 1
        self.arrived.add(original.message_id)
        self._record.note(
            Took, at=now, sender=sender, recipient=one.address, message_id=original.message_id,
            subject=original.subject, raw=raw, told=told,
        )  # fmt: skip
        copy = Parcel(mailbox=sender, raw=raw, kind="copy", person=one.address, effect="copy", folder=SENT)
        if told:
            self._mailroom.file(copy, now)
        elif one.kind == "lost_then_copied":
            self._mailroom.post(copy, now + COPY_LAG)
        for at, parcel in reactions(self._seed, one, original, self._received[one.address], now):
            self._mailroom.post(parcel, at)
