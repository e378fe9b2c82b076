"""Who we are, seen from an inbox: our addresses and domains, and which mailboxes are read through which inbox.

Nobody here is ever a prospect, whatever a mail says. Made from config; it asks no table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sequencer.config import Config
from sequencer.mail.address import normalise, plus_base
from sequencer.mail.compose import digest_in


@dataclass(frozen=True, slots=True)
class Ours:
    """`addresses`: of mailboxes and reps, normalised. `mailboxes`: by the name of the inbox that is read for them."""

    addresses: frozenset[str]
    domains: frozenset[str]
    mailboxes: Mapping[str, tuple[str, ...]]

    def wrote(self, address: str) -> bool:
        """Whether one of our reps writes from this address."""
        return normalise(address) in self.addresses or plus_base(address) in self.addresses

    def includes(self, address: str) -> bool:
        """Whether this is one of us: also anybody at a domain of ours, or below it."""
        labels = normalise(address).rpartition("@")[2].split(".")
        return self.wrote(address) or any(".".join(labels[at:]) in self.domains for at in range(len(labels)))

    def may_have_made(self, message_id: str) -> bool:
        """Whether a Message-ID has the shape of ours and is of a domain that we write from."""
        if digest_in(message_id) is None:
            return False
        domain = normalise(message_id).rpartition("@")[2]
        return any(address.rpartition("@")[2] == domain for address in self.addresses)


def ours_of(config: Config) -> Ours:
    """Who we are by config.toml."""
    mailboxes: dict[str, tuple[str, ...]] = {}
    for box in config.mailboxes:
        if name := config.inbox_of(box.address):
            mailboxes[name] = (*mailboxes.get(name, ()), box.address)
    addresses = [*(box.address for box in config.mailboxes), *(rep.email for rep in config.reps)]
    return Ours(
        frozenset(normalise(address) for address in addresses),
        frozenset(normalise(f"@{domain}").removeprefix("@") for domain in config.company.own_domains),
        mailboxes,
    )
