"""What a mailbox's mails came back with, counted from their rows, and each time that the brake stopped it.

Which number is too many is core/brake.py's. The pause itself is a scope's, as any other (store/scopes.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from sequencer.core.brake import Returns
from sequencer.store.installation_tables import BRAKES
from sequencer.store.tables import INBOUND, SENDS

_REFUSED_MIN = 500
_KINDS = ("hard_bounce", "complaint")


@dataclass(frozen=True, slots=True)
class BrakeRow:
    """One time that a mailbox was stopped; `lifted_at` None while it is."""

    id: int
    mailbox: str
    at: datetime
    reason: str
    lifted_at: datetime | None
    lifted_by: str | None


def returns_of(connection: Connection, mailbox: str, since: datetime) -> Returns:
    """What came of the mails that left this mailbox, or were refused to it, from `since` on.

    A mail whose fate nobody knows, and one that a server put off, is not judged yet.
    """
    own = SENDS.c.mailbox == mailbox
    left = own & (SENDS.c.sending_at >= since) & (SENDS.c.state == "sent")
    no = own & (SENDS.c.settled_at >= since) & (SENDS.c.state == "failed") & (SENDS.c.code >= _REFUSED_MIN)
    sent, refused = (connection.scalars(select(func.count()).where(which)).one() for which in (left, no))
    # The judgement is kept as JSON that begins with its kind; one that a person corrected begins with another.
    bounced, complained = (
        connection.scalars(
            select(func.count(SENDS.c.id.distinct()))
            .join(INBOUND, INBOUND.c.send_id == SENDS.c.id)
            .where(left, INBOUND.c.state == "projected", INBOUND.c.judgement.startswith(f'{{"kind":"{kind}"'))
        ).one()
        for kind in _KINDS
    )
    return Returns(since, sent + refused, bounced, refused, complained)


def lifted_at(connection: Connection, mailbox: str) -> datetime | None:
    """When a person last let this mailbox go on: what came back before then counts no more."""
    query = select(func.max(BRAKES.c.lifted_at, type_=BRAKES.c.lifted_at.type)).where(BRAKES.c.mailbox == mailbox)
    found: datetime | None = connection.scalars(query).one()
    return found


def put_brake(connection: Connection, mailbox: str, reason: str, at: datetime) -> None:
    """The mailbox was stopped."""
    connection.execute(insert(BRAKES).values(mailbox=mailbox, reason=reason, at=at))


def lift_brake(connection: Connection, mailbox: str, by: str, at: datetime) -> None:
    """A named person lets it go on."""
    standing = (BRAKES.c.mailbox == mailbox) & BRAKES.c.lifted_at.is_(None)
    connection.execute(update(BRAKES).where(standing).values(lifted_at=at, lifted_by=by))


def brakes_of(connection: Connection, mailboxes: Collection[str]) -> list[BrakeRow]:
    """Each time that one of these was stopped, in order."""
    query = select(BRAKES).where(BRAKES.c.mailbox.in_(list(mailboxes))).order_by(BRAKES.c.id)
    return [BrakeRow(*row) for row in connection.execute(query)]
