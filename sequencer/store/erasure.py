"""Somebody is erased: what says who they were leaves every table, and a keyed hash of each address stays.

Their row, their events and their sends keep ids, codes and numbers, so that logs fold, caps count and reports add up.
The hash keeps an import from bringing them back. Its key stands beside it, because a hash has to be found again after
a move to another installation: it hides an address from a reader, not from one who tries addresses out.
"""

import hmac
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, delete, func, select, update

from sequencer.core.people import Prospect
from sequencer.mail.address import plus_base, registrable_domain
from sequencer.store.people import raise_seq, update_prospect
from sequencer.store.rows import chunks, upsert
from sequencer.store.tables import (
    ACCOUNTS,
    ADDRESSES,
    DRAFTS,
    ENROLLMENTS,
    ERASED,
    INBOUND,
    LIST_MEMBERS,
    NOTES,
    PROSPECTS,
    SCOPES,
    SENDS,
    SUPPRESSIONS,
    USAGE,
)

__all__ = ["Traces", "erased", "forget", "is_anybody_erased", "is_one_erased", "lonely_accounts", "traces"]

REASON = "erased"
_ANY = select(ERASED.c.hash).limit(1)


@dataclass(frozen=True, slots=True)
class Traces:
    """What is stored of a person, in numbers."""

    sent: int
    received: int
    notes: int


def erased(connection: Connection, emails: Collection[str]) -> dict[str, datetime]:
    """Which of these addresses belonged to somebody who was erased, and since when; a `+tag` makes no difference."""
    if not is_anybody_erased(connection):
        return {}
    salts = list(connection.scalars(select(ERASED.c.salt).distinct()))
    by_hash = {_hash(salt, email): email for salt in salts for email in emails}
    found: dict[str, datetime] = {}
    for part in chunks(by_hash):
        for row in connection.execute(select(ERASED.c.hash, ERASED.c.at).where(ERASED.c.hash.in_(part))):
            base = plus_base(by_hash[row.hash])
            found |= {email: row.at for email in emails if plus_base(email) == base}
    return found


def is_anybody_erased(connection: Connection) -> bool:
    return connection.execute(_ANY).first() is not None


def is_one_erased(connection: Connection, prospect_ids: Collection[int]) -> bool:
    """Whether one of these rows is of somebody who was erased."""
    gone = select(PROSPECTS.c.id).where(PROSPECTS.c.id.in_(list(prospect_ids)), PROSPECTS.c.erased_at.is_not(None))
    return connection.execute(gone.limit(1)).first() is not None


def traces(connection: Connection, prospect_id: int) -> Traces:
    """How much there is of a person."""

    def count(*conditions: object) -> int:
        return connection.scalars(select(func.count()).where(*conditions)).one()  # type: ignore[arg-type]

    left = SENDS.c.sending_at.is_not(None)
    return Traces(
        count(SENDS.c.prospect_id == prospect_id, left),
        count(INBOUND.c.prospect_id == prospect_id),
        count(NOTES.c.prospect_id == prospect_id),
    )


def lonely_accounts(connection: Connection, person: Prospect) -> tuple[str, ...]:
    """The accounts of this person at which nobody else is: they tell who it was, and go as well.

    Also one that a merge left behind: the person had an address there, or was written to under it.
    """
    domains = {registrable_domain(address.email) for address in person.addresses}
    written = select(SENDS.c.account_id).where(SENDS.c.prospect_id == person.id)
    theirs = ACCOUNTS.c.domain.in_(domains) | ACCOUNTS.c.id.in_(written) | (ACCOUNTS.c.id == (person.account_id or ""))
    others = (PROSPECTS.c.account_id == ACCOUNTS.c.id) & (PROSPECTS.c.id != person.id)
    query = select(ACCOUNTS.c.id).where(theirs, ~select(PROSPECTS.c.id).where(others).exists())
    return tuple(connection.scalars(query.order_by(ACCOUNTS.c.id)))


