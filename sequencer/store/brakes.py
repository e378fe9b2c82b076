"""What a mailbox's mails came back with, counted from their rows, and each time that the brake stopped it.

Which number is too many is core/brake.py's. The pause itself is a scope's, as any other (store/scopes.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, insert, select, update

from sequencer.core.brake import Returns
from sequencer.store.installation_tables import BRAKES
from sequencer.store.tables import INBOUND, SENDS

_REFUSED_MIN = 500


@dataclass(frozen=True, slots=True)
class BrakeRow:
    """One time that a mailbox was stopped; `lifted_at` None while it is."""

    id: int
    mailbox: str
    at: datetime
    reason: str
    lifted_at: datetime | None
    lifted_by: str | None


_OWN = SENDS.c.mailbox == bindparam("of")
_LEFT = _OWN & (SENDS.c.sending_at >= bindparam("since")) & (SENDS.c.state == "sent")
_REFUSED = (
    _OWN & (SENDS.c.settled_at >= bindparam("since")) & (SENDS.c.state == "failed") & (SENDS.c.code >= _REFUSED_MIN)
)
_COUNT_JUDGED = select(*(select(func.count()).where(which).scalar_subquery() for which in (_LEFT, _REFUSED)))
# The judgement is kept as JSON that begins with its kind; one that a person corrected begins with another.
_BOUNCED, _COMPLAINED = (
    func.count(case((INBOUND.c.judgement.startswith(f'{{"kind":"{kind}"'), SENDS.c.id)).distinct())
    for kind in ("hard_bounce", "complaint")
)
_COUNT_BACK = (
    select(_BOUNCED, _COMPLAINED)
    .join(INBOUND, INBOUND.c.send_id == SENDS.c.id)
    .where(_LEFT, INBOUND.c.state == "projected")
)


def returns_of(connection: Connection, mailbox: str, since: datetime, judged_min: int = 0) -> Returns:
    """What came of the mails that left this mailbox, or were refused to it, from `since` on.

    A mail whose fate nobody knows, and one that a server put off, is not judged yet. Where fewer than `judged_min`
    were, it is not looked up what came back later.
    """
    asked = {"of": mailbox, "since": since}
    sent, refused = connection.execute(_COUNT_JUDGED, asked).one()
    if sent + refused < judged_min:
        return Returns(since, sent + refused, refused=refused)
    bounced, complained = connection.execute(_COUNT_BACK, asked).one()
    return Returns(since, sent + refused, bounced, refused, complained)


_LIFTED_AT = select(func.max(BRAKES.c.lifted_at, type_=BRAKES.c.lifted_at.type)).where(
    BRAKES.c.mailbox == bindparam("of")
)


def lifted_at(connection: Connection, mailbox: str) -> datetime | None:
    """When a person last let this mailbox go on: what came back before then counts no more."""
    found: datetime | None = connection.scalars(_LIFTED_AT, {"of": mailbox}).one()
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
