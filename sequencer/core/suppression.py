"""Whether a person may be contacted at all: rules that forbid contact, and the check every touch has to pass.

One place says what a rule covers, for the check and for the store that looks the rules up. It does not normalise
addresses, and it does not know how a rule came to be.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sequencer.core.people import Channel, Prospect

SuppressionKind = Literal["person", "address", "domain", "account"]


@dataclass(frozen=True, slots=True)
class Suppression:
    """A rule that forbids contact.

    `value`: the person's id in decimal, a normalised address, a lower-case domain (its sub-domains count too), or an
    account's id. `channel` None means every channel. `at` is aware UTC. `opt_out`: an address whose owner refused.
    """

    kind: SuppressionKind
    value: str
    channel: Channel | None
    reason: str
    at: datetime
    opt_out: bool = False

    @property
    def refusal(self) -> bool:
        """Whether the person themself asked for it; else it is a rule of ours."""
        return self.opt_out or self.kind == "person"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether contact is allowed, and by which rule not."""

    allowed: bool
    by: Suppression | None = None


ALLOWED = Verdict(allowed=True)


def may_contact(channel: Channel, person: Prospect, suppressions: Collection[Suppression]) -> Verdict:
    """The verdict of all rules; the first one that forbids is named."""
    if not suppressions:
        return ALLOWED
    covering = rules_covering(person)
    for suppression in suppressions:
        if suppression.channel in (None, channel) and (suppression.kind, suppression.value) in covering:
            return Verdict(allowed=False, by=suppression)
    return ALLOWED


def rules_covering(person: Prospect) -> frozenset[tuple[SuppressionKind, str]]:
    """The (kind, value) of every rule that covers this person: what a store has to look up.

    A rule on any of their addresses covers them, on every channel, whichever address would be written to (decision
    009). jo+news@mail.acme.test is covered by rules on itself, on jo@mail.acme.test (its address without the tag, RFC
    5233) and on the domains mail.acme.test, acme.test and test.
    """
    rules: set[tuple[SuppressionKind, str]] = {("person", str(person.id))}
    if person.account_id is not None:
        rules.add(("account", person.account_id))
    for address in person.addresses:
        local, _, domain = address.email.rpartition("@")
        tags = local.split("+")
        rules |= {("address", f"{'+'.join(tags[: kept + 1])}@{domain}") for kept in range(len(tags))}
        labels = domain.split(".")
        rules |= {("domain", ".".join(labels[dropped:])) for dropped in range(len(labels))}
    return frozenset(rules)
