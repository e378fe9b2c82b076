"""People, accounts, addresses, lists and suppressions as rows, and back as the core's values."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, literal_column, select, update

from sequencer.core.people import Account, Address, Channel, Prospect
from sequencer.core.suppression import Suppression, rules_covering
from sequencer.store.rows import IDS_PER_QUERY_MAX, chunks, upsert
from sequencer.store.scopes import raise_scope
from sequencer.store.tables import ACCOUNTS, ADDRESSES, LIST_MEMBERS, PROSPECTS, SENDS, SUPPRESSIONS


def put_account(connection: Connection, account: Account) -> None:
    """Add the account, or fill in what is new about it."""
    found = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.id == account.id)).first()
    if found is None:
        values = {"id": account.id, "name": account.name, "domain": account.domain, "fields": dict(account.fields)}
        connection.execute(insert(ACCOUNTS).values(**values))
        return
    merged = {
        "name": account.name or found.name,
        "domain": account.domain or found.domain,
        "fields": {**found.fields, **account.fields},
    }
    if merged != {"name": found.name, "domain": found.domain, "fields": found.fields}:
        connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account.id).values(**merged))


def add_prospect(connection: Connection, prospect: Prospect, now: datetime) -> int:
    """Add a person with their addresses; `prospect.id` is ignored. Returns the new id."""
    values = {**_columns(prospect), "seq": 0, "created_at": now}
    key = connection.execute(insert(PROSPECTS).values(**values)).inserted_primary_key
    assert key is not None
    put_addresses(connection, int(key[0]), [address.email for address in prospect.addresses])
    return int(key[0])


def update_prospect(connection: Connection, prospect: Prospect) -> None:
    """Write the person's columns; addresses are put_addresses' business."""
    connection.execute(update(PROSPECTS).where(PROSPECTS.c.id == prospect.id).values(**_columns(prospect)))


def _columns(prospect: Prospect) -> dict[str, Any]:
    return {
        "account_id": prospect.account_id,
        "timezone": prospect.timezone,
        "zone_source": prospect.zone_source,
        "country": prospect.country,
        "phone": prospect.phone,
        "linkedin": prospect.linkedin,
        "fields": dict(prospect.fields),
    }


def put_addresses(connection: Connection, prospect_id: int, emails: Iterable[str]) -> None:
    """Make `emails` the person's first addresses, in this order; others they have stay behind them."""
    wanted = list(dict.fromkeys(emails))
    query = select(ADDRESSES.c.email).where(ADDRESSES.c.prospect_id == prospect_id).order_by(ADDRESSES.c.position)
    known = list(connection.scalars(query))
    for position, email in enumerate([*wanted, *(email for email in known if email not in wanted)]):
        row = {"email": email, "prospect_id": prospect_id, "position": position, "valid": True}
        statement = upsert(connection, ADDRESSES).values(**row)
        connection.execute(statement.on_conflict_do_update(index_elements=["email"], set_={"position": position}))


_OWNERS = select(ADDRESSES.c.email, ADDRESSES.c.prospect_id).where(
    ADDRESSES.c.email.in_(bindparam("emails", expanding=True))
)


def owners(connection: Connection, emails: Collection[str]) -> Mapping[str, int]:
    """Which of these normalised addresses belong to whom."""
    found: dict[str, int] = {}
    for part in chunks(emails):
        found.update((row.email, row.prospect_id) for row in connection.execute(_OWNERS, {"emails": part}))
    return found


def invalidate_address(connection: Connection, email: str, code: str) -> None:
    """The address does not work: nothing is written to it again until a person says otherwise."""
    connection.execute(update(ADDRESSES).where(ADDRESSES.c.email == email).values(valid=False, invalid_code=code))


def validate_address(connection: Connection, email: str) -> None:
    """What said that the address does not work was misread."""
    connection.execute(update(ADDRESSES).where(ADDRESSES.c.email == email).values(valid=True, invalid_code=None))


def revalidate_addresses(connection: Connection, prospect_id: int) -> None:
    """A named person says that the addresses work after all."""
    changed = update(ADDRESSES).where(ADDRESSES.c.prospect_id == prospect_id).values(valid=True, invalid_code=None)
    connection.execute(changed)


