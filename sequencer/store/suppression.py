"""Suppressions as a list: which rules stand, whom they could stop, and how one is lifted.

Rules are put and looked up beside people (store/people.py), because every decision needs them; this is for those who
look after the rules. A lifted rule stays as a row, with the name and the reason of whoever lifted it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select, tuple_, update
from sqlalchemy.engine import Row

from sequencer.core.people import Address, Prospect
from sequencer.core.suppression import Suppression
from sequencer.store.rows import chunks
from sequencer.store.tables import ACCOUNTS, ADDRESSES, ENROLLMENTS, PROSPECTS, SUPPRESSIONS

PAIRS_PER_QUERY_MAX = 200
ACCOUNTS_COMPARED_MAX = 5_000
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class StandingRule:
    """A rule with its row's number and who put it."""

    id: int
    rule: Suppression
    by: str


_STANDING = (
    select(SUPPRESSIONS)
    .where(SUPPRESSIONS.c.lifted_at.is_(None))
    .order_by(SUPPRESSIONS.c.at.desc(), SUPPRESSIONS.c.id.desc())
)


def standing(connection: Connection) -> list[StandingRule]:
    """Every rule that stands, the newest first."""
    return [_rule(row) for row in connection.execute(_STANDING)]


def standing_on(connection: Connection, keys: Collection[Key]) -> list[StandingRule]:
    """The rules that stand on these (kind, value) pairs."""
    ordered, found = list(keys), []
    for at in range(0, len(ordered), PAIRS_PER_QUERY_MAX):
        part = ordered[at : at + PAIRS_PER_QUERY_MAX]
        these = tuple_(SUPPRESSIONS.c.kind, SUPPRESSIONS.c.value).in_(part)
        found += [_rule(row) for row in connection.execute(_STANDING.where(these))]
    return found


def _rule(row: Row[Any]) -> StandingRule:
    rule = Suppression(row.kind, row.value, row.channel or None, row.reason, row.at, row.opt_out)
    return StandingRule(row.id, rule, row.by)


def lift(connection: Connection, ids: Collection[int], by: str, reason: str, at: datetime, *, refusals: bool) -> None:
    """These rules forbid nothing any more; without `refusals` one that became a person's own meanwhile stays."""
    values = {"lifted_at": at, "lifted_by": by, "lift_reason": reason}
    for part in chunks(ids):
        these = SUPPRESSIONS.c.id.in_(part)
        which = these if refusals else these & SUPPRESSIONS.c.opt_out.is_(False)
        connection.execute(update(SUPPRESSIONS).where(which).values(**values))


def live_people(connection: Connection) -> Iterator[tuple[int, Prospect]]:
    """Every live enrollment with its person, as far as rules look at them; once for each of their addresses."""
    query = (
        select(ENROLLMENTS.c.id, PROSPECTS.c.id.label("person"), PROSPECTS.c.account_id, ADDRESSES.c.email)
        .join(PROSPECTS, PROSPECTS.c.id == ENROLLMENTS.c.prospect_id)
        .outerjoin(ADDRESSES, ADDRESSES.c.prospect_id == PROSPECTS.c.id)
        .where(ENROLLMENTS.c.status != "finished")
        .order_by(ENROLLMENTS.c.id)
    )
    for row in connection.execute(query):
        addresses = (Address(row.email),) if row.email else ()
        yield row.id, Prospect(row.person, addresses, account_id=row.account_id)


def accounts_at(connection: Connection, name: str) -> list[str]:
    """Accounts that have this id, web domain or name; letters' case is one."""
    columns = (ACCOUNTS.c.id, ACCOUNTS.c.domain, ACCOUNTS.c.name)
    same = or_(*(func.lower(column) == name.lower() for column in columns))
    return list(connection.scalars(select(ACCOUNTS.c.id).where(same).order_by(ACCOUNTS.c.id)))


def account_names(connection: Connection) -> list[str]:
    """Names and ids of accounts: what a typing error may have meant."""
    rows = connection.execute(select(ACCOUNTS.c.id, ACCOUNTS.c.name).limit(ACCOUNTS_COMPARED_MAX))
    return [word for row in rows for word in (row.name, row.id) if word]