def forget(connection: Connection, key: bytes, person: Prospect, now: datetime) -> None:
    """Delete what says who `person` was; `key` is the installation's. Their mails must be settled or called back."""
    emails = [address.email for address in person.addresses]
    _put_hashes(connection, key, emails, now)
    accounts = lonely_accounts(connection, person)
    _forget_mail(connection, person.id, emails)
    _forget_rows(connection, person.id, emails)
    raise_seq(connection, [person.id])
    update_prospect(connection, Prospect(person.id))
    rows = (PROSPECTS.c.id == person.id) | (PROSPECTS.c.merged_into == person.id)
    connection.execute(update(PROSPECTS).where(rows).values(erased_at=now))
    for account in accounts:
        _forget_account(connection, account)
    _forget_domains(connection, emails)


def _put_hashes(connection: Connection, key: bytes, emails: Iterable[str], now: datetime) -> None:
    salt = hmac.new(key, b"erased", sha256).hexdigest()
    rows = [{"hash": _hash(salt, email), "salt": salt, "at": now} for email in emails]
    if rows:
        connection.execute(upsert(connection, ERASED).on_conflict_do_nothing(), rows)


def _hash(salt: str, email: str) -> str:
    return hmac.new(salt.encode(), plus_base(email).encode(), sha256).hexdigest()


def _forget_mail(connection: Connection, prospect_id: int, emails: Collection[str]) -> None:
    """Of a mail stays when it was, its step, its code; of one that arrived the hash by which it is known again."""
    bare = {"address": "", "domain": None, "subject": "", "raw": None, "reply": ""}
    connection.execute(update(SENDS).where(SENDS.c.prospect_id == prospect_id).values(**bare))
    ids = list(connection.scalars(select(INBOUND.c.id).where(INBOUND.c.prospect_id == prospect_id)))
    ids += _unassigned(connection, emails)
    nothing = {
        "raw": None, "judgement": "", "state": "projected", "reason": REASON, "answer": None, "prospect_id": None,
    }  # fmt: skip
    for part in chunks(ids):
        connection.execute(update(INBOUND).where(INBOUND.c.id.in_(part)).values(**nothing))


def _unassigned(connection: Connection, emails: Collection[str]) -> list[int]:
    """Mail that nobody owns yet, because it is parked or just came, and that names one of the addresses."""
    wanted = [email.encode() for email in emails]
    query = select(INBOUND.c.id, INBOUND.c.raw).where(INBOUND.c.prospect_id.is_(None), INBOUND.c.raw.is_not(None))
    return [
        row.id
        for row in connection.execute(query)
        if (raw := zlib.decompress(row.raw).lower()) and any(email in raw for email in wanted)
    ]


def _forget_rows(connection: Connection, prospect_id: int, emails: Collection[str]) -> None:
    theirs = select(ENROLLMENTS.c.id).where(ENROLLMENTS.c.prospect_id == prospect_id)
    connection.execute(delete(DRAFTS).where(DRAFTS.c.enrollment_id.in_(theirs)))
    for table in (NOTES, LIST_MEMBERS, ADDRESSES):
        connection.execute(delete(table).where(table.c.prospect_id == prospect_id))
    rules = (SUPPRESSIONS.c.kind == "person") & (SUPPRESSIONS.c.value == str(prospect_id))
    rules |= (SUPPRESSIONS.c.kind == "address") & SUPPRESSIONS.c.value.in_([*emails, *map(plus_base, emails)])
    connection.execute(delete(SUPPRESSIONS).where(rules))


def _forget_account(connection: Connection, account_id: str) -> None:
    connection.execute(update(SENDS).where(SENDS.c.account_id == account_id).values(account_id=None))
    connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.id == account_id))
    connection.execute(delete(SCOPES).where(SCOPES.c.kind == "account", SCOPES.c.key == account_id))
    connection.execute(delete(USAGE).where(USAGE.c.kind == "account", USAGE.c.key == account_id))


def _forget_domains(connection: Connection, emails: Iterable[str]) -> None:
    """Counts of mails to a domain at which nobody is known any more."""
    for domain in {registrable_domain(email) for email in emails}:
        there = ADDRESSES.c.email.endswith(f"@{domain}", autoescape=True)
        there |= ADDRESSES.c.email.endswith(f".{domain}", autoescape=True)
        if connection.execute(select(ADDRESSES.c.email).where(there).limit(1)).first() is None:
            connection.execute(delete(USAGE).where(USAGE.c.kind == "domain", USAGE.c.key == domain))