_OF_A_PERSON = ("account_id", "timezone", "zone_source", "country", "phone", "linkedin")
_PROSPECTS_OF = (
    select(
        PROSPECTS.c.id, ADDRESSES.c.email, ADDRESSES.c.valid, PROSPECTS.c.fields,
        *(PROSPECTS.c[name] for name in _OF_A_PERSON),
    )
    .outerjoin(ADDRESSES, ADDRESSES.c.prospect_id == PROSPECTS.c.id)
    .where(PROSPECTS.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(PROSPECTS.c.id, ADDRESSES.c.position)
)  # fmt: skip
IS_SOMEBODY = PROSPECTS.c.merged_into.is_(None) & PROSPECTS.c.erased_at.is_(None)
_STANDS = SUPPRESSIONS.c.lifted_at.is_(None)
_ANY_SUPPRESSION = select(SUPPRESSIONS.c.id).where(_STANDS).limit(1)
_RULES_ON = select(SUPPRESSIONS).where(SUPPRESSIONS.c.value.in_(bindparam("values", expanding=True)), _STANDS)


def load_prospects(connection: Connection, ids: Collection[int]) -> dict[int, Prospect]:
    """People by id; an id that is not there is left out."""
    people: dict[int, Prospect] = {}
    for part in chunks(ids):
        rows = connection.execute(_PROSPECTS_OF, {"ids": part})
        for person, same in groupby(rows, key=itemgetter(0)):
            first, *others = same
            addresses = tuple(Address(row.email, row.valid) for row in (first, *others) if row.email is not None)
            people[person] = Prospect(person, addresses, *first[3:])
    return people


_ACCOUNTS_OF = select(ACCOUNTS).where(ACCOUNTS.c.id.in_(bindparam("ids", expanding=True)))


def load_accounts(connection: Connection, ids: Collection[str]) -> dict[str, Account]:
    accounts = {}
    for part in chunks(ids):
        for row in connection.execute(_ACCOUNTS_OF, {"ids": part}):
            accounts[row.id] = Account(row.id, row.name, row.domain, row.fields)
    return accounts


def accounts_at(connection: Connection, domains: Collection[str]) -> dict[str, list[str]]:
    """The ids of the accounts that have each of these web domains, in order; a domain without one is left out."""
    ordered, found = list(domains), dict[str, list[str]]()
    for at in range(0, len(ordered), IDS_PER_QUERY_MAX):
        query = select(ACCOUNTS.c.domain, ACCOUNTS.c.id).where(
            ACCOUNTS.c.domain.in_(ordered[at : at + IDS_PER_QUERY_MAX])
        )
        for row in connection.execute(query.order_by(ACCOUNTS.c.id)):
            found.setdefault(row.domain, []).append(row.id)
    return found


def colleagues(connection: Connection, account_id: str) -> list[int]:
    """Everybody at the account."""
    return list(connection.scalars(select(PROSPECTS.c.id).where(PROSPECTS.c.account_id == account_id)))


def everybody(connection: Connection) -> list[int]:
    return list(connection.scalars(select(PROSPECTS.c.id).where(IS_SOMEBODY).order_by(PROSPECTS.c.id)))


def is_empty(connection: Connection) -> bool:
    """Whether nobody was ever imported."""
    return connection.execute(select(PROSPECTS.c.id).limit(1)).first() is None


_RAISE = update(PROSPECTS).where(PROSPECTS.c.id.in_(bindparam("ids", expanding=True))).values(seq=PROSPECTS.c.seq + 1)


def raise_seq(connection: Connection, prospect_ids: Collection[int]) -> None:
    """Tell every fence that something was recorded about these people."""
    for part in chunks(set(prospect_ids)):
        connection.execute(_RAISE, {"ids": part})


def add_to_list(connection: Connection, name: str, prospect_ids: Iterable[int]) -> None:
    rows = [{"name": name, "prospect_id": person} for person in prospect_ids]
    if rows:
        connection.execute(upsert(connection, LIST_MEMBERS).on_conflict_do_nothing(), rows)


def list_members(connection: Connection, name: str) -> list[int]:
    query = select(LIST_MEMBERS.c.prospect_id).where(LIST_MEMBERS.c.name == name)
    return list(connection.scalars(query.order_by(LIST_MEMBERS.c.prospect_id)))


def lists_of(connection: Connection, prospect_id: int) -> list[str]:
    """The lists that a person is on."""
    query = select(LIST_MEMBERS.c.name).where(LIST_MEMBERS.c.prospect_id == prospect_id)
    return list(connection.scalars(query.order_by(LIST_MEMBERS.c.name)))


def list_names(connection: Connection) -> dict[str, int]:
    """Every list with its size."""
    query = select(LIST_MEMBERS.c.name, func.count()).group_by(LIST_MEMBERS.c.name).order_by(LIST_MEMBERS.c.name)
    return {row[0]: row[1] for row in connection.execute(query)}


def suppress(connection: Connection, rule: Suppression, by: str) -> None:
    """Forbid contact, and tell every fence that may be about to let such a mail go.

    Twice changes nothing; a rule that was lifted stands again, and a person's own refusal replaces a rule of ours.
    """
    _put_rules(connection, [rule], by)
    _tell_fences(connection, rule)


def suppress_all(connection: Connection, rules: Sequence[Suppression], by: str) -> None:
    """The same for many: every fence is told at once, which costs a mail under way no more than a second look."""
    if len(rules) == 1:
        suppress(connection, rules[0], by)
    elif rules:
        _put_rules(connection, rules, by)
        raise_scope(connection, "all")


def _put_rules(connection: Connection, rules: Sequence[Suppression], by: str) -> None:
    rows = [
        {
            "kind": rule.kind, "value": rule.value, "channel": rule.channel or "", "reason": rule.reason,
            "by": by, "at": rule.at, "opt_out": rule.refusal,
        }
        for rule in rules
    ]  # fmt: skip
    statement = upsert(connection, SUPPRESSIONS)
    told = {name: statement.excluded[name] for name in ("reason", "by", "at", "opt_out")}
    weaker = ~_STANDS | (statement.excluded.opt_out & ~SUPPRESSIONS.c.opt_out)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["kind", "value", "channel"],
            set_={**told, "lifted_at": None, "lifted_by": None, "lift_reason": None},
            where=weaker,
        ),
        rows,
    )


