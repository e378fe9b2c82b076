"""What a person may name when they forbid contact: an address, a domain, an account, as rules and in words.

Apart from the verbs so that a command and each line of a file are read alike. It writes nothing.
"""

import re
from dataclasses import dataclass

from sqlalchemy import Connection

from sequencer.core.suppression import SuppressionKind
from sequencer.engine.verbs import did_you_mean
from sequencer.errors import InputError, NotFound
from sequencer.mail.address import AddressProblem, ascii_domain, check, is_free_mail, normalise, registrable_domain
from sequencer.store import suppression

__all__ = ["Target", "address_or_domain", "targets_of"]

_DOMAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_AROUND = re.compile(r"^(?:[a-z]+://)?(?:www\.)?|/.*$")


@dataclass(frozen=True, slots=True)
class Target:
    """What one rule is on; `value` as core/suppression.py keeps it."""

    kind: SuppressionKind
    value: str

    @property
    def words(self) -> str:
        return self.value if self.kind == "address" else f"{self.kind} {self.value}"


def targets_of(connection: Connection, text: str, *, free_mail: bool = False) -> tuple[Target, ...]:
    """The rules that `text` asks for: of a company's domain, its account too. Raises InputError, NotFound."""
    named = text.strip()
    if "@" in named or _domain(named):
        first = address_or_domain(named, free_mail=free_mail)
        accounts = suppression.accounts_at(connection, first.value) if first.kind == "domain" else []
        return (first, *(Target("account", each) for each in accounts))
    accounts = suppression.accounts_at(connection, named)
    if not accounts:
        hint = did_you_mean(named, suppression.account_names(connection))
        raise NotFound(f'"{named}" is no address, no domain, no account and no file{hint}')
    return tuple(Target("account", each) for each in accounts)


def address_or_domain(text: str, *, free_mail: bool = False) -> Target:
    """The rule that an address or a domain asks for. Raises InputError, with what is wrong."""
    named = text.strip().strip("<>").strip()
    if named.rpartition("@")[0]:
        checked = check(named)
        if isinstance(checked, AddressProblem):
            raise InputError(f'"{named}" is no mail address: {checked}')
        return Target("address", normalise(named))
    domain = _domain(named)
    if domain is None:
        raise InputError(f'"{named}" is neither an address nor a domain')
    if registrable_domain(f"x.{domain}") == f"x.{domain}":
        raise InputError(f"{domain} is nobody's domain: everybody below it would be stopped")
    if is_free_mail(domain) and not free_mail:
        raise InputError(
            f"{domain} is a free-mail domain: suppress the addresses, or say --free-mail to stop everybody there"
        )
    return Target("domain", domain)


def _domain(text: str) -> str | None:
    domain = ascii_domain(_AROUND.sub("", text.strip().lower().removeprefix("@")))
    return domain if _DOMAIN.fullmatch(domain) else None
