"""What the verbs that people use have in common: whom a command means, who acts, what comes next.

The CLI, the web and the API share the verbs (task_verbs, stops, moving, settling); each runs inside the caller's
transaction and moves enrollments through Advance alone. Nothing here parses a command line or prints.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from sequencer.core import events as e
from sequencer.core.outlook import Outlook, outlook
from sequencer.core.people import Account, Prospect
from sequencer.engine.situation import Situation, Surroundings, load
from sequencer.errors import InputError, InvariantBroken, NotFound
from sequencer.mail.address import normalise
from sequencer.store import erasure, log, people, reads, sends
from sequencer.store.sends import OPEN

__all__ = [
    "Face", "Next", "by_name", "did_you_mean", "face_at", "faces", "live_situations", "person_word",
    "refuse_in_flight", "what_next",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Face:
    """A person as lists and sentences show them."""

    prospect: Prospect
    account: Account | None

    @property
    def id(self) -> int:
        return self.prospect.id

    @property
    def name(self) -> str:
        """First and last name, else the address."""
        fields = self.prospect.fields
        named = " ".join(str(fields[key]) for key in ("first_name", "last_name") if key in fields)
        return named or str(fields.get("name") or self.address or f"person {self.id}")

    @property
    def address(self) -> str:
        """The address to write to; the first one if none works."""
        known = self.prospect.addresses
        return self.prospect.address or (known[0].email if known else "")

    @property
    def company(self) -> str:
        if self.account and (self.account.name or self.account.domain):
            return self.account.name or self.account.domain
        return str(self.prospect.fields.get("company", ""))

    @property
    def zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.prospect.timezone) if self.prospect.timezone else None


def faces(connection: Connection, prospect_ids: Collection[int]) -> dict[int, Face]:
    """People by id."""
    known = people.load_prospects(connection, set(prospect_ids))
    accounts = people.load_accounts(connection, {one.account_id for one in known.values() if one.account_id})
    return {key: Face(one, accounts.get(one.account_id or "")) for key, one in known.items()}


def face_at(connection: Connection, address: str) -> Face:
    """Whose address this is. Raises NotFound, with what may have been meant."""
    wanted = normalise(address)
    owner = people.owners(connection, [wanted]).get(wanted)
    if owner is not None:
        return faces(connection, [owner])[owner]
    if gone := erasure.erased(connection, [wanted]).get(wanted):
        raise NotFound(f"whoever had {wanted} was erased on {gone:%d %b %Y}: nothing is known of them any more")
    close = did_you_mean(wanted, reads.similar_addresses(connection, wanted))
    if not close and not reads.people_count(connection):
        raise NotFound(
            f'nobody has the address {wanted}: nobody is known yet, "sequencer import FILE.csv" brings people'
        )
    hint = close or ': "sequencer import" brings people in'
    raise NotFound(f"nobody has the address {wanted}{hint}")


def refuse_in_flight(connection: Connection, *persons: Face) -> None:
    """Raises InputError while a mail to any of them has passed its fence and nobody knows yet what became of it."""
    for face in persons:
        states = {row.state for row in sends.sends_of(connection, face.id)}
        if "sending" in states:
            raise InputError(f"a mail to {face.name} is on the wire at this moment: try again in a minute")
        if states & set(OPEN):
            raise InputError(
                f"nobody knows whether the last mail to {face.name} arrived: settle it first,"
                ' "sequencer uncertain list"'
            )


def did_you_mean(wanted: str, known: Iterable[str]) -> str:
    """` — did you mean X?`, or nothing."""
    close = get_close_matches(wanted, list(known), 1, 0.6)
    return f" — did you mean {close[0]}?" if close else ""


def by_name(name: str) -> str:
    """A named person as events keep them."""
    return f"{e.PERSON}{name}"


def person_word(by: str) -> str:
    """Who it was, in words: `ana` for `person:ana`."""
    return by.removeprefix(e.PERSON)


def live_situations(connection: Connection, around: Surroundings, person: int, now: datetime) -> list[Situation]:
    """Every live enrollment of a person, the oldest first."""
    return list(load(connection, around, log.live_of(connection, [person]), now).values())


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next in one enrollment. `outlook` is None where an internal check failed."""

    situation: Situation
    outlook: Outlook | None


def what_next(connection: Connection, around: Surroundings, enrollment_id: int, now: datetime) -> Next:
    """The expected future of one enrollment, as rows stand now."""
    situation = load(connection, around, [enrollment_id], now)[enrollment_id]
    try:
        enrollment = situation.enrollment
        future = outlook(situation.bundle.sequence, enrollment.progress, situation.facts, now)
    except InvariantBroken:
        return Next(situation, None)
    return Next(situation, future)