def _tell_fences(connection: Connection, rule: Suppression) -> None:
    """A mail may have been decided on just before; its fence must see that the rule is newer."""
    match rule.kind:
        case "person":
            theirs = select(ADDRESSES.c.email).where(ADDRESSES.c.prospect_id == int(rule.value))
            raise_seq(connection, [int(rule.value), *_waiting_for(connection, SENDS.c.address.in_(theirs))])
        case "address":
            owned = select(ADDRESSES.c.prospect_id).where(_is_covered(ADDRESSES.c.email, rule.value))
            waiting = _waiting_for(connection, _is_covered(SENDS.c.address, rule.value))
            raise_seq(connection, [*connection.scalars(owned), *waiting])
        case "domain" | "account":
            raise_scope(connection, "all")


def _is_covered(email: ColumnElement[str], value: str) -> ColumnElement[bool]:
    local, _, domain = value.rpartition("@")
    tagged = email.startswith(f"{local}+", autoescape=True) & email.endswith(f"@{domain}", autoescape=True)
    return (email == value) | tagged


def _waiting_for(connection: Connection, goes_there: ColumnElement[bool]) -> Iterable[int]:
    """Who has a mail queued to such an address: a rep's answer goes where its person wants it."""
    queued = SENDS.c.state == literal_column("'queued'")  # so written, SQLite finds it by the index of what is queued
    return connection.scalars(select(SENDS.c.prospect_id).where(queued, goes_there))


def suppressions_at(connection: Connection, address: str) -> tuple[Suppression, ...]:
    """The rules that cover whoever has this normalised address, known or not."""
    owner = owners(connection, [address]).get(address)
    person = load_prospects(connection, [owner])[owner] if owner is not None else Prospect(0, (Address(address),))
    return suppressions_of(connection, [person]).get(person.id, ())


def suppressions_of(connection: Connection, people: Iterable[Prospect]) -> dict[int, tuple[Suppression, ...]]:
    """The rules that cover each person, by any of their addresses."""
    if connection.execute(_ANY_SUPPRESSION).first() is None:
        return {}
    wanted: dict[tuple[str, str], set[int]] = {}
    for person in people:
        for rule in rules_covering(person):
            wanted.setdefault(rule, set()).add(person.id)
    found: dict[int, list[Suppression]] = {}
    for part in chunks(sorted({value for _, value in wanted})):
        for row in connection.execute(_RULES_ON, {"values": part}):
            channel: Channel | None = row.channel or None
            for person_id in wanted.get((row.kind, row.value), ()):
                suppression = Suppression(row.kind, row.value, channel, row.reason, row.at, row.opt_out)
                found.setdefault(person_id, []).append(suppression)
    return {person: tuple(rules) for person, rules in found.items()}
