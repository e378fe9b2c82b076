"""What was written to whom, and who is at which account: the lookups by which ingest finds whose mail it is.

Reads only. Which of the findings counts is the engine's to say.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, or_, select

from sequencer.store.sends import LEFT, SendRow, load_sends
from sequencer.store.tables import ACCOUNTS, PROSPECTS, SENDS


def people_at_domains(connection: Connection, domains: Collection[str]) -> list[int]:
    """Everybody at the accounts that have one of these domains; accounts without anybody count for nothing."""
    wanted = list(domains)
    at_account = or_(ACCOUNTS.c.domain.in_(wanted), ACCOUNTS.c.id.in_(wanted))
    query = select(PROSPECTS.c.id).join(ACCOUNTS, PROSPECTS.c.account_id == ACCOUNTS.c.id).where(at_account)
    return list(connection.scalars(query.order_by(PROSPECTS.c.id)))


def last_written(
    connection: Connection, mailboxes: Collection[str], addresses: Collection[str], since: datetime
) -> SendRow | None:
    """The newest mail that one of these mailboxes sent to one of these addresses since then."""
    to_them = SENDS.c.mailbox.in_(list(mailboxes)) & SENDS.c.address.in_(list(addresses))
    left = to_them & (SENDS.c.sending_at >= since) & SENDS.c.state.in_(LEFT)
    newest = connection.scalars(select(SENDS.c.id).where(left).order_by(SENDS.c.sending_at.desc()).limit(1)).first()
    return None if newest is None else load_sends(connection, [newest])[newest]
