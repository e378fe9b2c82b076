"""Which daemon does the work of which mailbox: leases with a rising fence number, shared fairly.

A mailbox belongs to one daemon at a time; the others take it over when its lease has ended. Leases are measured by the
database's clock where it is a server's, because two machines never agree. What a fence number forbids is in fence.py.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from sequencer.store.columns import Instant
from sequencer.store.installation_tables import DAEMONS
from sequencer.store.rows import upsert, upsert_for
from sequencer.store.tables import MAILBOXES, SENDS

__all__ = ["holds", "is_of", "lease", "lease_clock", "release"]


def lease_clock(connection: Connection, now: datetime) -> datetime:
    """The instant by which leases are measured: the database server's, else `now`, that of the one machine."""
    if connection.dialect.name == "sqlite":
        return now
    return connection.execute(select(func.clock_timestamp(type_=Instant()))).scalar_one()


def lease(
    connection: Connection, addresses: Sequence[str], owner: str, now: datetime, length: timedelta
) -> dict[str, int]:
    """Take or renew leases of these mailboxes, no more than our share; returns the fence number of each that is ours.

    A lease that ends in the future by more than its own length was written by a clock ahead of ours: it counts as lost.
    """
    now = lease_clock(connection, now)
    rows = _rows(connection, addresses)

    def lives(until: datetime | None) -> bool:
        return until is not None and now < until <= now + 2 * length

    kept = [address for address in addresses if rows[address].owner == owner and lives(rows[address].lease_until)]
    free = [address for address in addresses if not lives(rows[address].lease_until)]
    share = -(-len(addresses) // _daemons(connection, owner, now, length))
    kept = _without_surplus(connection, kept, share)
    ours = {address: rows[address].fence for address in kept}
    ours |= {address: rows[address].fence + 1 for address in free[: max(0, share - len(kept))]}
    if ours:
        renewed = [{"of": address, "by": owner, "till": now + length, "n": ours[address]} for address in ours]
        connection.execute(_RENEW, renewed)
    return {address: ours[address] for address in addresses if address in ours}


_RENEW = (
    update(MAILBOXES)
    .where(MAILBOXES.c.address == bindparam("of"))
    .values(owner=bindparam("by"), lease_until=bindparam("till"), fence=bindparam("n"), answers_read_at=None)
)
_ROWS = select(MAILBOXES)  # of nearly all of them somebody asks
_NOBODY = {"owner": "", "lease_until": None}


def _rows(connection: Connection, addresses: Sequence[str]) -> dict[str, Any]:
    rows = {row.address: row for row in connection.execute(_ROWS)}
    if new := [{"address": address, "owner": "", "fence": 0} for address in addresses if address not in rows]:
        connection.execute(upsert(connection, MAILBOXES).on_conflict_do_nothing(), new)
        rows = {row.address: row for row in connection.execute(_ROWS)}
    return rows


_OTHERS = select(DAEMONS.c.name, DAEMONS.c.alive_until).where(DAEMONS.c.name != bindparam("by"))
_FORGET_DAEMON = delete(DAEMONS).where(DAEMONS.c.name == bindparam("gone"))


@cache
def _alive(dialect: str) -> Any:
    alive: dict[str, Any] = {"alive_until": bindparam("till")}
    statement = upsert_for(dialect, DAEMONS).values(name=bindparam("by"), **alive)
    return statement.on_conflict_do_update(index_elements=["name"], set_=alive)


def _daemons(connection: Connection, owner: str, now: datetime, length: timedelta) -> int:
    """How many daemons are at work; says that we are, and forgets those that have not said so for a lease."""
    others: dict[str, bool] = {
        row.name: now < row.alive_until <= now + 2 * length for row in connection.execute(_OTHERS, {"by": owner})
    }
    if gone := [{"gone": name} for name, alive in others.items() if not alive]:
        connection.execute(_FORGET_DAEMON, gone)
    connection.execute(_alive(connection.dialect.name), {"by": owner, "till": now + length})
    return 1 + sum(others.values())


def others_at_work(connection: Connection, owner: str, now: datetime, length: timedelta) -> bool:
    """Whether another daemon has said within a lease that it is at work."""
    at = lease_clock(connection, now)
    return any(at < row.alive_until <= at + 2 * length for row in connection.execute(_OTHERS, {"by": owner}))


def _without_surplus(connection: Connection, kept: Sequence[str], share: int) -> list[str]:
    """Let go of what another daemon should have, but of no mailbox whose mail waits for its server's answer."""
    if len(kept) <= share:
        return list(kept)
    on_the_wire = select(SENDS.c.mailbox).where(SENDS.c.state == "sending").distinct()
    at_work = set(connection.scalars(on_the_wire))
    idle = [address for address in kept if address not in at_work]
    surplus = set(idle[::-1][: len(kept) - share])
    connection.execute(update(MAILBOXES).where(MAILBOXES.c.address.in_(surplus)).values(**_NOBODY))
    return [address for address in kept if address not in surplus]


_LEASE = select(MAILBOXES).where(MAILBOXES.c.address == bindparam("of"))


def holds(connection: Connection, address: str, owner: str, number: int, now: datetime) -> bool:
    """Whether the lease of this mailbox has stood without a break since the owner got it under this number."""
    row = connection.execute(_LEASE, {"of": address}).one_or_none()
    return is_of(row, owner, number, lease_clock(connection, now))


def is_of(row: Any, owner: str, number: int, at: datetime) -> bool:
    """The same of a mailbox's row; `at` by the lease clock."""
    ours = row is not None and (row.owner, row.fence) == (owner, number)
    return ours and row.lease_until is not None and row.lease_until > at


def release(connection: Connection, owner: str) -> None:
    """Let go of every mailbox, so that another daemon need not wait for the lease to end."""
    connection.execute(update(MAILBOXES).where(MAILBOXES.c.owner == owner).values(**_NOBODY))
    connection.execute(delete(DAEMONS).where(DAEMONS.c.name == owner))
