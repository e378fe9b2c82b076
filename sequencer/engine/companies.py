"""Which account each row of a people file belongs to, and what the file adds to what is known of it.

It is here because a company is met under several names, by several products, in several files, and must stay one: by
the id in the file, else as the account that has the company's web domain. It writes accounts and no people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from sequencer.content.people_csv import Row
from sequencer.core.people import Account, Prospect
from sequencer.store import people, roster

__all__ = ["Companies"]

NOTHING: frozenset[str] = frozenset()


class Companies:
    """The companies of one file. Of two rows that differ the first one is believed, so that a second import of the same
    file finds nothing to change."""

    def __init__(self, update: bool) -> None:
        self._update = update
        # What earlier transactions of this import have said of each account: names of its fields alone.
        self._told: dict[str, frozenset[str]] = {}
        self._names: dict[frozenset[str], frozenset[str]] = {}

    def placed(
        self, connection: Connection, rows: Sequence[tuple[Row, Prospect | None]]
    ) -> list[tuple[Row, Prospect | None]]:
        """The rows, each beside the person it means, with the id of an account that is there already."""
        by_domain = people.accounts_at(connection, {row.account_domain for row, _ in rows if row.account_domain})
        found = []
        for told, person in rows:
            row = told
            known = by_domain.setdefault(row.account_domain, [])
            if row.account_domain and not row.has_account_id:
                if person is not None and person.account_id in known:
                    row = replace(row, account_id=person.account_id)
                elif known and row.account_domain not in known:
                    row = replace(row, account_id=known[0])
            if row.account_id is not None and row.account_id not in known:
                known.append(row.account_id)
            found.append((row, person))
        return found

    def write(self, connection: Connection, rows: Sequence[Row]) -> set[str]:
        """Store what the rows say of their companies; returns the ids of known ones about which something changed."""
        said: dict[str, Account] = {}
        for row in rows:
            if row.account_id is not None:
                new = Account(row.account_id, row.account_name, row.account_domain, row.account_fields)
                said[new.id] = _filled(said[new.id], new) if new.id in said else new
        stored = people.load_accounts(connection, said)
        merged = [self._merged(account, stored.get(account.id)) for account in said.values()]
        changed = [account for account in merged if account != stored.get(account.id)]
        roster.put_accounts(connection, changed)
        return {account.id for account in changed if account.id in stored}

    def _merged(self, said: Account, stored: Account | None) -> Account:
        """The account as it is to be stored."""
        if not self._update:
            return _filled(stored, said) if stored else said
        told = self._told.get(said.id, NOTHING)
        names = told | _spoken(said)
        # Most accounts of a file have the same columns, so one set serves them all.
        self._told[said.id] = self._names.setdefault(names, names)
        if stored is None:
            return said
        earlier = Account(
            said.id,
            stored.name if "name" in told else "",
            stored.domain if "domain" in told else "",
            {name: value for name, value in stored.fields.items() if f".{name}" in told},
        )
        return _filled(_filled(earlier, said), stored)


def _spoken(account: Account) -> frozenset[str]:
    own: Mapping[str, str] = {"name": account.name, "domain": account.domain}
    return frozenset(name for name, text in own.items() if text) | {f".{name}" for name in account.fields}


def _filled(account: Account, other: Account) -> Account:
    """`account`, with what only `other` knows."""
    return Account(
        account.id, account.name or other.name, account.domain or other.domain, {**other.fields, **account.fields}
    )
