"""Whether a person may be contacted at all: rules that forbid contact, and the check every touch has to pass.

One place says what a rule covers, for the check and for the store that looks the rules up. It does not normalise
addresses, and it does not know how a rule came to be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sequencer.core.people import Channel

SuppressionKind = Literal["person", "address", "domain", "account"]


@dataclass(frozen=True, slots=True)
class Suppression:
    """A rule that forbids contact.

    `value`: the person's id in decimal, a normalised address, a lower-case domain (its sub-domains count too), or an
    account's id. `channel` None means every channel. `at` is aware UTC.
    """

    kind: SuppressionKind
    value: str
    channel: Channel | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether contact is allowed, and by which rule not."""

    allowed: bool
    by: Suppression | None = None


def may_contact(
    channel: Channel,
    *,
    person_id: int,
    address: str | None,
    account_id: str | None,
    suppressions: Iterable[Suppression],
) -> Verdict:
    """The verdict of all rules; the first one that forbids is named.

    `address` is the person's normalised address, also for a call: a rule on their domain covers every channel.
    """
    covering = rules_covering(person_id=person_id, address=address, account_id=account_id)
    for suppression in suppressions:
        if suppression.channel in (None, channel) and (suppression.kind, suppression.value) in covering:
            return Verdict(allowed=False, by=suppression)
    return Verdict(allowed=True)


def rules_covering(
    *, person_id: int, address: str | None, account_id: str | None
) -> frozenset[tuple[SuppressionKind, str]]:
    """The (kind, value) of every rule that covers this person: what a store has to look up.

    jo+news@mail.acme.test is covered by rules on itself, on jo@mail.acme.test (its address without the tag, RFC 5233)
    and on the domains mail.acme.test, acme.test and test.
    """
    rules: set[tuple[SuppressionKind, str]] = {("person", str(person_id))}
    if account_id is not None:
        rules.add(("account", account_id))
    if address is not None:
        local, _, domain = address.rpartition("@")
        tags = local.split("+")
        rules |= {("address", f"{'+'.join(tags[: kept + 1])}@{domain}") for kept in range(len(tags))}
        labels = domain.split(".")
        rules |= {("domain", ".".join(labels[dropped:])) for dropped in range(len(labels))}
    return frozenset(rules)
