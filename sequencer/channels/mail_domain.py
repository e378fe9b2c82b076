"""Asks the DNS whether a domain takes mail at all, so that an import can refuse addresses that are sure to bounce.

It is here because a bounce costs the mailbox's name and a lookup costs nothing. Only a definite no counts: a name
server that does not answer says nothing about the domain. It connects to no mail server.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import dns.exception
import dns.resolver
from dns.rdtypes.ANY.MX import MX

__all__ = ["MailDomains", "system_resolver"]

LOOKUPS_AT_ONCE = 16
ANSWER_S_MAX = 3.0
LOOKUP_S_MAX = 5.0
# So many lookups in a row without an answer: the name server is gone, and a long list would wait for hours.
UNANSWERED_MAX = 32
NO_SUCH_DOMAIN = "the domain does not exist"
NO_SERVER = "the domain has no mail server"
NO_MAIL = "the domain takes no mail"


def system_resolver() -> dns.resolver.Resolver:
    """The system's name servers, with our patience. Raises dns.resolver.NoResolverConfiguration."""
    resolver = dns.resolver.Resolver()
    resolver.timeout, resolver.lifetime = ANSWER_S_MAX, LOOKUP_S_MAX
    return resolver


class MailDomains:
    """Remembers what it was told; each domain is asked about once. `unanswered`: domains of which nothing is known."""

    def __init__(self, resolver: dns.resolver.Resolver) -> None:
        self._resolver = resolver
        self._known: dict[str, str] = {}
        self._in_a_row = 0
        self._lock = Lock()
        self.unanswered = 0

    def __call__(self, domains: Collection[str]) -> Mapping[str, str]:
        """Of these domains, those that take no mail, with the reason as a sentence."""
        new = [domain for domain in domains if domain not in self._known]
        with ThreadPoolExecutor(LOOKUPS_AT_ONCE) as pool:
            self._known.update(zip(new, pool.map(self._ask, new), strict=True))
        return {domain: reason for domain in domains if (reason := self._known[domain])}

    def _ask(self, domain: str) -> str:
        """Why the domain takes no mail; "" if it does, or nobody knows."""
        if self._in_a_row >= UNANSWERED_MAX:
            self._count(answered=False)
            return ""
        try:
            reason = self._reason(domain)
        except dns.exception.DNSException:
            self._count(answered=False)
            return ""
        self._count(answered=True)
        return reason

    def _reason(self, domain: str) -> str:
        """Source: RFC 5321 5.1 (without MX the address record counts), RFC 7505 (an MX of "." is a no)."""
        try:
            found = self._resolver.resolve(domain, "MX", search=False)
        except dns.resolver.NXDOMAIN:
            return NO_SUCH_DOMAIN
        except dns.resolver.NoAnswer:
            return "" if self._has_address(domain) else NO_SERVER
        servers = [record.exchange.to_text() for record in found if isinstance(record, MX)]
        return NO_MAIL if servers == ["."] else ""

    def _has_address(self, domain: str) -> bool:
        for kind in ("A", "AAAA"):
            try:
                self._resolver.resolve(domain, kind, search=False)
            except dns.resolver.NoAnswer:
                continue
            return True
        return False

    def _count(self, *, answered: bool) -> None:
        with self._lock:
            self._in_a_row = 0 if answered else self._in_a_row + 1
            self.unanswered += not answered
