"""Whom a command means: people by address, by list, or by a condition over what is known of them.

enroll and import share it, so that "our own people" and "who fits" mean one thing. It changes nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from sequencer.config import Config
from sequencer.content.guess import guess
from sequencer.core.condition import Condition, ConditionError, holds, parse
from sequencer.core.expression_facts import NoTouches
from sequencer.core.facts import account_fields, prospect_fields
from sequencer.core.people import Fields, Prospect
from sequencer.errors import InputError
from sequencer.mail.address import normalise, plus_base
from sequencer.store import erasure, people, reads
from sequencer.store.rows import chunks

NAMED_MAX = 10
ALWAYS_KNOWN = {
    "prospect": frozenset({"email", "phone", "linkedin", "timezone", "country"}),
    "account": frozenset({"id", "name", "domain"}),
}


def own_address(config: Config, email: str) -> bool:
    """Whether the address is one of ours: a rep's, a mailbox's, or at one of the company's own domains."""
    return own_addresses(config)(email)


def own_addresses(config: Config) -> Callable[[str], bool]:
    """`own_address`, for whoever asks it of many."""
    ours = {rep.email for rep in config.reps} | set(config.mailboxes_by_address)
    domains = [own.lower() for own in config.company.own_domains]

    def is_ours(email: str) -> bool:
        if email in ours or plus_base(email) in ours:
            return True
        domain = email.rpartition("@")[2]
        return any(domain == own or domain.endswith(f".{own}") for own in domains)

    return is_ours


def known_fields(connection: Connection) -> Mapping[str, Collection[str]] | None:
    """What `prospect.x` and `account.x` can mean for the people who are in; None: nobody is in yet."""
    if people.is_empty(connection):
        return None
    persons, accounts = reads.field_names(connection)
    return {"prospect": persons | ALWAYS_KNOWN["prospect"], "account": accounts | ALWAYS_KNOWN["account"]}


def candidates(
    connection: Connection, *, emails: Collection[str] = (), list_name: str | None = None, where: str | None = None
) -> list[int]:
    """Ids of everybody who is meant, each once. Raises InputError, with the name that was probably meant."""
    found: list[int] = []
    if emails:
        found += _by_address(connection, emails)
    if list_name is not None:
        found += _by_list(connection, list_name)
    if where is not None:
        found += _by_condition(connection, where)
    return list(dict.fromkeys(found))


def _by_address(connection: Connection, emails: Collection[str]) -> list[int]:
    wanted = dict.fromkeys(map(normalise, emails))
    owners = people.owners(connection, wanted)
    for email, gone in erasure.erased(connection, [email for email in wanted if email not in owners]).items():
        raise InputError(f"whoever had {email} was erased on {gone:%d %b %Y} and cannot be enrolled")
    if missing := [email for email in wanted if email not in owners]:
        more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
        shown = ", ".join(missing[:NAMED_MAX]) + more
        raise InputError(f'nobody has the address {shown}: "sequencer import FILE.csv" brings people in')
    return [owners[email] for email in wanted]


def _by_list(connection: Connection, name: str) -> list[int]:
    members = people.list_members(connection, name)
    if not members:
        names = people.list_names(connection)
        known = f"there is {', '.join(list(names)[:NAMED_MAX])}" if names else "there is no list yet"
        hint = guess(name, names) or known
        raise InputError(f'nobody is on a list "{name}": {hint} ("sequencer import FILE.csv --list {name}" makes it)')
    return members


@dataclass(frozen=True, slots=True)
class _Known:
    """One person's fields, as an expression asks for them."""

    id: int
    prospect: Fields
    account: Fields


def _by_condition(connection: Connection, where: str) -> list[int]:
    condition = _parsed(where)
    everybody = people.everybody(connection)
    if not everybody:
        raise InputError('nobody is in the database yet: "sequencer import FILE.csv" brings people in')
    seen: Mapping[str, set[str]] = {owner: set(names) for owner, names in ALWAYS_KNOWN.items()}
    found = []
    for known in _everybody(connection, everybody):
        seen["prospect"].update(known.prospect)
        seen["account"].update(known.account)
        if holds(condition, NoTouches(known.prospect, known.account)):
            found.append(known.id)
    for name in sorted(condition.fields):
        owner, _, field = name.partition(".")
        if field not in seen[owner]:
            hint = guess(field, seen[owner]) or f"there is {', '.join(sorted(seen[owner]))}"
            raise InputError(f"--where: nobody has a field {name}: {hint}")
    if not found:
        raise InputError(f"--where {where}: this is true of none of {len(everybody)} people")
    return found


def _parsed(where: str) -> Condition:
    try:
        condition = parse(where)
    except ConditionError as error:
        raise InputError(f"--where: {error}") from None
    if asked := sorted(condition.steps | condition.polls):
        words = f"--where chooses people before their first touch, so nothing is known of {', '.join(asked)}"
        raise InputError(f"{words}: ask for prospect.x and account.x")
    return condition


def _everybody(connection: Connection, ids: Collection[int]) -> Iterator[_Known]:
    for part in chunks(ids):
        persons = people.load_prospects(connection, part)
        accounts = people.load_accounts(connection, {p.account_id for p in persons.values() if p.account_id})
        for person in persons.values():
            account = accounts.get(person.account_id or "")
            yield _Known(person.id, prospect_fields(person), account_fields(account))


def name_of(person: Prospect) -> str:
    """How a person is called on a line for a rep: the name and the address, or what there is of them."""
    parts = (str(person.fields[name]) for name in ("first_name", "last_name") if name in person.fields)
    name, address = " ".join(parts), person.address or next((a.email for a in person.addresses), f"person {person.id}")
    return f"{name} <{address}>" if name else address
