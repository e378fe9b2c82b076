"""Which mailbox writes to somebody who is enrolled: by free capacity, a hash on ties, and from then on always the same.

Apart from engine/enrolling.py because the choice is one of its own: what may be used at all, and who gets which. A
mailbox that is broken, paused or no longer in config.toml is never chosen. Nothing is written here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.content.definition import mails
from sequencer.content.guess import guess
from sequencer.core.capacity import effective_cap
from sequencer.core.events import PERSON
from sequencer.core.people import Mailbox
from sequencer.core.sequence import Sequence as Steps
from sequencer.core.window import local_date
from sequencer.errors import InputError
from sequencer.store import enrollments, inbox, ramp, scopes, sends

__all__ = ["Choice", "Usable", "troubles", "usable"]


@dataclass(frozen=True, slots=True)
class Usable:
    """`left_out`: a rep's other mailboxes, each with why it is not used."""

    mailboxes: tuple[Mailbox, ...]
    left_out: Mapping[str, str]


def usable(connection: Connection, config: Config, sequence: Steps, rep: str, wanted: str | None) -> Usable:
    """The rep's mailboxes that can run this sequence; none is needed for one without mail.

    `wanted`: this one and no other. Raises InputError when none can, with what would mend it.
    """
    own = {box.address: box for box in config.mailboxes_by_address.values() if box.rep == rep}
    if wanted is not None:
        own = {wanted.lower(): _named(config, rep, wanted)}
    elif mails(sequence) and not own:
        raise InputError(f"rep {rep} has no mailbox: add one under [[mailboxes]] in config.toml")
    left_out = dict(_shut(connection, config, sequence, own))
    open_ones = tuple(box for address, box in own.items() if address not in left_out)
    if mails(sequence) and not open_ones:
        raise InputError("; ".join(f"{address} {why}" for address, why in left_out.items()))
    return Usable(open_ones, left_out)


def _named(config: Config, rep: str, wanted: str) -> Mailbox:
    box = config.mailboxes_by_address.get(wanted.lower())
    own = [each.address for each in config.mailboxes_by_address.values() if each.rep == rep]
    known = f"{rep} has {', '.join(own)}" if own else f"{rep} has none"
    if box is None:
        hint = guess(wanted.lower(), own) or known
        raise InputError(f'there is no mailbox "{wanted}" in config.toml: {hint}')
    if box.rep != rep:
        raise InputError(f"{box.address} is {box.rep}'s mailbox and {rep} does the work: {known}")
    return box


def _shut(
    connection: Connection, config: Config, sequence: Steps, own: Mapping[str, Mailbox]
) -> Iterator[tuple[str, str]]:
    """Mailboxes that may not be chosen, each with the reason and the mend."""
    number = mails(sequence)
    shut = dict(troubles(connection, config, own, read=number > 1))
    for address, box in own.items():
        if number > 1 and not box.has_inbox:
            yield (
                address,
                (
                    f"has no inbox, and {sequence.id} writes {number} mails: nobody would see an answer to the first."
                    " Give the mailbox imap, maildir or replies_to in config.toml"
                ),
            )
        elif address in shut:
            yield address, shut[address]


def troubles(
    connection: Connection, config: Config, addresses: Collection[str], *, read: bool
) -> Iterator[tuple[str, str]]:
    """Those of these mailboxes that cannot write now, each with the reason and the mend; `read`: or not be read."""
    states, paused = sends.mailbox_states(connection), scopes.paused_scopes(connection)
    for address in addresses:
        state, pause = states.get(address), paused.get(("mailbox", address))
        name = config.inbox_of(address)
        trouble = inbox.broken_reason(connection, name) if name and read else ""
        resume = f'"sequencer resume --mailbox {address}"'
        if state is not None and state.broken_at is not None:
            reason = state.broken_reason or "it failed"
            yield address, f"is broken ({reason}, since {state.broken_at:%d %b %Y}): mend it, then {resume}"
        elif pause is not None:
            yield address, f"is paused by {pause.by.removeprefix(PERSON)} since {pause.at:%d %b %Y}: {resume} lifts it"
        elif trouble:
            yield address, f"has an inbox that cannot be read ({trouble}): nobody would see an answer; mend it first"


@dataclass(slots=True)
class Choice:
    """Which mailbox writes: the one with most room left today; equal ones share the people by a hash."""

    connection: Connection
    mailboxes: Sequence[Mailbox]
    now: datetime
    _room: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        waiting = enrollments.backlog(self.connection, [box.address for box in self.mailboxes])
        self._room = {box.address: self._left_today(box) - waiting[box.address] for box in self.mailboxes}

    def _left_today(self, box: Mailbox) -> int:
        today = local_date(box.timezone, self.now)
        used = sends.used(self.connection, "mailbox", [box.address], today).get(box.address, 0)
        return effective_cap(box, ramp.sending_days(self.connection, box.address, today)) - used

    def take(self, person_id: int) -> str:
        """The mailbox for this person, whose room gets one less; "" where the sequence needs none."""
        if not self._room:
            return ""
        chosen = max(self._room, key=lambda address: (self._room[address], _tie(person_id, address)))
        self._room[chosen] -= 1
        return chosen


def _tie(person_id: int, address: str) -> bytes:
    return blake2b(f"{person_id}:{address}".encode(), digest_size=8).digest()
